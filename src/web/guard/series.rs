//! What is said of the web configuration: whether the file that was read last is in force, and since when.
//!
//! Owns: the series, which are there only while a file is in use.
//! Must not: decide what comes into force.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Verdict;

/// What became of a web configuration file. Cheap to clone; all clones speak of the same file.
#[derive(Clone, Debug, Default)]
pub(in crate::web) struct GuardSeries(Arc<Mutex<Option<State>>>);

#[derive(Clone, Copy, Debug)]
struct State {
    successful: bool,
    taken_over_at: Timestamp,
}

impl GuardSeries {
    /// Registers series that are absent until a file is taken over.
    pub(in crate::web) fn register(registry: &mut Registry) -> Self {
        let series = Self::default();
        registry.register_collector(Box::new(series.clone()));
        series
    }

    /// Says what became of the file that was read at `at`. The first one, of the start, is always in force.
    pub(super) fn set(&self, verdict: Verdict, at: Timestamp) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken_over_at = match (verdict, *state) {
            (Verdict::Refused, Some(state)) => state.taken_over_at,
            _ => at,
        };
        *state = Some(State { successful: verdict == Verdict::TakenOver, taken_over_at });
    }
}

impl Collector for GuardSeries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let state = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(State { successful, taken_over_at }) = state else { return Ok(()) };
        let successful = ConstGauge::new(i64::from(successful));
        let family = encoder.encode_descriptor(
            "losant_exporter_web_config_last_reload_successful",
            "Whether the web configuration file that was read last is in force, with the certificates that it names.",
            None,
            successful.metric_type(),
        )?;
        successful.encode(family)?;
        let taken_over_at = ConstGauge::new(taken_over_at.as_duration().as_secs_f64());
        let family = encoder.encode_descriptor(
            "losant_exporter_web_config_last_reload_success_timestamp_seconds",
            "When the web configuration in force was taken over, as a Unix time.",
            None,
            taken_over_at.metric_type(),
        )?;
        taken_over_at.encode(family)
    }
}
