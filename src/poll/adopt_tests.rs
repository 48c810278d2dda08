use tokio::sync::oneshot;

use super::super::cycle::Cycle;
use super::super::discovery::Walked;
use super::super::poller::discovery_of;
use super::super::schedule::next_slot;
use super::super::stand::{MINUTE, Stand, id, instance, org, unauthorized, unavailable, used, whole};
use super::*;
use crate::losant::Unavailable;
use crate::usage::Shard;

const SECOND: Duration = Duration::from_secs(1);

/// A shard that does, or does not, own the instance, and owns the org.
fn shard(owns_instance: bool, org: u8) -> Shard {
    let mut shards = (2..50).flat_map(|of| (0..of).map(move |number| Shard::new(number, of).unwrap()));
    shards.find(|shard| shard.owns(&instance()) == owns_instance && shard.owns(&id(org))).unwrap()
}

fn period_from(stand: &Stand, start: &str) -> BillingPeriod {
    BillingPeriod { start: start.parse().unwrap(), ..stand.period.unwrap() }
}

#[test]
fn an_instance_that_was_forgotten_while_it_was_swept_does_not_come_back() {
    let mut stand = Stand::new();
    stand.poller.forget_instances_but(&[]);
    let found = vec![stand.found(org(2), None)];
    stand.hand_in(found);
    assert_eq!(stand.poller.fleet.len(), 0);
    assert!(stand.poller.store.snapshot().scopes().is_empty());
}

#[test]
fn what_comes_of_an_older_question_changes_nothing() {
    let mut stand = Stand::new();
    stand.pass(MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    let known = stand.period;
    stand.period = Some(period_from(&stand, "2026-03-10T00:00:00Z"));
    let (late, figures) =
        (stand.found(org(2), Some(&used(9.0))), stand.poller.fleet.get(org(2)).unwrap().figures);
    let page = |asked_at, found| FoundPage { sweep: 7, asked_at, found: vec![found] };
    stand.poller.apply_page(page(59 * SECOND, late));
    let member = stand.poller.fleet.get(org(2)).unwrap();
    assert_eq!(
        (member.known.period, member.figures, member.sweep),
        (known, figures, 7),
        "but that it is there"
    );
    // Of two questions of one moment the later answer counts.
    let found = stand.found(org(2), Some(&used(9.0)));
    stand.poller.apply_page(page(MINUTE, found));
    let member = stand.poller.fleet.get(org(2)).unwrap();
    assert_eq!((member.known.period, member.figures != figures), (stand.period, true));
}

#[test]
fn a_new_period_has_its_first_figures_asked_at_once_where_lists_do_not_tell_them() {
    let all = Collector::of(Level::Org);
    let due_now = |stand: &Stand| {
        let is_due = |collector: &&Collector| stand.due(org(2), **collector) == Some(stand.uptime());
        all.iter().filter(is_due).copied().collect::<Vec<_>>()
    };
    let mut stand = Stand::new();
    for (start, expected) in [
        ("2026-03-01T00:00:00Z", &[][..]),
        ("2026-03-10T00:00:00Z", &OF_THE_PERIOD[..]),
        ("2026-03-10T00:00:00Z", &[][..]),
    ] {
        stand.period = Some(period_from(&stand, start));
        let found = vec![stand.found(org(2), None)];
        stand.sweep_of(found, |_| ());
        if start != "2026-03-01T00:00:00Z" {
            assert_eq!(due_now(&stand), expected, "{start}");
        }
        stand.poll_all(org(2), 5.0);
        stand.pass(SECOND);
    }
    // One that is told for the first time is no turn.
    let mut stand = Stand::new();
    let period = stand.period.take();
    let found = vec![stand.found(org(2), None)];
    stand.sweep_of(found, |_| ());
    stand.poll_all(org(2), 5.0);
    stand.pass(SECOND);
    stand.period = period;
    let found = vec![stand.found(org(2), None)];
    stand.sweep_of(found, |_| ());
    assert_eq!(due_now(&stand), []);
    // And where lists tell the figures, what is asked follows from them.
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll_all(org(2), 5.0);
    stand.pass(SECOND);
    stand.period = Some(period_from(&stand, "2026-03-10T00:00:00Z"));
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(due_now(&stand), []);
}

#[test]
fn a_scope_moves_when_a_list_tells_more_than_the_one_before() {
    let mut stand = Stand::new();
    let mut listed = |payloads| {
        stand.pass(MINUTE);
        stand.sweep(&[(org(2), used(payloads))]);
        let member = stand.poller.fleet.get(org(2)).unwrap();
        (member.moves, member.changed_at.map(|at| at.as_secs() / 60))
    };
    assert_eq!(listed(5.0), (false, None), "before that nothing was known");
    assert_eq!(listed(5.0), (false, None));
    assert_eq!(listed(6.0), (true, Some(3)));
    assert_eq!(listed(6.0), (false, Some(3)));
}

#[test]
fn a_list_is_held_against_an_answer_that_was_asked_for_before_it() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(9.0))]);
    stand.poll(org(2), Collector::PayloadCounts, 5.0);
    let suspicious = |stand: &Stand| stand.poller.fleet.get(org(2)).unwrap().suspicious;
    let answered = |stand: &Stand| stand.poller.fleet.get(org(2)).unwrap().answered.is_some();
    assert!(suspicious(&stand), "the list before said more");
    stand.sweep(&[(org(2), used(5.0))]);
    assert!(suspicious(&stand) && answered(&stand), "of the same moment: nobody knows which was first");
    stand.pass(MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    assert!(!suspicious(&stand) && !answered(&stand), "it has come down to the answer");
}

