//! Making requests.
//!
//! Owns the connections, the token in use, the budget, and the way of one request: leave from the budget, answer, meaning,
//! metrics. What is asked and how lists are walked is in the sibling files.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use super::budget::{Budget, Pace, PaceChange, Urgency};
use super::config::LARGEST_PAGE;
use super::metrics::Code;
use super::request::{Prepared, WITHOUT_EXTRAS};
use super::retry::Retry;
use super::tokens::Tokens;
use super::wire::Unexpected;
use super::{Answer, Call, ClientConfig, ClientMetrics, ConfigError, Error, Method, Token, answer};
use crate::clock::Clock;
use crate::outbound;

/// A reader of one Losant account: it can ask, and change nothing. Clones share its connections, token and budget.
#[derive(Clone, Debug)]
pub struct Client(Arc<Account>);

#[derive(Debug)]
struct Account {
    http: reqwest::Client,
    base_url: super::BaseUrl,
    tokens: Tokens,
    pace: Pace,
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
        Self::with(config, clock, metrics, None)
    }

    /// A client with other settings to take the place of this one. Both pass one budget, whose pace stays as it is until
    /// [`Client::take_over`].
    pub fn successor(&self, config: ClientConfig) -> Result<Self, ConfigError> {
        Self::with(config, self.0.clock.clone(), self.0.metrics.clone(), Some(self))
    }

    /// Has the budget go on at this client's pace, where it succeeds another one.
    pub fn take_over(&self) {
        self.0.budget.set_pace(self.0.pace);
    }

    fn with(
        config: ClientConfig,
        clock: Clock,
        metrics: ClientMetrics,
        before: Option<&Self>,
    ) -> Result<Self, ConfigError> {
        let ClientConfig {
            base_url,
            token,
            request_timeout,
            connect_timeout,
            max_attempts,
            requests_per_second,
            min_requests_per_second,
            burst,
            max_in_flight,
            max_body_bytes,
            page_size,
            user_agent,
        } = config;
        let pace = Pace::new(requests_per_second, min_requests_per_second, burst, max_in_flight)?;
        if max_attempts == 0 {
            return Err(ConfigError::MaxAttempts);
        }
        if !(1..=LARGEST_PAGE).contains(&page_size) {
            return Err(ConfigError::PageSize);
        }
        if request_timeout.is_zero() || connect_timeout.is_zero() {
            return Err(ConfigError::Timeout);
        }
        let tokens = Tokens::read(token, clock.clone(), before.map(|before| &before.0.tokens))?;
        let budget =
            before.map_or_else(|| Budget::new(pace, clock.clone()), |before| before.0.budget.clone());
        let retry = Retry {
            max_attempts,
            clock: clock.clone(),
            metrics: metrics.clone(),
            random: Mutex::new(fastrand::Rng::new()),
        };
        Ok(Self(Arc::new(Account {
            http: http_client(&base_url, &user_agent, request_timeout, connect_timeout, max_in_flight)?,
            base_url,
            tokens,
            pace,
            budget,
            retry,
            clock,
            metrics,
            max_body_bytes,
            page_size,
        })))
    }

    /// When the token in use expires, if it says so.
    pub fn token_expires_at(&self) -> Option<Timestamp> {
        self.0.tokens.in_use().expires_at()
    }

    /// Whether Losant accepted the token when it last answered; `None` before the first answer. A refusal counts once the
    /// token file has been read again and did not help.
    pub fn token_accepted(&self) -> Option<bool> {
        self.0.tokens.is_accepted()
    }

    /// The pace at the moment, in requests per second: the configured one, or less after throttling.
    pub fn budget_rate(&self) -> f64 {
        self.0.budget.current_rate()
    }

    /// The clock that it goes by.
    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
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
        let outgoing = Outgoing { call, url, body: None };
        let understand = |_, body: &[u8]| {
            decode(&answer::json(call, body)?).map_err(|unexpected| Error::malformed(call, &unexpected))
        };
        self.0.retry.run(call, || self.0.attempt(&outgoing, &understand)).await
    }

    /// Makes a read as often as it takes, and gives back what came.
    pub(super) async fn send(&self, prepared: &Prepared) -> Result<Answer, Error> {
        let call = prepared.call;
        let outgoing = Outgoing::prepared(prepared, self);
        let understand = |status, body: &[u8]| Ok(Answer { status, body: answer::json(call, body)? });
        self.0.retry.run(call, || self.0.attempt(&outgoing, &understand)).await
    }

    /// Makes a write. Once: if it fails it may have been done all the same.
    pub(super) async fn send_once(&self, outgoing: &Outgoing<'_>) -> Result<Answer, Error> {
        let call = outgoing.call;
        let understand = |status, body: &[u8]| {
            let body = if body.is_empty() { Value::Null } else { answer::json(call, body)? };
            Ok(Answer { status, body })
        };
        let (_, result) = self.0.request(outgoing, &understand).await;
        self.0.tokens.note(&result);
        result
    }
}

