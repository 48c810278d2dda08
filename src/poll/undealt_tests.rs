use serde_json::json;

use super::super::errand::Outcome;
use super::super::historical_summaries::{Dealt, Told};
use super::super::job::Job;
use super::super::stand::{MINUTE, Stand, id, instance, not_found, org, sandbox, unavailable, used, whole};
use super::*;
use crate::losant::Unavailable;
use crate::losant::wire::{HistoricalSummary, Summary};
use crate::usage::Shard;

const SUMMARIES: Collector = Collector::PreviousPeriod;

/// Summaries come that tell of these.
fn deal(stand: &mut Stand, owners: &[Scope]) {
    let read_at = stand.now();
    let row =
        || HistoricalSummary::decode(&json!({ "resourceId": id(1).to_string(), "deviceCount": 3 })).unwrap();
    let told = owners.iter().map(|owner| (*owner, Told::Previous(row()))).collect();
    let dealt = Ok(Box::new(Dealt::new(read_at, told, true)));
    let outcome = Outcome::Dealt { instance: instance(), collector: SUMMARIES, dealt };
    let (begun, _) = stand.begin(whole(), SUMMARIES);
    assert!(stand.poller.apply(Job::Poll(whole(), SUMMARIES), outcome, begun));
}

/// Whether summaries are shown of an owner.
fn has_summary(stand: &Stand, owner: Scope) -> bool {
    stand.read(owner, SUMMARIES).is_some_and(|samples| !samples.is_empty())
}

fn orgs(numbers: &[u8]) -> Vec<(Scope, Summary)> {
    numbers.iter().map(|number| (org(*number), used(5.0))).collect()
}

/// A sweep that finds these orgs on a list of more, the others of which nobody wants.
fn sweep_of_some(stand: &mut Stand, numbers: &[u8]) {
    let found = numbers.iter().map(|number| stand.found(org(*number), Some(&used(5.0)))).collect();
    stand.sweep_of(found, |discovered| {
        discovered.orgs.as_mut().map(|walked| walked.listed = 9).unwrap();
    });
}

#[test]
fn what_summaries_say_of_an_owner_waits_for_it_to_be_found_and_to_come_back() {
    let mut stand = Stand::new();
    deal(&mut stand, &[org(2)]);
    for _ in 0..2 {
        stand.sweep(&orgs(&[2, 3]));
        assert!(has_summary(&stand, org(2)) && !has_summary(&stand, org(3)));
        stand.sweep(&orgs(&[3]));
        assert!(!has_summary(&stand, org(2)));
    }
}

#[test]
fn nobody_waits_any_more_for_whom_a_whole_list_does_not_hold() {
    let mut stand = Stand::new();
    deal(&mut stand, &[org(2), org(3), org(4), sandbox(7)]);
    assert_eq!(stand.poller.undealt.len(), 4);
    sweep_of_some(&mut stand, &[2]);
    assert_eq!(stand.poller.undealt.len(), 1, "of sandboxes nobody was listed, which may be a mishap");
    for _ in 0..2 {
        deal(&mut stand, &[org(2), org(3), org(4)]);
        assert!(has_summary(&stand, org(2)));
        assert_eq!(stand.poller.undealt.len(), 0, "the list is known by now");
    }
}

#[test]
fn a_list_that_fails_or_breaks_off_or_is_empty_leaves_others_waiting() {
    let down = unavailable(Unavailable::Timeout);
    let mut stand = Stand::new();
    for _ in 0..2 {
        deal(&mut stand, &[org(2), org(3)]);
        stand.sweep(&[]);
        stand.sweep_of(Vec::new(), |discovered| discovered.orgs = Err(down.clone()));
        stand.sweep_of(Vec::new(), |discovered| {
            discovered.orgs.as_mut().map(|walked| (walked.complete, walked.listed) = (false, 9)).unwrap();
        });
        assert_eq!(stand.poller.undealt.len(), 2);
    }
    stand.sweep(&orgs(&[2, 3]));
    assert!(has_summary(&stand, org(2)) && has_summary(&stand, org(3)));
}

#[test]
fn a_final_no_to_a_list_tells_of_nobody() {
    let mut stand = Stand::new();
    for waiting in [[2, 1], [1, 1]] {
        deal(&mut stand, &[org(2), sandbox(7)]);
        assert_eq!(stand.poller.undealt.len(), waiting[0]);
        stand.sweep_of(Vec::new(), |discovered| discovered.sandboxes = Err(not_found()));
        assert_eq!(stand.poller.undealt.len(), waiting[1], "the org");
    }
}

