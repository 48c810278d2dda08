//! Promise 1: the numbers are right. Every usage series is compared with the world's truth; none may differ, be missing
//! or be there without reason.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::config::Interval;
use losant_exporter::simulator::{BillingAnchor, PayloadCounts, Simulator, Switches, World, WorldConfig};

use crate::test_app::{Setup, TestApp, within_patience};
use crate::truth::{assert_same, usage, usage_of};

/// Polls at the clock's time and compares everything.
async fn assert_exact(app: &TestApp) {
    app.poll_now().await;
    assert_shown_is_true(app).await;
}

async fn assert_shown_is_true(app: &TestApp) {
    let expected = usage(&app.simulator.world(), app.clock.now());
    // A guard against comparing nothing with nothing: some 50 series for each of 21 scopes.
    assert!(expected.len() > 800, "{}", expected.len());
    assert_same(&usage_of(&app.scrape().await.series), &expected);
}

/// Gives some orgs billing periods of their own.
fn with_own_periods(simulator: &Simulator) {
    simulator.change_world(|world| {
        let ids: Vec<_> = world.orgs().iter().map(losant_exporter::simulator::Org::id).collect();
        let anchors = [
            BillingAnchor { day: 3, hour: 0 },
            BillingAnchor { day: 12, hour: 0 },
            BillingAnchor { day: 31, hour: 0 },
        ];
        for (id, anchor) in ids.into_iter().zip(anchors) {
            world.org_mut(id).expect("an org").billing = anchor;
        }
    });
}

#[tokio::test]
async fn every_series_is_true_at_ordinary_times() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    assert_shown_is_true(&app).await;
    for now in ["2026-03-17T14:59:12.250Z", "2026-03-19T03:00:30.250Z", "2026-03-21T21:45:00.250Z"] {
        app.hand.advance_to(now.parse().unwrap());
        assert_exact(&app).await;
    }
}

#[tokio::test]
async fn every_series_is_true_across_an_hour_before_and_after_it_has_settled() {
    let app = Setup::at("2026-03-17T14:59:59.250Z").start().await;
    for now in [
        "2026-03-17T15:00:00.250Z",
        "2026-03-17T15:09:59.250Z",
        "2026-03-17T15:10:00.250Z",
        "2026-03-17T15:10:01.250Z",
    ] {
        app.hand.advance_to(now.parse().unwrap());
        assert_exact(&app).await;
    }
}

#[tokio::test]
async fn every_series_is_true_across_midnight() {
    let app = Setup::at("2026-03-17T23:59:59.250Z").start().await;
    for now in ["2026-03-18T00:00:00.250Z", "2026-03-18T00:05:00.250Z", "2026-03-18T00:10:00.250Z"] {
        app.hand.advance_to(now.parse().unwrap());
        assert_exact(&app).await;
    }
}

#[tokio::test]
async fn every_series_is_true_across_the_end_of_billing_periods() {
    let app = Setup::at("2026-03-31T23:58:00.250Z").start_unready().await;
    with_own_periods(&app.simulator);
    assert_exact(&app).await;
    for now in [
        "2026-04-01T00:00:00.250Z",
        "2026-04-01T00:07:00.250Z",
        "2026-04-02T11:00:00.250Z",
        "2026-04-03T00:00:01.250Z",
        "2026-04-12T00:00:01.250Z",
    ] {
        app.hand.advance_to(now.parse().unwrap());
        assert_exact(&app).await;
    }
}

#[tokio::test]
async fn every_series_is_true_for_a_period_that_starts_within_a_day() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start_unready().await;
    app.simulator.change_world(|world| {
        let id = world.orgs()[0].id();
        world.org_mut(id).expect("an org").billing = BillingAnchor { day: 17, hour: 5 };
    });
    assert_exact(&app).await;
    app.hand.advance_to("2026-03-19T14:23:45.250Z".parse().unwrap());
    assert_exact(&app).await;
}

#[tokio::test]
async fn every_series_is_true_after_a_restart() {
    let mut app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    let before = usage_of(&app.scrape().await.series);
    app.restart().await;
    assert_same(&usage_of(&app.scrape().await.series), &before);
    assert_shown_is_true(&app).await;
}

