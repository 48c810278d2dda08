//! What the web server counts and says of itself.

use std::sync::Arc;

use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use super::guard::GuardSeries;
use crate::metrics::negotiate::Format;

/// Requests and scrapes served, and what became of the web configuration.
#[derive(Clone, Debug)]
pub struct WebMetrics {
    requests: Family<RequestLabels, Counter>,
    scrapes: Family<ScrapeLabels, Counter>,
    served: Arc<watch::Sender<u64>>,
    guard: GuardSeries,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    handler: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScrapeLabels {
    format: &'static str,
}

/// The pages there are. A path that a client made up is none of them, or everybody could add series.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handler {
    Landing,
    Status,
    StatusJson,
    Configuration,
    Metrics,
    Healthy,
    Ready,
    Reload,
    LogLevel,
    Other,
}

impl Handler {
    const fn label(self) -> &'static str {
        match self {
            Self::Landing => "landing",
            Self::Status => "status",
            Self::StatusJson => "status_json",
            Self::Configuration => "config",
            Self::Metrics => "metrics",
            Self::Healthy => "healthy",
            Self::Ready => "ready",
            Self::Reload => "reload",
            Self::LogLevel => "log_level",
            Self::Other => "other",
        }
    }
}

impl WebMetrics {
    /// Adds the metrics to `registry`, which must not have a prefix.
    pub fn register(registry: &mut Registry) -> Self {
        let requests = Family::default();
        registry.register(
            "losant_exporter_http_requests",
            "HTTP requests answered, by page and status code",
            Family::clone(&requests),
        );
        let scrapes = Family::<ScrapeLabels, Counter>::default();
        for format in Format::ALL {
            // From 0 on, so that the first scrape shows as an increase.
            drop(scrapes.get_or_create(&ScrapeLabels { format: format.label() }));
        }
        registry.register(
            "losant_exporter_scrapes",
            "Scrapes of the metrics page served, by exposition format",
            scrapes.clone(),
        );
        Self { requests, scrapes, served: Arc::default(), guard: GuardSeries::register(registry) }
    }

    /// Waits until `scrapes` scrapes have been served in all.
    pub async fn served(&self, scrapes: u64) {
        // The sender lives in `self`, so waiting can only end by the number being reached.
        let _ = self.served.subscribe().wait_for(|served| *served >= scrapes).await;
    }

    pub(super) const fn guard(&self) -> &GuardSeries {
        &self.guard
    }

    pub(super) fn count_request(&self, handler: Handler, code: StatusCode) {
        self.requests.get_or_create(&RequestLabels { handler: handler.label(), code: code.as_u16() }).inc();
    }

    pub(super) fn count_scrape(&self, format: Format) {
        self.scrapes.get_or_create(&ScrapeLabels { format: format.label() }).inc();
        self.served.send_modify(|served| *served += 1);
    }
}
