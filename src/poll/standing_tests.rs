//! What lists tell of the numbers that were last read: whether they still hold, and of whom nothing has to be asked.

use super::super::logged::Log;
use super::super::stand::{MINUTE, Stand, org, used, used_type};
use super::*;

/// The five collectors of a scope that lists may speak for, in the order of what is told of them.
const DETAILS: [Collector; 5] = [
    Collector::PayloadCounts,
    Collector::PayloadBytes,
    Collector::PayloadCountsBreakdown,
    Collector::DeviceCounts,
    Collector::NotebookMinuteCounts,
];

fn standings(stand: &Stand, scope: Scope) -> [Standing; 5] {
    DETAILS.map(|collector| stand.poller.standing(scope, collector))
}

#[test]
fn whoever_is_not_listed_or_whose_list_tells_nothing_is_untold() {
    let mut stand = Stand::new();
    assert_eq!(standings(&stand, org(2)), [Standing::Untold; 5]);
    let found = vec![stand.found(org(2), None)];
    stand.sweep_of(found, |_| ());
    assert_eq!(standings(&stand, org(2)), [Standing::Untold; 5]);
    assert_eq!(stand.due(org(2), Collector::PayloadCountsBreakdown), Some(Duration::ZERO), "asked at once");
}

#[test]
fn what_was_never_asked_has_changed_and_what_was_asked_is_known_until_a_list_says_more() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(standings(&stand, org(2)), [Standing::Changed; 5]);
    stand.poll_all(org(2), 5.0);
    stand.pass(5 * MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(standings(&stand, org(2)), [Standing::Known; 5]);
    stand.pass(5 * MINUTE);
    stand.sweep(&[(org(2), used(6.0))]);
    let known = Standing::Known;
    let changed = Standing::Changed;
    // Payloads are shown from the list, which has proved right.
    assert_eq!(standings(&stand, org(2)), [known, changed, changed, changed, known]);
}

#[test]
fn a_silent_period_needs_no_question_where_lists_have_proved_right_about_it() {
    let silence = |stand: &Stand| Standing::Silent(stand.period.unwrap());
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used_type("deviceState", 0.0, false))]);
    let changed = Standing::Changed;
    assert_eq!(standings(&stand, org(2)), [changed, changed, changed, changed, silence(&stand)]);

    let mut stand = Stand::new().trusting();
    stand.sweep(&[(org(2), used_type("deviceState", 0.0, false))]);
    let (known, silent) = (Standing::Known, silence(&stand));
    // Lists that hold billable payloads only would say as much of one that sends others.
    assert_eq!(standings(&stand, org(2)), [known, silent, changed, changed, silent]);
    stand.sweep(&[(org(2), used_type("deviceState", 0.0, false)), (org(3), used_type("event", 1.0, true))]);
    assert_eq!(standings(&stand, org(2)), [known, silent, silent, changed, silent]);
    // Whoever uses something is not silent.
    assert_eq!(standings(&stand, org(3)), [known, changed, changed, changed, changed]);
}

#[test]
fn silence_tells_nothing_in_a_period_of_which_no_time_has_passed() {
    let mut stand = Stand::new();
    let start = stand.now();
    stand.period = Some(BillingPeriod { start, end: None });
    stand.sweep(&[(org(2), used_type("deviceState", 0.0, false))]);
    assert_eq!(stand.poller.standing(org(2), Collector::NotebookMinuteCounts), Standing::Changed);
    stand.pass(MINUTE);
    // The list was asked for when it had not begun.
    assert_eq!(stand.poller.standing(org(2), Collector::NotebookMinuteCounts), Standing::Changed);
    stand.sweep(&[(org(2), used_type("deviceState", 0.0, false))]);
    assert!(matches!(stand.poller.standing(org(2), Collector::NotebookMinuteCounts), Standing::Silent(_)));
}

#[test]
fn a_scope_whose_lists_count_another_span_is_asked_in_turn_but_for_its_notebooks() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(9.0))]);
    stand.poll_all(org(2), 5.0);
    stand.pass(5 * MINUTE);
    stand.sweep(&[(org(2), used(9.0))]);
    let untold = Standing::Untold;
    assert_eq!(standings(&stand, org(2)), [untold, untold, untold, untold, Standing::Known]);
}

