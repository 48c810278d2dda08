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
    // Five collectors ask about the org itself; it is still listed.
    assert_eq!(app.poll_failing().await, 5);
    let (shown, org) = (app.scrape().await, org.to_string());
    let others = |series: crate::truth::Series| {
        series.into_iter().filter(|(series, _)| !series.contains(&org)).collect::<crate::truth::Series>()
    };
    let expected = usage(&app.simulator.world(), app.clock.now());
    assert_same(&others(usage_of(&shown.series)), &others(expected));

    let seconds = |at: jiff::Timestamp| at.as_duration().as_secs_f64();
    for (series, at) in shown.family("losant_org_last_success_timestamp_seconds") {
        // The list still says that the org is there, what it has used, and that it has run no notebook.
        let asked = ["payload_bytes", "payload_counts_breakdown", "device_counts"];
        let stopped =
            series.contains(&org) && asked.iter().any(|name| series.contains(&format!("\"{name}\"")));
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
        assert_eq!(ages.keys().filter(|series| series.contains(&org)).count(), 6);
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
        // One request at a time: none is on its way when the answer comes that tells to wait.
        setup.account.max_in_flight = 1;
        let app = setup.start().await;
        app.hand.advance(Duration::from_secs(30));
        within_patience("the polls that are due", app.control.idle()).await;
        let kind = FaultKind::Throttle { retry_after: Some(retry_after) };
        app.simulator.faults().inject(Fault::once(Route::everything(), kind));
        let report = app.while_time_passes(app.control.poll_now()).await;
        assert_eq!(report.expect("a running poller").failed, 0);
        let requests = app.simulator.requests();
        let refused = requests.iter().position(|request| request.status == Some(429));
        let refused = refused.expect("a throttled request");
        assert!(requests.len() > refused + 100, "the cycle went on");
        for later in &requests[refused + 1..] {
            let waited = later.uptime.saturating_sub(requests[refused].uptime);
            assert!(waited >= Duration::from_secs(7), "{waited:?} after the 429: {later:?}");
        }
        assert_eq!(app.scrape().await.value("losant_exporter_api_throttled_total"), Some(1.0));
    }
}

