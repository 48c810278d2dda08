//! From a call to the body of its answer.
//!
//! Owns: the order in which a request is checked (token, ids, what they lead to, parameters), and what every body
//! has in common.

use axum::http::StatusCode;
use serde_json::{Map, Number, Value, json};

use super::action::{Action, Call, Count, Level};
use super::bodies::Scene;
use super::counts;
use super::id::ObjectId;
use super::lists;
use super::owner::{Org, Owner, Sandbox};
use super::query::{Query, invalid};
use super::refusal::Refusal;
use super::summary::Wanted;

/// Answers a call of somebody who may ask.
pub(super) fn answer(
    scene: &Scene<'_>,
    call: &Call<'_>,
    path: &str,
    query: &Query,
) -> Result<(StatusCode, Value), Refusal> {
    query.boolean("_actions", false)?;
    query.boolean("_embedded", true)?;
    let links = query.boolean("_links", true)?;
    let mut body = body(scene, call, query)?;
    if links {
        add_links(&mut body, call.action, path);
    }
    if scene.switches.unknown_fields {
        let is_payloads = matches!(call.action, Action::Counts(_, Count::Payloads));
        if !is_payloads {
            add_unknown_fields(&mut body);
        }
    }
    if scene.switches.numbers_as_floats {
        write_floats(&mut body);
    }
    Ok((StatusCode::OK, body))
}

fn body(scene: &Scene<'_>, call: &Call<'_>, query: &Query) -> Result<Value, Refusal> {
    let Some(instance) = call.instance else {
        if !scene.switches.token_lists_instances {
            return Err(Refusal::Forbidden);
        }
        return lists::instances(scene, query);
    };
    let instance_id = path_id("instanceId", instance)?;
    let instance = scene.world.instance(instance_id).filter(|instance| instance.created_at <= scene.now);
    let instance = instance.ok_or(Refusal::NotFound("Instance"))?;
    match call.action {
        Action::Instances => lists::instances(scene, query),
        Action::Orgs => lists::orgs(scene, instance_id, query),
        Action::Sandboxes => lists::sandboxes(scene, instance_id, query),
        Action::One(Level::Instance) => Ok(scene.instance(instance)),
        Action::One(Level::Org) => {
            Ok(scene.org(org(scene, instance_id, call)?, &Wanted::of_org(query, scene.switches)))
        }
        Action::One(Level::Sandbox) => {
            let sandbox = sandbox(scene, instance_id, call)?;
            Ok(scene.sandbox(sandbox, &Wanted::of_sandbox(query, scene.switches)))
        }
        Action::Counts(level, count) => {
            let owner = match level {
                Level::Instance => Owner::Instance(instance_id),
                Level::Org => Owner::Org(org(scene, instance_id, call)?.id()),
                Level::Sandbox => Owner::Sandbox(sandbox(scene, instance_id, call)?.id()),
            };
            counts::counts(scene, owner, count, query)
        }
    }
}

fn org<'a>(scene: &Scene<'a>, instance: ObjectId, call: &Call<'_>) -> Result<&'a Org, Refusal> {
    let id = path_id("orgId", call.member.unwrap_or_default())?;
    let org = scene.world.org(id).filter(|org| org.instance == instance && org.exists(scene.now));
    org.ok_or(Refusal::NotFound("Organization"))
}

fn sandbox<'a>(scene: &Scene<'a>, instance: ObjectId, call: &Call<'_>) -> Result<&'a Sandbox, Refusal> {
    let id = path_id("instanceSandboxId", call.member.unwrap_or_default())?;
    let sandbox = scene.world.sandbox(id).filter(|user| user.instance == instance && user.exists(scene.now));
    sandbox.ok_or(Refusal::NotFound("Sandbox"))
}

fn path_id(name: &str, text: &str) -> Result<ObjectId, Refusal> {
    text.parse().map_err(|_| invalid(name, text, "24 hexadecimal digits"))
}

/// `_type` and `_links`, on the body and on the items of a list.
fn add_links(body: &mut Value, action: Action, path: &str) {
    let item_schema = match action {
        Action::Instances => Level::Instance.schema(),
        Action::Orgs => Level::Org.schema(),
        Action::Sandboxes => Level::Sandbox.schema(),
        Action::One(_) | Action::Counts(..) => "",
    };
    for item in body.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        let href = format!("{path}/{}", item.get("id").and_then(Value::as_str).unwrap_or_default());
        link(item, item_schema, &href);
    }
    link(body, action.schema(), path);
}

fn link(body: &mut Value, schema: &str, href: &str) {
    if let Some(keys) = body.as_object_mut() {
        keys.insert("_type".to_owned(), json!(schema));
        keys.insert("_links".to_owned(), json!({ "self": { "href": href } }));
    }
}

/// A key that nobody documented, in every object but those whose keys are payload types and sources.
fn add_unknown_fields(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(add_unknown_fields),
        Value::Object(keys) => {
            keys.iter_mut()
                .filter(|(key, _)| key.as_str() != "payloadCount")
                .for_each(|(_, value)| add_unknown_fields(value));
            keys.insert("unexpectedField".to_owned(), json!({ "since": "2.0", "values": [1, null, "x"] }));
        }
        _ => {}
    }
}

fn write_floats(value: &mut Value) {
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
