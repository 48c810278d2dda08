use proptest::prelude::*;

use super::*;
use crate::usage::{Id, Scope};

const MINUTE: Duration = Duration::from_secs(60);

fn job(org: u32) -> Job {
    let id = |number: u32| -> Id { format!("{number:024x}").parse().unwrap() };
    Job::Poll(Scope::Org { instance: id(1), org: id(org) }, Collector::DeviceCounts)
}

fn any_lane() -> impl Strategy<Value = Lane> {
    prop_oneof![Just(Lane::Brisk), Just(Lane::Calm)]
}

fn any(_: Collector) -> bool {
    true
}

#[test]
fn the_most_overdue_job_comes_first_and_none_before_its_time() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, 3 * MINUTE);
    schedule.add(job(3), Lane::Brisk, 2 * MINUTE);
    assert_eq!(schedule.pop_due(MINUTE, any), None);
    assert_eq!(schedule.next_due(any), Some(2 * MINUTE));
    assert_eq!(schedule.pop_due(5 * MINUTE, any), Some(job(3)));
    assert_eq!(schedule.pop_due(5 * MINUTE, any), Some(job(2)));
    assert_eq!(schedule.pop_due(5 * MINUTE, any), None);
}

#[test]
fn a_running_job_is_not_handed_out_twice_but_runs_once_more_when_hurried() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, MINUTE);
    assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
    schedule.hurry(job(2), MINUTE);
    assert_eq!(schedule.pop_due(9 * MINUTE, any), None);
    schedule.ended(job(2), 2 * MINUTE, 5 * MINUTE);
    assert_eq!(schedule.pop_due(2 * MINUTE, any), Some(job(2)));
}

#[test]
fn a_job_that_was_taken_out_while_running_does_not_come_back() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, MINUTE);
    assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
    schedule.retain(|_| false);
    schedule.ended(job(2), MINUTE, MINUTE);
    assert_eq!(schedule.next_due(any), None);
    assert!(!schedule.contains(job(2)));
}

#[test]
fn a_job_that_is_recalled_waits_as_it_did_before() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, MINUTE);
    schedule.add(job(3), Lane::Calm, 2 * MINUTE);
    assert_eq!(handed_out(&mut schedule, 3 * MINUTE), [job(2), job(3)]);
    schedule.recall();
    assert!(!schedule.is_running(job(2)));
    assert_eq!((schedule.next_due(any), schedule.never_attempted()), (Some(MINUTE), 2));
    assert_eq!(handed_out(&mut schedule, 3 * MINUTE), [job(2), job(3)]);
}

#[test]
fn a_job_under_way_counts_as_overdue_since_it_was_due() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, MINUTE);
    schedule.pop_due(3 * MINUTE, any).unwrap();
    assert_eq!(schedule.earliest_due()[Collector::DeviceCounts as usize], Some(MINUTE));
}

#[test]
fn discovery_comes_before_jobs_that_are_more_overdue() {
    let mut schedule = Schedule::default();
    let discovery =
        Job::Poll(Scope::Instance { instance: job(2).scope().unwrap().instance() }, Collector::Discovery);
    schedule.add(job(2), Lane::Brisk, Duration::ZERO);
    schedule.add(discovery, Lane::Brisk, MINUTE);
    assert_eq!(
        schedule.pop_due(Duration::ZERO, any),
        Some(job(2)),
        "nothing waits for a discovery that is not due"
    );
    schedule.ended_until(job(2), Duration::ZERO, Lane::Brisk, Duration::ZERO);
    assert_eq!(schedule.pop_due(MINUTE, any), Some(discovery));
}

#[test]
fn a_job_that_was_taken_out_and_added_again_while_it_ran_waits_once() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, MINUTE);
    assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
    schedule.retain(|_| false);
    schedule.add(job(2), Lane::Brisk, 2 * MINUTE);
    schedule.ended(job(2), 3 * MINUTE, 5 * MINUTE);
    let handed_out = std::iter::from_fn(|| schedule.pop_due(60 * MINUTE, any)).count();
    assert_eq!(handed_out, 1);
}

