//! What operators do meanwhile: the configuration, the token and the certificate are replaced, well and badly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::clock::Clock;
use losant_exporter::simulator::{ObjectId, Org, Simulator, made_up_token};
use reqwest::Method;
use tokio::sync::watch;

use crate::certificates::{self, Authority, Identity};
use crate::checker::unpacked;
use crate::exporter::{Exporter, Settings};
use crate::form::STEP;
use crate::ledger::{Ledger, Promise};
use crate::mistake::Mistake;
use crate::page::Page;
use crate::scrapers::Visitor;
use crate::storm::Storm;

/// By when a change must be in force: files are looked at every second or every ten, and a machine may have much to do.
const IN_FORCE: Duration = Duration::from_secs(25);
/// How often is looked whether it is.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// For how long Losant accepts neither the old token nor the one in the file, when the file comes late.
const LOCKED_OUT: Duration = Duration::from_secs(3);

const SUCCESSFUL: &str = "losant_exporter_config_last_reload_successful";
const SUCCEEDED_AT: &str = "losant_exporter_config_last_reload_success_timestamp_seconds";
const EXPIRY: &str = "losant_exporter_token_expiry_timestamp_seconds{account=\"default\"}";
const ACCEPTED: &str = "losant_exporter_token_accepted{account=\"default\"}";

/// Orgs that the configuration leaves out.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Since when that has been in force.
    pub since: HashMap<ObjectId, Timestamp>,
    /// Since when those are wanted that were left out once. While they are left out, even if that is not in force yet, it is never.
    pub wanted_since: HashMap<ObjectId, Timestamp>,
}

/// What all share of it.
pub type LeftOut = Arc<Mutex<Selection>>;

/// What all upkeep needs.
#[derive(Clone)]
pub struct Upkeep {
    pub clock: Clock,
    pub ledger: Ledger,
    pub visitor: Visitor,
    pub simulator: Simulator,
    pub storm: Arc<Mutex<Storm>>,
    pub exporter: Arc<Exporter>,
    pub left_out: LeftOut,
    pub mistakes: Vec<Mistake>,
}

impl Upkeep {
    fn errs(&self, mistake: Mistake) -> bool {
        self.mistakes.contains(&mistake)
    }

    /// What the exporter says of itself. Whoever asks for that scrapes: it may not fail, and what comes must be a page.
    async fn own(&self, series: &str) -> Option<f64> {
        let url = self.exporter.url("/metrics?collect[]=instance");
        let asked_for = self.clock.now();
        let body = match self.visitor.get(&url).await {
            Ok((200, body)) => body,
            other => {
                let how = other.map_or_else(|error| error, |(status, _)| format!("status {status}"));
                self.ledger.broken(Promise::NoFailedScrape, format!("of a part, {asked_for}: {how}"));
                return None;
            }
        };
        let value =
            unpacked(&body).and_then(|text| Page::read(&text).map(|page| page.own.get(series).copied()));
        value.unwrap_or_else(|problem| {
            self.ledger.broken(Promise::NoWrongValue, problem);
            None
        })
    }

