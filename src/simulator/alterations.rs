//! Answers that are complete and strange.

use serde_json::{Value, json};

use super::action::{Action, Count};
use super::answer::{PAYLOAD_KEYS, write_floats};
use super::faults::FaultKind;
use super::world::World;

/// Does to the body of `action` what `kind` says.
pub(super) fn alter(body: &mut Value, action: Action, kind: &FaultKind) {
    match kind {
        FaultKind::UnknownPayloadTypes => {
            if matches!(action, Action::Counts(_, Count::Payloads)) {
                add_types(body);
            }
            in_every_object(body, &mut |key, value| {
                if PAYLOAD_KEYS.contains(&key) {
                    add_types(value);
                }
                true
            });
        }
        FaultKind::NumbersAsFloats => write_floats(body),
        FaultKind::NoSummary => in_every_object(body, &mut |key, _| key != "summary"),
        _ => {}
    }
}

/// The last org or sandbox user of a list is gone from now on.
pub(super) fn delete_listed(world: &mut World, body: &Value, now: jiff::Timestamp) {
    let id = body.pointer("/items").and_then(Value::as_array).and_then(|items| items.last());
    let id = id.and_then(|item| item.get("id")?.as_str()?.parse().ok());
    let Some(id) = id else { return };
    if let Some(org) = world.org_mut(id) {
        org.deleted_at = Some(now);
    }
    if let Some(user) = world.sandbox_mut(id) {
        user.deleted_at = Some(now);
    }
}

fn add_types(payloads: &mut Value) {
    if let Some(types) = payloads.as_object_mut() {
        types.insert("quantumState".to_owned(), json!({ "satellite.link": 7, "unsplit": 1 }));
    }
}

/// Calls `visit` with every key and value; where it says no, the key is taken out.
fn in_every_object(value: &mut Value, visit: &mut impl FnMut(&str, &mut Value) -> bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| in_every_object(item, visit)),
        Value::Object(keys) => {
            keys.retain(|key, value| visit(key, value));
            keys.values_mut().for_each(|value| in_every_object(value, visit));
        }
        _ => {}
    }
}
