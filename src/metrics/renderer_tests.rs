//! When the page is made, and how old what a scrape sees may be.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::task::JoinSet;

use super::encoding::Encoding;
use super::exposition_tests::{EXPIRE_AFTER, NOW, RENDER_INTERVAL, Setup, id, text_of};
use super::negotiate::Format;
use super::renderer::rest_after;
use super::{Filter, Metrics, RenderConfig, RenderError};
use crate::usage::{Measure, Scope};

/// A running renderer.
struct Running {
    setup: Setup,
    metrics: Arc<Metrics>,
    _renderer: JoinSet<Result<(), RenderError>>,
}

impl Running {
    fn start(setup: Setup) -> Self {
        let (metrics, renderer) = setup.metrics();
        let mut running = JoinSet::new();
        running.spawn(renderer.run(std::future::pending()));
        Self { setup, metrics: Arc::new(metrics), _renderer: running }
    }

    async fn scrape(&self) -> String {
        let body = self.metrics.scrape(Format::Text, Encoding::Identity, &Filter::default()).await.unwrap();
        text_of(&body.chunks.collect::<Vec<_>>().concat())
    }

    /// Scrapes until the page holds `what`.
    async fn shows(&self, what: &str) {
        self.scrape_until(what, true).await;
    }

    /// Scrapes until the page does not hold `what`.
    async fn hides(&self, what: &str) {
        self.scrape_until(what, false).await;
    }

    async fn scrape_until(&self, what: &str, is_there: bool) {
        let seen = async {
            while self.scrape().await.contains(what) != is_there {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), seen)
            .await
            .unwrap_or_else(|_| panic!("waited for {what}"));
    }

    fn put_devices(&self, devices: f64) {
        let org = Scope::Org { instance: id(1), org: id(11) };
        self.setup.put(org, |reading| reading.add(Measure::Devices, [], devices));
    }
}

const DEVICES: &str =
    "losant_org_devices{instance_id=\"000000000000000000000001\",org_id=\"00000000000000000000000b\"}";

#[tokio::test]
async fn the_page_is_made_anew_once_in_an_interval_when_something_has_changed() {
    let running = Running::start(Setup::new());
    running.put_devices(1.0);
    running.shows(&format!("{DEVICES} 1\n")).await;
    running.setup.hand.advance(RENDER_INTERVAL.saturating_sub(Duration::from_millis(1)));
    running.put_devices(2.0);
    running.put_devices(3.0);
    let early =
        tokio::time::timeout(Duration::from_millis(200), running.hides(&format!("{DEVICES} 1\n"))).await;
    assert!(early.is_err(), "made before the interval was over");
    running.setup.hand.advance(Duration::from_millis(1));
    running.shows(&format!("{DEVICES} 3\n")).await;
    running.metrics.rendered().await;
    assert!(running.scrape().await.contains("\nlosant_exporter_renders_total 3\n"));
    running.setup.hand.advance(RENDER_INTERVAL * 3);
    running.metrics.rendered().await;
    assert!(
        running.scrape().await.contains("\nlosant_exporter_renders_total 3\n"),
        "made although nothing changed"
    );
}

#[test]
fn making_pages_takes_a_sixteenth_of_a_processor_at_most() {
    let rest = |took| rest_after(Duration::from_secs(took), RENDER_INTERVAL);
    assert_eq!([0, 1, 4].map(rest), [RENDER_INTERVAL, Duration::from_secs(15), Duration::from_secs(60)]);
}

#[tokio::test]
async fn other_settings_show_although_nothing_is_read() {
    let running = Running::start(Setup::new());
    running.put_devices(1.0);
    running.metrics.rendered().await;
    running.metrics.reconfigure(RenderConfig { max_series: Some(0), ..running.setup.config() });
    running.setup.hand.advance(RENDER_INTERVAL);
    running.hides(DEVICES).await;
}

