//! Asking Losant for the past of one scope.
//!
//! Owns: which requests that takes, and how answers become series. Asked is for whole buckets only and with absolute ends: nobody
//! says what becomes of a bucket that a range cuts. A bucket that starts where the range ends may come along, and is nobody's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

use super::figure::Figure;
use super::history::{History, Label};
use super::span::{Span, pieces, stamp, tiles};
use super::subjects::Subject;
use crate::clock::Clock;
use crate::losant::wire::{DeviceDay, NotebookDay, PayloadBucket, Series};
use crate::losant::{Billing, Client, Error, Resolution, Unavailable, Unit};
use crate::usage::{Buckets, Collector, Coverage, Scope, Window, sum_of_known};

/// How many days of hours are asked for at once, at most: nobody says which range is accepted.
const LONGEST_PIECE: u16 = 31;

/// Losant counts notebook time in minutes; metrics have base units.
const SECONDS_PER_MINUTE: f64 = 60.0;

/// How long before the end of a day its devices are stamped: a moment of that day and of no other.
const BEFORE_MIDNIGHT: SignedDuration = SignedDuration::from_secs(60);

const BILLABLE: Label = ("billable", "true");
const NOT_BILLABLE: Label = ("billable", "false");

/// Why a scope was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// Losant does not answer, or not this account.
    Outage(Error),
    /// It does not answer for this scope, and does for its instance: trouble with one scope, or with an action.
    Passing(Error),
    /// It does not tell of this scope.
    Alone(Error),
}

/// Asks. Clones count their requests together.
#[derive(Clone, Debug)]
pub(super) struct Reader(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    client: Client,
    clock: Clock,
    span: Span,
    collectors: Vec<Collector>,
    longest_piece: AtomicU16,
    requests: AtomicU64,
}

impl Reader {
    pub(super) fn new(client: Client, clock: Clock, span: Span, collectors: Vec<Collector>) -> Self {
        let (longest_piece, requests) = (AtomicU16::new(LONGEST_PIECE), AtomicU64::new(0));
        Self(Arc::new(Parts { client, clock, span, collectors, longest_piece, requests }))
    }

    /// How many questions have been asked so far.
    pub(super) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// How many questions a scope takes that is busy all the time.
    pub(super) fn most_requests(&self) -> usize {
        let hours = pieces(self.0.span.hours(), LONGEST_PIECE).count();
        let payloads = if self.reads(Collector::PayloadCountsBreakdown) { 2 * hours } else { 0 };
        let bytes = if self.reads(Collector::PayloadBytes) { payloads } else { 0 };
        let by_day =
            [Collector::DeviceCounts, Collector::NotebookMinuteCounts].map(|collector| self.reads(collector));
        let has_days = !self.days_is_empty();
        payloads + bytes + by_day.into_iter().filter(|reads| *reads && has_days).count()
    }

    /// Reads all that is wanted of one scope. Where Losant does not answer for this scope and does for its instance, it is asked
    /// once more.
    pub(super) async fn read(&self, subject: &Subject) -> Result<History, Unread> {
        let mut read = self.read_once(subject).await;
        if read.as_ref().is_err_and(Error::is_passing) {
            match self.0.client.instance(subject.scope.instance()).await {
                Err(error) if error.is_passing() || matches!(error, Error::Unauthorized { .. }) => {
                    return Err(Unread::Outage(error));
                }
                _ => read = self.read_once(subject).await,
            }
        }
        read.map_err(|error| match error {
            error @ Error::Unauthorized { .. } => Unread::Outage(error),
            error if error.is_passing() => Unread::Passing(error),
            error => Unread::Alone(error),
        })
    }

