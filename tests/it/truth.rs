//! What the exporter must show of a simulated world, worked out from the world itself and not from any answer.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{Limits, Owner, World};

use crate::scrape::series;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Series and their values.
pub type Series = BTreeMap<String, f64>;

/// How long an hour takes to settle where nothing else is configured.
pub const SETTLE_DELAY: Duration = Duration::from_secs(600);

/// Every usage series of everyone who exists at `now`.
pub fn usage(world: &World, now: Timestamp) -> Series {
    let mut expected = Expected { world, now, series: Series::new() };
    for instance in world.instances() {
        expected.owner(
            Owner::Instance(instance.id()),
            &[("instance_id", &instance.id().to_string())],
            &instance.limits,
        );
    }
    for org in world.orgs().iter().filter(|org| org.exists(now)) {
        let ids = [("instance_id", &*org.instance().to_string()), ("org_id", &*org.id().to_string())];
        expected.owner(Owner::Org(org.id()), &ids, &org.limits);
    }
    for sandbox in world.sandboxes().iter().filter(|user| user.exists(now) && !user.is_marked(now)) {
        let ids =
            [("instance_id", &*sandbox.instance().to_string()), ("sandbox_id", &*sandbox.id().to_string())];
        expected.owner(Owner::Sandbox(sandbox.id()), &ids, &sandbox.limits);
    }
    expected.series
}

/// The families that [`usage`] speaks of, out of all that a scrape shows.
pub fn usage_of(scraped: &Series) -> Series {
    const WORDS: [&str; 5] = ["payload", "device", "notebook", "last_hour_end", "period_"];
    scraped
        .iter()
        .filter(|(series, _)| {
            let family = series.split('{').next().unwrap_or_default();
            // What comes from monthly summaries has a truth of its own, in `applications`.
            if family.ends_with("_previous_period") {
                return false;
            }
            let level = ["losant_instance_", "losant_org_", "losant_sandbox_"];
            level.iter().filter_map(|prefix| family.strip_prefix(prefix)).any(|stem| {
                WORDS.iter().any(|word| stem.starts_with(word)) || stem.starts_with("billable_payloads")
            })
        })
        .map(|(series, value)| (series.clone(), *value))
        .collect()
}

/// Fails with the series that differ, and not with two walls of text.
pub fn assert_same(shown: &Series, expected: &Series) {
    let differing: Vec<_> = shown
        .keys()
        .chain(expected.keys())
        .filter(|series| shown.get(*series) != expected.get(*series))
        .take(20)
        .map(|series| format!("{series}: shown {:?}, true {:?}", shown.get(series), expected.get(series)))
        .collect();
    assert!(differing.is_empty(), "of {} series:\n{}", expected.len(), differing.join("\n"));
}

/// Which of the two sides of a world: they differ while payloads are counted late or have been restated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is so.
    True,
    /// What the API shows at the time.
    Shown,
}

/// What follows the level in a family's name, labels beside the ids, and the value.
pub type Row = (String, Vec<(&'static str, String)>, f64);

struct Expected<'a> {
    world: &'a World,
    now: Timestamp,
    series: Series,
}

impl Expected<'_> {
    fn owner(&mut self, owner: Owner, ids: &[(&str, &str)], limits: &Limits) {
        let level = match owner {
            Owner::Instance(_) => "instance",
            Owner::Org(_) => "org",
            Owner::Sandbox(_) => "sandbox",
        };
        let add = |stem: &str, labels: &[(&str, &str)], value: f64, series_by_name: &mut Series| {
            let labels: Vec<_> = ids.iter().chain(labels).copied().collect();
            series_by_name.insert(series(&format!("losant_{level}_{stem}"), &labels), value);
        };
        let mut series = std::mem::take(&mut self.series);
        for (stem, labels, value) in rows(self.world, Side::True, owner, limits, self.now) {
            let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
            add(&stem, &labels, value, &mut series);
        }
        self.series = series;
    }
}

