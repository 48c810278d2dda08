//! The status page at `/`, the same as JSON, and the configuration in force.
//!
//! Owns: their headers, and what a wrong address is answered with.
//! Must not: know what they show.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::{WebState, landing, show_landing};

/// The status as a page.
pub(super) const PAGE: &str = "/";
/// The status as JSON.
pub(super) const JSON: &str = "/status.json";
/// The configuration in force.
pub(super) const CONFIGURATION: &str = "/config";

/// What the status pages show. Made when somebody asks; nobody else waits for it.
pub trait Status: Send + Sync {
    /// The status as HTML or JSON, or what is wrong with the parameters.
    fn show<'a>(
        &'a self,
        form: StatusForm,
        parameters: &'a [(String, String)],
    ) -> Pin<Box<dyn Future<Output = Result<String, StatusError>> + Send + 'a>>;

    /// What a browser may do with the HTML.
    fn content_security_policy(&self) -> &'static str;

    /// The configuration in force, as TOML. Without any secret.
    fn configuration(&self) -> String;
}

/// A form of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusForm {
    /// For people.
    Html,
    /// For programs.
    Json,
}

/// Why there is no status to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The parameters are not understood; the text says which, and what would be.
    #[error("{0}")]
    Query(String),
    /// It cannot be made.
    #[error("the status cannot be made: {0}")]
    Failed(String),
}

pub(super) async fn show_page(
    state: State<Arc<WebState>>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Response {
    let Some(status) = &state.status else { return show_landing(state).await };
    match status.show(StatusForm::Html, &parameters).await {
        Ok(page) => {
            let policy = status.content_security_policy();
            (private(header::CONTENT_SECURITY_POLICY, policy), Html(page)).into_response()
        }
        Err(error) => refuse(&error),
    }
}

pub(super) async fn show_json(
    State(state): State<Arc<WebState>>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Response {
    let Some(status) = &state.status else { return missing() };
    match status.show(StatusForm::Json, &parameters).await {
        Ok(json) => (private(header::CONTENT_TYPE, "application/json"), json).into_response(),
        Err(error) => refuse(&error),
    }
}

pub(super) async fn show_configuration(State(state): State<Arc<WebState>>) -> Response {
    let Some(status) = &state.status else { return missing() };
    let headers = private(header::CONTENT_TYPE, "text/plain; charset=utf-8");
    (headers, status.configuration()).into_response()
}

/// A header, and those of what belongs to whoever asked: kept nowhere, told nobody.
const fn private(name: HeaderName, value: &'static str) -> [(HeaderName, &'static str); 3] {
    [(name, value), (header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")]
}

fn refuse(error: &StatusError) -> Response {
    let code = match error {
        StatusError::Query(_) => StatusCode::BAD_REQUEST,
        StatusError::Failed(_) => {
            tracing::error!(%error, "cannot show the status page");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    (code, format!("{error}\n")).into_response()
}

/// What there is not where the status is disabled.
fn missing() -> Response {
    (StatusCode::NOT_FOUND, landing::NOT_FOUND).into_response()
}
