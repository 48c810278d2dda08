//! Looks at requests and pages for as long as the run takes, and notes what should not be.

use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flate2::read::GzDecoder;
use jiff::{SignedDuration, Timestamp};
use losant_exporter::clock::Clock;
use losant_exporter::simulator::Simulator;
use tokio::sync::watch;

use crate::asked::Asked;
use crate::budget::Law;
use crate::form::{
    BURST, MAX_IN_FLIGHT, PAGE_SLACK, PAGE_TIMES, REFRESH, REQUESTS_PER_SECOND, UNLISTED_AFTER,
};
use crate::judge::{self, Bounds, Circumstances, Findings};
use crate::ledger::{Ledger, Promise};
use crate::memory::Memory;
use crate::mistake::Mistake;
use crate::page::Page;
use crate::scrapers::Scraped;
use crate::storm::Storm;
use crate::upkeep::LeftOut;

/// How often requests are read off the simulator, which remembers ten thousand.
const READ_EVERY: Duration = Duration::from_millis(500);
/// By when the page says that the exporter is ready, after it has said so.
const UNTIL_TOLD: SignedDuration = SignedDuration::from_secs(3);
/// How long the checker rests after a page, as a multiple of what it took: it shares the machine with what it checks.
const REST: u32 = 2;

/// A look at everything. Clones are one.
#[derive(Clone)]
pub struct Checker {
    pub clock: Clock,
    pub ledger: Ledger,
    pub simulator: Simulator,
    pub storm: Arc<Mutex<Storm>>,
    pub left_out: LeftOut,
    pub expire_after: SignedDuration,
    pub started: Timestamp,
    pub mistakes: Vec<Mistake>,
    requests: Arc<Mutex<Requests>>,
    /// When the exporter had said that it is ready.
    pub ready: Arc<Mutex<Option<Timestamp>>>,
    /// How long the page before took to be made, in seconds.
    renders: Arc<Mutex<f64>>,
    /// What the page before claimed.
    memory: Arc<Mutex<Memory>>,
    /// How many tasks the exporter had on the last page.
    pub tasks: Arc<AtomicU64>,
}

struct Requests {
    asked: Asked,
    law: Law,
    /// Number of the latest request that has been read.
    read: u64,
}

