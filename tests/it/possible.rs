//! What Losant may have answered: a question takes a while, and every number of its answer is of some moment in between. A number
//! is right if it was so at one of them.
//!
//! Owns: who there is in a world, what may be shown of them, and what is accepted although it is not so. Shared by all runs that
//! compare what is shown under faults with the truth.
//! Must not: know when anybody was asked, or how late a number may be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{Limits, ObjectId, Owner, World};

use crate::freshness::{collector_of, still_holds};
use crate::truth::{self, Side};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// What follows the level in a family's name, and labels beside the ids.
pub type Key = (String, String);

/// Somebody with usage.
#[derive(Clone, Debug)]
pub struct Who {
    pub owner: Owner,
    pub id: ObjectId,
    pub level: &'static str,
    /// Since when there has been anything to see.
    pub since: Timestamp,
    /// From when on no list tells of it.
    pub gone: Option<Timestamp>,
    /// From when on nobody can read anything of it.
    pub deleted: Option<Timestamp>,
    /// Its ids as they are written in labels.
    pub ids: String,
    pub limits: Limits,
}

/// All who are, or were, in a world.
pub fn everybody(world: &World) -> Vec<Who> {
    let ids = |level: &str, instance: ObjectId, id: ObjectId| {
        format!("instance_id=\"{instance}\",{level}_id=\"{id}\"")
    };
    let instances = world.instances().iter().map(|instance| Who {
        owner: Owner::Instance(instance.id()),
        id: instance.id(),
        level: "instance",
        since: instance.created_at,
        gone: None,
        deleted: None,
        ids: format!("instance_id=\"{}\"", instance.id()),
        limits: instance.limits.clone(),
    });
    let orgs = world.orgs().iter().map(|org| Who {
        owner: Owner::Org(org.id()),
        id: org.id(),
        level: "org",
        since: org.created_at,
        gone: org.deleted_at,
        deleted: org.deleted_at,
        ids: ids("org", org.instance(), org.id()),
        limits: org.limits.clone(),
    });
    let sandboxes = world.sandboxes().iter().map(|user| Who {
        owner: Owner::Sandbox(user.id()),
        id: user.id(),
        level: "sandbox",
        since: user.created_at,
        gone: [user.deleted_at, user.marked_for_deletion_at].into_iter().flatten().min(),
        deleted: user.deleted_at,
        ids: ids("sandbox", user.instance(), user.id()),
        limits: user.limits.clone(),
    });
    instances.chain(orgs).chain(sandboxes).collect()
}

/// How many numbers were compared, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    /// All of them.
    pub all: usize,
    /// Those that could have more than one value, since their question had to wait for its answer.
    pub wide: usize,
    /// Device counts that are out of date in the way that is documented.
    pub unnoticed: usize,
}

impl std::ops::AddAssign for Compared {
    fn add_assign(&mut self, more: Self) {
        self.all += more.all;
        self.wide += more.wide;
        self.unnoticed += more.unnoticed;
    }
}

/// What Losant may have answered to a question about somebody.
pub struct Possible<'a> {
    world: &'a World,
    owner: Owner,
    at: Timestamp,
    /// The values at each moment at which the answer may have been made up.
    values: Vec<BTreeMap<Key, f64>>,
}

impl<'a> Possible<'a> {
    /// Of a question that was asked at `at` and `answered` later. Between the two no more than so many `moments` are looked at.
    pub fn new(world: &'a World, who: &Who, at: Timestamp, answered: Timestamp, moments: i64) -> Self {
        let rows = |at| {
            let rows = truth::rows(world, Side::Shown, who.owner, &who.limits, at);
            rows.into_iter().map(|(stem, labels, value)| ((stem, written(&labels)), value)).collect()
        };
        // The windows of a claim are those of its own hour.
        let hour_end = (at.as_second().div_euclid(HOUR) + 1) * HOUR * 1_000 - 1;
        let hour_end = Timestamp::from_millisecond(hour_end).expect("a time");
        let mut values: Vec<_> = between(at, answered.min(hour_end), moments).map(rows).collect();
        if answered > hour_end {
            values.push(rows(answered));
        }
        Self { world, owner: who.owner, at, values }
    }

