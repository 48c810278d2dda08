use super::super::stand::{MINUTE, NOW, Stand, org, sandbox, unavailable, used, used_type, whole};
use super::*;
use crate::losant::Unavailable;
use crate::usage::Measure;

/// Everything is asked again so often by default.
const REFRESH: Duration = Duration::from_secs(12 * 3_600);

const PAYLOADS: Collector = Collector::PayloadCounts;
const BYTES: Collector = Collector::PayloadBytes;
const HOURS: Collector = Collector::PayloadCountsBreakdown;
const DEVICES: Collector = Collector::DeviceCounts;
const NOTEBOOKS: Collector = Collector::NotebookMinuteCounts;

/// The value of a measure that a collector last read of a scope.
fn value(stand: &Stand, scope: Scope, collector: Collector, measure: Measure) -> Option<f64> {
    let samples = stand.read(scope, collector)?;
    samples.iter().find(|sample| sample.measure == measure).map(|sample| sample.value)
}

/// The place of a poll within an interval that follows `after`.
fn place(scope: Scope, collector: Collector, after: Duration, interval: Duration) -> Duration {
    next_slot(Job::Poll(scope, collector), after, interval)
}

#[test]
fn what_is_known_rests_until_its_place_in_the_refresh_interval() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.pass(MINUTE);
    let asked_at = stand.uptime();
    stand.poll_all(org(2), 5.0);
    stand.pass(4 * MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    let refresh = stand.poller.config.polling.refresh_interval.get();
    for collector in [BYTES, HOURS, DEVICES, NOTEBOOKS] {
        assert_eq!(stand.due(org(2), collector), Some(place(org(2), collector, asked_at, refresh)));
        assert_eq!(stand.last_success(org(2), collector), Some(stand.now()), "{collector}");
    }
}

#[test]
fn what_a_list_showed_to_change_is_asked_once_more_when_it_has_settled() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll_all(org(2), 5.0);
    stand.pass(5 * MINUTE);
    stand.sweep(&[(org(2), used(6.0))]);
    let changed_at = stand.uptime();
    stand.pass(MINUTE);
    stand.poll_all(org(2), 6.0);
    stand.pass(4 * MINUTE);
    stand.sweep(&[(org(2), used(6.0))]);
    let settled = changed_at + stand.poller.config.polling.settle_delay.get();
    assert_eq!(stand.due(org(2), HOURS), Some(settled));
    // What is asked at that moment has settled.
    stand.pass(stand.until_due(org(2), HOURS));
    stand.poll_all(org(2), 6.0);
    stand.sweep(&[(org(2), used(6.0))]);
    let refresh = stand.poller.config.polling.refresh_interval.get();
    assert_eq!(stand.due(org(2), HOURS), Some(place(org(2), HOURS, settled, refresh)));
}

#[test]
fn a_poll_that_fails_comes_back_in_its_own_time_whatever_lists_say() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.fail(org(2), DEVICES, &unavailable(Unavailable::Status(500)));
    let due = stand.due(org(2), DEVICES);
    assert_eq!(due, Some(5 * MINUTE));
    stand.pass(MINUTE);
    stand.sweep(&[(org(2), used(6.0))]);
    assert_eq!(stand.due(org(2), DEVICES), due);
}

#[test]
fn a_collector_that_is_disabled_is_not_asked() {
    let mut stand = Stand::with(|config| config.polling.disabled_collectors = vec![DEVICES]);
    stand.sweep(&[(org(2), used(5.0))]);
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(stand.due(org(2), DEVICES), None);
    assert!(stand.due(org(2), BYTES).is_some());
}

