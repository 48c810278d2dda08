//! The composition root: the only place that knows all parts, and spawns the long-lived tasks.
//!
//! Owns: which part is handed which settings, and the life of the process between start and end.
//! Must not: hold logic of its own that a part could hold.

mod account_series;
mod accounts;
mod board;
mod config_series;
mod crew;
mod engine;
mod readiness_series;
mod reload;
mod settings;
mod shard_series;
mod status;
mod status_thread;
mod task_series;

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use self::board::Board;
use self::config_series::ConfigSeries;
use self::crew::Crew;
use self::engine::Engine;
use self::reload::{HttpOrders, Keeper};
use crate::clock::Clock;
use crate::config::{Config, WebConfig};
use crate::lifecycle::{Ending, Shutdown, TaskDied, Tasks};
use crate::losant::ClientMetrics;
use crate::metrics::encoding::Encoding;
use crate::metrics::negotiate::Format;
use crate::metrics::process;
use crate::metrics::{Filter, Metrics, Renderer, ScrapeBody, ScrapeError};
use crate::poll::{CallPlan, CycleReport, PollMetrics, Poller};
use crate::selection::Selection;
use crate::store::Store;
use crate::usage::Shard;
use crate::web::{About, Exposition, Gate, Guard, Orders, Readiness, Status, WebMetrics, WebState};

use self::status::StatusSource;
use self::status_thread::StatusThread;
pub use accounts::{Account, AccountError, accounts};
pub use reload::{ReadSettings, Reloaded, Reloader, Source};
pub use settings::Settings;

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
    web: WebConfig,
    status: StatusSource,
    guard: Guard,
    clock: Clock,
    readiness: Readiness,
    pollers: Vec<(String, Poller)>,
    /// Another runtime to poll on, once there is one.
    polling_on: Arc<OnceLock<Handle>>,
    keeper: Keeper,
    control: Control,
}

impl App {
    /// Puts the parts together. Reads tokens and certificates; asks nobody anything and binds no port.
    pub fn new(
        config: Config,
        accounts: Vec<Account>,
        wanted: Wanted,
        clock: Clock,
    ) -> Result<Self, AccountError> {
        let settings = Settings { config, accounts, wanted };
        let mut registry = Registry::default();
        let client_metrics = ClientMetrics::register(&mut registry);
        let poll_metrics = PollMetrics::register(&mut registry, clock.clone());
        let web_metrics = WebMetrics::register(&mut registry);
        let (store, board) = (Store::new(), Board::default());
        let mut pollers = Vec::new();
        for account in &settings.accounts {
            let client = account.clone().client(clock.clone(), client_metrics.clone())?;
            let (poller, handle) = Poller::new(
                settings.poller(account),
                client.clone(),
                clock.clone(),
                store.clone(),
                poll_metrics.clone(),
            );
            board.seat(&account.name, client, handle);
            pollers.push((account.name.clone(), poller));
        }
        account_series::register(&mut registry, board.clone());
        shard_series::register(&mut registry, settings.wanted.shard);
        let config_series = ConfigSeries::register(&mut registry, clock.now());
        let readiness = Readiness::waiting_for(pollers.iter().map(|(name, _)| gate(name)));
        readiness_series::register(&mut registry, readiness.clone());
        let polling_on = Arc::new(OnceLock::new());
        task_series::register(&mut registry, Arc::clone(&polling_on));
        process::register(&mut registry);
        let (metrics, renderer) = Metrics::new(settings.rendering(), registry, store.clone(), clock.clone());
        let metrics = Arc::new(metrics);
        let web = settings.config.web.clone();
        let (shown, in_force) = watch::channel(settings.shown());
        let status = StatusSource {
            clock: clock.clone(),
            store: store.clone(),
            readiness: readiness.clone(),
            shard: settings.wanted.shard,
            board: board.clone(),
            telemetry_path: web.telemetry_path.clone(),
            in_force,
            thread: StatusThread::default(),
        };
        let engine = Engine {
            in_force: settings,
            clock: clock.clone(),
            store,
            client_metrics,
            poll_metrics,
            metrics: Arc::clone(&metrics),
            readiness: readiness.clone(),
            board: board.clone(),
            crew: Crew::default(),
            shown,
        };
        let (keeper, reloader) = Keeper::new(engine, config_series);
        let control = Control {
            board,
            readiness: readiness.clone(),
            metrics: Arc::clone(&metrics),
            web_metrics: web_metrics.clone(),
            reloader,
        };
        Ok(Self {
            metrics,
            renderer,
            web_metrics,
            web,
            status,
            guard: Guard::open(),
            clock,
            readiness,
            pollers,
            polling_on,
            keeper,
            control,
        })
    }

