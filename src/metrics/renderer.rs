//! Makes the usage page anew when something else is to be shown.
//!
//! Owns: when the page is made: not before something has changed, not more often than `render_interval`, and never so often
//! that it takes more than a small share of a processor; but at once when somebody waits for it.
//! Must not: be on the path of a scrape.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use std::{io, thread};

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot, watch};

use super::deflate::Deflater;
use super::economy::{Before, Economy, Stage};
use super::family::Families;
use super::overview::overview;
use super::page::{self, Page};
use super::shown::{Shown, Validity};
use crate::clock::Clock;
use crate::store::{Freshness, Moment, Store};
use crate::usage::Id;

/// So many times as long as it took to make a page passes at least until the next, unless somebody waits for it: making pages
/// takes about a sixteenth of a processor at most.
const REST: u32 = 15;

/// The fastest level of zlib that looks for the best code: a third of the size of level 1 is saved for half as much time again,
/// and a page is made once and sent often.
const COMPRESSION: u32 = 2;

/// How many scrapes may be waiting for a page. Further ones wait to be let in.
const WAITING: usize = 64;

/// What the page is told.
#[derive(Clone, Debug)]
pub struct RenderConfig {
    /// How long a number is shown when it cannot be read again.
    pub expire_after: Duration,
    /// When a scope counts as stale.
    pub freshness: Freshness,
    /// How often the page is made at most.
    pub render_interval: Duration,
    /// How many usage series there may be; `None` for as many as there are.
    pub max_series: Option<usize>,
    /// Instances that a scrape may ask for although nothing is known of them yet.
    pub instances: BTreeSet<Id>,
    /// Accounts whose instances are not configured, but listed. Until they have been, any instance may be asked for.
    pub listing_accounts: Vec<String>,
}

/// Makes pages for as long as it is polled.
#[derive(Debug)]
pub struct Renderer {
    workshop: Workshop,
    clock: Clock,
    store: Store,
    config: watch::Receiver<RenderConfig>,
    pages: watch::Sender<Arc<Page>>,
    waiting: mpsc::Receiver<oneshot::Sender<()>>,
    metrics: RenderMetrics,
}

/// Pages cannot be made any more.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// There is no thread to make them on.
    #[error("cannot start the thread that makes pages")]
    Thread(#[source] io::Error),
    /// The thread that makes them has ended.
    #[error("the thread that makes pages has panicked")]
    Panicked,
}

/// The pages that a [`Renderer`] makes. Clones see the same.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    clock: Clock,
    latest: watch::Receiver<Arc<Page>>,
    wait: mpsc::Sender<oneshot::Sender<()>>,
}

/// What making pages takes and gives.
#[derive(Clone, Debug, Default)]
struct RenderMetrics {
    renders: Counter,
    duration: Gauge<f64, AtomicU64>,
    last: Gauge<f64, AtomicU64>,
    size: Gauge,
}

/// What it takes to make a page, kept from one to the next.
#[derive(Debug)]
struct Workshop {
    families: Arc<Families>,
    deflater: Deflater,
    block: Vec<u8>,
    /// What was decided for the last page, and its size.
    before: Before,
    page_size: usize,
}

impl Renderer {
    /// A renderer of `store`, and the pages it will make: the first one, of what the store holds now, is there at once.
    pub(super) fn new(
        mut config: watch::Receiver<RenderConfig>,
        registry: &mut Registry,
        store: Store,
        clock: Clock,
    ) -> (Self, Pages) {
        let metrics = RenderMetrics::register(registry);
        let mut workshop = Workshop {
            families: Arc::new(Families::new()),
            deflater: Deflater::new(COMPRESSION),
            block: Vec::new(),
            before: Before::default(),
            page_size: 0,
        };
        let started = clock.uptime();
        let page = workshop.make(&store, moment(&clock), &config.borrow_and_update().clone());
        metrics.note(&page, clock.uptime().saturating_sub(started), clock.now());
        let (pages, receiver) = watch::channel(Arc::new(page));
        let (wait, waiting) = mpsc::channel(WAITING);
        let handle = Pages { clock: clock.clone(), latest: receiver, wait };
        (Self { workshop, clock, store, config, pages, waiting, metrics }, handle)
    }

