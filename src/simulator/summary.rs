//! The `summary` of an org or a sandbox: what it has and what it used in the running billing period.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::calendar;
use super::chance;
use super::id::ObjectId;
use super::owner::{Activity, Org, Owner};
use super::query::Query;
use super::switches::{PayloadCounts, SummaryWithoutInclude, Switches};
use super::world::{View, World};

/// Counters of things that stand around, with the most a usual owner has of each.
const COUNTERS: [(&str, u64); 23] = [
    ("apiTokenCount", 12),
    ("appCount", 6),
    ("certificateCount", 3),
    ("certificateAuthorityCount", 1),
    ("credentialCount", 8),
    ("dashCount", 14),
    ("dataTableCount", 9),
    ("deviceRecipeCount", 5),
    ("eventCount", 900),
    ("experienceDomainCount", 2),
    ("experienceEndpointCount", 60),
    ("experienceGroupCount", 6),
    ("experienceSlugCount", 2),
    ("experienceUserCount", 140),
    ("experienceVersionCount", 12),
    ("experienceViewCount", 45),
    ("fileCount", 80),
    ("flowCount", 70),
    ("integrationCount", 4),
    ("keyCount", 20),
    ("privateFileCount", 10),
    ("resourceJobCount", 3),
    ("webhookCount", 8),
];
const EXPENSIVE: [&str; 3] = ["eventCount", "pendingInviteCount", "payloadCount"];
const ORG_ONLY: [&str; 2] = ["memberCount", "pendingInviteCount"];
const SANDBOX_ONLY: [&str; 2] = ["orgCount", "instanceCount"];
const COMPUTED: [&str; 5] = ["deviceCount", "notebookCount", "payloadCount", "storageStats", "notebookStats"];

/// The names of the fields that a request wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted(Vec<String>);

impl Wanted {
    /// Orgs know `summaryInclude` only.
    pub(super) fn of_org(query: &Query, switches: &Switches) -> Self {
        Self::read(query, switches, &ORG_ONLY, None)
    }

    /// Sandboxes know `summaryExclude` too.
    pub(super) fn of_sandbox(query: &Query, switches: &Switches) -> Self {
        Self::read(query, switches, &SANDBOX_ONLY, query.text("summaryExclude"))
    }

    fn read(query: &Query, switches: &Switches, own: &[&'static str], exclude: Option<&str>) -> Self {
        let known = COUNTERS.iter().map(|(name, _)| *name).chain(COMPUTED).chain(own.iter().copied());
        let names = |list: &str| list.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let include = query.text("summaryInclude").map(names);
        let exclude = exclude.map(names).unwrap_or_default();
        let wanted = |name: &&str| match (&include, switches.summary_without_include) {
            (Some(include), _) => include.iter().any(|included| included == name),
            (None, SummaryWithoutInclude::Everything) => true,
            (None, SummaryWithoutInclude::WithoutExpensive) => !EXPENSIVE.contains(name),
            (None, SummaryWithoutInclude::Empty) => false,
        };
        let kept = |name: &&str| !exclude.iter().any(|excluded| excluded == name);
        Self(known.filter(wanted).filter(kept).map(str::to_owned).collect())
    }
}

/// The summary of one owner at `now`.
pub(super) fn summary(
    world: &World,
    switches: &Switches,
    wanted: &Wanted,
    owner: (Owner, ObjectId, &Activity),
    memberships: usize,
    now: Timestamp,
) -> Value {
    let (whose, id, activity) = owner;
    let (period_start, _) = world.period(whose, now);
    let is_empty = activity.streams.is_empty();
    let value = |name: &str| match name {
        "deviceCount" => json!(world.devices(whose, now).total),
        "notebookCount" => json!(notebooks(activity)),
        "payloadCount" => {
            payload_stats(&listed_payloads(world.shown(now), switches, whose, period_start, now, false))
        }
        "appCount" => json!(world.applications(whose).len()),
        "storageStats" => {
            let (count, size) = storage(id, is_empty, now);
            json!({ "count": count, "size": size })
        }
        "notebookStats" => {
            let used = world.shown(now).notebooks_between(whose, period_start, now);
            let running = activity.notebooks.map_or(0, |habit| habit.running(id.key(), now.as_second()));
            json!({ "awaitingCompletion": running, "minutesThisPeriod": used.minutes, "runsThisPeriod": used.runs() })
        }
        "memberCount" => json!(people(world, id, true)),
        "pendingInviteCount" => json!(people(world, id, false)),
        "orgCount" => json!(memberships),
        "instanceCount" => json!(0),
        counter => json!(standing(id, is_empty, counter)),
    };
    wanted.0.iter().map(|name| (name.clone(), value(name))).collect::<Map<_, _>>().into()
}

/// Notebooks that somebody has written.
pub(super) fn notebooks(activity: &Activity) -> u64 {
    activity.notebooks.map_or(0, |habit| habit.runs_per_day.div_ceil(2))
}

/// How many things of this name stand around.
pub(super) fn standing(id: ObjectId, is_empty: bool, counter: &str) -> u64 {
    let most = COUNTERS.iter().find(|(name, _)| *name == counter).map_or(0, |(_, most)| *most);
    if is_empty { 0 } else { chance::between(0, most, &[id.key(), chance::key(counter)]) }
}

/// Members of an org, or those who are invited only.
pub(super) fn people(world: &World, org: ObjectId, members: bool) -> usize {
    let everybody = world.org(org).map(Org::members).unwrap_or_default();
    everybody.iter().filter(|member| member.user_id.is_some() == members).count()
}

/// Payloads by type and source, as far as the API lists them.
pub(super) fn listed_payloads(
    view: View<'_>,
    switches: &Switches,
    owner: Owner,
    start: Timestamp,
    end: Timestamp,
    as_bytes: bool,
) -> BTreeMap<(String, String), u64> {
    let mut sums =
        if as_bytes { view.payload_bytes(owner, start, end) } else { view.payloads(owner, start, end) };
    if switches.payload_counts == PayloadCounts::BillableOnly {
        sums.retain(|(payload_type, _), _| super::stream::is_billable(payload_type));
    }
    sums
}

/// Two levels: type, source.
pub(super) fn payload_stats(sums: &BTreeMap<(String, String), u64>) -> Value {
    let mut types: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for ((payload_type, source), sum) in sums {
        types.entry(payload_type).or_default().insert(source.clone(), json!(sum));
    }
    json!(types)
}

/// Stored items and their bytes.
pub(super) fn storage(id: ObjectId, is_empty: bool, now: Timestamp) -> (u64, u64) {
    if is_empty {
        return (0, 0);
    }
    // A little more every day since 2022.
    let days = u64::try_from(calendar::day(now.as_second()) - 18_993).unwrap_or(0);
    let count = chance::between(0, 9, &[id.key(), 43]) * (4_000 + days * 7);
    (count, count * chance::between(60, 240, &[id.key(), 44]))
}
