//! Those who scrape every second: one over a connection that it keeps, one over a new connection each time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use losant_exporter::clock::Clock;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::exporter::{PASSWORD, USER};
use crate::form::SCRAPE_EVERY;
use crate::ledger::{Ledger, Promise};

/// As Prometheus waits, unless it is told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A page as it came.
#[derive(Clone, Debug)]
pub struct Scraped {
    pub asked_for: Timestamp,
    pub came: Timestamp,
    /// Gzip.
    pub body: Bytes,
}

/// What scrapes took, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Durations(Arc<Mutex<Vec<f64>>>);

impl Durations {
    fn add(&self, took: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(took.as_secs_f64() * 1_000.0);
    }

    /// The least, so that this share of all took no longer: in words.
    pub fn percentile(&self, share: f64) -> String {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a place among some thousand"
        )]
        let place = ((all.len() as f64 * share).ceil() as usize).saturating_sub(1);
        all.get(place).map_or("none".to_owned(), |took| format!("{took:.1} ms"))
    }
}

/// A client of the exporter that trusts the run's authority.
#[derive(Clone, Debug)]
pub struct Visitor {
    client: reqwest::Client,
    password: &'static str,
}

impl Visitor {
    /// One that keeps its connections, or opens a new one for each request.
    pub fn new(authority: &str, keeps: bool, password: &'static str) -> Self {
        let certificate = reqwest::Certificate::from_pem(authority.as_bytes()).expect("a certificate");
        let client = reqwest::Client::builder()
            .tls_certs_only([certificate])
            .no_gzip()
            .no_proxy()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(if keeps { 4 } else { 0 })
            .build()
            .expect("a client");
        Self { client, password }
    }

    /// Sends a request. Fails with words for whatever is no answer.
    pub async fn ask(&self, method: reqwest::Method, url: &str) -> Result<(u16, Bytes), String> {
        let request = self.client.request(method, url).basic_auth(USER, Some(self.password));
        let request = request.header("accept", "text/plain;version=0.0.4").header("accept-encoding", "gzip");
        let answer = request.send().await.map_err(|error| in_words(&error))?;
        let status = answer.status().as_u16();
        Ok((status, answer.bytes().await.map_err(|error| in_words(&error))?))
    }

    pub async fn get(&self, url: &str) -> Result<(u16, Bytes), String> {
        self.ask(reqwest::Method::GET, url).await
    }
}

fn in_words(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

/// Scrapes until `end` comes. The latest page goes to `latest`, for whoever looks at it.
pub async fn scrape(
    visitor: Visitor,
    url: String,
    (clock, ledger): (Clock, Ledger),
    durations: Durations,
    latest: Option<watch::Sender<Option<Scraped>>>,
    mut end: watch::Receiver<bool>,
) {
    let mut pace = tokio::time::interval(SCRAPE_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = pace.tick() => {}
            _ = end.wait_for(|ended| *ended) => return,
        }
        let (asked_for, started) = (clock.now(), clock.uptime());
        let answer = visitor.get(&url).await;
        let took = clock.uptime().saturating_sub(started);
        ledger.count("scrapes of our own", 1);
        match answer {
            Ok((200, body)) => {
                durations.add(took);
                ledger.count("bytes scraped", body.len() as u64);
                if let Some(latest) = &latest {
                    latest.send_replace(Some(Scraped { asked_for, came: clock.now(), body }));
                }
            }
            Ok((status, _)) => {
                ledger.broken(Promise::NoFailedScrape, format!("{asked_for}: status {status}"));
            }
            Err(error) => {
                ledger.broken(Promise::NoFailedScrape, format!("{asked_for}, after {took:.1?}: {error}"));
            }
        }
    }
}
