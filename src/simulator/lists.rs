//! Lists: which items are on a page, and the envelope around them.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::bodies::{Scene, date};
use super::id::ObjectId;
use super::org_query::{Condition, OrgDates};
use super::owner::{Instance, Org, Sandbox};
use super::query::{Query, invalid};
use super::refusal::Refusal;
use super::summary::Wanted;
use super::switches::{PageBeyondCap, Switches};
use super::world::order::{OrgOrder, Place, SandboxOrder};

const DEFAULT_PAGE_SIZE: usize = 100;
const PAGED_SORT: [&str; 4] = ["name", "id", "creationDate", "lastUpdated"];
/// The first one is the default.
const SANDBOX_SORT: [&str; 9] = [
    "email",
    "firstName",
    "lastName",
    "id",
    "creationDate",
    "lastSuccessfulLogin",
    "lastFailedLogin",
    "failedLoginCount",
    "lastUpdated",
];

/// `GET /instances`.
pub(super) fn instances(scene: &Scene<'_>, query: &Query) -> Result<Value, Refusal> {
    let sort = Sort::read(query, &PAGED_SORT)?;
    let filter = Filter::read(query, &["name"])?;
    let kept = scene.world.instances().iter().filter(|instance| instance.created_at <= scene.now);
    let kept = kept.filter(|instance| filter.keeps(|_| &instance.name));
    let key = |instance: &&Instance| {
        let key = match sort.field {
            "name" => instance.name.clone(),
            "id" => String::new(),
            _ => date(instance.created_at),
        };
        // Equal keys are ordered by id, so that pages never overlap.
        (key, instance.id)
    };
    let mut all: Vec<&Instance> = kept.collect();
    all.sort_unstable_by_key(key);
    sort.direct(&mut all);
    paged(scene.switches, query, &sort, &filter, &all, |instance| scene.instance(instance))
}

/// `GET /instances/{i}/orgs`.
pub(super) fn orgs(scene: &Scene<'_>, instance: ObjectId, query: &Query) -> Result<Value, Refusal> {
    let sort = Sort::read(query, &PAGED_SORT)?;
    let condition = query.text("query").map(Condition::read).transpose()?;
    // A condition takes the place of a filter.
    let filter = if condition.is_some() { Filter(None) } else { Filter::read(query, &["name"])? };
    let wanted = Wanted::of_org(query, scene.switches)?;
    let world = scene.world;
    let places = match sort.field {
        "name" => world.orgs_by(instance, OrgOrder::Name),
        "id" => world.orgs_by(instance, OrgOrder::Id),
        "creationDate" => world.orgs_by(instance, OrgOrder::Created),
        // It changes with the time: an org is disabled when its hour has come.
        _ => world.sort_orgs(instance, |org| scene.org_updated(org).as_millisecond()),
    };
    let there = places.iter().filter(|place| place.exists(scene.now));
    let kept = there.filter_map(|place| world.orgs().get(place.index));
    let kept = kept.filter(|org| filter.keeps(|_| &org.name));
    let dates = |org: &Org| OrgDates {
        updated: date(scene.org_updated(org)),
        disabled: org.disabled_at.filter(|disabled| *disabled <= scene.now).map(date),
    };
    let kept =
        kept.filter(|org| condition.as_ref().is_none_or(|condition| condition.holds(org, &dates(org))));
    let mut all: Vec<&Org> = kept.collect();
    sort.direct(&mut all);
    let mut body = paged(scene.switches, query, &sort, &filter, &all, |org| scene.org(org, &wanted))?;
    body["instanceId"] = json!(instance.to_string());
    Ok(body)
}

