//! The latest reading of every scope.
//!
//! Owns: what was last read, by scope and collector; when; whether the last attempt failed; which instances are up.
//! Publishes immutable [`Snapshot`]s: whoever reads one sees whole polls only, and never waits for a poll.
//! Must not: ask Losant anything, decide when to poll, or know how metrics are written.

mod snapshot;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::usage::{Collector, Id, Level, Reading, Scope};

pub use snapshot::{Freshness, Part, Record, ScopeState, Snapshot};

/// A handle to the store. Clones share one content.
#[derive(Clone, Debug, Default)]
pub struct Store {
    content: Arc<Mutex<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    scopes: BTreeMap<Scope, Arc<Record>>,
    up: BTreeMap<Id, bool>,
    excluded: BTreeMap<(Id, Level), usize>,
    /// The account that each instance is polled with.
    claims: BTreeMap<Id, String>,
    /// The snapshot of the content as it is, until something changes.
    published: Option<Arc<Snapshot>>,
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces what `collector` last read of `scope`. `asked_at` is the uptime at which it asked: a reading that took an
    /// hour to come is an hour old, and does not replace one that was asked for after it.
    pub fn put(&self, scope: Scope, collector: Collector, reading: Reading, asked_at: Duration) {
        self.change(|content| {
            let part = content.part(scope, collector);
            part.failing = false;
            if part.reading.is_some() && part.asked_at > asked_at {
                return;
            }
            part.asked_at = asked_at;
            part.hold(reading.read_at, asked_at);
            part.reading = Some(Arc::new(reading));
        });
    }

    /// Shows what a list, asked for at uptime `listed_at`, makes known of `scope`. Says nothing of whether the last attempt
    /// of `collector` failed, and a question that was under way meanwhile still brings a reading that replaces this one.
    pub fn show(&self, scope: Scope, collector: Collector, reading: Reading, listed_at: Duration) {
        self.change(|content| {
            let part = content.part(scope, collector);
            if part.reading.is_some() && part.holds_at > listed_at {
                return;
            }
            part.hold(reading.read_at, listed_at);
            part.reading = Some(Arc::new(reading));
        });
    }

    /// Notes that what `collector` last read of `scope` was still true at `read_at`, as was learned from a list asked for at
    /// uptime `listed_at`. Totals of the billing period hold until `until`, where that is known and later.
    pub fn confirm(
        &self,
        scope: Scope,
        collector: Collector,
        (read_at, listed_at): (Timestamp, Duration),
        until: Option<Timestamp>,
    ) {
        self.change(|content| {
            let part = content.part(scope, collector);
            let Some(reading) = part.reading.as_mut().filter(|_| part.holds_at < listed_at) else { return };
            if reading.ends_before(until) {
                Arc::make_mut(reading).extend_to(until);
            }
            part.hold(read_at, listed_at);
        });
    }

    /// What `collector` last read of `scope`, and the uptime at which it asked.
    pub fn last_read(&self, scope: Scope, collector: Collector) -> Option<(Arc<Reading>, Duration)> {
        let content = self.lock();
        let part = &content.scopes.get(&scope)?.parts[collector as usize];
        Some((Arc::clone(part.reading.as_ref()?), part.asked_at))
    }

    /// How many numbers `collector` last read of `scope`.
    pub fn size_of(&self, scope: Scope, collector: Collector) -> usize {
        let content = self.lock();
        let part = content.scopes.get(&scope).map(|record| &record.parts[collector as usize]);
        part.and_then(|part| part.reading.as_ref()).map_or(0, |reading| reading.samples.len())
    }

    /// Notes that the last attempt of `collector` on `scope` failed. What it read before stays until it expires.
    pub fn fail(&self, scope: Scope, collector: Collector) {
        self.change(|content| {
            let record = content.scopes.entry(scope).or_default();
            Arc::make_mut(record).parts[collector as usize].failing = true;
        });
    }

    /// Forgets one scope.
    pub fn forget(&self, scope: Scope) {
        self.change(|content| {
            content.scopes.remove(&scope);
        });
    }

    /// Forgets everything about an instance.
    pub fn forget_instance(&self, instance: Id) {
        self.change(|content| {
            content.scopes.retain(|scope, _| scope.instance() != instance);
            content.up.remove(&instance);
            content.claims.remove(&instance);
            content.excluded.retain(|(of, _), _| *of != instance);
        });
    }

    /// Notes whether the last discovery of `instance` and its own polls succeeded.
    pub fn set_up(&self, instance: Id, up: bool) {
        self.change(|content| {
            content.up.insert(instance, up);
        });
    }

