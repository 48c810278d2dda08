//! Whether a page is true: every number is compared with what Losant showed at the moment that it claims to speak of, and those
//! who are gone, or of whom nothing has been read for long, must not be on it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{Limits, ObjectId, Owner, World};

use super::asked::{Asked, subject};
use super::page::{LAST_SUCCESS, Number, Page};
use crate::freshness::{COLLECTORS, collector_of, moment, still_holds};
use crate::truth::{self, Side};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// A request that was under way when somebody went tells of a moment a little later.
const ROUNDING: SignedDuration = SignedDuration::from_secs(2);

/// Ages are measured from the question, claims from a moment after it.
const SOON: SignedDuration = SignedDuration::from_secs(5);

/// How late anything may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How old a number may be when a page is made.
    pub expire_after: SignedDuration,
    /// How old a page may be.
    pub page_age: SignedDuration,
    /// How long it may take until it is known that somebody is gone, while lists can be read.
    pub unlisted_after: SignedDuration,
    /// After how long a scope is read anew although lists show no change.
    pub refresh: SignedDuration,
}

impl Bounds {
    /// How old a number may be when it is seen.
    fn shown_for(&self) -> SignedDuration {
        self.expire_after + self.page_age
    }
}

/// What is known beside the world.
pub struct Circumstances<'a> {
    pub asked: &'a Asked,
    /// How much later than its arrival a request may have been answered.
    pub slow: SignedDuration,
    /// Since when nothing has stood in the way of lists.
    pub lists_whole_since: Option<Timestamp>,
    /// Orgs that the configuration leaves out, and since when.
    pub left_out: &'a HashMap<ObjectId, Timestamp>,
    /// When the page was asked for, and when it had come.
    pub scraped: (Timestamp, Timestamp),
}

/// What a look at a page found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Numbers that were compared.
    pub compared: usize,
    /// Those of them that could have more than one value, since their question had to wait for its answer.
    pub wide: usize,
    /// Device counts that are out of date in the way that is documented.
    pub unnoticed: usize,
    /// How often numbers of a collector and scope had to be there if nothing kept them away, and how often they were not.
    pub wanted: usize,
    pub missing: Vec<(ObjectId, &'static str)>,
    /// Those who are gone, and not on the page any more.
    pub departed: usize,
    pub wrong: Vec<String>,
    pub stale: Vec<String>,
}

/// Somebody with usage.
struct Who {
    owner: Owner,
    id: ObjectId,
    level: &'static str,
    since: Timestamp,
    /// From when on no list tells of it.
    gone: Option<Timestamp>,
    /// From when on nobody can read anything of it.
    deleted: Option<Timestamp>,
    ids: String,
    limits: Limits,
}

/// What follows the level in a family's name, and labels beside the ids.
type Key = (String, String);

