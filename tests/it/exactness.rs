//! Promise 1: the numbers are right. Every usage series is compared with the world's truth; none may differ, be missing
//! or be there without reason.

use losant_exporter::simulator::{BillingAnchor, Simulator};

use crate::test_app::{Setup, TestApp};
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

#[tokio::test]
async fn a_scope_whose_period_ends_between_discoveries_is_asked_for_its_new_period() {
    let setup = Setup::at("2026-03-31T23:58:00.250Z");
    let app = setup.start().await;
    // Polls come due by themselves; discovery is due every five minutes, payload counts as well, each at its own place.
    app.hand.advance_to("2026-04-01T00:00:01.250Z".parse().unwrap());
    let asked_again = |path: &str| {
        path.contains("/orgs/") && path.matches('/').count() == 4 || path.matches('/').count() == 2
    };
    for _ in 0..5 {
        app.hand.advance(std::time::Duration::from_secs(60));
        app.simulator.wait_for_requests(|requests| !requests.is_empty()).await;
    }
    app.poll_now().await;
    assert_shown_is_true(&app).await;
    let requests = app.simulator.requests();
    assert!(requests.iter().any(|request| asked_again(&request.path)), "no scope was asked for its period");
}
