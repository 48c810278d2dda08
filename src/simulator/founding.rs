//! How a world comes to be: instances, orgs and sandboxes from a seed, and the story of a demo.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::calendar::{self, BillingAnchor, DAY, HOUR, MINUTE};
use super::chance;
use super::devices::Fleet;
use super::id::ObjectId;
use super::names::{self, Character};
use super::notebooks::NotebookHabit;
use super::owner::{Activity, Instance, Limits, Org, Owner, Sandbox, Tag};
use super::rhythm::Rhythm;
use super::settings::MfaMode;
use super::stream::{self, Burst, Stream};
use super::world::dormancy::{Fate, fate};
use super::world::{World, WorldConfig};

/// 2022-01-10: the first instance. Orgs and sandboxes follow within [`FOUNDING_DAYS`].
const FIRST_DAY: i64 = 19_002;
const FOUNDING_DAYS: u64 = 3 * 365;

/// Places in the lists that have a part to play.
const ORG_IN_BURST: usize = 5;
const DISABLED_ORG: usize = 8;
const READ_ONLY_ORG: usize = 10;
const ORG_NEAR_LIMIT: usize = 4;
const SANDBOX_NEAR_LIMIT: usize = 1;
const SANDBOX_MARKED: usize = 6;

/// What a free account may send a month.
const SANDBOX_PAYLOADS: u64 = 500_000;
/// 2025-12-01: when, in a world without a story, the disabled org was disabled and the marked user marked.
const LONG_AGO: i64 = 20_423 * DAY;

pub(super) fn instances(config: &WorldConfig) -> Vec<Instance> {
    (0..config.instances)
        .map(|index| {
            let created = FIRST_DAY * DAY + 9 * HOUR;
            let limits = Limits {
                payload: Some(750_000_000),
                device: Some(50_000),
                notebook_minutes_per_month: Some(50_000),
                storage: Some(1 << 40),
                other: BTreeMap::new(),
            };
            let name = if index == 0 { "Acme IoT".to_owned() } else { format!("Acme IoT {}", index + 1) };
            let id = ObjectId::minted(chance::draw(&[config.seed, 1, number(index)]), created);
            Instance {
                id,
                name,
                created_at: calendar::moment(created),
                limits,
                org_default_limits: None,
                mfa_mode: MfaMode::default(),
                report_configs: Vec::new(),
                updated_at: None,
            }
        })
        .collect()
}

pub(super) fn orgs(config: &WorldConfig, instances: &[Instance]) -> Vec<Org> {
    let dealt = instances.iter().cycle().take(config.orgs).enumerate();
    dealt.map(|(index, instance)| org(config, instance.id, index, founded(config.seed, 2, index))).collect()
}

pub(super) fn sandboxes(config: &WorldConfig, instances: &[Instance], orgs: &[Org]) -> Vec<Sandbox> {
    let dealt = instances.iter().cycle().take(config.sandboxes).enumerate();
    dealt
        .map(|(index, instance)| {
            let mut sandbox = sandbox(config, instance.id, index, founded(config.seed, 3, index));
            let memberships = chance::between(0, 2, &[config.seed, 31, number(index)]);
            sandbox.orgs = (0..memberships)
                .filter_map(|which| chance::pick(orgs, &[config.seed, 32, number(index), which]))
                .filter(|org| org.instance == instance.id)
                .map(Org::id)
                .collect();
            sandbox.orgs.dedup();
            sandbox
        })
        .collect()
}