fn everybody(world: &World) -> Vec<Who> {
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

/// Compares a page with what Losant showed.
pub fn look(world: &World, page: &Page<'_>, bounds: &Bounds, around: &Circumstances<'_>) -> Findings {
    let mut findings = Findings::default();
    let mut known = HashSet::new();
    for who in everybody(world) {
        let ids = (who.level, who.ids.as_str());
        let numbers = page.scopes.get(&ids).map(Vec::as_slice).unwrap_or_default();
        known.insert(who.id.to_string());
        look_for_the_gone(&mut findings, page, bounds, around, &who);
        let exists = who.since <= around.scraped.1 && who.gone.is_none_or(|gone| around.scraped.0 < gone);
        if exists || !numbers.is_empty() {
            look_at(&mut findings, world, &who, numbers, (bounds, around), exists);
        }
    }
    for id in page.seen.iter().filter(|id| !known.contains(**id)) {
        findings.wrong.push(format!("somebody is shown whom nobody knows: {id}"));
    }
    findings
}

/// Those who are gone may not be shown for longer than it takes to notice.
fn look_for_the_gone(
    findings: &mut Findings,
    page: &Page<'_>,
    bounds: &Bounds,
    around: &Circumstances<'_>,
    who: &Who,
) {
    let left_out = around.left_out.get(&who.id).copied();
    let Some(gone) = who.gone.into_iter().chain(left_out).min() else { return };
    let now = around.scraped.0;
    let is_shown = page.seen.contains(who.id.to_string().as_str());
    findings.departed += usize::from(!is_shown && who.gone.is_some());
    if !is_shown || gone > now {
        return;
    }
    // What was read of them before they went has expired by then, lists or not.
    if who.deleted.is_some_and(|gone| now.duration_since(gone) > bounds.shown_for() + ROUNDING) {
        findings.stale.push(format!("{} {} went at {gone}, and is still shown at {now}", who.level, who.id));
    }
    let lists = around.lists_whole_since.map(|since| now.duration_since(since.max(gone)));
    if lists.is_some_and(|lists| lists > bounds.unlisted_after + bounds.page_age) {
        findings.stale.push(format!(
            "{} {} went at {gone}, lists can be read since {:?}, and it is still shown at {now}",
            who.level, who.id, around.lists_whole_since
        ));
    }
}

fn look_at(
    findings: &mut Findings,
    world: &World,
    who: &Who,
    numbers: &[Number<'_>],
    (bounds, around): (&Bounds, &Circumstances<'_>),
    exists: bool,
) {
    let (mut successes, mut found) = (HashMap::new(), HashMap::<&str, BTreeMap<Key, f64>>::new());
    for Number { stem, labels, value } in numbers {
        if *stem == LAST_SUCCESS {
            successes.insert(*labels, *value);
        } else if let Some(collector) = collector_of(stem) {
            let key = ((*stem).to_owned(), (*labels).to_owned());
            if found.entry(collector).or_default().insert(key, *value).is_some() {
                findings.wrong.push(format!("twice: {} {} {stem}{{{labels}}}", who.level, who.id));
            }
        }
    }
    let mut possible = HashMap::new();
    let (asked_for, came) = around.scraped;
    for collector in COLLECTORS {
        let found = found.remove(collector).unwrap_or_default();
        let label = format!("collector=\"{collector}\"");
        let claimed = successes.get(label.as_str()).map(|at| moment(*at));
        findings.wanted += usize::from(exists);
        let Some(at) = claimed else {
            if let Some(key) = found.keys().next() {
                findings.wrong.push(format!("{} {}: {key:?} without a success", who.level, who.id));
            }
            if exists {
                findings.missing.push((who.id, collector));
            }
            continue;
        };
        let age = asked_for.duration_since(at);
        if age > bounds.shown_for() {
            if found.is_empty() {
                findings.missing.push((who.id, collector));
            } else {
                findings.stale.push(format!("{collector} of {} {} is {age:#} old", who.level, who.id));
            }
            continue;
        }
        if at > came || who.deleted.is_some_and(|gone| at.duration_since(gone) > ROUNDING) {
            findings.wrong.push(format!(
                "{collector} of {} {} was read at {at}, gone at {:?}",
                who.level, who.id, who.deleted
            ));
        }
        if found.is_empty() && age > bounds.expire_after - SOON {
            // Expired, and the page says so already.
            findings.missing.push((who.id, collector));
            continue;
        }
        let answered = around.asked.answered(subject(who.level, who.id, collector), at) + around.slow;
        // Nothing of what comes later can be on the page.
        let answered = answered.min(came).max(at);
        let possible =
            possible.entry((at, answered)).or_insert_with(|| Possible::new(world, who, at, answered));
        for problem in possible.judge(findings, collector, &found, bounds, around.scraped) {
            findings.wrong.push(format!("{} {}, read at {at}: {problem}", who.level, who.id));
        }
    }
}

/// What Losant may have answered.
struct Possible<'a> {
    world: &'a World,
    owner: Owner,
    at: Timestamp,
    /// The values at each moment at which the answer may have been made up.
    values: Vec<BTreeMap<Key, f64>>,
}

/// The moments that stand for a span: its seconds, or so many of them.
const MOMENTS: i64 = 4;

fn moments(at: Timestamp, answered: Timestamp) -> impl Iterator<Item = Timestamp> {
    let span = (answered.as_millisecond() - at.as_millisecond()).max(0);
    let steps = ((span + 999) / 1_000).min(MOMENTS);
    (0..=steps).map(move |step| at + SignedDuration::from_millis(span * step / steps.max(1)))
}

impl<'a> Possible<'a> {
    fn new(world: &'a World, who: &Who, at: Timestamp, answered: Timestamp) -> Self {
        let rows = |at| {
            let rows = truth::rows(world, Side::Shown, who.owner, &who.limits, at);
            rows.into_iter().map(|(stem, labels, value)| ((stem, written(&labels)), value)).collect()
        };
        // The windows of a claim are those of its own hour.
        let hour_end = (at.as_second().div_euclid(HOUR) + 1) * HOUR * 1_000 - 1;
        let hour_end = Timestamp::from_millisecond(hour_end).expect("a time");
        let mut values: Vec<_> = moments(at, answered.min(hour_end)).map(rows).collect();
        if answered > hour_end {
            values.push(rows(answered));
        }
        Self { world, owner: who.owner, at, values }
    }

    /// What is wrong with what `collector` shows.
    fn judge(
        &self,
        findings: &mut Findings,
        collector: &str,
        found: &BTreeMap<Key, f64>,
        bounds: &Bounds,
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
            findings.compared += 1;
            findings.wide += usize::from(least < most);
            if least <= *value && *value <= most {
                continue;
            }
            if self.is_unnoticed(key, *value, most, bounds) {
                findings.unnoticed += 1;
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
    fn is_unnoticed(&self, (stem, _): &Key, value: f64, most: f64, bounds: &Bounds) -> bool {
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
        let before = self.at - bounds.refresh - bounds.shown_for();
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

fn written(labels: &[(&str, String)]) -> String {
    labels.iter().fold(String::new(), |mut written, (name, value)| {
        let comma = if written.is_empty() { "" } else { "," };
        let _ = write!(written, "{comma}{name}=\"{value}\"");
        written
    })
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

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