    async fn read_once(&self, subject: &Subject) -> Result<History, Error> {
        let mut history = History::of(subject.scope);
        let is_told = |window: &Window| subject.born.is_none_or(|born| born < window.end);
        if self.reads(Collector::PayloadCountsBreakdown) {
            self.payloads(&mut history, is_told).await?;
        }
        if !self.days_is_empty() {
            if self.reads(Collector::DeviceCounts) {
                self.devices(&mut history, subject, is_told).await?;
            }
            if self.reads(Collector::NotebookMinuteCounts) {
                self.notebooks(&mut history, is_told).await?;
            }
        }
        history.series.sort_by_key(|series| series.figure);
        Ok(history)
    }

    fn reads(&self, collector: Collector) -> bool {
        self.0.collectors.contains(&collector)
    }

    fn days_is_empty(&self) -> bool {
        let days = self.0.span.days();
        days.start >= days.end
    }

    fn asks(&self) -> &Client {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        &self.0.client
    }

    async fn payloads(&self, history: &mut History, is_told: impl Fn(&Window) -> bool) -> Result<(), Error> {
        let (mut payloads, mut bytes) = (Hours::default(), Hours::default());
        let mut left = self.0.span.hours();
        let mut longest = self.0.longest_piece.load(Ordering::Relaxed);
        while left.start < left.end {
            let Some(piece) = pieces(left, longest).next() else { break };
            match self.piece(history.scope, piece).await {
                Ok((of_payloads, of_bytes)) => {
                    let hours: Vec<_> = tiles(piece, Window::hour).collect();
                    payloads.extend(&of_payloads, &hours, self.0.span.now);
                    if let Some(of_bytes) = of_bytes {
                        bytes.extend(&of_bytes, &hours, self.0.span.now);
                    }
                    left.start = piece.end;
                    self.0.longest_piece.fetch_min(longest, Ordering::Relaxed);
                }
                // The range may be too long for this installation. If that was it, the others need not find out again.
                Err(error) if longest > 1 && may_be_too_long(&error) => longest /= 2,
                Err(error) => return Err(error),
            }
        }
        for (hours, by_hour, by_day) in [
            (payloads, Figure::PayloadsLastHour, Figure::PayloadsLastDay),
            (bytes, Figure::PayloadBytesLastHour, Figure::PayloadBytesLastDay),
        ] {
            for label in [BILLABLE, NOT_BILLABLE] {
                for (figure, window, tile) in [
                    (by_hour, self.0.span.hours(), Window::hour as fn(_) -> _),
                    (by_day, self.0.span.days(), Window::day),
                ] {
                    let windows = tiles(window, tile).filter(&is_told);
                    let values = windows.map(|window| (stamp(window.end), hours.value(window, label)));
                    history.add(figure, Some(label), values);
                }
            }
        }
        Ok(())
    }

    /// Payloads, and bytes where they are wanted, by hour.
    async fn piece(&self, scope: Scope, piece: Window) -> Result<(Split, Option<Split>), Error> {
        let read = async |unit, billing| {
            let (start, end) = (piece.start, piece.end);
            let asked =
                self.asks().payload_counts_breakdown(scope, start, end, Resolution::Hour, unit, billing);
            Ok::<_, Error>(buckets(asked.await?, piece))
        };
        let split = async |unit| {
            let all = read(unit, Billing::All).await?;
            // Of nothing, nothing is billed.
            let billable =
                if all.is_zero() { all.clone() } else { read(unit, Billing::BillableOnly).await? };
            Ok::<_, Error>(Split { billable, all })
        };
        let payloads = split(Unit::Payloads).await?;
        let bytes = match self.reads(Collector::PayloadBytes) {
            false => None,
            // No payload has no bytes.
            true if payloads.all.is_zero() => Some(payloads.clone()),
            true => Some(split(Unit::Bytes).await?),
        };
        Ok((payloads, bytes))
    }

