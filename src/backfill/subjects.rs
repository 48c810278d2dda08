//! Who is asked about: the wanted scopes of an account, by level and id.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::losant::wire::Summary;
use crate::losant::{Client, Error, ListWalk, Pages};
use crate::selection::{Candidate, Tally};
use crate::usage::{Id, Level, Scope};

/// Asked of summaries: how many devices there are, where `deviceCounts` leaves out days without a change. Naming fields also
/// spares Losant the work for all others.
const SUMMARY_FIELDS: [&str; 1] = ["deviceCount"];

/// How often a list is walked that changes while it is read.
const WALKS: usize = 3;

/// A scope, and what lists say of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Subject {
    pub(super) scope: Scope,
    /// When it came to be. Nothing is written of the time before.
    pub(super) born: Option<Timestamp>,
    /// How many devices it has now.
    pub(super) devices: Option<f64>,
}

/// Why nobody could be listed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListError {
    #[error(transparent)]
    Losant(#[from] Error),
    #[error(
        "the list of {what} is not complete, {skipped} of its entries make no sense: who is missing from it would be missing \
         from the history"
    )]
    Incomplete { what: String, skipped: usize },
    #[error("the token lists no instance; name the instance under accounts.{0}.instances")]
    NoInstance(String),
}

/// Lists all scopes that are wanted, in the order in which they are written.
pub(super) async fn list(client: &Client, order: &Order) -> Result<Vec<Subject>, ListError> {
    let mut subjects = Vec::new();
    let mut tally = order.selection.tally();
    for instance in instances(client, order).await? {
        if order.levels.contains(&Level::Instance) && order.shard.owns(&instance) {
            let born = client.instance(instance).await?.created_at;
            subjects.push(Subject { scope: Scope::Instance { instance }, born, devices: None });
        }
        if order.levels.contains(&Level::Org) {
            subjects.extend(orgs(client, order, instance, &mut tally).await?);
        }
        if order.levels.contains(&Level::Sandbox) {
            subjects.extend(sandboxes(client, order, instance, &mut tally).await?);
        }
    }
    for unmatched in order.levels.iter().flat_map(|level| tally.unmatched(*level)) {
        tracing::warn!(account = order.account, problem = %unmatched, "a pattern of the selection fits nobody");
    }
    subjects.sort_unstable_by_key(|subject| subject.scope);
    subjects.dedup_by_key(|subject| subject.scope);
    Ok(subjects)
}

async fn instances(client: &Client, order: &Order) -> Result<Vec<Id>, ListError> {
    if !order.instances.is_empty() {
        return Ok(order.instances.clone());
    }
    let listing = client.all_instances().await?;
    if !listing.complete {
        return Err(ListError::Incomplete { what: "instances".to_owned(), skipped: listing.skipped });
    }
    if listing.items.is_empty() {
        return Err(ListError::NoInstance(order.account.clone()));
    }
    Ok(listing.items.into_iter().map(|instance| instance.id).collect())
}

