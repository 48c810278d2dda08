//! Collector `payload_counts_breakdown`: payloads and bytes by hour and day, and the number that is billed.
//!
//! Each poll asks for yesterday and today again, so that payloads that were counted late heal by themselves.

use std::time::Duration;

use jiff::Timestamp;

use super::coverage::Coverage;
use crate::losant::wire::{PayloadBucket, Series};
use crate::losant::{Billing, Client, Error, Resolution, Unit};
use crate::usage::{BillingPeriod, Measure, Reading, Scope, Window, Windows};

/// The measures of one unit, a window each.
struct Measures {
    this_hour: Measure,
    last_hour: Measure,
    today: Measure,
    last_day: Measure,
}

const PAYLOADS: Measures = Measures {
    this_hour: Measure::PayloadsThisHour,
    last_hour: Measure::PayloadsLastHour,
    today: Measure::PayloadsToday,
    last_day: Measure::PayloadsLastDay,
};

const BYTES: Measures = Measures {
    this_hour: Measure::PayloadBytesThisHour,
    last_hour: Measure::PayloadBytesLastHour,
    today: Measure::PayloadBytesToday,
    last_day: Measure::PayloadBytesLastDay,
};

/// Reads one scope.
pub(super) async fn read(
    client: &Client,
    scope: Scope,
    period: Option<BillingPeriod>,
    settle_delay: Duration,
    now: Timestamp,
) -> Result<Reading, Error> {
    let windows = Windows::at(now, settle_delay);
    let start = windows.start();
    let hours = async |unit, billing| {
        let answer =
            client.payload_counts_breakdown(scope, start, now, Resolution::Hour, unit, billing).await?;
        Ok::<_, Error>(Buckets::new(answer, (start, now)))
    };
    let mut reading = Reading::at(now);
    for (unit, measures) in [(Unit::Payloads, PAYLOADS), (Unit::Bytes, BYTES)] {
        // In this order: what arrives in between makes the difference of the two too large, never negative.
        let billable = hours(unit, Billing::BillableOnly).await?;
        let all = hours(unit, Billing::All).await?;
        add_windows(&mut reading, windows, &measures, &billable, &all);
    }
    let last_hour_end = windows.last_hour.end.as_second();
    #[expect(clippy::cast_precision_loss, reason = "a second of this age is exact in a double")]
    reading.add(Measure::LastHourEnd, [], last_hour_end as f64);
    if let Some(period) = period
        && let Some(total) = billable_since(client, scope, period.start, now).await?
    {
        reading.add_until(Measure::BillablePayloadsPeriod, [], total, Some(period.holds_until(now)));
    }
    Ok(reading)
}

/// Billable payloads since `start`: by whole days, and by hours on a first day that does not begin at midnight. Nobody says
/// whether a bucket is cut where a range begins within it, so none is asked for that way. `None` where an hour would be.
async fn billable_since(
    client: &Client,
    scope: Scope,
    start: Timestamp,
    now: Timestamp,
) -> Result<Option<f64>, Error> {
    let total = async |start, end, resolution| {
        let billing = Billing::BillableOnly;
        let answer =
            client.payload_counts_breakdown(scope, start, end, resolution, Unit::Payloads, billing).await?;
        Ok::<_, Error>(Buckets::new(answer, (start, end)).sum(Window { start, end: Timestamp::MAX }, now))
    };
    let first_day = Window::day(start);
    if first_day.start == start {
        return total(start, now, Resolution::Day).await;
    }
    if Window::hour(start).start != start {
        return Ok(None);
    }
    if now <= first_day.end {
        return total(start, now, Resolution::Hour).await;
    }
    let hours = total(start, Window::last_millisecond(first_day.end), Resolution::Hour).await?;
    let days = total(first_day.end, now, Resolution::Day).await?;
    Ok(hours.zip(days).map(|(hours, days)| hours + days))
}

fn add_windows(
    reading: &mut Reading,
    windows: Windows,
    measures: &Measures,
    billable: &Buckets,
    all: &Buckets,
) {
    let now = reading.read_at;
    let rows = [
        (measures.this_hour, windows.this_hour, Some(windows.this_hour.end)),
        // Holds until it is read again: its end is exported beside it.
        (measures.last_hour, windows.last_hour, None),
        (measures.today, windows.today, Some(windows.today.end)),
        (measures.last_day, windows.last_day, Some(windows.today.end)),
    ];
    for (measure, window, until) in rows {
        let Some(billed) = billable.sum(window, now) else { continue };
        reading.add_until(measure, ["true".into()], billed, until);
        // Counts that were restated between the two answers can contradict each other: then the rest is unknown.
        if let Some(rest) = all.sum(window, now).map(|all| all - billed).filter(|rest| *rest >= 0.0) {
            reading.add_until(measure, ["false".into()], rest, until);
        }
    }
}

