//! What an owner has, and what it may have.

use std::collections::BTreeMap;

use serde_json::Value;

use super::counts::{PayloadStats, payload_stats};
use super::fields::{Fields, Unexpected, count};

/// Limits by Losant's names for them (`device`, `payload`, `dataTTL`). One that is absent is not reported.
pub type Limits = BTreeMap<String, f64>;

/// The `summary` of an org or sandbox. Holds what was asked for, at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Resources in existence, by Losant's names for the counters (`deviceCount`, `dashCount`).
    pub counts: BTreeMap<String, f64>,
    /// Payloads of the billing period.
    pub payloads: Option<PayloadStats>,
    /// What is stored in data tables.
    pub storage: Option<StorageStats>,
    /// Notebook use of the billing period.
    pub notebooks: Option<NotebookStats>,
}

/// `storageStats`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StorageStats {
    /// Stored items.
    pub count: Option<f64>,
    /// Bytes.
    pub size: Option<f64>,
}

/// `notebookStats`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NotebookStats {
    /// Runs that are queued or running.
    pub awaiting_completion: Option<f64>,
    /// Minutes of run time in the billing period.
    pub minutes_this_period: Option<f64>,
    /// Runs in the billing period.
    pub runs_this_period: Option<f64>,
}

impl Summary {
    pub(super) fn decode(value: &Value) -> Result<Self, Unexpected> {
        let mut summary = Self::default();
        for (key, value) in Fields::of(value)?.iter() {
            summary.add(key, value).map_err(|error| error.within(key))?;
        }
        Ok(summary)
    }

    fn add(&mut self, key: &str, value: &Value) -> Result<(), Unexpected> {
        match key {
            "payloadCount" => self.payloads = Some(payload_stats(value)?),
            "storageStats" => {
                let fields = Fields::of(value)?;
                self.storage =
                    Some(StorageStats { count: fields.count("count")?, size: fields.count("size")? });
            }
            "notebookStats" => {
                let fields = Fields::of(value)?;
                self.notebooks = Some(NotebookStats {
                    awaiting_completion: fields.count("awaitingCompletion")?,
                    minutes_this_period: fields.count("minutesThisPeriod")?,
                    runs_this_period: fields.count("runsThisPeriod")?,
                });
            }
            // A counter by its name has to be one; anything else that is no number is something new, and not ours to judge.
            _ if key.ends_with("Count") || value.is_number() => {
                self.counts.insert(key.to_owned(), count(value)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Reads limits. What is not a number that limits something counts as not reported.
pub(super) fn limits(value: &Value) -> Result<Limits, Unexpected> {
    let fields = Fields::of(value)?;
    Ok(fields.iter().filter_map(|(key, value)| Some((key.clone(), count(value).ok()?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_summary_holds_counters_known_or_not_and_the_three_groups() {
        let summary = Summary::decode(&json!({
            "appCount": 2, "deviceCount": 6.0, "memberCount": null, "newThingCount": 3, "newThing": { "a": 1 },
            "note": "text", "notebookStats": { "awaitingCompletion": 0, "minutesThisPeriod": 12, "runsThisPeriod": 3 },
            "payloadCount": { "integration": { "integration.flow": 67_679 } },
            "storageStats": { "count": 4, "size": 1024 },
        }))
        .unwrap();
        let counts: Vec<_> = summary.counts.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(counts, [("appCount", 2.0), ("deviceCount", 6.0), ("newThingCount", 3.0)]);
        assert_eq!(summary.payloads.unwrap()["integration"].get("integration.flow"), Some(&67_679.0));
        assert_eq!(summary.storage, Some(StorageStats { count: Some(4.0), size: Some(1024.0) }));
        let notebooks = summary.notebooks.unwrap();
        assert_eq!(notebooks.awaiting_completion, Some(0.0));
        assert_eq!(notebooks.minutes_this_period, Some(12.0));
        assert_eq!(notebooks.runs_this_period, Some(3.0));
    }

    #[test]
    fn what_a_summary_leaves_out_is_unknown() {
        assert_eq!(Summary::decode(&json!({})), Ok(Summary::default()));
        let partial = Summary::decode(&json!({ "storageStats": {}, "notebookStats": null })).unwrap();
        assert_eq!((partial.storage, partial.notebooks), (Some(StorageStats::default()), None));
    }

    #[test]
    fn a_wrong_number_in_a_summary_is_named() {
        let problem = |value| Summary::decode(&value).unwrap_err().to_string();
        assert_eq!(problem(json!({ "deviceCount": -1 })), "deviceCount: expected a count, found -1");
        assert_eq!(problem(json!({ "deviceCount": "6" })), "deviceCount: expected a number, found a text");
        assert_eq!(
            problem(json!({ "payloadCount": { "timer": [] } })),
            "payloadCount.timer: expected an object, found a list"
        );
        assert_eq!(
            problem(json!({ "storageStats": { "size": "big" } })),
            "storageStats.size: expected a number, found a text"
        );
    }

    #[test]
    fn limits_are_the_entries_that_limit() {
        let limits =
            limits(&json!({ "payload": 75_000_000, "dataTTL": 15_552_000, "new": 1.5, "plan": "gold",
            "none": null, "unlimited": -1 }))
            .unwrap();
        let entries: Vec<_> = limits.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(entries, [("dataTTL", 15_552_000.0), ("new", 1.5), ("payload", 75e6)]);
    }
}
