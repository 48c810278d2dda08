//! Prometheus exporter for the usage of a Losant instance.
//!
//! Start reading at `app`, the one place that knows all parts; `docs/architecture.md` draws the picture.

pub mod clock;
pub mod losant;
pub mod simulator;
pub mod usage;