#[test]
fn whoever_is_gone_is_waited_for_through_one_more_list_and_through_summaries_that_come_before_it() {
    let mut stand = Stand::new();
    stand.sweep(&orgs(&[2, 3]));
    deal(&mut stand, &[org(2), org(3)]);
    stand.sweep(&orgs(&[2]));
    assert_eq!(stand.poller.undealt.len(), 1);
    stand.pass(MINUTE);
    deal(&mut stand, &[org(2), org(3), org(4)]);
    assert_eq!(stand.poller.undealt.len(), 1, "the fourth was on no list");
    stand.sweep(&orgs(&[2, 3]));
    assert!(has_summary(&stand, org(3)));
    for waiting in [1, 0] {
        stand.sweep(&orgs(&[2]));
        assert_eq!(stand.poller.undealt.len(), waiting);
    }
}

#[test]
fn summaries_are_read_again_when_somebody_is_found_of_whom_they_told_and_nobody_waited() {
    let mut stand = Stand::new();
    sweep_of_some(&mut stand, &[2]);
    let is_due = |stand: &Stand| stand.due(whole(), SUMMARIES) <= Some(stand.uptime());
    let deal_of_three = |stand: &mut Stand| {
        stand.poller.schedule.pop_due(stand.uptime(), |collector| collector == SUMMARIES).unwrap();
        deal(stand, &[org(2), org(3), org(4)]);
        assert!(!is_due(stand));
    };
    deal_of_three(&mut stand);
    sweep_of_some(&mut stand, &[2, 5]);
    assert!(!is_due(&stand), "they told nothing of the fifth");
    let found = vec![stand.found(org(3), Some(&used(5.0)))];
    stand.hand_in(found);
    assert!(!is_due(&stand), "there may be others on the rest of the list");
    sweep_of_some(&mut stand, &[2, 3, 5]);
    assert!(is_due(&stand) && !has_summary(&stand, org(3)));
    deal_of_three(&mut stand);
    assert!(has_summary(&stand, org(3)) && !has_summary(&stand, org(5)));
    sweep_of_some(&mut stand, &[2, 3, 5]);
    assert!(!is_due(&stand));
}

#[test]
fn summaries_are_read_again_for_those_who_waited_in_vain() {
    let mut stand = Stand::new();
    deal(&mut stand, &[org(2), org(3)]);
    sweep_of_some(&mut stand, &[2]);
    stand.poller.schedule.pop_due(stand.uptime(), |collector| collector == SUMMARIES).unwrap();
    stand.poller.put_back(Job::Poll(whole(), SUMMARIES));
    assert!(stand.due(whole(), SUMMARIES) > Some(stand.uptime()));
    sweep_of_some(&mut stand, &[2, 3]);
    assert!(stand.due(whole(), SUMMARIES) <= Some(stand.uptime()));
}

#[test]
fn nothing_waits_of_an_instance_that_is_gone_or_of_a_collector_that_is_off() {
    let mut stand = Stand::new();
    deal(&mut stand, &[org(2)]);
    stand.poller.undealt.forget_collector(Collector::Applications);
    assert_eq!(stand.poller.undealt.len(), 1);
    stand.poller.undealt.forget_collector(SUMMARIES);
    assert_eq!(stand.poller.undealt.len(), 0);
    sweep_of_some(&mut stand, &[]);
    stand.poller.forget_instances_but(&[]);
    stand.poller.add_instance(instance());
    deal(&mut stand, &[org(2)]);
    assert_eq!(stand.poller.undealt.len(), 1, "it is listed anew");
}

#[test]
fn for_owners_of_another_shard_nothing_waits() {
    let (first, second) = (Shard::new(0, 2).unwrap(), Shard::new(1, 2).unwrap());
    let owners: Vec<_> = (2..10).map(org).collect();
    let waiting = [first, second].map(|shard| {
        let mut stand = Stand::with(|config| config.shard = shard);
        deal(&mut stand, &owners);
        assert_eq!(stand.poller.undealt.len(), owners.iter().filter(|owner| shard.owns(&owner.id())).count());
        stand.poller.undealt.len()
    });
    assert_eq!(waiting.iter().sum::<usize>(), owners.len());
    assert!(!waiting.contains(&0), "{waiting:?}");
}
