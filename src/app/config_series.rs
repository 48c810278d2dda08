//! Which configuration is in force: since when, and whether the last one that was read was taken over.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is said of the configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigSeries {
    successful: Gauge,
    taken_over_at: Gauge<f64, AtomicU64>,
}

impl ConfigSeries {
    /// Registers the series of a configuration that was taken over at `loaded_at`, at the start of the process.
    pub(super) fn register(registry: &mut Registry, loaded_at: Timestamp) -> Self {
        let series = Self::default();
        series.taken_over(loaded_at);
        registry.register(
            "losant_exporter_config_last_reload_successful",
            "Whether the configuration that was read last is in force, the one of the start included",
            series.successful.clone(),
        );
        registry.register(
            "losant_exporter_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was taken over, as a Unix time",
            series.taken_over_at.clone(),
        );
        series
    }

    /// Says that a configuration was taken over.
    pub(super) fn taken_over(&self, at: Timestamp) {
        self.successful.set(1);
        self.taken_over_at.set(at.as_duration().as_secs_f64());
    }

    /// Says that one was refused.
    pub(super) fn refused(&self) {
        self.successful.set(0);
    }
}