#[tokio::test]
async fn a_number_is_not_shown_under_the_name_of_a_window_it_does_not_belong_to() {
    let app = Setup::at("2026-03-31T23:59:30.250Z").start().await;
    app.hand.advance_to("2026-03-31T23:59:59.999Z".parse().unwrap());
    assert!(!app.scrape().await.family("losant_org_payloads_today").is_empty());
    // The clock passes midnight, and the poller has not come round yet: it is held up by the request that hangs.
    app.simulator.faults().inject(crate::faults::hang_everything());
    app.hand.advance_to("2026-04-01T00:00:00.250Z".parse().unwrap());
    let scrape = app.scrape().await;
    for family in [
        "losant_org_payloads_this_hour",
        "losant_org_payloads_today",
        "losant_org_payloads_last_day",
        "losant_org_notebook_runs_today",
        "losant_instance_payloads_period",
        "losant_instance_billable_payloads_period",
    ] {
        assert!(scrape.family(family).is_empty(), "{family}");
    }
    // These say themselves what they speak of.
    assert!(!scrape.family("losant_org_payloads_last_hour").is_empty());
    assert!(!scrape.family("losant_org_devices").is_empty());
}

/// Polls by their own schedule across the end of a month, and looks at every `_period` figure that is shown: it must be
/// one that was true of the running period not longer ago than a sweep and the longest interval.
async fn assert_true_across_the_turn(period_end_slip: bool, sweep_minutes: u32) {
    const FIGURES: [&str; 2] = ["billable_payloads_period", "notebook_run_seconds_period"];
    let mut setup = Setup::at("2026-03-31T23:40:00.250Z");
    setup.config.polling.sweep_interval = Interval::minutes(sweep_minutes.into());
    let app = setup.start_unready().await;
    app.simulator.set_switches(Switches { period_end_slip, ..Switches::default() });
    within_patience("the first cycle", app.control.ready()).await;
    let (mut compared, mut shown_at_the_end) = (0, 0);
    for _ in 0..50 + sweep_minutes {
        app.let_pass(Duration::from_secs(60)).await;
        let now = app.clock.now();
        let (newest, oldest) = (
            usage(&app.simulator.world(), now),
            now - SignedDuration::from_mins(i64::from(11 + sweep_minutes)),
        );
        let oldest = usage(&app.simulator.world(), oldest.max(period_start(now)));
        let shown = usage_of(&app.scrape().await.series);
        let figures = shown.iter().filter(|(series, _)| FIGURES.iter().any(|figure| series.contains(figure)));
        shown_at_the_end = 0;
        for (series, value) in figures {
            let (least, most) = (oldest.get(series).unwrap_or(&0.0), newest.get(series).unwrap_or(&0.0));
            assert!(least <= value && value <= most, "{now}: {series} is {value}, not {least} to {most}");
            compared += 1;
            shown_at_the_end += 1;
        }
    }
    assert!(compared > 800, "{compared}");
    assert_eq!(shown_at_the_end, 2 * 20, "both figures of every scope are back");
}

