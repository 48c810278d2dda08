//! What was known at one moment, unchangeable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::rows::Rows;
use crate::usage::{Collector, Id, Level, Scope};

/// The content of the store at one moment. Readers share it; nobody changes it.
#[derive(Debug, Default)]
pub struct Snapshot {
    version: u64,
    /// By level, then by instance.
    scopes: Vec<(Scope, Arc<Record>)>,
    up: BTreeMap<Id, bool>,
    excluded: BTreeMap<(Id, Level), usize>,
    /// The accounts that have found an instance.
    accounts: BTreeSet<String>,
    /// Tells the store that somebody still reads it.
    _reader: Arc<()>,
}

/// What is known of one scope, a part for each collector.
#[derive(Clone, Debug, Default)]
pub struct Record {
    parts: [Part; Collector::ALL.len()],
}

/// What one collector knows of one scope.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The last reading.
    pub rows: Option<Arc<Rows>>,
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

/// When something is looked at, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, which says whether a window is over.
    pub now: Timestamp,
    /// Time since the process started, which says how old something is.
    pub uptime: Duration,
}

impl Snapshot {
    pub(super) fn new(
        version: u64,
        scopes: Vec<(Scope, Arc<Record>)>,
        up: BTreeMap<Id, bool>,
        excluded: BTreeMap<(Id, Level), usize>,
        accounts: BTreeSet<String>,
        reader: Arc<()>,
    ) -> Self {
        Self { version, scopes, up, excluded, accounts, _reader: reader }
    }

    /// How often the store had changed.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Every scope of which something is known, by level, instance and id.
    pub fn scopes(&self) -> &[(Scope, Arc<Record>)] {
        &self.scopes
    }

    /// Whether an account has found an instance.
    pub fn has_instances(&self, account: &str) -> bool {
        self.accounts.contains(account)
    }

    /// Whether each instance's last discovery and own polls succeeded.
    pub fn up(&self) -> impl Iterator<Item = (Id, bool)> {
        self.up.iter().map(|(instance, up)| (*instance, *up))
    }

    /// How many scopes the configuration leaves out, by instance and level.
    pub fn excluded(&self) -> impl Iterator<Item = (Id, Level, usize)> {
        self.excluded.iter().map(|((instance, level), scopes)| (*instance, *level, *scopes))
    }
}

impl Part {
    /// What it shows at `moment`: its reading, unless that is older than `expire_after`.
    pub fn shown(&self, collector: Collector, moment: Moment, expire_after: Duration) -> Option<&Rows> {
        let rows = self.rows.as_deref()?;
        let expired = collector.expires() && moment.uptime.saturating_sub(self.holds_at) > expire_after;
        (!expired).then_some(rows)
    }
}

impl Record {
    /// What `collector` knows.
    pub const fn part(&self, collector: Collector) -> &Part {
        &self.parts[collector as usize]
    }

    pub(super) fn part_mut(&mut self, collector: Collector) -> &mut Part {
        &mut self.parts[collector as usize]
    }

    /// When each collector of the level last succeeded.
    pub fn last_successes(&self, level: Level) -> impl Iterator<Item = (Collector, Timestamp)> {
        Collector::concerning(level)
            .filter_map(|collector| Some((collector, self.part(collector).last_success?)))
    }

    /// How well the scope, one of `level`, is known.
    pub fn state(&self, level: Level, uptime: Duration, Freshness(limits): Freshness) -> ScopeState {
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(100);
    const LIMITS: Freshness = Freshness([Some(LIMIT); Collector::ALL.len()]);

    /// An org of which every collector has read something at uptime 0.
    fn known() -> Record {
        let mut record = Record::default();
        for collector in Collector::ALL {
            record.part_mut(collector).last_success = Some(Timestamp::UNIX_EPOCH);
        }
        record
    }

    #[test]
    fn a_scope_is_as_fresh_as_the_oldest_of_what_is_read_of_it() {
        let state = |record: &Record, uptime| record.state(Level::Org, uptime, LIMITS);
        let mut record = known();
        assert_eq!(state(&record, LIMIT), ScopeState::Fresh);
        assert_eq!(state(&record, LIMIT + Duration::from_nanos(1)), ScopeState::Stale);
        record.part_mut(Collector::DeviceCounts).failing = true;
        assert_eq!(state(&record, LIMIT), ScopeState::Failing);
        record.part_mut(Collector::PayloadBytes).last_success = None;
        assert_eq!(state(&record, LIMIT), ScopeState::Stale, "old numbers are worse than a failure");
    }

    #[test]
    fn what_is_not_read_of_a_scope_does_not_make_it_stale() {
        let mut record = known();
        record.part_mut(Collector::Applications).last_success = None;
        assert_eq!(record.state(Level::Org, LIMIT, LIMITS), ScopeState::Fresh, "it is not read of orgs");
        assert_eq!(record.state(Level::Instance, LIMIT, LIMITS), ScopeState::Stale);
        let mut limits = LIMITS;
        limits.0[Collector::Applications as usize] = None;
        assert_eq!(record.state(Level::Instance, LIMIT, limits), ScopeState::Fresh, "it does not run");
    }

    #[test]
    fn the_states_have_names() {
        assert_eq!(ScopeState::ALL.map(ScopeState::as_str), ["fresh", "stale", "failing", "excluded"]);
    }

    #[test]
    fn what_was_billed_for_a_month_that_is_over_does_not_expire() {
        let pool = &mut super::super::labels::LabelPool::default();
        let rows = Rows::new(crate::usage::Reading::at(Timestamp::UNIX_EPOCH), pool);
        let part = Part { rows: Some(Arc::new(rows)), ..Part::default() };
        let shown = |collector, uptime| {
            let moment = Moment { now: Timestamp::UNIX_EPOCH, uptime };
            part.shown(collector, moment, LIMIT).is_some()
        };
        let old = LIMIT + Duration::from_nanos(1);
        assert!(shown(Collector::DeviceCounts, LIMIT) && !shown(Collector::DeviceCounts, old));
        assert!(shown(Collector::PreviousPeriod, old));
    }
}
