//! Promise 4: failure is visible and contained, and promise 2: a scrape never waits for Losant.

use std::time::Duration;

use losant_exporter::config::Interval;
use losant_exporter::simulator::{Fault, FaultKind, RecordedRequest, RetryAfter, Route};

use crate::test_app::{Setup, TestApp, within_patience};
use crate::truth::{assert_same, usage, usage_of};

const NOW: &str = "2026-03-17T14:23:45.250Z";

pub fn hang_everything() -> Fault {
    Fault::always(Route::everything(), FaultKind::Hang)
}

fn status(status: u16, kind: &str) -> FaultKind {
    FaultKind::Status { status, kind: kind.to_owned(), message: format!("{kind}, on order") }
}

fn requests(scrape: &crate::scrape::Scrape, code: &str) -> f64 {
    let label = format!("code=\"{code}\"");
    let all = scrape.family("losant_exporter_api_requests_total");
    all.into_iter().filter(|(series, _)| series.contains(&label)).map(|(_, value)| value).sum()
}

async fn assert_true(app: &TestApp) {
    assert_same(&usage_of(&app.scrape().await.series), &usage(&app.simulator.world(), app.clock.now()));
}

#[tokio::test]
async fn errors_on_one_org_leave_every_other_scope_exact() {
    let app = Setup::at(NOW).start().await;
    let org = app.simulator.world().orgs()[3].id();
    app.simulator.faults().inject(Fault::always(Route::owner(org), status(500, "InternalError")));
    let before = app.clock.now();
    app.hand.advance(Duration::from_secs(240));
    // Four collectors ask about the org itself; it is still listed.
    assert_eq!(app.poll_failing().await, 4);
    let (shown, org) = (app.scrape().await, org.to_string());
    let others = |series: crate::truth::Series| {
        series.into_iter().filter(|(series, _)| !series.contains(&org)).collect::<crate::truth::Series>()
    };
    let expected = usage(&app.simulator.world(), app.clock.now());
    assert_same(&others(usage_of(&shown.series)), &others(expected));

    let seconds = |at: jiff::Timestamp| at.as_duration().as_secs_f64();
    for (series, at) in shown.family("losant_org_last_success_timestamp_seconds") {
        let stopped = series.contains(&org) && !series.contains("collector=\"discovery\"");
        assert_eq!(at, seconds(if stopped { before } else { app.clock.now() }), "{series}");
    }
    assert_eq!(shown.value("losant_exporter_scopes{level=\"org\",state=\"failing\"}"), Some(1.0));
    assert_eq!(shown.family("losant_up").into_values().collect::<Vec<_>>(), [1.0]);

    // What was read before stays until it expires, and is exact again after the fault.
    assert!(shown.value_where("losant_org_devices", &org).is_some());
    app.simulator.faults().clear_all();
    app.poll_now().await;
    assert_true(&app).await;
}

#[tokio::test]
async fn numbers_that_cannot_be_read_again_expire_and_their_age_stays() {
    let mut setup = Setup::at(NOW);
    setup.config.polling.expire_after = Interval::minutes(20);
    let app = setup.start().await;
    let org = app.simulator.world().orgs()[3].id();
    app.simulator.faults().inject(Fault::always(Route::owner(org), status(503, "Unavailable")));
    let org = org.to_string();
    for (minutes, shown) in [(20, true), (1, false)] {
        app.hand.advance(Duration::from_secs(60 * minutes));
        app.poll_failing().await;
        let scrape = app.scrape().await;
        assert_eq!(scrape.value_where("losant_org_devices", &org).is_some(), shown);
        let ages = scrape.family("losant_org_last_success_timestamp_seconds");
        assert_eq!(ages.keys().filter(|series| series.contains(&org)).count(), 5);
    }
}

#[tokio::test]
async fn a_deleted_org_loses_its_series_at_the_next_discovery_and_a_new_one_gains_them() {
    let app = Setup::at(NOW).start().await;
    let gone = app.simulator.world().orgs()[2].id();
    app.hand.advance(Duration::from_secs(30));
    let now = app.clock.now();
    app.simulator.change_world(|world| {
        let instance = world.instances()[0].id();
        world.org_mut(gone).expect("an org").deleted_at = Some(now);
        world.add_org(instance, "Newcomer", now);
    });
    app.hand.advance(Duration::from_secs(30));
    app.poll_now().await;
    let scrape = app.scrape().await;
    assert!(scrape.series.keys().all(|series| !series.contains(&gone.to_string())));
    assert_eq!(scrape.value_where("losant_org_info", "name=\"Newcomer\""), Some(1.0));
    let orgs = scrape.family("losant_org_devices").len();
    assert_eq!(orgs, app.simulator.world().orgs().iter().filter(|org| org.exists(app.clock.now())).count());
}

