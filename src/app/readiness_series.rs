//! Whether the process is of use yet, as `/-/ready` says it.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::web::Readiness;

#[derive(Debug)]
struct ReadinessSeries(Readiness);

/// Registers the series of `readiness`.
pub(super) fn register(registry: &mut Registry, readiness: Readiness) {
    registry.register_collector(Box::new(ReadinessSeries(readiness)));
}

impl Collector for ReadinessSeries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let ready = ConstGauge::new(i64::from(self.0.waits().is_empty()));
        let family = encoder.encode_descriptor(
            "losant_exporter_ready",
            "Whether /-/ready answers 200: everything has been polled once, and the process is not ending.",
            None,
            ready.metric_type(),
        )?;
        ready.encode(family)
    }
}
