//! Applications and the month before: what Losant's monthly summaries say, dealt out to whom it belongs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{
    Application, ApplicationUsage, Fault, FaultKind, ObjectId, Owner, Route, Switches, World,
};

use crate::scrape::series;
use crate::test_app::{Setup, TestApp};
use crate::truth::{Series, assert_same};

const NOW: &str = "2026-03-17T14:23:45.250Z";

fn months(now: Timestamp) -> (Timestamp, Timestamp) {
    let date = now.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    let start =
        |date: jiff::civil::Date| date.to_zoned(jiff::tz::TimeZone::UTC).expect("a midnight").timestamp();
    (start(date.yesterday().expect("a day").first_of_month()), start(date))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a simulated world stay below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Every owner who can be seen at `now`, with the labels that its series carry.
fn owners(world: &World, now: Timestamp) -> Vec<(Owner, [(&'static str, String); 2])> {
    let ids = |instance: ObjectId, label, id: ObjectId| {
        [("instance_id", instance.to_string()), (label, id.to_string())]
    };
    let orgs = world.orgs().iter().filter(|org| org.exists(now));
    let users = world.sandboxes().iter().filter(|user| user.exists(now) && !user.is_marked(now));
    orgs.map(|org| (Owner::Org(org.id()), ids(org.instance(), "org_id", org.id())))
        .chain(users.map(|user| (Owner::Sandbox(user.id()), ids(user.instance(), "sandbox_id", user.id()))))
        .collect()
}

fn expected(world: &World, now: Timestamp) -> Series {
    let (previous, this) = months(now);
    let mut rows = Series::new();
    for (owner, ids) in owners(world, now) {
        let mut sums = [0; 4];
        for application in world.applications(owner) {
            let running = world.application_usage(&application, this, now);
            let before = world.application_usage(&application, previous, this);
            add_application(&mut rows, &ids, &application, &running, &before);
            let figures = [
                before.billable.payloads,
                before.billable.bytes,
                before.notebook_minutes * 60,
                before.devices,
            ];
            for (sum, figure) in sums.iter_mut().zip(figures) {
                *sum += figure;
            }
        }
        if matches!(owner, Owner::Org(_)) {
            let labels: Vec<_> = ids.iter().map(|(label, id)| (*label, id.as_str())).collect();
            for (stem, sum) in PREVIOUS.iter().zip(sums) {
                rows.insert(series(&format!("losant_org_{stem}_previous_period"), &labels), number(sum));
            }
        }
    }
    rows
}

const PREVIOUS: [&str; 4] =
    ["billable_payloads", "billable_payload_bytes", "notebook_run_seconds", "devices"];

fn add_application(
    rows: &mut Series,
    ids: &[(&'static str, String); 2],
    application: &Application,
    running: &ApplicationUsage,
    before: &ApplicationUsage,
) {
    let id = application.id.to_string();
    let mut add = |stem: &str, more: &[(&str, &str)], value: u64| {
        let mut labels: Vec<_> = ids.iter().map(|(label, id)| (*label, id.as_str())).collect();
        labels.push(("application_id", &id));
        labels.extend_from_slice(more);
        rows.insert(series(&format!("losant_application_{stem}"), &labels), number(value));
    };
    add("info", &[("name", &application.name)], 1);
    for (billable, amount) in [("true", running.billable), ("false", running.nonbillable)] {
        add("payloads_period", &[("billable", billable)], amount.payloads);
        add("payload_bytes_period", &[("billable", billable)], amount.bytes);
    }
    add("devices", &[], running.devices);
    add("notebook_run_seconds_period", &[], running.notebook_minutes * 60);
    let figures =
        [before.billable.payloads, before.billable.bytes, before.notebook_minutes * 60, before.devices];
    for (stem, figure) in PREVIOUS.iter().zip(figures) {
        add(&format!("{stem}_previous_period"), &[], figure);
    }
}

async fn shown(app: &TestApp) -> Series {
    let is_wanted = |series: &String| {
        series.starts_with("losant_application_")
            || series.split('{').next().is_some_and(|name| name.ends_with("_previous_period"))
    };
    app.scrape().await.series.into_iter().filter(|(series, _)| is_wanted(series)).collect()
}

#[tokio::test]
async fn every_application_and_the_month_before_are_true_through_the_turn_of_a_month() {
    let app = Setup::at(NOW).start().await;
    for now in [NOW, "2026-03-31T23:59:59.250Z", "2026-04-01T00:10:00.250Z", "2026-04-20T07:00:00.250Z"] {
        app.hand.advance_to(now.parse().expect("a time"));
        app.poll_now().await;
        let expected = expected(&app.simulator.world(), app.clock.now());
        assert!(expected.len() > 250, "{}", expected.len());
        assert_same(&shown(&app).await, &expected);
    }
}

#[tokio::test]
async fn the_applications_of_a_deleted_org_go_with_it() {
    let app = Setup::at(NOW).start().await;
    let gone = app.simulator.world().orgs()[0].id();
    let now = app.clock.now();
    app.simulator.change_world(|world| world.org_mut(gone).expect("an org").deleted_at = Some(now));
    app.hand.advance(Duration::from_secs(60));
    // The monthly summaries are not read again: the list of orgs is enough.
    app.simulator
        .faults()
        .inject(Fault::always(Route::action("instance.historicalSummaries"), FaultKind::HtmlError(502)));
    app.poll_failing().await;
    let shown = shown(&app).await;
    assert!(!shown.is_empty() && shown.keys().all(|series| !series.contains(&gone.to_string())));
}

#[tokio::test]
async fn figures_of_last_month_do_not_expire_and_go_with_the_month() {
    let app = Setup::at(NOW).start().await;
    app.simulator.faults().inject(Fault::always(Route::everything(), FaultKind::Hang));
    app.hand.advance_to("2026-03-31T23:59:59Z".parse().expect("a time"));
    let family = "losant_org_billable_payloads_previous_period";
    assert_eq!(app.scrape().await.family(family).len(), 12);
    assert!(app.scrape().await.family("losant_application_devices").is_empty(), "these do");
    app.hand.advance(Duration::from_secs(1));
    assert!(app.scrape().await.family(family).is_empty());
}

#[tokio::test]
async fn where_losant_lists_no_sandbox_applications_or_no_running_month_they_are_absent() {
    let app = Setup::at(NOW).start_unready().await;
    app.simulator.set_switches(Switches { sandbox_applications: false, ..Switches::default() });
    app.poll_now().await;
    let applications = shown(&app).await;
    assert!(applications.keys().any(|series| series.contains("org_id")));
    assert!(applications.keys().all(|series| !series.contains("sandbox_id")));
    app.simulator.set_switches(Switches { running_month: false, ..Switches::default() });
    app.hand.advance(Duration::try_from(SignedDuration::from_mins(5)).expect("a duration"));
    app.poll_now().await;
    let scrape = app.scrape().await;
    assert!(scrape.family("losant_application_payloads_period").is_empty());
    assert_eq!(scrape.family("losant_org_billable_payloads_previous_period").len(), 12);
}

#[tokio::test]
async fn the_month_before_is_there_again_soon_after_a_month_has_turned() {
    let app = Setup::at("2026-03-31T20:00:00.250Z").start().await;
    let family = "losant_org_billable_payloads_previous_period";
    for _ in 0..16 {
        app.let_pass(Duration::from_secs(900)).await;
    }
    assert!(app.scrape().await.family(family).is_empty(), "another month is the one before now");
    app.let_pass(Duration::from_secs(900)).await;
    let expected = expected(&app.simulator.world(), app.clock.now());
    let shown = app.scrape().await;
    assert_eq!(shown.family(family).len(), 12);
    for (series, value) in shown.family(family) {
        assert_eq!(expected.get(series), Some(&value), "{series}");
    }
}

#[tokio::test]
async fn orgs_that_are_found_after_the_summaries_were_read_get_what_those_said() {
    let setup = Setup::at(NOW);
    let app = setup.start_unready().await;
    app.simulator
        .faults()
        .inject(Fault::always(Route::action("instanceOrgs.get"), FaultKind::HtmlError(502)));
    app.poll_failing().await;
    app.simulator.faults().clear_all();
    app.let_pass(Duration::from_secs(60)).await;
    let family = "losant_org_billable_payloads_previous_period";
    assert_eq!(app.scrape().await.family(family).len(), 12);
}

#[tokio::test]
async fn an_installation_without_summaries_is_up_and_shows_the_rest() {
    let app = Setup::at(NOW).start_unready().await;
    // A passing failure takes the instance down, a final no does not, also after one.
    let summaries = || Route::action("instance.historicalSummaries");
    app.simulator.faults().inject(Fault::always(summaries(), FaultKind::HtmlError(502)));
    assert_eq!(app.poll_failing().await, 2);
    assert_eq!(app.scrape().await.family("losant_up").into_values().collect::<Vec<_>>(), [0.0]);
    app.simulator.faults().clear_all();
    let kind = FaultKind::Status { status: 405, kind: "MethodNotAllowed".to_owned(), message: String::new() };
    app.simulator.faults().inject(Fault::always(summaries(), kind));
    assert_eq!(app.poll_failing().await, 2);
    let scrape = app.scrape().await;
    assert_eq!(scrape.family("losant_up").into_values().collect::<Vec<_>>(), [1.0]);
    assert_eq!(scrape.family("losant_org_devices").len(), 12);
}
