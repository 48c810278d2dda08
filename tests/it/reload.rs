//! A configuration that changes while the exporter runs: what is still wanted stays, what is not goes, and nobody is asked twice.

mod accounts;
mod hanging;
mod load;
mod process;

use std::collections::BTreeSet;
use std::time::Duration;

use losant_exporter::config::{AccountConfig, Config, Interval};
use losant_exporter::simulator::{Fault, FaultKind, Route, World, WorldConfig};
use losant_exporter::usage::Collector;

use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp, within_patience};
use crate::truth::{assert_same, usage, usage_of};

const NOW: &str = "2026-03-17T14:23:45.250Z";
const SUCCESSFUL: &str = "losant_exporter_config_last_reload_successful";

fn account(config: &mut Config) -> &mut AccountConfig {
    config.accounts.get_mut("default").expect("the account")
}

/// Names and labels of all series of orgs, sandboxes, instances and applications.
fn names(scrape: &Scrape) -> BTreeSet<String> {
    scrape
        .series
        .keys()
        .filter(|series| !series.starts_with("losant_exporter_") && !series.starts_with("process_"))
        .cloned()
        .collect()
}

/// What the page shows once nothing is due any more.
async fn settled(app: &TestApp) -> Scrape {
    within_patience("what is due", app.control.idle()).await;
    app.scrape().await
}

async fn assert_true(app: &TestApp) {
    let scrape = settled(app).await;
    assert_same(&usage_of(&scrape.series), &usage(&app.simulator.world(), app.clock.now()));
}

#[tokio::test]
async fn what_has_not_changed_asks_nobody_anything() {
    let app = Setup::at(NOW).start().await;
    let before = (settled(&app).await.series, app.simulator.request_count());
    let done = app.reload(|_| {}).await.expect("a reload");
    assert_eq!((done.changed, done.needs_restart), (vec![], vec![]));
    assert_eq!(app.simulator.request_count(), before.1);
    let series = settled(&app).await.series;
    let own = |series: &String| series.starts_with("losant_exporter_") || series.starts_with("process_");
    assert!(
        before.0.iter().filter(|(name, _)| !own(name)).all(|(name, value)| series.get(name) == Some(value))
    );
}

#[tokio::test]
async fn an_org_that_is_excluded_leaves_alone_and_comes_back_when_it_is_not() {
    let app = Setup::at(NOW).start().await;
    let org = app.simulator.world().orgs()[3].id().to_string();
    let all = names(&settled(&app).await);
    let asked = app.simulator.request_count();
    let done =
        app.reload(|config| config.selection.orgs.exclude.ids = vec![org.clone()]).await.expect("a reload");
    assert_eq!(done.changed, ["selection.orgs.exclude.ids"]);
    // At once nothing is missing: names of those who are wanted are known only once they have been listed.
    let missing: Vec<_> =
        all.difference(&names(&app.scrape().await)).filter(|one| !one.contains(&org)).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
    let left = names(&settled(&app).await);
    assert_eq!(left, all.iter().filter(|series| !series.contains(&org)).cloned().collect());
    let asked_since = app.simulator.request_count() - asked;
    assert!(asked_since < 20, "one sweep is enough: {asked_since} requests");

    app.reload(|config| config.selection.orgs.exclude.ids.clear()).await.expect("a reload");
    assert_eq!(names(&settled(&app).await), all);
    assert_true(&app).await;
}

#[tokio::test]
async fn a_wrong_one_changes_nothing_and_is_told_of_until_a_good_one_comes() {
    let app = Setup::at(NOW).start().await;
    let before = names(&settled(&app).await);
    let since = "losant_exporter_config_last_reload_success_timestamp_seconds";
    let started = app.scrape().await.value(since);
    let refusal = app
        .reload(|config| {
            config.selection.orgs.exclude.names = vec!["*".to_owned()];
            config.polling.sweep_interval = Interval::minutes(0);
        })
        .await
        .expect_err("a refusal");
    assert_eq!(refusal, "key polling.sweep_interval: must be at least 1s");
    let scrape = settled(&app).await;
    assert_eq!((scrape.value(SUCCESSFUL), scrape.value(since)), (Some(0.0), started));
    assert_eq!(names(&scrape), before);

    app.hand.advance(Duration::from_secs(30));
    app.reload(|config| *config = Config { accounts: config.accounts.clone(), ..Config::default() })
        .await
        .expect("a reload");
    let scrape = settled(&app).await;
    assert_eq!((scrape.value(SUCCESSFUL), scrape.value(since)), (Some(1.0), started.map(|at| at + 30.0)));
}