#[test]
fn windows_move_on_over_what_was_read_while_nothing_changes() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll_all(org(2), 5.0);
    let last_hour = |stand: &Stand| value(stand, org(2), HOURS, Measure::LastHourEnd);
    let before = last_hour(&stand).unwrap();
    // Within the hour nothing moves.
    stand.pass(5 * MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(last_hour(&stand), Some(before));
    assert_eq!(stand.poller.store.last_read(org(2), HOURS).unwrap().0.read_at, NOW.parse().unwrap());
    stand.pass(60 * MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(last_hour(&stand), Some(before + 3_600.0));
    // And on the next day devices and notebooks move on as well.
    stand.pass(24 * 60 * MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    for (collector, measure) in
        [(DEVICES, Measure::DevicesCreatedToday), (NOTEBOOKS, Measure::NotebookRunTimeToday)]
    {
        let samples = stand.read(org(2), collector).unwrap();
        let sample = samples.iter().find(|sample| sample.measure == measure).unwrap();
        assert_eq!((sample.value, sample.holds_until), (0.0, "2026-03-19T00:00:00Z".parse().ok()));
    }
}

#[test]
fn totals_of_a_period_that_are_known_to_be_the_same_hold_to_its_end() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll_all(org(2), 5.0);
    let totals = [(PAYLOADS, Measure::PayloadsPeriod), (BYTES, Measure::PayloadBytesPeriod)];
    for (collector, measure) in totals {
        let mut reading = Reading::at(stand.now());
        let end = BillingPeriod { end: None, ..stand.period.unwrap() }.holds_until(stand.now());
        reading.add_until(measure, ["timer".into(), "flow".into()], 7.0, Some(end));
        stand.poller.store.put(org(2), collector, reading, stand.uptime());
    }
    stand.pass(5 * MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    for (collector, _) in totals {
        let holds_until = stand.read(org(2), collector).unwrap()[0].holds_until;
        assert_eq!(holds_until, "2026-04-01T00:00:00Z".parse().ok(), "{collector}");
        assert_eq!(stand.last_success(org(2), collector), Some(stand.now()), "{collector}");
    }
}

#[test]
fn a_list_that_is_older_than_the_poll_says_nothing_of_it() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.pass(MINUTE);
    stand.poll_all(org(2), 5.0);
    let polled = stand.now();
    stand.poller.review(org(2));
    for collector in [BYTES, HOURS, DEVICES, NOTEBOOKS] {
        assert_eq!(stand.last_success(org(2), collector), Some(polled), "{collector}");
    }
    // One that was asked for at the same moment does neither.
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poller.fleet.get_mut(org(2)).unwrap().findings.devices = None;
    stand.poller.review(org(2));
    assert_eq!(stand.due(org(2), DEVICES), Some(place(org(2), DEVICES, MINUTE, REFRESH)));
}

#[test]
fn where_somebody_has_set_the_clock_everybody_is_asked_again() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll_all(org(2), 5.0);
    let polled = stand.now();
    stand.pass(5 * MINUTE);
    stand.hand.jump_to(stand.now() + jiff::SignedDuration::from_hours(3));
    stand.sweep(&[(org(2), used(5.0))]);
    for (collector, minutes) in [(HOURS, 5), (DEVICES, 15), (NOTEBOOKS, 15)] {
        assert_eq!(stand.last_success(org(2), collector), Some(polled), "{collector}");
        let due = place(org(2), collector, Duration::ZERO, minutes * MINUTE).max(stand.uptime());
        assert_eq!(stand.due(org(2), collector), Some(due), "{collector}");
    }
}

/// Zeros that are shown of a silent org, by measure, and when it will be asked.
fn silent(stand: &Stand, collector: Collector) -> (Vec<Measure>, Duration) {
    let samples = stand.read(org(2), collector).unwrap();
    let zeros = samples.iter().filter(|sample| sample.value == 0.0).map(|sample| sample.measure).collect();
    (zeros, stand.due(org(2), collector).unwrap())
}

