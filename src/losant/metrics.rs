//! What the client tells about itself.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{Action, Error, Unavailable};

/// Upper bounds in seconds. Up to 0.25 s: a lookup. Up to 1 s: a count over a month. Up to 5 s: a list with summaries of many
/// owners. Up to 30 s, the default timeout: Losant in trouble, or a page size worth lowering.
const DURATION_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counters of all requests to Losant, whichever account makes them. Clones share them.
#[derive(Clone, Debug)]
pub struct ClientMetrics {
    requests: Family<RequestLabels, Counter>,
    retries: Family<RetryLabels, Counter>,
    throttled: Counter,
    duration: Family<ActionLabel, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    action: Action,
    code: Code,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RetryLabels {
    action: Action,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabel {
    action: Action,
}

/// How an attempt ended: an HTTP status, or a word when there was no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Code {
    Status(u16),
    Word(&'static str),
}

impl Code {
    /// The code of an attempt that failed with `error` after Losant answered with `status`, if it did.
    pub(super) fn of(error: &Error, status: Option<u16>) -> Self {
        match error {
            // There was a status, and it is not the point.
            Error::Malformed { .. } => Self::Word(error.label()),
            Error::Unavailable { reason: Unavailable::Status(status), .. } => Self::Status(*status),
            Error::Unavailable { reason, .. } => Self::Word(reason.label()),
            _ => status.map_or(Self::Word(error.label()), Self::Status),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        match self {
            Self::Status(status) => u64::from(*status).encode(encoder),
            Self::Word(word) => word.encode(encoder),
        }
    }
}

impl ClientMetrics {
    /// Adds the metrics of the client to `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            retries: Family::default(),
            throttled: Counter::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
        };
        registry.register(
            "losant_exporter_api_requests",
            "Requests to the Losant API, by action and by HTTP status or the way that no usable answer came",
            metrics.requests.clone(),
        );
        registry.register(
            "losant_exporter_api_retries",
            "Requests to the Losant API that were made again, by action and by what was wrong the time before",
            metrics.retries.clone(),
        );
        registry.register(
            "losant_exporter_api_throttled",
            "Answers of the Losant API that asked to slow down",
            metrics.throttled.clone(),
        );
        registry.register(
            "losant_exporter_api_request_duration_seconds",
            "Time from sending a request to the Losant API to the end of its answer",
            metrics.duration.clone(),
        );
        metrics
    }

    pub(super) fn attempted(&self, action: Action, code: Code, elapsed: Duration) {
        self.requests.get_or_create(&RequestLabels { action, code }).inc();
        self.duration.get_or_create(&ActionLabel { action }).observe(elapsed.as_secs_f64());
        if code == Code::Status(429) {
            self.throttled.inc();
        }
    }

    pub(super) fn retried(&self, action: Action, reason: &'static str) {
        self.retries.get_or_create(&RetryLabels { action, reason }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_show_up_by_action_and_code() {
        let mut registry = Registry::default();
        let metrics = ClientMetrics::register(&mut registry);
        metrics.attempted(Action::InstanceGet, Code::Status(429), Duration::from_millis(80));
        metrics.retried(Action::InstanceGet, "throttled");
        metrics.attempted(Action::InstanceGet, Code::Word("timeout"), Duration::from_secs(30));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let samples: Vec<_> = text.lines().filter(|line| !line.contains("_bucket")).collect();
        for line in [
            r#"losant_exporter_api_requests_total{action="instance.get",code="429"} 1"#,
            r#"losant_exporter_api_requests_total{action="instance.get",code="timeout"} 1"#,
            r#"losant_exporter_api_retries_total{action="instance.get",reason="throttled"} 1"#,
            "losant_exporter_api_throttled_total 1",
            r#"losant_exporter_api_request_duration_seconds_count{action="instance.get"} 2"#,
        ] {
            assert!(samples.contains(&line), "{line} is not in\n{text}");
        }
    }
}
