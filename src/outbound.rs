//! Connections to others, whoever they are.
//!
//! Owns: what holds for every request that leaves this process: TLS, proxies, no redirects, no retries behind our back; and how foreign
//! words are made fit for a log line.
//! Must not: know who is asked, or for what.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// What this program calls itself.
pub const USER_AGENT: &str = concat!("losant-exporter/", env!("CARGO_PKG_VERSION"));

/// Longest pause that is granted. A clock that is off, here or there, must not stop us for days.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// The beginnings of an HTTP client for `url`. The certificates of this machine are loaded only where there is TLS to be spoken,
/// and a proxy of the environment is asked only about other machines: to it, localhost is itself.
pub fn builder(url: &Url) -> Result<reqwest::ClientBuilder, String> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = if url.scheme() == "https" {
        // Fails when another part of the process has chosen a provider already, which is as good.
        let _ = provider.install_default();
        reqwest::Client::builder()
    } else {
        // By default the machine's certificates are loaded even if none is ever needed, and a bare container has none.
        let trusting_nobody = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        reqwest::Client::builder().tls_backend_preconfigured(trusting_nobody)
    };
    let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
    Ok(builder
        // A redirect could carry a secret to another host.
        .redirect(reqwest::redirect::Policy::none())
        // Every request is counted and paced where it is made, so none may be repeated out of sight.
        .retry(reqwest::retry::never())
        .http1_only()
        // A request is written at once and then waited for, so there is nothing to gather.
        .tcp_nodelay(true))
}

/// Reads a URL with a host name, which has to be in ASCII and without escapes: others are refused here, since what could read them is
/// left out of this program, and takes for granted that it is not asked. Says what is wrong, without repeating anything.
pub fn url(text: &str) -> Result<Url, String> {
    // A user and a password are for the caller to refuse. As many slashes as one likes are as good as two, and none are, too.
    let after = text.split_once(':').map_or(text, |(_, after)| after);
    let authority =
        after.trim_start_matches(['/', '\\', '\t', '\n', '\r']).split(['/', '\\', '?', '#']).next();
    let host = authority.unwrap_or_default().rsplit('@').next().unwrap_or_default();
    if !host.is_ascii() || host.contains('%') {
        return Err("the host name is not ASCII".to_owned());
    }
    Url::parse(text).map_err(|error| error.to_string())
}

/// Whether what is sent to `url` stays on this machine.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// How a request failed that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection: name, network, or TLS.
    Connect,
    /// No complete answer in time.
    Timeout,
    /// The connection broke, or the answer was cut off.
    Io,
}

/// How a request failed, and why in words. The outer layers say "error sending request"; the innermost says why.
pub fn failure(error: reqwest::Error) -> (Failure, String) {
    let failure = if error.is_connect() {
        Failure::Connect
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Io
    };
    (failure, innermost(&error.without_url()))
}

/// What the innermost cause of an error says.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// How long the server asks to wait: a number of seconds or a date, an hour at most. Garbage is as good as nothing.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean "very long".
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        // A date after the last one that can be told means "very long", too.
        let until = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).unwrap_or(Timestamp::MAX);
        Duration::try_from(until.duration_since(now)).unwrap_or_default()
    };
    Some(pause.min(LONGEST_PAUSE))
}

/// Foreign text fit for one log line: of `most` characters at most, and without any that break the line or hide text in it.
pub fn quote(text: &str, most: usize) -> String {
    let mut quoted = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == most {
            quoted.push('…');
            break;
        }
        // The line and paragraph separators and the marks that turn the direction of writing hide text just as well.
        if character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "cannot connect",
            Self::Timeout => "no complete answer in time",
            Self::Io => "the connection broke or the answer was cut off",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_an_hour() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let seconds = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            retry_after(&headers, now).map(|pause| pause.as_secs())
        };
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds(" 120 "), Some(120));
        assert_eq!(seconds("86400"), Some(3_600));
        assert_eq!(seconds("99999999999999999999999"), Some(3_600));
        assert_eq!(seconds("Sun, 01 Mar 2026 12:01:30 GMT"), Some(90));
        assert_eq!(seconds("Sun, 01 Mar 2026 11:00:00 GMT"), Some(0));
        assert_eq!(seconds("Fri, 31 Dec 9999 23:59:59 GMT"), Some(3_600));
        for garbage in ["", "-5", "1.5", "soon", "5 s", "+5"] {
            assert_eq!(seconds(garbage), None, "{garbage}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |url: &str| is_loopback(&url.parse().unwrap());
        assert!(["http://localhost/", "http://127.0.0.9:1/", "http://[::1]/x"].into_iter().all(loopback));
        assert!(
            !["http://localhost.example.com/", "http://10.0.0.1/", "http://[::2]/"].into_iter().any(loopback)
        );
    }
}