    async fn devices(
        &self,
        history: &mut History,
        subject: &Subject,
        is_told: impl Fn(&Window) -> bool,
    ) -> Result<(), Error> {
        let Window { start, .. } = self.0.span.days();
        // Up to this moment, so that an answer without any day says that the number of now was that of all days.
        let end = self.0.clock.now();
        let answer = self.asks().device_counts(subject.scope, start, end).await?;
        let coverage = Coverage::new((answer.start, answer.end), (start, end));
        let is_known = |day: &Window| is_told(day) && coverage.covers(*day, self.0.span.now);
        let mut counts = answer.counts;
        counts.sort_by_key(|day| day.date);
        let days: Vec<_> = tiles(self.0.span.days(), Window::day).filter(is_known).collect();
        let totals = days.iter().map(|day| {
            let at = day.end.saturating_sub(BEFORE_MIDNIGHT).unwrap_or(day.end);
            (at, total_at_end_of(&counts, *day, subject.devices))
        });
        history.add(Figure::Devices, None, totals);
        let created = |day: &DeviceDay| day.created;
        let deleted = |day: &DeviceDay| day.deleted;
        for (figure, count) in [
            (Figure::DevicesCreatedLastDay, created as fn(&DeviceDay) -> Option<f64>),
            (Figure::DevicesDeletedLastDay, deleted),
        ] {
            let sums = days.iter().map(|day| {
                let within = counts.iter().filter(|bucket| day.contains(bucket.date));
                (stamp(day.end), sum_of_known(within.map(count)))
            });
            history.add(figure, None, sums);
        }
        Ok(())
    }

    async fn notebooks(&self, history: &mut History, is_told: impl Fn(&Window) -> bool) -> Result<(), Error> {
        let whole = self.0.span.days();
        let answer = self.asks().notebook_minute_counts(history.scope, whole.start, whole.end).await?;
        let coverage = Coverage::new((answer.start, answer.end), (whole.start, whole.end));
        let is_known = |day: &Window| is_told(day) && coverage.covers(*day, self.0.span.now);
        let days: Vec<_> = tiles(whole, Window::day).filter(is_known).collect();
        let mut add = |figure, label, count: fn(&NotebookDay) -> Option<f64>| {
            let sums = days.iter().map(|day| {
                let within = answer.counts.iter().filter(|bucket| day.contains(bucket.date));
                (stamp(day.end), sum_of_known(within.map(count)))
            });
            history.add(figure, label, sums);
        };
        add(Figure::NotebookRunSecondsLastDay, None, |day| {
            day.minutes.map(|minutes| minutes * SECONDS_PER_MINUTE)
        });
        for (outcome, runs) in [
            ("completed", (|day| day.completed) as fn(&NotebookDay) -> Option<f64>),
            ("canceled", |day| day.canceled),
            ("errored", |day| day.errored),
            ("timeout", |day| day.timeout),
        ] {
            add(Figure::NotebookRunsLastDay, Some(("outcome", outcome)), runs);
        }
        Ok(())
    }
}

/// Whether a shorter range may be answered: this one was refused, or took too long, here or behind a gateway.
const fn may_be_too_long(error: &Error) -> bool {
    matches!(
        error,
        Error::Rejected { .. }
            | Error::Unavailable { reason: Unavailable::Timeout | Unavailable::Status(504), .. }
    )
}

fn buckets(answer: Series<PayloadBucket>, asked: Window) -> Buckets {
    let coverage = Coverage::new((answer.start, answer.end), (asked.start, asked.end));
    Buckets::new(coverage, answer.counts.into_iter().map(|bucket| (bucket.date, bucket.value)))
}

/// How many devices there were at the end of `day`. A day that an answer leaves out saw no change, so the number is that of the
/// day before it, or what the day after it began with; without any day in the answer, the number of `now`.
fn total_at_end_of(counts: &[DeviceDay], day: Window, now: Option<f64>) -> Option<f64> {
    let (before, after) = counts.split_at(counts.partition_point(|bucket| bucket.date < day.end));
    match (before.last(), after.first()) {
        (Some(latest), _) => latest.total,
        (None, Some(next)) => Some(next.total? - next.created? + next.deleted?).filter(|total| *total >= 0.0),
        (None, None) => now,
    }
}