    /// Has the configuration read anew from `source` when somebody says so, and when its file changes.
    #[must_use]
    pub fn reloading_from(mut self, source: Source) -> Self {
        self.keeper.read_from(source);
        self
    }

    /// Lets in only those whom `guard` does. Without, everybody may come in.
    #[must_use]
    pub fn guarded_by(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Polls, and takes over changed configuration, on another runtime than the one that serves. Without, on the same.
    #[must_use]
    pub fn polling_on(self, runtime: Handle) -> Self {
        // A second one is none: the first stays.
        let _ = self.polling_on.set(runtime);
        self
    }

    /// Asks the pollers for things while the app runs.
    pub fn control(&self) -> Control {
        self.control.clone()
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
            web,
            status,
            guard,
            clock,
            readiness,
            pollers,
            polling_on,
            mut keeper,
            control,
        } = self;
        // Destructured without `..`: a setting that nobody uses does not compile. Listeners have been bound.
        let WebConfig {
            listen_addresses: _,
            systemd_socket: _,
            config_file: _,
            telemetry_path,
            write_timeout,
            max_requests,
            enable_lifecycle,
            disable_status,
        } = web;
        let status = (!disable_status).then(|| -> Arc<dyn Status> { Arc::new(status) });
        let drained = readiness.clone();
        let shutdown = shutdown.before_drain(move || drained.drain());
        let (own, drain) = (Arc::clone(&metrics), shutdown.drain());
        tasks.spawn("own metrics", async move { own.keep_fresh(drain.requested()).await });
        let drain = shutdown.drain();
        if listeners.is_empty() {
            tasks.spawn("page renderer", renderer.run(drain.requested()));
        } else {
            let log = keeper.source().and_then(|source| source.log.clone());
            let orders: Arc<dyn Orders> = Arc::new(HttpOrders { reloader: control.reloader.clone(), log });
            let router = crate::web::router(WebState {
                telemetry_path,
                exposition: Arc::<Metrics>::clone(&metrics),
                status,
                readiness,
                about: ABOUT,
                orders: (enable_lifecycle && keeper.source().is_some()).then_some(orders),
                metrics: web_metrics.clone(),
                guard: guard.clone(),
                max_requests,
                clock: clock.clone(),
            });
            let keeping = guard.clone().keep_current(web_metrics, clock.clone(), drain.clone());
            tasks.spawn("web configuration", keeping);
            let (serving, served) = oneshot::channel::<()>();
            tasks.spawn("web server", async move {
                let _until_it_ends = serving;
                crate::web::serve(listeners, router, guard, clock, write_timeout.get(), drain).await
            });
            // Until the last answer: a window may end while requests under way are finished.
            tasks.spawn("page renderer", renderer.run(async { drop(served.await) }));
        }
        let drain = shutdown.drain();
        // What it starts runs where it does.
        let polling = async move {
            keeper.engine().start(pollers);
            keeper.run(drain).await
        };
        let runtime = polling_on.get().cloned().unwrap_or_else(Handle::current);
        tasks.spawn_on(&runtime, "pollers", polling);
        shutdown
    }
}

/// Asks things of an [`App`] that is running.
#[derive(Clone, Debug)]
pub struct Control {
    board: Board,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    web_metrics: WebMetrics,
    reloader: Reloader,
}

impl Control {
    /// Polls everything of every account once. `None` when a poller stopped meanwhile.
    pub async fn poll_now(&self) -> Option<CycleReport> {
        let mut total = CycleReport::default();
        for handle in self.board.handles() {
            let report = handle.poll_now().await?;
            total.succeeded += report.succeeded;
            total.failed += report.failed;
        }
        Some(total)
    }

    /// Waits until no poll of any account is due or under way.
    pub async fn idle(&self) {
        for handle in self.board.handles() {
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

    /// Asks for the configuration to be read anew.
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
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