    /// Waits until a series is as `wanted`. Returns whether it came to be.
    async fn until(&self, series: &str, wanted: impl Fn(f64) -> bool) -> bool {
        let deadline = self.clock.uptime() + IN_FORCE;
        while self.clock.uptime() < deadline {
            if self.own(series).await.is_some_and(&wanted) {
                return true;
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
        false
    }

    /// Waits for the next turn. Returns whether there is none.
    async fn rest(&self, steps: u64, end: &mut watch::Receiver<bool>) -> bool {
        let rest = STEP * u32::try_from(steps).expect("few");
        tokio::select! {
            () = self.clock.sleep(rest) => false,
            _ = end.wait_for(|ended| *ended) => true,
        }
    }

    /// Replaces the configuration every few steps: by request, by signal, and by nothing but the file; every fourth one is
    /// broken.
    pub async fn reload(self, every: u64, mut end: watch::Receiver<bool>) {
        let mut settings = Settings::default();
        for turn in 0_u64.. {
            if self.rest(every, &mut end).await {
                break;
            }
            match turn % 4 {
                0 => {
                    settings.left_out = self.somebody(turn);
                    self.left_out()
                        .wanted_since
                        .extend(settings.left_out.iter().map(|id| (*id, Timestamp::MAX)));
                    self.reload_by("POST", &settings).await;
                    self.note_left_out(&settings);
                }
                1 => self.reload_broken(&settings).await,
                2 => {
                    settings.sweep = Some(if turn % 8 < 4 { 12 } else { 15 });
                    self.reload_by("HUP", &settings).await;
                }
                _ => {
                    settings.left_out.clear();
                    self.note_left_out(&settings);
                    self.reload_by("the file alone", &settings).await;
                }
            }
        }
        // Everybody is wanted in the end.
        self.note_left_out(&Settings::default());
        self.reload_by("POST", &Settings::default()).await;
    }

    /// Some orgs to leave out.
    fn somebody(&self, turn: u64) -> Vec<ObjectId> {
        let (world, now) = (self.simulator.world(), self.clock.now());
        let there: Vec<_> = world.orgs().iter().filter(|org| org.exists(now)).map(Org::id).collect();
        let place = usize::try_from(turn).expect("few") * 37 % there.len();
        there.iter().cycle().skip(place).step_by(5).take(2).copied().collect()
    }

    fn note_left_out(&self, settings: &Settings) {
        let (now, mut selection) = (self.clock.now(), self.left_out());
        selection.since = settings.left_out.iter().map(|id| (*id, now)).collect();
        for (id, since) in &mut selection.wanted_since {
            if *since == Timestamp::MAX && !settings.left_out.contains(id) {
                *since = now;
            }
        }
    }

    fn left_out(&self) -> MutexGuard<'_, Selection> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reload_by(&self, way: &str, settings: &Settings) {
        let asked_for = self.clock.now();
        let before = self.own(SUCCEEDED_AT).await.unwrap_or_else(|| {
            self.ledger.broken(Promise::ReloadsTakeEffect, "nothing says since when which one is in force");
            asked_for.as_duration().as_secs_f64()
        });
        self.exporter.configure(settings);
        let mut said = String::new();
        match way {
            "POST" => {
                let answer = self.visitor.ask(Method::POST, &self.exporter.url("/-/reload")).await;
                said = format!("{:?}", answer.as_ref().map(|(status, _)| *status));
                let is_good = answer.is_ok_and(|(status, _)| status == 200);
                self.ledger.check(Promise::ReloadsTakeEffect, is_good, || format!("POST answered {said}"));
            }
            "HUP" => self.exporter.signal("HUP"),
            _ => {}
        }
        let is_in_force = self.until(SUCCEEDED_AT, |at| at > before).await
            && self.until(SUCCESSFUL, |successful| successful == 1.0).await;
        self.ledger.count("reloads", 1);
        self.ledger.check(Promise::ReloadsTakeEffect, is_in_force, || {
            format!("not in force within {IN_FORCE:?} by {way} {said}: {settings:?}")
        });
    }

    async fn reload_broken(&self, settings: &Settings) {
        self.exporter.configure(&Settings { broken: true, ..settings.clone() });
        let answer = self.visitor.ask(Method::POST, &self.exporter.url("/-/reload")).await;
        let refused = if self.errs(Mistake::Reload) { 200 } else { 500 };
        let words = answer.as_ref().map(|(_, words)| String::from_utf8_lossy(words).into_owned());
        let is_refused = answer.as_ref().is_ok_and(|(status, _)| *status == refused)
            && words.as_ref().is_ok_and(|words| words.contains("sweep_intervall"));
        self.ledger.count("reloads of broken files, refused", 1);
        self.ledger.check(Promise::ReloadsTakeEffect, is_refused, || format!("a broken file: {answer:?}"));
        let is_told = self.until(SUCCESSFUL, |successful| successful == 0.0).await;
        self.ledger.check(Promise::ReloadsTakeEffect, is_told, || "a broken file is not told of".to_owned());
    }

    /// Replaces the token every few steps: Losant stops accepting the one before at once, or even before the file is there.
    pub async fn rotate(self, every: u64, mut end: watch::Receiver<bool>) {
        let mut current = self.simulator.token().to_owned();
        for turn in 0_i64.. {
            if self.rest(every, &mut end).await {
                return;
            }
            let expires = self.clock.now() + SignedDuration::from_hours(24 + turn);
            let next = made_up_token("api.example.com", Some(expires));
            if !self.errs(Mistake::Token) {
                self.simulator.accept_token(next.clone());
            }
            self.lists_are_kept_away();
            if turn % 2 == 0 {
                self.exporter.write_token(&next);
                self.simulator.revoke_token(&current);
            } else {
                self.simulator.revoke_token(&current);
                self.clock.sleep(LOCKED_OUT).await;
                self.exporter.write_token(&next);
            }
            #[expect(clippy::cast_precision_loss, reason = "seconds of our time stay below 2^53")]
            let wanted = expires.as_second() as f64;
            let is_used = self.until(EXPIRY, |expiry| expiry == wanted).await
                && self.until(ACCEPTED, |accepted| accepted == 1.0).await;
            self.lists_are_kept_away();
            self.ledger.count("tokens replaced", 1);
            self.ledger.check(Promise::TokensAreReplaced, is_used, || {
                format!("token {turn} is not used and accepted within {IN_FORCE:?}")
            });
            current = next;
        }
    }

    fn lists_are_kept_away(&self) {
        let mut storm = self.storm.lock().unwrap_or_else(PoisonError::into_inner);
        storm.lists_are_kept_away(self.clock.now());
    }

    /// Replaces the certificate every few steps; every other time a broken one comes first.
    pub async fn certify(self, every: u64, authority: Arc<Authority>, mut end: watch::Receiver<bool>) {
        let visitor = certificates::Visitor::trusting(&authority);
        let mut current = authority.server();
        self.exporter.write_certificate(&current);
        for turn in 0_u64.. {
            if self.rest(every, &mut end).await {
                return;
            }
            let next = authority.server();
            if turn % 2 == 1 {
                let is_before = self.is_shown(&visitor, &current).await;
                std::fs::write(self.exporter.folder.join("server.crt"), &next.certificate[..100])
                    .expect("a file");
                self.clock.sleep(Duration::from_secs(3)).await;
                let is_still = is_before && self.is_shown(&visitor, &current).await;
                self.ledger.check(Promise::CertificatesAreReplaced, is_still, || {
                    "a certificate that is cut off has replaced a good one".to_owned()
                });
            }
            self.exporter.write_certificate(&next);
            let awaited = if self.errs(Mistake::Certificate) { &authority.server() } else { &next };
            let is_shown = self.is_shown(&visitor, awaited).await;
            self.ledger.count("certificates replaced", 1);
            self.ledger.check(Promise::CertificatesAreReplaced, is_shown, || {
                format!("certificate {turn} is not shown within {IN_FORCE:?}")
            });
            current = next;
        }
    }

    /// Waits until whoever connects is shown this certificate.
    async fn is_shown(&self, visitor: &certificates::Visitor, identity: &Identity) -> bool {
        let deadline = self.clock.uptime() + IN_FORCE;
        while self.clock.uptime() < deadline {
            let answer = visitor.get(self.exporter.address, "/-/healthy", "", None).await;
            if answer.is_ok_and(|answer| answer.certificate == *identity.der()) {
                return true;
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
        false
    }
}
