//! What can go wrong with a request, sorted by what to do about it.

use std::fmt;
use std::time::Duration;

use super::{Call, Token};
use crate::outbound;

/// Longest text of Losant's that is carried into an error, in characters. A proxy may answer with a page of HTML.
const LONGEST_QUOTE: usize = 200;

/// Why a request failed. Each variant is a decision for the caller.
///
/// `Throttled` and `Unavailable` of a read come back only after the client has retried; everything else is final until something
/// changes. The token is never part of an error.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The token is not accepted. Nothing of this account will work until it is replaced.
    #[error("{call}: the token is not accepted{said}")]
    Unauthorized {
        /// What was asked.
        call: Call,
        /// What Losant said.
        said: Said,
    },
    /// The token is good, but not for this action.
    #[error("{call}: the token may not do this{said}")]
    Forbidden {
        /// What was asked.
        call: Call,
        /// What Losant said.
        said: Said,
    },
    /// Too many requests, and still so after all retries.
    #[error("{call}: throttled{}{said}", pause(*retry_after))]
    Throttled {
        /// What was asked.
        call: Call,
        /// How long Losant asked to wait.
        retry_after: Option<Duration>,
        /// What Losant said.
        said: Said,
    },
    /// The owner is gone, or an older installation does not know the action.
    #[error("{call}: not found{said}")]
    NotFound {
        /// What was asked.
        call: Call,
        /// What Losant said.
        said: Said,
    },
    /// Losant understood and refused, or answered with a redirect. The same request would be refused again.
    #[error("{call}: refused with status {status}{said}")]
    Rejected {
        /// What was asked.
        call: Call,
        /// The HTTP status.
        status: u16,
        /// What Losant said.
        said: Said,
    },
    /// No answer, or a failure on Losant's side, and still so after all retries.
    #[error("{call}: {reason}{said}")]
    Unavailable {
        /// What was asked.
        call: Call,
        /// How it failed.
        reason: Unavailable,
        /// What Losant, or the network below, said.
        said: Said,
    },
    /// A success that is not what the API promises.
    #[error("{call}: malformed answer: {problem}")]
    Malformed {
        /// What was asked.
        call: Call,
        /// What is wrong, with the path of the field.
        problem: String,
    },
}

/// How a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// No complete answer in time.
    Timeout,
    /// No connection: name, network, or TLS.
    Connect,
    /// The connection broke, or the answer was cut off.
    Io,
    /// A 5xx status.
    Status(u16),
}

impl Error {
    pub(super) fn malformed(call: Call, problem: &impl fmt::Display) -> Self {
        Self::Malformed { call, problem: quote(&problem.to_string()) }
    }

    pub(super) fn unavailable(call: Call, reason: Unavailable, detail: &impl fmt::Display) -> Self {
        Self::Unavailable { call, reason, said: Said::plain(&detail.to_string()) }
    }

    /// The same error without the token, should Losant's words hold it.
    pub(super) fn without(mut self, token: &Token) -> Self {
        match &mut self {
            Self::Unauthorized { said, .. }
            | Self::Forbidden { said, .. }
            | Self::Throttled { said, .. }
            | Self::NotFound { said, .. }
            | Self::Rejected { said, .. }
            | Self::Unavailable { said, .. } => {
                for text in [&mut said.kind, &mut said.message].into_iter().flatten() {
                    *text = token.hide_in(text);
                }
            }
            Self::Malformed { problem, .. } => *problem = token.hide_in(problem),
        }
        self
    }

    /// What was asked.
    pub const fn call(&self) -> &Call {
        match self {
            Self::Unauthorized { call, .. }
            | Self::Forbidden { call, .. }
            | Self::Throttled { call, .. }
            | Self::NotFound { call, .. }
            | Self::Rejected { call, .. }
            | Self::Unavailable { call, .. }
            | Self::Malformed { call, .. } => call,
        }
    }

    /// What went wrong, without what was asked.
    pub fn reason(&self) -> String {
        let text = self.to_string();
        text.strip_prefix(&format!("{}: ", self.call())).map_or_else(|| text.clone(), str::to_owned)
    }

    /// The HTTP status of the answer, if there was a usable one.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized { .. } => Some(401),
            Self::Forbidden { .. } => Some(403),
            Self::NotFound { .. } => Some(404),
            Self::Throttled { .. } => Some(429),
            Self::Rejected { status, .. } | Self::Unavailable { reason: Unavailable::Status(status), .. } => {
                Some(*status)
            }
            Self::Unavailable { .. } | Self::Malformed { .. } => None,
        }
    }

    /// What Losant, or the network below, said.
    pub const fn said(&self) -> Option<&Said> {
        match self {
            Self::Unauthorized { said, .. }
            | Self::Forbidden { said, .. }
            | Self::Throttled { said, .. }
            | Self::NotFound { said, .. }
            | Self::Rejected { said, .. }
            | Self::Unavailable { said, .. } => Some(said),
            Self::Malformed { .. } => None,
        }
    }

    /// A word for metrics and logs.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Throttled { .. } => "throttled",
            Self::NotFound { .. } => "not_found",
            Self::Rejected { .. } => "rejected",
            Self::Unavailable { reason, .. } => reason.label(),
            Self::Malformed { .. } => "malformed",
        }
    }

    /// Whether the same request may succeed a little later.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. })
    }
}

