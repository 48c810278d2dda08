//! What an operator may tell the process over HTTP.
//!
//! Owns: the routes below `/-/` that change something, that they are closed unless the configuration opens them, and their
//! status codes.
//! Must not: do what it is told; that is passed in.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::WebState;

pub(super) const RELOAD: &str = "/-/reload";
pub(super) const LOG_LEVEL: &str = "/-/log-level";

/// A level is a word.
const LONGEST_BODY: usize = 64;

/// How long sending it may take.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Does what an operator says.
pub trait Orders: Send + Sync {
    /// Reads the configuration anew. Says in words what has come into force, or why nothing has.
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + '_>>;

    /// The least severe level that is logged.
    fn log_level(&self) -> String;

    /// Logs from another level on; an error says which there are.
    fn set_log_level(&self, level: &str) -> Result<(), String>;
}

pub(super) fn routes() -> Router<Arc<WebState>> {
    Router::new()
        .route(RELOAD, post(reload).put(reload).fallback(wrong_method))
        .route(LOG_LEVEL, get(show_log_level).put(set_log_level).post(set_log_level))
}

async fn wrong_method(State(state): State<Arc<WebState>>) -> Response {
    let Some(_) = &state.orders else { return closed() };
    (StatusCode::METHOD_NOT_ALLOWED, [("allow", "POST, PUT")], "Only POST and PUT reload.\n").into_response()
}

async fn reload(State(state): State<Arc<WebState>>) -> Response {
    let Some(orders) = &state.orders else { return closed() };
    match orders.reload().await {
        Ok(words) => words.into_response(),
        Err(reason) => (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {reason}\n"))
            .into_response(),
    }
}

async fn show_log_level(State(state): State<Arc<WebState>>) -> Response {
    let Some(orders) = &state.orders else { return closed() };
    (orders.log_level() + "\n").into_response()
}

async fn set_log_level(State(state): State<Arc<WebState>>, body: Body) -> Response {
    let Some(orders) = &state.orders else { return closed() };
    let level = tokio::select! {
        body = axum::body::to_bytes(body, LONGEST_BODY) => match body {
            Ok(body) => body,
            Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        },
        () = state.clock.sleep(LONGEST_WAIT) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    match orders.set_log_level(String::from_utf8_lossy(&level).trim()) {
        Ok(()) => (orders.log_level() + "\n").into_response(),
        Err(reason) => (StatusCode::BAD_REQUEST, reason + "\n").into_response(),
    }
}

/// As Prometheus says it.
fn closed() -> Response {
    (StatusCode::FORBIDDEN, "Lifecycle API is not enabled: start with --web.enable-lifecycle.\n")
        .into_response()
}
