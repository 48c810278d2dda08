//! From a call to the body of its answer.
//!
//! Owns: the order in which a request is checked (token, ids, what they lead to, parameters), and what every body
//! has in common.

use axum::http::StatusCode;
use serde_json::{Map, Number, Value, json};

use super::action::{Action, Call, Count, Level};
use super::bodies::Scene;
use super::chance;
use super::counts;
use super::history;
use super::id::ObjectId;
use super::lists;
use super::owner::{Instance, Org, Owner, Sandbox};
use super::query::{Query, invalid};
use super::refusal::Refusal;
use super::summary::Wanted;
use super::switches::{NewOrg, Switches};
use super::world::World;
use super::writes::Written;

/// What a request wants around the body.
pub(super) struct Dress {
    links: bool,
    actions: bool,
}

impl Dress {
    pub(super) fn read(query: &Query) -> Result<Self, Refusal> {
        // Nothing in here holds another resource, so there is nothing to embed.
        query.boolean("_embedded", true)?;
        Ok(Self { links: query.boolean("_links", true)?, actions: query.boolean("_actions", false)? })
    }

    /// Adds what was wanted, and what the switches want.
    pub(super) fn put_on(&self, body: &mut Value, call: &Call<'_>, path: &str, switches: &Switches) {
        if self.links {
            add_links(body, call, path);
        }
        if self.actions
            && let Some(keys) = body.as_object_mut()
        {
            keys.insert("_actions".to_owned(), json!(actions_of(call.action)));
        }
        if switches.unknown_fields {
            let is_payloads = matches!(call.action, Action::Counts(_, Count::Payloads));
            if !is_payloads {
                add_unknown_fields(body);
            }
        }
        if switches.numbers_as_floats {
            write_floats(body);
        }
    }
}

/// Answers a call that reads.
pub(super) fn read(scene: &Scene<'_>, call: &Call<'_>, query: &Query) -> Result<Value, Refusal> {
    let Some(instance) = call.instance else { return lists::instances(scene, query) };
    let instance_id = path_id("instanceId", instance)?;
    let instance = the_instance(scene.world, instance_id, scene.now)?;
    let org = || the_org(scene.world, instance_id, call.member, scene.now);
    let sandbox = || the_sandbox(scene.world, instance_id, call.member, scene.now);
    match call.action {
        Action::Orgs => lists::orgs(scene, instance_id, query),
        Action::Sandboxes => lists::sandboxes(scene, instance_id, query),
        Action::History => history::summaries(scene, instance_id, query),
        Action::One(Level::Instance) => Ok(scene.instance(instance)),
        Action::One(Level::Org) => Ok(scene.org(org()?, &Wanted::of_org(query, scene.switches)?)),
        Action::One(Level::Sandbox) => {
            Ok(scene.sandbox(sandbox()?, &Wanted::of_sandbox(query, scene.switches)?))
        }
        Action::Counts(level, count) => {
            let owner = match level {
                Level::Instance => Owner::Instance(instance_id),
                Level::Org => Owner::Org(org()?.id()),
                Level::Sandbox => Owner::Sandbox(sandbox()?.id()),
            };
            counts::counts(scene, owner, count, query)
        }
        // The list of instances has no id in its path, and everything else is answered by what it did.
        _ => lists::instances(scene, query),
    }
}

/// The fields that a call that writes wants to see in the end. Asked for before anything is written.
pub(super) fn wanted(action: Action, query: &Query, switches: &Switches) -> Result<Wanted, Refusal> {
    match action {
        Action::AddOrg | Action::Patch(Level::Org) => Wanted::of_org(query, switches),
        Action::Undelete => Wanted::of_sandbox(query, switches),
        _ => Ok(Wanted::default()),
    }
}

/// Answers a call that wrote.
pub(super) fn written(scene: &Scene<'_>, written: Written, wanted: &Wanted) -> (StatusCode, Value) {
    let (world, switches) = (scene.world, scene.switches);
    let gone = || json!({ "success": true });
    let body = match written {
        Written::Gone => gone(),
        Written::Instance(id) => world.instance(id).map_or_else(gone, |instance| scene.instance(instance)),
        Written::Sandbox(id) => world.sandbox(id).map_or_else(gone, |user| scene.sandbox(user, wanted)),
        Written::Org(id) => world.org(id).map_or_else(gone, |org| scene.org(org, wanted)),
        Written::NewOrg(id) => {
            let Some(org) = world.org(id) else { return (StatusCode::OK, gone()) };
            match switches.new_org {
                NewOrg::Org => scene.org_for_members(org, wanted),
                NewOrg::InstanceOrg => return (StatusCode::CREATED, scene.org(org, wanted)),
            }
        }
    };
    (StatusCode::OK, body)
}

