//! Whether what is shown is true of the moment that it says it speaks of, and how old it is.
//!
//! `losant_{level}_last_success_timestamp_seconds` says of every collector and scope up to when its numbers are known to be
//! true. Each of them is compared with what the world had at that moment, in both directions: nothing may differ, be missing, or
//! be there without reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{Limits, ObjectId, Owner, World};

use crate::scrape::Scrape;
use crate::truth::{self, Side};

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    /// Series that were compared with the truth.
    pub compared: usize,
    /// What differs, is missing, or has no reason to be there.
    pub wrong: Vec<String>,
    /// Scopes and collectors of which nothing is known.
    pub unknown: BTreeMap<String, usize>,
    /// Age of the oldest numbers of each collector.
    pub oldest: BTreeMap<String, SignedDuration>,
}

/// What follows the level in the family that says what moment numbers are of.
const LAST_SUCCESS: &str = "last_success_timestamp_seconds";

/// The collectors whose numbers are compared.
pub const COLLECTORS: [&str; 6] = [
    "discovery",
    "payload_counts",
    "payload_bytes",
    "payload_counts_breakdown",
    "device_counts",
    "notebook_minute_counts",
];

/// The collector that brings a family, by what follows its level.
pub fn collector_of(stem: &str) -> Option<&'static str> {
    Some(match stem {
        "payloads_period" => "payload_counts",
        "payload_bytes_period" => "payload_bytes",
        "period_start_timestamp_seconds"
        | "period_end_timestamp_seconds"
        | "payload_limit"
        | "notebook_run_limit_seconds" => "discovery",
        _ if stem.starts_with("payload")
            || stem.starts_with("billable_payloads")
            || stem.starts_with("last_hour_end") =>
        {
            "payload_counts_breakdown"
        }
        _ if stem.starts_with("devices") => "device_counts",
        _ if stem.starts_with("notebook_run") => "notebook_minute_counts",
        _ => return None,
    })
}

/// A scope by the ids that its series carry.
struct Who {
    owner: Owner,
    level: &'static str,
    ids: String,
    limits: Limits,
}

fn everybody(world: &World, now: Timestamp) -> Vec<Who> {
    let ids = |level: &str, instance: ObjectId, id: ObjectId| {
        if level == "instance" {
            format!("instance_id=\"{instance}\"")
        } else {
            format!("instance_id=\"{instance}\",{level}_id=\"{id}\"")
        }
    };
    let mut all = Vec::new();
    for instance in world.instances() {
        let (owner, level) = (Owner::Instance(instance.id()), "instance");
        let limits = instance.limits.clone();
        all.push(Who { owner, level, ids: ids(level, instance.id(), instance.id()), limits });
    }
    for org in world.orgs().iter().filter(|org| org.exists(now)) {
        let (owner, level) = (Owner::Org(org.id()), "org");
        all.push(Who { owner, level, ids: ids(level, org.instance(), org.id()), limits: org.limits.clone() });
    }
    for user in world.sandboxes().iter().filter(|user| user.exists(now) && !user.is_marked(now)) {
        let (owner, level) = (Owner::Sandbox(user.id()), "sandbox");
        all.push(Who {
            owner,
            level,
            ids: ids(level, user.instance(), user.id()),
            limits: user.limits.clone(),
        });
    }
    all
}