#[tokio::test]
async fn a_list_that_fails_or_breaks_off_removes_nothing() {
    for kind in
        [status(500, "InternalError"), FaultKind::CutBody, FaultKind::NotJson, FaultKind::HtmlError(502)]
    {
        let app = Setup::at(NOW).start().await;
        let before = app.scrape().await.family("losant_org_devices").len();
        app.simulator.faults().inject(Fault::always(Route::action("instanceOrgs.get"), kind.clone()));
        app.hand.advance(Duration::from_secs(30));
        assert_eq!(app.poll_failing().await, 1, "{kind:?}");
        let scrape = app.scrape().await;
        assert_eq!(scrape.family("losant_org_devices").len(), before, "{kind:?}");
        assert_eq!(scrape.family("losant_up").into_values().collect::<Vec<_>>(), [0.0], "{kind:?}");
    }
}

#[tokio::test]
async fn retry_after_is_obeyed_to_the_second() {
    for retry_after in [RetryAfter::Seconds(7), RetryAfter::HttpDate(Duration::from_secs(7))] {
        let mut setup = Setup::at("2026-03-17T14:23:45Z");
        setup.account.max_attempts = 3;
        let app = setup.start().await;
        let kind = FaultKind::Throttle { retry_after: Some(retry_after) };
        app.simulator.faults().inject(Fault::once(Route::everything(), kind));
        let throttled = |requests: &[RecordedRequest]| requests.iter().position(|r| r.status == Some(429));
        app.hand.advance(Duration::from_secs(30));
        let cycle = app.control.poll_now();
        let moved = async {
            within_patience(
                "the throttled request",
                app.simulator.wait_for_requests(|r| throttled(r).is_some()),
            )
            .await;
            // The client may have to hear of it first: time moves in small steps, and every step is looked at.
            for _ in 0..4_000 {
                app.hand.advance(Duration::from_millis(100));
                tokio::task::yield_now().await;
                if throttled(&app.simulator.requests())
                    .is_some_and(|at| at + 2 < app.simulator.requests().len())
                {
                    break;
                }
            }
        };
        let (report, ()) =
            within_patience("the cycle", async { tokio::join!(cycle, keep_moving(&app, moved)) }).await;
        assert_eq!(report.failed, 0, "{report:?}");
        let requests = app.simulator.requests();
        let refused = throttled(&requests).expect("a throttled request");
        let wait = Duration::from_secs(7);
        for later in &requests[refused + 1..] {
            let waited = later.uptime.checked_sub(requests[refused].uptime).unwrap();
            // Requests that were on their way before the answer came are none of ours to hold back.
            assert!(waited.is_zero() || waited >= wait, "{waited:?} after the 429: {later:?}");
        }
        let scrape = app.scrape().await;
        assert_eq!(scrape.value("losant_exporter_api_throttled_total"), Some(1.0));
    }
}

/// Goes on moving the clock in small steps, for ever, after `first` is done: budgets refill and retries come due.
async fn keep_moving(app: &TestApp, first: impl Future<Output = ()>) {
    first.await;
    while within_steps(app).await {}
}

