//! Section `[accounts.NAME]`: where to ask, with which token, and how gently.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Interval};
use crate::losant::{self, BaseUrl, LARGEST_PAGE, SLOWEST_OF_ALL};
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
    /// Requests a second that throttling never goes below. Not set: a sixteenth of `requests_per_second`.
    pub min_requests_per_second: Option<f64>,
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
    /// Items of a list that are asked for in one request.
    pub page_size: u32,
}

impl Default for AccountConfig {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::LOSANT.to_owned(),
            token_file: None,
            token_env: None,
            instances: Vec::new(),
            requests_per_second: 5.0,
            min_requests_per_second: None,
            burst: 10,
            max_in_flight: 4,
            request_timeout: Interval::seconds(30),
            allow_plain_http: false,
            max_attempts: 4,
            page_size: 100,
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
        let floor = SLOWEST_OF_ALL..=self.requests_per_second;
        if self.min_requests_per_second.is_some_and(|least| !floor.contains(&least)) {
            return refuse("min_requests_per_second", "must be between 0.000001 and requests_per_second");
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
        if !(1..=LARGEST_PAGE).contains(&self.page_size) {
            return refuse("page_size", &format!("must be between 1 and {LARGEST_PAGE}"));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut AccountConfig)) -> String {
        let mut account = AccountConfig::default();
        change(&mut account);
        account.validate("acme").map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn the_floor_of_the_pace_lies_between_next_to_nothing_and_the_pace() {
        for good in [None, Some(1e-6), Some(5.0)] {
            assert_eq!(refused(|account| account.min_requests_per_second = good), "accepted", "{good:?}");
        }
        for bad in [0.0, -1.0, 9e-7, 5.1, f64::NAN, f64::INFINITY] {
            let problem = refused(|account| account.min_requests_per_second = Some(bad));
            assert!(problem.contains("accounts.acme.min_requests_per_second"), "{bad}: {problem}");
        }
    }

    #[test]
    fn a_page_holds_at_least_one_item_and_at_most_a_thousand() {
        for good in [1, 1_000] {
            assert_eq!(refused(|account| account.page_size = good), "accepted", "{good}");
        }
        for bad in [0, 1_001] {
            let problem = refused(|account| account.page_size = bad);
            assert!(problem.contains("accounts.acme.page_size"), "{bad}: {problem}");
        }
    }
}