pub(super) fn the_instance(world: &World, id: ObjectId, now: jiff::Timestamp) -> Result<&Instance, Refusal> {
    let instance = world.instance(id).filter(|instance| instance.created_at <= now);
    instance.ok_or(Refusal::NotFound("Instance"))
}

pub(super) fn the_org<'a>(
    world: &'a World,
    instance: ObjectId,
    id: Option<&str>,
    now: jiff::Timestamp,
) -> Result<&'a Org, Refusal> {
    let id = path_id("orgId", id.unwrap_or_default())?;
    let org = world.org(id).filter(|org| org.instance == instance && org.exists(now));
    org.ok_or(Refusal::NotFound("Organization"))
}

pub(super) fn the_sandbox<'a>(
    world: &'a World,
    instance: ObjectId,
    id: Option<&str>,
    now: jiff::Timestamp,
) -> Result<&'a Sandbox, Refusal> {
    let id = path_id("instanceSandboxId", id.unwrap_or_default())?;
    let sandbox = world.sandbox(id).filter(|user| user.instance == instance && user.exists(now));
    sandbox.ok_or(Refusal::NotFound("Sandbox"))
}

pub(super) fn path_id(name: &str, text: &str) -> Result<ObjectId, Refusal> {
    text.parse().map_err(|_| invalid(name, text, "24 hexadecimal digits"))
}

/// Names of what can be done with the resource of an action.
fn actions_of(action: Action) -> Vec<&'static str> {
    let resource = |name: &'static str| name.split_once('.').unwrap_or((name, name));
    let (own, _) = resource(action.name());
    let all = Action::ALL.into_iter().map(|action| resource(action.name()));
    all.filter(|(other, _)| *other == own).map(|(_, name)| name).collect()
}

/// `_type` and `_links`, on the body and on the items of a list; an `_etag` on a single resource.
fn add_links(body: &mut Value, call: &Call<'_>, path: &str) {
    let item_schema = match call.action {
        Action::Instances => Some(Level::Instance.schema()),
        Action::Orgs => Some(Level::Org.schema()),
        Action::Sandboxes => Some(Level::Sandbox.schema()),
        _ => None,
    };
    for item in body.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(schema) = item_schema {
            let href = format!("{path}/{}", item.get("id").and_then(Value::as_str).unwrap_or_default());
            link(item, schema, &href);
        }
    }
    link(body, call.action.schema(), path);
    let etag = body.get("lastUpdated").and_then(Value::as_str).map(|at| format!("\"{:x}\"", chance::key(at)));
    if let Some(etag) = etag {
        body["_etag"] = json!(etag);
    }
    let links = body.get_mut("_links").and_then(Value::as_object_mut);
    if let (Some(links), Some(instance)) = (links, call.instance) {
        links.insert("instance".to_owned(), json!({ "href": format!("/instances/{instance}") }));
    }
}

fn link(body: &mut Value, schema: &str, href: &str) {
    if let Some(keys) = body.as_object_mut() {
        keys.insert("_type".to_owned(), json!(schema));
        keys.insert("_links".to_owned(), json!({ "self": { "href": href } }));
    }
}

/// Keys whose objects hold payload types and sources and nothing else.
pub(super) const PAYLOAD_KEYS: [&str; 3] = ["payloadCount", "payloadCountDetails", "payloadSizeDetails"];

/// A key that nobody documented, in every object but those whose keys are payload types and sources.
fn add_unknown_fields(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(add_unknown_fields),
        Value::Object(keys) => {
            keys.iter_mut()
                .filter(|(key, _)| !PAYLOAD_KEYS.contains(&key.as_str()))
                .for_each(|(_, value)| add_unknown_fields(value));
            keys.insert("unexpectedField".to_owned(), json!({ "since": "2.0", "values": [1, null, "x"] }));
        }
        _ => {}
    }
}

pub(super) fn write_floats(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().and_then(Number::from_f64) {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_floats),
        Value::Object(keys) => Map::values_mut(keys).for_each(write_floats),
        _ => {}
    }
}
