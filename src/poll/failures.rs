//! What has been failing, so that a failure is logged when it begins and when it ends, and not at every poll between.

use std::collections::BTreeMap;

use tracing::{debug, info, warn};

use super::job::Job;

/// Jobs whose last attempt failed, with the word for why.
#[derive(Debug, Default)]
pub(super) struct Failures {
    failing: BTreeMap<Job, &'static str>,
}

impl Failures {
    /// Notes and logs a failure.
    pub(super) fn failed(
        &mut self,
        account: &str,
        job: Job,
        why: &'static str,
        error: &dyn std::fmt::Display,
    ) {
        let before = self.failing.insert(job, why);
        if before == Some(why) {
            debug!(account, %error, "{job} failed again");
        } else {
            warn!(account, %error, "{job} failed");
        }
    }

    /// Notes a success, and logs it if it ends a failure.
    pub(super) fn succeeded(&mut self, account: &str, job: Job) {
        if self.failing.remove(&job).is_some() {
            info!(account, "{job} works again");
        }
    }

    /// Forgets jobs for which `keep` says no.
    pub(super) fn retain(&mut self, keep: impl Fn(&Job) -> bool) {
        self.failing.retain(|job, _| keep(job));
    }
}
