//! What has been failing, so that a failure is logged when it begins and when it ends, and not at every poll between.

use std::collections::BTreeMap;
use std::fmt::Display;

use tracing::{debug, info, warn};

use super::job::Job;

/// Jobs whose last attempt failed.
#[derive(Debug, Default)]
pub(super) struct Failures {
    failing: BTreeMap<Job, Failing>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    /// The word for the last failure.
    why: &'static str,
    /// Failures in a row.
    count: u32,
    /// Whether its beginning was logged, and so its end should be.
    told: bool,
}

impl Failures {
    /// Notes and logs a failure.
    pub(super) fn failed(&mut self, account: &str, job: Job, why: &'static str, error: &dyn Display) {
        let told = self.failing.get(&job).is_some_and(|failing| failing.told && failing.why == why);
        self.note(job, why, true);
        if told {
            debug!(account, %error, "{job} failed again");
        } else {
            warn!(account, %error, "{job} failed");
        }
    }

    /// Notes a failure that something larger explains, which is logged in its place.
    pub(super) fn explained(&mut self, account: &str, job: Job, why: &'static str, error: &dyn Display) {
        self.note(job, why, false);
        debug!(account, %error, "{job} failed");
    }

    /// Notes a failure that is logged elsewhere.
    pub(super) fn note(&mut self, job: Job, why: &'static str, told: bool) {
        let before = self.failing.get(&job);
        let count = before.map_or(1, |before| before.count.saturating_add(1));
        let told = told || before.is_some_and(|before| before.told);
        self.failing.insert(job, Failing { why, count, told });
    }

    /// Notes that the failure of a job has been logged after all.
    pub(super) fn told(&mut self, job: Job) {
        if let Some(failing) = self.failing.get_mut(&job) {
            failing.told = true;
        }
    }

    /// How many times in a row a job has failed.
    pub(super) fn in_a_row(&self, job: Job) -> u32 {
        self.failing.get(&job).map_or(0, |failing| failing.count)
    }

    /// The jobs whose last attempt failed.
    pub(super) fn jobs(&self) -> impl Iterator<Item = Job> {
        self.failing.keys().copied()
    }

    /// Notes a success, and logs it if it ends a failure that was logged.
    pub(super) fn succeeded(&mut self, account: &str, job: Job) {
        match self.failing.remove(&job) {
            Some(Failing { told: true, .. }) => info!(account, "{job} works again"),
            Some(_) => debug!(account, "{job} works again"),
            None => {}
        }
    }

    /// Forgets jobs for which `keep` says no.
    pub(super) fn retain(&mut self, keep: impl Fn(&Job) -> bool) {
        self.failing.retain(|job, _| keep(job));
    }
}
