//! The scopes that an account has, as last discovered.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::usage::{BillingPeriod, Id, Level, Scope};

/// What polls of a scope need to know of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) period: Option<BillingPeriod>,
    /// How many devices the summary counted.
    pub(super) devices: Option<f64>,
    /// When Losant was asked.
    pub(super) read_at: Timestamp,
}

impl Known {
    /// Nothing is known.
    pub(super) const fn nothing() -> Self {
        Self { period: None, devices: None, read_at: Timestamp::MIN }
    }

    /// Whether the billing period should be asked for again before anything is added up.
    pub(super) fn period_is_uncertain(&self, now: Timestamp) -> bool {
        self.period.is_some_and(|period| period.should_be_read_again(self.read_at, now))
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

    /// Forgets a scope.
    pub(super) fn remove(&mut self, scope: Scope) {
        self.scopes.remove(&scope);
    }

    /// Forgets an instance and all its scopes.
    pub(super) fn forget_instance(&mut self, instance: Id) {
        self.scopes.retain(|scope, _| scope.instance() != instance);
    }

    /// What is known of a scope.
    pub(super) fn known(&self, scope: Option<Scope>) -> Known {
        scope.and_then(|scope| self.scopes.get(&scope)).copied().unwrap_or(Known::nothing())
    }

    /// The scopes of an instance at one level.
    pub(super) fn scopes(&self, instance: Id, level: Level) -> impl Iterator<Item = Scope> {
        self.scopes
            .keys()
            .copied()
            .filter(move |scope| scope.instance() == instance && scope.level() == level)
    }
}