#[test]
fn a_collector_that_may_not_run_holds_up_no_other() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, Duration::ZERO);
    assert_eq!(schedule.pop_due(MINUTE, |collector| collector == Collector::Discovery), None);
    assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
}

fn handed_out(schedule: &mut Schedule, now: Duration) -> Vec<Job> {
    std::iter::from_fn(|| schedule.pop_due(now, any)).collect()
}

#[test]
fn while_both_lanes_are_due_one_in_four_is_a_calm_one_and_neither_starves() {
    let mut schedule = Schedule::default();
    (1..=6).for_each(|org| schedule.add(job(org), Lane::Brisk, MINUTE));
    (11..=13).for_each(|org| schedule.add(job(org), Lane::Calm, Duration::ZERO));
    let order = [1, 2, 3, 11, 4, 5, 6, 12, 13].map(job);
    assert_eq!(handed_out(&mut schedule, MINUTE), order);
}

#[test]
fn a_job_that_is_wanted_sooner_moves_up_and_never_back() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Calm, 9 * MINUTE);
    schedule.want(job(2), Lane::Brisk, 3 * MINUTE);
    schedule.want(job(2), Lane::Brisk, 5 * MINUTE);
    schedule.want(job(2), Lane::Calm, MINUTE);
    assert_eq!(schedule.next_due(any), Some(3 * MINUTE));
}

#[test]
fn a_job_rests_when_what_it_would_bring_is_known_unless_somebody_insists() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, MINUTE);
    schedule.rest(job(2), 9 * MINUTE);
    assert_eq!((schedule.next_due(any), schedule.never_attempted()), (Some(9 * MINUTE), 0));
    schedule.hurry(job(2), 2 * MINUTE);
    schedule.rest(job(2), 9 * MINUTE);
    assert_eq!(handed_out(&mut schedule, 2 * MINUTE), [job(2)]);
}

#[test]
fn it_is_known_of_each_job_when_it_is_due_and_whether_it_runs() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, MINUTE);
    schedule.add(job(2), Lane::Calm, 9 * MINUTE);
    assert_eq!((schedule.due(job(2)), schedule.due(job(3))), (Some(MINUTE), None), "it was there already");
    assert!(!schedule.is_running(job(2)) && schedule.contains(job(2)) && !schedule.contains(job(3)));
    schedule.pop_due(MINUTE, any).unwrap();
    assert!(schedule.is_running(job(2)));
    schedule.ended_until(job(2), MINUTE, Lane::Calm, 3 * MINUTE);
    assert_eq!((schedule.due(job(2)), schedule.is_running(job(2))), (Some(3 * MINUTE), false));
    assert_eq!(schedule.jobs().collect::<Vec<_>>(), [job(2)]);
}

#[test]
fn jobs_that_have_never_been_tried_are_counted() {
    let mut schedule = Schedule::default();
    (2..6).for_each(|org| schedule.add(job(org), Lane::Brisk, MINUTE));
    schedule.add(job(2), Lane::Brisk, MINUTE);
    assert_eq!(schedule.never_attempted(), 4);
    for _ in 0..2 {
        schedule.hurry(job(2), Duration::ZERO);
        assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
        schedule.ended_until(job(2), MINUTE, Lane::Brisk, MINUTE);
        assert_eq!(schedule.never_attempted(), 3, "once is enough");
        schedule.rest(job(2), MINUTE);
        assert_eq!(schedule.never_attempted(), 3);
    }
    schedule.rest(job(3), 9 * MINUTE);
    assert_eq!(schedule.never_attempted(), 2, "what it would bring is known");
    schedule.retain(|kept| *kept != job(5));
    assert_eq!((schedule.never_attempted(), schedule.jobs().count()), (1, 3));
}

#[test]
fn whoever_hurries_a_job_learns_whether_it_runs_and_makes_it_no_later() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Calm, MINUTE);
    assert!(!schedule.hurry(job(2), 3 * MINUTE) && !schedule.hurry(job(3), 3 * MINUTE));
    assert_eq!((schedule.due(job(2)), schedule.due(job(3))), (Some(MINUTE), None));
    assert_eq!(handed_out(&mut schedule, 3 * MINUTE), [job(2)]);
    assert!(schedule.hurry(job(2), 3 * MINUTE));
    assert_eq!(handed_out(&mut schedule, 3 * MINUTE), []);
}