impl Checker {
    pub fn new(
        (clock, ledger): (Clock, Ledger),
        simulator: Simulator,
        storm: Arc<Mutex<Storm>>,
        left_out: LeftOut,
        expire_after: SignedDuration,
        mistakes: Vec<Mistake>,
    ) -> Self {
        let slower = if mistakes.contains(&Mistake::Budget) { 10.0 } else { 1.0 };
        let law = Law::new(REQUESTS_PER_SECOND / slower, BURST, MAX_IN_FLIGHT);
        let requests = Arc::new(Mutex::new(Requests { asked: Asked::default(), law, read: 0 }));
        let started = clock.now();
        Self {
            clock,
            ledger,
            simulator,
            storm,
            left_out,
            expire_after,
            started,
            mistakes,
            requests,
            renders: Arc::default(),
            memory: Arc::default(),
            ready: Arc::default(),
            tasks: Arc::default(),
        }
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads requests until `end` comes.
    pub async fn follow(self, mut end: watch::Receiver<bool>) {
        loop {
            self.read_requests().await;
            tokio::select! {
                () = self.clock.sleep(READ_EVERY) => {}
                _ = end.wait_for(|ended| *ended) => return,
            }
        }
    }

    /// Reads the requests since the last time: none may be over budget.
    async fn read_requests(&self) {
        let look = |latest: &[losant_exporter::simulator::RecordedRequest]| {
            let mut requests = self.requests();
            let first = latest.partition_point(|request| request.number <= requests.read);
            for request in &latest[first..] {
                self.ledger.check(Promise::RunIsWorthIt, request.number == requests.read + 1, || {
                    format!("requests from {} to {} were not seen", requests.read, request.number)
                });
                requests.read = request.number;
                requests.asked.take(request);
                let is_admitted = requests.law.admits(request.uptime);
                self.ledger.check(Promise::BudgetKept, is_admitted, || {
                    format!("request {} at {:?} is over budget", request.number, request.uptime)
                });
                self.ledger.count("requests to Losant", 1);
            }
            true
        };
        self.simulator.wait_for_requests(look).await;
    }

    /// Looks at pages until `end` comes: one after the other, each as it is then.
    pub async fn judge_pages(
        self,
        mut latest: watch::Receiver<Option<Scraped>>,
        mut end: watch::Receiver<bool>,
    ) {
        loop {
            let scraped = tokio::select! {
                changed = latest.changed() => match changed {
                    Ok(()) => latest.borrow_and_update().clone(),
                    Err(_) => return,
                },
                _ = end.wait_for(|ended| *ended) => return,
            };
            let started = self.clock.uptime();
            if let Some(scraped) = scraped {
                self.judge(scraped).await;
            }
            let rest = self.clock.uptime().saturating_sub(started) * REST;
            tokio::select! {
                () = self.clock.sleep(rest) => {}
                _ = end.wait_for(|ended| *ended) => return,
            }
        }
    }

    /// Looks at one page.
    pub async fn judge(&self, scraped: Scraped) -> Option<Findings> {
        self.read_requests().await;
        let checker = self.clone();
        // Seconds of work, on a thread of its own.
        let judged = tokio::task::spawn_blocking(move || checker.judge_page(&scraped));
        match judged.await.expect("no panic") {
            Ok(findings) => {
                self.note(&findings);
                Some(findings)
            }
            Err(problem) => {
                self.ledger.broken(Promise::NoWrongValue, problem);
                None
            }
        }
    }

    fn judge_page(&self, scraped: &Scraped) -> Result<Findings, String> {
        let text = unpacked(&scraped.body)?;
        let mut page = Page::read(&text)?;
        if self.mistakes.contains(&Mistake::Value)
            && let Some(number) = page.scopes.values_mut().flatten().find(|number| number.stem == "devices")
        {
            number.value += 1.0;
        }
        if self.mistakes.contains(&Mistake::Vanished) {
            let somebody = page.scopes.keys().find(|(level, _)| *level != "instance").copied();
            somebody.and_then(|ids| page.scopes.remove(&ids));
        }
        let tasks = page.own.get("losant_exporter_tasks").copied().unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some dozens")]
        self.tasks.store(tasks as u64, Ordering::Relaxed);
        let ready = page.own.get("losant_exporter_ready").copied();
        let said = *self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        // What the exporter says of itself may be a second old.
        let knows = said.is_some_and(|said| scraped.asked_for.duration_since(said) > UNTIL_TOLD);
        self.ledger.check(Promise::ReadinessTruthful, !knows || ready == Some(1.0), || {
            format!("/-/ready has said yes, and the page says {ready:?}")
        });
        self.ledger.count("series read", page.series as u64);
        let (lists_whole_since, slow, not_found) = {
            let storm = self.storm.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now();
            (storm.lists_whole_since(self.started), storm.slowness(now), storm.not_found_until(now))
        };
        let left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let errs = self.mistakes.contains(&Mistake::Stale);
        let bounds = Bounds {
            expire_after: if errs { SignedDuration::from_secs(6) } else { self.expire_after },
            page_age: if errs { SignedDuration::ZERO } else { self.page_age(&page) },
            unlisted_after: UNLISTED_AFTER,
            refresh: REFRESH,
        };
        let world = self.simulator.world();
        // Not under the lock: the simulator would have to wait.
        let asked = self.requests().asked.clone();
        let around = Circumstances {
            asked: &asked,
            slow,
            lists_whole_since,
            left_out: &left_out.since,
            wanted_since: &left_out.wanted_since,
            not_found,
            scraped: (scraped.asked_for, scraped.came),
        };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(judge::look(&world, &page, &bounds, &around, &mut memory))
    }

    /// How old this page may become, by what the last ones took to be made.
    fn page_age(&self, page: &Page<'_>) -> SignedDuration {
        let took = page.own.get("losant_exporter_render_duration_seconds").copied().unwrap_or_default();
        let mut latest = self.renders.lock().unwrap_or_else(PoisonError::into_inner);
        // What is shown may be the page before.
        let before = std::mem::replace(&mut *latest, took);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds")]
        self.ledger.most("milliseconds that a page took to be made, at most", (took * 1_000.0) as u64);
        PAGE_SLACK + SignedDuration::try_from_secs_f64(PAGE_TIMES * took.max(before)).unwrap_or(PAGE_SLACK)
    }

    fn note(&self, findings: &Findings) {
        for (figure, count) in [
            ("pages compared", 1),
            ("values compared", findings.compared.all),
            ("values that could be one of several", findings.compared.wide),
            ("device counts not refreshed yet", findings.compared.unnoticed),
            ("wrong values", findings.wrong.len()),
            ("stale series", findings.stale.len()),
        ] {
            self.ledger.count(figure, count as u64);
        }
        for wrong in &findings.wrong {
            self.ledger.broken(Promise::NoWrongValue, wrong);
        }
        for stale in &findings.stale {
            self.ledger.broken(Promise::NoStaleSeries, stale);
        }
        let storm = self.storm.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = findings.missing.iter().filter(|(id, _)| storm.lost.contains(id)).count();
        self.ledger.count("times that numbers of orgs which cannot be read had expired", lost as u64);
    }
}

/// What a gzip body holds: one member, and nothing after it.
pub fn unpacked(body: &[u8]) -> Result<String, String> {
    let (mut text, mut decoder) = (String::new(), GzDecoder::new(body));
    decoder.read_to_string(&mut text).map_err(|error| format!("a page that is no gzip: {error}"))?;
    let rest = decoder.into_inner();
    if rest.is_empty() { Ok(text) } else { Err(format!("{} bytes after the page", rest.len())) }
}
