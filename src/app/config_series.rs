//! Which configuration is in force: since when, and whether the last one that was read was taken over.

use jiff::Timestamp;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Registers the series of a configuration that was taken over at `loaded_at`, at the start of the process.
pub(super) fn register(registry: &mut Registry, loaded_at: Timestamp) {
    registry.register(
        "losant_exporter_config_last_reload_successful",
        "Whether the configuration that was read last is in force, the one of the start included",
        ConstGauge::new(1),
    );
    registry.register(
        "losant_exporter_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was taken over, as a Unix time",
        ConstGauge::new(loaded_at.as_duration().as_secs_f64()),
    );
}
