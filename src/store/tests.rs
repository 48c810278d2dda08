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

/// The numbers that hold at a moment.
fn samples(
    snapshot: &Snapshot,
    now: Timestamp,
    uptime: Duration,
    expire_after: Duration,
) -> Vec<(Scope, f64)> {
    let moment = Moment { now, uptime };
    let mut samples = Vec::new();
    for (scope, record) in snapshot.scopes() {
        for collector in Collector::ALL {
            let Some(rows) = record.part(collector).shown(collector, moment, expire_after) else {
                continue;
            };
            let held = rows.all().iter().filter(|row| rows.holds(row, now));
            samples.extend(held.map(|row| (*scope, row.value())));
        }
    }
    samples
}

fn last_successes(snapshot: &Snapshot) -> Vec<(Scope, Collector, Timestamp)> {
    let of = |(scope, record): &(Scope, Arc<Record>)| {
        let successes = record.last_successes(scope.level());
        successes.map(|(collector, at)| (*scope, collector, at)).collect::<Vec<_>>()
    };
    snapshot.scopes().iter().flat_map(of).collect()
}

fn devices(store: &Store, clock: &Clock) -> Vec<(Scope, f64)> {
    samples(&store.snapshot(), clock.now(), clock.uptime(), Duration::from_secs(600))
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
    assert_eq!(samples(&before, clock.now(), clock.uptime(), Duration::MAX), [(scope(2), 3.0)]);
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
    let times: Vec<_> = last_successes(&snapshot);
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
    let times: Vec<_> = last_successes(&snapshot);
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
    assert_eq!(last_successes(&snapshot), [(scope(2), collector, listed)]);
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
    assert_eq!(samples(&store.snapshot(), now.0, now.1, Duration::MAX).len(), 1);
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
    assert_eq!(samples(&store.snapshot(), clock.now(), clock.uptime(), Duration::from_secs(9_999)).len(), 1);
    hand.advance_to("2026-03-01T11:00:00Z".parse().unwrap());
    assert_eq!(samples(&store.snapshot(), clock.now(), clock.uptime(), Duration::from_secs(9_999)).len(), 0);
}

/// Reads of many scopes a number with a label that nobody else has.
fn store_of_many(scopes: usize) -> (Store, Vec<Scope>) {
    let (store, clock, _hand) = store();
    let id = |number: usize| format!("{number:024x}").parse().unwrap();
    let all: Vec<_> = (0..scopes).map(|number| Scope::Org { instance: id(1), org: id(number) }).collect();
    for scope in &all {
        let mut reading = Reading::at(clock.now());
        reading.add(Measure::ApplicationDevices, [scope.id().to_string().into()], 1.0);
        store.put(*scope, Collector::Applications, reading, clock.uptime());
    }
    (store, all)
}

/// Reads a number of the scope.
fn read_one(store: &Store, scope: Scope) {
    store.put(scope, Collector::DeviceCounts, Reading::at(Timestamp::UNIX_EPOCH), Duration::ZERO);
}

#[test]
fn labels_of_scopes_that_have_gone_in_number_go_when_no_snapshot_holds_them_any_more() {
    const MANY: usize = 20_000;
    let (store, all) = store_of_many(MANY);
    let size = || store.lock().labels.size();
    let (held, room) = size();
    assert_eq!(held, MANY);
    let snapshot = store.snapshot();
    let (kept, gone) = all.split_first_chunk::<10>().unwrap();
    for scope in gone {
        store.forget(*scope);
    }
    read_one(&store, kept[0]);
    assert_eq!(size(), (held, room), "the snapshot carries them");
    drop(snapshot);
    read_one(&store, kept[0]);
    let (held, room) = size();
    assert_eq!(held, kept.len());
    assert!(room < MANY / 4, "{room}");
}

#[test]
fn labels_go_as_well_with_a_level_an_instance_and_a_collector_that_is_off() {
    let forget: [fn(&Store, &[Scope]); 3] = [
        |store, all| store.keep_only(all[0].instance(), Level::Org, |scope| scope.id() == all[0].id()),
        |store, all| store.forget_instance(all[0].instance()),
        |store, all| all.iter().for_each(|scope| store.forget_part(*scope, Collector::Applications)),
    ];
    for (way, left) in forget.into_iter().zip([1, 0, 0]) {
        let (store, all) = store_of_many(100);
        way(&store, &all);
        read_one(&store, all[0]);
        assert_eq!(store.lock().labels.size().0, left);
    }
}

#[test]
fn few_that_go_cost_no_look_at_the_labels_of_all() {
    let (store, all) = store_of_many(100);
    for scope in all.get(51..).unwrap() {
        store.forget(*scope);
    }
    read_one(&store, all[0]);
    assert_eq!(store.lock().labels.size().0, 100);
    store.forget(all[50]);
    read_one(&store, all[0]);
    assert_eq!(store.lock().labels.size().0, 50);
}
