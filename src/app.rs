//! The composition root: the only place that knows all parts, and spawns the long-lived tasks.
//!
//! Owns: which part is handed which settings, and the life of the process between start and end.
//! Must not: hold logic of its own that a part could hold.

mod account_series;
mod accounts;
mod shard_series;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::config::{Config, ExpositionConfig, PollingConfig};
use crate::lifecycle::{Ending, Shutdown, TaskDied, Tasks};
use crate::losant::ClientMetrics;
use crate::metrics::negotiate::Format;
use crate::metrics::{Metrics, MetricsConfig};
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
    web_metrics: WebMetrics,
    telemetry_path: String,
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
        let crate::config::WebConfig { listen_addresses: _, telemetry_path } = web;
        let ExpositionConfig { sandbox_email, source_label } = exposition;
        let mut registry = Registry::default();
        let client_metrics = ClientMetrics::register(&mut registry);
        let poll_metrics = PollMetrics::register(&mut registry, clock.clone());
        let web_metrics = WebMetrics::register(&mut registry);
        let store = Store::new();
        let (mut pollers, mut handles, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        for account in accounts {
            let (name, config) = (account.name.clone(), account.config.clone());
            let client = account.client(clock.clone(), client_metrics.clone())?;
            clients.push((name.clone(), client.clone()));
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
        let metrics_config =
            MetricsConfig { expire_after: polling.expire_after.get(), freshness: freshness(&polling) };
        let metrics = Arc::new(Metrics::new(metrics_config, registry, store, clock));
        let readiness = Readiness::waiting_for(pollers.iter().map(|(name, _)| gate(name)));
        Ok(Self { metrics, web_metrics, telemetry_path, readiness, pollers, handles })
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
        let Self { metrics, web_metrics, telemetry_path, readiness, pollers, handles: _ } = self;
        let drained = readiness.clone();
        let shutdown = shutdown.before_drain(move || drained.drain());
        if !listeners.is_empty() {
            let router = crate::web::router(WebState {
                telemetry_path,
                exposition: metrics,
                readiness: readiness.clone(),
                about: ABOUT,
                links: Vec::new(),
                metrics: web_metrics,
            });
            tasks.spawn("web server", crate::web::serve(listeners, router, shutdown.drain()));
        }
        for (name, poller) in pollers {
            let (readiness, gate) = (readiness.clone(), gate(&name));
            let progress = move |progress: Result<(), String>| {
                readiness.set(&gate, progress.map_or_else(Gate::Waiting, |()| Gate::Ready));
            };
            let drain = shutdown.drain();
            tasks.spawn(format!("poller of account {name}"), async move {
                poller.run(progress, drain.requested()).await;
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

    /// The exposition as it is now.
    pub fn render(&self, format: Format) -> Result<String, fmt::Error> {
        self.metrics.render(format)
    }

    /// What has been served.
    pub fn web_metrics(&self) -> &WebMetrics {
        &self.web_metrics
    }
}

impl Exposition for Metrics {
    fn render(&self, format: Format) -> Result<Bytes, fmt::Error> {
        Self::render(self, format).map(Bytes::from)
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