    /// Takes an instance for an account. Returns whether it has it now: an instance belongs to the account that came first, so
    /// that two do not overwrite each other's numbers.
    pub fn claim(&self, instance: Id, account: &str) -> bool {
        let mut content = self.lock();
        content.claims.entry(instance).or_insert_with(|| account.to_owned()) == account
    }

    /// Notes how many scopes of an instance the configuration leaves out.
    pub fn set_excluded(&self, instance: Id, level: Level, scopes: usize) {
        self.change(|content| {
            content.excluded.insert((instance, level), scopes);
        });
    }

    /// What is known now. The same snapshot is handed out until something changes.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let mut content = self.lock();
        if let Some(published) = &content.published {
            return Arc::clone(published);
        }
        let scopes = content.scopes.iter().map(|(scope, record)| (*scope, Arc::clone(record))).collect();
        let snapshot = Arc::new(Snapshot::new(scopes, content.up.clone(), content.excluded.clone()));
        content.published = Some(Arc::clone(&snapshot));
        snapshot
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        let mut content = self.lock();
        content.published = None;
        change(&mut content);
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        // A panic while the lock was held leaves whole values only: every change is one assignment.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn part(&mut self, scope: Scope, collector: Collector) -> &mut Part {
        let record = self.scopes.entry(scope).or_default();
        &mut Arc::make_mut(record).parts[collector as usize]
    }
}

