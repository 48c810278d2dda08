//! Which of several exporters this process is.

use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::usage::Shard;

/// Registers the series of `shard`.
pub(super) fn register(registry: &mut Registry, shard: Shard) {
    registry.register(
        "losant_exporter_shard",
        "Number of this process among those that share the work, from 0",
        ConstGauge::new(shard.number()),
    );
    registry.register(
        "losant_exporter_shards",
        "How many processes share the work: all of them need the same number",
        ConstGauge::new(shard.of()),
    );
}