#[test]
fn a_hurried_job_keeps_its_place_whatever_becomes_known_until_it_is_handed_out() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Calm, 9 * MINUTE);
    schedule.hurry(job(2), MINUTE);
    schedule.move_due(job(2), Lane::Calm, 7 * MINUTE);
    schedule.rest(job(2), 7 * MINUTE);
    schedule.want(job(2), Lane::Brisk, Duration::ZERO);
    assert_eq!(schedule.due(job(2)), Some(MINUTE));
    schedule.pop_due(MINUTE, any).unwrap();
    // Nor does what becomes known while it runs.
    schedule.move_due(job(2), Lane::Calm, 7 * MINUTE);
    schedule.rest(job(2), 7 * MINUTE);
    schedule.want(job(2), Lane::Brisk, Duration::ZERO);
    assert_eq!(handed_out(&mut schedule, 9 * MINUTE), []);
    schedule.ended_until(job(2), MINUTE, Lane::Brisk, 5 * MINUTE);
    schedule.rest(job(2), 7 * MINUTE);
    assert_eq!(schedule.due(job(2)), Some(7 * MINUTE), "it has been done");
}

#[test]
fn a_job_that_was_hurried_while_it_ran_is_hurried_still_when_it_is_recalled() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, MINUTE);
    schedule.add(job(3), Lane::Brisk, MINUTE);
    assert_eq!(handed_out(&mut schedule, MINUTE), [job(2), job(3)]);
    schedule.hurry(job(2), MINUTE);
    schedule.recall();
    schedule.rest(job(2), 9 * MINUTE);
    schedule.rest(job(3), 9 * MINUTE);
    assert_eq!(handed_out(&mut schedule, MINUTE), [job(2)]);
    schedule.ended_until(job(2), MINUTE, Lane::Brisk, 5 * MINUTE);
    assert_eq!(handed_out(&mut schedule, MINUTE), [], "once");
}

#[test]
fn a_job_can_be_moved_later_and_sooner() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, 3 * MINUTE);
    for minutes in [9, 1] {
        schedule.move_due(job(2), Lane::Calm, minutes * MINUTE);
        assert_eq!(schedule.next_due(any), Some(minutes * MINUTE));
    }
    schedule.move_due(job(3), Lane::Calm, MINUTE);
    assert!(!schedule.contains(job(3)));
}

#[test]
fn what_is_wanted_by_a_brisk_job_counts_before_what_a_calm_one_wants() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Calm, 3 * MINUTE);
    schedule.want(job(2), Lane::Calm, 2 * MINUTE);
    assert_eq!(schedule.due(job(2)), Some(2 * MINUTE), "sooner in the same lane");
    schedule.want(job(2), Lane::Calm, 2 * MINUTE);
    schedule.want(job(2), Lane::Brisk, 5 * MINUTE);
    assert_eq!(schedule.due(job(2)), Some(5 * MINUTE), "a lane up, and then it is its turn");
    schedule.want(job(2), Lane::Calm, MINUTE);
    assert_eq!(schedule.due(job(2)), Some(5 * MINUTE));
}

#[test]
fn a_job_that_was_hurried_while_it_ran_is_brisk_and_due_when_it_ends() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Calm, MINUTE);
    schedule.add(job(3), Lane::Calm, Duration::ZERO);
    schedule.pop_due(MINUTE, any).unwrap();
    schedule.pop_due(MINUTE, any).unwrap();
    schedule.hurry(job(2), 2 * MINUTE);
    schedule.ended_until(job(2), 3 * MINUTE, Lane::Calm, 9 * MINUTE);
    assert_eq!(schedule.due(job(2)), Some(3 * MINUTE));
    schedule.rest(job(2), 9 * MINUTE);
    assert_eq!(handed_out(&mut schedule, 3 * MINUTE), [job(2)], "somebody wanted it, needed or not");
}

