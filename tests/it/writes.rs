//! What somebody changes at Losant shows in the metrics at the next discovery.

use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp, http, within_patience};

/// Asks the simulated Losant to change something.
async fn change(app: &TestApp, method: reqwest::Method, path: &str, body: &str) {
    let request = http()
        .request(method, format!("{}{path}", app.losant))
        .header("authorization", format!("Bearer {}", app.simulator.token()))
        .header("content-type", "application/json")
        .body(body.to_owned());
    let answer = within_patience("an answer", request.send()).await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
}

async fn scrape_after_discovery(app: &TestApp) -> Scrape {
    app.hand.advance(std::time::Duration::from_secs(30));
    app.poll_now().await;
    app.scrape().await
}

fn shows(scrape: &Scrape, id: &str) -> bool {
    scrape.series.keys().any(|series| series.contains(id))
}

#[tokio::test]
async fn orgs_and_sandboxes_that_are_added_renamed_deleted_and_restored_follow_at_the_next_discovery() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    let world = app.simulator.world();
    let instance = format!("/instances/{}", world.instances()[0].id());
    let (org, renamed) = (world.orgs()[0].id().to_string(), world.orgs()[1].id().to_string());
    let sandbox = world.sandboxes().iter().find(|user| !user.is_marked(app.clock.now())).expect("a user");
    let sandbox = sandbox.id().to_string();
    assert!(shows(&app.scrape().await, &org) && shows(&app.scrape().await, &sandbox));

    change(&app, reqwest::Method::DELETE, &format!("{instance}/orgs/{org}"), "{}").await;
    change(&app, reqwest::Method::DELETE, &format!("{instance}/sandboxes/{sandbox}"), "{}").await;
    change(&app, reqwest::Method::PATCH, &format!("{instance}/orgs/{renamed}"), r#"{"name":"Renamed"}"#)
        .await;
    change(&app, reqwest::Method::POST, &format!("{instance}/orgs"), r#"{"name":"Newcomer"}"#).await;
    let scrape = scrape_after_discovery(&app).await;
    assert!(!shows(&scrape, &org) && !shows(&scrape, &sandbox));
    let info = |name: &str| scrape.value_where("losant_org_info", &format!("name=\"{name}\""));
    assert_eq!((info("Renamed"), info("Newcomer")), (Some(1.0), Some(1.0)));

    change(&app, reqwest::Method::PATCH, &format!("{instance}/sandboxes/{sandbox}/undelete"), "{}").await;
    let scrape = scrape_after_discovery(&app).await;
    assert!(shows(&scrape, &sandbox));
    assert!(scrape.value_where("losant_sandbox_devices", &sandbox).is_some());
}
