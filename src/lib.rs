//! Prometheus exporter for the usage of a Losant instance.
//!
//! Start reading at [`app`], the one place that knows all parts; `docs/architecture.md` draws the picture.

pub mod app;
pub mod backfill;
pub mod cli;
pub mod clock;
pub mod config;
pub mod lifecycle;
pub mod logging;
pub mod losant;
pub mod metrics;
pub mod outbound;
pub mod poll;
pub mod remote_write;
pub mod rules;
pub mod selection;
pub mod simulator;
pub mod status;
pub mod store;
pub mod usage;
pub mod web;