/// The org with this index.
pub(super) fn org(config: &WorldConfig, instance: ObjectId, index: usize, created_at: Timestamp) -> Org {
    let seed = chance::draw(&[config.seed, 2, number(index)]);
    let board = names::signboard(config.seed, index);
    let (character, quiet_since) = settled(board.character, fate(config, 2, index, config.orgs), seed);
    let activity = activity(character, seed, 1_000);
    let limits = Limits {
        payload: Some(round_up(monthly(&activity) * chance::between(15, 40, &[seed, 1]) / 10).max(100_000)),
        device: Some(round_up(activity.fleet.initial * 3).max(100)),
        notebook_minutes_per_month: Some(930),
        storage: Some(1 << 30),
        other: BTreeMap::new(),
    };
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    Org {
        id: ObjectId::minted(seed, created_at.as_second()),
        instance,
        name: board.name,
        description: Cow::Borrowed(""),
        tags: vec![tag("tier", board.tier), tag("team", board.team)],
        created_at,
        deleted_at: None,
        disabled_at: (index == DISABLED_ORG).then(|| calendar::moment(LONG_AGO)),
        is_read_only: index == READ_ONLY_ORG,
        limits,
        billing: BillingAnchor::CALENDAR_MONTH,
        icon_color: None,
        mfa_mode: MfaMode::default(),
        audit_log_enabled: false,
        banner: None,
        whitelisted_email_domains: Vec::new(),
        referral_id: None,
        members: None,
        updated_at: None,
        activity,
        quiet_since,
        idle: Vec::new(),
    }
}

/// The sandbox user with this index.
pub(super) fn sandbox(
    config: &WorldConfig,
    instance: ObjectId,
    index: usize,
    created_at: Timestamp,
) -> Sandbox {
    let seed = chance::draw(&[config.seed, 3, number(index)]);
    let (first, last) = names::person(index);
    let character = match index % 5 {
        0 => Character::AlwaysOn,
        1 | 2 => Character::OfficeHours,
        3 => Character::Quiet,
        _ => Character::Silent,
    };
    let (character, quiet_since) = settled(character, fate(config, 3, index, config.sandboxes), seed);
    let mut activity = activity(character, seed, 50);
    // A free account is a place to try things: its fleet does not grow with a business.
    activity.fleet.growth = 0;
    // One user reaches the limit after about two thirds of every month.
    let payload = if index == SANDBOX_NEAR_LIMIT { monthly(&activity) * 2 / 3 } else { SANDBOX_PAYLOADS };
    Sandbox {
        id: ObjectId::minted(seed, created_at.as_second()),
        instance,
        email: names::email(first, last, index),
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        company: format!("{last} Labs"),
        created_at,
        marked_for_deletion_at: (index == SANDBOX_MARKED).then(|| calendar::moment(LONG_AGO)),
        deleted_at: None,
        limits: Limits {
            payload: Some(payload),
            device: Some(50),
            notebook_minutes_per_month: Some(60),
            storage: Some(100 << 20),
            other: BTreeMap::new(),
        },
        orgs: Vec::new(),
        updated_at: None,
        activity,
        quiet_since,
        idle: Vec::new(),
    }
}

/// The life that an owner leads by its fate, and until when.
fn settled(character: Character, fate: Fate, seed: u64) -> (Character, Option<Timestamp>) {
    let steady = [Character::AlwaysOn, Character::OfficeHours, Character::NightlyBatch];
    let lively = match character {
        Character::Quiet | Character::Silent => {
            chance::pick(&steady, &[seed, 14]).copied().unwrap_or(character)
        }
        other => other,
    };
    match fate {
        Fate::Usual => (character, None),
        Fate::Active => (lively, None),
        Fate::Quiet(since) => (lively, Some(since)),
        Fate::NeverUsed => (Character::Silent, None),
    }
}

