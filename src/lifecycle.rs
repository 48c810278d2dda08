//! How the process ends.
//!
//! Owns: the two stages of a shutdown and the long-lived tasks. The first signal asks everyone to finish
//! ([`Drain`]); the second one, or the end of a patience that is passed in, makes [`Tasks`] stop waiting. A task that
//! ends while nobody asked it to is noticed at once, because a daemon whose poller has died serves old numbers as if
//! nothing were wrong.
//! Must not: know what the tasks do, or end the process: the caller turns the outcome into an exit code.

mod signals;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};

pub use self::signals::{Hangups, SignalSender, Signals};
use crate::clock::Clock;

/// Tells whoever holds it that it is time to finish. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<bool>);

impl Drain {
    /// Waits until draining begins; returns at once when it has begun.
    pub async fn requested(mut self) {
        // Without a `Shutdown` nobody is left to wait for the tasks, so that means the same.
        let _ = self.0.wait_for(|draining| *draining).await;
    }

    /// Whether draining has begun.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

/// The process's shutdown, as far as it has come.
pub struct Shutdown {
    signals: Signals,
    clock: Clock,
    patience: Duration,
    drain: watch::Sender<bool>,
    before_drain: Vec<Box<dyn FnOnce() + Send>>,
}

impl Shutdown {
    /// A shutdown that `signals` start, and that waits no longer than `patience` for tasks to finish.
    pub fn new(signals: Signals, clock: Clock, patience: Duration) -> Self {
        Self { signals, clock, patience, drain: watch::Sender::new(false), before_drain: Vec::new() }
    }

    /// A handle for a task that has to finish in time.
    pub fn drain(&self) -> Drain {
        Drain(self.drain.subscribe())
    }

    /// Has `act` done before any task hears of the drain: the place to stop being ready.
    #[must_use]
    pub fn before_drain(mut self, act: impl FnOnce() + Send + 'static) -> Self {
        self.before_drain.push(Box::new(act));
        self
    }

    fn begin(&mut self) {
        self.before_drain.drain(..).for_each(|act| act());
        self.drain.send_replace(true);
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown")
            .field("patience", &self.patience)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}

/// How a shutdown that was asked for went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every task finished by itself.
    Drained,
    /// Some were still busy when patience ran out.
    TimedOut,
    /// A second signal came before all had finished.
    Aborted,
}

/// A long-lived task ended by itself although it had no reason to, or failed while draining.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} died: {reason}")]
pub struct TaskDied {
    /// The name under which the task was spawned.
    pub name: String,
    /// What it ended with.
    pub reason: String,
}

/// What a task may end with.
pub trait TaskEnd: Send + 'static {
    /// The error, if the task ended with one.
    fn failure(self) -> Option<String>;
}

impl TaskEnd for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display + Send + 'static> TaskEnd for Result<(), E> {
    fn failure(self) -> Option<String> {
        // The alternate form of an `anyhow::Error` tells the causes, too.
        self.err().map(|error| format!("{error:#}"))
    }
}

/// Long-lived tasks whose end is noticed. Dropping it stops them all.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<Option<String>>,
    names: HashMap<task::Id, String>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts `task`. `name` stands in logs and errors.
    pub fn spawn<T: TaskEnd>(
        &mut self,
        name: impl Into<String>,
        task: impl Future<Output = T> + Send + 'static,
    ) {
        self.spawn_on(&Handle::current(), name, task);
    }

    /// Starts `task` on another runtime. It counts like the others.
    pub fn spawn_on<T: TaskEnd>(
        &mut self,
        runtime: &Handle,
        name: impl Into<String>,
        task: impl Future<Output = T> + Send + 'static,
    ) {
        let task = self.running.spawn_on(async move { task.await.failure() }, runtime);
        self.names.insert(task.id(), name.into());
    }

    /// Lets the tasks run until a signal comes, then waits for them to finish.
    ///
    /// A task that ends before the signal, in whatever way, is returned as an error at once, and the others are
    /// stopped. One that fails while draining leaves the others their time and is returned as an error afterwards.
    pub async fn run_until(mut self, mut shutdown: Shutdown) -> Result<Ending, TaskDied> {
        let signal = tokio::select! {
            Some((name, failure)) = self.next_end() => {
                let reason = failure.unwrap_or_else(|| "it returned although nobody asked it to stop".to_owned());
                return Err(TaskDied { name, reason });
            }
            signal = shutdown.signals.next() => signal,
        };
        tracing::info!(signal, tasks = self.running.len(), "finishing what is under way");
        let deadline = shutdown.clock.uptime().saturating_add(shutdown.patience);
        shutdown.begin();
        let Shutdown { mut signals, clock, .. } = shutdown;
        let mut died = None;
        let ending = tokio::select! {
            biased;
            () = self.drained(&mut died) => Ending::Drained,
            signal = signals.next() => {
                tracing::warn!(signal, "stopping at once");
                Ending::Aborted
            }
            () = clock.sleep_until(deadline) => Ending::TimedOut,
        };
        if ending != Ending::Drained {
            tracing::warn!(tasks = self.still_running(), "these had not finished");
        }
        died.map_or(Ok(ending), Err)
    }

    /// Waits until no task is left, and keeps the first failure.
    async fn drained(&mut self, died: &mut Option<TaskDied>) {
        while let Some((name, failure)) = self.next_end().await {
            if let Some(reason) = failure {
                tracing::error!(task = name, error = reason, "failed while finishing");
                died.get_or_insert(TaskDied { name, reason });
            }
        }
    }

    /// The name of the next task that ends, and its error.
    async fn next_end(&mut self) -> Option<(String, Option<String>)> {
        let (id, failure) = match self.running.join_next_with_id().await? {
            Ok((id, failure)) => (id, failure),
            Err(error) => (error.id(), Some(describe(error))),
        };
        Some((self.names.remove(&id).unwrap_or_default(), failure))
    }

    fn still_running(&self) -> String {
        let mut names: Vec<_> = self.names.values().map(String::as_str).collect();
        names.sort_unstable();
        names.join(", ")
    }
}

fn describe(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was cancelled".to_owned() };
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
    message.map_or_else(|| "it panicked".to_owned(), |message| format!("it panicked: {message}"))
}

#[cfg(test)]
mod tests;
