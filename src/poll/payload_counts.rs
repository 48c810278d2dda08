//! Collectors `payload_counts` and `payload_bytes`: payloads of the billing period by type and source, and their bytes.
//!
//! The answer mixes billable and other payloads; nothing here says which is which. Lists tell the same numbers, and where
//! they have proved right nobody asks for single owners.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::losant::wire::PayloadStats;
use crate::losant::{Client, Error, Unit};
use crate::usage::{BillingPeriod, Label, Measure, PayloadType, Reading, Scope, sum};

/// Reads one scope. Without a billing period there is nothing that could be asked for.
pub(super) async fn read(
    client: &Client,
    scope: Scope,
    period: Option<BillingPeriod>,
    unit: Unit,
    now: Timestamp,
) -> Result<Option<PayloadStats>, Error> {
    match period {
        Some(period) => client.payload_counts(scope, period.start, now, unit).await.map(Some),
        None => Ok(None),
    }
}

/// The numbers of `stats`, which were read at `now`. Without `sources`, those of one type are added up.
pub(super) fn reading(
    stats: &PayloadStats,
    period: BillingPeriod,
    unit: Unit,
    sources: bool,
    now: Timestamp,
) -> Reading {
    let measure = match unit {
        Unit::Payloads => Measure::PayloadsPeriod,
        Unit::Bytes => Measure::PayloadBytesPeriod,
    };
    let until = Some(period.holds_until(now));
    let mut reading = Reading::at(now);
    for (payload_type, by_source) in stats {
        let payload_type = PayloadType::new(payload_type).into_label();
        if sources {
            for (source, value) in by_source {
                let labels = [payload_type.clone(), Label::from(source.clone())];
                reading.add_until(measure, labels, *value, until);
            }
        } else {
            // To Prometheus an empty label is none.
            let total = sum(by_source.values().copied());
            reading.add_until(measure, [payload_type, Label::default()], total, until);
        }
    }
    reading
}

/// The sum over all types and sources.
pub(super) fn total(stats: &PayloadStats) -> f64 {
    sum(stats.values().flat_map(BTreeMap::values).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> PayloadStats {
        let sources = |sources: &[(&str, f64)]| {
            sources.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect::<BTreeMap<_, _>>()
        };
        PayloadStats::from([
            ("deviceState".to_owned(), sources(&[("device.mqtt", 5.0), ("flow.flow", 2.0)])),
            ("timer".to_owned(), sources(&[("timer.flow", 1.0)])),
        ])
    }

    #[test]
    fn without_the_label_source_a_type_is_one_series_with_the_sum() {
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let rows = |sources| {
            let period = BillingPeriod::calendar_month(now);
            let reading = reading(&stats(), period, Unit::Payloads, sources, now);
            let row = |sample: &crate::usage::Sample| (sample.labels.join("/"), sample.value);
            reading.samples.iter().map(row).collect::<Vec<_>>()
        };
        let with =
            [("deviceState/device.mqtt", 5.0), ("deviceState/flow.flow", 2.0), ("timer/timer.flow", 1.0)];
        assert_eq!(rows(true), with.map(|(labels, value)| (labels.to_owned(), value)));
        let without = [("deviceState/", 7.0), ("timer/", 1.0)];
        assert_eq!(rows(false), without.map(|(labels, value)| (labels.to_owned(), value)));
        assert_eq!(total(&stats()).to_bits(), 8.0_f64.to_bits());
    }
}
