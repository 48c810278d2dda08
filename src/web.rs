//! The exporter's pages over HTTP.
//!
//! Owns: routes, headers, readiness and listening, and who may come in. Everything it shows is passed in ([`WebState`]), and nothing here
//! waits for Losant: a scrape gets what is there.
//! Must not: know what the metrics are, poll, or hold a global.

mod activation;
mod chunks;
mod connection;
mod ending;
mod entrance;
mod guard;
mod held;
mod landing;
mod listen;
mod metrics;
mod orders;
mod path;
mod readiness;
mod server;
mod status;

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use self::chunks::Chunks;
use self::entrance::Entrance;
use self::metrics::Handler;
use crate::clock::Clock;
use crate::metrics::encoding::Encoding;
use crate::metrics::negotiate::Format;
use crate::metrics::{Filter, ScrapeBody, ScrapeError};

pub use self::activation::{ActivationError, systemd_sockets};
pub use self::guard::{Guard, GuardError};
pub use self::listen::{BindError, InvalidListenAddress, ListenAddress, bind};
pub use self::metrics::WebMetrics;
pub use self::orders::Orders;
pub use self::path::{InvalidTelemetryPath, check_telemetry_path};
pub use self::readiness::{Gate, Readiness};
pub use self::server::{raise_open_files, serve};
pub use self::status::{Status, StatusError, StatusForm};

const HEALTHY: &str = "/-/healthy";
const READY: &str = "/-/ready";

/// What the metrics page shows.
pub trait Exposition: Send + Sync {
    /// The part of the page that `filter` chooses. On the path of a scrape: it must not wait for Losant.
    fn scrape<'a>(
        &'a self,
        format: Format,
        encoding: Encoding,
        filter: &'a Filter,
    ) -> Pin<Box<dyn Future<Output = Result<ScrapeBody, ScrapeError>> + Send + 'a>>;
}

/// What this program is, for the landing page.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it is, in one sentence.
    pub description: &'static str,
}

/// The parts that the pages are made of.
#[derive(Clone)]
pub struct WebState {
    /// Where metrics are served; [`check_telemetry_path`] has accepted it.
    pub telemetry_path: String,
    /// The metrics.
    pub exposition: Arc<dyn Exposition>,
    /// The status page, unless there is to be none: then there is the landing page in its place.
    pub status: Option<Arc<dyn Status>>,
    /// Whether the process is of use yet.
    pub readiness: Readiness,
    /// What this program is.
    pub about: About,
    /// Who does what an operator says; `None` where nobody may say anything.
    pub orders: Option<Arc<dyn Orders>>,
    /// Where requests are counted.
    pub metrics: WebMetrics,
    /// Who may come in.
    pub guard: Guard,
    /// How many requests are answered at the same time, those for health and readiness aside; 0 for any number.
    pub max_requests: usize,
    /// The clock of the rate limit.
    pub clock: Clock,
}

/// The routes over `state`.
pub fn router(state: WebState) -> Router {
    let entrance = Entrance::new(state.guard.clone(), state.clock.clone(), state.max_requests);
    let state = Arc::new(state);
    Router::new()
        .route(status::PAGE, get(status::show_page))
        .route(status::JSON, get(status::show_json))
        .route(status::CONFIGURATION, get(status::show_configuration))
        .route(HEALTHY, get(|| async { "Healthy\n" }))
        .route(READY, get(show_readiness))
        .route(&state.telemetry_path, get(show_metrics))
        .merge(orders::routes())
        .fallback(|| async { (StatusCode::NOT_FOUND, landing::NOT_FOUND) })
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, "This page can only be read.\n")
        })
        .layer(middleware::from_fn_with_state(entrance, entrance::pass))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), observe))
        .with_state(state)
}

/// Counts every answer, and sets the header that all of them share.
async fn observe(State(state): State<Arc<WebState>>, request: Request, next: Next) -> Response {
    let handler = match request.uri().path() {
        status::PAGE if state.status.is_none() => Handler::Landing,
        status::PAGE => Handler::Status,
        status::JSON => Handler::StatusJson,
        status::CONFIGURATION => Handler::Configuration,
        HEALTHY => Handler::Healthy,
        READY => Handler::Ready,
        orders::RELOAD => Handler::Reload,
        orders::LOG_LEVEL => Handler::LogLevel,
        path if path == state.telemetry_path => Handler::Metrics,
        _ => Handler::Other,
    };
    let mut response = next.run(request).await;
    state.metrics.count_request(handler, response.status());
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn show_metrics(
    State(state): State<Arc<WebState>>,
    method: Method,
    Query(parameters): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = Format::negotiate(accept);
    let accept_encoding = headers.get_all(header::ACCEPT_ENCODING).iter();
    let encoding = Encoding::negotiate(accept_encoding.filter_map(|value| value.to_str().ok()));
    let filter = match Filter::parse(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))) {
        Ok(filter) => filter,
        Err(refused) => return (StatusCode::BAD_REQUEST, format!("{refused}\n")).into_response(),
    };
    match state.exposition.scrape(format, encoding, &filter).await {
        Ok(body) => {
            if method == Method::GET {
                state.metrics.count_scrape(format);
            }
            let mut response = Body::new(Chunks::of(body)).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
            headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
            if let Encoding::Gzip = encoding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        }
        Err(ScrapeError::Filter(refused)) => {
            (StatusCode::BAD_REQUEST, format!("{refused}\n")).into_response()
        }
        Err(ScrapeError::Write(error)) => {
            tracing::error!(%error, format = format.label(), "cannot write the metrics page");
            (StatusCode::INTERNAL_SERVER_ERROR, "The metrics cannot be written; the log says more.\n")
                .into_response()
        }
    }
}

async fn show_readiness(State(state): State<Arc<WebState>>) -> Response {
    let waits = state.readiness.waits();
    if waits.is_empty() {
        return "Ready\n".into_response();
    }
    let lines = waits.iter().flat_map(|wait| [wait.as_str(), "\n"]).collect::<String>();
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

async fn show_landing(State(state): State<Arc<WebState>>) -> Response {
    let page = landing::page(&state.about, &state.telemetry_path, &state.readiness.waits());
    let headers = [
        (header::CONTENT_SECURITY_POLICY, landing::CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(page)).into_response()
}

#[cfg(test)]
mod tests;