/// Compares a scrape made at `now` with what the world shows, or with the truth.
///
/// `expired` says from which age on nothing may be shown; up to it, everything that was read must be.
pub fn compare(
    world: &World,
    scrape: &Scrape,
    now: Timestamp,
    side: Side,
    expire_after: SignedDuration,
) -> Report {
    let mut report = Report::default();
    let mut shown = by_scope(scrape);
    for who in everybody(world, now) {
        let mut of_scope = shown.remove(&(who.level.to_owned(), who.ids.clone())).unwrap_or_default();
        let successes = of_scope.remove(LAST_SUCCESS).unwrap_or_default();
        let mut expected = BTreeMap::new();
        // Rows of one moment serve all collectors that were read at it.
        let mut rows_at: BTreeMap<Timestamp, Vec<truth::Row>> = BTreeMap::new();
        for collector in COLLECTORS {
            let at = successes.get(&format!("collector=\"{collector}\"")).map(|at| moment(*at));
            let Some(at) = at.filter(|at| now.duration_since(*at) <= expire_after) else {
                *report.unknown.entry(collector.to_owned()).or_default() += 1;
                continue;
            };
            let oldest = report.oldest.entry(collector.to_owned()).or_default();
            *oldest = (*oldest).max(now.duration_since(at));
            let rows =
                rows_at.entry(at).or_insert_with(|| truth::rows(world, side, who.owner, &who.limits, at));
            for (stem, labels, value) in rows.iter() {
                if collector_of(stem) == Some(collector) && still_holds(world, who.owner, stem, at, now) {
                    let mut written = String::new();
                    for (name, value) in labels {
                        let _ = write!(
                            written,
                            "{}{name}=\"{value}\"",
                            if written.is_empty() { "" } else { "," }
                        );
                    }
                    expected.insert((stem.clone(), written), *value);
                }
            }
        }
        let mut found = BTreeMap::new();
        for (stem, series) in of_scope {
            if collector_of(&stem).is_some() && !stem.ends_with("_previous_period") {
                found.extend(series.into_iter().map(|(labels, value)| ((stem.clone(), labels), value)));
            }
        }
        report.compared += expected.len();
        for key in found.keys().chain(expected.keys()) {
            if found.get(key) != expected.get(key) && report.wrong.len() < 20 {
                report.wrong.push(format!(
                    "{now}: losant_{}_{}{{{},{}}}: shown {:?}, true {:?}",
                    who.level,
                    key.0,
                    who.ids,
                    key.1,
                    found.get(key),
                    expected.get(key)
                ));
            }
        }
    }
    for ((level, ids), families) in shown {
        // The series of applications carry the ids of their owners.
        if families.keys().any(|stem| collector_of(stem).is_some()) {
            report.wrong.push(format!("{now}: a {level} that does not exist is shown: {ids}"));
        }
    }
    report
}

/// Whether a number read at `at` may be shown at `now`: its window is not over.
pub fn still_holds(world: &World, owner: Owner, stem: &str, at: Timestamp, now: Timestamp) -> bool {
    let same = |seconds: i64| at.as_second().div_euclid(seconds) == now.as_second().div_euclid(seconds);
    if stem.ends_with("_this_hour") {
        same(3_600)
    } else if stem.ends_with("_today") || stem.ends_with("_last_day") {
        same(86_400)
    } else if stem.ends_with("_period") || stem.starts_with("period_") {
        world.period(owner, at) == world.period(owner, now)
    } else {
        true
    }
}

/// Series by what follows the level in the family's name, then by their labels beside the ids.
pub type Families = BTreeMap<String, BTreeMap<String, f64>>;

/// Series by level and ids, then by what follows the level in the family's name, then by their other labels.
pub fn by_scope(scrape: &Scrape) -> BTreeMap<(String, String), Families> {
    let mut scopes: BTreeMap<(String, String), Families> = BTreeMap::new();
    for (series, value) in &scrape.series {
        let Some((family, labels)) = series.split_once('{') else { continue };
        let labels = labels.trim_end_matches('}');
        let Some((level, stem)) = ["instance", "org", "sandbox"].iter().find_map(|level| {
            Some((*level, family.strip_prefix("losant_")?.strip_prefix(level)?.strip_prefix('_')?))
        }) else {
            continue;
        };
        // What is not compared would take memory where there are millions of series.
        if collector_of(stem).is_none() && stem != LAST_SUCCESS {
            continue;
        }
        let ids = if level == "instance" { 1 } else { 2 };
        let end = labels.match_indices(',').nth(ids - 1).map_or(labels.len(), |(place, _)| place);
        let (ids, rest) = labels.split_at(end);
        scopes
            .entry((level.to_owned(), ids.to_owned()))
            .or_default()
            .entry(stem.to_owned())
            .or_default()
            .insert(rest.trim_start_matches(',').to_owned(), *value);
    }
    scopes
}

/// The moment that a timestamp in seconds stands for.
pub fn moment(seconds: f64) -> Timestamp {
    // Clocks of tests stand at whole milliseconds.
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since the epoch fit")]
    let milliseconds = (seconds * 1_000.0).round() as i64;
    Timestamp::from_millisecond(milliseconds).expect("a time")
}
