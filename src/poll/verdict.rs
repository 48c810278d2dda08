//! What failures mean: for one scope, for a token, for Losant as a whole.
//!
//! Owns: telling the failure of one question from that of all, what is logged of it, and what an account, or an instance,
//! counts as being up.

use std::collections::{BTreeMap, BTreeSet};

use tracing::{error, info};

use super::apply::is_detail_of;
use super::job::Job;
use super::poller::{Poller, discovery_of};
use crate::losant::{Error, Unavailable};
use crate::usage::{Collector, Id, Scope};

/// So many polls that are refused or not answered, and nobody waits for the next sweep to find out why.
const SUSPICIOUSLY_MANY: usize = 3;

impl Poller {
    /// A poll that is refused or not answered says nothing yet: the token may be gone, or Losant out of reach, for all or
    /// for this one question. Discovery tells, and logs it once instead of once for each scope.
    pub(super) fn detail_failed(&mut self, job: Job, scope: Scope, error: &Error) {
        let account = &self.config.account;
        let reason = error.reason();
        match error {
            error if self.refused => self.failures.explained(account, job, error.label(), error),
            error if may_concern_all(error) && self.failures.in_a_row(job) == 0 => {
                self.failures.note(job, error.label(), false);
                self.suspects.insert(job, error.clone());
                // A sweep for the sake of one that is slow would be a sweep for ever where there are many.
                let discovery = discovery_of(scope.instance());
                if self.suspects.len() >= SUSPICIOUSLY_MANY
                    && self.failures.in_a_row(discovery) == 0
                    && !self.schedule.is_running(discovery)
                {
                    self.schedule.hurry(discovery, self.clock.uptime());
                }
            }
            error => {
                self.failures.failed(account, job, error.label(), error);
                // Missing from a list that was not whole, and not to be found: gone.
                if matches!(error, Error::NotFound { .. }) && self.unlisted.contains(&scope) {
                    self.forget(&BTreeSet::from([scope]));
                }
            }
        }
        self.failures.explain(job, &reason);
    }

    /// Stops everything but discovery until Losant accepts the token.
    pub(super) fn refuse(&mut self, error: &Error) {
        self.suspects.clear();
        if !std::mem::replace(&mut self.refused, true) {
            error!(
                account = self.config.account,
                %error,
                "Losant does not accept the token: this account is not polled until it does"
            );
        }
        for cycle in &mut self.cycles {
            cycle.give_up(true, |job| job.collector() == Collector::Discovery);
        }
    }

    /// Goes on after [`Poller::refuse`] as soon as one instance is not refused.
    pub(super) fn accept_if_no_instance_is_refused(&mut self) {
        if !self.instances.is_empty() && self.instances.values().all(|state| state.refused) {
            return;
        }
        if std::mem::replace(&mut self.refused, false) {
            info!(account = self.config.account, "Losant accepts the token again");
        }
    }

    /// Says what failed polls of an instance meant: nothing of their own where discovery fails as well.
    pub(super) fn clear_suspects(&mut self, instance: Id, discovery: Option<&Error>) {
        let of_instance = |job: &Job| job.scope().is_some_and(|scope| scope.instance() == instance);
        let (cleared, left) =
            std::mem::take(&mut self.suspects).into_iter().partition(|(job, _)| of_instance(job));
        self.suspects = left;
        let cleared: BTreeMap<Job, Error> = cleared;
        for (job, error) in cleared {
            if discovery.is_none() {
                self.failures.tell(&self.config.account, job, &error);
            }
        }
    }

    /// Makes polls that failed due at once, now that Losant can be read again. The budget spreads them.
    pub(super) fn hurry_failed(&mut self, instance: Id) {
        let now = self.clock.uptime();
        let failed: Vec<_> = self.failures.jobs().filter(|job| is_detail_of(*job, instance)).collect();
        for job in failed {
            self.schedule.hurry(job, now);
        }
    }

    /// Whether the account works as a whole: every instance that it has could be read.
    pub(super) fn tell_account_up(&self) {
        let up = !self.instances.is_empty()
            && self.failed_listings == 0
            && self.instances.values().all(|state| state.discovered == Some(true));
        self.metrics.account_up(&self.config.account, up);
    }

    /// Says whether an instance is up, where it is this process's to say.
    pub(super) fn tell_up(&self, instance: Id) {
        if self.owns(Scope::Instance { instance })
            && let Some(state) = self.instances.get(&instance)
            && let Some(discovered) = state.discovered
        {
            self.store.set_up(instance, discovered && state.failing.is_empty());
        }
    }
}

/// Whether an error is of the kind that all questions to Losant would meet.
const fn may_concern_all(error: &Error) -> bool {
    let out_of_reach = matches!(
        error,
        Error::Unavailable { reason: Unavailable::Timeout | Unavailable::Connect | Unavailable::Io, .. }
    );
    out_of_reach || matches!(error, Error::Unauthorized { .. })
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
