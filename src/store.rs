//! The latest reading of every scope.
//!
//! Owns: what was last read, by scope and collector; when; whether the last attempt failed; which instances are up.
//! Publishes immutable [`Snapshot`]s: whoever reads one sees whole polls only, and never waits for a poll.
//! Must not: ask Losant anything, decide when to poll, or know how metrics are written.

mod forgotten;
mod labels;
mod rows;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::usage::{Collector, Id, Level, Reading, Scope};

use forgotten::Forgotten;
use labels::LabelPool;
pub use labels::LabelValues;
pub use rows::{Row, Rows};
pub use snapshot::{Freshness, Moment, Part, Record, ScopeState, Snapshot};

/// A handle to the store. Clones share one content.
#[derive(Clone, Debug, Default)]
pub struct Store {
    content: Arc<Mutex<Content>>,
    /// Counts the changes.
    version: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct Content {
    scopes: BTreeMap<Scope, Arc<Record>>,
    up: BTreeMap<Id, bool>,
    excluded: BTreeMap<(Id, Level), usize>,
    /// The account that each instance is polled with.
    claims: BTreeMap<Id, String>,
    labels: LabelPool,
    /// Scopes, and what collectors read of them.
    forgotten: Forgotten,
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces what `collector` last read of `scope`. `asked_at` is the uptime at which it asked: a reading that took an
    /// hour to come is an hour old, and does not replace one that was asked for after it.
    pub fn put(&self, scope: Scope, collector: Collector, reading: Reading, asked_at: Duration) {
        self.change(|content| {
            let part = content.part(scope, collector);
            let had_failed = std::mem::take(&mut part.failing);
            if part.rows.is_some() && part.asked_at > asked_at {
                return had_failed;
            }
            part.asked_at = asked_at;
            part.hold(reading.read_at, asked_at);
            content.keep(scope, collector, reading);
            true
        });
    }

    /// Shows what a list, asked for at uptime `listed_at`, makes known of `scope`. Says nothing of whether the last attempt
    /// of `collector` failed, and a question that was under way meanwhile still brings a reading that replaces this one.
    pub fn show(&self, scope: Scope, collector: Collector, reading: Reading, listed_at: Duration) {
        self.change(|content| {
            let part = content.part(scope, collector);
            if part.rows.is_some() && part.holds_at > listed_at {
                return false;
            }
            part.hold(reading.read_at, listed_at);
            content.keep(scope, collector, reading);
            true
        });
    }

    /// Notes that what `collector` last read of `scope` was still true at `read_at`, as was learned from a list asked for at
    /// uptime `listed_at`. Totals of the billing period hold until `until`, where that is known and later.
    pub fn confirm(
        &self,
        scope: Scope,
        collector: Collector,
        (read_at, listed_at): (Timestamp, Duration),
        until: Option<Timestamp>,
    ) {
        self.change(|content| {
            let part = content.part(scope, collector);
            let Some(rows) = part.rows.as_mut().filter(|_| part.holds_at < listed_at) else { return false };
            if rows.ends_before(until) {
                Arc::make_mut(rows).extend_to(until);
            }
            part.hold(read_at, listed_at);
            true
        });
    }

    /// What `collector` last read of `scope`, and the uptime at which it asked.
    pub fn last_read(&self, scope: Scope, collector: Collector) -> Option<(Reading, Duration)> {
        let content = self.lock();
        let part = content.scopes.get(&scope)?.part(collector);
        Some((part.rows.as_deref()?.to_reading(), part.asked_at))
    }

    /// How many numbers `collector` last read of `scope`.
    pub fn size_of(&self, scope: Scope, collector: Collector) -> usize {
        let content = self.lock();
        let part = content.scopes.get(&scope).map(|record| record.part(collector));
        part.and_then(|part| part.rows.as_ref()).map_or(0, |rows| rows.len())
    }

    /// Notes that the last attempt of `collector` on `scope` failed. What it read before stays until it expires.
    pub fn fail(&self, scope: Scope, collector: Collector) {
        self.change(|content| !std::mem::replace(&mut content.part(scope, collector).failing, true));
    }

    /// Forgets one scope.
    pub fn forget(&self, scope: Scope) {
        self.change(|content| {
            let was_known = content.scopes.remove(&scope).is_some();
            content.forgotten.note(usize::from(was_known));
            was_known
        });
    }

    /// Forgets what one collector read of a scope.
    pub fn forget_part(&self, scope: Scope, collector: Collector) {
        self.change(|content| {
            let record = content.scopes.get_mut(&scope).filter(|record| record.part(collector).is_used());
            let Some(record) = record else { return false };
            *Arc::make_mut(record).part_mut(collector) = Part::default();
            content.forgotten.note(1);
            true
        });
    }

    /// Forgets the scopes of an instance at one level for which `keep` says no.
    pub fn keep_only(&self, instance: Id, level: Level, keep: impl Fn(&Scope) -> bool) {
        self.change(|content| {
            let others = |scope: &Scope| scope.instance() != instance || scope.level() != level;
            content.keep_scopes(|scope| others(scope) || keep(scope)) > 0
        });
    }

    /// Gives up an account's claim to an instance. What is known of it stays.
    pub fn release(&self, instance: Id) {
        self.change(|content| content.claims.remove(&instance).is_some());
    }

    /// The instances that an account has claimed.
    pub fn claimed_by(&self, account: &str) -> Vec<Id> {
        let content = self.lock();
        content.claims.iter().filter(|(_, of)| *of == account).map(|(instance, _)| *instance).collect()
    }

    /// Forgets everything about an instance.
    pub fn forget_instance(&self, instance: Id) {
        self.change(|content| {
            content.keep_scopes(|scope| scope.instance() != instance);
            content.up.remove(&instance);
            content.claims.remove(&instance);
            content.excluded.retain(|(of, _), _| *of != instance);
            true
        });
    }

    /// Notes whether the last discovery of `instance` and its own polls succeeded.
    pub fn set_up(&self, instance: Id, up: bool) {
        self.change(|content| content.up.insert(instance, up) != Some(up));
    }

    /// Takes an instance for an account. Returns whether it has it now: an instance belongs to the account that came first, so
    /// that two do not overwrite each other's numbers.
    pub fn claim(&self, instance: Id, account: &str) -> bool {
        let mut has = false;
        self.change(|content| {
            let before = content.claims.len();
            has = content.claims.entry(instance).or_insert_with(|| account.to_owned()) == account;
            content.claims.len() > before
        });
        has
    }

    /// Notes how many scopes of an instance the configuration leaves out.
    pub fn set_excluded(&self, instance: Id, level: Level, scopes: usize) {
        self.change(|content| content.excluded.insert((instance, level), scopes) != Some(scopes));
    }

    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        let content = self.lock();
        let scopes = content.scopes.iter().map(|(scope, record)| (*scope, Arc::clone(record))).collect();
        let version = *self.version.borrow();
        let reader = content.forgotten.reader();
        let accounts = content.claims.values().cloned().collect();
        Snapshot::new(version, scopes, content.up.clone(), content.excluded.clone(), accounts, reader)
    }

