//! Requests that are turned down, in the API's own error envelope.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// Why a request is turned down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A parameter that cannot be understood; the text names it.
    Validation(String),
    Unauthorized,
    Forbidden,
    /// What is not there: `Instance`, `Organization`, `Sandbox`.
    NotFound(&'static str),
    /// No such action. Holds the method.
    NotAllowed(String),
    /// Too much at a time.
    Throttled,
    /// A body beyond all measure.
    TooLarge,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Validation(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    pub(super) fn body(&self) -> Value {
        match self {
            Self::Validation(message) => envelope("Validation", message),
            Self::Unauthorized => envelope("Unauthorized", "Unauthorized"),
            Self::Forbidden => envelope("Forbidden", "Forbidden"),
            Self::NotFound(what) => envelope("NotFound", &format!("{what} was not found")),
            Self::NotAllowed(method) => envelope("MethodNotAllowed", &format!("{method} is not allowed")),
            Self::Throttled => envelope("TooManyRequests", "Over rate limit, request throttled"),
            Self::TooLarge => envelope("PayloadTooLarge", "Request body is too large"),
        }
    }
}

/// The two keys every error has.
pub(super) fn envelope(kind: &str, message: &str) -> Value {
    json!({ "type": kind, "message": message })
}