    /// Makes pages until `end` comes.
    pub async fn run(self, end: impl Future<Output = ()> + Send) -> Result<(), RenderError> {
        let Self { workshop, clock, store, mut config, pages, mut waiting, metrics } = self;
        let mut thread = workshop.open(store.clone())?;
        let mut end = std::pin::pin!(end);
        let mut rested_at = Duration::ZERO;
        loop {
            let mut served = Vec::new();
            tokio::select! {
                () = &mut end => return Ok(()),
                // Fails when nobody is left to ask; then nobody waits.
                Some(one) = waiting.recv() => served.push(one),
                () = outdated_after(rested_at, &clock, &store, &config, &pages) => {}
            }
            // The page that is made now is as good for whoever has asked until now.
            while let Ok(one) = waiting.try_recv() {
                served.push(one);
            }
            // Fails where nobody is left who could change it.
            let is_as_configured = !config.has_changed().unwrap_or(false);
            if !is_as_configured || !pages.borrow().validity().holds(store.version(), moment(&clock)) {
                let started = clock.uptime();
                let config = config.borrow_and_update().clone();
                let render_interval = config.render_interval;
                let page = thread.make(moment(&clock), config).await?;
                let ended = clock.uptime();
                let took = ended.saturating_sub(started);
                metrics.note(&page, took, clock.now());
                pages.send_replace(Arc::new(page));
                rested_at = ended.saturating_add(rest_after(took, render_interval));
            }
            for one in served {
                // Fails when whoever asked has gone.
                let _ = one.send(());
            }
        }
    }
}

/// How long no page is made, unless somebody waits for it, after one that took so long.
pub(super) fn rest_after(took: Duration, render_interval: Duration) -> Duration {
    (took * REST).max(render_interval)
}

/// A thread of its own, since a page can be up to seconds of work. Always the same one, since what it gives back to the
/// allocator is kept for it.
struct PageThread {
    orders: std::sync::mpsc::Sender<(Moment, RenderConfig)>,
    made: mpsc::Receiver<Page>,
}

impl PageThread {
    /// The page of what the store holds at a moment.
    async fn make(&mut self, moment: Moment, config: RenderConfig) -> Result<Page, RenderError> {
        self.orders.send((moment, config)).map_err(|_| RenderError::Panicked)?;
        self.made.recv().await.ok_or(RenderError::Panicked)
    }
}

/// Waits until `rested_at`, and then until the page does not show what it should, or not as it should.
async fn outdated_after(
    rested_at: Duration,
    clock: &Clock,
    store: &Store,
    config: &watch::Receiver<RenderConfig>,
    pages: &watch::Sender<Arc<Page>>,
) {
    clock.sleep_until(rested_at).await;
    let (version, ends_at, changes_at) = {
        let page = pages.borrow();
        let Validity { version, ends_at, changes_at, .. } = page.validity();
        (*version, *ends_at, *changes_at)
    };
    tokio::select! {
        () = store.changed_since(version) => {}
        () = reconfigured(config.clone()) => {}
        () = sleep_until_end(clock, ends_at) => {}
        () = clock.sleep_until(changes_at.unwrap_or(Duration::MAX)) => {}
    }
}

async fn reconfigured(mut config: watch::Receiver<RenderConfig>) {
    if config.changed().await.is_err() {
        // Nobody is left who could change it.
        std::future::pending::<()>().await;
    }
}

async fn sleep_until_end(clock: &Clock, end: Option<Timestamp>) {
    let Some(end) = end else { return std::future::pending().await };
    // One that has passed is over now.
    clock.sleep(end.duration_since(clock.now()).try_into().unwrap_or_default()).await;
}

fn moment(clock: &Clock) -> Moment {
    Moment { now: clock.now(), uptime: clock.uptime() }
}

