//! Collector `notebook_minute_counts`: notebook runs by outcome, and their time.

use jiff::Timestamp;

use crate::losant::wire::{NotebookDay, Series};
use crate::losant::{Client, Error};
use crate::usage::{BillingPeriod, Coverage, Measure, Reading, Scope, Window};

/// Losant counts notebook time in minutes; metrics have base units.
const SECONDS_PER_MINUTE: f64 = 60.0;

/// Run time and runs over one window.
struct Measures {
    time: Measure,
    runs: Measure,
}

const TODAY: Measures = Measures { time: Measure::NotebookRunTimeToday, runs: Measure::NotebookRunsToday };
const LAST_DAY: Measures =
    Measures { time: Measure::NotebookRunTimeLastDay, runs: Measure::NotebookRunsLastDay };
const PERIOD: Measures = Measures { time: Measure::NotebookRunTimePeriod, runs: Measure::NotebookRunsPeriod };

/// Notebook use by day: what windows are made of, at any time up to which nothing has changed.
#[derive(Clone, Debug)]
pub(super) struct Notebooks {
    read_at: Timestamp,
    period: Option<(BillingPeriod, Days)>,
    /// Where the period began after yesterday did.
    since_yesterday: Option<Days>,
}

/// Reads one scope. One request when the billing period began before yesterday, else one for the two days and one for
/// the period. Without a period that starts at a UTC midnight, the period's figures are unknown.
pub(super) async fn read(
    client: &Client,
    scope: Scope,
    period: Option<BillingPeriod>,
    now: Timestamp,
) -> Result<Notebooks, Error> {
    let yesterday = Window::day(now).previous();
    // Buckets are days, and nobody says whether the first one is cut where a period starts within a day.
    let period = match period.filter(|period| Window::day(period.start).start == period.start) {
        Some(period) => Some((period, Days::read(client, scope, period.start, now).await?)),
        None => None,
    };
    let since_yesterday = match &period {
        Some((period, _)) if period.start <= yesterday.start => None,
        _ => Some(Days::read(client, scope, yesterday.start, now).await?),
    };
    Ok(Notebooks { read_at: now, period, since_yesterday })
}

impl Notebooks {
    /// What is known of a scope in whose `period` no notebook has run up to `now`. `None` for a period that starts within
    /// a day.
    pub(super) fn of_silence(period: BillingPeriod, now: Timestamp) -> Option<Self> {
        let days = Days { coverage: Coverage::of_silence(period.start, now), days: Box::default() };
        let is_by_days = Window::day(period.start).start == period.start;
        is_by_days.then_some(Self { read_at: now, period: Some((period, days)), since_yesterday: None })
    }

    /// Whether the answers can be carried on while nothing changes.
    pub(super) fn lasts(&self) -> bool {
        let period = self.period.as_ref().map(|(_, days)| days);
        [period, self.since_yesterday.as_ref()].into_iter().flatten().all(|days| days.coverage.lasts())
    }

    /// What of the billing period can be shown at `now`, and until when: while that stays the same, so do its totals.
    pub(super) fn hold_of_period(&self, now: Timestamp) -> Option<Timestamp> {
        let usable = self.period.as_ref().filter(|(period, _)| period.is_usable(now));
        usable.map(|(period, _)| period.holds_until(now))
    }

    /// Whether every window is known at `now`, if nothing has changed.
    pub(super) fn is_whole(&self, now: Timestamp) -> bool {
        let yesterday = Window::day(now).previous();
        self.latest().is_some_and(|days| days.coverage.covers(yesterday, now))
    }

    /// The numbers at `now`, if nothing has changed since they were read. `None` when that cannot be said of the answers.
    pub(super) fn reading(&self, now: Timestamp) -> Option<Reading> {
        let (today, mut reading) = (Window::day(now), Reading::at(now));
        let extended =
            |days: &Days| if now == self.read_at { Some(days.clone()) } else { days.extended_to(now) };
        if let Some(days) = self.latest() {
            let days = extended(days)?;
            days.add(&mut reading, today, &TODAY, Some(today.end));
            days.add(&mut reading, today.previous(), &LAST_DAY, Some(today.end));
        }
        if let Some((period, days)) = self.period.as_ref().filter(|(period, _)| period.is_usable(now)) {
            extended(days)?.add_all(&mut reading, period.start, &PERIOD, Some(period.holds_until(now)));
        }
        Some(reading)
    }

    /// The days that reach back far enough for yesterday.
    fn latest(&self) -> Option<&Days> {
        self.since_yesterday.as_ref().or(self.period.as_ref().map(|(_, days)| days))
    }
}