/// The usage of one owner as of `now`.
pub fn rows(world: &World, side: Side, owner: Owner, limits: &Limits, now: Timestamp) -> Vec<Row> {
    let view = match side {
        Side::True => world.truth(),
        Side::Shown => world.shown(now),
    };
    let mut rows = Vec::new();
    let (period_start, period_end) = world.period(owner, now);
    rows.push(("period_start_timestamp_seconds".to_owned(), vec![], seconds(period_start)));
    rows.push(("period_end_timestamp_seconds".to_owned(), vec![], seconds(period_end)));

    let by_source = [
        ("payloads_period", view.payloads(owner, period_start, now)),
        ("payload_bytes_period", view.payload_bytes(owner, period_start, now)),
    ];
    for (stem, counts) in by_source {
        for ((payload_type, source), count) in counts {
            let labels = vec![("payload_type", payload_type), ("source", source)];
            rows.push((stem.to_owned(), labels, number(count)));
        }
    }

    let this_hour = floor(now, HOUR);
    let last_hour_end = floor(now - SignedDuration::try_from(SETTLE_DELAY).unwrap(), HOUR);
    let today = floor(now, DAY);
    let windows = [
        ("this_hour", this_hour, now),
        ("last_hour", back(last_hour_end, HOUR), last_hour_end),
        ("today", today, now),
        ("last_day", back(today, DAY), today),
    ];
    for (window, start, end) in windows {
        for (unit, as_bytes) in [("payloads", false), ("payload_bytes", true)] {
            let billable = view.payload_total(owner, start, end, true, as_bytes);
            let all = view.payload_total(owner, start, end, false, as_bytes);
            for (label, value) in [("true", billable), ("false", all - billable)] {
                rows.push((format!("{unit}_{window}"), vec![("billable", label.to_owned())], number(value)));
            }
        }
    }
    rows.push(("last_hour_end_timestamp_seconds".to_owned(), vec![], seconds(last_hour_end)));
    let billed = view.payload_total(owner, period_start, now, true, false);
    rows.push(("billable_payloads_period".to_owned(), vec![], number(billed)));

    let days = [
        ("today", world.devices(owner, now)),
        ("last_day", world.devices_on(owner, back(today, DAY), today)),
    ];
    rows.push(("devices".to_owned(), vec![], number(days[0].1.total)));
    for (window, day) in days {
        rows.push((format!("devices_created_{window}"), vec![], number(day.created)));
        rows.push((format!("devices_deleted_{window}"), vec![], number(day.deleted)));
    }

    let mut windows =
        vec![("today", today, now), ("last_day", back(today, DAY), today), ("period", period_start, now)];
    if floor(period_start, DAY) != period_start {
        // Losant counts notebooks by whole days: of a period that starts within one nothing is known.
        windows.pop();
    }
    for (window, start, end) in windows {
        let notebooks = view.notebooks_between(owner, start, end);
        rows.push((format!("notebook_run_seconds_{window}"), vec![], number(notebooks.minutes) * 60.0));
        for (outcome, runs) in [
            ("completed", notebooks.completed),
            ("canceled", notebooks.canceled),
            ("errored", notebooks.errored),
            ("timeout", notebooks.timeout),
        ] {
            let labels = vec![("outcome", outcome.to_owned())];
            rows.push((format!("notebook_runs_{window}"), labels, number(runs)));
        }
    }

    if let Some(limit) = limits.payload {
        rows.push(("payload_limit".to_owned(), vec![], number(limit)));
    }
    if let Some(limit) = limits.notebook_minutes_per_month {
        rows.push(("notebook_run_limit_seconds".to_owned(), vec![], number(limit) * 60.0));
    }
    rows
}
fn floor(at: Timestamp, width: i64) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(width) * width).unwrap()
}

fn back(at: Timestamp, seconds: i64) -> Timestamp {
    at - SignedDuration::from_secs(seconds)
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a simulated world stay below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}
