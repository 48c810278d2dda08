//! Section `[accounts.NAME]`: where to ask, with which token, and how gently.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Interval};
use crate::losant::{self, BaseUrl};
use crate::usage::Id;

/// The environment variable that the token is read from where an account names neither a file nor a variable.
pub const DEFAULT_TOKEN_VARIABLE: &str = "LOSANT_API_TOKEN";

/// A request that takes longer than this has hung.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3_600);

/// One Losant account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountConfig {
    /// Base URL of the API. Private installations have their own.
    pub base_url: String,
    /// File that holds the API token and nothing else.
    pub token_file: Option<PathBuf>,
    /// Environment variable that holds the API token.
    pub token_env: Option<String>,
    /// Ids of the instances to poll. Empty: whatever the token may list, which only user tokens can.
    pub instances: Vec<Id>,
    /// Requests a second, on average.
    pub requests_per_second: f64,
    /// Requests that may go out at once after a pause.
    pub burst: u32,
    /// Requests that may be under way at the same time.
    pub max_in_flight: usize,
    /// How long one request may take, from connecting to the last byte.
    pub request_timeout: Interval,
    /// Whether the token may travel over plain HTTP to another machine.
    pub allow_plain_http: bool,
    /// How often a request is tried when Losant throttles or cannot be reached.
    pub max_attempts: u32,
}

impl Default for AccountConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.losant.com".to_owned(),
            token_file: None,
            token_env: None,
            instances: Vec::new(),
            requests_per_second: 5.0,
            burst: 10,
            max_in_flight: 4,
            request_timeout: Interval::seconds(30),
            allow_plain_http: false,
            max_attempts: 4,
        }
    }
}

impl AccountConfig {
    pub(super) fn validate(&self, name: &str) -> Result<(), ConfigError> {
        let refuse =
            |key: &str, problem: &str| Err(ConfigError::key(format!("accounts.{name}.{key}"), problem));
        if self.token_file.is_some() && self.token_env.is_some() {
            return refuse("token_env", "token_file is set as well: keep one of the two");
        }
        if !(1e-3..=1e6).contains(&self.requests_per_second) {
            return refuse("requests_per_second", "must be between 0.001 and 1000000");
        }
        if self.burst == 0 {
            return refuse("burst", "must be at least 1");
        }
        if self.max_in_flight == 0 {
            return refuse("max_in_flight", "must be at least 1");
        }
        if self.max_attempts == 0 {
            return refuse("max_attempts", "must be at least 1");
        }
        if self.request_timeout.get().is_zero() || self.request_timeout.get() > LONGEST_TIMEOUT {
            return refuse("request_timeout", "must be longer than 0s and at most 1h");
        }
        match self.base_url.parse::<BaseUrl>() {
            Ok(url) if url.is_plain_http() && !url.is_loopback() && !self.allow_plain_http => refuse(
                "base_url",
                "plain http to another machine shows the token to everybody on the way; use https, or set \
                 allow_plain_http = true",
            ),
            Ok(_) => Ok(()),
            Err(losant::ConfigError::BaseUrl(problem)) => refuse("base_url", problem),
            Err(other) => refuse("base_url", &other.to_string()),
        }
    }
}
