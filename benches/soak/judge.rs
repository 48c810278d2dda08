//! Whether a page is true: every number is compared with what Losant showed at the moment that it claims to speak of, and those
//! who are gone, or of whom nothing has been read for long, must not be on it.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{ObjectId, World};

use super::asked::{Asked, subject};
use super::memory::{Memory, Part};
use super::page::{LAST_SUCCESS, Number, Page};
use crate::freshness::{COLLECTORS, collector_of, moment};
use crate::possible::{Compared, Key, Possible, Who, everybody};

/// So many moments stand for the time that a question took.
const MOMENTS: i64 = 4;

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
    /// Since when orgs are wanted that the configuration has left out before. While it leaves them out that is never.
    pub wanted_since: &'a HashMap<ObjectId, Timestamp>,
    /// Until when Losant has said of some that they are not to be found although they are, at the latest.
    pub not_found: Option<Timestamp>,
    /// When the page was asked for, and when it had come.
    pub scraped: (Timestamp, Timestamp),
}

/// What a look at a page found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Numbers that were compared.
    pub compared: Compared,
    /// How often numbers of a collector and scope had to be there if nothing kept them away, and how often they were not.
    pub wanted: usize,
    pub missing: Vec<Part>,
    /// Those who are gone, and not on the page any more.
    pub departed: usize,
    pub wrong: Vec<String>,
    pub stale: Vec<String>,
}

/// Compares a page with what Losant showed, and with the page before.
pub fn look(
    world: &World,
    page: &Page<'_>,
    bounds: &Bounds,
    around: &Circumstances<'_>,
    memory: &mut Memory,
) -> Findings {
    let mut findings = Findings::default();
    let (mut known, mut claims, mut unclaimed) = (HashSet::new(), HashMap::new(), Vec::new());
    for who in everybody(world) {
        let ids = (who.level, who.ids.as_str());
        let numbers = page.scopes.get(&ids).map(Vec::as_slice).unwrap_or_default();
        known.insert(who.id.to_string());
        look_for_the_gone(&mut findings, page, bounds, around, &who);
        let exists = who.since <= around.scraped.1 && who.gone.is_none_or(|gone| around.scraped.0 < gone);
        if exists || !numbers.is_empty() {
            let claimed = look_at(&mut findings, world, &who, numbers, (bounds, around), exists);
            // Whoever goes while the page is on its way may have gone before it was made.
            let stays = exists && who.gone.is_none_or(|gone| around.scraped.1 < gone);
            let silent = COLLECTORS.into_iter().filter(|collector| stays && !claimed.contains_key(collector));
            unclaimed.extend(silent.map(|collector| (who.id, collector)));
            claims.extend(claimed.into_iter().map(|(collector, at)| ((who.id, collector), at)));
        }
    }
    for ((id, collector), at) in memory.take(claims, &unclaimed, bounds, around) {
        findings.wrong.push(format!("{collector} of {id} was read at {at}, and has vanished from the page"));
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

/// Looks at the numbers of one scope. Returns the moments that they claim to be of.
fn look_at(
    findings: &mut Findings,
    world: &World,
    who: &Who,
    numbers: &[Number<'_>],
    (bounds, around): (&Bounds, &Circumstances<'_>),
    exists: bool,
) -> HashMap<&'static str, Timestamp> {
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
    let (mut possible, mut claims) = (HashMap::new(), HashMap::new());
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
        claims.insert(collector, at);
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
        let possible = possible
            .entry((at, answered))
            .or_insert_with(|| Possible::new(world, who, at, answered, MOMENTS));
        let refresh = bounds.refresh + bounds.shown_for();
        for problem in possible.judge(&mut findings.compared, collector, &found, refresh, around.scraped) {
            findings.wrong.push(format!("{} {}, read at {at}: {problem}", who.level, who.id));
        }
    }
    claims
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
