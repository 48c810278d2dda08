//! Collector `payload_counts_breakdown`: payloads and bytes by hour and day, and the number that is billed.
//!
//! Each poll asks for yesterday and today again, so that payloads that were counted late heal by themselves.

use std::time::Duration;

use jiff::Timestamp;

use super::trail::Trail;
use crate::losant::wire::{PayloadBucket, Series};
use crate::losant::{Billing, Client, Error, Resolution, Unit};
use crate::usage::{BillingPeriod, Buckets, Coverage, Measure, Reading, Scope, Window, Windows};

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

/// Payloads by hour, and what is billed: what windows are made of, at any time up to which nothing has changed.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    read_at: Timestamp,
    payloads: Split,
    /// `None` where bytes are not wanted.
    bytes: Option<Split>,
    /// Billable payloads of the billing period.
    billable: Option<(BillingPeriod, f64)>,
}

/// The hours of one unit.
#[derive(Clone, Debug)]
struct Split {
    billable: Buckets,
    all: Buckets,
}

/// Reads one scope.
pub(super) async fn read(
    client: &Client,
    scope: Scope,
    period: Option<BillingPeriod>,
    (settle_delay, bytes): (Duration, bool),
    now: Timestamp,
) -> Result<Hours, Error> {
    let start = Windows::at(now, settle_delay).start();
    let hours = async |unit, billing| {
        let answer =
            client.payload_counts_breakdown(scope, start, now, Resolution::Hour, unit, billing).await?;
        Ok::<_, Error>(buckets_of(answer, (start, now)))
    };
    let split = async |unit| {
        let all = hours(unit, Billing::All).await?;
        // Of nothing, nothing is billed.
        let billable = if all.is_zero() { all.clone() } else { hours(unit, Billing::BillableOnly).await? };
        Ok::<_, Error>(Split { billable, all })
    };
    let payloads = split(Unit::Payloads).await?;
    let bytes = match bytes {
        false => None,
        // No payload has no bytes.
        true if payloads.all.is_zero() => Some(payloads.clone()),
        true => Some(split(Unit::Bytes).await?),
    };
    let billable = match period {
        Some(period) => billable_since(client, scope, period.start, now).await?.map(|total| (period, total)),
        None => None,
    };
    Ok(Hours { read_at: now, payloads, bytes, billable })
}

impl Hours {
    /// What is known of a scope for which `period` up to `now` has not brought a payload.
    pub(super) fn of_silence(period: BillingPeriod, bytes: bool, now: Timestamp) -> Self {
        let nothing = Buckets::new(Coverage::of_silence(period.start, now), []);
        let payloads = Split { billable: nothing.clone(), all: nothing };
        let bytes = bytes.then(|| payloads.clone());
        Self { read_at: now, payloads, bytes, billable: Some((period, 0.0)) }
    }

    /// Up to when it was read.
    pub(super) const fn read_at(&self) -> Timestamp {
        self.read_at
    }

    /// Billable payloads of the hours up to `until` that are known, by the number of the hour, if nothing has changed since
    /// they were read.
    pub(super) fn billable_by_hour(&self, until: Timestamp) -> impl Iterator<Item = (i64, f64)> {
        let extended = (until > self.read_at).then(|| self.payloads.billable.extended_to(until)).flatten();
        let (buckets, until) = match extended {
            Some(buckets) => (buckets, until),
            None => (self.payloads.billable.clone(), self.read_at),
        };
        Trail::hours_at(until)
            .filter_map(move |hour| Some((hour, buckets.sum(Window::hour(Trail::start_of(hour)), until)?)))
    }

    /// Whether every window is known at `now`, if nothing has changed.
    pub(super) fn is_whole(&self, settle_delay: Duration, now: Timestamp) -> bool {
        let windows = Windows::at(now, settle_delay);
        let whole = |buckets: &Buckets| {
            buckets.coverage().extended_to(now).is_some_and(|coverage| {
                [windows.last_hour, windows.last_day].iter().all(|window| coverage.covers(*window, now))
            })
        };
        whole(&self.payloads.all) && self.billable.is_some()
    }

    /// Whether the answers can be carried on while nothing changes.
    pub(super) fn lasts(&self) -> bool {
        let splits = [Some(&self.payloads), self.bytes.as_ref()];
        let lasts = |split: &Split| split.all.coverage().lasts() && split.billable.coverage().lasts();
        splits.into_iter().flatten().all(lasts)
    }

    /// What of the billing period can be shown at `now`, and until when: while that stays the same, so does its total.
    pub(super) fn hold_of_period(&self, now: Timestamp) -> Option<Timestamp> {
        let usable = self.billable.filter(|(period, _)| period.is_usable(now));
        usable.map(|(period, _)| period.holds_until(now))
    }

    /// Whether nothing but billable payloads came.
    pub(super) fn is_all_billable(&self) -> bool {
        self.payloads.all.has_counts_of(&self.payloads.billable)
    }

