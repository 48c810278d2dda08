//! Several exporters that share the work: together they show what one would, and nothing twice.

use std::time::Duration;

use losant_exporter::config::ShardingConfig;
use losant_exporter::simulator::{World, WorldConfig};
use losant_exporter::usage::Shard;

use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp};
use crate::truth::{Series, assert_same};

const NOW: &str = "2026-03-17T14:23:45.250Z";

/// Several instances, so that the shards have some each.
fn world() -> World {
    World::new(WorldConfig { instances: 3, orgs: 15, sandboxes: 9, ..WorldConfig::default() })
}

async fn start(shard: u32, shards: u32) -> TestApp {
    let mut setup = Setup::at(NOW);
    setup.world = world();
    setup.config.sharding = ShardingConfig { shard: Some(shard), shards };
    setup.start().await
}

/// All shards of a division, on the same world at the same time.
async fn start_all(shards: u32) -> Vec<TestApp> {
    let mut all = Vec::new();
    for shard in 0..shards {
        all.push(start(shard, shards).await);
    }
    all
}

/// What a scrape says of Losant: all that is not about the exporter.
fn of_losant(scrape: Scrape) -> Series {
    let is_own = |series: &str| series.starts_with("losant_exporter_") || series.starts_with("process_");
    scrape.series.into_iter().filter(|(series, _)| !is_own(series)).collect()
}

async fn shown_by(apps: &[TestApp]) -> Vec<Series> {
    let mut shown = Vec::new();
    for app in apps {
        shown.push(of_losant(app.scrape().await));
    }
    shown
}

/// All series of all shards. Fails the test on one that two of them show.
fn together(shown: &[Series]) -> Series {
    let mut together = Series::new();
    for series in shown {
        for (series, value) in series {
            assert!(together.insert(series.clone(), *value).is_none(), "two shards show {series}");
        }
    }
    together
}

#[tokio::test]
async fn together_the_shards_show_what_one_exporter_shows_and_nothing_twice() {
    let whole = start(0, 1).await;
    let divisions = [start_all(1).await, start_all(2).await, start_all(3).await];
    // At the start, after half an hour in which each polled by its own schedule, and on another day.
    for (steps, then) in [(0, NOW), (6, "2026-03-17T15:00:00.250Z"), (0, "2026-03-18T00:15:00.250Z")] {
        for app in divisions.iter().flatten().chain([&whole]) {
            for _ in 0..steps {
                app.let_pass(Duration::from_secs(300)).await;
            }
            app.hand.advance_to(then.parse().expect("a time"));
            app.poll_now().await;
        }
        let expected = of_losant(whole.scrape().await);
        let families = ["losant_up", "losant_instance_info", "losant_org_info", "losant_sandbox_info"];
        let more = ["losant_application_info", "losant_org_devices_previous_period"];
        for family in families.iter().chain(&more) {
            let prefix = format!("{family}{{");
            assert!(expected.keys().any(|series| series.starts_with(&prefix)), "{family}");
        }
        for division in &divisions {
            let shown = shown_by(division).await;
            assert!(shown.iter().all(|series| !series.is_empty()));
            assert_same(&together(&shown), &expected);
        }
    }
}

#[tokio::test]
async fn one_shard_more_takes_over_some_scopes_and_moves_no_other() {
    let before = shown_by(&start_all(2).await).await;
    let after = shown_by(&start_all(3).await).await;
    assert_same(&together(&after), &together(&before));
    for (old, new) in before.iter().zip(&after) {
        for series in new.keys() {
            assert!(old.contains_key(series), "moved between shards that were there before: {series}");
        }
    }
    let moved: usize = before.iter().zip(&after).map(|(old, new)| old.len() - new.len()).sum();
    assert!(moved > 0 && moved == after[2].len(), "{moved} moved, the new shard has {}", after[2].len());
}

#[tokio::test]
async fn each_instance_is_shown_by_one_shard_also_where_others_show_its_orgs() {
    let apps = start_all(3).await;
    let world = world();
    let mut orgs_elsewhere = 0;
    for instance in world.instances() {
        let label = format!("instance_id=\"{}\"", instance.id());
        let (mut with_itself, mut with_orgs) = (Vec::new(), Vec::new());
        for (number, shown) in shown_by(&apps).await.into_iter().enumerate() {
            let has = |prefix: &str| {
                shown.keys().any(|series| series.starts_with(prefix) && series.contains(&label))
            };
            assert_eq!(has("losant_up{"), has("losant_instance_"), "shard {number}");
            with_itself.extend(has("losant_instance_").then_some(number));
            with_orgs.extend(has("losant_org_").then_some(number));
        }
        assert_eq!(with_itself.len(), 1, "{label}: {with_itself:?}");
        orgs_elsewhere += with_orgs.iter().filter(|number| !with_itself.contains(number)).count();
    }
    assert!(orgs_elsewhere > 0, "an easy world");
}

#[tokio::test]
async fn every_shard_says_which_one_it_is_and_counts_its_own_scopes() {
    let mut scopes = [0.0; 3];
    for (number, app) in (0_u32..).zip(start_all(3).await) {
        let scrape = app.scrape().await;
        assert_eq!(scrape.value("losant_exporter_shard"), Some(f64::from(number)));
        assert_eq!(scrape.value("losant_exporter_shards"), Some(3.0));
        for (sum, level) in scopes.iter_mut().zip(["instance", "org", "sandbox"]) {
            let count = |state: &str| {
                let labels = format!("level=\"{level}\",state=\"{state}\"");
                scrape.value_where("losant_exporter_scopes", &labels).expect("a number")
            };
            assert_eq!(count("stale") + count("failing") + count("excluded"), 0.0, "{level}");
            *sum += count("fresh");
        }
    }
    // One of the nine sandbox users is marked for deletion.
    assert_eq!(scopes, [3.0, 15.0, 8.0]);
}

#[tokio::test]
async fn a_shard_to_which_nothing_falls_is_ready_and_asks_for_lists_only() {
    const SHARDS: u32 = 200;
    let world = world();
    let ids = world.instances().iter().map(|instance| instance.id().to_string());
    let ids = ids.chain(world.orgs().iter().map(|org| org.id().to_string()));
    let ids: Vec<_> = ids
        .chain(world.sandboxes().iter().map(|user| user.id().to_string()))
        .map(|id| id.parse().expect("an id"))
        .collect();
    let owns_nothing = |number: &u32| {
        let shard = Shard::new(*number, SHARDS).expect("a shard");
        ids.iter().all(|id| !shard.owns(id))
    };
    let number = (0..SHARDS).find(owns_nothing).expect("more shards than ids");
    let app = start(number, SHARDS).await;
    app.poll_now().await;
    let scrape = app.scrape().await;
    assert_eq!(scrape.value("losant_exporter_account_up{account=\"default\"}"), Some(1.0));
    assert_eq!(of_losant(scrape), Series::new());
    let lists = [
        "instances.get",
        "instance.get",
        "instanceOrgs.get",
        "instanceSandboxes.get",
        "instance.historicalSummaries",
    ];
    for request in app.simulator.requests() {
        assert!(request.action.is_some_and(|action| lists.contains(&action)), "{request:?}");
    }
}
