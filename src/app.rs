//! The composition root: the only place that knows all parts, and spawns the long-lived tasks.
//!
//! Owns: which part is handed which settings, and the life of the process between start and end.
//! Must not: hold logic of its own that a part could hold.

mod account_series;
mod accounts;
mod config_series;
mod readiness_series;
mod shard_series;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::config::{Config, ExpositionConfig, PollingConfig};
use crate::lifecycle::{Ending, Shutdown, TaskDied, Tasks};
use crate::losant::ClientMetrics;
use crate::metrics::encoding::Encoding;
use crate::metrics::negotiate::Format;
use crate::metrics::process;
use crate::metrics::{Filter, Metrics, RenderConfig, Renderer, ScrapeBody, ScrapeError};
use crate::poll::{CallPlan, CycleReport, PollMetrics, Poller, PollerConfig, PollerHandle};
use crate::selection::Selection;
use crate::store::{Freshness, Store};
use crate::usage::{Collector, Shard};
use crate::web::{About, Exposition, Gate, Readiness, WebMetrics, WebState};

pub use accounts::{Account, AccountError, accounts};

/// How often a collector may miss its interval before its scope counts as stale.
const STALE_AFTER_INTERVALS: u32 = 3;

/// How long a shutdown waits for scrapes under way. Prometheus gives up on one after 10 s.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);

/// What the landing page says of the program.
const ABOUT: About = About {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    description: "Payloads, devices and notebook time of a Losant instance, its orgs and its sandboxes, for Prometheus.",
};

/// Whom this process is about.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The orgs and sandboxes that are polled.
    pub selection: Selection,
    /// The part of them that is this process's.
    pub shard: Shard,
}

impl Wanted {
    /// Everybody.
    pub fn everybody() -> Self {
        Self { selection: Selection::everything(), shard: Shard::whole() }
    }
}

/// The exporter, put together and not started yet.
pub struct App {
    metrics: Arc<Metrics>,
    renderer: Renderer,
    web_metrics: WebMetrics,
    telemetry_path: String,
    write_timeout: Duration,
    clock: Clock,
    readiness: Readiness,
    pollers: Vec<(String, Poller)>,
    handles: Vec<PollerHandle>,
}