    /// The numbers at `now`, if nothing has changed since they were read. `None` when that cannot be said of the answers.
    pub(super) fn reading(&self, settle_delay: Duration, now: Timestamp) -> Option<Reading> {
        let windows = Windows::at(now, settle_delay);
        let mut reading = Reading::at(now);
        add_windows(&mut reading, windows, &PAYLOADS, &self.payloads.extended_to(self.read_at, now)?);
        if let Some(bytes) = &self.bytes {
            add_windows(&mut reading, windows, &BYTES, &bytes.extended_to(self.read_at, now)?);
        }
        let last_hour_end = windows.last_hour.end.as_second();
        #[expect(clippy::cast_precision_loss, reason = "a second of this age is exact in a double")]
        reading.add(Measure::LastHourEnd, [], last_hour_end as f64);
        if let Some((period, total)) = self.billable.filter(|(period, _)| period.is_usable(now)) {
            let until = Some(period.holds_until(now));
            reading.add_until(Measure::BillablePayloadsPeriod, [], total, until);
        }
        Some(reading)
    }
}

impl Split {
    fn extended_to(&self, read_at: Timestamp, now: Timestamp) -> Option<Self> {
        if read_at == now {
            return Some(self.clone());
        }
        Some(Self { billable: self.billable.extended_to(now)?, all: self.all.extended_to(now)? })
    }
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
        Ok::<_, Error>(buckets_of(answer, (start, end)).sum(Window { start, end: Timestamp::MAX }, now))
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

fn add_windows(reading: &mut Reading, windows: Windows, measures: &Measures, split: &Split) {
    let now = reading.read_at;
    let rows = [
        (measures.this_hour, windows.this_hour, Some(windows.this_hour.end)),
        // Holds until it is read again: its end is exported beside it.
        (measures.last_hour, windows.last_hour, None),
        (measures.today, windows.today, Some(windows.today.end)),
        (measures.last_day, windows.last_day, Some(windows.today.end)),
    ];
    for (measure, window, until) in rows {
        let Some(billed) = split.billable.sum(window, now) else { continue };
        reading.add_until(measure, ["true".into()], billed, until);
        // Counts that were restated between the two answers can contradict each other: then the rest is unknown.
        if let Some(rest) = split.all.sum(window, now).map(|all| all - billed).filter(|rest| *rest >= 0.0) {
            reading.add_until(measure, ["false".into()], rest, until);
        }
    }
}

/// The buckets of an answer.
fn buckets_of(answer: Series<PayloadBucket>, asked: (Timestamp, Timestamp)) -> Buckets {
    let coverage = Coverage::new((answer.start, answer.end), asked);
    Buckets::new(coverage, answer.counts.into_iter().map(|bucket| (bucket.date, bucket.value)))
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
        let coverage = Coverage::new((None, None), (Window::day(now).previous().start, now));
        Buckets::new(coverage, counts.iter().map(|(date, value)| (at(date), Some(*value))))
    }

    const SETTLE: Duration = Duration::from_secs(600);

    fn windows_of(billable: &Buckets, all: &Buckets) -> Vec<(Measure, String, f64)> {
        let now = at(NOW);
        let mut reading = Reading::at(now);
        let split = Split { billable: billable.clone(), all: all.clone() };
        add_windows(&mut reading, Windows::at(now, SETTLE), &PAYLOADS, &split);
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
        let coverage = buckets(&[]).coverage();
        let counts = [("2026-03-01T23:00:00Z", Some(1.0)), ("2026-03-02T09:00:00Z", None)];
        let broken = Buckets::new(coverage, counts.map(|(date, value)| (at(date), value)));
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

    fn hours(counts: &[(&str, f64)]) -> Hours {
        let period = BillingPeriod::calendar_month(at(NOW));
        let split = Split { billable: buckets(counts), all: buckets(counts) };
        Hours { read_at: at(NOW), payloads: split, bytes: None, billable: Some((period, 1111.0)) }
    }

    fn billable(reading: &Reading, measure: Measure) -> Option<f64> {
        let found = reading.samples.iter().find(|s| s.measure == measure && s.labels[0] == "true");
        found.map(|sample| sample.value)
    }

    #[test]
    fn while_nothing_changes_windows_move_on_over_the_same_hours() {
        let hours = hours(&[("2026-03-02T09:00:00Z", 100.0), ("2026-03-02T10:00:00Z", 1000.0)]);
        let later = |now: &str, measure| billable(&hours.reading(SETTLE, at(now)).unwrap(), measure);
        assert_eq!(later("2026-03-02T11:05:00Z", Measure::PayloadsThisHour), Some(0.0));
        assert_eq!(later("2026-03-02T11:05:00Z", Measure::PayloadsLastHour), Some(100.0), "not settled yet");
        assert_eq!(later("2026-03-02T11:15:00Z", Measure::PayloadsLastHour), Some(1000.0));
        assert_eq!(later("2026-03-02T13:00:00Z", Measure::PayloadsLastHour), Some(0.0));
        assert_eq!(later("2026-03-03T01:00:00Z", Measure::PayloadsLastDay), Some(1100.0));
        assert_eq!(later("2026-03-03T01:00:00Z", Measure::PayloadsToday), Some(0.0));
    }

    #[test]
    fn a_silent_period_tells_all_windows_within_it_and_none_that_reach_back_before_it() {
        let period = BillingPeriod::calendar_month(at(NOW));
        let known = |now: &str| {
            let hours = Hours::of_silence(period, false, at(now));
            let reading = hours.reading(SETTLE, at(now)).unwrap();
            (billable(&reading, Measure::PayloadsLastDay), hours.is_whole(SETTLE, at(now)))
        };
        assert_eq!(known("2026-03-01T10:00:00Z"), (None, false));
        assert_eq!(known("2026-03-02T00:30:00Z"), (Some(0.0), true));
    }
}