    /// Compares what `collector` shows on a page that was asked for and came at these moments. What has not changed on the lists
    /// may have been read up to `refresh` ago. Returns what is wrong, in words.
    pub fn judge(
        &self,
        compared: &mut Compared,
        collector: &str,
        found: &BTreeMap<Key, f64>,
        refresh: SignedDuration,
        (asked_for, came): (Timestamp, Timestamp),
    ) -> Vec<String> {
        let mut problems = Vec::new();
        let holds = |key: &Key, now| still_holds(self.world, self.owner, &key.0, self.at, now);
        for key in self.values[0].keys().filter(|key| collector_of(&key.0) == Some(collector)) {
            // Until it has come, and not only when it was asked for.
            let is_due = holds(key, came) && self.values.iter().all(|values| values.contains_key(key));
            // Where two answers may contradict each other, their difference is unknown.
            let range = self.range(key);
            let is_known = range.is_some_and(|(least, _)| least >= 0.0);
            // Days without devices may be left out, and summaries with the number of devices as well.
            let is_left_out = key.0 == "devices" && range == Some((0.0, 0.0));
            if is_due && is_known && !is_left_out && !found.contains_key(key) {
                problems.push(format!("{key:?} is missing, true {range:?}"));
            }
        }
        for (key, value) in found {
            if is_made_up_by_a_fault(key, *value) {
                continue;
            }
            let Some((least, most)) = self.range(key).filter(|_| holds(key, asked_for) || holds(key, came))
            else {
                problems.push(format!("{key:?} is {value}, and should not be there"));
                continue;
            };
            compared.all += 1;
            compared.wide += usize::from(least < most);
            if least <= *value && *value <= most {
                continue;
            }
            if self.is_unnoticed(key, *value, most, refresh) {
                compared.unnoticed += 1;
            } else {
                problems.push(format!("{key:?} is {value}, true {least} to {most}"));
            }
        }
        problems
    }

    /// The least and the most that a series can be.
    fn range(&self, key: &Key) -> Option<(f64, f64)> {
        let of = |key: &Key| {
            let is_there = self.values.iter().any(|values| values.contains_key(key));
            // Of what has not come yet there is no row.
            let absent = (is_there && key.1.starts_with("payload_type=")).then_some(0.0);
            let values = self.values.iter().filter_map(|values| values.get(key).copied().or(absent));
            values.fold(None, |range: Option<(f64, f64)>, value| {
                let (least, most) = range.unwrap_or((value, value));
                Some((least.min(value), most.max(value)))
            })
        };
        let (least, most) = of(key)?;
        if key.1 != "billable=\"false\"" {
            return Some((least, most));
        }
        // It is the difference between two answers, of which one may be older than the other.
        let billed = of(&(key.0.clone(), "billable=\"true\"".to_owned()));
        let slack = billed.map_or(0.0, |(least, most)| most - least);
        Some((least - slack, most + slack))
    }

    /// Whether this is what the design accepts: devices that were created and deleted between two lists, on which their
    /// number stayed the same and no payload came, are noticed when the scope is refreshed.
    fn is_unnoticed(&self, (stem, _): &Key, value: f64, most: f64, refresh: SignedDuration) -> bool {
        if matches!(self.owner, Owner::Instance(_)) {
            return false;
        }
        let a_minute = self.at - SignedDuration::from_mins(1);
        let shown = self.world.shown(self.at);
        if shown.payload_total(self.owner, a_minute, self.at, false, false) > 0 {
            return false;
        }
        let today = Timestamp::from_second(self.at.as_second().div_euclid(DAY) * DAY).expect("a time");
        let yesterday = today - SignedDuration::from_secs(DAY);
        let before = self.at - refresh;
        let day = |start| self.world.devices_on(self.owner, start, before.max(start));
        let least = match stem.as_str() {
            "devices_created_today" => day(today).created,
            "devices_deleted_today" => day(today).deleted,
            "devices_created_last_day" => day(yesterday).created,
            "devices_deleted_last_day" => day(yesterday).deleted,
            _ => return false,
        };
        f64::from(u32::try_from(least).expect("few")) <= value && value <= most
    }
}

/// Labels as they are written.
pub fn written(labels: &[(&str, String)]) -> String {
    labels.iter().fold(String::new(), |mut written, (name, value)| {
        let comma = if written.is_empty() { "" } else { "," };
        let _ = write!(written, "{comma}{name}=\"{value}\"");
        written
    })
}

/// The moments that stand for a span: its seconds, or so many of them.
fn between(at: Timestamp, answered: Timestamp, moments: i64) -> impl Iterator<Item = Timestamp> {
    let span = (answered.as_millisecond() - at.as_millisecond()).max(0);
    let steps = ((span + 999) / 1_000).min(moments);
    (0..=steps).map(move |step| at + SignedDuration::from_millis(span * step / steps.max(1)))
}

/// Payloads of a type that there is not: some answers hold 7 of one source and 1 of another, for which the exporter can do
/// nothing but show them.
fn is_made_up_by_a_fault((stem, labels): &Key, value: f64) -> bool {
    let expected = match labels.as_str() {
        "payload_type=\"quantumState\",source=\"satellite.link\"" => 7.0,
        "payload_type=\"quantumState\",source=\"unsplit\"" => 1.0,
        _ => return false,
    };
    matches!(stem.as_str(), "payloads_period" | "payload_bytes_period") && value == expected
}
