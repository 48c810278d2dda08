//! How limits are written: a long list of numbers, most of which nobody changes.

use serde_json::{Map, Value};

use super::chance;
use super::id::ObjectId;
use super::owner::Limits;

/// Limits that every owner has, with the values of Losant's examples.
const ALL: [(&str, u64); 34] = [
    ("apitoken", 1_000),
    ("application", 100),
    ("applicationFlowSlots", 350),
    ("applicationcertificate", 1_000),
    ("applicationcertificateauthority", 1_000),
    ("applicationkey", 1_000),
    ("credential", 100),
    ("dashboard", 100),
    ("dataTTL", 15_552_000),
    ("datatable", 100),
    ("devicerecipe", 1_000),
    ("experienceFlowSlots", 30),
    ("experiencedomain", 100),
    ("experienceendpoint", 500),
    ("experiencegroup", 100),
    ("experienceslug", 100),
    ("experienceuser", 1_000),
    ("experienceversion", 1_000),
    ("experienceview", 500),
    ("file", 1_000),
    ("flow", 1_000),
    ("integration", 50),
    ("notebook", 100),
    ("notebookInParallel", 5),
    ("notebookMinutesPerRun", 60),
    ("privatefile", 1_000),
    ("resourcejob", 100),
    ("systemInterval", 5),
    ("webhook", 1_000),
    // The next ones are not for sandbox users.
    ("member", 100),
    // And these for instances only.
    ("organization", 2_000),
    ("instanceApiToken", 100),
    ("instanceNotificationRule", 100),
    ("instanceCustomNode", 100),
];

/// Number of leading entries of [`ALL`] for each kind of owner.
const SANDBOX: usize = 29;
const ORG: usize = 30;
const INSTANCE: usize = 34;

pub(super) fn of_sandbox(limits: &Limits, hidden_by: Option<ObjectId>) -> Value {
    written(limits, SANDBOX, hidden_by)
}

pub(super) fn of_org(limits: &Limits, hidden_by: Option<ObjectId>) -> Value {
    written(limits, ORG, hidden_by)
}

pub(super) fn of_instance(limits: &Limits, hidden_by: Option<ObjectId>) -> Value {
    written(limits, INSTANCE, hidden_by)
}

/// Whether a limit of this owner is not told: one in two owners keeps a third of them back.
fn is_hidden(id: ObjectId, name: &str) -> bool {
    chance::draw(&[id.key(), 81]).is_multiple_of(2)
        && chance::draw(&[id.key(), 82, chance::key(name)]).is_multiple_of(3)
}

fn written(limits: &Limits, usual: usize, hidden_by: Option<ObjectId>) -> Value {
    let usual = ALL.iter().take(usual).map(|(name, value)| ((*name).to_owned(), *value));
    let own = [
        ("payload", limits.payload),
        ("device", limits.device),
        ("notebookMinutesPerMonth", limits.notebook_minutes_per_month),
        ("storage", limits.storage),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let other = limits.other.iter().map(|(name, value)| (name.clone(), *value));
    usual
        .chain(own)
        .chain(other)
        .filter(|(name, _)| hidden_by.is_none_or(|id| !is_hidden(id, name)))
        .map(|(name, value)| (name, Value::from(value)))
        .collect::<Map<_, _>>()
        .into()
}
