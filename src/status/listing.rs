//! All scopes at one moment, and the page of them that somebody wants to see.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, Rules};
use super::query::{Query, Sort};
use crate::store::{Moment, ScopeState, Snapshot};
use crate::usage::{Id, Level, Scope};

/// Rows on a page.
pub(super) const PAGE: usize = 100;

/// All scopes. Takes a pass over the snapshot, which is let go.
#[derive(Debug)]
pub struct Listing {
    moment: Moment,
    instances: Vec<Entry>,
    scopes: Vec<Entry>,
    counts: BTreeMap<(Level, ScopeState), u64>,
    up: BTreeMap<Id, bool>,
    listed: BTreeSet<Id>,
}

/// A page of them, and the instances.
#[derive(Debug)]
pub struct Selected {
    pub(super) moment: Moment,
    pub(super) query: Query,
    pub(super) instances: Vec<Entry>,
    pub(super) scopes: Vec<Entry>,
    /// How many fit the query.
    pub(super) total: usize,
    pub(super) counts: BTreeMap<(Level, ScopeState), u64>,
    pub(super) up: BTreeMap<Id, bool>,
    /// The instances whose lists have been read.
    pub(super) listed: BTreeSet<Id>,
}

impl Listing {
    /// What `snapshot` shows at `moment`.
    pub fn new(snapshot: &Snapshot, moment: Moment, rules: &Rules) -> Self {
        let mut counts: BTreeMap<_, u64> = BTreeMap::new();
        for (_, level, excluded) in snapshot.excluded() {
            *counts.entry((level, ScopeState::Excluded)).or_default() += excluded as u64;
        }
        let (mut instances, mut scopes) = (Vec::new(), Vec::new());
        for (scope, record) in snapshot.scopes() {
            let entry = Entry::new(*scope, record, moment, rules);
            *counts.entry((scope.level(), entry.state)).or_default() += 1;
            if scope.level() == Level::Instance { instances.push(entry) } else { scopes.push(entry) }
        }
        // A list that has been read says how many it leaves out, be it none.
        let listed = snapshot.excluded().map(|(instance, _, _)| instance).collect();
        Self { moment, instances, scopes, counts, up: snapshot.up().collect(), listed }
    }

    /// What `query` asks for. A page beyond the last is the last.
    pub fn select(self, mut query: Query) -> Selected {
        let Self { moment, instances, mut scopes, counts, up, listed } = self;
        let search = query.search.to_lowercase();
        scopes.retain(|entry| {
            query.level.is_none_or(|level| entry.scope.level() == level)
                && query.state.is_none_or(|state| entry.state == state)
                && fits(entry, &search)
        });
        let total = scopes.len();
        query.page = query.page.min(total.saturating_sub(1) / PAGE);
        // Equal ones stay in the order of the store.
        if query.sort == Sort::Name {
            let name = |entry: &Entry| entry.name.as_ref().map(|name| name.to_lowercase());
            if query.is_descending() {
                scopes.sort_by_cached_key(|entry| (entry.name.is_none(), Reverse(name(entry))));
            } else {
                scopes.sort_by_cached_key(|entry| (entry.name.is_none(), name(entry)));
            }
        } else {
            let number = number_of(query.sort);
            scopes.sort_by(|a, b| compare(number(a), number(b), query.is_descending()));
        }
        let scopes = scopes.into_iter().skip(query.page * PAGE).take(PAGE).collect();
        Selected { moment, query, instances, scopes, total, counts, up, listed }
    }
}

impl Selected {
    /// The scopes whose rows are shown, and up to when the hours of each are known.
    pub fn scopes(&self) -> impl Iterator<Item = (Scope, Option<jiff::Timestamp>)> {
        let rows = self.instances.iter().chain(&self.scopes);
        rows.map(|entry| (entry.scope, entry.counted().map(|read| read.at)))
    }
}

/// Whether `search`, in lower case, is a part of the name or the id.
fn fits(entry: &Entry, search: &str) -> bool {
    let may_be_id = || search.bytes().all(|byte| byte.is_ascii_hexdigit());
    search.is_empty()
        || entry.name.as_ref().is_some_and(|name| name.to_lowercase().contains(search))
        || may_be_id() && entry.scope.id().to_string().contains(search)
}

fn number_of(sort: Sort) -> fn(&Entry) -> Option<f64> {
    match sort {
        Sort::ThisHour => |entry| entry.payloads.this_hour,
        Sort::Today => |entry| entry.payloads.today,
        Sort::Period => |entry| entry.payloads.period,
        Sort::Share => |entry| entry.payloads.share(),
        Sort::Name | Sort::Age => |entry| entry.counted().map(|read| read.age.as_secs_f64()),
    }
}

/// Whatever the order, what is unknown comes last.
fn compare(a: Option<f64>, b: Option<f64>, descending: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if descending => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}
