//! Accounts with their tokens, ready to make clients of.

use std::ffi::OsString;
use std::path::Path;

use crate::clock::Clock;
use crate::config::{AccountConfig, Config, DEFAULT_TOKEN_VARIABLE};
use crate::losant::{BaseUrl, Client, ClientConfig, ClientMetrics, ConfigError, Token, TokenSource};

/// A configured account and where its token comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// Its settings.
    pub config: AccountConfig,
    /// Its token.
    pub token: TokenSource,
}

/// An account that cannot be used. Names the configuration key, never a token.
#[derive(Debug, thiserror::Error)]
#[error("key accounts.{account}.{key}: {problem}")]
pub struct AccountError {
    account: String,
    key: &'static str,
    problem: String,
}

impl AccountError {
    /// The configuration key that is at fault.
    pub fn key(&self) -> String {
        format!("accounts.{}.{}", self.account, self.key)
    }
}

/// The accounts of a configuration. `variable` reads an environment variable: by hand, so that nothing tries to parse a
/// token that happens to be a number, and prints it when that fails.
pub fn accounts(
    config: &Config,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<Account>, AccountError> {
    let resolve = |(name, config): (&String, &AccountConfig)| {
        let token = token_source(name, config, &variable)?;
        Ok(Account { name: name.clone(), config: config.clone(), token })
    };
    config.accounts.iter().map(resolve).collect()
}

fn token_source(
    account: &str,
    config: &AccountConfig,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<TokenSource, AccountError> {
    let refuse = |key, problem| AccountError { account: account.to_owned(), key, problem };
    if let Some(file) = &config.token_file {
        return Ok(TokenSource::File(file.clone()));
    }
    let name = config.token_env.as_deref().unwrap_or(DEFAULT_TOKEN_VARIABLE);
    if !is_variable_name(name) {
        let problem =
            "not the name of an environment variable; it is not repeated here, in case it is the token";
        return Err(refuse("token_env", problem.to_owned()));
    }
    let key = if config.token_env.is_some() { "token_env" } else { "token_file" };
    let Some(value) = variable(name) else {
        let problem = if config.token_env.is_some() {
            format!("environment variable {name} is not set")
        } else {
            format!("not set, and environment variable {name} is not set either: one must hold the API token")
        };
        return Err(refuse(key, problem));
    };
    let token = value.to_str().map_or(Err("it is not text".to_owned()), |value| {
        Token::new(value).map_err(|problem| problem.to_string())
    });
    token
        .map(TokenSource::Fixed)
        .map_err(|problem| refuse(key, format!("environment variable {name} holds no token: {problem}")))
}

/// Whether `text` is what a variable is called. Tokens hold dots and are longer.
fn is_variable_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=100).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// A path for a message, unless somebody has put the token itself where its file should be named.
fn shown(path: &Path) -> String {
    // The folder may be that of the configuration file.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let looks_like_token = name.starts_with("eyJ") || name.len() > 60 && !name.contains(' ');
    if looks_like_token {
        "(a name that looks like a token and is not repeated)".to_owned()
    } else {
        path.display().to_string()
    }
}

impl Account {
    /// Whether both ask the same Losant with the same token.
    pub(super) fn asks_as(&self, other: &Self) -> bool {
        (&self.token, &self.config.base_url) == (&other.token, &other.config.base_url)
    }

    /// Makes the client. Reads the token file.
    pub(super) fn client(self, clock: Clock, metrics: ClientMetrics) -> Result<Client, AccountError> {
        let name = self.name.clone();
        Client::new(self.client_config()?, clock, metrics).map_err(|error| refusal(name, &error))
    }

    /// Makes a client that takes the place of `before`, within the same budget. Reads the token file.
    pub(super) fn successor(self, before: &Client) -> Result<Client, AccountError> {
        let name = self.name.clone();
        before.successor(self.client_config()?).map_err(|error| refusal(name, &error))
    }

    /// The settings of a client. Reads the token file, to see whether it holds a token.
    pub fn client_config(self) -> Result<ClientConfig, AccountError> {
        let Self { name, config, token } = self;
        let refuse = |key, problem| AccountError { account: name.clone(), key, problem };
        // Destructured without `..`, so that a setting cannot be forgotten. The poller takes the instances.
        let AccountConfig {
            base_url,
            token_file: _,
            token_env: _,
            instances: _,
            requests_per_second,
            min_requests_per_second,
            burst,
            max_in_flight,
            request_timeout,
            max_attempts,
            page_size,
            allow_plain_http: _,
        } = config;
        let base_url: BaseUrl =
            base_url.parse().map_err(|error: ConfigError| refuse("base_url", error.to_string()))?;
        token
            .read()
            .map_err(|error| refuse("token_file", format!("{}: {}", shown(&error.path), error.problem)))?;
        Ok(ClientConfig {
            requests_per_second,
            min_requests_per_second,
            burst,
            max_in_flight,
            request_timeout: request_timeout.get(),
            max_attempts,
            page_size,
            ..ClientConfig::new(base_url, token)
        })
    }
}

fn refusal(account: String, error: &ConfigError) -> AccountError {
    let key = match error {
        ConfigError::RequestsPerSecond(_) => "requests_per_second",
        ConfigError::MinRequestsPerSecond(_) => "min_requests_per_second",
        ConfigError::Burst => "burst",
        ConfigError::MaxInFlight => "max_in_flight",
        ConfigError::MaxAttempts => "max_attempts",
        ConfigError::PageSize => "page_size",
        ConfigError::Timeout => "request_timeout",
        ConfigError::Token(_) => "token_file",
        ConfigError::BaseUrl(_) | ConfigError::Http(_) => "base_url",
    };
    AccountError { account, key, problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(account: AccountConfig, variables: &[(&str, &str)]) -> Result<Vec<Account>, String> {
        let config = Config { accounts: [("acme".to_owned(), account)].into(), ..Config::default() };
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        accounts(&config, variable).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_file_the_token_comes_from_the_environment() {
        let accounts = resolve(AccountConfig::default(), &[("LOSANT_API_TOKEN", " 123456 \n")]).unwrap();
        assert!(matches!(accounts[0].token, TokenSource::Fixed(_)));
        let named = AccountConfig { token_env: Some("ACME".to_owned()), ..AccountConfig::default() };
        assert!(resolve(named.clone(), &[("ACME", "secret")]).is_ok());
        insta::assert_snapshot!(
            resolve(named, &[("LOSANT_API_TOKEN", "secret")]).unwrap_err(),
            @"key accounts.acme.token_env: environment variable ACME is not set"
        );
    }

    #[test]
    fn a_missing_or_unusable_token_is_refused_by_key_without_repeating_it() {
        insta::assert_snapshot!(
            resolve(AccountConfig::default(), &[]).unwrap_err(),
            @"key accounts.acme.token_file: not set, and environment variable LOSANT_API_TOKEN is not set either: one must hold the API token"
        );
        insta::assert_snapshot!(
            resolve(AccountConfig::default(), &[("LOSANT_API_TOKEN", "sec ret")]).unwrap_err(),
            @"key accounts.acme.token_file: environment variable LOSANT_API_TOKEN holds no token: it holds characters other than visible ASCII"
        );
    }
}
