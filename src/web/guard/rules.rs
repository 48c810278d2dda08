//! The rules that a web configuration file leads to.
//!
//! Owns: what the keys outside of TLS mean, and which values are refused.
//! Must not: apply a rule.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::GuardError;
use super::document::{Document, HttpDocument, RateLimitDocument};
use super::files::Files;
use super::rate_limit::RateLimit;
use super::tls;
use super::users::Users;

/// The headers that may be set, and the values that each may have. Without any: all.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// Rules: those of an empty file let everybody in.
#[derive(Debug, Default)]
pub(in crate::web) struct Rules {
    tls: Option<Arc<ServerConfig>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    users: Users,
    rate_limit: Option<Arc<RateLimit>>,
    client_certificates: &'static str,
    warnings: Vec<String>,
}

impl Rules {
    /// Reads the file and those that it names. `before` are rules in force until now: what is kept in them goes on.
    pub(super) fn read(path: &Path, files: &mut Files, before: Option<&Self>) -> Result<Self, GuardError> {
        let content = files.read(path).map_err(|error| GuardError::new(path, error.to_string()))?;
        let document = Document::parse(path, content)?;
        let refuse =
            |(key, problem): (String, String)| GuardError::new(path, format!("key {key}: {problem}"));
        let Document { tls_server_config, http_server_config, basic_auth_users, rate_limit } = document;
        let HttpDocument { http2, headers } = http_server_config.unwrap_or_default();
        let mut warnings = Vec::new();
        let headers =
            headers.unwrap_or_default().into_iter().filter_map(|(name, value)| header(&name, &value));
        let headers = headers.collect::<Result<_, _>>().map_err(refuse)?;
        // Those who have shown who they are need not do so again.
        let known = before.map(|before| &before.users);
        let users = Users::new(basic_auth_users.unwrap_or_default(), known).map_err(refuse)?;
        if users.costs_differ() {
            warnings.push(
                "basic_auth_users: the hashes differ in cost, by which strangers can tell who exists"
                    .to_owned(),
            );
        }
        let rate_limit = limit(&rate_limit.unwrap_or_default()).map_err(refuse)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let tls_server_config = tls_server_config.unwrap_or_default();
        let tls = tls::read(&tls_server_config, http2.unwrap_or(true), directory, files, &mut warnings);
        let (tls, client_certificates) = tls.map_err(refuse)?.unzip();
        // Those who have just used up what there is may not begin anew.
        let same_limit = before.and_then(|before| before.rate_limit.clone());
        let same_limit = same_limit.filter(|old| rate_limit.as_ref().is_some_and(|new| new.is_like(old)));
        Ok(Self {
            tls,
            headers,
            users,
            rate_limit: same_limit.or_else(|| rate_limit.map(Arc::new)),
            client_certificates: client_certificates.unwrap_or_default(),
            warnings,
        })
    }

    pub(in crate::web) const fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    pub(in crate::web) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    pub(in crate::web) fn users(&self) -> &Users {
        &self.users
    }

    /// Whether one more request may come at `now`.
    pub(in crate::web) fn allow_request(&self, now: Duration) -> bool {
        self.rate_limit.as_ref().is_none_or(|limit| limit.allows(now))
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// What protects the pages, in a few words.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls.is_some() { "TLS" } else { "no TLS" })?;
        if !self.client_certificates.is_empty() {
            write!(f, ", {}", self.client_certificates)?;
        }
        match self.users.len() {
            0 => {}
            1 => f.write_str(", 1 user")?,
            users => write!(f, ", {users} users")?,
        }
        f.write_str(if self.rate_limit.is_some() { ", rate limit" } else { "" })
    }
}

type Refused = (String, String);

/// `None` for a header that is blank, which is the same as not to set it.
fn header(name: &str, value: &str) -> Option<Result<(HeaderName, HeaderValue), Refused>> {
    let refuse = |problem: String| (format!("http_server_config.headers.{name}"), problem);
    let Some((_, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
        let known = HEADERS.map(|(name, _)| name).join(", ");
        return Some(Err(refuse(format!("this header cannot be set; known headers: {known}"))));
    };
    if !values.is_empty() && !values.contains(&value) {
        return Some(Err(refuse(format!("{value:?} is not {}", values.join(" or ")))));
    }
    if value.is_empty() {
        return None;
    }
    let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value).ok());
    Some(parsed.ok_or_else(|| refuse("it holds characters that cannot be sent".to_owned())))
}

fn limit(document: &RateLimitDocument) -> Result<Option<RateLimit>, Refused> {
    let RateLimitDocument { interval, burst } = document;
    let text = interval.as_deref().unwrap_or("0");
    let refuse = |problem: &str| ("rate_limit.interval".to_owned(), format!("{text:?} {problem}"));
    // Go reads a bare number as nanoseconds, which nobody means.
    if text.parse::<i64>().is_ok_and(|number| number != 0) {
        return Err(refuse("has no unit; write \"1s\" or \"100ms\""));
    }
    if text == "0" {
        return Ok(None);
    }
    let interval: jiff::SignedDuration =
        text.parse().map_err(|_| refuse("is no duration; write \"1s\" or \"100ms\""))?;
    let interval = Duration::try_from(interval).map_err(|_| refuse("is negative"))?;
    Ok((!interval.is_zero()).then(|| RateLimit::new(interval, burst.unwrap_or(0))))
}
