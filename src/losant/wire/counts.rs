//! The four count actions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::fields::{Fields, Unexpected, count};

/// Payloads, or their bytes: by type, then by source. Types and sources that Losant adds come through.
pub type PayloadStats = BTreeMap<String, BTreeMap<String, f64>>;

/// Buckets of time, and the range that Losant says it used.
#[derive(Clone, Debug, PartialEq)]
pub struct Series<T> {
    /// First moment of the range.
    pub start: Option<Timestamp>,
    /// End of the range.
    pub end: Option<Timestamp>,
    /// The buckets, in Losant's order. Empty ones may have been left out; those at the edges may be partial.
    pub counts: Vec<T>,
}

/// Payloads, or bytes, of one UTC hour or day.
#[derive(Clone, Debug, PartialEq)]
pub struct PayloadBucket {
    /// Start of the bucket.
    pub date: Timestamp,
    /// How many.
    pub value: Option<f64>,
}

/// Devices on one UTC day.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceDay {
    /// Start of the day.
    pub date: Timestamp,
    /// Devices created.
    pub created: Option<f64>,
    /// Devices deleted.
    pub deleted: Option<f64>,
    /// Devices in existence.
    pub total: Option<f64>,
}

/// Notebook executions of one UTC day.
#[derive(Clone, Debug, PartialEq)]
pub struct NotebookDay {
    /// Start of the day.
    pub date: Timestamp,
    /// Minutes of run time.
    pub minutes: Option<f64>,
    /// Runs that finished.
    pub completed: Option<f64>,
    /// Runs that were canceled.
    pub canceled: Option<f64>,
    /// Runs that failed.
    pub errored: Option<f64>,
    /// Runs that took too long.
    pub timeout: Option<f64>,
}

/// Reads payloads by type and source. `{}` is a true "none"; a type that holds anything but sources is not.
pub fn payload_stats(value: &Value) -> Result<PayloadStats, Unexpected> {
    Fields::of(value)?
        .iter()
        .map(|(payload_type, sources)| {
            let sources = Fields::of(sources).and_then(|sources| {
                sources
                    .iter()
                    .map(|(source, value)| {
                        let value = count(value).map_err(|error| error.within(source))?;
                        Ok((source.clone(), value))
                    })
                    .collect()
            });
            Ok((payload_type.clone(), sources.map_err(|error| error.within(payload_type))?))
        })
        .collect()
}

