//! Whether what is shown was so: every number is compared with what Losant showed at the moment that it claims to speak of.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{Limits, ObjectId, Owner, World};

use crate::freshness::{COLLECTORS, Families, by_scope, collector_of, moment, still_holds};
use crate::scrape::Scrape;
use crate::truth::{self, Side};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// How long numbers are shown that cannot be read again.
pub const EXPIRE_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Ages are measured from the question, claims from a moment after it.
const ROUNDING: SignedDuration = SignedDuration::from_secs(10);
/// After how long a scope is read anew although lists show no change.
const REFRESH: SignedDuration = SignedDuration::from_hours(6);

/// Somebody with usage.
#[derive(Clone, Debug)]
pub struct Who {
    pub owner: Owner,
    pub id: ObjectId,
    pub level: &'static str,
    /// Since when there has been anything to see.
    pub since: Timestamp,
    /// From when on there is nothing.
    pub gone: Option<Timestamp>,
    ids: String,
    limits: Limits,
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
        ids: format!("instance_id=\"{}\"", instance.id()),
        limits: instance.limits.clone(),
    });
    let orgs = world.orgs().iter().map(|org| Who {
        owner: Owner::Org(org.id()),
        id: org.id(),
        level: "org",
        since: org.created_at,
        gone: org.deleted_at,
        ids: ids("org", org.instance(), org.id()),
        limits: org.limits.clone(),
    });
    let sandboxes = world.sandboxes().iter().map(|user| Who {
        owner: Owner::Sandbox(user.id()),
        id: user.id(),
        level: "sandbox",
        since: user.created_at,
        gone: [user.deleted_at, user.marked_for_deletion_at].into_iter().flatten().min(),
        ids: ids("sandbox", user.instance(), user.id()),
        limits: user.limits.clone(),
    });
    instances.chain(orgs).chain(sandboxes).collect()
}

/// What Losant has been, and when polls were under way.
#[derive(Default)]
pub struct Past {
    /// Worlds that changed so that the past looks different since, with the last moment at which they were asked.
    worlds: Vec<(Timestamp, Arc<World>)>,
    /// Spans in which polls were under way. What is asked within one is answered within it.
    spans: Vec<(Timestamp, Timestamp)>,
}

impl Past {
    /// Keeps `world`, which nobody will be asked about after `now`.
    ///
    /// Only for changes that alter what is shown of the time before them. Others (somebody is deleted, disabled, created)
    /// carry their own date: of the time before it the new world tells the same.
    pub fn keep(&mut self, world: Arc<World>, now: Timestamp) {
        self.worlds.push((now, world));
    }

    /// Notes that polls were under way.
    pub fn polled(&mut self, from: Timestamp, to: Timestamp) {
        self.spans.push((from, to));
    }

    fn world<'a>(&'a self, current: &'a World, at: Timestamp) -> &'a World {
        let kept = self.worlds.iter().find(|(until, _)| at <= *until);
        kept.map_or(current, |(_, world)| world)
    }

    /// By when a question that was asked at `at` had been answered.
    fn answered(&self, at: Timestamp) -> Timestamp {
        let span = self.spans.iter().rev().find(|(from, to)| *from <= at && at <= *to);
        span.map_or(at, |(_, to)| *to)
    }
}

/// What a look at a scrape found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Series that were compared.
    pub compared: usize,
    /// Those of them that could have more than one value, since their question had to wait for its answer.
    pub wide: usize,
    /// Device counts that are out of date in the way that is documented.
    pub unnoticed: usize,
    pub wrong: Vec<String>,
    /// Scopes and collectors of which nothing is shown.
    pub missing: Vec<(Who, &'static str)>,
}

/// What follows the level in a family's name, and labels beside the ids.
type Key = (String, String);

/// Compares a scrape made at `now` with what Losant showed.
pub fn look(past: &Past, world: &World, scrape: &Scrape, now: Timestamp) -> Findings {
    let mut findings = Findings::default();
    let mut shown = by_scope(scrape);
    for who in everybody(world) {
        let of_scope = shown.remove(&(who.level.to_owned(), who.ids.clone()));
        let exists = who.since <= now && who.gone.is_none_or(|gone| now < gone);
        if exists || of_scope.is_some() {
            look_at(&mut findings, past, world, &who, of_scope.unwrap_or_default(), (now, exists));
        }
    }
    for ((level, ids), families) in shown {
        if families.keys().any(|stem| collector_of(stem).is_some()) {
            findings.wrong.push(format!("{now}: a {level} that nobody knows is shown: {ids}"));
        }
    }
    findings
}