/// `GET /instances/{i}/sandboxes`.
pub(super) fn sandboxes(scene: &Scene<'_>, instance: ObjectId, query: &Query) -> Result<Value, Refusal> {
    let sort = Sort::read(query, &SANDBOX_SORT)?;
    let filter = Filter::read(query, &["firstName", "lastName", "email"])?;
    let wanted = Wanted::of_sandbox(query, scene.switches)?;
    let limit = page_size(scene.switches, query, "limit")?;
    let include_deleted = query.boolean("includeDeleted", false)?;
    let (after, before) = (query.id("startingAfterId")?, query.id("endingBeforeId")?);

    let world = scene.world;
    let places = match sort.field {
        "email" => world.sandboxes_by(instance, SandboxOrder::Email),
        "firstName" => world.sandboxes_by(instance, SandboxOrder::FirstName),
        "lastName" => world.sandboxes_by(instance, SandboxOrder::LastName),
        // Nobody ever mistyped a password here.
        "id" | "lastFailedLogin" | "failedLoginCount" => world.sandboxes_by(instance, SandboxOrder::Id),
        "lastSuccessfulLogin" => {
            world.sort_sandboxes(instance, |user| scene.last_login(user).as_millisecond())
        }
        _ => world.sandboxes_by(instance, SandboxOrder::Created),
    };
    let is_listed = |user: &Sandbox| {
        (include_deleted || !user.is_marked(scene.now))
            && filter.keeps(|field| match field {
                "firstName" => &user.first_name,
                "lastName" => &user.last_name,
                _ => &user.email,
            })
    };
    // A cursor keeps its place even when its user has gone meanwhile, so those stay in until the end.
    let mut all: Vec<&Place> = places.iter().collect();
    sort.direct(&mut all);
    let place = |name: &str, id: ObjectId| {
        let place = all.iter().position(|user| user.id == id);
        place.ok_or_else(|| invalid(name, &id.to_string(), "the id of a sandbox"))
    };
    let first = after.map(|id| place("startingAfterId", id)).transpose()?.map_or(0, |place| place + 1);
    let end = before.map(|id| place("endingBeforeId", id)).transpose()?.unwrap_or(all.len());
    let between = all.get(first..end).unwrap_or_default();
    let listed = |place: &&Place| {
        let there = world.sandboxes().get(place.index).filter(|_| place.exists(scene.now));
        there.filter(|user| is_listed(user))
    };
    // One more than fits says whether there are more.
    let mut page: Vec<&Sandbox> = if before.is_some() && after.is_none() {
        // With nothing but an end, the page is the one right before it.
        between.iter().rev().filter_map(listed).take(limit.saturating_add(1)).collect()
    } else {
        between.iter().filter_map(listed).take(limit.saturating_add(1)).collect()
    };
    let has_more = page.len() > limit;
    page.truncate(limit);
    if before.is_some() && after.is_none() {
        page.reverse();
    }
    let items: Vec<Value> = page.into_iter().map(|user| scene.sandbox(user, &wanted)).collect();

    let mut body = json!({
        "count": items.len(),
        "items": items,
        "limit": limit,
        "hasMore": has_more,
    });
    sort.echo(&mut body);
    filter.echo(&mut body);
    for (name, id) in [("startingAfterId", after), ("endingBeforeId", before)] {
        if let Some(id) = id {
            body[name] = json!(id.to_string());
        }
    }
    Ok(body)
}

/// The envelope of lists that are read page by page.
pub(super) fn paged<T: Copy>(
    switches: &Switches,
    query: &Query,
    sort: &Sort,
    filter: &Filter,
    all: &[T],
    write: impl Fn(T) -> Value,
) -> Result<Value, Refusal> {
    let page: usize = query.number("page", 0)?;
    let size = page_size(switches, query, "perPage")?;
    let items: Vec<Value> =
        all.iter().skip(page.saturating_mul(size)).take(size).map(|item| write(*item)).collect();
    let mut body = json!({
        "count": items.len(),
        "items": items,
        "totalCount": all.len(),
        "page": page,
        "perPage": size,
    });
    sort.echo(&mut body);
    filter.echo(&mut body);
    Ok(body)
}

fn page_size(switches: &Switches, query: &Query, name: &str) -> Result<usize, Refusal> {
    let cap = switches.page_size_cap;
    let asked: usize = query.number(name, DEFAULT_PAGE_SIZE.min(cap))?;
    if asked == 0 || (asked > cap && switches.page_beyond_cap == PageBeyondCap::Reject) {
        return Err(invalid(name, &asked.to_string(), &format!("1 to {cap}")));
    }
    Ok(asked.min(cap))
}

pub(super) struct Sort {
    pub(super) field: &'static str,
    direction: &'static str,
}

impl Sort {
    pub(super) fn read(query: &Query, fields: &[&'static str]) -> Result<Self, Refusal> {
        let field = query.choice("sortField", fields)?;
        Ok(Self { field, direction: query.choice("sortDirection", &["asc", "desc"])? })
    }

    /// Turns around what is in rising order, if so wanted.
    pub(super) fn direct<T>(&self, rising: &mut [T]) {
        if self.direction == "desc" {
            rising.reverse();
        }
    }

    fn echo(&self, body: &mut Value) {
        body["sortField"] = json!(self.field);
        body["sortDirection"] = json!(self.direction);
    }
}

/// A pattern for one field; without either there is no filter.
pub(super) struct Filter(Option<(&'static str, String)>);

impl Filter {
    pub(super) fn read(query: &Query, fields: &[&'static str]) -> Result<Self, Refusal> {
        let field = query.optional_choice("filterField", fields)?;
        Ok(Self(field.zip(query.text("filter").map(str::to_owned))))
    }

    /// Whether it is this very text, letter by letter.
    pub(super) fn equals(&self, text: impl Fn(&str) -> Cow<'static, str>) -> bool {
        self.0.as_ref().is_none_or(|(field, wanted)| text(field) == *wanted)
    }

    fn keeps<'a>(&self, text: impl Fn(&str) -> &'a str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|(field, pattern)| globs(&pattern.to_lowercase(), &text(field).to_lowercase()))
    }

    fn echo(&self, body: &mut Value) {
        if let Some((field, pattern)) = &self.0 {
            body["filterField"] = json!(field);
            body["filter"] = json!(pattern);
        }
    }
}

/// Whether `text` is `pattern`, in which every `*` stands for any text.
fn globs(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_suffix(end) else { return false };
    for part in middle.split('*') {
        let Some(place) = text.find(part) else { return false };
        text = text.get(place + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::globs;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in [
            ("my * instance", "my own instance"),
            ("*", ""),
            ("a*", "abc"),
            ("*b*", "abc"),
            ("a*b*c", "axbyc"),
        ] {
            assert!(globs(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*a", "a"), ("a*b*c", "acb"), ("", "a")] {
            assert!(!globs(pattern, text), "{pattern} {text}");
        }
    }
}
