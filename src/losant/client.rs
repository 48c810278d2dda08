//! Making requests.
//!
//! Owns the connections, the token in use, the budget, and the way of one request: leave from the budget, answer, meaning,
//! metrics. What is asked and how lists are walked is in the sibling files.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::Value;

use super::budget::{Budget, Pace};
use super::metrics::Code;
use super::retry::Retry;
use super::wire::Unexpected;
use super::{Call, ClientConfig, ClientMetrics, ConfigError, Error, Token, TokenSource, answer};
use crate::clock::Clock;

/// Sent with each request: none of these extras is read, and Losant includes some unless told otherwise.
const WITHOUT_EXTRAS: [(&str, &str); 3] =
    [("_links", "false"), ("_embedded", "false"), ("_actions", "false")];

/// A reader of one Losant account. Clones share its connections, token and budget.
#[derive(Clone, Debug)]
pub struct Client(Arc<Account>);

#[derive(Debug)]
struct Account {
    http: reqwest::Client,
    base_url: super::BaseUrl,
    tokens: Tokens,
    budget: Budget,
    retry: Retry,
    clock: Clock,
    metrics: ClientMetrics,
    max_body_bytes: usize,
    page_size: u32,
}

impl Client {
    /// Sets up a client. Reads the token and the machine's certificates, and asks Losant nothing yet.
    pub fn new(config: ClientConfig, clock: Clock, metrics: ClientMetrics) -> Result<Self, ConfigError> {
        let ClientConfig {
            base_url,
            token,
            request_timeout,
            connect_timeout,
            max_attempts,
            requests_per_second,
            burst,
            max_in_flight,
            max_body_bytes,
            page_size,
            user_agent,
        } = config;
        let pace = Pace::new(requests_per_second, burst, max_in_flight)?;
        if max_attempts == 0 {
            return Err(ConfigError::MaxAttempts);
        }
        if page_size == 0 {
            return Err(ConfigError::PageSize);
        }
        if request_timeout.is_zero() || connect_timeout.is_zero() {
            return Err(ConfigError::Timeout);
        }
        let tokens = Tokens::read(token)?;
        let retry = Retry {
            max_attempts,
            clock: clock.clone(),
            metrics: metrics.clone(),
            random: Mutex::new(fastrand::Rng::new()),
        };
        Ok(Self(Arc::new(Account {
            http: http_client(&base_url, &user_agent, request_timeout, connect_timeout)?,
            base_url,
            tokens,
            budget: Budget::new(pace, clock.clone()),
            retry,
            clock,
            metrics,
            max_body_bytes,
            page_size,
        })))
    }

    /// When the token in use expires, if it says so.
    pub fn token_expires_at(&self) -> Option<Timestamp> {
        self.0.tokens.current().expires_at()
    }

    /// The pace at the moment, in requests per second: the configured one, or less after throttling.
    pub fn budget_rate(&self) -> f64 {
        self.0.budget.current_rate()
    }

    /// How many items lists are asked for at a time.
    pub(super) fn page_size(&self) -> u32 {
        self.0.page_size
    }

    /// Reads what `call` names, as often as it takes, and makes sense of it with `decode`.
    pub(super) async fn read<T>(
        &self,
        call: Call,
        query: &[(&str, String)],
        decode: impl Fn(&Value) -> Result<T, Unexpected>,
    ) -> Result<T, Error> {
        let mut url = self.0.base_url.join(&call.path(), query);
        url.query_pairs_mut().extend_pairs(WITHOUT_EXTRAS);
        self.0.retry.run(call, || self.0.attempt(call, &url, &decode)).await
    }
}

impl Account {
    /// One attempt; two requests if the token turns out to have been replaced.
    async fn attempt<T>(
        &self,
        call: Call,
        url: &Url,
        decode: &impl Fn(&Value) -> Result<T, Unexpected>,
    ) -> Result<T, Error> {
        let token = self.tokens.current();
        let result = self.request(call, url, &token, decode).await;
        if let Err(Error::Unauthorized { .. }) = result
            && let Some(newer) = self.tokens.replacement_for(&token)
        {
            return self.request(call, url, &newer, decode).await;
        }
        result
    }

