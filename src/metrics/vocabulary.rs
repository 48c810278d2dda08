//! The vocabulary of the page: every name that a series can have, with the labels it carries.
//!
//! Owns: the list of what the exporter says of itself, which a test compares with a running exporter, and where labels come from.
//! Must not: say what a family means; see [`catalogue`] and HELP.

use std::collections::BTreeMap;

use super::catalogue;
use super::family::Families;
use crate::usage::{Collector, Level};

/// Labels that come from the target, or from wherever Prometheus found it: no series of the exporter has one of these.
pub const TARGET_LABELS: [&str; 12] = [
    "instance",
    "type",
    "job",
    "service",
    "endpoint",
    "namespace",
    "pod",
    "container",
    "node",
    "owner",
    "environment",
    "cluster",
];

/// Labels that are there on request only, and the setting that it takes.
pub const SWITCHED_LABELS: [(&str, &str); 2] =
    [("source", "exposition.source_label = true"), ("email", "exposition.sandbox_email = true")];

/// The family that every page has, and tells it from pages of others.
pub const BUILD_INFO: &str = "losant_exporter_build_info";

/// A family that the exporter says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnFamily {
    /// Its name, without the suffixes of counters and histograms.
    pub name: &'static str,
    /// What kind of series it has.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
}

/// The kinds of families there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that goes up and down.
    Gauge,
    /// A number of events; the series ends in `_total`.
    Counter,
    /// Durations by size; the series end in `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl Kind {
    /// The word of both formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

const fn gauge(name: &'static str, labels: &'static [&'static str]) -> OwnFamily {
    OwnFamily { name, kind: Kind::Gauge, labels }
}

const fn counter(name: &'static str, labels: &'static [&'static str]) -> OwnFamily {
    OwnFamily { name, kind: Kind::Counter, labels }
}

const fn histogram(name: &'static str, labels: &'static [&'static str]) -> OwnFamily {
    OwnFamily { name, kind: Kind::Histogram, labels }
}

/// What the exporter says of itself, by name.
pub static OWN_FAMILIES: &[OwnFamily] = &[
    gauge("losant_exporter_account_up", &["account"]),
    gauge("losant_exporter_api_budget_requests_per_second", &["account"]),
    histogram("losant_exporter_api_request_duration_seconds", &["action"]),
    counter("losant_exporter_api_requests", &["action", "code"]),
    counter("losant_exporter_api_retries", &["action", "reason"]),
    counter("losant_exporter_api_throttled", &[]),
    gauge(BUILD_INFO, &["version"]),
    gauge("losant_exporter_config_last_reload_success_timestamp_seconds", &[]),
    gauge("losant_exporter_config_last_reload_successful", &[]),
    counter("losant_exporter_http_requests", &["handler", "code"]),
    gauge("losant_exporter_last_render_timestamp_seconds", &[]),
    gauge("losant_exporter_page_bytes", &[]),
    gauge("losant_exporter_poll_lag_seconds", &["collector"]),
    counter("losant_exporter_polls", &["collector", "result"]),
    gauge("losant_exporter_ready", &[]),
    gauge("losant_exporter_render_duration_seconds", &[]),
    counter("losant_exporter_renders", &[]),
    gauge("losant_exporter_scopes", &["level", "state"]),
    counter("losant_exporter_scrapes", &["format"]),
    gauge("losant_exporter_series", &["family"]),
    gauge(catalogue::SERIES_DROPPED, &["family"]),
    gauge("losant_exporter_shard", &[]),
    gauge("losant_exporter_shards", &[]),
    gauge("losant_exporter_sweep_duration_seconds", &[]),
    gauge("losant_exporter_sweep_mode", &["account", "mode"]),
    gauge("losant_exporter_tasks", &[]),
    gauge("losant_exporter_token_accepted", &["account"]),
    gauge("losant_exporter_token_expiry_timestamp_seconds", &["account"]),
    gauge("losant_exporter_web_config_last_reload_success_timestamp_seconds", &[]),
    gauge("losant_exporter_web_config_last_reload_successful", &[]),
    gauge("losant_up", &["instance_id"]),
    counter("process_cpu_seconds", &[]),
    gauge("process_max_fds", &[]),
    gauge("process_open_fds", &[]),
    gauge("process_resident_memory_bytes", &[]),
    gauge("process_start_time_seconds", &[]),
    gauge("process_threads", &[]),
    gauge("process_virtual_memory_bytes", &[]),
];

/// Every name that a series can have, and the labels that it may carry.
pub fn series_names() -> BTreeMap<String, Vec<&'static str>> {
    let mut names = BTreeMap::new();
    for family in Families::new().all() {
        let mut labels: Vec<_> =
            family.levels.iter().flat_map(|level| catalogue::id_labels(*level)).copied().collect();
        labels.extend(family.labels());
        labels.sort_unstable();
        labels.dedup();
        names.insert(family.name.clone(), labels);
    }
    for OwnFamily { name, kind, labels } in OWN_FAMILIES {
        let labels = labels.to_vec();
        match kind {
            Kind::Gauge => {
                names.insert((*name).to_owned(), labels);
            }
            Kind::Counter => {
                names.insert(format!("{name}_total"), labels);
            }
            Kind::Histogram => {
                names.insert(format!("{name}_bucket"), [labels.clone(), vec!["le"]].concat());
                names.insert(format!("{name}_count"), labels.clone());
                names.insert(format!("{name}_sum"), labels);
            }
        }
    }
    names
}

/// The values of a label that never has others.
pub fn values_of(label: &str) -> Option<Vec<&'static str>> {
    match label {
        "billable" => Some(vec!["true", "false"]),
        "outcome" => Some(vec!["completed", "canceled", "errored", "timeout"]),
        "collector" => Some(Collector::ALL.map(Collector::as_str).to_vec()),
        "level" => Some(Level::ALL.map(Level::as_str).to_vec()),
        _ => None,
    }
}
