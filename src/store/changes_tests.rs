//! What counts as a change. Each has the page made anew, so what changes nothing must not count, and what does must.

use std::pin::pin;
use std::task::{Context, Waker};

use super::*;
use crate::usage::Measure;

const SECOND: Duration = Duration::from_secs(1);
const COLLECTOR: Collector = Collector::PayloadBytes;

fn id(digit: u8) -> Id {
    format!("{digit:024x}").parse().unwrap()
}

fn org(digit: u8) -> Scope {
    Scope::Org { instance: id(1), org: id(digit) }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A number of a period that holds until `end`, read at second `read_at`.
fn reading(read_at: i64, value: f64, end: i64) -> Reading {
    let mut reading = Reading::at(at(read_at));
    reading.add_until(Measure::PayloadBytesPeriod, ["timer".into(), "flow".into()], value, Some(at(end)));
    reading
}

/// The only number of `scope`, and up to when it holds.
fn shown(store: &Store, scope: Scope) -> Option<(f64, Option<Timestamp>)> {
    let (reading, _) = store.last_read(scope, COLLECTOR)?;
    assert_eq!(reading.samples.len(), 1);
    reading.samples.first().map(|sample| (sample.value, sample.holds_until))
}

fn last_success(store: &Store, scope: Scope) -> Option<Timestamp> {
    let snapshot = store.snapshot();
    let (_, record) = snapshot.scopes().iter().find(|(known, _)| *known == scope)?;
    record.part(COLLECTOR).last_success
}

/// Whether `change` counts as a change.
fn changes(store: &Store, change: impl FnOnce(&Store)) -> bool {
    let before = store.version();
    change(store);
    assert_eq!(store.snapshot().version(), store.version());
    store.version() != before
}

#[test]
fn what_is_said_again_is_no_change() {
    let store = Store::new();
    let instance = id(1);
    for is_change in [true, false] {
        assert_eq!(changes(&store, |store| store.fail(org(2), COLLECTOR)), is_change);
        assert_eq!(changes(&store, |store| store.set_up(instance, true)), is_change);
        assert_eq!(changes(&store, |store| store.set_excluded(instance, Level::Org, 3)), is_change);
        assert_eq!(changes(&store, |store| assert!(store.claim(instance, "account"))), is_change);
    }
    assert!(changes(&store, |store| store.set_up(instance, false)));
    assert_eq!(store.snapshot().up().collect::<Vec<_>>(), [(instance, false)]);
    assert_eq!(store.snapshot().excluded().collect::<Vec<_>>(), [(instance, Level::Org, 3)]);
}

#[test]
fn what_is_not_known_cannot_be_forgotten() {
    let store = Store::new();
    store.put(org(2), COLLECTOR, reading(0, 1.0, 9), SECOND);
    for is_change in [true, false] {
        assert_eq!(changes(&store, |store| store.forget_part(org(2), COLLECTOR)), is_change);
    }
    assert_eq!(shown(&store, org(2)), None);
    for is_change in [true, false] {
        assert_eq!(changes(&store, |store| store.forget(org(2))), is_change);
        store.claim(id(1), "account");
    }
    for is_change in [true, false] {
        assert_eq!(changes(&store, |store| store.release(id(1))), is_change);
    }
}

#[test]
fn a_part_that_has_only_failed_can_be_forgotten_and_other_parts_stay() {
    let store = Store::new();
    store.put(org(2), COLLECTOR, reading(0, 1.0, 9), SECOND);
    store.fail(org(2), Collector::DeviceCounts);
    assert!(changes(&store, |store| store.forget_part(org(2), Collector::DeviceCounts)));
    assert!(!changes(&store, |store| store.forget_part(org(2), Collector::DeviceCounts)));
    assert_eq!(shown(&store, org(2)), Some((1.0, Some(at(9)))));
}

#[test]
fn an_answer_that_comes_after_a_later_question_was_answered_says_only_that_nothing_fails() {
    let store = Store::new();
    store.put(org(2), COLLECTOR, reading(20, 2.0, 99), SECOND * 20);
    let late = |store: &Store| store.put(org(2), COLLECTOR, reading(10, 1.0, 99), SECOND * 10);
    assert!(!changes(&store, late));
    store.fail(org(2), COLLECTOR);
    assert!(changes(&store, late));
    assert_eq!(shown(&store, org(2)), Some((2.0, Some(at(99)))));
    assert_eq!(last_success(&store, org(2)), Some(at(20)));
    assert!(!store.snapshot().scopes()[0].1.part(COLLECTOR).failing);
    // Of two questions asked at the same moment, the one that was answered last.
    store.put(org(2), COLLECTOR, reading(20, 3.0, 99), SECOND * 20);
    assert_eq!(shown(&store, org(2)), Some((3.0, Some(at(99)))));
}

#[test]
fn what_a_list_says_is_shown_unless_something_later_is_known() {
    let store = Store::new();
    let list = |second: u32, value| {
        let read_at = i64::from(second);
        changes(&store, |store| store.show(org(2), COLLECTOR, reading(read_at, value, 99), SECOND * second))
    };
    assert!(list(10, 1.0), "nothing was known");
    assert!(list(20, 2.0), "later");
    assert!(list(20, 3.0), "of the same moment");
    assert!(!list(19, 4.0), "earlier");
    assert_eq!(shown(&store, org(2)), Some((3.0, Some(at(99)))));
    assert_eq!(last_success(&store, org(2)), Some(at(20)));
    // Nobody has asked yet: the answer to the first question counts, whenever it was asked.
    store.put(org(2), COLLECTOR, reading(5, 5.0, 99), SECOND * 5);
    assert_eq!(shown(&store, org(2)), Some((5.0, Some(at(99)))));
    assert_eq!(last_success(&store, org(2)), Some(at(20)), "which was true then");
}

#[test]
fn a_total_that_is_confirmed_holds_longer_and_never_less_long() {
    let store = Store::new();
    store.put(org(2), COLLECTOR, reading(10, 1.0, 50), SECOND * 10);
    let confirm = |second: u32, until: Option<i64>| {
        let moment = (at(i64::from(second)), SECOND * second);
        let is_change = changes(&store, |store| store.confirm(org(2), COLLECTOR, moment, until.map(at)));
        (is_change, shown(&store, org(2)).and_then(|(_, end)| end))
    };
    assert_eq!(confirm(10, Some(90)), (false, Some(at(50))), "no later than the answer");
    assert_eq!(confirm(11, None), (true, Some(at(50))));
    assert_eq!(confirm(12, Some(40)), (true, Some(at(50))));
    assert_eq!(confirm(13, Some(60)), (true, Some(at(60))));
    assert_eq!(last_success(&store, org(2)), Some(at(13)));
}

#[test]
fn scopes_of_an_instance_and_level_that_are_not_kept_go_and_no_others() {
    let store = Store::new();
    let sandbox = Scope::Sandbox { instance: id(1), sandbox: id(4) };
    let elsewhere = Scope::Org { instance: id(9), org: id(5) };
    for scope in [org(2), org(3), sandbox, elsewhere] {
        store.put(scope, COLLECTOR, reading(0, 1.0, 9), SECOND);
    }
    let keep_one = |store: &Store| store.keep_only(id(1), Level::Org, |scope| *scope == org(3));
    assert!(changes(&store, keep_one));
    assert!(!changes(&store, keep_one));
    let left: Vec<_> = store.snapshot().scopes().iter().map(|(scope, _)| *scope).collect();
    assert_eq!(left, [org(3), elsewhere, sandbox]);
}

#[test]
fn an_instance_that_is_forgotten_takes_everything_of_its_own_and_nothing_of_others() {
    let store = Store::new();
    for instance in [id(1), id(2)] {
        store.put(Scope::Instance { instance }, COLLECTOR, reading(0, 1.0, 9), SECOND);
        store.set_up(instance, true);
        store.set_excluded(instance, Level::Org, 1);
        store.claim(instance, if instance == id(1) { "one" } else { "other" });
    }
    assert_eq!((store.claimed_by("one"), store.claimed_by("other")), (vec![id(1)], vec![id(2)]));
    assert!(changes(&store, |store| store.forget_instance(id(1))));
    let snapshot = store.snapshot();
    assert_eq!(snapshot.scopes().len(), 1);
    assert_eq!(snapshot.up().collect::<Vec<_>>(), [(id(2), true)]);
    assert_eq!(snapshot.excluded().collect::<Vec<_>>(), [(id(2), Level::Org, 1)]);
    assert!(!snapshot.has_instances("one") && snapshot.has_instances("other"));
    assert!(store.claimed_by("one").is_empty());
    store.release(id(2));
    assert!(!store.snapshot().has_instances("other"));
    assert_eq!(store.snapshot().scopes().len(), 1, "what is known of it stays");
}

#[test]
fn what_was_read_is_counted_and_told_with_the_time_of_the_question() {
    let store = Store::new();
    assert_eq!((store.last_read(org(2), COLLECTOR), store.size_of(org(2), COLLECTOR)), (None, 0));
    store.put(org(2), COLLECTOR, reading(0, 1.0, 9), SECOND * 7);
    assert_eq!(store.last_read(org(2), COLLECTOR), Some((reading(0, 1.0, 9), SECOND * 7)));
    assert_eq!(store.size_of(org(2), COLLECTOR), 1);
    let mut two = reading(0, 1.0, 9);
    two.samples.extend(reading(0, 2.0, 9).samples);
    store.put(org(2), COLLECTOR, two, SECOND * 8);
    assert_eq!(store.size_of(org(2), COLLECTOR), 2);
}

#[test]
fn whoever_waits_for_a_change_is_woken_by_the_next_one() {
    let store = Store::new();
    let mut changed = pin!(store.changed_since(store.version()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(changed.as_mut().poll(&mut context).is_pending());
    store.set_up(id(1), true);
    assert!(changed.as_mut().poll(&mut context).is_ready());
    assert!(pin!(store.changed_since(0)).poll(&mut context).is_ready(), "that has been one already");
}
