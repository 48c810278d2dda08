//! Who may come in: TLS, users, response headers and rate limit, as a web configuration file says.
//!
//! Owns: the file of `--web.config.file`, which is that of the Prometheus exporter-toolkit, the certificates that it names, and
//! taking them over when they change. A file that has become wrong changes nothing; it is logged once. Neither does one that is
//! just being written: a protection that is missing from the first half of it would be missing from the pages.
//! Must not: know a page.

mod client_certificates;
mod desk;
mod document;
mod files;
mod names;
mod rate_limit;
mod rules;
mod series;
mod subject_names;
mod tls;
mod users;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use self::files::Files;
pub(super) use self::rules::Rules;
pub(super) use self::series::GuardSeries;
pub(super) use self::users::Admission;
use super::WebMetrics;
use crate::clock::Clock;
use crate::lifecycle::Drain;

/// How often it is looked whether files have changed. A look is a question for the state of each file.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The rules in force. Cheap to clone; all clones speak of the same rules.
#[derive(Clone, Debug)]
pub struct Guard {
    rules: Arc<watch::Sender<Arc<Rules>>>,
    source: Option<Arc<Source>>,
}

/// Where rules come from.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    last: Mutex<Last>,
}

/// What was read last.
#[derive(Debug)]
struct Last {
    /// What came into force, or was refused.
    decided: Files,
    /// What has been found to be different since, until a second look finds the same.
    pending: Option<Files>,
    /// Whether two looks found the same. A file may change within the moment that its times tell apart.
    settled: bool,
}

/// What becomes of files that have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    TakenOver,
    Refused,
}

/// A web configuration file that cannot be used. One line that names file and key, and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct GuardError {
    file: String,
    problem: String,
}

impl Guard {
    /// Lets everybody in, over plain HTTP.
    pub fn open() -> Self {
        Self { rules: Arc::new(watch::Sender::new(Arc::default())), source: None }
    }

    /// Reads a web configuration file.
    pub fn load(path: &Path) -> Result<Self, GuardError> {
        let mut files = Files::default();
        let rules = Rules::read(path, &mut files, None)?;
        let last = Mutex::new(Last { decided: files, pending: None, settled: false });
        let source = Source { path: path.to_owned(), last };
        Ok(Self { rules: Arc::new(watch::Sender::new(Arc::new(rules))), source: Some(Arc::new(source)) })
    }

    /// What is to be known about the rules, as sentences: how they protect, and what in the file has no effect.
    pub fn describe(&self) -> (String, Vec<String>) {
        let rules = self.current();
        (rules.to_string(), rules.warnings().to_vec())
    }

    /// Whether clients have to speak TLS.
    pub fn is_tls(&self) -> bool {
        self.current().tls().is_some()
    }

    /// Takes changed files over until `drain` is requested, and has `metrics` say what becomes of them.
    pub async fn keep_current(self, metrics: WebMetrics, clock: Clock, drain: Drain) {
        let series = metrics.guard();
        if self.source.is_some() {
            series.set(Verdict::TakenOver, clock.now());
        }
        let mut ending = std::pin::pin!(drain.requested());
        loop {
            tokio::select! {
                () = &mut ending => return,
                () = clock.sleep(CHECK_INTERVAL) => {}
            }
            let guard = self.clone();
            // A file system may hang. A panic would be one of the reader, and leaves the rules as they are.
            match tokio::task::spawn_blocking(move || guard.check()).await {
                Ok(None) => {}
                Ok(Some(verdict)) => series.set(verdict, clock.now()),
                Err(error) => {
                    tracing::error!(%error, "cannot look whether the web configuration has changed");
                }
            }
        }
    }

    pub(super) fn current(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.borrow())
    }

    /// Reads the files again if they have changed. What has changed comes into force once two looks in a row find the same;
    /// `None` where nothing is to be decided.
    fn check(&self) -> Option<Verdict> {
        let source = self.source.as_ref()?;
        let mut last = source.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.settled && last.decided.are_unchanged() {
            return None;
        }
        let mut files = Files::default();
        let current = self.current();
        let read = Rules::read(&source.path, &mut files, Some(&current));
        let before = last.pending.as_ref().unwrap_or(&last.decided);
        let settled = files.have_same_stamps(before) && files.have_same_content(before);
        let changed = !files.have_same_content(&last.decided);
        last.settled = settled;
        if changed && !settled {
            last.pending = Some(files);
            return None;
        }
        *last = Last { decided: files, pending: None, settled };
        if !changed {
            return None;
        }
        let file = source.path.display();
        let verdict = match read {
            Err(error) => {
                tracing::error!(%error, "the web configuration stays as it was");
                Verdict::Refused
            }
            Ok(rules) if rules.tls().is_some() != current.tls().is_some() => {
                let problem = "TLS is switched on and off by a restart only";
                tracing::error!(%file, problem, "the web configuration stays as it was");
                Verdict::Refused
            }
            Ok(rules) => {
                for warning in rules.warnings() {
                    tracing::warn!(%file, warning, "web configuration");
                }
                tracing::info!(%file, %rules, "the web configuration has changed");
                self.rules.send_replace(Arc::new(rules));
                Verdict::TakenOver
            }
        };
        Some(verdict)
    }
}

impl GuardError {
    fn new(file: &Path, problem: impl Into<String>) -> Self {
        // A name or a path in the file may hold anything, and the message stays on its line.
        Self { file: file.display().to_string(), problem: problem.into().replace(char::is_control, "?") }
    }
}

#[cfg(test)]
mod tests;