#[test]
fn calm_jobs_alone_are_handed_out_one_after_the_other() {
    let mut schedule = Schedule::default();
    (1..=6).for_each(|org| schedule.add(job(org), Lane::Calm, MINUTE));
    assert_eq!(handed_out(&mut schedule, MINUTE).len(), 6);
    (1..=6).for_each(|org| schedule.add(job(10 + org), Lane::Brisk, MINUTE));
    schedule.add(job(20), Lane::Calm, Duration::ZERO);
    // After so many calm ones it is not one's turn.
    assert_eq!(handed_out(&mut schedule, MINUTE), [11, 12, 13, 20, 14, 15, 16].map(job));
}

#[test]
fn discovery_is_not_held_up_by_the_turn_of_a_calm_job() {
    let mut schedule = Schedule::default();
    (1..=3).for_each(|org| schedule.add(job(org), Lane::Brisk, Duration::ZERO));
    schedule.add(job(9), Lane::Calm, Duration::ZERO);
    assert_eq!(handed_out_first(&mut schedule, 3), [1, 2, 3].map(job));
    let discovery =
        Job::Poll(Scope::Instance { instance: job(2).scope().unwrap().instance() }, Collector::Discovery);
    schedule.add(discovery, Lane::Brisk, MINUTE);
    assert_eq!(handed_out(&mut schedule, MINUTE), [discovery, job(9)]);
}

fn handed_out_first(schedule: &mut Schedule, jobs: usize) -> Vec<Job> {
    std::iter::from_fn(|| schedule.pop_due(MINUTE, any)).take(jobs).collect()
}

#[test]
fn each_collector_is_as_late_as_the_first_of_its_jobs_waiting_or_under_way() {
    let mut schedule = Schedule::default();
    schedule.add(job(2), Lane::Brisk, 2 * MINUTE);
    schedule.add(job(3), Lane::Calm, MINUTE);
    let of = |schedule: &Schedule| schedule.earliest_due()[Collector::DeviceCounts as usize];
    assert_eq!(of(&schedule), Some(MINUTE));
    assert_eq!(handed_out(&mut schedule, MINUTE), [job(3)]);
    assert_eq!(of(&schedule), Some(MINUTE));
    schedule.ended_until(job(3), MINUTE, Lane::Calm, 9 * MINUTE);
    assert_eq!(of(&schedule), Some(2 * MINUTE));
    assert_eq!(schedule.earliest_due()[Collector::PayloadBytes as usize], None);
}

proptest! {
    #[test]
    fn no_job_waits_for_ever_while_others_keep_coming(lanes in proptest::collection::vec(any_lane(), 1..30)) {
        let mut schedule = Schedule::default();
        for (org, lane) in (0..).zip(&lanes) {
            schedule.add(job(org), *lane, Duration::ZERO);
        }
        let mut seen = BTreeSet::new();
        // Every job comes back at once, as if there were always more to do than can be done.
        for second in 1..=4 * u64::try_from(lanes.len()).unwrap() {
            let now = Duration::from_secs(second);
            let next = schedule.pop_due(now, any).unwrap();
            seen.insert(next);
            let Job::Poll(scope, _) = next else { continue };
            let org = u32::from(*scope.id().as_bytes().last().unwrap());
            schedule.ended_until(next, now, lanes[usize::try_from(org).unwrap()], now);
        }
        prop_assert_eq!(seen.len(), lanes.len());
    }

    #[test]
    fn a_job_is_due_again_within_one_interval_at_its_own_slot(
        org: u32, now in 0u64..1_000_000_000, interval in 1_000u64..4_000_000,
    ) {
        let (now, interval) = (Duration::from_millis(now), Duration::from_millis(interval));
        let next = next_slot(job(org), now, interval);
        prop_assert!(next > now && next <= now + interval);
        prop_assert_eq!(next_slot(job(org), next, interval), next + interval);
    }
}

#[test]
fn jobs_of_one_kind_are_spread_over_their_interval() {
    let mut tenths = [0; 10];
    for org in 0..1_000 {
        let place = next_slot(job(org), Duration::ZERO, 1_000 * MINUTE).as_secs() % 60_000 / 6_000;
        tenths[usize::try_from(place).unwrap()] += 1;
    }
    assert!(tenths.iter().all(|count| (50..150).contains(count)), "{tenths:?}");
}
