//! Prometheus remote write 1.0: handing samples to a server that takes them.
//!
//! Owns: the four messages, the way of one request, its retries, and how the server's no is told in words. Knows an HTTP client, as
//! `losant` does.
//! Must not: know what the samples mean, or put them in order: that is the caller's, series by series and by time.

mod credentials;
mod endpoint;
mod wire;

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use prost::Message as _;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::clock::Clock;
use crate::outbound;

pub use credentials::{Credentials, CredentialsError};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use wire::{Label, Sample, TimeSeries, WriteRequest};

/// Longest time for a whole request.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for connecting, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a request is made that is not taken and may be taken later: for about four minutes.
const ATTEMPTS: u32 = 12;
/// The wait before the second attempt; doubles for each one after.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// No wait of ours is longer. The server may ask for more.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How many characters of the server's words are repeated.
const LONGEST_QUOTE: usize = 200;
/// How much of an error body is read.
const ERROR_BODY: usize = 16 * 1024;

/// Why samples were not taken. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The server understood and refused: the same request would be refused again.
    #[error("{endpoint} refuses the samples with status {status}: {said}")]
    Refused {
        /// Where they went.
        endpoint: Endpoint,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        said: String,
    },
    /// It did not take them, and still so after all retries.
    #[error("{endpoint} does not take the samples, {attempts} times in a row: {problem}")]
    Unavailable {
        /// Where they went.
        endpoint: Endpoint,
        /// How often they were sent.
        attempts: u32,
        /// What was wrong the last time.
        problem: String,
    },
}

/// How one attempt failed.
enum Failure {
    ForGood(PushError),
    Passing { problem: String, pause: Option<Duration> },
}

/// A sender. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Pusher {
    http: reqwest::Client,
    endpoint: Endpoint,
    credentials: Credentials,
    clock: Clock,
}

impl Pusher {
    /// Sets up a sender, and sends nothing yet. The error says in words why the HTTP client cannot be set up.
    pub fn new(endpoint: Endpoint, credentials: Credentials, clock: Clock) -> Result<Self, String> {
        let headers = HeaderMap::from_iter([
            (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
            (HeaderName::from_static("x-prometheus-remote-write-version"), HeaderValue::from_static("0.1.0")),
        ]);
        let http = outbound::builder(&endpoint.url())?
            .user_agent(outbound::USER_AGENT)
            .default_headers(headers)
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| outbound::innermost(&error))?;
        Ok(Self { http, endpoint, credentials, clock })
    }

    /// Sends `request` until it is taken, refused, or all attempts are used up.
    pub async fn push(&self, request: &WriteRequest) -> Result<(), PushError> {
        let refuse =
            |status, said: String| PushError::Refused { endpoint: self.endpoint.clone(), status, said };
        let packed = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec());
        let body = Bytes::from(packed.map_err(|error| refuse(0, error.to_string()))?);
        let mut made = 0;
        loop {
            let (problem, pause) = match self.attempt(body.clone()).await {
                Ok(()) => return Ok(()),
                Err(Failure::ForGood(error)) => return Err(error),
                Err(Failure::Passing { problem, pause }) => (problem, pause),
            };
            made += 1;
            if made == ATTEMPTS {
                let endpoint = self.endpoint.clone();
                return Err(PushError::Unavailable { endpoint, attempts: made, problem });
            }
            if made == 1 {
                tracing::warn!(endpoint = %self.endpoint, error = problem, "the samples were not taken: trying again");
            }
            let doubled = FIRST_WAIT.saturating_mul(2u32.saturating_pow(made - 1)).min(LONGEST_WAIT);
            self.clock.sleep(pause.unwrap_or_default().max(doubled)).await;
        }
    }

    async fn attempt(&self, body: Bytes) -> Result<(), Failure> {
        let mut request = self.http.post(self.endpoint.url()).body(body);
        if let Some(header) = self.credentials.header() {
            request = request.header(AUTHORIZATION, header);
        }
        let mut response = request.send().await.map_err(|error| {
            let (failure, words) = outbound::failure(error);
            Failure::Passing { problem: format!("{failure}: {words}"), pause: None }
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let pause = outbound::retry_after(response.headers(), self.clock.now());
        let said = self.words(&mut response).await;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Passing { problem: format!("status {}: {said}", status.as_u16()), pause });
        }
        let endpoint = self.endpoint.clone();
        Err(Failure::ForGood(PushError::Refused { endpoint, status: status.as_u16(), said }))
    }

    /// What the server says of a failure: short, on one line, and without our own secrets.
    async fn words(&self, response: &mut reqwest::Response) -> String {
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = ERROR_BODY - body.len();
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if body.len() == ERROR_BODY {
                break;
            }
        }
        let text = self.endpoint.hide_in(&self.credentials.hide_in(String::from_utf8_lossy(&body).trim()));
        if text.is_empty() { "with no word why".to_owned() } else { outbound::quote(&text, LONGEST_QUOTE) }
    }
}

impl Sample {
    /// A sample at a moment.
    pub fn new(at: Timestamp, value: f64) -> Self {
        Self { value, timestamp: at.as_millisecond() }
    }
}

#[cfg(test)]
mod tests;