async fn orgs(
    client: &Client,
    order: &Order,
    instance: Id,
    tally: &mut Tally,
) -> Result<Vec<Subject>, ListError> {
    let begin = |fields: &[&'static str]| client.walk_orgs(instance, fields);
    let found = walk(format!("orgs of instance {instance}"), begin, |org| {
        let names: Vec<_> = org.name.as_deref().into_iter().collect();
        let tags: Vec<_> =
            org.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
        let wanted = tally.look_at(Level::Org, &Candidate { id: org.id, names: &names, tags: &tags });
        (wanted && order.shard.owns(&org.id)).then(|| Subject {
            scope: Scope::Org { instance, org: org.id },
            born: org.created_at,
            devices: devices(org.summary.as_ref()),
        })
    });
    found.await
}

async fn sandboxes(
    client: &Client,
    order: &Order,
    instance: Id,
    tally: &mut Tally,
) -> Result<Vec<Subject>, ListError> {
    let begin = |fields: &[&'static str]| client.walk_sandboxes(instance, fields);
    let found = walk(format!("sandboxes of instance {instance}"), begin, |user| {
        let names: Vec<_> = [&user.email, &user.full_name].into_iter().filter_map(Option::as_deref).collect();
        let wanted = tally.look_at(Level::Sandbox, &Candidate { id: user.id, names: &names, tags: &[] });
        (wanted && order.shard.owns(&user.id)).then(|| Subject {
            scope: Scope::Sandbox { instance, sandbox: user.id },
            born: user.created_at,
            devices: devices(user.summary.as_ref()),
        })
    });
    found.await
}

fn devices(summary: Option<&Summary>) -> Option<f64> {
    summary.and_then(|summary| summary.counts.get("deviceCount").copied())
}

/// Walks a list until it is complete.
async fn walk<P: Pages>(
    what: String,
    begin: impl Fn(&[&'static str]) -> ListWalk<P>,
    mut keep: impl FnMut(P::Item) -> Option<Subject>,
) -> Result<Vec<Subject>, ListError> {
    let mut skipped = 0;
    for _ in 0..WALKS {
        let mut walk = begin(&SUMMARY_FIELDS);
        let first = match walk.next().await {
            // Nothing public says which names of fields are accepted; a list without is better than none.
            Err(Error::Rejected { .. }) => {
                walk = begin(&[]);
                walk.next().await
            }
            first => first,
        };
        let (mut next, mut kept) = (first?, Vec::new());
        while let Some(page) = next {
            kept.extend(page.items.into_iter().filter_map(&mut keep));
            next = walk.next().await?;
        }
        if walk.is_complete() {
            return Ok(kept);
        }
        skipped = walk.skipped();
    }
    Err(ListError::Incomplete { what, skipped })
}

/// A subject as it is kept beside a journal.
#[derive(Serialize, Deserialize)]
struct Line {
    level: String,
    instance: Id,
    id: Id,
    born: Option<String>,
    devices: Option<f64>,
}

/// Subjects as text, one a line.
pub(super) fn write(subjects: &[Subject]) -> serde_json::Result<String> {
    let mut text = String::new();
    for Subject { scope, born, devices } in subjects {
        let line = Line {
            level: scope.level().to_string(),
            instance: scope.instance(),
            id: scope.id(),
            born: born.map(|born| born.to_string()),
            devices: *devices,
        };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    Ok(text)
}

/// The subjects of such a text. `None` if it is not one.
pub(super) fn read(text: &str) -> Option<Vec<Subject>> {
    let subject = |line| {
        let Line { level, instance, id, born, devices } = serde_json::from_str(line).ok()?;
        let scope = match Level::ALL.into_iter().find(|known| known.as_str() == level)? {
            Level::Instance => Scope::Instance { instance },
            Level::Org => Scope::Org { instance, org: id },
            Level::Sandbox => Scope::Sandbox { instance, sandbox: id },
        };
        let born = born.map(|born| born.parse().ok()).map_or(Some(None), |born| born.map(Some))?;
        Some(Subject { scope, born, devices })
    };
    text.lines().map(subject).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_as_they_were_written() {
        let id = |digit: &str| digit.repeat(24).parse().unwrap();
        let instance = id("a");
        let born = Some("2026-03-01T00:00:00.054Z".parse().unwrap());
        let subjects = [
            Subject { scope: Scope::Instance { instance }, born, devices: None },
            Subject { scope: Scope::Org { instance, org: id("b") }, born, devices: Some(17.0) },
            Subject { scope: Scope::Sandbox { instance, sandbox: id("c") }, born: None, devices: Some(0.0) },
        ];
        assert_eq!(read(&write(&subjects).unwrap()).unwrap(), subjects);
        assert_eq!(read("{}\n"), None);
        assert_eq!(read("").unwrap(), []);
    }
}
