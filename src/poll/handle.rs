//! Asking things of a poller that is running.

use tokio::sync::{mpsc, oneshot};

use super::cycle::CycleReport;
use super::reconfigure::Reconfiguration;
use super::report::{Inquiry, PollerReport};

/// Asks a running [`Poller`](super::Poller) for things.
#[derive(Clone, Debug)]
pub struct PollerHandle {
    pub(super) commands: mpsc::Sender<Command>,
}

#[derive(Debug)]
pub(super) enum Command {
    PollNow(oneshot::Sender<CycleReport>),
    Idle(oneshot::Sender<()>),
    Reconfigure(Box<Reconfiguration>, oneshot::Sender<()>),
    ClaimAgain,
    Report(Vec<Inquiry>, oneshot::Sender<PollerReport>),
}

impl PollerHandle {
    /// Polls everything once, discovery first, and says how it went. `None` when the poller has stopped.
    pub async fn poll_now(&self) -> Option<CycleReport> {
        let (reply, report) = oneshot::channel();
        self.commands.send(Command::PollNow(reply)).await.ok()?;
        report.await.ok()
    }

    /// Asks about some scopes. `None` when the poller has stopped.
    pub async fn report(&self, inquiries: Vec<Inquiry>) -> Option<PollerReport> {
        let (reply, report) = oneshot::channel();
        self.commands.send(Command::Report(inquiries, reply)).await.ok()?;
        report.await.ok()
    }

    /// Waits until no poll is due or under way.
    pub async fn idle(&self) {
        let (reply, idle) = oneshot::channel();
        if self.commands.send(Command::Idle(reply)).await.is_ok() {
            let _ = idle.await;
        }
    }

    /// Has the poller go on with other settings. When this returns, nothing that was asked by those before comes in any more.
    pub async fn reconfigure(&self, to: Reconfiguration) {
        let (reply, done) = oneshot::channel();
        // Fails where the poller has stopped, which is noticed elsewhere.
        if self.commands.send(Command::Reconfigure(Box::new(to), reply)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Has the poller take over instances of its own that other accounts have given up.
    pub async fn claim_again(&self) {
        let _ = self.commands.send(Command::ClaimAgain).await;
    }
}
