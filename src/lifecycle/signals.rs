//! Where the wish to stop comes from, and the wish to read the configuration anew.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that ask a process to stop, or their stand-in.
#[derive(Debug)]
pub struct Signals(Source);

#[derive(Debug)]
enum Source {
    Process { terminate: Signal, interrupt: Signal },
    Manual(mpsc::UnboundedReceiver<&'static str>),
}

impl Signals {
    /// SIGTERM and SIGINT. From now on, neither ends the process by itself.
    pub fn of_process() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self(Source::Process { terminate, interrupt }))
    }

    /// Signals that come when the [`SignalSender`] says so.
    pub fn manual() -> (SignalSender, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (SignalSender(sender), Self(Source::Manual(receiver)))
    }

    /// Waits for the next signal and says its name.
    pub async fn next(&mut self) -> &'static str {
        let next = match &mut self.0 {
            Source::Process { terminate, interrupt } => tokio::select! {
                signal = terminate.recv() => signal.map(|()| "SIGTERM"),
                signal = interrupt.recv() => signal.map(|()| "SIGINT"),
            },
            Source::Manual(receiver) => receiver.recv().await,
        };
        match next {
            Some(name) => name,
            // Nobody is left who could send one.
            None => std::future::pending().await,
        }
    }
}

/// SIGHUP, by which an operator has a daemon read its configuration anew.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// From now on, SIGHUP does not end the process by itself.
    pub fn of_process() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // There will be no more.
            std::future::pending::<()>().await;
        }
    }
}

/// Sends manual [`Signals`].
#[derive(Clone, Debug)]
pub struct SignalSender(mpsc::UnboundedSender<&'static str>);

impl SignalSender {
    /// Sends one. `name` stands in the log.
    pub fn send(&self, name: &'static str) {
        // When nobody listens any more, the process is ending already.
        let _ = self.0.send(name);
    }
}
