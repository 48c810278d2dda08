//! The acts of a run: ready, raging, calm; and its figures in the end.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use losant_exporter::clock::Clock;
use losant_exporter::simulator::Simulator;
use tokio::sync::watch;

use crate::checker::Checker;
use crate::exporter::Exporter;
use crate::form::{Form, ORGS, SANDBOXES, STEP};
use crate::ledger::{Ledger, Promise};
use crate::mistake::Mistake;
use crate::resources::{Look, Resources};
use crate::scrapers::{Durations, Scraped, Visitor};
use crate::storm::Storm;

/// What all parts of a run share.
pub struct Stage {
    pub form: Form,
    pub seed: u64,
    pub clock: Clock,
    pub ledger: Ledger,
    pub simulator: Simulator,
    pub storm: Arc<Mutex<Storm>>,
    pub checker: Checker,
    pub mistakes: Vec<Mistake>,
    pub latest: watch::Receiver<Option<Scraped>>,
    pub resources: Resources,
}

impl Stage {
    fn storm(&self) -> MutexGuard<'_, Storm> {
        self.storm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something is not installed, which is no excuse in continuous integration.
    pub fn left_out(&self, what: &str) {
        println!("  LEFT OUT, because it is not installed: {what}");
        let is_allowed = std::env::var_os("CI").is_none();
        self.ledger.check(Promise::RunIsWorthIt, is_allowed, || format!("without {what}"));
    }

    /// The exporter has just said that it is ready: everybody is there, with all their numbers.
    pub async fn is_complete(&self, exporter: &Exporter, visitor: &Visitor) {
        let asked_for = self.clock.now();
        *self.checker.ready.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked_for);
        let Ok((200, body)) = visitor.get(&exporter.url("/metrics")).await else {
            return self.ledger.broken(Promise::ReadinessTruthful, "ready, and there is no page");
        };
        let scraped = Scraped { asked_for, came: self.clock.now(), body };
        let Some(findings) = self.checker.judge(scraped).await else { return };
        let wanted = ORGS + SANDBOXES + usize::from(self.mistakes.contains(&Mistake::Ready));
        // Sandboxes of the world that are marked for deletion from the start are not listed.
        let world = self.simulator.world();
        let marked = world.sandboxes().iter().filter(|user| user.is_marked(asked_for)).count();
        let there = findings.wanted / crate::freshness::COLLECTORS.len() + marked - 1;
        let is_complete = findings.missing.is_empty() && there >= wanted;
        self.ledger.check(Promise::ReadinessTruthful, is_complete, || {
            let first = findings.missing.first();
            format!(
                "ready with {there} of {wanted}, and {} missing, such as {first:?}",
                findings.missing.len()
            )
        });
    }

    /// Everything goes wrong.
    pub async fn rage(&mut self, exporter: &Exporter) {
        self.storm().begin(&self.simulator);
        let (started, mut step) = (self.clock.uptime(), 0);
        loop {
            let passed = self.clock.uptime().saturating_sub(started);
            if passed >= self.form.storm {
                return;
            }
            if passed >= STEP * step {
                step += 1;
                self.storm().step(self.seed, u64::from(step), &self.simulator, self.clock.now());
            }
            match Look::at(exporter.process.id(), passed, self.checker.tasks.load(Ordering::Relaxed)) {
                Some(look) => self.resources.add(look),
                None => return self.ledger.broken(Promise::RunIsWorthIt, "the exporter has ended"),
            }
            self.clock.sleep(Duration::from_secs(1)).await;
        }
    }

    /// Nothing goes wrong any more: everybody is there in the end.
    pub async fn calm_down(&mut self) {
        self.storm().calm(&self.simulator, self.clock.now());
        self.clock.sleep(self.form.calm).await;
        let Some(scraped) = self.latest.borrow().clone() else {
            return self.ledger.broken(Promise::EverybodyComesBack, "there is no page");
        };
        let Some(findings) = self.checker.judge(scraped).await else { return };
        let (wanted, missing) = (findings.wanted, findings.missing.len());
        #[expect(clippy::cast_precision_loss, reason = "some thousand")]
        let share = wanted.saturating_sub(missing) as f64 / wanted.max(1) as f64;
        let mut by_collector = BTreeMap::<_, usize>::new();
        findings.missing.iter().for_each(|(_, collector)| *by_collector.entry(*collector).or_default() += 1);
        println!("\nof {wanted} scopes and collectors {missing} are missing in the end: {by_collector:?}");
        let errs = self.mistakes.contains(&Mistake::Comeback);
        let recovered = if errs { 1.01 } else { self.form.recovered };
        self.ledger.check(Promise::EverybodyComesBack, share >= recovered, || {
            format!("{missing} of {wanted} are missing, such as {:?}", findings.missing.first())
        });
        self.ledger.count("departures that the last page shows nothing of", findings.departed as u64);
    }

    /// Prints what was counted, and judges whether it was worth it.
    pub fn figures(&self, scrapers: &[(&str, &Durations)], log: &str) {
        let counted = |figure| self.ledger.counted(figure);
        for figure in [
            "scrapes of our own",
            "scrapes of Prometheus",
            "bytes scraped",
            "visits of the status page",
            "looks at readiness",
            "requests to Losant",
            "reloads",
            "reloads of broken files, refused",
            "tokens replaced",
            "certificates replaced",
            "pages compared",
            "series read",
            "values compared",
            "values that could be one of several",
            "device counts not refreshed yet",
            "wrong values",
            "stale series",
            "milliseconds that a page took to be made, at most",
            "times that numbers of orgs which cannot be read had expired",
            "departures that the last page shows nothing of",
        ] {
            println!("  {figure:<64} {}", counted(figure));
        }
        for (connection, durations) in scrapers {
            let (half, most) = (durations.percentile(0.5), durations.percentile(0.99));
            println!(
                "  {:<64} {half}, {most}, {}",
                format!("scrape time, connection {connection}: p50, p99, max"),
                durations.percentile(1.0)
            );
        }
        let storm = self.storm();
        println!("  {:<64} {} and {}", "arrivals and departures", storm.arrived, storm.departed);
        let fired: Vec<_> = storm.fired().iter().map(|(kind, hits)| format!("{kind} {hits}")).collect();
        println!("  faults by kind, and the requests that they hit: {}", fired.join(", "));
        self.resources.judge(&self.form, &self.ledger, &self.mistakes);

        let died = ["panicked", "task=", "result=died"].iter().find(|words| log.contains(**words));
        self.ledger.check(Promise::RunIsWorthIt, died.is_none(), || format!("the log says {died:?}"));
        let expired = counted("times that numbers of orgs which cannot be read had expired");
        let hits: u64 = storm.fired().values().sum();
        let is_worth_it = counted("values compared") > 300_000
            && counted("values that could be one of several") * 3 < counted("values compared")
            && counted("device counts not refreshed yet") * 100 < counted("values compared")
            && storm.departed > 3
            && expired > 0
            && hits > 50
            && counted("tokens replaced") > 0
            && counted("certificates replaced") > 1
            && counted("reloads") > 2;
        self.ledger.check(Promise::RunIsWorthIt, is_worth_it, || {
            "too little has happened, see the figures".to_owned()
        });
    }
}
