use std::time::Duration;

use tokio::sync::oneshot;

use super::super::cycle::Cycle;
use super::super::logged::Log;
use super::super::stand::{
    MINUTE, Stand, instance, not_found, org, sandbox, unauthorized, unavailable, used, whole,
};
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const OUT_OF_REACH: [Unavailable; 3] = [Unavailable::Timeout, Unavailable::Connect, Unavailable::Io];

/// A poller whose discovery has found some orgs a second ago, and is not due for some minutes.
fn stand() -> Stand {
    let mut stand = Stand::new();
    stand.sweep(&(2..8).map(|number| (org(number), used(5.0))).collect::<Vec<_>>());
    stand.pass(SECOND);
    stand
}

fn suspects(stand: &Stand) -> usize {
    stand.poller.suspects.len()
}

fn is_discovery_due(stand: &Stand) -> bool {
    stand.due(whole(), Collector::Discovery).is_some_and(|due| due <= stand.uptime())
}

#[test]
fn three_polls_that_are_refused_or_not_answered_bring_discovery_forward() {
    for errors in [OUT_OF_REACH.map(unavailable), [(); 3].map(|()| unauthorized())] {
        let (mut stand, log) = (stand(), Log::listen());
        for (number, error) in (2..).zip(&errors) {
            assert!(!is_discovery_due(&stand));
            stand.fail(org(number), Collector::PayloadBytes, error);
        }
        assert_eq!((suspects(&stand), is_discovery_due(&stand)), (3, true));
        assert_eq!(log.take(), Vec::<String>::new(), "nobody knows yet what it means");
        let failed = Job::Poll(org(2), Collector::PayloadBytes);
        assert!(stand.is_failing(org(2), Collector::PayloadBytes));
        assert_eq!(stand.poller.failures.last(failed), Some((errors[0].reason().as_str(), 1)));
    }
}

#[test]
fn what_concerns_one_question_only_is_logged_at_once() {
    for error in [unavailable(Unavailable::Status(503)), not_found()] {
        let (mut stand, log) = (stand(), Log::listen());
        for number in 2..6 {
            stand.fail(org(number), Collector::PayloadBytes, &error);
        }
        assert_eq!((suspects(&stand), is_discovery_due(&stand), log.count("failed")), (0, false, 4));
        assert!(stand.poller.fleet.get(org(2)).is_some(), "a list that was whole has it");
    }
}

#[test]
fn a_poll_that_is_not_answered_again_is_logged_by_itself() {
    let (mut stand, log) = (stand(), Log::listen());
    for in_a_row in 1..=2 {
        stand.fail(org(2), Collector::PayloadBytes, &unavailable(Unavailable::Timeout));
        assert_eq!(log.count("payload_bytes of org"), in_a_row - 1);
    }
}

#[test]
fn discovery_that_fails_or_runs_is_not_brought_forward() {
    let three_fail = |stand: &mut Stand| {
        for number in 2..5 {
            stand.fail(org(number), Collector::PayloadBytes, &unavailable(Unavailable::Timeout));
        }
    };
    let mut failing = stand();
    failing.failed_sweep(&unavailable(Unavailable::Status(503)));
    let due = failing.due(whole(), Collector::Discovery);
    three_fail(&mut failing);
    assert_eq!(failing.due(whole(), Collector::Discovery), due);

    let mut running = stand();
    running.pass(5 * MINUTE);
    let may_run = |collector| collector == Collector::Discovery;
    let discovery = discovery_of(instance());
    assert_eq!(running.poller.schedule.pop_due(running.uptime(), may_run), Some(discovery));
    three_fail(&mut running);
    let later = running.uptime() + MINUTE;
    running.poller.schedule.ended(discovery, running.uptime(), 5 * MINUTE);
    assert!(running.poller.schedule.pop_due(running.uptime(), may_run).is_none(), "before {later:?}");
}

#[test]
fn what_was_suspected_is_told_of_when_discovery_finds_nothing_wrong_and_else_the_sweep_tells() {
    for discovery_works in [true, false] {
        let (mut stand, log) = (stand(), Log::listen());
        stand.fail(org(2), Collector::PayloadBytes, &unavailable(Unavailable::Timeout));
        if discovery_works {
            stand.sweep(&[(org(2), used(5.0))]);
        } else {
            stand.failed_sweep(&unavailable(Unavailable::Timeout));
        }
        let lines = log.take();
        let of_the_poll = lines.iter().any(|line| line.contains("payload_bytes of org"));
        let of_discovery = lines.iter().any(|line| line.contains("discovery of instance"));
        assert_eq!((of_the_poll, of_discovery), (discovery_works, !discovery_works), "{lines:#?}");
        assert_eq!(suspects(&stand), 0);
    }
}

#[test]
fn the_discovery_of_one_instance_says_nothing_of_another() {
    let mut stand = stand();
    stand.fail(org(2), Collector::PayloadBytes, &unavailable(Unavailable::Timeout));
    stand.poller.clear_suspects(super::super::stand::id(9), None);
    assert_eq!(suspects(&stand), 1);
}