#[tokio::test]
async fn what_takes_a_restart_is_named_and_the_rest_comes_into_force() {
    let app = Setup::at(NOW).start().await;
    let done = app
        .reload(|config| {
            config.web.telemetry_path = "/elsewhere".to_owned();
            config.sharding.shards = 2;
            config.sharding.shard = Some(1);
            config.exposition.max_series = Some(700);
        })
        .await
        .expect("a reload");
    assert_eq!(done.changed, ["exposition.max_series"]);
    assert_eq!(done.needs_restart, ["sharding.shard", "sharding.shards", "web.telemetry_path"]);
    app.hand.advance(Duration::from_secs(60));
    let scrape = settled(&app).await;
    assert!(names(&scrape).len() <= 700, "{}", names(&scrape).len());
    assert_eq!(scrape.value("losant_exporter_shards"), Some(1.0));
    // Told of again as long as it is so.
    assert_eq!(app.reload(|_| {}).await.expect("a reload").needs_restart.len(), 3);
}

#[tokio::test]
async fn what_was_asked_by_the_settings_before_is_not_taken_in_any_more() {
    let app = Setup::at(NOW).start().await;
    let org = app.simulator.world().orgs()[2].id();
    // A sweep that still wants the org hangs on its way.
    app.simulator.faults().inject(Fault::once(Route::action("instanceOrgs.get"), FaultKind::Hang));
    app.hand.advance(Duration::from_secs(300));
    let hung = async {
        while !app.simulator.requests().iter().any(|request| request.status.is_none()) {
            tokio::task::yield_now().await;
        }
    };
    within_patience("a request that hangs", hung).await;
    app.reload(|config| config.selection.orgs.exclude.ids = vec![org.to_string()]).await.expect("a reload");
    let scrape = settled(&app).await;
    assert!(!scrape.series.keys().any(|series| series.contains(&org.to_string())));
    app.let_pass_with_waits(Duration::from_secs(600)).await;
    assert!(!app.scrape().await.series.keys().any(|series| series.contains(&org.to_string())));
}

#[tokio::test]
async fn a_collector_that_is_switched_off_takes_its_series_along_and_on_again_brings_them_back() {
    let app = Setup::at(NOW).start().await;
    let all = names(&settled(&app).await);
    app.reload(|config| config.polling.disabled_collectors = vec![Collector::DeviceCounts])
        .await
        .expect("a reload");
    let gone: BTreeSet<_> = all.difference(&names(&settled(&app).await)).cloned().collect();
    let is_of_devices =
        |series: &String| series.contains("_devices") || series.contains("collector=\"device_counts\"");
    assert!(!gone.is_empty() && gone.iter().all(is_of_devices), "{gone:#?}");
    app.reload(|config| config.polling.disabled_collectors.clear()).await.expect("a reload");
    assert_eq!(names(&settled(&app).await), all);
    app.reload(|config| config.exposition.source_label = false).await.expect("a reload");
    app.let_pass(Duration::from_secs(3)).await;
    let scrape = settled(&app).await;
    let with_source: Vec<_> =
        names(&scrape).into_iter().filter(|series| series.contains(",source=")).collect();
    assert!(with_source.is_empty(), "{with_source:#?}");
    assert!(scrape.family("losant_org_payloads_period").len() > 10);
    app.reload(|config| config.exposition.source_label = true).await.expect("a reload");
    app.let_pass(Duration::from_secs(3)).await;
    assert_eq!(names(&settled(&app).await), all);
    app.poll_now().await;
    assert_true(&app).await;
}

#[tokio::test]
async fn a_shorter_interval_holds_from_the_reload_on() {
    let app = Setup::at(NOW).start().await;
    within_patience("what is due", app.control.idle()).await;
    app.reload(|config| config.polling.sweep_interval = Interval::seconds(10)).await.expect("a reload");
    within_patience("what is due", app.control.idle()).await;
    let sweeps = |app: &TestApp| {
        app.simulator.requests().iter().filter(|request| request.path.ends_with("/orgs")).count()
    };
    let before = sweeps(&app);
    for _ in 0..6 {
        app.let_pass(Duration::from_secs(10)).await;
    }
    assert_eq!(sweeps(&app) - before, 6);
}