fn look_at(
    findings: &mut Findings,
    past: &Past,
    world: &World,
    who: &Who,
    mut of_scope: Families,
    (now, exists): (Timestamp, bool),
) {
    let successes = of_scope.remove("last_success_timestamp_seconds").unwrap_or_default();
    let mut found: BTreeMap<&str, BTreeMap<Key, f64>> = BTreeMap::new();
    for (stem, series) in of_scope {
        if let Some(collector) = collector_of(&stem).filter(|_| !stem.ends_with("_previous_period")) {
            let series = series.into_iter().map(|(labels, value)| ((stem.clone(), labels), value));
            found.entry(collector).or_default().extend(series);
        }
    }
    let mut possible = BTreeMap::new();
    for collector in COLLECTORS {
        let found = found.remove(collector).unwrap_or_default();
        let claimed = successes.get(&format!("collector=\"{collector}\"")).map(|at| moment(*at));
        let Some(at) = claimed.filter(|at| now.duration_since(*at) <= EXPIRE_AFTER) else {
            if let Some((stem, labels)) = found.keys().next() {
                let problem = format!("is shown although its last success was at {claimed:?}");
                findings.wrong.push(format!("{now}: {}{stem}{{{},{labels}}} {problem}", who.level, who.ids));
            }
            if exists {
                findings.missing.push((who.clone(), collector));
            }
            continue;
        };
        let expires_now = now.duration_since(at) > EXPIRE_AFTER - ROUNDING;
        if expires_now && found.is_empty() {
            continue;
        }
        let then = past.world(world, at);
        let possible = possible.entry(at).or_insert_with(|| Possible::new(then, who, at, past.answered(at)));
        for problem in possible.judge(findings, collector, &found, now) {
            findings.wrong.push(format!("{now}, claimed {at}: {} {}: {problem}", who.level, who.ids));
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

impl<'a> Possible<'a> {
    fn new(world: &'a World, who: &Who, at: Timestamp, answered: Timestamp) -> Self {
        let rows = |at| {
            let rows = truth::rows(world, Side::Shown, who.owner, &who.limits, at);
            let key = |labels: &[(&str, String)]| {
                labels.iter().fold(String::new(), |mut written, (name, value)| {
                    let comma = if written.is_empty() { "" } else { "," };
                    let _ = write!(written, "{comma}{name}=\"{value}\"");
                    written
                })
            };
            rows.into_iter().map(|(stem, labels, value)| ((stem, key(&labels)), value)).collect()
        };
        let mut values = vec![rows(at)];
        if answered > at {
            // The windows of a claim are those of its own hour.
            let hour_end = (at.as_second().div_euclid(HOUR) + 1) * HOUR * 1_000 - 1;
            let hour_end = Timestamp::from_millisecond(hour_end).expect("a time");
            values.push(rows(answered.min(hour_end)));
            if answered > hour_end {
                values.push(rows(answered));
            }
        }
        Self { world, owner: who.owner, at, values }
    }

    /// What is wrong with what `collector` shows.
    fn judge(
        &self,
        findings: &mut Findings,
        collector: &str,
        found: &BTreeMap<Key, f64>,
        now: Timestamp,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        let holds = |key: &Key| still_holds(self.world, self.owner, &key.0, self.at, now);
        let of_collector = |key: &&Key| collector_of(&key.0) == Some(collector) && holds(key);
        for key in self.values[0].keys().filter(of_collector) {
            let always = self.values.iter().all(|values| values.contains_key(key));
            // Where two answers may contradict each other, their difference is unknown.
            let is_known = self.range(key).is_some_and(|(least, _)| least >= 0.0);
            // Days without devices may be left out, and summaries with the number of devices as well.
            let is_left_out = key.0 == "devices" && self.range(key) == Some((0.0, 0.0));
            if always && is_known && !is_left_out && !found.contains_key(key) {
                problems.push(format!("{key:?} is missing, true {:?}", self.range(key)));
            }
        }
        for (key, value) in found {
            if is_made_up_by_a_fault(key, *value) {
                continue;
            }
            let range = self.range(key).filter(|_| holds(key));
            let Some((least, most)) = range else {
                problems.push(format!("{key:?} is {value}, and should not be there"));
                continue;
            };
            findings.compared += 1;
            findings.wide += usize::from(least < most);
            if least <= *value && *value <= most {
                continue;
            }
            if self.is_unnoticed(key, *value, most) {
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
    fn is_unnoticed(&self, (stem, _): &Key, value: f64, most: f64) -> bool {
        if matches!(self.owner, Owner::Instance(_)) {
            return false;
        }
        let shown = self.world.shown(self.at);
        let a_minute = self.at - SignedDuration::from_mins(1);
        if shown.payload_total(self.owner, a_minute, self.at, false, false) > 0 {
            return false;
        }
        let today = Timestamp::from_second(self.at.as_second().div_euclid(DAY) * DAY).expect("a time");
        let yesterday = today - SignedDuration::from_secs(DAY);
        let before = self.at - REFRESH;
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
