//! The Losant API, as far as a reader of usage needs it.
//!
//! Owns: the actions and their paths, the wire format, the token, the pace of requests (one [`Budget`] per account),
//! retries, paging, and what went wrong in words and as a decision ([`Error`]).
//! Must not: change anything on the other side, know how often something is polled, or know how usage is exported.
//! Nothing outside this module knows the HTTP client behind it.

mod action;
mod answer;
mod budget;
mod call;
mod client;
mod config;
mod error;
mod listing;
mod metrics;
mod reads;
mod retry;
mod token;
pub mod wire;

#[cfg(test)]
mod server;

pub use action::{Action, Count};
pub use budget::{Budget, Pace, Permit};
pub use call::Call;
pub use client::Client;
pub use config::{BaseUrl, ClientConfig, ConfigError};
pub use error::{Error, Said, Unavailable};
pub use listing::Listing;
pub use metrics::ClientMetrics;
pub use reads::{Billing, OrgsPage, Resolution, SandboxesPage, Unit};
pub use token::{Token, TokenError, TokenProblem, TokenSource};
