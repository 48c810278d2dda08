//! Which numbers of a snapshot are shown at a moment.
//!
//! Owns: what has expired, which windows are over, how well scopes are known, and until when all of that stays as it is.
//! Must not: know families or labels.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::store::{Freshness, Moment, Record, Row, ScopeState, Snapshot};
use crate::usage::{Collector, Level, Measure, Scope};

/// What is shown of a snapshot at a moment.
#[derive(Debug)]
pub(super) struct Shown {
    snapshot: Snapshot,
    expire_after: Duration,
    states: BTreeMap<(Level, ScopeState), u64>,
    validity: Validity,
}

/// Until when what is shown stays as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    /// The version of the store.
    pub(super) version: u64,
    moment: Moment,
    /// When the first of the numbers stops being true, because its window is over.
    pub(super) ends_at: Option<Timestamp>,
    /// The uptime at which something will be too old that is not yet, should nothing be read until then.
    pub(super) changes_at: Option<Duration>,
}

/// A scope as it is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownScope<'a> {
    pub(super) scope: Scope,
    record: &'a Record,
    expire_after: Duration,
    moment: Moment,
}

impl Shown {
    /// What is shown of `snapshot` at `moment`, when numbers expire after `expire_after` and scopes become stale by
    /// `freshness`.
    pub(super) fn new(
        snapshot: Snapshot,
        moment: Moment,
        expire_after: Duration,
        freshness: Freshness,
    ) -> Self {
        let mut states: BTreeMap<_, u64> = BTreeMap::new();
        for (_, level, excluded) in snapshot.excluded() {
            *states.entry((level, ScopeState::Excluded)).or_default() += excluded as u64;
        }
        let mut validity = Validity { version: snapshot.version(), moment, ends_at: None, changes_at: None };
        for (scope, record) in snapshot.scopes() {
            let state = record.state(scope.level(), moment.uptime, freshness);
            *states.entry((scope.level(), state)).or_default() += 1;
            for (collector, limit) in Collector::ALL.into_iter().zip(freshness.0) {
                validity.note(record, collector, expire_after, limit);
            }
        }
        Self { snapshot, expire_after, states, validity }
    }

    /// Until when it stays as it is.
    pub(super) const fn validity(&self) -> Validity {
        self.validity
    }

    /// The snapshot.
    pub(super) const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How many scopes there are of each level in each state.
    pub(super) const fn states(&self) -> &BTreeMap<(Level, ScopeState), u64> {
        &self.states
    }

    /// All scopes, in the order of the snapshot.
    pub(super) fn scopes(&self) -> impl ExactSizeIterator<Item = ShownScope<'_>> {
        let (expire_after, moment) = (self.expire_after, self.validity.moment);
        let scopes = self.snapshot.scopes().iter();
        scopes.map(move |(scope, record)| ShownScope { scope: *scope, record, expire_after, moment })
    }
}

impl Validity {
    /// Notes when what a collector knows becomes too old, and when windows of it end.
    fn note(
        &mut self,
        record: &Record,
        collector: Collector,
        expire_after: Duration,
        limit: Option<Duration>,
    ) {
        let part = record.part(collector);
        if part.last_success.is_none() {
            return;
        }
        let expiry = collector.expires().then_some(expire_after);
        // A moment longer: what is exactly as old as it may be is shown.
        let ages = expiry
            .into_iter()
            .chain(limit)
            .map(|limit| part.holds_at.saturating_add(limit).saturating_add(Duration::from_nanos(1)));
        let to_come = ages.filter(|at| *at > self.moment.uptime);
        self.changes_at = to_come.chain(self.changes_at).min();
        if let Some(rows) = part.shown(collector, self.moment, expire_after) {
            let to_come = rows.ends().iter().copied().filter(|end| *end > self.moment.now);
            self.ends_at = to_come.chain(self.ends_at).min();
        }
    }

    /// Whether the same is shown at `moment` of a store that has changed `version` times.
    pub(super) fn holds(&self, version: u64, moment: Moment) -> bool {
        self.version == version
            && self.is_true_at(moment.now)
            && self.changes_at.is_none_or(|end| moment.uptime < end)
    }

    /// Whether no window has ended by `now` whose numbers are shown. Where the wall clock has been set back, windows that were
    /// over may not be any more.
    pub(super) fn is_true_at(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end) && now >= self.moment.now
    }
}

impl<'a> ShownScope<'a> {
    /// Its numbers. Those of one measure and collector stand together.
    pub(super) fn rows(self) -> impl Iterator<Item = &'a Row> {
        let readings = Collector::ALL.into_iter().filter_map(move |collector| {
            self.record.part(collector).shown(collector, self.moment, self.expire_after)
        });
        readings.flat_map(move |rows| rows.all().iter().filter(move |row| rows.holds(row, self.moment.now)))
    }

    /// How many payloads it has used in its period, where that is known.
    pub(super) fn payloads(self) -> Option<f64> {
        let of = |measure| self.rows().filter(move |row| row.measure() == measure).map(Row::value);
        let all = of(Measure::PayloadsPeriod).reduce(|sum, value| sum + value);
        all.into_iter().chain(of(Measure::BillablePayloadsPeriod)).reduce(f64::max)
    }

    /// When each collector last succeeded.
    pub(super) fn last_successes(self) -> impl Iterator<Item = (Collector, Timestamp)> {
        self.record.last_successes(self.scope.level())
    }
}
