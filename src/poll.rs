//! Polling: what is asked, when, and what its answers mean.
//!
//! Owns: discovery, the schedule, one collector a file that turns answers into readings, and what happens on failure.
//! The poller of an account is one task that owns its state; polls run beside it and report back.
//! Must not: know HTTP, decide how fast requests may go out (the client's budget does), or know how metrics are
//! written.

mod adopt;
mod again;
mod apply;
mod cycle;
mod device_counts;
mod discovery;
mod errand;
mod failures;
mod figures;
mod fleet;
mod handle;
mod historical_summaries;
mod job;
#[cfg(test)]
mod logged;
mod metrics;
mod notebook_minute_counts;
mod payload_counts;
mod payload_counts_breakdown;
mod plan;
mod poller;
mod poller_config;
mod reconfigure;
mod report;
mod resources;
mod review;
mod schedule;
#[cfg(test)]
mod stand;
mod survey;
mod sweep_end;
mod sweep_mode;
mod trail;
mod trust;
mod undealt;
mod verdict;

pub use cycle::CycleReport;
pub use handle::PollerHandle;
pub use metrics::PollMetrics;
pub use plan::CallPlan;
pub use poller::{Poller, Progress};
pub use poller_config::PollerConfig;
pub use reconfigure::Reconfiguration;
pub use report::{Inquiry, PollFailure, PollerReport, ScopeReport};
pub use trail::{HOURS, Hourly};