/// Buckets by UTC day; days on which nothing ran are left out.
#[derive(Clone, Debug)]
struct Days {
    coverage: Coverage,
    /// Boxed, since it is kept for each of many scopes: a vector would keep the room of all that was left out.
    days: Box<[NotebookDay]>,
}

impl Days {
    async fn read(client: &Client, scope: Scope, start: Timestamp, now: Timestamp) -> Result<Self, Error> {
        Ok(Self::new(client.notebook_minute_counts(scope, start, now).await?, (start, now)))
    }

    fn new(answer: Series<NotebookDay>, asked: (Timestamp, Timestamp)) -> Self {
        let ran = |day: &NotebookDay| {
            [day.minutes, day.completed, day.canceled, day.errored, day.timeout] != [Some(0.0); 5]
        };
        let coverage = Coverage::new((answer.start, answer.end), asked);
        Self { coverage, days: answer.counts.into_iter().filter(ran).collect() }
    }

    fn extended_to(&self, now: Timestamp) -> Option<Self> {
        Some(Self { coverage: self.coverage.extended_to(now)?, days: self.days.clone() })
    }

    fn add(&self, reading: &mut Reading, window: Window, measures: &Measures, until: Option<Timestamp>) {
        if self.coverage.covers(window, reading.read_at) {
            let within = |day: &&NotebookDay| window.contains(day.date);
            add_sums(reading, &self.days.iter().filter(within).collect::<Vec<_>>(), measures, until);
        }
    }

    fn add_all(
        &self,
        reading: &mut Reading,
        start: Timestamp,
        measures: &Measures,
        until: Option<Timestamp>,
    ) {
        let whole = Window { start, end: Timestamp::MAX };
        if self.coverage.covers(whole, reading.read_at) {
            add_sums(reading, &self.days.iter().collect::<Vec<_>>(), measures, until);
        }
    }
}

fn add_sums(reading: &mut Reading, days: &[&NotebookDay], measures: &Measures, until: Option<Timestamp>) {
    // One day that does not report a figure makes the sum unknown. No days at all make it zero.
    let sum =
        |figure: fn(&NotebookDay) -> Option<f64>| days.iter().map(|day| figure(day)).sum::<Option<f64>>();
    if let Some(minutes) = sum(|day| day.minutes) {
        reading.add_until(measures.time, [], minutes * SECONDS_PER_MINUTE, until);
    }
    for (outcome, runs) in [
        ("completed", sum(|day| day.completed)),
        ("canceled", sum(|day| day.canceled)),
        ("errored", sum(|day| day.errored)),
        ("timeout", sum(|day| day.timeout)),
    ] {
        if let Some(runs) = runs {
            reading.add_until(measures.runs, [outcome.into()], runs, until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, minutes: Option<f64>, completed: f64) -> NotebookDay {
        NotebookDay {
            date: date.parse().unwrap(),
            minutes,
            completed: Some(completed),
            canceled: Some(0.0),
            errored: Some(1.0),
            timeout: Some(0.0),
        }
    }

    fn sums(days: Vec<NotebookDay>) -> Vec<(Measure, f64)> {
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let yesterday = Window::day(now).previous();
        let days = Days::new(Series { start: None, end: None, counts: days }, (yesterday.start, now));
        let mut reading = Reading::at(now);
        days.add(&mut reading, yesterday, &LAST_DAY, None);
        reading.samples.iter().map(|sample| (sample.measure, sample.value)).collect()
    }

    #[test]
    fn minutes_become_seconds_and_only_days_of_the_window_count() {
        let rows = sums(vec![
            day("2026-03-01T00:00:00Z", Some(17.0), 4.0),
            day("2026-03-02T00:00:00Z", Some(5.0), 2.0),
        ]);
        assert_eq!(rows[0], (Measure::NotebookRunTimeLastDay, 1020.0));
        assert_eq!(rows[1], (Measure::NotebookRunsLastDay, 4.0));
        assert_eq!(rows.len(), 5);
    }

    #[test]
    fn a_day_without_its_minutes_makes_the_time_unknown_but_not_the_runs() {
        let rows = sums(vec![day("2026-03-01T00:00:00Z", None, 4.0)]);
        assert!(rows.iter().all(|(measure, _)| *measure == Measure::NotebookRunsLastDay));
        assert_eq!(rows.len(), 4);
    }

    #[test]
    fn a_covered_day_that_is_left_out_saw_no_run() {
        let rows = sums(Vec::new());
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|(_, value)| *value == 0.0));
    }
}
