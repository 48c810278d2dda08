//! The latest reading of every scope.
//!
//! Owns: what was last read, by scope and collector; when; whether the last attempt failed; which instances are up.
//! Publishes immutable [`Snapshot`]s: whoever reads one sees whole polls only, and never waits for a poll.
//! Must not: ask Losant anything, decide when to poll, or know how metrics are written.

mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::usage::{Collector, Id, Reading, Scope};

pub use snapshot::{Freshness, Part, Record, ScopeState, Snapshot};

/// A handle to the store. Clones share one content.
#[derive(Clone, Debug)]
pub struct Store {
    clock: Clock,
    content: Arc<Mutex<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    scopes: BTreeMap<Scope, Arc<Record>>,
    up: BTreeMap<Id, bool>,
    /// The snapshot of the content as it is, until something changes.
    published: Option<Arc<Snapshot>>,
}

impl Store {
    /// An empty store.
    pub fn new(clock: Clock) -> Self {
        Self { clock, content: Arc::default() }
    }

    /// Replaces what `collector` last read of `scope`.
    pub fn put(&self, scope: Scope, collector: Collector, reading: Reading) {
        let (now, uptime) = (self.clock.now(), self.clock.uptime());
        self.change(|content| {
            let record = content.scopes.entry(scope).or_default();
            Arc::make_mut(record).parts[collector as usize] = Part {
                reading: Some(Arc::new(reading)),
                last_success: Some(now),
                stored_at: uptime,
                failing: false,
            };
        });
    }

    /// Notes that the last attempt of `collector` on `scope` failed. What it read before stays until it expires.
    pub fn fail(&self, scope: Scope, collector: Collector) {
        self.change(|content| {
            let record = content.scopes.entry(scope).or_default();
            Arc::make_mut(record).parts[collector as usize].failing = true;
        });
    }

    /// Forgets every scope of `instance` at the level of `wanted`'s members that is not wanted any more: all its
    /// series go at once. Call it only with a list that is known to be complete.
    pub fn retain(&self, instance: Id, level: crate::usage::Level, wanted: &BTreeSet<Scope>) {
        self.change(|content| {
            content.scopes.retain(|scope, _| {
                scope.instance() != instance || scope.level() != level || wanted.contains(scope)
            });
        });
    }

    /// Forgets everything about an instance.
    pub fn forget_instance(&self, instance: Id) {
        self.change(|content| {
            content.scopes.retain(|scope, _| scope.instance() != instance);
            content.up.remove(&instance);
        });
    }

    /// Notes whether the last discovery of `instance` and its own polls succeeded.
    pub fn set_up(&self, instance: Id, up: bool) {
        self.change(|content| {
            content.up.insert(instance, up);
        });
    }

    /// What is known now. The same snapshot is handed out until something changes.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let mut content = self.lock();
        if let Some(published) = &content.published {
            return Arc::clone(published);
        }
        let scopes = content.scopes.iter().map(|(scope, record)| (*scope, Arc::clone(record))).collect();
        let snapshot = Arc::new(Snapshot::new(scopes, content.up.clone()));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::usage::{Level, Measure};

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
        (Store::new(clock.clone()), clock, hand)
    }

    #[test]
    fn a_reading_replaces_the_one_before() {
        let (store, clock, _hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0));
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 2.0));
        assert_eq!(devices(&store, &clock), [(scope(2), 2.0)]);
    }

    #[test]
    fn a_snapshot_does_not_change_under_its_reader() {
        let (store, clock, _hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0));
        let before = store.snapshot();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 4.0));
        let values: Vec<_> = before
            .samples(clock.now(), clock.uptime(), Duration::MAX)
            .map(|(_, sample)| sample.value)
            .collect();
        assert_eq!(values, [3.0]);
    }

    #[test]
    fn a_failure_keeps_the_last_reading_until_it_expires() {
        let (store, clock, hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0));
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
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0));
        hand.advance(Duration::from_secs(6_000));
        store.fail(scope(2), Collector::DeviceCounts);
        let snapshot = store.snapshot();
        let times: Vec<_> = snapshot.last_successes().collect();
        assert_eq!(times, [(scope(2), Collector::DeviceCounts, success)]);
    }

    #[test]
    fn a_jump_of_the_wall_clock_expires_nothing() {
        let (store, clock, hand) = store();
        store.put(scope(2), Collector::DeviceCounts, reading(&clock, 3.0));
        hand.jump_to("2026-03-09T10:00:00Z".parse().unwrap());
        assert_eq!(devices(&store, &clock), [(scope(2), 3.0)]);
    }

    #[test]
    fn only_scopes_of_the_same_instance_and_level_are_forgotten() {
        let (store, clock, _hand) = store();
        let sandbox = Scope::Sandbox { instance: scope(2).instance(), sandbox: scope(9).id() };
        for scope in [scope(2), scope(3), sandbox] {
            store.put(scope, Collector::DeviceCounts, reading(&clock, 1.0));
        }
        store.retain(scope(2).instance(), Level::Org, &BTreeSet::from([scope(3)]));
        assert_eq!(devices(&store, &clock), [(scope(3), 1.0), (sandbox, 1.0)]);
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
        store.put(scope(2), Collector::PayloadCountsBreakdown, reading);
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
