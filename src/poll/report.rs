//! What a poller says of itself, for people who look.
//!
//! Owns: the answer to an inquiry: when scopes are polled next, what failed, and their last two days. It costs as much as the
//! inquiry is long, however many scopes there are.
//! Must not: change anything, or be asked for every scope.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::job::Job;
use super::poller::{Poller, discovery_of};
use super::trail::Hourly;
use crate::usage::{Collector, Id, Scope};

/// One scope that somebody wants to know of.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry {
    /// The scope.
    pub scope: Scope,
    /// Up to when its hours are known to be true, if they are.
    pub known_until: Option<Timestamp>,
}

/// What a poller says.
#[derive(Clone, Debug, Default)]
pub struct PollerReport {
    /// Why the account as a whole is not polled, if it is not.
    pub problem: Option<String>,
    /// Its instances.
    pub instances: Vec<Id>,
    /// Those of the scopes asked about that are its own.
    pub scopes: BTreeMap<Scope, ScopeReport>,
}

/// What it says of one scope.
#[derive(Clone, Debug)]
pub struct ScopeReport {
    /// Uptime at which something is asked next that tells of the scope; one that has passed means now. `None` where nothing is.
    pub next_poll: Option<Duration>,
    /// What failed when it was last tried.
    pub failures: Vec<PollFailure>,
    /// Billable payloads by hour.
    pub hours: Option<Box<Hourly>>,
}

/// A kind of poll that failed.
#[derive(Clone, Debug)]
pub struct PollFailure {
    /// What was asked.
    pub collector: Collector,
    /// What went wrong, in words.
    pub problem: String,
    /// How many times in a row.
    pub in_a_row: u32,
}

impl Poller {
    /// Answers an inquiry.
    pub(super) fn report(&self, inquiries: &[Inquiry]) -> PollerReport {
        let problem = if self.refused {
            Some("Losant does not accept the token".to_owned())
        } else {
            self.listing_problem.clone()
        };
        let own = inquiries.iter().filter(|inquiry| {
            self.fleet.get(inquiry.scope).is_some() || self.instances.contains_key(&inquiry.scope.id())
        });
        let scopes = own.map(|inquiry| (inquiry.scope, self.report_on(*inquiry))).collect();
        PollerReport { problem, instances: self.instances.keys().copied().collect(), scopes }
    }

    fn report_on(&self, Inquiry { scope, known_until }: Inquiry) -> ScopeReport {
        let instance = scope.instance();
        let collectors = Collector::of(scope.level()).iter().filter(|_| !self.refused);
        let own = collectors.map(|&collector| Job::Poll(scope, collector));
        let next_poll = own.chain([discovery_of(instance)]).filter_map(|job| self.schedule.due(job)).min();
        ScopeReport { next_poll, failures: self.failures_of(scope), hours: self.hours_of(scope, known_until) }
    }

    fn failures_of(&self, scope: Scope) -> Vec<PollFailure> {
        let discovery = self.instances.get(&scope.instance()).and_then(|state| {
            let problem = state.problem.clone()?;
            Some(PollFailure { collector: Collector::Discovery, problem, in_a_row: state.failures_in_a_row })
        });
        let own = Collector::of(scope.level()).iter().filter_map(|&collector| {
            let (problem, in_a_row) = self.failures.last(Job::Poll(scope, collector))?;
            Some(PollFailure { collector, problem: problem.to_owned(), in_a_row })
        });
        discovery.into_iter().chain(own).collect()
    }

    fn hours_of(&self, scope: Scope, known_until: Option<Timestamp>) -> Option<Box<Hourly>> {
        let member = self.fleet.get(scope)?;
        let now = self.clock.now();
        let mut trail = member.trail.as_deref().cloned().unwrap_or_default();
        if let (Some(hours), Some(until)) = (&member.findings.hours, known_until) {
            for (hour, count) in hours.answer.billable_by_hour(until) {
                trail.note(hour, count);
            }
        }
        let hours = trail.at(now);
        hours.iter().any(Option::is_some).then(|| Box::new(hours))
    }
}
