//! The jobs that fail, and how many of them were logged in which way.
//!
//! Owns: that the numbers are those of the jobs, since every poll that ends asks for them and in an outage there are a hundred
//! thousand jobs.
//! Must not: log anything, or decide what is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Job;

/// Jobs whose last attempt failed.
#[derive(Debug, Default)]
pub(super) struct FailingJobs {
    all: BTreeMap<Job, Failing>,
    /// How many were logged in each way, by [`Logged`].
    by_logged: [usize; Logged::WAYS],
}

/// A job that fails.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    /// The word for the last failure.
    pub(super) why: &'static str,
    /// What went wrong, in words.
    pub(super) explanation: Option<Arc<str>>,
    /// Failures in a row.
    pub(super) count: u32,
    /// Changed here only, where it is counted.
    logged: Logged,
}

/// Where the beginning of a failure was logged, and so its end should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logged {
    Nowhere,
    ByItself,
    WithOthers,
}

impl Logged {
    const WAYS: usize = 3;
}

impl Failing {
    /// Where it was logged.
    pub(super) const fn logged(&self) -> Logged {
        self.logged
    }
}

impl FailingJobs {
    /// Notes one failure more of a job. Where it was logged is as before: nowhere, if it has only begun to fail.
    pub(super) fn note(&mut self, job: Job, why: &'static str) {
        let before = self.all.get(&job);
        let count = before.map_or(1, |before| before.count.saturating_add(1));
        let logged = before.map_or(Logged::Nowhere, Failing::logged);
        let before = self.all.insert(job, Failing { why, explanation: None, count, logged });
        if before.is_none() {
            self.by_logged[logged as usize] += 1;
        }
    }

    /// Notes where a failure was logged.
    pub(super) fn note_logged(&mut self, job: Job, logged: Logged) {
        if let Some(failing) = self.all.get_mut(&job) {
            let before = std::mem::replace(&mut failing.logged, logged);
            self.by_logged[before as usize] -= 1;
            self.by_logged[logged as usize] += 1;
        }
    }

    /// Has all that were logged with others be logged nowhere.
    pub(super) fn forget_others(&mut self) {
        for failing in self.all.values_mut().filter(|failing| failing.logged == Logged::WithOthers) {
            failing.logged = Logged::Nowhere;
        }
        self.by_logged[Logged::Nowhere as usize] +=
            std::mem::take(&mut self.by_logged[Logged::WithOthers as usize]);
    }

    /// Takes out a job that works again, or is no more.
    pub(super) fn remove(&mut self, job: Job) -> Option<Failing> {
        let failing = self.all.remove(&job)?;
        self.by_logged[failing.logged as usize] -= 1;
        Some(failing)
    }

    /// Takes out jobs for which `keep` says no.
    pub(super) fn retain(&mut self, keep: impl Fn(&Job) -> bool) {
        self.all.retain(|job, failing| {
            let keeps = keep(job);
            self.by_logged[failing.logged as usize] -= usize::from(!keeps);
            keeps
        });
    }

    /// A job, if it fails.
    pub(super) fn get(&self, job: Job) -> Option<&Failing> {
        self.all.get(&job)
    }

    /// A job, to change, if it fails.
    pub(super) fn get_mut(&mut self, job: Job) -> Option<&mut Failing> {
        self.all.get_mut(&job)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Job, &Failing)> {
        self.all.iter().map(|(job, failing)| (*job, failing))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many were logged in this way.
    pub(super) const fn count(&self, logged: Logged) -> usize {
        self.by_logged[logged as usize]
    }

    /// How many were logged somewhere.
    pub(super) const fn count_logged(&self) -> usize {
        self.count(Logged::ByItself) + self.count(Logged::WithOthers)
    }
}