fn period_start(now: Timestamp) -> Timestamp {
    let start =
        if now < at("2026-04-01T00:00:00Z") { "2026-03-01T00:00:00Z" } else { "2026-04-01T00:00:00Z" };
    at(start)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[tokio::test]
async fn no_figure_of_the_old_period_is_shown_for_the_new_one_while_polls_come_round() {
    assert_true_across_the_turn(false, 5).await;
}

#[tokio::test]
async fn nor_where_losant_writes_the_end_half_a_day_early() {
    assert_true_across_the_turn(true, 5).await;
}

#[tokio::test]
async fn nor_where_discovery_comes_long_after_the_turn() {
    assert_true_across_the_turn(false, 50).await;
}

/// The open questions about the API, each answered in the way that is not the usual one.
const UNUSUAL_ANSWERS: [&[&str]; 25] = [
    &["ends=exclusive"],
    &["zero_buckets=absent"],
    &["edge_buckets=whole"],
    &["summary_without_include=empty"],
    &["summary_without_include=everything"],
    &["summary_include=in_addition"],
    &["unknown_summary_field=reject"],
    &["summary_range=last_30_days"],
    &["summary_payload_count=false"],
    &["summary_lag=10m"],
    &["summary_lag=10m", "summary_range=last_30_days"],
    &["summary_lag=40m"],
    &["summaries=false"],
    &["page_size_cap=5"],
    &["hourly_range_cap=3"],
    &["historical_refresh=90m"],
    &["error_bodies=html"],
    &["error_bodies=empty"],
    &["accept_version=rejects_unknown"],
    &["gzip=when_asked"],
    &["numbers_as_floats=true"],
    &["unknown_fields=true"],
    &["unlisted_types_billable=true"],
    &["token_lists_instances=true", "sandbox_applications=false", "running_month=false"],
    &["zero_buckets=absent", "ends=exclusive", "edge_buckets=whole", "page_size_cap=3", "gzip=when_asked"],
];

fn switches(answers: &[&str]) -> Switches {
    let mut switches = Switches::default();
    for answer in answers {
        switches.apply(answer).expect("a switch and a position of it");
    }
    switches
}

#[tokio::test]
async fn every_series_is_true_whichever_way_the_open_questions_are_answered() {
    for answers in [&[] as &[&str]].iter().chain(&UNUSUAL_ANSWERS) {
        let app = Setup::at("2026-03-17T14:23:45.250Z").start_unready().await;
        with_own_periods(&app.simulator);
        app.simulator.set_switches(switches(answers));
        assert_exact(&app).await;
        app.hand.advance(Duration::from_secs(420));
        assert_exact(&app).await;
    }
}

/// Lets polls come by their own schedule, which follows what lists say, and compares everything with the truth of the moment
/// that it claims to speak of.
async fn assert_true_by_schedule(answers: &[&str]) {
    let mut setup = Setup::at("2026-03-17T14:23:45.250Z");
    setup.world = crate::sweeps::fleet("2026-03-17T14:23:45.250Z", 12, 8);
    // Nearly half of them move.
    setup.world = World::new(WorldConfig { active: Some(0.4), ..setup.world.config().clone() });
    let app = setup.start_unready().await;
    with_own_periods(&app.simulator);
    app.simulator.set_switches(switches(answers));
    within_patience("the first cycle", app.control.ready()).await;
    let mut compared = 0;
    for _ in 0..9 {
        app.let_pass(Duration::from_secs(300)).await;
        compared += crate::sweeps::assert_fresh(&app).await.compared;
    }
    assert!(compared > 6_000, "{compared}");
}

#[tokio::test]
async fn by_its_own_schedule_too_every_series_is_true_with_each_answer_of_the_first_half() {
    for answers in &UNUSUAL_ANSWERS[..12] {
        assert_true_by_schedule(answers).await;
    }
}

#[tokio::test]
async fn by_its_own_schedule_too_every_series_is_true_with_each_answer_of_the_second_half() {
    for answers in &UNUSUAL_ANSWERS[12..] {
        assert_true_by_schedule(answers).await;
    }
}

#[tokio::test]
async fn a_limit_that_is_not_told_is_absent_and_every_other_number_is_true() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start_unready().await;
    app.simulator.set_switches(switches(&["absent_limits=some"]));
    app.poll_now().await;
    let is_limit = |series: &str| series.contains("_limit");
    let (mut shown, mut expected) =
        (usage_of(&app.scrape().await.series), usage(&app.simulator.world(), app.clock.now()));
    let limits = |series: &crate::truth::Series| series.keys().filter(|name| is_limit(name)).count();
    assert!(limits(&shown) > 10 && limits(&shown) < limits(&expected));
    shown.retain(|series, value| !is_limit(series) || expected.get(series) != Some(value));
    expected.retain(|series, _| !is_limit(series));
    assert_same(&shown, &expected);
}

#[tokio::test]
async fn payloads_by_type_are_what_losant_says_where_it_counts_the_billable_ones_only() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start_unready().await;
    app.simulator
        .set_switches(Switches { payload_counts: PayloadCounts::BillableOnly, ..Switches::default() });
    app.poll_now().await;
    let by_type = |series: &String| series.contains("payload_type=");
    let (mut shown, mut expected) =
        (usage_of(&app.scrape().await.series), usage(&app.simulator.world(), app.clock.now()));
    let types = |series: &crate::truth::Series| series.keys().filter(|name| by_type(name)).count();
    assert!(types(&shown) > 50 && types(&shown) < types(&expected));
    shown.retain(|series, value| !by_type(series) || expected.get(series) != Some(value));
    expected.retain(|series, _| !by_type(series));
    // Nothing by type is left that is not true; all else is exact as ever.
    assert_same(&shown, &expected);
}