    /// How often the content has changed, as [`Snapshot::version`] says it of a snapshot.
    pub fn version(&self) -> u64 {
        *self.version.borrow()
    }

    /// Waits until the content is not the one of `version` any more.
    pub async fn changed_since(&self, version: u64) {
        // The sender lives in `self`, so waiting can only end by a change.
        let _ = self.version.subscribe().wait_for(|now| *now != version).await;
    }

    /// Has `change` change the content, and say whether it did.
    fn change(&self, change: impl FnOnce(&mut Content) -> bool) {
        let mut content = self.lock();
        if change(&mut content) {
            // While the lock is held: a snapshot that knows this version has the change in it.
            self.version.send_modify(|version| *version += 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        // A panic while the lock was held leaves whole values only: every change is one assignment.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn part(&mut self, scope: Scope, collector: Collector) -> &mut Part {
        let record = self.scopes.entry(scope).or_default();
        Arc::make_mut(record).part_mut(collector)
    }

    /// Forgets scopes for which `keep` says no. Returns how many.
    fn keep_scopes(&mut self, keep: impl Fn(&Scope) -> bool) -> usize {
        let before = self.scopes.len();
        self.scopes.retain(|scope, _| keep(scope));
        let gone = before - self.scopes.len();
        self.forgotten.note(gone);
        gone
    }

    fn keep(&mut self, scope: Scope, collector: Collector, reading: Reading) {
        if self.forgotten.is_worth_a_look(self.scopes.len()) {
            self.labels.look();
        }
        let rows = Rows::new(reading, &mut self.labels);
        let part = self.part(scope, collector);
        // Nobody looks at it most of the time: a snapshot lives while a page is made.
        let rest = match part.rows.as_mut().and_then(Arc::get_mut) {
            Some(held) => held.take_over(rows).err(),
            None => Some(rows),
        };
        if let Some(rows) = rest {
            part.rows = Some(Arc::new(rows));
        }
    }
}

impl Part {
    /// Whether anything is known, or was tried.
    fn is_used(&self) -> bool {
        self.last_success.is_some() || self.failing
    }

    /// Notes up to when the reading is true; never back.
    fn hold(&mut self, read_at: Timestamp, uptime: Duration) {
        if self.last_success.is_none() || self.holds_at <= uptime {
            self.last_success = Some(read_at);
            self.holds_at = uptime;
        }
    }
}

#[cfg(test)]
mod changes_tests;
#[cfg(test)]
mod tests;