impl Part {
    /// Notes up to when the reading is true; never back.
    fn hold(&mut self, read_at: Timestamp, uptime: Duration) {
        if self.last_success.is_none() || self.holds_at <= uptime {
            self.last_success = Some(read_at);
            self.holds_at = uptime;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::usage::Measure;

    fn scope(org: u8) -> Scope {
        let id = |digit: u8| format!("{digit:024x}").parse().unwrap();
        Scope::Org { instance: id(1), org: id(org) }
    }

    fn reading(clock: &Clock, devices: f64) -> Reading {
        let mut reading = Reading::at(clock.now());
        reading.add(Measure::Devices, [], devices);
        reading
    }

    fn devices(store: &Store, clock: &Clock) -> Vec<(Scope, f64)> {
        let snapshot = store.snapshot();
        snapshot
            .samples(clock.now(), clock.uptime(), Duration::from_secs(600))
            .map(|(scope, sample)| (scope, sample.value))
            .collect()
    }

    fn store() -> (Store, Clock, crate::clock::ClockHand) {
        let (clock, hand) = Clock::manual("2026-03-01T10:00:00Z".parse().unwrap());
        (Store::new(), clock, hand)
    }

    #[test]
    fn a_reading_replaces_the_one_before() {
        let (store, clock, _hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0), clock.uptime());
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 2.0), clock.uptime());
        assert_eq!(devices(&store, &clock), [(scope(2), 2.0)]);
    }

    #[test]
    fn a_snapshot_does_not_change_under_its_reader() {
        let (store, clock, _hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0), clock.uptime());
        let before = store.snapshot();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 4.0), clock.uptime());
        let values: Vec<_> = before
            .samples(clock.now(), clock.uptime(), Duration::MAX)
            .map(|(_, sample)| sample.value)
            .collect();
        assert_eq!(values, [3.0]);
    }

    #[test]
    fn a_failure_keeps_the_last_reading_until_it_expires() {
        let (store, clock, hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0), clock.uptime());
        store.fail(scope(2), Collector::DeviceCounts);
        hand.advance(Duration::from_secs(600));
        assert_eq!(devices(&store, &clock), [(scope(2), 3.0)]);
        hand.advance(Duration::from_millis(1));
        assert_eq!(devices(&store, &clock), []);
    }

    #[test]
    fn the_time_of_the_last_success_outlives_the_reading_and_a_failure_leaves_it_alone() {
        let (store, clock, hand) = store();
        let success = clock.now();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0), clock.uptime());
        hand.advance(Duration::from_secs(6_000));
        store.fail(scope(2), Collector::DeviceCounts);
        let snapshot = store.snapshot();
        let times: Vec<_> = snapshot.last_successes().collect();
        assert_eq!(times, [(scope(2), Collector::DeviceCounts, success)]);
    }

    #[test]
    fn a_reading_that_is_confirmed_is_as_young_as_the_confirmation() {
        let (store, clock, hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0), clock.uptime());
        hand.advance(Duration::from_secs(500));
        store.confirm(scope(2), Collector::DeviceCounts, (clock.now(), clock.uptime()), None);
        // Nothing that was never read can be confirmed.
        store.confirm(scope(2), Collector::NotebookMinuteCounts, (clock.now(), clock.uptime()), None);
        let confirmed = clock.now();
        hand.advance(Duration::from_secs(500));
        assert_eq!(devices(&store, &clock), [(scope(2), 3.0)]);
        let snapshot = store.snapshot();
        let times: Vec<_> = snapshot.last_successes().collect();
        assert_eq!(times, [(scope(2), Collector::DeviceCounts, confirmed)]);
    }

    #[test]
    fn a_poll_that_was_under_way_while_a_list_confirmed_the_one_before_is_not_lost() {
        let (store, clock, hand) = store();
        let collector = Collector::DeviceCounts;
        store.put(scope(2), collector, reading(&clock, 3.0), clock.uptime());
        store.fail(scope(2), collector);
        hand.advance(Duration::from_secs(100));
        let (asked_at, answer) = (clock.uptime(), reading(&clock, 4.0));
        hand.advance(Duration::from_secs(10));
        store.confirm(scope(2), collector, (clock.now(), clock.uptime()), None);
        store.show(scope(2), collector, reading(&clock, 3.0), clock.uptime());
        let listed = clock.now();
        store.put(scope(2), collector, answer, asked_at);
        assert_eq!(devices(&store, &clock), [(scope(2), 4.0)]);
        let snapshot = store.snapshot();
        assert_eq!(snapshot.last_successes().collect::<Vec<_>>(), [(scope(2), collector, listed)]);
    }

    #[test]
    fn a_total_that_is_confirmed_holds_as_long_as_its_period() {
        let (store, clock, hand) = store();
        let collector = Collector::PayloadBytes;
        let until = |text: &str| Some(text.parse().unwrap());
        let mut reading = Reading::at(clock.now());
        let labels = ["timer".into(), "timer.flow".into()];
        reading.add_until(Measure::PayloadBytesPeriod, labels, 5.0, until("2026-03-01T12:00:00Z"));
        store.put(scope(2), collector, reading, clock.uptime());
        hand.advance(Duration::from_secs(7_201));
        let now = (clock.now(), clock.uptime());
        store.confirm(scope(2), collector, now, until("2026-03-02T00:00:00Z"));
        assert_eq!(store.snapshot().samples(now.0, now.1, Duration::MAX).count(), 1);
    }

    #[test]
    fn a_reading_is_as_old_as_the_question() {
        let (store, clock, hand) = store();
        let (asked_at, late) = (clock.uptime(), reading(&clock, 3.0));
        hand.advance(Duration::from_secs(601));
        store.put(scope(2), Collector::DeviceCounts, late, asked_at);
        assert_eq!(devices(&store, &clock), []);
    }

    #[test]
    fn a_jump_of_the_wall_clock_expires_nothing() {
        let (store, clock, hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0), clock.uptime());
        hand.jump_to("2026-03-09T10:00:00Z".parse().unwrap());
        assert_eq!(devices(&store, &clock), [(scope(2), 3.0)]);
    }

    #[test]
    fn a_forgotten_scope_takes_nobody_with_it() {
        let (store, clock, _hand) = store();
        for scope in [scope(2), scope(3)] {
            store.put(scope, Collector::DeviceCounts, reading(&clock, 1.0), clock.uptime());
        }
        store.forget(scope(2));
        assert_eq!(devices(&store, &clock), [(scope(3), 1.0)]);
        store.forget_instance(scope(3).instance());
        assert_eq!(devices(&store, &clock), []);
    }

    #[test]
    fn an_instance_belongs_to_the_account_that_came_first_until_it_is_forgotten() {
        let (store, _clock, _hand) = store();
        let instance = scope(2).instance();
        assert!(store.claim(instance, "first") && store.claim(instance, "first"));
        assert!(!store.claim(instance, "second"));
        store.forget_instance(instance);
        assert!(store.claim(instance, "second"));
    }

    #[test]
    fn a_number_goes_when_its_window_is_over() {
        let (store, clock, hand) = store();
        let mut reading = Reading::at(clock.now());
        reading.add_until(
            Measure::PayloadsThisHour,
            ["true".into()],
            5.0,
            Some("2026-03-01T11:00:00Z".parse().unwrap()),
        );
        store.put(scope(2), Collector::PayloadCountsBreakdown, reading, clock.uptime());
        hand.advance_to("2026-03-01T10:59:59.999Z".parse().unwrap());
        assert_eq!(
            store.snapshot().samples(clock.now(), clock.uptime(), Duration::from_secs(9_999)).count(),
            1
        );
        hand.advance_to("2026-03-01T11:00:00Z".parse().unwrap());
        assert_eq!(
            store.snapshot().samples(clock.now(), clock.uptime(), Duration::from_secs(9_999)).count(),
            0
        );
    }
}