impl<T> Series<T> {
    fn decode(
        value: &Value,
        bucket: impl Fn(Timestamp, Fields<'_>) -> Result<T, Unexpected>,
    ) -> Result<Self, Unexpected> {
        let fields = Fields::of(value)?;
        // Without the list nothing was counted, which is not the same as nothing having happened.
        let list = fields.list("counts")?.ok_or_else(|| Unexpected::new("missing").within("counts"))?;
        let counts = list.iter().enumerate().map(|(index, value)| {
            let read = Fields::of(value).and_then(|fields| {
                // A bucket of an unknown time fits nowhere, and without it every sum would be too low.
                let date = fields.date("date")?.ok_or_else(|| Unexpected::new("missing").within("date"))?;
                bucket(date, fields)
            });
            read.map_err(|error| error.within(format!("[{index}]")).within("counts"))
        });
        Ok(Self {
            start: fields.date("start")?,
            end: fields.date("end")?,
            counts: counts.collect::<Result<_, _>>()?,
        })
    }
}

impl Series<PayloadBucket> {
    /// Reads `payloadCountsBreakdown`.
    pub fn payloads(value: &Value) -> Result<Self, Unexpected> {
        Self::decode(value, |date, fields| Ok(PayloadBucket { date, value: fields.count("value")? }))
    }
}

impl Series<DeviceDay> {
    /// Reads `deviceCounts`.
    pub fn devices(value: &Value) -> Result<Self, Unexpected> {
        Self::decode(value, |date, fields| {
            Ok(DeviceDay {
                date,
                created: fields.count("created")?,
                deleted: fields.count("deleted")?,
                total: fields.count("total")?,
            })
        })
    }
}

impl Series<NotebookDay> {
    /// Reads `notebookMinuteCounts`.
    pub fn notebooks(value: &Value) -> Result<Self, Unexpected> {
        Self::decode(value, |date, fields| {
            Ok(NotebookDay {
                date,
                minutes: fields.count("minutes")?,
                completed: fields.count("completed")?,
                canceled: fields.count("canceled")?,
                errored: fields.count("errored")?,
                timeout: fields.count("timeout")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn payloads_come_by_type_and_source_known_or_not() {
        let stats = payload_stats(&json!({
            "deviceState": { "device.mqtt": 1_244_049, "flow.flow": 5215.0 },
            "webhook": { "public.rest": 1_713_284, "odd": null },
            "quantumState": { "no dot": 0.5 },
            "timer": null,
            "event": {},
        }))
        .unwrap();
        assert_eq!(stats["deviceState"].get("flow.flow"), Some(&5215.0));
        assert_eq!(stats["quantumState"].get("no dot"), Some(&0.5));
        assert_eq!(stats["webhook"].len(), 1);
        assert!(stats["event"].is_empty());
        assert!(!stats.contains_key("timer"));
        assert_eq!(payload_stats(&json!({})), Ok(PayloadStats::new()));
    }

    #[test]
    fn a_payload_type_that_is_no_object_of_counts_is_named() {
        let problem = |value| payload_stats(&value).unwrap_err().to_string();
        assert_eq!(problem(json!({ "timer": 7 })), "timer: expected an object, found a number");
        assert_eq!(problem(json!({ "timer": { "a.b": "7" } })), "timer.a.b: expected a number, found a text");
        assert_eq!(problem(json!({ "timer": { "a.b": -7 } })), "timer.a.b: expected a count, found -7");
        assert_eq!(problem(json!([])), "expected an object, found a list");
    }

    #[test]
    fn buckets_keep_their_dates_and_what_was_left_out_stays_unknown() {
        let range = json!({ "start": "1999-05-20T05:00:00.000Z", "end": "1999-06-20T04:59:59.999Z" });
        let with = |counts| {
            let mut body = range.clone();
            body["counts"] = counts;
            body
        };
        let payloads =
            Series::payloads(&with(json!([{ "date": "1999-06-20T00:00:00.000Z", "value": 17 }]))).unwrap();
        assert_eq!(payloads.start, Some(at("1999-05-20T05:00:00Z")));
        assert_eq!(payloads.end, Some(at("1999-06-20T04:59:59.999Z")));
        assert_eq!(payloads.counts, [PayloadBucket { date: at("1999-06-20T00:00:00Z"), value: Some(17.0) }]);

        let devices = Series::devices(&with(json!([
            { "date": "1999-06-20T00:00:00.000Z", "created": 4, "deleted": 1, "total": 17, "more": {} },
            { "date": "1999-06-21T02:00:00.000+02:00", "created": null },
        ])))
        .unwrap();
        assert_eq!(devices.counts[0].total, Some(17.0));
        let unknown =
            DeviceDay { date: at("1999-06-21T00:00:00Z"), created: None, deleted: None, total: None };
        assert_eq!(devices.counts[1], unknown);

        let notebooks = Series::notebooks(&with(json!([{ "date": "1999-06-20T00:00:00.000Z", "minutes": 17,
            "completed": 4, "canceled": 0, "errored": 1, "timeout": 0 }])))
        .unwrap();
        let day = &notebooks.counts[0];
        assert_eq!(
            (day.minutes, day.completed, day.canceled, day.errored, day.timeout),
            (Some(17.0), Some(4.0), Some(0.0), Some(1.0), Some(0.0))
        );
    }

    #[test]
    fn a_series_without_buckets_or_dates_is_refused_and_an_empty_one_is_not() {
        assert_eq!(Series::payloads(&json!({ "counts": [] })).unwrap().counts, []);
        let problem = |value| Series::payloads(&value).unwrap_err().to_string();
        assert_eq!(problem(json!({})), "counts: missing");
        assert_eq!(problem(json!({ "counts": [{ "value": 1 }] })), "counts[0].date: missing");
        assert_eq!(
            problem(json!({ "counts": [{ "date": "1999-06-20T00:00:00Z", "value": -1 }] })),
            "counts[0].value: expected a count, found -1"
        );
    }
}
