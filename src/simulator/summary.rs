//! The `summary` of an org or a sandbox: what it has and what it used in the running billing period.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::calendar;
use super::chance;
use super::id::ObjectId;
use super::owner::{Activity, Org, Owner};
use super::query::{Query, invalid};
use super::refusal::Refusal;
use super::switches::{
    PayloadCounts, SummaryInclude, SummaryRange, SummaryWithoutInclude, Switches, UnknownSummaryField,
};
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
/// What older installations do not have in a summary.
const USAGE: [&str; 2] = ["payloadCount", "notebookStats"];
const THIRTY_DAYS: SignedDuration = SignedDuration::from_hours(24 * 30);
const COMPUTED: [&str; 5] = ["deviceCount", "notebookCount", "payloadCount", "storageStats", "notebookStats"];

/// The names of the fields that a request wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(Vec<&'static str>);

impl Wanted {
    /// Orgs know `summaryInclude` only.
    pub(super) fn of_org(query: &Query, switches: &Switches) -> Result<Self, Refusal> {
        Self::read(query, switches, &ORG_ONLY, None)
    }

    /// Sandboxes know `summaryExclude` too.
    pub(super) fn of_sandbox(query: &Query, switches: &Switches) -> Result<Self, Refusal> {
        Self::read(query, switches, &SANDBOX_ONLY, query.text("summaryExclude"))
    }

    fn read(
        query: &Query,
        switches: &Switches,
        own: &[&'static str],
        exclude: Option<&str>,
    ) -> Result<Self, Refusal> {
        let known = || COUNTERS.iter().map(|(name, _)| *name).chain(COMPUTED).chain(own.iter().copied());
        let names = |parameter, list: Option<&str>| -> Result<Option<Vec<String>>, Refusal> {
            let Some(list) = list else { return Ok(None) };
            let names: Vec<_> = list.split(',').map(|name| name.trim().to_owned()).collect();
            let unknown = names.iter().find(|name| !known().any(|known| known == *name));
            match (unknown, switches.unknown_summary_field) {
                (Some(name), UnknownSummaryField::Reject) => {
                    Err(invalid(parameter, name, "names of fields of the summary"))
                }
                _ => Ok(Some(names)),
            }
        };
        let include = names("summaryInclude", query.text("summaryInclude"))?;
        let exclude = names("summaryExclude", exclude)?.unwrap_or_default();
        let comes_unasked = |name: &str| match switches.summary_without_include {
            SummaryWithoutInclude::Everything => true,
            SummaryWithoutInclude::WithoutExpensive => !EXPENSIVE.contains(&name),
            SummaryWithoutInclude::Empty => false,
        };
        let wanted = |name: &&str| match &include {
            None => comes_unasked(name),
            Some(include) => {
                let more = switches.summary_include == SummaryInclude::InAddition && comes_unasked(name);
                more || include.iter().any(|included| included == name)
            }
        };
        let kept = |name: &&str| !exclude.iter().any(|excluded| excluded == name);
        let there = |name: &&str| switches.summary_payload_count || !USAGE.contains(name);
        Ok(Self(known().filter(wanted).filter(kept).filter(there).collect()))
    }
}

/// Whose summary it is.
pub(super) struct Subject<'a> {
    pub(super) owner: Owner,
    pub(super) id: ObjectId,
    pub(super) activity: &'a Activity,
    pub(super) quiet_since: Option<Timestamp>,
    /// Orgs that a user belongs to.
    pub(super) memberships: usize,
}

/// The summary of one owner at `now`.
pub(super) fn summary(
    world: &World,
    switches: &Switches,
    wanted: &Wanted,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Value {
    let Subject { owner, id, activity, quiet_since, memberships } = *subject;
    let (period_start, _) = world.period(owner, now);
    let lagging = now.checked_sub(switches.summary_lag).unwrap_or(Timestamp::MIN);
    let is_empty = activity.streams.is_empty();
    let value = |name: &str| match name {
        "deviceCount" => json!(world.devices(owner, now).total),
        "notebookCount" => json!(notebooks(activity)),
        "payloadCount" => {
            let start = match switches.summary_range {
                SummaryRange::Period => period_start,
                SummaryRange::Last30Days => now.checked_sub(THIRTY_DAYS).unwrap_or(Timestamp::MIN),
            };
            payload_stats(&listed_payloads(world.shown(now), switches, owner, start, lagging, false))
        }
        "appCount" => json!(world.applications(owner).len()),
        "storageStats" => {
            let (count, size) = storage(id, is_empty, quiet_since.map_or(now, |quiet| quiet.min(now)));
            json!({ "count": count, "size": size })
        }
        "notebookStats" => {
            let used = world.shown(now).notebooks_between(owner, period_start, lagging);
            let habit = activity.notebooks.filter(|_| quiet_since.is_none_or(|quiet| now < quiet));
            let running = habit.map_or(0, |habit| habit.running(id.key(), now.as_second()));
            json!({ "awaitingCompletion": running, "minutesThisPeriod": used.minutes, "runsThisPeriod": used.runs() })
        }
        "memberCount" => json!(people(world, id, true)),
        "pendingInviteCount" => json!(people(world, id, false)),
        "orgCount" => json!(memberships),
        "instanceCount" => json!(0),
        counter => json!(standing(id, is_empty, counter)),
    };
    wanted.0.iter().map(|name| ((*name).to_owned(), value(name))).collect::<Map<_, _>>().into()
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
        sums.retain(|(payload_type, _), _| view.is_billable(payload_type));
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