#[test]
fn an_answer_that_came_when_the_list_had_been_asked_for_is_not_held_against_it() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(4.0))]);
    stand.pass(MINUTE);
    let begun = stand.begin(org(2), Collector::PayloadCounts);
    stand.pass(MINUTE);
    let late = vec![stand.found(org(2), Some(&used(5.0)))];
    let asked_at = stand.uptime();
    stand.pass(MINUTE);
    // It waited for its turn, and knows of a payload that came after the list had been made.
    stand.answer(org(2), Collector::PayloadCounts, 6.0, begun);
    stand.hand_in_late(late, asked_at);
    assert_eq!(stand.poller.trust.lag(), Duration::ZERO);
    let answered = stand.poller.fleet.get(org(2)).unwrap().answered;
    assert!(answered.is_some(), "the next list is held against it");
}

#[test]
fn a_list_that_came_when_a_poll_had_begun_is_not_the_one_before_it() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(4.0))]);
    stand.pass(MINUTE);
    let late = vec![stand.found(org(2), Some(&used(6.0)))];
    let asked_at = stand.uptime();
    let begun = stand.begin(org(2), Collector::PayloadCounts);
    stand.pass(MINUTE);
    // It was repeated, and knows of a payload that came after the poll had been answered.
    stand.hand_in_late(late, asked_at);
    stand.answer(org(2), Collector::PayloadCounts, 5.0, begun);
    let member = stand.poller.fleet.get(org(2)).unwrap();
    assert!(!member.suspicious && member.answered.unwrap().listed_before.is_none());
}

#[test]
fn a_list_that_does_not_know_yet_what_an_answer_knew_is_followed_by_another_comparison() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(4.0))]);
    stand.pass(MINUTE);
    stand.poll(org(2), Collector::PayloadCounts, 6.0);
    for (minutes, payloads, is_answered) in [(1, 5.0, true), (1, 6.0, false)] {
        stand.pass(minutes * MINUTE);
        stand.sweep(&[(org(2), used(payloads))]);
        let member = stand.poller.fleet.get(org(2)).unwrap();
        assert_eq!(member.answered.is_some(), is_answered, "{payloads}");
    }
    // A minute between the two, and a sweep until the next list.
    assert_eq!(stand.poller.trust.lag(), 6 * MINUTE);
}