impl Unavailable {
    /// A word for metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Io => "io",
            Self::Status(_) => "server_error",
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no complete answer in time"),
            Self::Connect => f.write_str("cannot connect"),
            Self::Io => f.write_str("the connection broke or the answer was cut off"),
            Self::Status(status) => write!(f, "failed with status {status}"),
        }
    }
}

/// Losant's own words about a failure: short, on one line, possibly none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The machine name of the error (`NotFound`).
    pub kind: Option<String>,
    /// The prose.
    pub message: Option<String>,
}

impl Said {
    /// Reads an error body, which may be anything: empty, HTML, or JSON without the two keys.
    pub(super) fn from_body(body: &[u8]) -> Self {
        let text = |value: Option<&serde_json::Value>| value.and_then(|value| value.as_str()).and_then(words);
        match serde_json::from_slice::<serde_json::Map<_, _>>(body) {
            Ok(object) => Self { kind: text(object.get("type")), message: text(object.get("message")) },
            // A character cut in half at the end of an excerpt is no reason to hide the rest.
            Err(_) => Self::plain(&String::from_utf8_lossy(body)),
        }
    }

    fn plain(text: &str) -> Self {
        Self { kind: None, message: words(text) }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.kind, &self.message) {
            (Some(kind), Some(message)) if kind != message => write!(f, ": {kind}: {message}"),
            (Some(text), _) | (None, Some(text)) => write!(f, ": {text}"),
            (None, None) => Ok(()),
        }
    }
}

fn words(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| quote(text))
}

fn quote(text: &str) -> String {
    outbound::quote(text, LONGEST_QUOTE)
}

fn pause(retry_after: Option<Duration>) -> String {
    retry_after.map(|pause| format!(", to be retried after {} s", pause.as_secs())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losant::Action;
    use crate::usage::Scope;
    use proptest::prelude::*;

    fn call() -> Call {
        let id = |digit: &str| digit.repeat(24).parse().unwrap();
        Call::of(Action::InstanceOrgPayloadCounts, Scope::Org { instance: id("a"), org: id("b") })
    }

    #[test]
    fn the_message_names_action_ids_and_what_losant_said() {
        let said = Said::from_body(br#"{"type":"NotFound","message":"Organization was not found","more":1}"#);
        insta::assert_snapshot!(
            Error::NotFound { call: call(), said },
            @"instanceOrg.payloadCounts of org bbbbbbbbbbbbbbbbbbbbbbbb in instance aaaaaaaaaaaaaaaaaaaaaaaa: not found: NotFound: Organization was not found"
        );
        let retry_after = Some(Duration::from_secs(30));
        insta::assert_snapshot!(
            Error::Throttled { call: call(), retry_after, said: Said::default() },
            @"instanceOrg.payloadCounts of org bbbbbbbbbbbbbbbbbbbbbbbb in instance aaaaaaaaaaaaaaaaaaaaaaaa: throttled, to be retried after 30 s"
        );
    }

    #[test]
    fn a_message_that_repeats_the_type_is_said_once() {
        let said = |body: &[u8]| Said::from_body(body).to_string();
        assert_eq!(said(br#"{"type":"Unauthorized","message":"Unauthorized"}"#), ": Unauthorized");
        assert_eq!(said(br#"{"type":"Unauthorized","message":"No token"}"#), ": Unauthorized: No token");
        assert_eq!(said(br#"{"type":"Unauthorized"}"#), ": Unauthorized");
        assert_eq!(said(br#"{"message":"No token"}"#), ": No token");
        assert_eq!(said(b""), "");
    }

    #[test]
    fn an_error_body_may_be_anything() {
        assert_eq!(Said::from_body(b""), Said::default());
        assert_eq!(Said::from_body(b" \n"), Said::default());
        assert_eq!(Said::from_body(b"{}"), Said::default());
        assert_eq!(Said::from_body(br#"{"type":7,"message":null}"#), Said::default());
        assert_eq!(Said::from_body(b"[1]").message.unwrap(), "[1]");
        assert_eq!(Said::from_body(b"<html>\n<h1>502").message.unwrap(), "<html>\\n<h1>502");
        assert_eq!(Said::from_body(b"\xff\xfe").message.unwrap(), "\u{fffd}\u{fffd}");
    }

    proptest! {
        #[test]
        fn a_message_is_one_short_line_whatever_losant_says(body: Vec<u8>, text in "\\PC{0,400}\\n?\\PC{0,20}") {
            for said in [Said::from_body(&body), Said::plain(&text), Said::from_body(
                serde_json::json!({ "type": text, "message": text }).to_string().as_bytes())]
            {
                let shown = Error::Rejected { call: call(), status: 400, said }.to_string();
                prop_assert!(!shown.contains(char::is_control), "{shown:?}");
                prop_assert!(shown.chars().count() < 200 + 2 * 10 * LONGEST_QUOTE);
            }
        }
    }
}
