//! The threads on which commands run.
//!
//! Owns: which there are, how long they stay, and that none of them holds up the end.
//! Must not: know what runs on them.

use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Handle, Runtime};

/// How long threads that wait for files stay when they have nothing to do. Files are looked at every few seconds, and what a thread that
/// ends has given back to the allocator stays behind.
const KEEP_THREADS: Duration = Duration::from_secs(3_600);

/// Runs a command on a runtime of its own.
pub(super) fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = start(&mut Builder::new_multi_thread())?;
    let ended = runtime.block_on(command);
    // What hangs in the system, such as a file on a mount that is gone, must not hold up the end.
    runtime.shutdown_background();
    ended
}

/// The thread that polls, apart from those that serve: an answer of Losant that takes long to read holds up no scrape. One reads thousands of
/// answers a second. What is kept of them then lies in the memory of one thread: in that of many it has more gaps, and they grow with the
/// cores of the machine.
///
/// Threads that wait for files on its behalf bear the same name.
pub(super) struct PollingThread {
    /// There until it is dropped: to end in the background takes it.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl PollingThread {
    /// Starts it. It ends when this is dropped, which nothing holds up.
    pub(super) fn start() -> anyhow::Result<Self> {
        let runtime = start(Builder::new_multi_thread().worker_threads(1).thread_name("polling"))?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// What starts tasks on it.
    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for PollingThread {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn start(builder: &mut Builder) -> anyhow::Result<Runtime> {
    builder.enable_all().thread_keep_alive(KEEP_THREADS).build().context("cannot start the runtime")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Runs this, and fails where it has not ended in a minute.
    fn ends(work: impl FnOnce() + Send + 'static) {
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || {
            work();
            let _ = ended.send(());
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn what_hangs_in_the_system_does_not_hold_up_the_end() {
        let (release, hang) = mpsc::channel::<()>();
        ends(move || {
            let outcome = block_on(async move {
                let (began, beginning) = tokio::sync::oneshot::channel();
                drop(tokio::task::spawn_blocking(move || {
                    let _ = began.send(());
                    let _ = hang.recv();
                }));
                Ok(beginning.await?)
            });
            outcome.unwrap();
        });
        drop(release);
    }

    #[test]
    fn neither_does_what_hangs_where_polling_is_done() {
        let (release, hang) = mpsc::channel::<()>();
        ends(move || {
            let polling = PollingThread::start().unwrap();
            let (began, beginning) = mpsc::channel();
            drop(polling.handle().spawn_blocking(move || {
                let _ = began.send(());
                let _ = hang.recv();
            }));
            beginning.recv().unwrap();
        });
        drop(release);
    }
}