#[test]
fn a_scope_whose_lists_do_not_know_yet_what_an_answer_knew_is_asked_in_turn_until_they_do() {
    let mut stand = Stand::new();
    let mut after_five_minutes = |listed, answered: Option<f64>| {
        stand.pass(5 * MINUTE);
        stand.sweep(&[(org(2), used(listed))]);
        if let Some(total) = answered {
            stand.poll_all(org(2), total);
        }
        standings(&stand, org(2))
    };
    after_five_minutes(5.0, Some(6.0));
    let (known, untold) = (Standing::Known, Standing::Untold);
    let in_turn = [untold, untold, untold, untold, known];
    assert_eq!(after_five_minutes(5.0, Some(7.0)), in_turn);
    assert_eq!(after_five_minutes(5.0, None), in_turn, "the next answer does not make up for it");
    assert_eq!(after_five_minutes(6.0, Some(7.0))[3], known);
}

#[test]
fn where_lists_lag_so_far_that_numbers_would_run_out_before_they_confirm_them_everybody_is_asked_in_turn() {
    let (mut stand, log) = (Stand::new(), Log::listen());
    let [known, untold] = [[Standing::Known; 5], [Standing::Untold; 5]];
    let quiet = (org(2), used(5.0));
    stand.sweep(&[quiet.clone(), (org(3), used(4.0))]);
    stand.poll_all(org(2), 5.0);
    stand.poll_all(org(3), 6.0);
    // A list each five minutes, of which none knows what was answered at the beginning.
    for seen in (10..=30).step_by(5) {
        stand.pass(5 * MINUTE);
        stand.sweep(&[(org(3), used(4.0)), quiet.clone()]);
        assert_eq!(stand.poller.trust.lag(), seen * MINUTE);
        assert_eq!(standings(&stand, org(2)), known, "{seen}");
    }
    let expire_after = stand.poller.config.polling.expire_after.get();
    assert_eq!(stand.poller.trust.lag(), expire_after / 2);
    stand.pass(5 * MINUTE);
    stand.sweep(&[(org(3), used(4.0)), quiet.clone(), (org(4), used(1.0))]);
    assert_eq!(standings(&stand, org(2)), untold);
    assert_eq!(
        standings(&stand, org(4)),
        [Standing::Changed; 5],
        "and who has never been asked, like everybody new"
    );
    assert!(stand.has_metric("losant_exporter_sweep_mode{account=\"default\",mode=\"scopes\"} 1"));
    assert_eq!(log.count("lists know of use much later"), 1);
    for collector in DETAILS {
        let interval = stand.poller.config.polling.interval(collector);
        assert!(stand.until_due(org(2), collector) <= interval, "{collector:?}");
    }
    // When nothing has contradicted for six hours, lists are as good as before.
    for _ in 0..73 {
        stand.pass(5 * MINUTE);
        stand.sweep(&[quiet.clone(), (org(3), used(6.0))]);
    }
    assert_eq!(standings(&stand, org(2)), known);
    assert!(stand.has_metric("losant_exporter_sweep_mode{account=\"default\",mode=\"summaries\"} 1"));
}

#[test]
fn hours_of_which_nobody_knows_whether_all_of_them_are_billed_are_asked_in_turn() {
    let mut stand = Stand::new();
    stand.sweep(&[(org(2), used(5.0))]);
    stand.poll_all(org(2), 5.0);
    stand.pass(5 * MINUTE);
    stand.sweep(&[(org(2), used(5.0))]);
    assert_eq!(
        stand.poller.standing(org(2), Collector::PayloadCountsBreakdown),
        Standing::Known,
        "all that came is billed"
    );
    stand.poller.fleet.get_mut(org(2)).unwrap().findings.hours = None;
    assert_eq!(stand.poller.standing(org(2), Collector::PayloadCountsBreakdown), Standing::Untold);
    assert_eq!(stand.poller.standing(org(2), Collector::DeviceCounts), Standing::Known);
    stand.sweep(&[(org(2), used(5.0)), (org(3), used_type("event", 1.0, true))]);
    assert_eq!(
        stand.poller.standing(org(2), Collector::PayloadCountsBreakdown),
        Standing::Known,
        "lists tell of such payloads"
    );
}
