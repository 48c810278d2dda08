//! Taking over a changed configuration while the process runs.
//!
//! Owns: when the configuration is read anew (somebody says so, or its file has changed), that it is checked whole before
//! anything changes, and what is said of it afterwards.
//! Must not: know what the settings do; see `engine`.

mod file_watch;
mod orders;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use self::file_watch::FileWatch;
use super::Settings;
use super::config_series::ConfigSeries;
use super::crew::PollerDied;
use super::engine::{Draft, Drafting, Engine};
use crate::config::{Fingerprint, needs_restart};
use crate::lifecycle::Drain;
use crate::logging::LogControl;

pub(super) use self::orders::HttpOrders;

/// Who asks for a reload, at most.
const WAITING: usize = 16;

/// Reads the configuration as it was read at the start.
pub type ReadSettings = dyn Fn() -> Result<Settings, String> + Send + Sync;

/// Where changed settings come from.
#[derive(Clone)]
pub struct Source {
    /// Reads and checks everything; an error says in one line what is wrong, with file and key.
    pub read: Arc<ReadSettings>,
    /// The file whose changes are noticed, if there is one.
    pub file: Option<PathBuf>,
    /// What stands for what the file held when the settings in force were read from it.
    pub held: Option<Fingerprint>,
    /// The log, whose level and format are settings.
    pub log: Option<LogControl>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("file", &self.file).finish_non_exhaustive()
    }
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Keys whose values have come into force.
    pub changed: Vec<String>,
    /// Keys whose values will not before a restart.
    pub needs_restart: Vec<String>,
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changed.is_empty() {
            writeln!(f, "The configuration is valid; nothing has changed that is in force.")?;
        } else {
            writeln!(f, "In force now: {}", self.changed.join(", "))?;
        }
        if self.needs_restart.is_empty() {
            return Ok(());
        }
        writeln!(f, "Needs a restart: {}", self.needs_restart.join(", "))
    }
}

/// Somebody wants the configuration read anew.
#[derive(Debug)]
struct Order {
    why: &'static str,
    reply: oneshot::Sender<Result<Reloaded, String>>,
}

/// Asks for reloads. Clones ask the same process.
#[derive(Clone, Debug)]
pub struct Reloader(mpsc::Sender<Order>);

impl Reloader {
    /// Reads the configuration anew and takes it over, or says why not. `why` stands in the log.
    pub async fn reload(&self, why: &'static str) -> Result<Reloaded, String> {
        let (reply, done) = oneshot::channel();
        let ending = |_| "the process is ending".to_owned();
        self.0.send(Order { why, reply }).await.map_err(|error| ending(error.to_string()))?;
        done.await.map_err(|error| ending(error.to_string()))?
    }
}

/// Keeps the pollers running by the settings of the moment.
pub(super) struct Keeper {
    engine: Engine,
    series: ConfigSeries,
    source: Option<Source>,
    watch: Option<FileWatch>,
    orders: mpsc::Receiver<Order>,
}

impl Keeper {
    pub(super) fn new(engine: Engine, series: ConfigSeries) -> (Self, Reloader) {
        let (sender, orders) = mpsc::channel(WAITING);
        (Self { engine, series, source: None, watch: None, orders }, Reloader(sender))
    }

    /// Has settings come from `source` from now on.
    pub(super) fn read_from(&mut self, source: Source) {
        let clock = self.engine.clock.clone();
        self.watch = source.file.clone().map(|file| FileWatch::new(file, source.held, clock));
        self.source = Some(source);
    }

    pub(super) fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    pub(super) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Polls, and takes over what is changed, until the process drains.
    pub(super) async fn run(mut self, drain: Drain) -> Result<(), PollerDied> {
        let mut drain = std::pin::pin!(drain.requested());
        loop {
            let (reason, asker) = tokio::select! {
                () = &mut drain => return self.engine.crew.stop_all().await,
                died = self.engine.died() => return Err(died),
                Some(Order { why, reply }) = self.orders.recv() => (why, Some(reply)),
                () = changed(&mut self.watch) => ("the file has changed", None),
            };
            // A file system may hang for as long as it likes: nobody waits for it who has something else to do.
            let drafting = self.engine.drafting();
            let read = tokio::select! {
                () = &mut drain => return self.engine.crew.stop_all().await,
                died = self.engine.died() => return Err(died),
                read = read(self.source.clone(), drafting) => read,
            };
            let done = self.reload(reason, read).await;
            if let Some(asker) = asker {
                // Whoever asked may have gone away. What came of it is logged, too.
                let _ = asker.send(done);
            }
        }
    }

    async fn reload(&mut self, reason: &'static str, read: Read) -> Result<Reloaded, String> {
        let Read { drafted, held } = read;
        if let Some(watch) = &mut self.watch {
            watch.note(held);
        }
        let done = match drafted {
            Ok((draft, reloaded)) => {
                self.take_over(draft).await;
                Ok(reloaded)
            }
            Err(error) => Err(error),
        };
        match &done {
            Ok(Reloaded { changed, needs_restart }) => {
                self.series.taken_over(self.engine.clock.now());
                info!(reason, changed = changed.join(", "), "the configuration was read anew");
                if !needs_restart.is_empty() {
                    warn!(keys = needs_restart.join(", "), "changed keys that take a restart");
                }
            }
            Err(error) => {
                self.series.refused();
                error!(
                    reason,
                    error, "the configuration cannot be taken over: the one before stays in force"
                );
            }
        }
        self.engine.metrics.forget_own();
        done
    }

    /// Changes what is different. Nothing of it fails.
    async fn take_over(&mut self, draft: Draft) {
        self.engine.put_in_force(draft).await;
        if let Some(log) = self.source.as_ref().and_then(|source| source.log.as_ref()) {
            let log_config = &self.engine.in_force.config.log;
            log.set_level(log_config.level);
            log.set_format(log_config.format);
        }
    }
}

/// What was found when the configuration was read, and made of it.
struct Read {
    drafted: Result<(Draft, Reloaded), String>,
    /// What stands for what the file held just before.
    held: Option<Fingerprint>,
}

/// Reads the configuration, and makes all that may fail. On a thread of its own: a file system may hang.
async fn read(source: Option<Source>, drafting: Drafting) -> Read {
    let Some(Source { read, file, .. }) = source else {
        let drafted = Err("this process was not started with a configuration".to_owned());
        return Read { drafted, held: None };
    };
    let reading = tokio::task::spawn_blocking(move || {
        // What it becomes between the two is a change.
        let held = file.and_then(|file| Fingerprint::read(&file).ok());
        Read { drafted: read().and_then(|settings| draft(&drafting, settings)), held }
    });
    let failed = |error| Read { drafted: Err(format!("reading it failed: {error}")), held: None };
    reading.await.unwrap_or_else(failed)
}

/// Makes a draft of `settings`, and says what it will change. What takes a restart stays as it is.
fn draft(drafting: &Drafting, mut settings: Settings) -> Result<(Draft, Reloaded), String> {
    let in_force = drafting.in_force();
    let keys = in_force.config.changed_keys(&settings.config).map_err(|error| error.to_string())?;
    let (needs_restart, changed): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| needs_restart(key));
    settings.config.web.clone_from(&in_force.config.web);
    settings.config.sharding.clone_from(&in_force.config.sharding);
    settings.wanted.shard = in_force.wanted.shard;
    let draft = drafting.draft(settings).map_err(|error| error.to_string())?;
    Ok((draft, Reloaded { changed, needs_restart }))
}

async fn changed(watch: &mut Option<FileWatch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
