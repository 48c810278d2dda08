//! The four usage figures of an owner over a range of time.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::action::Count;
use super::bodies::{Scene, date};
use super::calendar::{self, DAY, HOUR};
use super::devices::DeviceDay;
use super::notebooks::NotebookDay;
use super::owner::Owner;
use super::query::Query;
use super::refusal::Refusal;
use super::summary;
use super::switches::{EdgeBuckets, Ends, Switches, ZeroBuckets};

/// How far back usage is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 93);

/// The figure, as the query wants it.
pub(super) fn counts(scene: &Scene<'_>, owner: Owner, count: Count, query: &Query) -> Result<Value, Refusal> {
    let range = Range::read(scene, owner, query)?;
    let shown = scene.world.shown(scene.now);
    match count {
        Count::Payloads => {
            let as_bytes = query.boolean("asBytes", false)?;
            let sums = summary::listed_payloads(shown, scene.switches, owner, range.from, range.to, as_bytes);
            Ok(summary::payload_stats(&sums))
        }
        Count::Breakdown => {
            let width = match query.choice("resolution", &["86400000", "3600000"])? {
                "3600000" => HOUR,
                _ => DAY,
            };
            range.check_cap(scene.switches, width)?;
            let as_bytes = query.boolean("asBytes", false)?;
            let billable_only = !query.boolean("includeNonBillable", false)?;
            Ok(range.body(scene, width, |bucket| {
                let value = shown.payload_total(owner, bucket.from, bucket.to, billable_only, as_bytes);
                (value == 0, json!({ "date": date(bucket.start), "value": value }))
            }))
        }
        Count::Devices => Ok(range.body(scene, DAY, |bucket| {
            let before = scene.world.devices_on(owner, bucket.start, bucket.from);
            let day = scene.world.devices_on(owner, bucket.start, bucket.to);
            let (created, deleted) = (day.created - before.created, day.deleted - before.deleted);
            let body =
                json!({ "date": date(bucket.start), "created": created, "deleted": deleted, "total": day.total });
            (day == DeviceDay::default(), body)
        })),
        Count::Notebooks => Ok(range.body(scene, DAY, |bucket| {
            let day = shown.notebooks_between(owner, bucket.from, bucket.to);
            let NotebookDay { minutes, completed, canceled, errored, timeout } = day;
            let body = json!({
                "date": date(bucket.start), "minutes": minutes,
                "completed": completed, "canceled": canceled, "errored": errored, "timeout": timeout,
            });
            (day == NotebookDay::default(), body)
        })),
    }
}

/// What was asked for, and the half-open part of it that has happened and is kept.
struct Range {
    start: Timestamp,
    end: Timestamp,
    from: Timestamp,
    to: Timestamp,
}

struct Bucket {
    start: Timestamp,
    from: Timestamp,
    to: Timestamp,
}

impl Range {
    fn read(scene: &Scene<'_>, owner: Owner, query: &Query) -> Result<Self, Refusal> {
        let now = scene.now;
        let end = query.moment("end", now)?.unwrap_or(now);
        let start = match query.moment("start", now)? {
            Some(start) => start,
            None => scene.world.period(owner, end.min(now)).0,
        };
        if start > end {
            return Err(Refusal::Validation("start must not be after end".to_owned()));
        }
        let after = match scene.switches.ends {
            Ends::Inclusive => calendar::after_millisecond(end),
            Ends::Exclusive => end,
        };
        let oldest = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        let oldest = calendar::moment(calendar::day(oldest.as_second()) * DAY);
        Ok(Self { start, end, from: start.max(oldest), to: after.min(now) })
    }

    /// Refuses a range that is too long for hours.
    fn check_cap(&self, switches: &Switches, width: i64) -> Result<(), Refusal> {
        let days = switches.hourly_range_cap;
        let longest = SignedDuration::from_hours(24 * i64::from(days));
        if width == HOUR && days > 0 && self.end.duration_since(self.start) > longest {
            let problem =
                format!("start and end must not be more than {days} days apart, resolution 3600000");
            return Err(Refusal::Validation(problem));
        }
        Ok(())
    }

    /// The echo of the range, and a row for each bucket. `row` says whether there is anything in it.
    fn body(&self, scene: &Scene<'_>, width: i64, row: impl Fn(&Bucket) -> (bool, Value)) -> Value {
        let rows = self.buckets(scene, width).map(|bucket| row(&bucket));
        let present = scene.switches.zero_buckets == ZeroBuckets::Present;
        let counts: Vec<Value> =
            rows.filter(|(is_zero, _)| present || !is_zero).map(|(_, body)| body).collect();
        json!({ "start": date(self.start), "end": date(self.end), "counts": counts })
    }

    /// UTC days or hours that touch the range.
    fn buckets(&self, scene: &Scene<'_>, width: i64) -> impl Iterator<Item = Bucket> {
        let whole = scene.switches.edge_buckets == EdgeBuckets::Whole;
        let (from, to, now) = (self.from, self.to, scene.now);
        let first = from.as_second().div_euclid(width) * width;
        (0..)
            .map(move |index| {
                (calendar::moment(first + index * width), calendar::moment(first + (index + 1) * width))
            })
            .take_while(move |(start, _)| *start < to && from < to)
            .map(move |(start, end)| {
                if whole {
                    Bucket { start, from: start, to: end.min(now) }
                } else {
                    Bucket { start, from: start.max(from), to: end.min(to) }
                }
            })
    }
}