#[test]
fn payloads_are_shown_as_lists_tell_them_where_these_have_proved_right() {
    let shown = |stand: &Stand| {
        let samples = stand.read(org(2), Collector::PayloadCounts)?;
        samples.first().map(|sample| sample.value)
    };
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(shown(&stand), None, "not proved");
    let mut stand = Stand::new().trusting();
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(shown(&stand), Some(5.0));
    assert_eq!(stand.poller.fleet.get(org(2)).unwrap().shown_from, Some(stand.uptime()));
    // Of another period nothing is proved.
    stand.pass(MINUTE);
    stand.period = Some(period_from(&stand, "2026-03-10T00:00:00Z"));
    stand.sweep(&[(org(2), used(6.0))]);
    assert_eq!(shown(&stand), Some(5.0));
    assert_eq!(stand.poller.fleet.get(org(2)).unwrap().shown_from, None);
    // Nor is one of use that may be the one before.
    let mut stand = Stand::new().trusting();
    let over = stand.now() - jiff::SignedDuration::from_secs(1);
    stand.period = stand.period.map(|period| BillingPeriod { end: Some(over), ..period });
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(shown(&stand), None);
}

#[test]
fn payloads_by_type_are_not_shown_from_lists_where_nobody_wants_them() {
    let mut stand = Stand::new().trusting();
    stand.poller.config.polling.disabled_collectors = vec![Collector::PayloadCounts];
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(stand.read(org(2), Collector::PayloadCounts), None);
}

#[test]
fn a_sweep_that_succeeds_makes_an_instance_known_and_up() {
    let mut stand = Stand::new();
    assert!(stand.sweep(&[(org(2), used(5.0))]));
    let state = &stand.poller.instances[&instance()];
    assert_eq!((state.discovered, state.known, state.refused), (Some(true), true, false));
    assert_eq!((state.sweep_requests, state.failures_in_a_row, &state.problem), (2, 0, &None));
    assert_eq!(stand.poller.store.snapshot().up().collect::<Vec<_>>(), [(instance(), true)]);
    assert!(stand.has_metric("losant_exporter_account_up{account=\"default\"} 1"));
    let discovery = discovery_of(instance());
    let sweep_interval = stand.poller.config.polling.sweep_interval.get();
    assert_eq!(
        stand.poller.schedule.due(discovery),
        Some(next_slot(discovery, Duration::ZERO, sweep_interval))
    );
}

#[test]
fn a_sweep_of_which_a_list_fails_is_tried_again_soon_and_then_less_often_and_is_down_meanwhile() {
    let mut stand = Stand::new();
    let down = unavailable(Unavailable::Status(503));
    let mut waits = Vec::new();
    for failures in 1..=8 {
        let found = vec![stand.found(org(2), Some(&used(5.0)))];
        assert!(!stand.sweep_of(found, |discovered| discovered.sandboxes = Err(down.clone())));
        let state = &stand.poller.instances[&instance()];
        assert_eq!((state.discovered, state.failures_in_a_row), (Some(false), failures));
        assert_eq!((state.sweep_requests, state.problem.clone()), (1, Some(down.to_string())));
        let wait = stand.until_due(whole(), Collector::Discovery);
        waits.push(wait.as_secs());
        stand.pass(wait);
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(stand.poller.store.snapshot().up().collect::<Vec<_>>(), [(instance(), false)]);
    assert!(stand.has_metric("losant_exporter_account_up{account=\"default\"} 0"));
    assert!(!stand.is_failing(whole(), Collector::Discovery), "the instance itself was found");
    assert!(!stand.poller.instances[&instance()].known, "nobody knows its sandboxes");
    stand.failed_sweep(&down);
    assert!(stand.is_failing(whole(), Collector::Discovery));
    stand.sweep(&[]);
    assert_eq!(stand.poller.instances[&instance()].failures_in_a_row, 0);
    assert!(!stand.is_failing(whole(), Collector::Discovery));
}

#[test]
fn an_instance_that_was_known_once_stays_known() {
    let mut stand = Stand::new();
    let final_no = super::super::stand::not_found();
    // An older installation may have no sandboxes.
    stand.sweep_of(Vec::new(), |discovered| discovered.sandboxes = Err(final_no.clone()));
    assert!(stand.poller.instances[&instance()].known);
    stand.failed_sweep(&unavailable(Unavailable::Timeout));
    assert!(stand.poller.instances[&instance()].known);
}

#[test]
fn when_discovery_succeeds_again_all_that_failed_meanwhile_is_due_at_once() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0)), (org(3), used(5.0))]);
    stand.poll_all(org(3), 5.0);
    stand.fail(org(2), Collector::DeviceCounts, &unavailable(Unavailable::Status(503)));
    stand.pass(SECOND);
    stand.sweep(&[(org(2), used(5.0)), (org(3), used(5.0))]);
    let not_due = |stand: &Stand, scope| stand.due(scope, Collector::DeviceCounts) > Some(stand.uptime());
    assert!(not_due(&stand, org(2)), "discovery had not failed");
    stand.failed_sweep(&unavailable(Unavailable::Status(503)));
    assert!(not_due(&stand, org(2)));
    stand.pass(SECOND);
    stand.sweep(&[(org(2), used(5.0)), (org(3), used(5.0))]);
    assert_eq!(stand.due(org(2), Collector::DeviceCounts), Some(stand.uptime()));
    assert!(not_due(&stand, org(3)), "it had not failed");
}