/// Puts the events of a demo where its viewer sees them.
pub(super) fn tell_story(world: &mut World) {
    let Some(now) = world.config().story else { return };
    let second = calendar::second_from(now);
    let org_ids: Vec<_> = world.orgs().iter().map(Org::id).collect();
    let seed = world.config().seed;
    let founded_as = |kind, index| {
        ObjectId::minted(chance::draw(&[seed, kind, number(index)]), founded(seed, kind, index).as_second())
    };

    // Where few live, the one with the burst may not be among them.
    if let Some(org) = world.org_mut(founded_as(2, ORG_IN_BURST)).filter(|org| org.quiet_since.is_none()) {
        let start = calendar::moment(second - 20 * MINUTE);
        let burst = Burst { start, end: calendar::moment(second + 5 * HOUR), per_second: 40 };
        org.activity.add_burst("deviceState", burst);
    }
    if let Some(org) = world.org_mut(founded_as(2, DISABLED_ORG)) {
        org.disabled_at = Some(calendar::moment(second - 9 * DAY));
    }
    let near_limit = founded_as(2, ORG_NEAR_LIMIT);
    if org_ids.contains(&near_limit) {
        let limit = limit_just_above(world, Owner::Org(near_limit), now);
        if let Some(org) = world.org_mut(near_limit) {
            org.limits.payload = Some(limit);
        }
    }
    let near_limit = founded_as(3, SANDBOX_NEAR_LIMIT);
    if let Some(sandbox) = world.sandbox_mut(near_limit) {
        // Without a limit first: it would hide what the user would have sent.
        sandbox.limits.payload = None;
        let limit = limit_just_above(world, Owner::Sandbox(near_limit), now);
        if let Some(sandbox) = world.sandbox_mut(near_limit) {
            sandbox.limits.payload = Some(limit);
        }
    }
    if let Some(sandbox) = world.sandbox_mut(founded_as(3, SANDBOX_MARKED)) {
        sandbox.marked_for_deletion_at = Some(calendar::moment(second - 3 * DAY));
    }
}

/// A limit of which about 94 % are used up at `now`.
fn limit_just_above(world: &World, owner: Owner, now: Timestamp) -> u64 {
    let (start, _) = world.period(owner, now);
    let used = world.payload_total(owner, start, now, true, false);
    (used + used * 6 / 94).max(1_000)
}

/// When the owner with this index was created. `kind` is 2 for orgs, 3 for sandboxes.
fn founded(seed: u64, kind: u64, index: usize) -> Timestamp {
    let day = chance::between(1, FOUNDING_DAYS, &[seed, kind, number(index), 1]).cast_signed();
    let into_day = chance::between(7 * 3_600, 18 * 3_600, &[seed, kind, number(index), 2]).cast_signed();
    calendar::moment((FIRST_DAY + day) * DAY + into_day)
}

