//! What a scrape gets of the page, over HTTP: parts of it, and less of it than there is.

use std::time::Duration;

use losant_exporter::simulator::{World, WorldConfig};

use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp, http, within_patience};

const NOW: &str = "2026-03-17T14:23:45.250Z";

async fn part(app: &TestApp, query: &str) -> Scrape {
    let (status, _, body) = app.get(&format!("/metrics{query}"), "text/plain").await;
    assert_eq!(status, 200, "{query}: {body}");
    Scrape::parse(&body)
}

#[tokio::test]
async fn a_scrape_may_want_some_levels_only() {
    let app = Setup::at(NOW).start().await;
    let scrape = part(&app, "?collect[]=org&collect[]=application").await;
    assert_eq!(scrape.family("losant_org_devices").len(), 12);
    assert!(!scrape.family("losant_application_devices").is_empty());
    for other in ["losant_instance_devices", "losant_sandbox_devices"] {
        assert!(scrape.family(other).is_empty(), "{other}");
    }
    // Whether all is well always comes along.
    assert_eq!(scrape.family("losant_up").len(), 1);
    assert!(!scrape.family("losant_exporter_scopes").is_empty());
    assert!(!scrape.family("process_start_time_seconds").is_empty());
}

#[tokio::test]
async fn a_scrape_may_want_some_instances_only() {
    let mut setup = Setup::at(NOW);
    let other = World::new(WorldConfig { seed: 2, ..WorldConfig::default() });
    let (own, others) = (setup.world.instances()[0].id(), other.instances()[0].id());
    assert_ne!(own, others);
    setup.others.push(("second".to_owned(), other));
    let app = setup.start().await;
    assert_eq!(part(&app, "").await.family("losant_instance_info").len(), 2);
    for wanted in [own, others] {
        let scrape = part(&app, &format!("?instance_id={wanted}")).await;
        assert_eq!(scrape.family("losant_org_devices").len(), 12);
        let infos = scrape.family("losant_instance_info");
        assert_eq!(infos.len(), 1);
        assert!(infos.keys().all(|labels| labels.contains(&wanted.to_string())), "{infos:?}");
    }
    let (status, _, body) = app.get("/metrics?instance_id=000000000000000000000001", "text/plain").await;
    let mut known = [own.to_string(), others.to_string()];
    known.sort();
    let known = known.join(", ");
    assert_eq!(
        (status, body),
        (400, format!("instance_id=000000000000000000000001 is not exported here: there are {known}\n"))
    );
}

#[tokio::test]
async fn ready_means_that_a_scrape_shows_what_was_read_and_later_polls_show_by_themselves() {
    let app = Setup::at(NOW).start().await;
    // Without `TestApp::get`, which has the page made.
    let scrape = async || {
        let answer = http().get(format!("{}/metrics", app.url)).send().await.expect("an answer");
        Scrape::parse(&answer.text().await.expect("a page"))
    };
    assert_eq!(scrape().await.family("losant_org_devices").len(), 12);
    let org = app.simulator.world().orgs()[0].id();
    app.simulator.change_world(|world| "Renamed".clone_into(&mut world.org_mut(org).expect("an org").name));
    app.let_pass(Duration::from_secs(300)).await;
    let renamed = async {
        while scrape().await.value_where("losant_org_info", "name=\"Renamed\"").is_none() {
            // The page rests for a while after each time it is made.
            app.hand.advance(Duration::from_millis(100));
        }
    };
    within_patience("the new name", renamed).await;
}

#[tokio::test]
async fn no_more_series_are_shown_than_the_configuration_allows() {
    let whole = Setup::at(NOW).start().await.scrape().await;
    let of_usage = |scrape: &Scrape| {
        let is_of_usage =
            |name: &&String| name.starts_with("losant_") && !name.starts_with("losant_exporter_");
        scrape.series.keys().filter(is_of_usage).count()
    };
    let all = of_usage(&whole);
    let mut setup = Setup::at(NOW);
    setup.config.exposition.max_series = Some(all / 2);
    let scrape = setup.start().await.scrape().await;
    let shown = of_usage(&scrape);
    assert!(shown <= all / 2 && shown > all / 4, "{shown} of {all}");
    let dropped: f64 = scrape.family("losant_exporter_series_dropped").values().sum();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand series")]
    let missing = (all - shown) as f64;
    assert!((dropped - missing).abs() < 0.5, "{dropped} dropped, {missing} missing");
    assert_eq!(scrape.family("losant_instance_info").len(), 1);
}
