//! The metrics page as a whole.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::negotiate::Format;
use super::process;
use super::text::text_from_openmetrics;
use super::usage_series::UsageSeries;
use crate::clock::Clock;
use crate::store::{Freshness, Store};

/// What the page is told.
#[derive(Clone, Copy, Debug)]
pub struct MetricsConfig {
    /// How long a number is shown when it cannot be read again.
    pub expire_after: Duration,
    /// When a scope counts as stale.
    pub freshness: Freshness,
}

/// Everything that is exported.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    clock: Clock,
    render_duration: Family<[(&'static str, &'static str); 1], Gauge<f64, AtomicU64>>,
}

impl Metrics {
    /// Adds the usage of `store` and what the process says of itself to what `registry` holds already.
    pub fn new(config: MetricsConfig, mut registry: Registry, store: Store, clock: Clock) -> Self {
        let MetricsConfig { expire_after, freshness } = config;
        let render_duration = Family::default();
        registry.register(
            "losant_exporter_render_duration_seconds",
            "How long it took to write the last exposition of the format",
            render_duration.clone(),
        );
        let version = ("version".into(), env!("CARGO_PKG_VERSION").into());
        registry.sub_registry_with_label(version).register(
            "losant_exporter_build_info",
            "Version of the exporter, always 1",
            ConstGauge::new(1),
        );
        process::register(&mut registry);
        registry.register_collector(Box::new(UsageSeries {
            store,
            clock: clock.clone(),
            expire_after,
            freshness,
        }));
        Self { registry, clock, render_duration }
    }

    /// The whole page.
    pub fn render(&self, format: Format) -> Result<String, fmt::Error> {
        let started = self.clock.uptime();
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &self.registry)?;
        if format == Format::Text {
            page = text_from_openmetrics(&page);
        }
        let took = self.clock.uptime().saturating_sub(started);
        self.render_duration.get_or_create(&[("format", format.label())]).set(took.as_secs_f64());
        Ok(page)
    }
}
