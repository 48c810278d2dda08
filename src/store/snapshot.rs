//! What was known at one moment, unchangeable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::usage::{Collector, Id, Level, Reading, Sample, Scope};

/// The content of the store at one moment. Readers share it; nobody changes it.
#[derive(Debug, Default)]
pub struct Snapshot {
    scopes: Vec<(Scope, Arc<Record>)>,
    up: BTreeMap<Id, bool>,
    excluded: BTreeMap<(Id, Level), usize>,
}

/// What is known of one scope, a part for each collector.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub(super) parts: [Part; Collector::ALL.len()],
}

/// What one collector knows of one scope.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The last reading.
    pub reading: Option<Arc<Reading>>,
    /// Wall-clock time that the last success speaks of.
    pub last_success: Option<Timestamp>,
    /// Uptime at which the question was asked that brought the reading.
    pub asked_at: Duration,
    /// Uptime up to which the reading is known to be true: ages are measured on the clock that nobody can set.
    pub holds_at: Duration,
    /// Whether the last attempt failed.
    pub failing: bool,
}

/// How well a scope is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeState {
    /// Every collector succeeded within its time.
    Fresh,
    /// What a collector says of it is older than three of its intervals, or has never been read.
    Stale,
    /// The last attempt of a collector failed, and its numbers are not old yet.
    Failing,
    /// Left out by the configuration.
    Excluded,
}

impl ScopeState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Fresh, Self::Stale, Self::Failing, Self::Excluded];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Failing => "failing",
            Self::Excluded => "excluded",
        }
    }
}

/// How old what a collector read may be before its scope counts as stale, in the order of [`Collector::ALL`];
/// `None` for one that does not run.
#[derive(Clone, Copy, Debug)]
pub struct Freshness(pub [Option<Duration>; Collector::ALL.len()]);

impl Snapshot {
    pub(super) fn new(
        scopes: Vec<(Scope, Arc<Record>)>,
        up: BTreeMap<Id, bool>,
        excluded: BTreeMap<(Id, Level), usize>,
    ) -> Self {
        Self { scopes, up, excluded }
    }

    /// Every number that holds at `now`, by scope. Readings older than `expire_after` are left out, and so are numbers
    /// whose window is over.
    pub fn samples(
        &self,
        now: Timestamp,
        uptime: Duration,
        expire_after: Duration,
    ) -> impl Iterator<Item = (Scope, &Sample)> {
        self.scopes.iter().flat_map(move |(scope, record)| {
            record
                .parts
                .iter()
                .zip(Collector::ALL)
                .filter(move |(part, collector)| {
                    !collector.expires() || uptime.saturating_sub(part.holds_at) <= expire_after
                })
                .filter_map(|(part, _)| part.reading.as_deref())
                .flat_map(|reading| &reading.samples)
                .filter(move |sample| sample.holds_until.is_none_or(|end| now < end))
                .map(move |sample| (*scope, sample))
        })
    }

    /// When each collector last succeeded for each scope.
    pub fn last_successes(&self) -> impl Iterator<Item = (Scope, Collector, Timestamp)> {
        self.scopes.iter().flat_map(|(scope, record)| {
            Collector::concerning(scope.level()).filter_map(move |collector| {
                let at = record.parts[collector as usize].last_success?;
                Some((*scope, collector, at))
            })
        })
    }

    /// Whether each instance's last discovery and own polls succeeded.
    pub fn up(&self) -> impl Iterator<Item = (Id, bool)> {
        self.up.iter().map(|(instance, up)| (*instance, *up))
    }

    /// How many scopes of each level are in each state.
    pub fn scope_states(&self, uptime: Duration, freshness: Freshness) -> BTreeMap<(Level, ScopeState), u64> {
        let mut counts: BTreeMap<_, u64> = BTreeMap::new();
        for ((_, level), excluded) in &self.excluded {
            *counts.entry((*level, ScopeState::Excluded)).or_default() += *excluded as u64;
        }
        for (scope, record) in &self.scopes {
            *counts.entry((scope.level(), record.state(scope.level(), uptime, freshness))).or_default() += 1;
        }
        counts
    }
}

impl Record {
    fn state(&self, level: Level, uptime: Duration, Freshness(limits): Freshness) -> ScopeState {
        let parts = || {
            Collector::concerning(level).filter_map(|collector| {
                let place = collector as usize;
                Some((&self.parts[place], limits[place]?))
            })
        };
        let young = parts().all(|(part, limit)| {
            part.last_success.is_some() && uptime.saturating_sub(part.holds_at) <= limit
        });
        match (young, parts().any(|(part, _)| part.failing)) {
            (false, _) => ScopeState::Stale,
            (true, true) => ScopeState::Failing,
            (true, false) => ScopeState::Fresh,
        }
    }
}