#[test]
fn polls_that_a_lost_token_made_fail_are_due_when_it_is_accepted_again_even_if_a_list_fails() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.failed_sweep(&unauthorized());
    assert!(stand.poller.refused);
    stand.fail(org(2), Collector::DeviceCounts, &unauthorized());
    stand.pass(SECOND);
    let found = vec![stand.found(org(2), Some(&used(5.0)))];
    let down = unavailable(Unavailable::Status(503));
    stand.sweep_of(found, |discovered| discovered.sandboxes = Err(down));
    assert!(!stand.poller.refused);
    assert_eq!(stand.due(org(2), Collector::DeviceCounts), Some(stand.uptime()));
}

#[test]
fn who_is_left_out_is_counted() {
    let mut stand = Stand::new();
    stand.sweep_of(Vec::new(), |discovered| {
        discovered.orgs.as_mut().map(|walked: &mut Walked| walked.excluded = 4).unwrap();
    });
    let excluded: Vec<_> = stand.poller.store.snapshot().excluded().collect();
    assert_eq!(excluded, [(instance(), Level::Org, 4), (instance(), Level::Sandbox, 0)]);
}

#[test]
fn a_cycle_waits_for_the_polls_that_discovery_makes_known_unless_the_token_is_refused() {
    let cycle = |stand: &mut Stand| {
        let (reply, report) = oneshot::channel();
        let mut cycle = Cycle::new(reply);
        cycle.expect(discovery_of(instance()), false);
        stand.poller.cycles.push(cycle);
        report
    };
    let poll = Job::Poll(org(2), Collector::DeviceCounts);
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll_all(org(2), 5.0);
    stand.pass(SECOND);
    let _report = cycle(&mut stand);
    stand.sweep(&[(org(2), used(5.0))]);
    assert!(stand.poller.cycles[0].awaits(poll));
    assert_eq!(stand.due(org(2), Collector::DeviceCounts), Some(stand.uptime()));

    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    let _report = cycle(&mut stand);
    stand.failed_sweep(&unauthorized());
    assert!(!stand.poller.cycles[0].awaits(poll));
}

#[test]
fn an_instance_of_another_shard_has_no_series_here_and_its_orgs_have() {
    let mut stand = Stand::with(|config| config.shard = shard(false, 2));
    stand.sweep(&[(org(2), used(5.0))]);
    stand.failed_sweep(&unavailable(Unavailable::Status(503)));
    let scopes: Vec<_> = stand.poller.store.snapshot().scopes().iter().map(|(scope, _)| *scope).collect();
    assert_eq!(scopes, [org(2)]);
    assert_eq!(stand.poller.store.snapshot().up().count(), 0);
    // But what lists there tell of its orgs is asked for.
    for collector in Collector::of(Level::Instance) {
        assert_eq!(stand.due(whole(), *collector).is_some(), collector.tells_of_owners(), "{collector}");
    }
    let mut stand = Stand::with(|config| config.shard = shard(true, 2));
    stand.sweep(&[(org(2), used(5.0))]);
    assert!(stand.due(whole(), Collector::DeviceCounts).is_some());
    assert_eq!(stand.poller.store.snapshot().up().count(), 1);
}
