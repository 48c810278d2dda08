//! What write actions do to the world.
//!
//! Choices where nothing is published: a patch of limits changes the limits it names and leaves the others; `true` as
//! `disabledAt` disables from now on; a new org lives like the founded ones; deleting and undeleting twice is as good
//! as once.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::action::{Action, Call, Level};
use super::answer::{path_id, the_instance, the_org, the_sandbox};
use super::body_rules;
use super::chance;
use super::id::ObjectId;
use super::owner::{Instance, Limits, Org};
use super::refusal::Refusal;
use super::settings::{Member, ReportConfig};
use super::world::World;

/// What has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Instance(ObjectId),
    NewOrg(ObjectId),
    Org(ObjectId),
    Sandbox(ObjectId),
    Gone,
}

/// Does what a write action asks for. When it is refused, nothing has changed.
pub(super) fn write(
    world: &mut Arc<World>,
    call: &Call<'_>,
    body: Option<&Value>,
    now: Timestamp,
) -> Result<Written, Refusal> {
    let instance = path_id("instanceId", call.instance.unwrap_or_default())?;
    the_instance(world, instance, now)?;
    let no_keys = Map::new();
    let keys = body.and_then(Value::as_object).unwrap_or(&no_keys);
    let written = match call.action {
        Action::Patch(Level::Instance) => {
            body_rules::INSTANCE.check(Some(required(body)?))?;
            if let Some(instance) = Arc::make_mut(world).instance_mut(instance) {
                patch_instance(instance, keys, now);
            }
            Written::Instance(instance)
        }
        Action::AddOrg => {
            body_rules::NEW_ORG.check(body)?;
            Written::NewOrg(add_org(Arc::make_mut(world), instance, keys, now))
        }
        Action::Patch(_) => {
            let org = the_org(world, instance, call.member, now)?.id;
            body_rules::ORG.check(Some(required(body)?))?;
            Arc::make_mut(world).org_mut(org).into_iter().for_each(|org| patch_org(org, keys, now));
            Written::Org(org)
        }
        Action::Delete(Level::Sandbox) => {
            let user = the_sandbox(world, instance, call.member, now)?.id;
            body_rules::NOTHING.check(body)?;
            if let Some(user) = Arc::make_mut(world).sandbox_mut(user).filter(|user| !user.is_marked(now)) {
                user.marked_for_deletion_at = Some(now);
                user.updated_at = Some(now);
            }
            Written::Gone
        }
        Action::Delete(_) => {
            let org = the_org(world, instance, call.member, now)?.id;
            body_rules::NOTHING.check(body)?;
            Arc::make_mut(world).org_mut(org).into_iter().for_each(|org| org.deleted_at = Some(now));
            Written::Gone
        }
        _ => {
            let id = the_sandbox(world, instance, call.member, now)?.id;
            body_rules::NOTHING.check(body)?;
            if let Some(user) = Arc::make_mut(world).sandbox_mut(id) {
                user.undelete(now);
                user.updated_at = Some(now);
            }
            Written::Sandbox(id)
        }
    };
    Ok(written)
}

fn required(body: Option<&Value>) -> Result<&Value, Refusal> {
    body.ok_or_else(|| Refusal::Validation("body is required".to_owned()))
}

fn patch_instance(instance: &mut Instance, keys: &Map<String, Value>, now: Timestamp) {
    if let Some(mode) = read(keys, "mfaMode") {
        instance.mfa_mode = mode;
    }
    if let Some(limits) = read::<BTreeMap<String, u64>>(keys, "orgDefaultLimitConfig") {
        instance.org_default_limits = Some(limits);
    }
    if let Some(configs) = read::<Vec<ReportConfig>>(keys, "reportConfigs") {
        let named = configs.into_iter().enumerate().map(|(index, config)| {
            let keys = [instance.id.key(), 71, u64::try_from(index).unwrap_or(0)];
            let id = config.id.or_else(|| Some(format!("{:016x}", chance::draw(&keys))));
            ReportConfig { id, ..config }
        });
        instance.report_configs = named.collect();
    }
    instance.updated_at = Some(now);
}

fn add_org(world: &mut World, instance: ObjectId, keys: &Map<String, Value>, now: Timestamp) -> ObjectId {
    let limits = world.instance(instance).map(default_limits).unwrap_or_default();
    let name: String = read(keys, "name").unwrap_or_default();
    let id = world.add_org(instance, &name, now);
    if let Some(org) = world.org_mut(id) {
        let members = read::<Vec<Member>>(keys, "members").unwrap_or_default();
        org.members = Some(members.into_iter().enumerate().map(|(index, who)| who.named(index)).collect());
        org.limits = limits;
        org.tags = Vec::new();
        org.disabled_at = None;
        org.is_read_only = false;
        patch_org(org, keys, now);
        org.updated_at = None;
    }
    id
}

/// The limits of an org that nobody has set any for.
fn default_limits(instance: &Instance) -> Limits {
    let Some(own) = &instance.org_default_limits else { return instance.limits.clone() };
    let mut limits = Limits::default();
    for (name, limit) in own {
        set_limit(&mut limits, name, *limit);
    }
    limits
}

fn patch_org(org: &mut Org, keys: &Map<String, Value>, now: Timestamp) {
    replace(&mut org.name, keys, "name");
    if let Some(description) = read::<String>(keys, "description") {
        org.description = description.into();
    }
    replace(&mut org.tags, keys, "tags");
    replace(&mut org.is_read_only, keys, "isReadOnly");
    replace(&mut org.audit_log_enabled, keys, "auditLogEnabled");
    replace(&mut org.mfa_mode, keys, "mfaMode");
    replace(&mut org.whitelisted_email_domains, keys, "whitelistedEmailDomains");
    replace_some(&mut org.icon_color, keys, "iconColor");
    replace_some(&mut org.referral_id, keys, "referralId");
    replace_some(&mut org.banner, keys, "banner");
    for (name, limit) in read::<BTreeMap<String, u64>>(keys, "limits").unwrap_or_default() {
        set_limit(&mut org.limits, &name, limit);
    }
    match keys.get("disabledAt") {
        None => {}
        Some(Value::Bool(false)) => org.disable(None, now),
        Some(Value::String(at)) => org.disable(at.parse().ok(), now),
        Some(_) => org.disable(Some(now), now),
    }
    org.updated_at = Some(now);
}

fn set_limit(limits: &mut Limits, name: &str, limit: u64) {
    match name {
        "payload" => limits.payload = Some(limit),
        "device" => limits.device = Some(limit),
        "notebookMinutesPerMonth" => limits.notebook_minutes_per_month = Some(limit),
        "storage" => limits.storage = Some(limit),
        other => {
            limits.other.insert(other.to_owned(), limit);
        }
    }
}

/// A value that has been checked, so that it can be read.
fn read<T: DeserializeOwned>(keys: &Map<String, Value>, name: &str) -> Option<T> {
    keys.get(name).and_then(|value| serde_json::from_value(value.clone()).ok())
}

fn replace<T: DeserializeOwned>(place: &mut T, keys: &Map<String, Value>, name: &str) {
    if let Some(value) = read(keys, name) {
        *place = value;
    }
}

fn replace_some<T: DeserializeOwned>(place: &mut Option<T>, keys: &Map<String, Value>, name: &str) {
    if let Some(value) = read(keys, name) {
        *place = Some(value);
    }
}