/// Counts by the start of their hour or day.
struct Buckets {
    coverage: Coverage,
    counts: Vec<(Timestamp, Option<f64>)>,
}

impl Buckets {
    fn new(answer: Series<PayloadBucket>, asked: (Timestamp, Timestamp)) -> Self {
        let counts = answer.counts.into_iter().map(|bucket| (bucket.date, bucket.value)).collect();
        Self { coverage: Coverage::new((answer.start, answer.end), asked), counts }
    }

    /// The sum over `window`; a bucket that is left out is zero. `None` when the answer does not cover the window, or
    /// one of its buckets has no value.
    fn sum(&self, window: Window, now: Timestamp) -> Option<f64> {
        if !self.coverage.covers(window, now) {
            return None;
        }
        self.counts.iter().filter(|(date, _)| window.contains(*date)).map(|(_, value)| *value).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-03-02T10:30:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn buckets(counts: &[(&str, f64)]) -> Buckets {
        let now = at(NOW);
        Buckets {
            coverage: Coverage::new((None, None), (Window::day(now).previous().start, now)),
            counts: counts.iter().map(|(date, value)| (at(date), Some(*value))).collect(),
        }
    }

    fn windows_of(billable: &Buckets, all: &Buckets) -> Vec<(Measure, String, f64)> {
        let now = at(NOW);
        let mut reading = Reading::at(now);
        add_windows(&mut reading, Windows::at(now, Duration::from_secs(600)), &PAYLOADS, billable, all);
        reading.samples.iter().map(|s| (s.measure, s.labels[0].to_string(), s.value)).collect()
    }

    #[test]
    fn hours_fall_into_the_windows_they_belong_to() {
        let hours = [
            ("2026-03-01T23:00:00Z", 1.0),
            ("2026-03-02T00:00:00Z", 10.0),
            ("2026-03-02T09:00:00Z", 100.0),
            ("2026-03-02T10:00:00Z", 1000.0),
        ];
        let billable: Vec<_> = windows_of(&buckets(&hours), &buckets(&hours))
            .into_iter()
            .filter(|(_, billable, _)| billable == "true")
            .map(|(measure, _, value)| (measure, value))
            .collect();
        assert_eq!(
            billable,
            [
                (Measure::PayloadsThisHour, 1000.0),
                (Measure::PayloadsLastHour, 100.0),
                (Measure::PayloadsToday, 1110.0),
                (Measure::PayloadsLastDay, 1.0),
            ]
        );
    }

    #[test]
    fn a_covered_window_without_buckets_is_zero() {
        assert!(windows_of(&buckets(&[]), &buckets(&[])).iter().all(|(_, _, value)| *value == 0.0));
        assert_eq!(windows_of(&buckets(&[]), &buckets(&[])).len(), 8);
    }

    #[test]
    fn an_hour_without_a_value_makes_its_windows_unknown_and_no_other() {
        let mut broken = buckets(&[("2026-03-01T23:00:00Z", 1.0), ("2026-03-02T09:00:00Z", 2.0)]);
        broken.counts[1].1 = None;
        let known: Vec<_> = windows_of(&broken, &broken).into_iter().map(|(measure, ..)| measure).collect();
        assert!(known.contains(&Measure::PayloadsThisHour) && known.contains(&Measure::PayloadsLastDay));
        assert!(!known.contains(&Measure::PayloadsLastHour) && !known.contains(&Measure::PayloadsToday));
    }

    #[test]
    fn what_is_not_billable_is_unknown_when_the_answers_contradict_each_other() {
        let rows = windows_of(
            &buckets(&[("2026-03-02T10:00:00Z", 7.0)]),
            &buckets(&[("2026-03-02T10:00:00Z", 6.0)]),
        );
        assert!(!rows.contains(&(Measure::PayloadsThisHour, "false".to_owned(), -1.0)));
        assert!(rows.iter().all(|(measure, billable, _)| {
            !(*measure == Measure::PayloadsThisHour && billable == "false")
        }));
        assert!(rows.contains(&(Measure::PayloadsThisHour, "true".to_owned(), 7.0)));
    }
}