impl Pages {
    /// The page to show now. Where a number on the last one speaks of a window that is over, that is the next one: it is made at
    /// once, after the one that is being made already, if one is.
    pub(super) async fn current(&self) -> Arc<Page> {
        let page = Arc::clone(&self.latest.borrow());
        if page.validity().is_true_at(self.clock.now()) { page } else { self.fresh().await }
    }

    /// The page of what is known now.
    pub(super) async fn fresh(&self) -> Arc<Page> {
        let (sender, made) = oneshot::channel();
        if self.wait.send(sender).await.is_ok() {
            // Fails where the process is ending; then the page is as good as any.
            let _ = made.await;
        }
        Arc::clone(&self.latest.borrow())
    }
}

impl Workshop {
    /// Makes pages of `store` on a thread, which ends with its [`PageThread`].
    fn open(mut self, store: Store) -> Result<PageThread, RenderError> {
        let (orders, ordered) = std::sync::mpsc::channel();
        let (sender, made) = mpsc::channel(1);
        let work = move || {
            while let Ok((moment, config)) = ordered.recv() {
                if sender.blocking_send(self.make(&store, moment, &config)).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new().name("page".to_owned()).spawn(work).map_err(RenderError::Thread)?;
        Ok(PageThread { orders, made })
    }

    fn make(&mut self, store: &Store, moment: Moment, config: &RenderConfig) -> Page {
        let shown = Shown::new(store.snapshot(), moment, config.expire_after, config.freshness);
        let (economy, fillings) = Economy::decide(&self.families, &shown, config.max_series, &self.before);
        let sheet = fillings.finish(Arc::clone(&self.families), &shown);
        let overview = overview(&sheet, shown.states(), economy.dropped());
        let before = economy.remember(&shown, sheet.sizes());
        let has_listed = |account: &String| shown.snapshot().has_instances(account);
        let known = config.listing_accounts.iter().all(has_listed).then_some(&config.instances);
        let validity = shown.validity();
        // Before the page is written: the store is free again to change its records in place.
        drop(shown);
        let press = page::Press::new(&mut self.deflater, &mut self.block, self.page_size);
        let page = Page::new(sheet, &overview, validity, known, press);
        self.page_size = page.compressed_size();
        self.note_economy(&economy, before, config.max_series);
        page
    }

    /// Logs once when more or less has to be left out.
    fn note_economy(&mut self, economy: &Economy, before: Before, max_series: Option<usize>) {
        let before = std::mem::replace(&mut self.before, before);
        if economy.stage() == before.stage() {
            return;
        }
        let series = self.before.sizes.iter().sum::<usize>();
        if economy.stage() == Stage::Everything {
            tracing::info!(series, max_series, "no series has to be left out any more");
        } else {
            let (dropped, scopes) = (economy.dropped().iter().sum::<usize>(), economy.scopes_left_out());
            let what = economy.stage().as_str();
            tracing::warn!(
                series,
                dropped,
                scopes,
                max_series,
                what,
                "series are left out to keep within max_series"
            );
        }
    }
}

impl RenderMetrics {
    fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "losant_exporter_renders",
            "How often the usage page was made anew",
            metrics.renders.clone(),
        );
        registry.register(
            "losant_exporter_render_duration_seconds",
            "How long it took to make the usage page, when that was last done",
            metrics.duration.clone(),
        );
        registry.register(
            "losant_exporter_last_render_timestamp_seconds",
            "When the usage page was last made, as a Unix time",
            metrics.last.clone(),
        );
        registry.register(
            "losant_exporter_page_bytes",
            "Size of the usage page as it is kept, compressed",
            metrics.size.clone(),
        );
        metrics
    }

    fn note(&self, page: &Page, took: Duration, now: Timestamp) {
        self.renders.inc();
        self.duration.set(took.as_secs_f64());
        self.last.set(now.as_duration().as_secs_f64());
        self.size.set(i64::try_from(page.compressed_size()).unwrap_or(i64::MAX));
    }
}
