//! What is exported, and how it is written.
//!
//! Owns: the catalogue of usage families, their collection from the store, both text formats, metrics of the process
//! and of this exporter that belong to no other part.
//! Must not: poll, wait, or know HTTP.

pub mod catalogue;
mod exposition;
pub mod negotiate;
mod process;
mod text;
mod usage_series;

pub use exposition::{Metrics, MetricsConfig};
