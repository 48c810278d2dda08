//! The pollers that are at work.
//!
//! Owns: starting and stopping them one by one, and noticing when one dies.
//! Must not: know what they poll.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;

use tokio::sync::{oneshot, watch};
use tokio::task::{self, JoinError, JoinSet};

use crate::poll::{Poller, Progress};

/// A poller ended although nobody had asked it to: its numbers would grow old unseen.
#[derive(Debug, thiserror::Error)]
#[error("poller of account {account} {how}")]
pub(super) struct PollerDied {
    account: String,
    how: String,
}

/// Pollers by account.
#[derive(Debug, Default)]
pub(super) struct Crew {
    running: JoinSet<()>,
    names: HashMap<task::Id, String>,
    stops: BTreeMap<String, Stop>,
}

/// Asks a poller to stop, and hears of its end.
#[derive(Debug)]
struct Stop {
    /// Whose end it is: an account may have had another poller before, of whose end is heard later.
    task: task::Id,
    ask: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl Crew {
    /// Starts the poller of an account. `after` runs beside it, and ends by itself once `progress` is gone.
    pub(super) fn start(
        &mut self,
        account: &str,
        poller: Poller,
        progress: impl Fn(Progress) + Send + Sync + 'static,
        beside: impl Future<Output = ()> + Send + 'static,
    ) {
        self.employ(account, |stop| async move {
            tokio::join!(poller.run(progress, stop), beside);
        });
    }

    /// Starts `work` for an account. It is handed what ends when it is to stop.
    fn employ<W: Future<Output = ()> + Send + 'static>(
        &mut self,
        account: &str,
        work: impl FnOnce(Pin<Box<dyn Future<Output = ()> + Send>>) -> W,
    ) {
        let (ask, mut asked) = watch::channel(false);
        let (until_it_ends, ended) = oneshot::channel::<()>();
        // Fails when the crew is gone, which means the same.
        let work = work(Box::pin(async move { drop(asked.wait_for(|asked| *asked).await.map(|_| ())) }));
        let task = self.running.spawn(async move {
            let _until_it_ends = until_it_ends;
            work.await;
        });
        self.names.insert(task.id(), account.to_owned());
        self.stops.insert(account.to_owned(), Stop { task: task.id(), ask, ended });
    }

    /// Stops the poller of an account. When this returns, it does nothing any more.
    pub(super) async fn stop(&mut self, account: &str) {
        let Some(Stop { task: _, ask, ended }) = self.stops.remove(account) else { return };
        ask.send_replace(true);
        // Fails when the poller is gone, which is what is waited for.
        let _ = ended.await;
    }

    /// Waits until a poller dies. Ends of those that were stopped are taken note of. Never ends while there is none.
    pub(super) async fn died(&mut self) -> PollerDied {
        loop {
            let Some(ended) = self.running.join_next_with_id().await else {
                std::future::pending::<()>().await;
                continue;
            };
            if let Some(died) = self.note(ended) {
                return died;
            }
        }
    }

    /// Stops all, and waits for them.
    pub(super) async fn stop_all(mut self) -> Result<(), PollerDied> {
        for Stop { ask, .. } in std::mem::take(&mut self.stops).into_values() {
            ask.send_replace(true);
        }
        let mut died = Ok(());
        while let Some(ended) = self.running.join_next_with_id().await {
            if let Some(panicked) = self.note(ended) {
                died = Err(panicked);
            }
        }
        died
    }

    fn note(&mut self, ended: Result<(task::Id, ()), JoinError>) -> Option<PollerDied> {
        let (id, panicked) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error.to_string())),
        };
        let account = self.names.remove(&id).unwrap_or_default();
        let how = match panicked {
            Some(how) => format!("died: {how}"),
            None if self.stops.get(&account).is_some_and(|stop| stop.task == id) => {
                "returned although nobody asked it to stop".to_owned()
            }
            None => return None,
        };
        Some(PollerDied { account, how })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The death that is told of now, if any.
    async fn told(crew: &mut Crew) -> Option<String> {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        tokio::select! {
            biased;
            died = crew.died() => Some(died.to_string()),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn whoever_was_stopped_is_not_taken_for_dead_when_another_has_begun_under_the_same_name() {
        let mut crew = Crew::default();
        crew.employ("acme", |stop| stop);
        crew.stop("acme").await;
        crew.employ("acme", |stop| stop);
        assert_eq!(told(&mut crew).await, None);
        crew.stop("acme").await;
        assert_eq!(told(&mut crew).await, None);
        assert!(crew.stop_all().await.is_ok());
    }

    #[tokio::test]
    async fn whoever_ends_without_having_been_asked_to_is_dead() {
        let mut crew = Crew::default();
        crew.employ("acme", |stop| stop);
        crew.stop("acme").await;
        crew.employ("acme", |_| async {});
        let words = "poller of account acme returned although nobody asked it to stop";
        assert_eq!(told(&mut crew).await.as_deref(), Some(words));
    }
}