/// A request as it is sent.
pub(super) struct Outgoing<'a> {
    call: Call,
    url: Url,
    body: Option<&'a Value>,
}

impl<'a> Outgoing<'a> {
    pub(super) fn prepared(prepared: &'a Prepared, client: &Client) -> Self {
        let url = prepared.url(&client.0.base_url);
        Self { call: prepared.call, url, body: prepared.body.as_ref() }
    }
}

impl Account {
    /// One attempt; two requests if the token turns out to have been replaced.
    async fn attempt<T>(
        &self,
        outgoing: &Outgoing<'_>,
        understand: &impl Fn(u16, &[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (token, mut result) = self.request(outgoing, understand).await;
        if let Err(Error::Unauthorized { .. }) = result
            && self.tokens.is_replaced(&token).await
        {
            (_, result) = self.request(outgoing, understand).await;
        }
        self.tokens.note(&result);
        result
    }

    /// Sends the request when the budget lets it, with the token of that moment. Also says which token that was.
    async fn request<T>(
        &self,
        outgoing: &Outgoing<'_>,
        understand: &impl Fn(u16, &[u8]) -> Result<T, Error>,
    ) -> (Token, Result<T, Error>) {
        let call = outgoing.call;
        let permit = self.budget.acquire(Urgency::of(call.action)).await;
        let token = self.tokens.current().await;
        let started = self.clock.uptime();
        let (status, result) = self.exchange(outgoing, &token, understand).await;
        let result = result.map_err(|error| error.without(&token));
        let elapsed = self.clock.uptime().saturating_sub(started);
        let change = match &result {
            Err(Error::Throttled { retry_after, .. }) => permit.throttled(*retry_after),
            // No answer, or trouble over there, is no sign that a faster pace would be welcome.
            Err(Error::Unavailable { .. }) => None,
            _ => permit.succeeded(),
        };
        // A write is made once: no other request follows it at another pace.
        if call.action.access() == super::Access::Read {
            tell(change);
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
        (token, result)
    }

    /// Sends the request and makes sense of the answer; also says the status of the answer, if there was one.
    async fn exchange<T>(
        &self,
        outgoing: &Outgoing<'_>,
        token: &Token,
        understand: &impl Fn(u16, &[u8]) -> Result<T, Error>,
    ) -> (Option<u16>, Result<T, Error>) {
        let call = outgoing.call;
        let mut request = self
            .http
            .request(method(call.action.method()), outgoing.url.clone())
            .header(AUTHORIZATION, token.header());
        if let Some(body) = outgoing.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (None, Err(answer::failure(call, error))),
        };
        let status = response.status();
        let result = if status.is_success() {
            answer::body(call, &mut response, self.max_body_bytes)
                .await
                .and_then(|body| understand(status.as_u16(), &body))
        } else {
            Err(answer::refusal(call, &mut response, self.clock.now()).await)
        };
        (Some(status.as_u16()), result)
    }
}

/// Logs the first slowdown and the end of the last one; between them it may go up and down for hours.
fn tell(change: Option<PaceChange>) {
    match change {
        Some(PaceChange::Slowed { now, configured }) => {
            tracing::warn!(requests_per_second = now, configured, "Losant throttles: slowing down");
        }
        Some(PaceChange::SlowedFurther { now }) => {
            tracing::debug!(requests_per_second = now, "Losant throttles: slowing down further");
        }
        Some(PaceChange::Restored { now }) => tracing::info!(requests_per_second = now, "the pace is back"),
        None => {}
    }
}

const fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

fn http_client(
    base_url: &super::BaseUrl,
    user_agent: &str,
    request_timeout: Duration,
    connect_timeout: Duration,
    max_in_flight: usize,
) -> Result<reqwest::Client, ConfigError> {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    outbound::builder(base_url.url())
        .map_err(ConfigError::Http)?
        .user_agent(user_agent)
        .default_headers(headers)
        .timeout(request_timeout)
        .connect_timeout(connect_timeout)
        // A connection for each request that can be under way: setting one up costs more than all else together.
        .pool_max_idle_per_host(max_in_flight)
        .gzip(true)
        .build()
        .map_err(|error| ConfigError::Http(outbound::innermost(&error)))
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
