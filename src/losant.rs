//! The Losant API, as far as it is about instances, their orgs and their sandboxes.
//!
//! Owns: the actions and all that is known of them, the wire format, the token, the pace of requests (one [`Budget`] per account),
//! retries, paging, and what went wrong in words and as a decision ([`Error`]).
//! Must not: change anything on the other side unless a [`Writer`] is told to, know how often something is polled, or know how usage is exported.
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
mod pages;
mod reads;
mod request;
mod retry;
mod token;
mod tokens;
mod walk;
pub mod wire;
mod writer;

#[cfg(test)]
mod server;

pub use action::{
    Access, Action, Body, Count, GLOBAL_PARAMETERS, Kind, Method, Paging, Parameter, UnknownAction, read_time,
};
pub use budget::{Budget, Pace, PaceChange, Permit, SLOWEST_OF_ALL, Urgency};
pub use call::Call;
pub use client::Client;
pub use config::{BaseUrl, ClientConfig, ConfigError, LARGEST_PAGE};
pub use error::{Error, Said, Unavailable};
pub use listing::{ListWalk, ListedPage, Listing, OrgWalk, Pages, SandboxWalk, SummaryWalk};
pub use metrics::ClientMetrics;
pub use reads::{Billing, OrgsPage, Resolution, SandboxesPage, SummaryFilter, Unit};
pub use request::{Answer, Ids, Problem, Read, Request, RequestError, Write};
pub use token::{Token, TokenError, TokenProblem, TokenSource};
pub use writer::Writer;
