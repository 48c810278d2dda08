//! Collector `device_counts`: devices that exist, were created, were deleted.

use jiff::Timestamp;

use crate::losant::wire::{DeviceDay, Series};
use crate::losant::{Client, Error};
use crate::usage::{Coverage, Measure, Reading, Scope, Window};

/// Devices by day: what windows are made of, at any time up to which nothing has changed.
#[derive(Clone, Debug)]
pub(super) struct Devices {
    read_at: Timestamp,
    coverage: Coverage,
    /// How many there are.
    total: Option<f64>,
    /// Since yesterday, as it was when they were read.
    days: Box<[DeviceDay]>,
}

/// Reads one scope: yesterday and today. `summarised` is what the scope's summary says, for an answer that leaves days
/// without devices out.
pub(super) async fn read(
    client: &Client,
    scope: Scope,
    summarised: Option<f64>,
    now: Timestamp,
) -> Result<Devices, Error> {
    let asked = (Window::day(now).previous().start, now);
    let answer = client.device_counts(scope, asked.0, asked.1).await?;
    Ok(Devices::new(answer, summarised, asked))
}

impl Devices {
    pub(super) fn new(
        answer: Series<DeviceDay>,
        summarised: Option<f64>,
        asked: (Timestamp, Timestamp),
    ) -> Self {
        let newest = answer.counts.iter().filter(|day| day.total.is_some()).max_by_key(|day| day.date);
        let total = newest.and_then(|day| day.total).or(summarised);
        // There is an answer for each scope: of one that tells more, what no window will be made of is not kept.
        let start = answer.start.map(|start| start.max(asked.0));
        let days = answer.counts.into_iter().filter(|day| day.date >= asked.0).collect();
        Self { read_at: asked.1, coverage: Coverage::new((start, answer.end), asked), total, days }
    }

    /// Whether the answer can be carried on while nothing changes.
    pub(super) const fn lasts(&self) -> bool {
        self.coverage.lasts()
    }

    /// The numbers at `now`, if nothing has changed since they were read. `None` when that cannot be said of the answer.
    pub(super) fn reading(&self, now: Timestamp) -> Option<Reading> {
        let coverage = if now == self.read_at { self.coverage } else { self.coverage.extended_to(now)? };
        let mut reading = Reading::at(now);
        if let Some(total) = self.total {
            reading.add(Measure::Devices, [], total);
        }
        let today = Window::day(now);
        let created = |day: &DeviceDay| day.created;
        let deleted = |day: &DeviceDay| day.deleted;
        for (window, measure, count) in [
            (today, Measure::DevicesCreatedToday, created as fn(&DeviceDay) -> Option<f64>),
            (today, Measure::DevicesDeletedToday, deleted),
            (today.previous(), Measure::DevicesCreatedLastDay, created),
            (today.previous(), Measure::DevicesDeletedLastDay, deleted),
        ] {
            let day = self.days.iter().find(|day| window.contains(day.date));
            let value = match day {
                Some(day) => count(day),
                // A day that is covered and left out saw nothing.
                None => coverage.covers(window, now).then_some(0.0),
            };
            if let Some(value) = value {
                reading.add_until(measure, [], value, Some(today.end));
            }
        }
        Some(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read_at(now: &str, days: &[(&str, Option<f64>, f64, f64)]) -> Vec<(Measure, f64)> {
        let now = at(now);
        let answer = Series {
            start: None,
            end: None,
            counts: days
                .iter()
                .map(|(date, total, created, deleted)| DeviceDay {
                    date: at(date),
                    total: *total,
                    created: Some(*created),
                    deleted: Some(*deleted),
                })
                .collect(),
        };
        let devices = Devices::new(answer, None, (Window::day(now).previous().start, now));
        let reading = devices.reading(now).unwrap();
        reading.samples.iter().map(|sample| (sample.measure, sample.value)).collect()
    }

    #[test]
    fn the_newest_day_with_a_total_says_how_many_devices_there_are() {
        let days =
            [("2026-03-02T00:00:00Z", Some(9.0), 3.0, 1.0), ("2026-03-01T00:00:00Z", Some(7.0), 2.0, 0.0)];
        assert_eq!(
            read_at("2026-03-02T10:00:00Z", &days),
            [
                (Measure::Devices, 9.0),
                (Measure::DevicesCreatedToday, 3.0),
                (Measure::DevicesDeletedToday, 1.0),
                (Measure::DevicesCreatedLastDay, 2.0),
                (Measure::DevicesDeletedLastDay, 0.0),
            ]
        );
    }

    #[test]
    fn days_before_yesterday_are_not_kept_and_nothing_is_made_up_of_them() {
        let day = |date, total| DeviceDay { date: at(date), total, created: Some(1.0), deleted: Some(1.0) };
        let mut counts = Vec::with_capacity(100);
        counts.extend([
            day("2026-02-27T00:00:00Z", None),
            day("2026-02-28T00:00:00Z", Some(7.0)),
            day("2026-03-01T00:00:00Z", None),
            day("2026-03-02T00:00:00Z", None),
        ]);
        let answer = Series { start: Some(at("2026-02-27T00:00:00Z")), end: None, counts };
        let now = at("2026-03-02T10:00:00Z");
        let devices = Devices::new(answer, None, (at("2026-03-01T00:00:00Z"), now));
        assert_eq!(devices.days.len(), 2);
        assert_eq!(devices.total, Some(7.0));
        assert_eq!(devices.reading(now).unwrap().samples.len(), 5);
        let before = devices.reading(at("2026-02-28T10:00:00Z")).unwrap();
        assert_eq!(before.samples.len(), 1, "the number of devices");
    }

    #[test]
    fn without_any_day_the_number_of_devices_is_unknown_and_nothing_was_created() {
        let rows = read_at("2026-03-02T10:00:00Z", &[]);
        assert!(rows.iter().all(|(measure, value)| *measure != Measure::Devices && *value == 0.0));
        assert_eq!(rows.len(), 4);
    }
}