/// The hours of one unit, as two answers tell them.
#[derive(Clone, Debug)]
struct Split {
    billable: Buckets,
    all: Buckets,
}

/// Hours one after the other.
#[derive(Debug, Default)]
struct Hours(Vec<Hour>);

#[derive(Debug)]
struct Hour {
    start: Timestamp,
    billable: Option<f64>,
    all: Option<f64>,
}

impl Hours {
    fn extend(&mut self, split: &Split, hours: &[Window], now: Timestamp) {
        self.0.extend(hours.iter().map(|hour| Hour {
            start: hour.start,
            billable: split.billable.sum(*hour, now),
            all: split.all.sum(*hour, now),
        }));
    }

    /// The sum over a window. `None` where it is not known of every hour, or where the two answers contradict each other: counts
    /// may have been restated between them.
    fn value(&self, window: Window, label: Label) -> Option<f64> {
        let first = self.0.partition_point(|hour| hour.start < window.start);
        let within = || self.0.iter().skip(first).take_while(|hour| hour.start < window.end);
        // Without an hour nothing was asked.
        within().next()?;
        let billable = within().map(|hour| hour.billable).sum::<Option<f64>>()?;
        if label == BILLABLE {
            return Some(billable);
        }
        let all = within().map(|hour| hour.all).sum::<Option<f64>>()?;
        Some(all - billable).filter(|rest| *rest >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(date: &str, created: f64, deleted: f64, total: f64) -> DeviceDay {
        DeviceDay { date: at(date), created: Some(created), deleted: Some(deleted), total: Some(total) }
    }

    #[test]
    fn days_that_are_left_out_have_the_devices_of_the_days_around_them() {
        let counts =
            [day("2026-03-03T00:00:00Z", 4.0, 1.0, 10.0), day("2026-03-05T00:00:00Z", 0.0, 10.0, 0.0)];
        let total = |date: &str| total_at_end_of(&counts, Window::day(at(date)), Some(99.0));
        let dates = [
            "2026-03-02T00:00:00Z",
            "2026-03-03T00:00:00Z",
            "2026-03-04T00:00:00Z",
            "2026-03-05T00:00:00Z",
            "2026-03-06T00:00:00Z",
        ];
        assert_eq!(dates.map(total), [7.0, 10.0, 10.0, 0.0, 0.0].map(Some));
        assert_eq!(total_at_end_of(&[], Window::day(at("2026-03-02T00:00:00Z")), Some(5.0)), Some(5.0));
        assert_eq!(total_at_end_of(&[], Window::day(at("2026-03-02T00:00:00Z")), None), None);
    }

    #[test]
    fn what_is_not_billable_is_unknown_where_the_answers_contradict_each_other() {
        let start = at("2026-03-02T00:00:00Z");
        let hour = |offset: i64, billable, all| Hour {
            start: start + SignedDuration::from_hours(offset),
            billable,
            all,
        };
        let hours = Hours(vec![
            hour(0, Some(7.0), Some(6.0)),
            hour(1, Some(1.0), Some(3.0)),
            hour(2, None, Some(3.0)),
        ]);
        let value = |from: i64, to: i64, label| {
            let window = Window {
                start: start + SignedDuration::from_hours(from),
                end: start + SignedDuration::from_hours(to),
            };
            hours.value(window, label)
        };
        assert_eq!((value(0, 1, BILLABLE), value(0, 1, NOT_BILLABLE)), (Some(7.0), None));
        assert_eq!((value(0, 2, BILLABLE), value(0, 2, NOT_BILLABLE)), (Some(8.0), Some(1.0)));
        assert_eq!((value(0, 3, BILLABLE), value(2, 3, NOT_BILLABLE)), (None, None));
        assert_eq!(value(3, 4, BILLABLE), None);
    }
}
