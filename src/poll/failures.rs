//! What has been failing, so that a failure is logged when it begins and when it ends, and not at every poll between.
//!
//! One outage makes hundreds of polls fail: the first few are logged one by one, which names what is broken, and all
//! others together, which says that it is more than that.

mod jobs;

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use self::jobs::{FailingJobs, Logged};
use super::job::Job;

/// So many failing jobs are logged one by one.
const ONE_BY_ONE: usize = 5;
/// With fewer failing jobs left than this, an outage is over. Well below `ONE_BY_ONE`, so that a poll that comes and goes
/// does not end and begin it.
const OVER_BELOW: usize = 3;
/// So many different explanations are held. In an outage all failures have the same few.
const EXPLANATIONS: usize = 1_000;

/// How often it is said that something still fails: whoever reads the log of today should not need that of yesterday.
const REMIND_EVERY: Duration = Duration::from_secs(3_600);

/// Jobs whose last attempt failed, of one account.
#[derive(Debug, Default)]
pub(super) struct Failures {
    failing: FailingJobs,
    /// Explanations, each held once.
    explanations: HashSet<Arc<str>>,
    outage: Option<Outage>,
    /// Uptime at which it was last said that something fails, while something does.
    told_at: Option<Duration>,
}

/// Many failures that are logged as one.
#[derive(Debug)]
struct Outage {
    account: String,
    /// How many jobs of which only the outage told work again.
    recovered: usize,
}

impl Failures {
    /// Notes and logs a failure.
    pub(super) fn failed(&mut self, account: &str, job: Job, why: &'static str, error: &dyn Display) {
        let before = self.failing.get(job);
        let is_told = before.is_some_and(|before| before.logged() == Logged::ByItself && before.why == why);
        self.note(job, why, false);
        if is_told {
            debug!(account, %error, "{job} failed again");
        } else {
            self.tell(account, job, error);
        }
    }

    /// Logs a failure that was noted before: by itself, or with all others where there are many.
    pub(super) fn tell(&mut self, account: &str, job: Job, error: &dyn Display) {
        let is_told = self.failing.get(job).is_some_and(|failing| failing.logged() == Logged::ByItself);
        let told = self.failing.count(Logged::ByItself) - usize::from(is_told);
        let logged = if self.outage.is_some() || told >= ONE_BY_ONE {
            debug!(account, %error, "{job} failed");
            Logged::WithOthers
        } else {
            warn!(account, %error, "{job} failed");
            Logged::ByItself
        };
        if !is_told {
            self.failing.note_logged(job, logged);
        }
        if logged == Logged::WithOthers && self.outage.is_none() {
            let failing = self.failing.len();
            warn!(account, failing, last_error = %error, "many polls fail, the others are not logged one by one");
            self.outage = Some(Outage { account: account.to_owned(), recovered: 0 });
        }
    }

    /// Notes a failure that something larger explains, which is logged in its place.
    pub(super) fn explained(&mut self, account: &str, job: Job, why: &'static str, error: &dyn Display) {
        self.note(job, why, false);
        debug!(account, %error, "{job} failed");
    }

    /// Notes a failure that is logged elsewhere.
    pub(super) fn note(&mut self, job: Job, why: &'static str, told: bool) {
        self.failing.note(job, why);
        if told {
            self.failing.note_logged(job, Logged::ByItself);
        }
    }

    /// Keeps what went wrong with a job that was noted as failing, for those who ask.
    pub(super) fn explain(&mut self, job: Job, explanation: &str) {
        let Some(failing) = self.failing.get_mut(job) else { return };
        failing.explanation = self.explanations.get(explanation).cloned();
        if failing.explanation.is_some() {
            return;
        }
        if self.explanations.len() >= EXPLANATIONS {
            self.explanations.retain(|held| Arc::strong_count(held) > 1);
        }
        if self.explanations.len() < EXPLANATIONS {
            let explanation: Arc<str> = explanation.into();
            failing.explanation = Some(Arc::clone(&explanation));
            self.explanations.insert(explanation);
        }
    }

    /// What went wrong with a job when it was last tried, and how many times in a row.
    pub(super) fn last(&self, job: Job) -> Option<(&str, u32)> {
        let failing = self.failing.get(job)?;
        Some((failing.explanation.as_deref().unwrap_or(failing.why), failing.count))
    }

    /// How many times in a row a job has failed.
    pub(super) fn in_a_row(&self, job: Job) -> u32 {
        self.failing.get(job).map_or(0, |failing| failing.count)
    }

    /// The jobs whose last attempt failed.
    pub(super) fn jobs(&self) -> impl Iterator<Item = Job> {
        self.failing.iter().map(|(job, _)| job)
    }

    /// Notes a success, and logs it if it ends a failure that was logged.
    pub(super) fn succeeded(&mut self, account: &str, job: Job) {
        let Some(failing) = self.failing.remove(job) else { return };
        let (logged, count) = (failing.logged(), failing.count);
        if logged == Logged::ByItself {
            info!(account, failed_polls = count, "{job} works again");
        } else {
            debug!(account, "{job} works again");
        }
        if logged == Logged::WithOthers
            && let Some(outage) = &mut self.outage
        {
            outage.recovered += 1;
        }
        self.end_outage();
    }

    /// Sums up what goes on failing, once an hour. `now` is an uptime.
    pub(super) fn remind(&mut self, account: &str, now: Duration) {
        let failing = self.failing.count_logged();
        if failing == 0 {
            self.told_at = None;
            return;
        }
        let told_at = *self.told_at.get_or_insert(now);
        // Before the jobs are gone through: this comes with every poll.
        if now.saturating_sub(told_at) < REMIND_EVERY {
            return;
        }
        let known = self.failing.iter().filter(|(_, failing)| failing.logged() != Logged::Nowhere);
        let Some((job, worst)) = known.max_by_key(|(_, failing)| failing.count) else { return };
        warn!(
            account,
            failing,
            in_a_row = worst.count,
            reason = worst.why,
            "polls still fail, longest {job}"
        );
        self.told_at = Some(now);
    }

    /// Forgets jobs for which `keep` says no.
    pub(super) fn retain(&mut self, keep: impl Fn(&Job) -> bool) {
        self.failing.retain(keep);
        self.end_outage();
    }

    /// Says that an outage is over, if it is.
    fn end_outage(&mut self) {
        let failing = self.failing.count_logged();
        if failing >= OVER_BELOW {
            return;
        }
        let Some(Outage { account, recovered }) = self.outage.take() else { return };
        info!(account, recovered, failing, "polls work again");
        // What fails once more after that is no part of it, and worth a line of its own.
        self.failing.forget_others();
    }
}

#[cfg(test)]
#[path = "failures_tests.rs"]
mod tests;