    async fn request<T>(
        &self,
        call: Call,
        url: &Url,
        token: &Token,
        decode: &impl Fn(&Value) -> Result<T, Unexpected>,
    ) -> Result<T, Error> {
        let permit = self.budget.acquire().await;
        let started = self.clock.uptime();
        let (status, result) = self.exchange(call, url, token, decode).await;
        let elapsed = self.clock.uptime().saturating_sub(started);
        match &result {
            Err(Error::Throttled { retry_after, .. }) => permit.throttled(*retry_after),
            // No answer, or trouble over there, is no sign that a faster pace would be welcome.
            Err(Error::Unavailable { .. }) => {}
            _ => permit.succeeded(),
        }
        let code = match &result {
            Ok(_) => status.map_or(Code::Word("io"), Code::Status),
            Err(error) => Code::of(error, status),
        };
        self.metrics.attempted(call.action, code, elapsed);
        tracing::debug!(
            action = call.action.label(),
            instance = call.scope.map(|scope| tracing::field::display(scope.instance())),
            owner = call.scope.map(|scope| tracing::field::display(scope.id())),
            %code,
            elapsed_ms = elapsed.as_millis(),
            "asked Losant"
        );
        result
    }

    /// Sends the request and makes sense of the answer; also says the status of the answer, if there was one.
    async fn exchange<T>(
        &self,
        call: Call,
        url: &Url,
        token: &Token,
        decode: &impl Fn(&Value) -> Result<T, Unexpected>,
    ) -> (Option<u16>, Result<T, Error>) {
        let request = self.http.get(url.clone()).header(AUTHORIZATION, token.header());
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (None, Err(answer::failure(call, error))),
        };
        let status = response.status();
        let result = if status.is_success() {
            answer::body(call, &mut response, self.max_body_bytes).await.and_then(|body| {
                let value = answer::json(call, &body)?;
                drop(body);
                decode(&value).map_err(|unexpected| Error::malformed(call, &unexpected))
            })
        } else {
            Err(answer::refusal(call, &mut response, self.clock.now()).await)
        };
        (Some(status.as_u16()), result)
    }
}

fn http_client(
    base_url: &super::BaseUrl,
    user_agent: &str,
    request_timeout: Duration,
    connect_timeout: Duration,
) -> Result<reqwest::Client, ConfigError> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = if base_url.is_encrypted() {
        // Fails when another part of the process has chosen a provider already, which is as good.
        let _ = provider.install_default();
        reqwest::Client::builder()
    } else {
        // By default the machine's certificates are loaded even if none is ever needed, and a bare container has none.
        let trusting_nobody = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::Http(error.to_string()))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        reqwest::Client::builder().tls_backend_preconfigured(trusting_nobody)
    };
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    builder
        .user_agent(user_agent)
        .default_headers(headers)
        .timeout(request_timeout)
        .connect_timeout(connect_timeout)
        // A redirect could carry the token to another host.
        .redirect(reqwest::redirect::Policy::none())
        // Every request has to pass the budget, so none may be repeated behind its back.
        .retry(reqwest::retry::never())
        .http1_only()
        .gzip(true)
        .build()
        .map_err(|error| {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            ConfigError::Http(cause.to_string())
        })
}

/// The token in use, and where a newer one would be found.
#[derive(Debug)]
struct Tokens {
    source: TokenSource,
    current: RwLock<Token>,
}

impl Tokens {
    fn read(source: TokenSource) -> Result<Self, ConfigError> {
        let current = RwLock::new(source.read()?);
        Ok(Self { source, current })
    }

    fn current(&self) -> Token {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token other than the refused one, if there is one by now. Reads a file of a few hundred bytes, so it is
    /// not worth another thread.
    fn replacement_for(&self, refused: &Token) -> Option<Token> {
        let current = self.current();
        if current != *refused {
            // Another request has been here first.
            return Some(current);
        }
        match self.source.read() {
            Ok(token) if token == *refused => None,
            Ok(token) => {
                tracing::info!("the token was replaced, going on with the new one");
                self.current.write().unwrap_or_else(PoisonError::into_inner).clone_from(&token);
                Some(token)
            }
            Err(error) => {
                tracing::warn!(%error, "the token is not accepted, and it cannot be read again");
                None
            }
        }
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
