//! The scopes that an account has, as last discovered.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::usage::{BillingPeriod, Id, Level, Scope};

/// What polls of a scope need to know of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) period: Option<BillingPeriod>,
    /// When Losant was asked.
    pub(super) read_at: Timestamp,
}

impl Known {
    /// Nothing is known.
    pub(super) const fn nothing() -> Self {
        Self { period: None, read_at: Timestamp::MIN }
    }

    /// Whether the billing period has ended since it was read.
    ///
    /// One that had ended when it was read is taken at its word: Losant gives some ends half a day early.
    pub(super) fn may_have_turned_over(&self, now: Timestamp) -> bool {
        self.period.is_some_and(|period| period.is_over(now) && !period.is_over(self.read_at))
    }
}

/// Scopes and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    scopes: BTreeMap<Scope, Known>,
}

impl Fleet {
    /// Notes what is known of a scope.
    pub(super) fn insert(&mut self, scope: Scope, known: Known) {
        self.scopes.insert(scope, known);
    }

    /// Forgets the scopes of an instance at one level that are not in `wanted`. Returns how many went.
    pub(super) fn retain(&mut self, instance: Id, level: Level, wanted: &BTreeSet<Scope>) -> usize {
        let before = self.scopes.len();
        self.scopes.retain(|scope, _| {
            scope.instance() != instance || scope.level() != level || wanted.contains(scope)
        });
        before - self.scopes.len()
    }

    /// Forgets an instance and all its scopes.
    pub(super) fn forget_instance(&mut self, instance: Id) {
        self.scopes.retain(|scope, _| scope.instance() != instance);
    }

    /// What is known of a scope.
    pub(super) fn known(&self, scope: Option<Scope>) -> Known {
        scope.and_then(|scope| self.scopes.get(&scope)).copied().unwrap_or(Known::nothing())
    }

    /// Whether a scope has been discovered.
    pub(super) fn contains(&self, scope: Scope) -> bool {
        self.scopes.contains_key(&scope)
    }

    /// The scopes of an instance at one level.
    pub(super) fn scopes(&self, instance: Id, level: Level) -> impl Iterator<Item = Scope> {
        self.scopes
            .keys()
            .copied()
            .filter(move |scope| scope.instance() == instance && scope.level() == level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_asked_for_again_once_it_has_ended_since_it_was_read() {
        let period = Some(BillingPeriod {
            start: at("2026-03-01T00:00:00Z"),
            end: Some(at("2026-03-31T11:59:59.999Z")),
        });
        let read_before = Known { period, read_at: at("2026-03-31T11:55:00Z") };
        assert!(!read_before.may_have_turned_over(at("2026-03-31T11:59:59.999Z")));
        assert!(read_before.may_have_turned_over(at("2026-03-31T12:00:00Z")));
        let read_after = Known { period, read_at: at("2026-03-31T12:00:01Z") };
        assert!(!read_after.may_have_turned_over(at("2026-03-31T12:05:00Z")));
    }
}