/// A life of this kind, at `scale` thousandths of an org's usual size.
fn activity(character: Character, seed: u64, scale: u64) -> Activity {
    let size = |low: u64, high: u64, what: u64| chance::between(low, high, &[seed, 10, what]) * scale / 1_000;
    let stream = |payload_type: &'static str, source: &'static str, per_day: u64, bytes: u64, rhythm| {
        let growth = chance::between(0, 250, &[seed, 11, chance::key(payload_type)]).cast_signed() - 30;
        Stream { growth, rhythm, ..Stream::new(payload_type, source, per_day, bytes) }
    };
    let devices = |per_device: u64, devices: u64, rhythm| {
        let messages = devices * per_device;
        vec![
            stream("deviceState", "device.mqtt", messages, 180, rhythm),
            stream("deviceConnect", "device.mqtt", devices * 2, 64, rhythm),
            stream("deviceDisconnect", "device.mqtt", devices * 2, 64, rhythm),
            stream("mqttOut", "device.mqtt", messages / 90, 96, rhythm),
            stream("timer", "timer.flow", 1_440 * scale.max(200) / 1_000, 48, Rhythm::AlwaysOn),
            stream("event", "flow.flow", messages / 4_000 + 1, 320, rhythm),
        ]
    };
    match character {
        Character::Busy => {
            let fleet = size(900, 1_600, 1);
            let mut streams = devices(288, fleet, Rhythm::AlwaysOn);
            streams.push(stream("deviceState", "flow.flow", fleet * 12, 210, Rhythm::AlwaysOn));
            streams.push(stream("deviceCommand", "flow.flow", fleet * 5, 120, Rhythm::OfficeHours));
            streams.push(stream("webhook", "public.rest", fleet * 3, 900, Rhythm::OfficeHours));
            streams.push(stream("endpoint", "experienceUser.rest", fleet * 8, 640, Rhythm::OfficeHours));
            streams.push(stream("flowError", "flow.flow", 40, 500, Rhythm::AlwaysOn));
            let notebooks = Some(NotebookHabit { runs_per_day: 6, minutes: 7 });
            Activity { streams, fleet: Fleet { initial: fleet, growth: 600, churn: 5 }, notebooks }
        }
        Character::AlwaysOn => {
            let fleet = size(120, 420, 1).max(2);
            let mut streams = devices(144, fleet, Rhythm::AlwaysOn);
            streams.push(stream("dataTable", "flow.flow", size(200, 900, 2) + 1, 250, Rhythm::AlwaysOn));
            streams.push(stream(
                "integration",
                "integration.flow",
                size(1_000, 4_000, 3),
                400,
                Rhythm::AlwaysOn,
            ));
            let notebooks = (scale == 1_000).then_some(NotebookHabit { runs_per_day: 2, minutes: 6 });
            Activity { streams, fleet: Fleet { initial: fleet, growth: 150, churn: 2 }, notebooks }
        }
        Character::OfficeHours => {
            let fleet = size(40, 180, 1).max(2);
            let mut streams = devices(96, fleet, Rhythm::OfficeHours);
            streams.push(stream(
                "endpoint",
                "experienceUser.rest",
                size(2_000, 9_000, 2),
                700,
                Rhythm::OfficeHours,
            ));
            streams.push(stream("virtualButton", "user.rest", size(100, 400, 3), 40, Rhythm::OfficeHours));
            streams.push(stream("deviceCreate", "user.rest", 2, 300, Rhythm::OfficeHours));
            Activity { streams, fleet: Fleet { initial: fleet, growth: 40, churn: 1 }, notebooks: None }
        }
        Character::NightlyBatch => {
            let fleet = size(60, 200, 1).max(2);
            let mut streams = devices(24, fleet, Rhythm::NightlyBatch);
            streams.push(stream(
                "deviceState",
                "apiToken.rest",
                size(15_000, 60_000, 2),
                150,
                Rhythm::NightlyBatch,
            ));
            streams.push(stream(
                "dataTable",
                "notebook.flow",
                size(3_000, 9_000, 3),
                220,
                Rhythm::NightlyBatch,
            ));
            streams.push(stream("notebook", "flow.flow", 4, 128, Rhythm::NightlyBatch));
            let notebooks = Some(NotebookHabit { runs_per_day: 4, minutes: 9 });
            Activity { streams, fleet: Fleet { initial: fleet, growth: 20, churn: 0 }, notebooks }
        }
        Character::Quiet => {
            let few = |payload_type, source, thousandths_per_day| Stream {
                thousandths_per_day,
                ..stream(payload_type, source, 0, 90, Rhythm::OfficeHours)
            };
            let streams = vec![
                few("deviceState", "device.mqtt", chance::between(2_000, 20_000, &[seed, 12])),
                few("webhook", "public.rest", chance::between(100, 700, &[seed, 13])),
            ];
            Activity { streams, fleet: Fleet { initial: 3, growth: 0, churn: 0 }, notebooks: None }
        }
        Character::Silent => Activity { streams: Vec::new(), fleet: Fleet::default(), notebooks: None },
    }
}

/// Billable payloads of an average month.
fn monthly(activity: &Activity) -> u64 {
    let billable = activity.streams.iter().filter(|own| stream::is_billable(&own.payload_type, false));
    billable.map(|stream| stream.thousandths_per_day * 30 / 1_000).sum()
}

/// The next number of one digit and zeros.
fn round_up(value: u64) -> u64 {
    let unit = value.checked_ilog10().map_or(1, |digits| 10u64.pow(digits));
    value.div_ceil(unit) * unit
}

fn number(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}