#[test]
fn of_a_silent_org_zeros_are_shown_without_a_question() {
    let mut stand = Stand::new().trusting();
    let orgs = [(org(2), used_type("deviceState", 0.0, false)), (org(3), used_type("event", 1.0, true))];
    stand.sweep(&orgs);
    stand.sweep(&orgs);
    let (refresh, since) = (REFRESH, stand.uptime());
    let (zeros, due) = silent(&stand, HOURS);
    assert_eq!(due, place(org(2), HOURS, since, refresh));
    assert!(zeros.contains(&Measure::PayloadsToday) && zeros.contains(&Measure::BillablePayloadsPeriod));
    let (zeros, due) = silent(&stand, NOTEBOOKS);
    assert_eq!(due, place(org(2), NOTEBOOKS, since, refresh));
    assert!(zeros.contains(&Measure::NotebookRunTimePeriod));
    let (zeros, due) = silent(&stand, BYTES);
    assert_eq!((zeros.len(), due), (0, place(org(2), BYTES, since, refresh)), "no type has any");
}

#[test]
fn zeros_that_are_shown_already_are_confirmed_until_their_windows_move() {
    let mut stand = Stand::new().trusting();
    let orgs = [(org(2), used_type("deviceState", 0.0, false)), (org(3), used_type("event", 1.0, true))];
    stand.sweep(&orgs);
    stand.sweep(&orgs);
    let read_at =
        |stand: &Stand, collector| stand.poller.store.last_read(org(2), collector).unwrap().0.read_at;
    let before = stand.now();
    stand.pass(5 * MINUTE);
    stand.sweep(&orgs);
    for collector in [HOURS, NOTEBOOKS] {
        assert_eq!(read_at(&stand, collector), before, "{collector}");
        assert_eq!(stand.last_success(org(2), collector), Some(stand.now()), "{collector}");
    }
    stand.pass(60 * MINUTE);
    stand.sweep(&orgs);
    assert_eq!(read_at(&stand, HOURS), stand.now(), "another hour");
    assert_eq!(read_at(&stand, NOTEBOOKS), before, "the same day");
    let before = stand.now();
    stand.hand.jump_to(before + jiff::SignedDuration::from_mins(10));
    stand.sweep(&orgs);
    assert_eq!(read_at(&stand, HOURS), stand.now(), "the clock was set");
    stand.pass(12 * 60 * MINUTE);
    stand.sweep(&orgs);
    assert_eq!(read_at(&stand, NOTEBOOKS), stand.now(), "another day");
}

#[test]
fn a_silent_period_that_began_today_leaves_yesterday_to_be_asked_for() {
    let mut stand = Stand::new();
    stand.period = Some(BillingPeriod { start: "2026-03-17T00:00:00Z".parse().unwrap(), end: None });
    let silence = || used_type("deviceState", 0.0, false);
    stand.sweep(&[(org(2), silence())]);
    stand.pass(MINUTE);
    stand.sweep(&[(org(2), silence())]);
    assert!(value(&stand, org(2), NOTEBOOKS, Measure::NotebookRunTimeToday).is_some());
    assert_eq!(value(&stand, org(2), NOTEBOOKS, Measure::NotebookRunTimeLastDay), None);
    assert!(stand.due(org(2), NOTEBOOKS).unwrap() <= stand.uptime(), "asked now");
}

#[test]
fn a_poll_of_a_scope_that_moves_is_brisk_and_one_of_a_scope_that_does_not_is_calm() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0)), (org(3), used(5.0))]);
    stand.pass(MINUTE);
    stand.sweep(&[(org(2), used(6.0)), (org(3), used(5.0))]);
    let (moving, still) = (Job::Poll(org(2), BYTES), Job::Poll(org(3), BYTES));
    let (now, due) = (stand.uptime(), |job, standing| stand.poller.due(job, standing));
    assert_eq!(due(moving, Standing::Changed), (Lane::Brisk, now));
    assert_eq!(due(still, Standing::Changed), (Lane::Calm, now));
    assert_eq!(due(still, Standing::Untold), (Lane::Brisk, now), "it may move");
    assert_eq!(due(moving, Standing::Silent(stand.period.unwrap())), (Lane::Calm, now));
    let refresh = place(org(2), BYTES, Duration::ZERO, REFRESH);
    assert_eq!(due(moving, Standing::Known), (Lane::Calm, refresh));
}