#[tokio::test]
async fn a_scrape_right_after_the_end_of_a_window_does_not_show_its_numbers() {
    let running = Running::start(Setup::new());
    let end = "2026-03-17T15:00:00Z".parse().unwrap();
    let org = Scope::Org { instance: id(1), org: id(11) };
    running.setup.put(org, |reading| {
        reading.add_until(Measure::PayloadsThisHour, ["true".into()], 5.0, Some(end));
        reading.add(Measure::Devices, [], 1.0);
    });
    running.shows("\nlosant_org_payloads_this_hour{").await;
    running.setup.hand.advance_to(end);
    let text = running.scrape().await;
    assert!(!text.contains("losant_org_payloads_this_hour"), "{text}");
    assert!(text.contains(DEVICES));
}

#[tokio::test]
async fn a_wall_clock_that_is_set_shows_at_the_next_scrape_in_either_direction() {
    let running = Running::start(Setup::new());
    let org = Scope::Org { instance: id(1), org: id(11) };
    running.setup.put(org, |reading| {
        let end = "2026-03-17T15:00:00Z".parse().unwrap();
        reading.add_until(Measure::PayloadsThisHour, ["true".into()], 5.0, Some(end));
    });
    running.shows("\nlosant_org_payloads_this_hour{").await;
    running.setup.hand.jump_to("2026-03-17T16:00:00Z".parse().unwrap());
    assert!(!running.scrape().await.contains("losant_org_payloads_this_hour"));
    running.setup.hand.jump_to(NOW.parse().unwrap());
    assert!(running.scrape().await.contains("\nlosant_org_payloads_this_hour{"));
}

#[tokio::test]
async fn an_old_page_is_freed_with_the_last_answer_that_is_made_of_it() {
    let running = Running::start(Setup::new());
    running.put_devices(1.0);
    running.metrics.rendered().await;
    let answer = running.metrics.scrape(Format::Text, Encoding::Gzip, &Filter::default()).await.unwrap();
    let chunks: Vec<_> = answer.chunks.collect();
    running.put_devices(2.0);
    running.metrics.rendered().await;
    // Header, blocks of the page, end and checksum: nobody else holds the blocks any more.
    assert_eq!(chunks.len(), 4);
    assert!(chunks[1].is_unique());
}

#[tokio::test]
async fn a_number_that_is_too_old_goes_although_nothing_is_read() {
    let running = Running::start(Setup::new());
    running.put_devices(1.0);
    running.shows(&format!("{DEVICES} 1\n")).await;
    running.setup.hand.advance(EXPIRE_AFTER);
    running.metrics.rendered().await;
    assert!(running.scrape().await.contains(DEVICES));
    running.setup.hand.advance(Duration::from_secs(1));
    running.hides(DEVICES).await;
}

#[tokio::test]
async fn what_the_exporter_says_of_itself_is_seconds_old_at_most() {
    let setup = Setup::new();
    let mut registry = Registry::default();
    let counter = prometheus_client::metrics::counter::Counter::<u64>::default();
    registry.register("steps", "Steps", counter.clone());
    let (metrics, _renderer) =
        Metrics::new(setup.config(), registry, setup.store.clone(), setup.clock.clone());
    let steps = async || {
        let body = metrics.scrape(Format::Text, Encoding::Identity, &Filter::default()).await.unwrap();
        let text = text_of(&body.chunks.collect::<Vec<_>>().concat());
        text.lines().find_map(|line| line.strip_prefix("steps_total ")).unwrap().to_owned()
    };
    assert_eq!(steps().await, "0");
    counter.inc();
    setup.hand.advance(Duration::from_secs(2));
    assert_eq!(steps().await, "1");
    counter.inc();
    assert_eq!(steps().await, "1", "made a moment ago");
    metrics.forget_own();
    assert_eq!(steps().await, "2");
    counter.inc();
    let scrapes = async {
        // By the second turn the other side waits for its first second to pass.
        tokio::task::yield_now().await;
        setup.hand.advance(Duration::from_secs(1));
        while steps().await != "3" {
            tokio::task::yield_now().await;
        }
    };
    let kept_fresh = tokio::time::timeout(Duration::from_secs(30), metrics.keep_fresh(scrapes)).await;
    assert!(kept_fresh.is_ok(), "not made beforehand for those who scrape");
    assert_eq!(steps().await, "3");
}
