//! The thread on which the status page is worked out.
//!
//! Owns: that there is one, from the first visit on, however many look at the same time. It stays: what a thread has given back to the
//! allocator is kept for it, and those that come and go with the visits leave behind pages that add up.
//! Must not: know what is worked out.

use std::sync::mpsc;
use std::{fmt, io, thread};

use tokio::sync::{Mutex, oneshot};

type Work = Box<dyn FnOnce() + Send>;

/// A thread that is started when it is needed first. Whoever has it do something waits for those who were there before.
#[derive(Default)]
pub(super) struct StatusThread(Mutex<Option<mpsc::Sender<Work>>>);

/// Nothing was worked out.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatusThreadError {
    /// There is no thread to do it on.
    #[error("cannot start the thread that works out the status page: {0}")]
    Start(#[from] io::Error),
    /// The thread has ended. The next one who comes starts another.
    #[error("the thread that works out the status page has panicked")]
    Panicked,
}

impl StatusThread {
    /// Works something out. What nobody waits for any more when its turn comes is left out.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StatusThreadError> {
        let mut orders = self.0.lock().await;
        let sender = match orders.take() {
            Some(sender) => sender,
            None => start()?,
        };
        let (reply, done) = oneshot::channel();
        let order = move || {
            if !reply.is_closed() {
                // Fails when whoever asked has gone.
                let _ = reply.send(work());
            }
        };
        // Fails where the thread has ended; then nothing comes of it.
        let _ = sender.send(Box::new(order));
        // Before it is waited for: one who goes meanwhile leaves the thread to the next.
        *orders = Some(sender);
        let result = done.await;
        if result.is_err() {
            *orders = None;
        }
        result.map_err(|_| StatusThreadError::Panicked)
    }
}

impl fmt::Debug for StatusThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatusThread")
    }
}

/// Starts a thread, which ends when nobody can give it anything to do any more.
fn start() -> io::Result<mpsc::Sender<Work>> {
    let (sender, orders) = mpsc::channel::<Work>();
    let work = move || orders.into_iter().for_each(|order| order());
    thread::Builder::new().name("status".to_owned()).spawn(work)?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_is_worked_out_on_the_same_thread() {
        let thread = StatusThread::default();
        let id = || thread::current().id();
        let first = thread.run(id).await.unwrap();
        assert_eq!(thread.run(id).await.unwrap(), first);
        assert_ne!(first, thread::current().id());
    }

    #[tokio::test]
    async fn a_panic_is_told_of_and_the_next_visit_has_another_thread() {
        let thread = StatusThread::default();
        let id = || thread::current().id();
        let first = thread.run(id).await.unwrap();
        let failed = thread.run(|| -> u8 { panic!("on purpose") }).await.unwrap_err();
        assert_eq!(failed.to_string(), "the thread that works out the status page has panicked");
        assert_ne!(thread.run(id).await.unwrap(), first);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_left_out_and_does_not_hold_up_the_next() {
        let thread = StatusThread::default();
        let (let_go, held) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let holding = thread.run(move || {
            begun.send(()).unwrap();
            held.recv().unwrap();
        });
        tokio::select! {
            biased;
            _ = holding => panic!("it is held"),
            begun = has_begun => begun.unwrap(),
        }
        // Whoever asked has gone, and so has the next one.
        let (done, was_done) = mpsc::channel();
        {
            let mut left_out = std::pin::pin!(thread.run(move || done.send(()).unwrap()));
            assert!(polled_once(left_out.as_mut()).is_none());
        }
        let_go.send(()).unwrap();
        assert_eq!(thread.run(|| 7).await.unwrap(), 7);
        assert_eq!(was_done.recv(), Err(mpsc::RecvError), "it was dropped without being done");
    }

    /// What a future has come to when it is polled once.
    fn polled_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