#[tokio::test]
async fn a_request_that_hangs_is_timed_out_and_scrapes_go_on_meanwhile() {
    let mut setup = Setup::at(NOW);
    // Long enough for every other request on a busy machine.
    setup.account.request_timeout = Interval::seconds(8);
    let app = setup.start().await;
    let org = app.simulator.world().orgs()[1].id();
    let route = Route::action("instanceOrg.deviceCounts").of(org);
    app.simulator.faults().inject(Fault::always(route, FaultKind::Hang));
    let hung = |requests: &[RecordedRequest]| {
        requests.iter().any(|request| request.status.is_none() && request.path.contains(&org.to_string()))
    };
    let scraped = async {
        within_patience("the request that hangs", app.simulator.wait_for_requests(hung)).await;
        let shown = app.scrape().await;
        assert!(shown.value_where("losant_org_devices", &org.to_string()).is_some());
        assert!(hung(&app.simulator.requests()), "it was answered before the scrape");
    };
    let (failed, ()) = tokio::join!(app.poll_failing(), scraped);
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
async fn a_token_that_is_revoked_while_much_is_overdue_stops_the_account_after_a_few_requests() {
    let app = Setup::at(NOW).start().await;
    // Twenty minutes of polls are overdue when the token goes.
    let token = app.simulator.token().to_owned();
    app.simulator.revoke_token(&token);
    app.let_pass(Duration::from_secs(1_200)).await;
    let refused = requests(&app.scrape().await, "401");
    assert!((1.0..=30.0).contains(&refused), "{refused} requests with a token that is known to be refused");
    assert_eq!(app.scrape().await.family("losant_up").into_values().collect::<Vec<_>>(), [0.0]);

    // In the hour after, discovery alone asks, and ever more rarely.
    for _ in 0..120 {
        app.let_pass(Duration::from_secs(30)).await;
    }
    let asked = requests(&app.scrape().await, "401") - refused;
    // Two jobs ask: the list of instances, and the discovery of the one there is.
    assert!((20.0..=40.0).contains(&asked), "{asked} requests in an hour");
    app.simulator.accept_token(token);
    app.let_pass(Duration::from_secs(300)).await;
    assert_true(&app).await;
    assert_eq!(app.scrape().await.family("losant_up").into_values().collect::<Vec<_>>(), [1.0]);
}

#[tokio::test]
async fn after_an_outage_everything_is_read_again_as_soon_as_discovery_succeeds() {
    let app = Setup::at(NOW).start().await;
    app.simulator.faults().inject(Fault::always(Route::everything(), FaultKind::Reset));
    app.let_pass(Duration::from_secs(1_200)).await;
    let account = "losant_exporter_account_up{account=\"default\"}";
    assert_eq!(app.scrape().await.value(account), Some(0.0));
    app.simulator.faults().clear_all();
    // At most one interval of discovery, and nothing waits for its own interval after that.
    app.let_pass(Duration::from_secs(300)).await;
    assert_eq!(app.scrape().await.value(account), Some(1.0));
    assert_true(&app).await;
}

#[tokio::test]
async fn a_list_of_instances_that_is_refused_is_asked_for_ever_more_rarely() {
    let setup = Setup::at(NOW);
    let mut app = setup.start().await;
    let token = app.simulator.token().to_owned();
    app.simulator.revoke_token(&token);
    app.restart_unready().await;
    for _ in 0..60 {
        app.let_pass(Duration::from_secs(60)).await;
    }
    let asked = requests(&app.scrape().await, "401");
    assert!((10.0..=25.0).contains(&asked), "{asked} requests in an hour");
    let (status, _, reason) = app.get("/-/ready", "*/*").await;
    assert_eq!(status, 503);
    assert!(reason.contains("does not accept the token"), "{reason}");
}

#[tokio::test]
async fn a_list_that_is_suddenly_empty_has_to_be_so_twice() {
    let app = Setup::at(NOW).start().await;
    let now = app.clock.now();
    app.simulator.change_world(|world| {
        let ids: Vec<_> = world.orgs().iter().map(losant_exporter::simulator::Org::id).collect();
        for id in ids {
            world.org_mut(id).expect("an org").deleted_at = Some(now);
        }
    });
    app.hand.advance(Duration::from_secs(1));
    app.poll_failing().await;
    assert_eq!(app.scrape().await.family("losant_org_info").len(), 12);
    app.poll_failing().await;
    assert_eq!(app.scrape().await.family("losant_org_info").len(), 0);
}

#[tokio::test]
async fn a_token_that_may_not_list_sandboxes_is_good_for_all_else() {
    let app = Setup::at(NOW).start_unready().await;
    let route = Route::action("instanceSandboxes.get");
    app.simulator.faults().inject(Fault::always(route, status(403, "Forbidden")));
    app.poll_failing().await;
    within_patience("readiness", app.control.ready()).await;
    let scrape = app.scrape().await;
    assert_eq!(scrape.family("losant_org_devices").len(), 12);
    assert_eq!(scrape.family("losant_up").into_values().collect::<Vec<_>>(), [0.0]);
}

#[tokio::test]
async fn a_refusal_of_one_org_alone_does_not_stop_the_account() {
    let app = Setup::at(NOW).start().await;
    let org = app.simulator.world().orgs()[1].id();
    app.simulator.faults().inject(Fault::always(Route::owner(org), status(401, "Unauthorized")));
    app.hand.advance(Duration::from_secs(30));
    assert_eq!(app.poll_failing().await, 5);
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
        assert_eq!(app.poll_failing().await, 5, "{kind:?}");
        // Time stands still, so what was read before the fault is true as well.
        assert_same(&usage_of(&app.scrape().await.series), &expected);
    }
}

#[tokio::test]
async fn where_losant_refuses_a_summary_field_lists_are_read_without_and_everybody_is_asked_in_turn() {
    let app = Setup::at(NOW).start().await;
    app.hand.advance(Duration::from_secs(30));
    app.simulator.faults().inject(Fault::once(Route::action("instanceOrgs.get"), status(400, "Validation")));
    app.poll_now().await;
    let lists = app.simulator.requests();
    let lists: Vec<_> = lists.iter().filter(|request| request.action == Some("instanceOrgs.get")).collect();
    assert!(lists.last().expect("a list").query_value("summaryInclude").is_none());
    assert_true(&app).await;
    let mode = |mode: &str| format!("losant_exporter_sweep_mode{{account=\"default\",mode=\"{mode}\"}}");
    assert_eq!(app.scrape().await.value(&mode("mixed")), Some(1.0));
    app.poll_now().await;
    assert_eq!(app.scrape().await.value(&mode("summaries")), Some(1.0));
}