#[tokio::test]
async fn an_account_comes_goes_and_changes_its_name_without_a_gap_for_the_others() {
    let mut setup = Setup::at(NOW);
    let other = World::new(WorldConfig { seed: 77, ..WorldConfig::default() });
    setup.others = vec![("other".to_owned(), other)];
    let app = setup.start().await;
    let all = names(&settled(&app).await);
    let other = app.others[0].world().instances()[0].id().to_string();
    let up = "losant_exporter_account_up{account=\"other\"}";

    let mut kept = None;
    let done = app.reload(|config| kept = config.accounts.remove("other")).await.expect("a reload");
    assert_eq!(done.changed, ["accounts.other"]);
    let scrape = settled(&app).await;
    assert_eq!(names(&scrape), all.iter().filter(|series| !series.contains(&other)).cloned().collect());
    assert_eq!(scrape.value(up), None);

    let kept = kept.expect("an account");
    app.reload(|config| drop(config.accounts.insert("other".to_owned(), kept.clone())))
        .await
        .expect("a reload");
    let scrape = settled(&app).await;
    assert_eq!((names(&scrape), scrape.value(up)), (all.clone(), Some(1.0)));
    assert_eq!(app.get("/-/ready", "*/*").await.0, 200, "who was ready stays so");

    app.reload(|config| {
        config.accounts.remove("other");
        config.accounts.insert("renamed".to_owned(), kept.clone());
    })
    .await
    .expect("a reload");
    assert_eq!(names(&app.scrape().await), all, "at once");
    let scrape = settled(&app).await;
    assert_eq!((names(&scrape), scrape.value(up)), (all, None));
    assert_eq!(scrape.value("losant_exporter_account_up{account=\"renamed\"}"), Some(1.0));
}

#[tokio::test]
async fn an_instance_passes_from_one_account_to_another_with_all_its_series() {
    let mut setup = Setup::at(NOW);
    let instance = setup.world.instances()[0].id().to_string().parse().expect("an id");
    setup.account.instances = vec![instance];
    let app = setup.start().await;
    let all = names(&settled(&app).await);
    app.reload(|config| {
        let before = account(config).clone();
        account(config).instances = vec!["5ff89ff825013dc6c2856199".parse().expect("an id")];
        config.accounts.insert("a".to_owned(), before);
    })
    .await
    .expect("a reload");
    let missing = |scrape: &Scrape| all.difference(&names(scrape)).cloned().collect::<Vec<_>>();
    assert_eq!(missing(&app.scrape().await), Vec::<String>::new());
    within_patience("what is due", app.control.idle()).await;
    app.let_pass(Duration::from_secs(60)).await;
    let scrape = app.scrape().await;
    assert_eq!(missing(&scrape), Vec::<String>::new());
    assert_eq!(scrape.value(&format!("losant_up{{instance_id=\"{instance}\"}}")), Some(1.0));
}

#[tokio::test]
async fn a_token_from_another_file_is_used_from_the_reload_on() {
    let app = Setup::at(NOW).start().await;
    let old = app.simulator.token().to_owned();
    app.simulator.accept_token("another.token");
    app.simulator.revoke_token(&old);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "another.token\n").expect("a token");
    let missing = file.path().with_extension("missing");
    let refusal =
        app.reload(|config| account(config).token_file = Some(missing)).await.expect_err("a refusal");
    assert!(
        refusal.contains("key accounts.default.token_file") && refusal.contains("no such file"),
        "{refusal}"
    );
    app.reload(|config| account(config).token_file = Some(file.path().to_owned())).await.expect("a reload");
    app.poll_now().await;
    assert_true(&app).await;
    assert!(!app.simulator.requests().iter().any(|request| request.status == Some(401)));
}

#[tokio::test]
async fn the_status_page_tells_of_what_is_in_force() {
    let app = Setup::at(NOW).start().await;
    app.reload(|config| account(config).requests_per_second = 7.5).await.expect("a reload");
    let (status, _, configuration) = app.get("/config", "*/*").await;
    assert_eq!(status, 200);
    assert!(configuration.contains("requests_per_second = 7.5"), "{configuration}");
    let (status, _, page) = app.get("/status.json", "*/*").await;
    assert_eq!(status, 200);
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    assert!(page["accounts"].to_string().contains("7.5"), "{}", page["accounts"]);
}
