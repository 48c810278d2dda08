//! How the exporter starts being ready, and how it ends.

use losant_exporter::lifecycle::Ending;
use losant_exporter::simulator::{Fault, FaultKind, Route};

use crate::test_app::{Setup, within_patience};

const NOW: &str = "2026-03-17T14:23:45.250Z";

#[tokio::test]
async fn it_is_healthy_at_once_and_ready_when_everything_has_been_polled_once() {
    let setup = Setup::at(NOW);
    let app = setup.start_unready().await;
    assert_eq!(app.get("/-/healthy", "*/*").await.0, 200);
    within_patience("the first cycle", app.control.ready()).await;
    assert_eq!(app.get("/-/ready", "*/*").await.0, 200);
    let world = app.simulator.world();
    let listed = world.sandboxes().iter().filter(|user| !user.is_marked(app.clock.now())).count();
    let scrape = app.scrape().await;
    assert_eq!(scrape.value("losant_exporter_ready"), Some(1.0));
    for family in ["devices", "payloads_today", "notebook_run_seconds_today", "billable_payloads_period"] {
        let count = |level: &str| {
            let labels = if family.starts_with("payloads") { 2 } else { 1 };
            scrape.family(&format!("losant_{level}_{family}")).len() / labels
        };
        assert_eq!(
            (count("instance"), count("org"), count("sandbox")),
            (1, world.orgs().len(), listed),
            "{family}"
        );
    }
}

#[tokio::test]
async fn it_is_not_ready_and_says_why_while_losant_cannot_be_read() {
    let setup = Setup::at(NOW);
    let mut app = setup.start().await;
    app.simulator
        .faults()
        .inject(Fault::always(Route::action("instanceOrgs.get"), FaultKind::HtmlError(502)));
    // A new process that never saw the list.
    app.restart_unready().await;
    assert!(app.poll_failing().await > 0);
    let (status, _, reason) = app.get("/-/ready", "*/*").await;
    assert_eq!(status, 503);
    assert!(reason.contains("account default") && reason.contains("discovery of instance"), "{reason}");
    assert_eq!(app.get("/-/healthy", "*/*").await.0, 200);
    let scrape = app.scrape().await;
    assert_eq!(scrape.family("losant_up").into_values().collect::<Vec<_>>(), [0.0]);
    assert_eq!(scrape.value("losant_exporter_ready"), Some(0.0));

    app.simulator.faults().clear_all();
    app.poll_now().await;
    within_patience("readiness", app.control.ready()).await;
}

#[tokio::test]
async fn one_bad_org_does_not_keep_it_from_being_ready() {
    let app = Setup::at(NOW).start_unready().await;
    let org = app.simulator.world().orgs()[0].id();
    app.simulator.faults().inject(Fault::always(Route::owner(org), FaultKind::HtmlError(502)));
    within_patience("readiness", app.control.ready()).await;
}

#[tokio::test]
async fn a_signal_ends_it_in_order() {
    let mut app = Setup::at(NOW).start().await;
    app.signals.send("SIGTERM");
    assert_eq!(app.ended().await, Ok(Ending::Drained));
}

#[tokio::test]
async fn it_says_since_when_its_configuration_is_in_force() {
    let scrape = Setup::at("2026-03-17T14:23:45Z").start().await.scrape().await;
    assert_eq!(scrape.value("losant_exporter_config_last_reload_successful"), Some(1.0));
    let since = scrape.value("losant_exporter_config_last_reload_success_timestamp_seconds");
    assert_eq!(since, Some(1_773_757_425.0));
}
