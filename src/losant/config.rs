//! How a client is set up, and what is refused.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;

use super::{TokenError, TokenSource};
use crate::outbound;

/// The most items of a list that can be asked for in one request. Each comes with a summary that Losant has to work out
/// within the request timeout.
pub const LARGEST_PAGE: u32 = 1_000;

/// Settings of a [`Client`](super::Client). Start from [`ClientConfig::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where the API lives.
    pub base_url: BaseUrl,
    /// Where the token comes from.
    pub token: TokenSource,
    /// Longest time for a whole request, from connecting to the last byte of the answer.
    pub request_timeout: Duration,
    /// Longest time for connecting, TLS included.
    pub connect_timeout: Duration,
    /// How often a request is made at most before its failure is reported.
    pub max_attempts: u32,
    /// Requests per second in the long run.
    pub requests_per_second: f64,
    /// Requests per second that throttling never goes below; `None` for a sixteenth of `requests_per_second`.
    pub min_requests_per_second: Option<f64>,
    /// Requests at once after a quiet time.
    pub burst: u32,
    /// Unanswered requests at a time.
    pub max_in_flight: usize,
    /// Longest answer that is read, after decompression.
    pub max_body_bytes: usize,
    /// How many items of a list are asked for in one request, at most [`LARGEST_PAGE`].
    pub page_size: u32,
    /// What the client calls itself.
    pub user_agent: String,
}

impl ClientConfig {
    /// The defaults.
    pub fn new(base_url: BaseUrl, token: TokenSource) -> Self {
        Self {
            base_url,
            token,
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_attempts: 4,
            requests_per_second: 5.0,
            min_requests_per_second: None,
            burst: 10,
            max_in_flight: 4,
            max_body_bytes: 32 * 1024 * 1024,
            // Losant's own default. Larger pages are accepted, but summaries are work for the server.
            page_size: 100,
            user_agent: outbound::USER_AGENT.to_owned(),
        }
    }
}

/// Why a client cannot be made. Repeats no secret.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The base URL cannot be used.
    #[error("base URL: {0}")]
    BaseUrl(&'static str),
    /// A rate that is no rate.
    #[error("requests per second: {0} is not between 0.001 and 1000000")]
    RequestsPerSecond(f64),
    /// A floor that is none, or above the ceiling.
    #[error("least requests per second: {0} is not between 0.000001 and the requests per second")]
    MinRequestsPerSecond(f64),
    /// A burst of none would let nothing pass.
    #[error("burst: must be at least 1")]
    Burst,
    /// None in flight would let nothing pass.
    #[error("requests in flight: must be at least 1")]
    MaxInFlight,
    /// No attempt is no request.
    #[error("attempts: must be at least 1")]
    MaxAttempts,
    /// A page of none would never end, and one of all would be too much to ask.
    #[error("page size: must be between 1 and {LARGEST_PAGE}")]
    PageSize,
    /// A time in which nothing can happen.
    #[error("timeouts: must be longer than nothing")]
    Timeout,
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// TLS or the user agent cannot be set up.
    #[error("HTTP client: {0}")]
    Http(String),
}

/// An `http` or `https` URL with a host and maybe a path, and nothing else: credentials have no place in it, and a query
/// or a fragment would not survive adding a path.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Losant's own cloud.
    pub const LOSANT: &str = "https://api.losant.com";

    pub(super) const fn url(&self) -> &Url {
        &self.0
    }

    /// Whether what is sent there can be read on the way.
    pub fn is_plain_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether what is sent there stays on this machine.
    pub fn is_loopback(&self) -> bool {
        outbound::is_loopback(&self.0)
    }

    /// The URL of `path` below this one.
    pub(super) fn join(&self, path: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url.query_pairs_mut().extend_pairs(query);
        url
    }
}

impl FromStr for BaseUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let problem = |problem| Err(ConfigError::BaseUrl(problem));
        let Ok(url) = outbound::url(text.trim()) else {
            return problem("not a URL; it should look like https://api.losant.com");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return problem("the scheme must be http or https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return problem("must not hold a user name or password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return problem("must not hold a query or fragment");
        }
        Ok(Self(url))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prefix_is_kept_and_queries_are_escaped() {
        for base in ["http://localhost:8080/losant/api", "http://localhost:8080/losant/api/"] {
            let base: BaseUrl = base.parse().unwrap();
            assert_eq!(
                base.join("/instances", &[("summaryInclude", "a,b&c".to_owned())]).as_str(),
                "http://localhost:8080/losant/api/instances?summaryInclude=a%2Cb%26c"
            );
        }
        let base: BaseUrl = BaseUrl::LOSANT.parse().unwrap();
        assert_eq!(base.join("/instances", &[("page", "0".to_owned())]).path(), "/instances");
    }

    #[test]
    fn a_host_beyond_ascii_is_named_as_it_goes_over_the_wire() {
        let base: BaseUrl = "https://xn--bcher-kva.example".parse().unwrap();
        assert_eq!(base.to_string(), "https://xn--bcher-kva.example/");
        for refused in [
            "https://bücher.example",
            // What is made of these is neither ASCII nor a name.
            "https://B%C3%BCCHER.example",
            "https://metAAA)A%AAA*rics.e//..a",
            "https:////AA%AAA.example",
            "https:AA%AAA.example",
            "https://me:hunter2@A%AAA.example",
        ] {
            assert!(refused.parse::<BaseUrl>().is_err(), "{refused}");
        }
    }

    #[test]
    fn a_bad_base_url_is_refused_without_being_repeated() {
        for bad in [
            "",
            "api.losant.com",
            "ftp://api.losant.com",
            "https://",
            "https://user:hunter2@api.losant.com",
            "https://hunter2@api.losant.com",
            "https://api.losant.com/?token=hunter2",
            "https://api.losant.com/#hunter2",
            "file:///hunter2",
        ] {
            let error = bad.parse::<BaseUrl>().unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.starts_with("base URL: ") && !shown.contains("hunter2"), "{shown}");
        }
    }
}
