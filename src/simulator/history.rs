//! Historical summaries: one row for each application and org in a calendar month, UTC.
//!
//! Choices where nothing is published: rows count up to now, so the running month has them too (switches). A megabyte
//! is 1,000,000 bytes. Rows of orgs name no owner. Applications live exactly as long as their owner.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::bodies::{Scene, date};
use super::calendar::{self, BillingAnchor};
use super::id::ObjectId;
use super::limits;
use super::lists::{Filter, Sort, paged};
use super::owner::{Activity, Org, Owner, Sandbox};
use super::query::Query;
use super::refusal::Refusal;
use super::summary;
use super::world::order::Resource;
use super::world::{Amount, Application, ApplicationUsage, World};

/// Counters of a summary, by the name that they have in a row. Each is split among applications.
const STANDING: [(&str, &str); 21] = [
    ("apiTokenCount", "apiTokenCount"),
    ("applicationKeyCount", "keyCount"),
    ("certificateAuthorityCount", "certificateAuthorityCount"),
    ("certificateCount", "certificateCount"),
    ("credentialCount", "credentialCount"),
    ("dataTableCount", "dataTableCount"),
    ("deviceRecipeCount", "deviceRecipeCount"),
    ("eventCount", "eventCount"),
    ("experienceDomainCount", "experienceDomainCount"),
    ("experienceEndpointCount", "experienceEndpointCount"),
    ("experienceGroupCount", "experienceGroupCount"),
    ("experienceSlugCount", "experienceSlugCount"),
    ("experienceUserCount", "experienceUserCount"),
    ("experienceVersionCount", "experienceVersionCount"),
    ("experienceViewCount", "experienceViewCount"),
    ("fileCount", "fileCount"),
    ("integrationCount", "integrationCount"),
    ("privateFileCount", "privateFileCount"),
    ("resourceJobCount", "resourceJobCount"),
    ("webhookCount", "webhookCount"),
    ("workflowCount", "flowCount"),
];
/// What a file weighs.
const FILE_BYTES: u64 = 37_000;

/// A month, and the part of it that has begun.
pub(super) struct Month {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) so_far: Timestamp,
}

impl Month {
    pub(super) fn of(at: Timestamp, now: Timestamp) -> Self {
        let (start, end) = BillingAnchor::CALENDAR_MONTH.period(at.as_second());
        let (start, end) = (calendar::moment(start), calendar::moment(end));
        Self { start, end, so_far: end.min(now) }
    }

    /// The share of the month in which something existed.
    fn proration(&self, created: Timestamp, deleted: Option<Timestamp>) -> f64 {
        let from = created.max(self.start);
        let to = deleted.unwrap_or(self.end).min(self.end);
        let share = to.duration_since(from).as_secs_f64() / self.end.duration_since(self.start).as_secs_f64();
        rounded(share.clamp(0.0, 1.0), 10_000.0)
    }

    fn saw(&self, created: Timestamp, deleted: Option<Timestamp>) -> bool {
        created < self.so_far && deleted.is_none_or(|deleted| self.start < deleted)
    }
}

