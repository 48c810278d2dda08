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
    /// When the first of the numbers stops being true, because its window is over, or can be shown, because its window comes.
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
            self.ends_at = rows.changes_after(self.moment.now).chain(self.ends_at).min();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::Store;
    use crate::usage::{Id, Reading};

    const SECOND: Duration = Duration::from_secs(1);
    const NANOSECOND: Duration = Duration::from_nanos(1);
    const EXPIRE_AFTER: Duration = Duration::from_secs(600);
    const STALE_AFTER: Duration = Duration::from_secs(300);

    fn id(number: u8) -> Id {
        format!("{number:024x}").parse().unwrap()
    }

    fn org(number: u8) -> Scope {
        Scope::Org { instance: id(1), org: id(number) }
    }

    /// A store in which an org was read at uptime 0 and the time `10:00`, and the clock of that.
    fn store(fill: impl FnOnce(&mut Reading)) -> (Store, Clock) {
        let (clock, _) = Clock::manual("2026-03-17T10:00:00Z".parse().unwrap());
        let store = Store::new();
        let mut reading = Reading::at(clock.now());
        fill(&mut reading);
        store.put(org(2), Collector::PayloadCountsBreakdown, reading, Duration::ZERO);
        (store, clock)
    }

    /// What is shown when so much time has passed.
    fn shown_after(store: &Store, clock: &Clock, passed: Duration) -> Shown {
        let moment = Moment { now: clock.now() + passed, uptime: passed };
        let mut limits = [None; Collector::ALL.len()];
        limits[Collector::PayloadCountsBreakdown as usize] = Some(STALE_AFTER);
        Shown::new(store.snapshot(), moment, EXPIRE_AFTER, Freshness(limits))
    }

    fn values(shown: &Shown) -> Vec<f64> {
        shown.scopes().flat_map(ShownScope::rows).map(Row::value).collect()
    }

    fn until(text: &str) -> Option<Timestamp> {
        text.parse().ok()
    }

    #[test]
    fn what_is_shown_changes_when_something_has_become_too_old_which_is_a_moment_after_its_time() {
        let (store, clock) = store(|reading| reading.add(Measure::Devices, [], 3.0));
        let expect = |passed, changes_at, state, shown: &[f64]| {
            let page = shown_after(&store, &clock, passed);
            assert_eq!(page.validity().changes_at, changes_at, "{passed:?}");
            assert_eq!(page.states(), &BTreeMap::from([((Level::Org, state), 1)]), "{passed:?}");
            assert_eq!(values(&page), shown, "{passed:?}");
        };
        let (stale_at, expired_at) = (STALE_AFTER + NANOSECOND, EXPIRE_AFTER + NANOSECOND);
        expect(Duration::ZERO, Some(stale_at), ScopeState::Fresh, &[3.0]);
        expect(STALE_AFTER, Some(stale_at), ScopeState::Fresh, &[3.0]);
        expect(stale_at, Some(expired_at), ScopeState::Stale, &[3.0]);
        expect(EXPIRE_AFTER, Some(expired_at), ScopeState::Stale, &[3.0]);
        expect(expired_at, None, ScopeState::Stale, &[]);
    }

    #[test]
    fn a_page_ends_with_the_first_window_of_which_a_number_is_shown() {
        let (store, clock) = store(|reading| {
            reading.add_until(Measure::PayloadsToday, ["true".into()], 1.0, until("2026-03-17T10:00:30Z"));
            reading.add_until(Measure::PayloadsLastDay, ["true".into()], 2.0, until("2026-03-17T10:00:20Z"));
            reading.add_until(Measure::PayloadsLastHour, ["true".into()], 4.0, None);
        });
        let mut other = Reading::at(clock.now());
        let end = until("2026-03-17T10:00:25Z");
        other.add_until(Measure::PayloadsToday, ["true".into()], 8.0, end);
        store.put(org(3), Collector::PayloadCountsBreakdown, other, Duration::ZERO);
        for (seconds, ends_at, sum) in [
            (0, until("2026-03-17T10:00:20Z"), 15.0),
            (19, until("2026-03-17T10:00:20Z"), 15.0),
            (20, until("2026-03-17T10:00:25Z"), 13.0),
            (25, until("2026-03-17T10:00:30Z"), 5.0),
            (30, None, 4.0),
        ] {
            let page = shown_after(&store, &clock, SECOND * seconds);
            assert_eq!(page.validity().ends_at, ends_at, "{seconds}");
            assert_eq!(values(&page).into_iter().reduce(|a, b| a + b), Some(sum), "{seconds}");
        }
    }

    #[test]
    fn a_window_of_numbers_that_have_expired_ends_nothing() {
        let (store, clock) = store(|reading| {
            reading.add_until(Measure::PayloadsToday, ["true".into()], 1.0, until("2026-03-18T00:00:00Z"));
        });
        assert!(shown_after(&store, &clock, EXPIRE_AFTER).validity().ends_at.is_some());
        assert!(shown_after(&store, &clock, EXPIRE_AFTER + NANOSECOND).validity().ends_at.is_none());
    }

    #[test]
    fn where_the_clock_was_set_back_a_page_ends_when_the_hour_of_its_numbers_comes() {
        let (store, _) = store(|reading| {
            reading.add_until(Measure::PayloadsThisHour, ["true".into()], 1.0, until("2026-03-17T11:00:00Z"));
        });
        for (now, shown, ends_at) in [
            ("2026-03-16T23:59:00Z", &[][..], "2026-03-17T00:00:00Z"),
            ("2026-03-17T09:59:59.900Z", &[], "2026-03-17T10:00:00Z"),
            ("2026-03-17T10:00:00Z", &[1.0], "2026-03-17T11:00:00Z"),
        ] {
            let moment = Moment { now: now.parse().unwrap(), uptime: SECOND };
            let limits = Freshness([None; Collector::ALL.len()]);
            let page = Shown::new(store.snapshot(), moment, EXPIRE_AFTER, limits);
            assert_eq!((values(&page).as_slice(), page.validity().ends_at), (shown, until(ends_at)), "{now}");
        }
    }

    #[test]
    fn a_page_holds_until_the_store_or_what_is_shown_of_it_changes_or_the_clock_is_set_back() {
        let (store, clock) = store(|reading| {
            reading.add_until(Measure::PayloadsToday, ["true".into()], 1.0, until("2026-03-17T10:00:20Z"));
        });
        let validity = shown_after(&store, &clock, SECOND * 10).validity();
        let holds = |version, now: &str, uptime| {
            validity.holds(version, Moment { now: now.parse().unwrap(), uptime })
        };
        let version = store.version();
        assert!(holds(version, "2026-03-17T10:00:10Z", SECOND * 10));
        assert!(!holds(version + 1, "2026-03-17T10:00:10Z", SECOND * 10));
        assert!(holds(version, "2026-03-17T10:00:19.999Z", STALE_AFTER));
        assert!(!holds(version, "2026-03-17T10:00:20Z", SECOND * 20));
        assert!(!holds(version, "2026-03-17T10:00:10Z", STALE_AFTER + NANOSECOND));
        assert!(!holds(version, "2026-03-17T10:00:09.999Z", SECOND * 10));
    }

    #[test]
    fn scopes_are_counted_by_level_and_state_with_those_that_are_left_out() {
        let (store, clock) = store(|_| ());
        for scope in [org(3), Scope::Sandbox { instance: id(1), sandbox: id(4) }] {
            store.put(scope, Collector::PayloadCountsBreakdown, Reading::at(clock.now()), Duration::ZERO);
        }
        store.fail(org(3), Collector::PayloadCountsBreakdown);
        for (instance, excluded) in [(1, 3), (2, 4)] {
            store.set_excluded(id(instance), Level::Org, excluded);
        }
        let shown = shown_after(&store, &clock, SECOND);
        let counts = [
            ((Level::Org, ScopeState::Fresh), 1),
            ((Level::Org, ScopeState::Failing), 1),
            ((Level::Org, ScopeState::Excluded), 7),
            ((Level::Sandbox, ScopeState::Fresh), 1),
        ];
        assert_eq!(shown.states(), &BTreeMap::from(counts));
        assert_eq!(shown.scopes().len(), 3);
    }

    #[test]
    fn a_scope_has_used_what_its_types_add_up_to_or_what_is_billed_where_that_is_more() {
        let used = |by_type: &[f64], billed: Option<f64>| {
            let (store, clock) = store(|reading| {
                for value in by_type {
                    let labels = ["timer".into(), value.to_string().into()];
                    reading.add(Measure::PayloadsPeriod, labels, *value);
                }
                if let Some(billed) = billed {
                    reading.add(Measure::BillablePayloadsPeriod, [], billed);
                }
                reading.add(Measure::Devices, [], 1_000.0);
            });
            let shown = shown_after(&store, &clock, SECOND);
            shown.scopes().next().and_then(ShownScope::payloads)
        };
        assert_eq!(used(&[], None), None);
        assert_eq!(used(&[3.0, 4.0], None), Some(7.0));
        assert_eq!(used(&[3.0, 4.0], Some(6.0)), Some(7.0));
        assert_eq!(used(&[3.0, 4.0], Some(8.0)), Some(8.0));
        assert_eq!(used(&[], Some(8.0)), Some(8.0));
    }
}