#[test]
fn a_poll_keeps_to_its_place_and_what_has_passed_is_due_now() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll(org(2), BYTES, 0.0);
    stand.pass(MINUTE);
    let job = Job::Poll(org(2), BYTES);
    let slot = place(org(2), BYTES, Duration::ZERO, 15 * MINUTE);
    assert_eq!(stand.poller.due(job, Standing::Untold), (Lane::Brisk, slot));
    assert_eq!(stand.poller.due(job, Standing::Changed), (Lane::Calm, slot));
    // Where there are many, first looks at quiet ones are spread.
    stand.poller.spread = 60 * MINUTE;
    let spread = place(org(2), BYTES, stand.uptime(), 60 * MINUTE);
    assert_eq!(stand.poller.due(job, Standing::Changed), (Lane::Calm, slot.max(spread)));
    let other = Job::Poll(org(2), DEVICES);
    let spread = place(org(2), DEVICES, stand.uptime(), 60 * MINUTE);
    assert_eq!(stand.poller.due(other, Standing::Changed), (Lane::Calm, spread));
    assert_eq!(stand.poller.due(other, Standing::Untold), (Lane::Brisk, stand.uptime()));
    stand.pass(60 * MINUTE);
    assert_eq!(stand.poller.due(job, Standing::Untold), (Lane::Brisk, stand.uptime()));
}

#[test]
fn whoever_has_not_been_listed_for_two_sweeps_is_asked_in_turn_unless_that_fails() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll_all(org(2), 5.0);
    stand.pass(MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    stand.fail(org(2), NOTEBOOKS, &unavailable(Unavailable::Status(500)));
    let failing = stand.due(org(2), NOTEBOOKS);
    let rests = stand.due(org(2), HOURS).unwrap();
    stand.pass(10 * MINUTE);
    stand.poller.ask_in_turn(&[org(2)]);
    assert_eq!(stand.due(org(2), HOURS), Some(rests), "it may come with the next one");
    stand.pass(Duration::from_millis(1));
    stand.poller.ask_in_turn(&[org(2), sandbox(7)]);
    assert_eq!(stand.due(org(2), HOURS), Some(stand.uptime()));
    assert_eq!(stand.due(org(2), NOTEBOOKS), failing);
}

#[test]
fn when_it_turns_out_what_lists_are_worth_everybody_on_them_is_looked_at_again() {
    let mut stand = Stand::new();
    let silence = || used_type("deviceState", 0.0, true);
    stand.sweep(&[(org(99), used(4.0)), (org(2), silence())]);
    stand.poll(org(99), PAYLOADS, 4.0);
    stand.pass(MINUTE);
    assert!(stand.due(org(2), BYTES).unwrap() <= stand.uptime());
    // What is asked of the instance itself has been asked, and no list says when to ask again.
    stand.poller.put_back(Job::Poll(whole(), Collector::PreviousPeriod));
    let next_month = stand.due(whole(), Collector::PreviousPeriod);
    assert!(next_month > Some(60 * MINUTE));
    // It agrees: now zero is zero.
    stand.sweep(&[(org(2), silence()), (org(99), used(4.0))]);
    let refresh = place(org(2), BYTES, Duration::ZERO, REFRESH);
    assert_eq!(stand.due(org(2), BYTES), Some(refresh));
    assert_eq!(stand.read(org(2), BYTES), Some(vec![]));
    assert_eq!(stand.poller.standing(whole(), BYTES), Standing::Untold, "an instance is on no list");
    assert_eq!(stand.due(whole(), BYTES), Some(Duration::ZERO));
    assert_eq!(stand.due(whole(), Collector::PreviousPeriod), next_month);
}