/// One row, before it is written.
enum Row<'a> {
    Org(&'a Org),
    Application(Application, Host<'a>),
}

#[derive(Clone, Copy)]
enum Host<'a> {
    Org(&'a Org),
    Sandbox(&'a Sandbox),
}

/// `GET /instances/{i}/historicalSummaries`.
pub(super) fn summaries(scene: &Scene<'_>, instance: ObjectId, query: &Query) -> Result<Value, Refusal> {
    let sort = Sort::read(query, &["currentPeriodStart", "resourceId"])?;
    let filter = Filter::read(query, &["resourceType", "resourceId", "ownerId", "ownerType"])?;
    let mut month = Month::of(query.moment("month", scene.now)?.unwrap_or(scene.now), scene.now);
    let is_running = scene.now < month.end;
    if is_running {
        month.so_far = month.so_far.min(refreshed(scene).max(month.start));
    }
    let is_told = month.start <= scene.now && (!is_running || scene.switches.running_month);

    // By id. All rows begin with the month, so both orders are that of the ids.
    let resources = scene.world.resources(instance);
    let told = resources.iter().filter(|_| is_told).filter(|resource| {
        let is_of_user = matches!(resource.owner, Owner::Sandbox(_));
        (!is_of_user || scene.switches.sandbox_applications)
            && month.saw(resource.created_at, resource.deleted_at)
            && filter.equals(|field| fact(resource, field))
    });
    let mut rows: Vec<&Resource> = told.collect();
    sort.direct(&mut rows);
    paged(scene.switches, query, &sort, &filter, &rows, |resource| {
        Row::of(scene.world, resource).map_or(Value::Null, |row| row.written(scene, &month))
    })
}

/// When rows of the running month were last worked out: every so often, counted from the epoch.
fn refreshed(scene: &Scene<'_>) -> Timestamp {
    let Ok(every @ 1..) = i64::try_from(scene.switches.historical_refresh.as_secs()) else {
        return scene.now;
    };
    calendar::moment(scene.now.as_second().div_euclid(every) * every)
}

/// What a filter compares; nothing for an owner that is not named.
fn fact(resource: &Resource, field: &str) -> Cow<'static, str> {
    let is_application = resource.application.is_some();
    match (field, resource.owner) {
        ("resourceType", _) if is_application => "application".into(),
        ("resourceType", _) => "organization".into(),
        ("resourceId", _) => resource.id.to_string().into(),
        ("ownerId", Owner::Org(id) | Owner::Sandbox(id)) if is_application => id.to_string().into(),
        ("ownerType", Owner::Org(_)) if is_application => "organization".into(),
        ("ownerType", Owner::Sandbox(_)) if is_application => "user".into(),
        _ => "".into(),
    }
}

impl<'a> Host<'a> {
    fn activity(self) -> &'a Activity {
        match self {
            Self::Org(org) => &org.activity,
            Self::Sandbox(user) => &user.activity,
        }
    }

    fn id(self) -> ObjectId {
        match self {
            Self::Org(org) => org.id,
            Self::Sandbox(user) => user.id,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Org(_) => "organization",
            Self::Sandbox(_) => "user",
        }
    }

    fn name(self) -> String {
        match self {
            Self::Org(org) => org.name.clone(),
            Self::Sandbox(user) => format!("{} {}", user.first_name, user.last_name),
        }
    }

    fn life(self) -> (Timestamp, Option<Timestamp>) {
        match self {
            Self::Org(org) => (org.created_at, org.deleted_at),
            Self::Sandbox(user) => (user.created_at, user.deleted_at),
        }
    }

    /// Up to when things may grow.
    fn told_until(self, so_far: Timestamp) -> Timestamp {
        let quiet_since = match self {
            Self::Org(org) => org.quiet_since,
            Self::Sandbox(user) => user.quiet_since,
        };
        quiet_since.map_or(so_far, |quiet| quiet.min(so_far))
    }

    fn is_silent(self) -> bool {
        self.activity().streams.is_empty()
    }
}

impl<'a> Row<'a> {
    fn of(world: &'a World, resource: &Resource) -> Option<Self> {
        let host = match resource.owner {
            Owner::Org(id) => Host::Org(world.org(id)?),
            Owner::Sandbox(id) => Host::Sandbox(world.sandbox(id)?),
            Owner::Instance(_) => return None,
        };
        match (resource.application, host) {
            (Some(index), host) => {
                let application = world.applications(resource.owner).into_iter().nth(index)?;
                Some(Self::Application(application, host))
            }
            (None, Host::Org(org)) => Some(Self::Org(org)),
            (None, Host::Sandbox(_)) => None,
        }
    }

    fn id(&self) -> ObjectId {
        match self {
            Self::Org(org) => org.id,
            Self::Application(application, _) => application.id,
        }
    }

