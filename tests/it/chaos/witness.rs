//! Whether what is shown was so: every number is compared with what Losant showed at the moment that it claims to speak of.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::World;

use crate::freshness::{COLLECTORS, Families, by_scope, collector_of, moment};
use crate::possible::{Compared, Key, Possible, Who, everybody};
use crate::scrape::Scrape;

/// Between question and answer numbers only grow here: the two ends tell all that may have been said.
const MOMENTS: i64 = 1;

/// How long numbers are shown that cannot be read again.
pub const EXPIRE_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Ages are measured from the question, claims from a moment after it.
const ROUNDING: SignedDuration = SignedDuration::from_secs(10);
/// After how long a scope is read anew although lists show no change.
const REFRESH: SignedDuration = SignedDuration::from_hours(6);

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
    pub compared: Compared,
    pub wrong: Vec<String>,
    /// Scopes and collectors of which nothing is shown.
    pub missing: Vec<(Who, &'static str)>,
}

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
        let possible =
            possible.entry(at).or_insert_with(|| Possible::new(then, who, at, past.answered(at), MOMENTS));
        for problem in possible.judge(&mut findings.compared, collector, &found, REFRESH, (now, now)) {
            findings.wrong.push(format!("{now}, claimed {at}: {} {}: {problem}", who.level, who.ids));
        }
    }
}