impl App {
    /// Puts the parts together. Reads tokens and certificates; asks nobody anything and binds no port.
    pub fn new(
        config: Config,
        accounts: Vec<Account>,
        wanted: Wanted,
        clock: Clock,
    ) -> Result<Self, AccountError> {
        // Destructured without `..`: a setting that nobody uses does not compile. Accounts have been resolved into
        // `accounts`, selection and sharding into `wanted`, and logging has started.
        let Config { web, log: _, polling, selection: _, sharding: _, exposition, accounts: _ } = config;
        let Wanted { selection, shard } = wanted;
        let crate::config::WebConfig { listen_addresses: _, telemetry_path, write_timeout } = web;
        let ExpositionConfig { sandbox_email, source_label, render_interval, max_series } = exposition;
        let mut registry = Registry::default();
        let client_metrics = ClientMetrics::register(&mut registry);
        let poll_metrics = PollMetrics::register(&mut registry, clock.clone());
        let web_metrics = WebMetrics::register(&mut registry);
        let store = Store::new();
        let (mut pollers, mut handles, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        let (mut instances, mut listing_accounts) = (BTreeSet::new(), Vec::new());
        for account in accounts {
            let (name, config) = (account.name.clone(), account.config.clone());
            let client = account.client(clock.clone(), client_metrics.clone())?;
            clients.push((name.clone(), client.clone()));
            instances.extend(config.instances.iter().copied());
            if config.instances.is_empty() {
                listing_accounts.push(name.clone());
            }
            let config = PollerConfig {
                account: name.clone(),
                instances: config.instances,
                polling: polling.clone(),
                sandbox_email,
                source_label,
                selection: selection.clone(),
                shard,
                concurrency: config.max_in_flight,
                requests_per_second: config.requests_per_second,
                burst: config.burst,
                page_size: config.page_size,
            };
            let (poller, handle) =
                Poller::new(config, client, clock.clone(), store.clone(), poll_metrics.clone());
            pollers.push((name, poller));
            handles.push(handle);
        }
        account_series::register(&mut registry, clients);
        shard_series::register(&mut registry, shard);
        config_series::register(&mut registry, clock.now());
        let readiness = Readiness::waiting_for(pollers.iter().map(|(name, _)| gate(name)));
        readiness_series::register(&mut registry, readiness.clone());
        process::register(&mut registry);
        let render_config = RenderConfig {
            expire_after: polling.expire_after.get(),
            freshness: freshness(&polling),
            render_interval: render_interval.get(),
            max_series,
            instances,
            listing_accounts,
        };
        let (metrics, renderer) = Metrics::new(render_config, registry, store, clock.clone());
        let (metrics, write_timeout) = (Arc::new(metrics), write_timeout.get());
        Ok(Self {
            metrics,
            renderer,
            web_metrics,
            telemetry_path,
            write_timeout,
            clock,
            readiness,
            pollers,
            handles,
        })
    }

    /// Asks the pollers for things while the app runs.
    pub fn control(&self) -> Control {
        Control {
            handles: self.handles.clone(),
            readiness: self.readiness.clone(),
            metrics: Arc::clone(&self.metrics),
            web_metrics: self.web_metrics.clone(),
        }
    }

    /// Lists everybody of every account once, and says what polling them will take; nothing is served. An error says in
    /// words what went wrong with an account.
    pub async fn survey(self) -> Vec<(String, Result<CallPlan, String>)> {
        let mut plans = Vec::new();
        for (account, poller) in self.pollers {
            plans.push((account, poller.survey().await));
        }
        plans
    }

    /// Serves and polls until `shutdown` has ended. Without listeners it only polls.
    pub async fn run(self, listeners: Vec<TcpListener>, shutdown: Shutdown) -> Result<Ending, TaskDied> {
        let mut tasks = Tasks::new();
        let shutdown = self.spawn(&mut tasks, listeners, shutdown);
        tasks.run_until(shutdown).await
    }

    /// Adds the app's long-lived tasks to `tasks`. Returns the shutdown that those are run until.
    pub fn spawn(self, tasks: &mut Tasks, listeners: Vec<TcpListener>, shutdown: Shutdown) -> Shutdown {
        let Self {
            metrics,
            renderer,
            web_metrics,
            telemetry_path,
            write_timeout,
            clock,
            readiness,
            pollers,
            handles: _,
        } = self;
        let drained = readiness.clone();
        let shutdown = shutdown.before_drain(move || drained.drain());
        let (own, drain) = (Arc::clone(&metrics), shutdown.drain());
        tasks.spawn("own metrics", async move { own.keep_fresh(drain.requested()).await });
        let drain = shutdown.drain();
        if listeners.is_empty() {
            tasks.spawn("page renderer", renderer.run(drain.requested()));
        } else {
            let router = crate::web::router(WebState {
                telemetry_path,
                exposition: Arc::<Metrics>::clone(&metrics),
                readiness: readiness.clone(),
                about: ABOUT,
                links: Vec::new(),
                metrics: web_metrics,
            });
            let (serving, served) = oneshot::channel::<()>();
            tasks.spawn("web server", async move {
                let _until_it_ends = serving;
                crate::web::serve(listeners, router, clock, write_timeout, drain).await
            });
            // Until the last answer: a window may end while requests under way are finished.
            tasks.spawn("page renderer", renderer.run(async { drop(served.await) }));
        }
        for (name, poller) in pollers {
            let (told, heard) = watch::channel(Err(String::new()));
            let progress = move |progress| {
                told.send_modify(|so_far| *so_far = progress);
            };
            let drain = shutdown.drain();
            let opened = open_gate(heard, readiness.clone(), gate(&name), Arc::clone(&metrics));
            tasks.spawn(format!("poller of account {name}"), async move {
                tokio::join!(poller.run(progress, drain.requested()), opened);
            });
        }
        shutdown
    }
}

/// Asks things of an [`App`] that is running.
#[derive(Clone, Debug)]
pub struct Control {
    handles: Vec<PollerHandle>,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    web_metrics: WebMetrics,
}

impl Control {
    /// Polls everything of every account once. `None` when a poller stopped meanwhile.
    pub async fn poll_now(&self) -> Option<CycleReport> {
        let mut total = CycleReport::default();
        for handle in &self.handles {
            let report = handle.poll_now().await?;
            total.succeeded += report.succeeded;
            total.failed += report.failed;
        }
        Some(total)
    }

    /// Waits until no poll of any account is due or under way.
    pub async fn idle(&self) {
        for handle in &self.handles {
            handle.idle().await;
        }
    }

    /// Waits until the first full cycle of every account has ended.
    pub async fn ready(&self) {
        self.readiness.ready().await;
    }

    /// Waits until the page of metrics shows what is known now.
    pub async fn rendered(&self) {
        self.metrics.rendered().await;
    }

    /// The page of metrics, of what is known now. While the app runs.
    pub async fn text(&self, format: Format) -> Result<String, ScrapeError> {
        self.metrics.text(format).await
    }

    /// What has been served.
    pub fn web_metrics(&self) -> &WebMetrics {
        &self.web_metrics
    }
}

impl Exposition for Metrics {
    fn scrape<'a>(
        &'a self,
        format: Format,
        encoding: Encoding,
        filter: &'a Filter,
    ) -> Pin<Box<dyn Future<Output = Result<ScrapeBody, ScrapeError>> + Send + 'a>> {
        Box::pin(self.scrape(format, encoding, filter))
    }
}

/// Sets `gate` by the progress that is heard of. Ready means that a scrape shows what has been read, or a rollout would leave
/// a gap.
async fn open_gate(
    mut heard: watch::Receiver<Result<(), String>>,
    readiness: Readiness,
    gate: String,
    metrics: Arc<Metrics>,
) {
    // Fails when the poller has ended.
    while heard.changed().await.is_ok() {
        let progress = heard.borrow_and_update().clone();
        if progress.is_ok() {
            metrics.rendered().await;
        }
        readiness.set(&gate, progress.map_or_else(Gate::Waiting, |()| Gate::Ready));
    }
}

fn gate(account: &str) -> String {
    format!("first cycle of account {account}")
}

fn freshness(polling: &PollingConfig) -> Freshness {
    Freshness(Collector::ALL.map(|collector| {
        polling.is_enabled(collector).then(|| polling.interval(collector) * STALE_AFTER_INTERVALS)
    }))
}