    fn host(&self) -> Host<'a> {
        match self {
            Self::Org(org) => Host::Org(org),
            Self::Application(_, host) => *host,
        }
    }

    fn written(&self, scene: &Scene<'_>, month: &Month) -> Value {
        // Rows of the running month are as old as their last refreshing.
        let shown = scene.world.shown(if month.so_far < month.end { month.so_far } else { scene.now });
        let (mut body, usage, applications) = match self {
            Self::Org(org) => {
                let applications = scene.world.applications(Owner::Org(org.id)).len();
                let members = summary::people(scene.world, org.id, true);
                let body = json!({
                    "resourceType": "organization",
                    "resourceName": org.name,
                    "limits": limits::of_org(&org.limits, scene.hidden(org.id)),
                    "applicationCount": applications,
                    "userCount": members,
                });
                (body, shown.usage(Owner::Org(org.id), month.start, month.so_far), applications)
            }
            Self::Application(application, host) => {
                let body = json!({
                    "resourceType": "application",
                    "resourceName": application.name,
                    "ownerType": host.kind(),
                    "ownerId": host.id().to_string(),
                    "ownerName": host.name(),
                });
                (body, shown.application_usage(application, month.start, month.so_far), 1)
            }
        };
        let (created, deleted) = self.host().life();
        let proration = month.proration(created, deleted);
        body["resourceId"] = json!(self.id().to_string());
        body["resourceProration"] = json!(proration);
        body["currentPeriodStart"] = json!(date(month.start));
        body["currentPeriodEnd"] = json!(date(calendar::last_millisecond(month.end)));
        if let Some(keys) = body.as_object_mut() {
            self.write_standing(keys, month);
            write_usage(keys, &usage);
            let prorated = |count: f64| json!(rounded(count * proration, 100.0));
            keys.insert("deviceCountProrated".to_owned(), prorated(float(usage.devices)));
            if let Self::Org(_) = self {
                let users = keys.get("userCount").and_then(Value::as_f64).unwrap_or_default();
                let dashboards = keys.get("dashboardCount").and_then(Value::as_f64).unwrap_or_default();
                let applications = u64::try_from(applications).map_or(0.0, float);
                keys.insert("applicationCountProrated".to_owned(), prorated(applications));
                keys.insert("userCountProrated".to_owned(), prorated(users));
                keys.insert("dashboardCountProrated".to_owned(), prorated(dashboards));
            }
        }
        body
    }

    /// Things that stand around, and what they weigh.
    fn write_standing(&self, keys: &mut Map<String, Value>, month: &Month) {
        let host = self.host();
        let share = |number: u64| match self {
            Self::Org(_) => number,
            Self::Application(application, _) => application.share().of(number),
        };
        let count = |counter: &str| share(summary::standing(host.id(), host.is_silent(), counter));
        for (name, counter) in STANDING {
            keys.insert(name.to_owned(), json!(count(counter)));
        }
        let (rows, bytes) = summary::storage(host.id(), host.is_silent(), host.told_until(month.so_far));
        let files = |counter| json!(megabytes(count(counter) * FILE_BYTES));
        for (name, value) in [
            ("dashboardCount", json!(count("dashCount"))),
            ("notebookCount", json!(share(summary::notebooks(host.activity())))),
            ("dataTableRowCount", json!(share(rows))),
            ("dataTableTotalSizeMb", json!(megabytes(share(bytes)))),
            ("fileTotalSizeMb", files("fileCount")),
            ("privateFileTotalSizeMb", files("privateFileCount")),
        ] {
            keys.insert(name.to_owned(), value);
        }
    }
}

fn write_usage(keys: &mut Map<String, Value>, usage: &ApplicationUsage) {
    let details = |value: fn(&Amount) -> Value| {
        let mut types: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for ((payload_type, source), amount) in &usage.by_source {
            types.entry(payload_type).or_default().insert(source.clone(), value(amount));
        }
        json!(types)
    };
    for (name, value) in [
        ("deviceCount", json!(usage.devices)),
        ("payloadBillableCount", json!(usage.billable.payloads)),
        ("payloadNonbillableCount", json!(usage.nonbillable.payloads)),
        ("payloadBillableSizeMb", json!(megabytes(usage.billable.bytes))),
        ("payloadNonbillableSizeMb", json!(megabytes(usage.nonbillable.bytes))),
        ("payloadCountDetails", details(|amount| json!(amount.payloads))),
        ("payloadSizeDetails", details(|amount| json!(megabytes(amount.bytes)))),
        ("notebookRunCount", json!(usage.notebook_runs)),
        ("notebookMinutesCount", json!(usage.notebook_minutes)),
    ] {
        keys.insert(name.to_owned(), value);
    }
}

/// Millions of bytes; exact up to the last byte.
pub(super) fn megabytes(bytes: u64) -> f64 {
    float(bytes) / 1_000_000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of a simulated world stay below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

fn rounded(number: f64, steps: f64) -> f64 {
    (number * steps).round() / steps
}