#[test]
fn an_org_that_a_list_which_was_not_whole_left_out_and_that_is_not_found_is_gone() {
    let mut stand = stand();
    let found = vec![stand.found(org(3), Some(&used(5.0)))];
    stand.sweep_of(found, |discovered| {
        discovered.orgs.as_mut().map(|walked| walked.complete = false).unwrap();
    });
    stand.fail(org(2), Collector::PayloadBytes, &unavailable(Unavailable::Status(503)));
    assert!(stand.poller.fleet.get(org(2)).is_some());
    stand.fail(org(2), Collector::PayloadBytes, &not_found());
    assert!(stand.poller.fleet.get(org(2)).is_none());
    assert_eq!(stand.due(org(2), Collector::PayloadBytes), None);
    stand.fail(org(3), Collector::PayloadBytes, &not_found());
    assert!(stand.poller.fleet.get(org(3)).is_some(), "this one was on the list");
}

#[test]
fn a_refused_token_is_told_once_and_ends_cycles_but_for_discovery() {
    let (mut stand, log) = (stand(), Log::listen());
    let (reply, mut report) = oneshot::channel();
    let mut cycle = Cycle::new(reply);
    cycle.expect(Job::Poll(org(2), Collector::PayloadBytes), false);
    cycle.expect(discovery_of(instance()), true);
    stand.poller.cycles.push(cycle);
    stand.fail(org(2), Collector::PayloadBytes, &unauthorized());
    stand.failed_sweep(&unauthorized());
    assert!(stand.poller.refused);
    assert_eq!(suspects(&stand), 0);
    assert_eq!(log.take().len(), 1, "the token, and no poll by itself");
    stand.failed_sweep(&unauthorized());
    assert_eq!(log.take(), Vec::<String>::new(), "once");
    stand.poller.finish_cycles();
    assert!(report.try_recv().is_err(), "discovery is still awaited");
    stand.poller.cycles[0].ended(discovery_of(instance()), false);
    stand.poller.cycles[0].ended(discovery_of(instance()), false);
    stand.poller.finish_cycles();
    assert_eq!(report.try_recv().unwrap().failed, 2);
    // What fails meanwhile is explained by that.
    stand.fail(org(3), Collector::PayloadBytes, &unauthorized());
    assert_eq!((suspects(&stand), log.take().len()), (0, 0));
    stand.sweep(&[(org(2), used(5.0))]);
    assert!(!stand.poller.refused);
    assert_eq!(log.count("accepts the token again"), 1);
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(log.count("accepts the token again"), 0);
}

#[test]
fn a_token_is_refused_when_every_instance_refuses_it() {
    let (mut stand, log) = (stand(), Log::listen());
    let other = super::super::stand::id(9);
    stand.poller.add_instance(other);
    stand.failed_sweep(&unauthorized());
    assert!(!stand.poller.refused, "the other one has not answered");
    assert_eq!(log.count("Losant does not accept the token"), 0);
    stand.poller.instances.get_mut(&other).unwrap().refused = true;
    stand.failed_sweep(&unauthorized());
    assert!(stand.poller.refused);
    stand.poller.instances.get_mut(&other).unwrap().refused = false;
    stand.poller.accept_if_no_instance_is_refused();
    assert!(!stand.poller.refused);
    // Where no instance is known yet the list of them decides.
    stand.poller.forget_instances_but(&[]);
    stand.poller.refuse(&unauthorized());
    stand.poller.accept_if_no_instance_is_refused();
    assert!(!stand.poller.refused);
}

#[test]
fn an_account_is_up_when_all_its_instances_were_read_and_listed() {
    let mut stand = stand();
    let is_up = |stand: &Stand| {
        stand.poller.tell_account_up();
        let line = |up| format!("losant_exporter_account_up{{account=\"default\"}} {up}");
        assert_ne!(stand.has_metric(&line(0)), stand.has_metric(&line(1)));
        stand.has_metric(&line(1))
    };
    assert!(is_up(&stand));
    stand.poller.failed_listings = 1;
    assert!(!is_up(&stand));
    stand.poller.failed_listings = 0;
    stand.poller.add_instance(super::super::stand::id(9));
    assert!(!is_up(&stand), "nobody knows the second one yet");
    stand.poller.forget_instances_but(&[]);
    assert!(!is_up(&stand), "there is none");
}

#[test]
fn an_instance_is_up_when_its_discovery_and_its_own_polls_succeed() {
    let mut stand = stand();
    let is_up = |stand: &Stand| stand.poller.store.snapshot().up().map(|(_, up)| up).collect::<Vec<_>>();
    assert_eq!(is_up(&stand), [true]);
    stand.fail(whole(), Collector::DeviceCounts, &unavailable(Unavailable::Status(503)));
    assert_eq!(is_up(&stand), [false]);
    stand.fail(org(2), Collector::DeviceCounts, &unavailable(Unavailable::Status(503)));
    stand.fail(sandbox(2), Collector::DeviceCounts, &unavailable(Unavailable::Status(503)));
    stand.poll(whole(), Collector::DeviceCounts, 0.0);
    assert_eq!(is_up(&stand), [true], "others say nothing of it");
}