async fn within_steps(app: &TestApp) -> bool {
    app.hand.advance(Duration::from_millis(100));
    tokio::task::yield_now().await;
    app.clock.uptime() < Duration::from_secs(120)
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_timed_out_and_scrapes_go_on_meanwhile() {
    let mut setup = Setup::at(NOW);
    setup.account.request_timeout = Interval::from(Duration::from_millis(300));
    let app = setup.start().await;
    let org = app.simulator.world().orgs()[1].id();
    let route = Route::action("instanceOrg.deviceCounts").of(org);
    app.simulator.faults().inject(Fault::always(route, FaultKind::Hang));
    let (failed, shown) = tokio::join!(app.poll_failing(), app.scrape());
    assert!(shown.value_where("losant_org_devices", &org.to_string()).is_some());
    assert_eq!(failed, 1);
    assert_eq!(requests(&app.scrape().await, "timeout"), 1.0);
}

#[tokio::test]
async fn a_token_that_is_refused_shows_in_up_and_in_the_counters_and_is_tried_again_sparingly() {
    let app = Setup::at(NOW).start().await;
    app.simulator.faults().inject(Fault::always(Route::everything(), status(401, "Unauthorized")));
    app.hand.advance(Duration::from_secs(30));
    assert!(app.poll_failing().await > 0);
    let scrape = app.scrape().await;
    assert_eq!(scrape.family("losant_up").into_values().collect::<Vec<_>>(), [0.0]);
    // As many as were under way at once, and not one for each of a hundred polls.
    assert!((1.0..=8.0).contains(&requests(&scrape, "401")), "{}", requests(&scrape, "401"));
    assert!(!scrape.family("losant_org_devices").is_empty(), "what was read before is still true");

    app.simulator.faults().clear_all();
    app.poll_now().await;
    assert_eq!(app.scrape().await.family("losant_up").into_values().collect::<Vec<_>>(), [1.0]);
    assert_true(&app).await;
}

#[tokio::test]
async fn a_token_that_is_refused_while_everything_is_polled_stops_the_account_after_a_few_requests() {
    let app = Setup::at(NOW).start().await;
    app.hand.advance(Duration::from_secs(30));
    // Discovery passes, then the token is revoked.
    let detail = ["payloadCounts", "payloadCountsBreakdown", "deviceCounts", "notebookMinuteCounts"];
    for (level, action) in
        ["instance", "instanceOrg", "instanceSandbox"].iter().flat_map(|l| detail.map(|a| (l, a)))
    {
        let route = Route::action(format!("{level}.{action}"));
        app.simulator.faults().inject(Fault::always(route, status(401, "Unauthorized")));
    }
    let revoked =
        Fault { times: None, ..Fault::always(Route::action("instance.get"), status(401, "Unauthorized")) };
    let (failed, ()) = tokio::join!(app.poll_failing(), async {
        app.simulator
            .wait_for_requests(|requests| requests.iter().any(|request| request.status == Some(401)))
            .await;
        app.simulator.faults().inject(revoked);
    });
    assert!(failed > 20);
    let refused = requests(&app.scrape().await, "401");
    assert!(refused < 40.0, "{refused} requests with a token that is known to be refused");
    assert_eq!(app.scrape().await.family("losant_up").into_values().collect::<Vec<_>>(), [0.0]);
}

#[tokio::test]
async fn a_refusal_of_one_org_alone_does_not_stop_the_account() {
    let app = Setup::at(NOW).start().await;
    let org = app.simulator.world().orgs()[1].id();
    app.simulator.faults().inject(Fault::always(Route::owner(org), status(401, "Unauthorized")));
    app.hand.advance(Duration::from_secs(30));
    assert_eq!(app.poll_failing().await, 4);
    let scrape = app.scrape().await;
    assert_eq!(scrape.family("losant_up").into_values().collect::<Vec<_>>(), [1.0]);
    assert_eq!(scrape.value("losant_exporter_scopes{level=\"org\",state=\"failing\"}"), Some(1.0));
}

#[tokio::test]
async fn no_fault_makes_a_scrape_fail_or_names_a_number_that_is_not_true() {
    let kinds = [
        status(500, "InternalError"),
        status(403, "Forbidden"),
        status(404, "NotFound"),
        FaultKind::HtmlError(502),
        FaultKind::EmptyBody(413),
        FaultKind::Reset,
        FaultKind::CutBody,
        FaultKind::NotJson,
        FaultKind::HugeBody(40 * 1024 * 1024),
    ];
    for kind in kinds {
        let app = Setup::at(NOW).start().await;
        let org = app.simulator.world().orgs()[4].id();
        app.simulator.faults().inject(Fault::always(Route::owner(org), kind.clone()));
        let expected = usage(&app.simulator.world(), app.clock.now());
        assert_eq!(app.poll_failing().await, 4, "{kind:?}");
        // Time stands still, so what was read before the fault is true as well.
        assert_same(&usage_of(&app.scrape().await.series), &expected);
    }
}
