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
