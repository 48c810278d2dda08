//! Who owns usage: instances, orgs, sandbox users.
//!
//! Owns: what is known about each of them. All of it may be changed in a running world, but for the ids.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::calendar::{self, BillingAnchor};
use super::devices::{Fleet, Life};
use super::id::ObjectId;
use super::notebooks::NotebookHabit;
use super::stream::{Burst, Stream};

/// Whose usage is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// All orgs of an instance. Its sandboxes are not part of its figures.
    Instance(ObjectId),
    /// One org.
    Org(ObjectId),
    /// One sandbox user.
    Sandbox(ObjectId),
}

/// A key and a value on an org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Letters, digits, `_` and `-`.
    pub key: String,
    /// Any text.
    pub value: String,
}

/// The limits worth changing. All others that Losant has are written with the values of its examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Billable payloads a billing period.
    pub payload: Option<u64>,
    /// Devices.
    pub device: Option<u64>,
    /// Minutes a billing period.
    pub notebook_minutes_per_month: Option<u64>,
    /// Bytes.
    pub storage: Option<u64>,
    /// Whatever else a test wants there, by its name on the wire. Wins over the defaults.
    pub other: BTreeMap<String, u64>,
}

/// What goes on at an owner.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Payloads.
    pub streams: Vec<Stream>,
    /// Devices.
    pub fleet: Fleet,
    /// Notebooks, for owners that run any.
    pub notebooks: Option<NotebookHabit>,
}

impl Activity {
    /// Adds a burst to the first stream of a type. Returns whether there is one.
    pub fn add_burst(&mut self, payload_type: &str, burst: Burst) -> bool {
        let stream = self.streams.iter_mut().find(|stream| stream.payload_type == payload_type);
        stream.map(|stream| stream.bursts.push(burst)).is_some()
    }
}

/// A slice of the platform that belongs to one customer.
#[derive(Clone, Debug)]
pub struct Instance {
    pub(super) id: ObjectId,
    /// Any text of 1 to 255 characters.
    pub name: String,
    /// Creation date.
    pub created_at: Timestamp,
    /// Limits of all orgs together; shown, not enforced.
    pub limits: Limits,
}

/// A tenant of an instance.
#[derive(Clone, Debug)]
pub struct Org {
    pub(super) id: ObjectId,
    pub(super) instance: ObjectId,
    /// Any text of 1 to 255 characters.
    pub name: String,
    /// Any text.
    pub description: Cow<'static, str>,
    /// Tags, in this order.
    pub tags: Vec<Tag>,
    /// Creation date; nothing is counted before.
    pub created_at: Timestamp,
    /// From then on the org is gone: not listed, 404, nothing counted.
    pub deleted_at: Option<Timestamp>,
    /// From then on the org is disabled, and no payloads arrive.
    pub disabled_at: Option<Timestamp>,
    /// Shown; its payloads go on.
    pub is_read_only: bool,
    /// Limits; none is enforced.
    pub limits: Limits,
    /// When the billing period turns over.
    pub billing: BillingAnchor,
    /// What goes on.
    pub activity: Activity,
}

/// A user account, as the owner of personal applications.
#[derive(Clone, Debug)]
pub struct Sandbox {
    pub(super) id: ObjectId,
    pub(super) instance: ObjectId,
    /// Unique in the world as it is made.
    pub email: String,
    /// Any text.
    pub first_name: String,
    /// Any text.
    pub last_name: String,
    /// Any text.
    pub company: String,
    /// Creation date; nothing is counted before.
    pub created_at: Timestamp,
    /// From then on listed only with `includeDeleted`, and no payloads arrive.
    pub marked_for_deletion_at: Option<Timestamp>,
    /// From then on the user is gone: never listed, 404.
    pub deleted_at: Option<Timestamp>,
    /// Limits. `payload` is enforced: at that number payloads stop until the period turns over.
    pub limits: Limits,
    /// Orgs the user is a member of.
    pub orgs: Vec<ObjectId>,
    /// What goes on.
    pub activity: Activity,
}

impl Instance {
    /// Its id.
    pub fn id(&self) -> ObjectId {
        self.id
    }
}

impl Org {
    /// Its id.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// The instance it belongs to.
    pub fn instance(&self) -> ObjectId {
        self.instance
    }

    /// Whether it can be seen at `at`.
    pub fn exists(&self, at: Timestamp) -> bool {
        exists(self.created_at, self.deleted_at, at)
    }

    pub(super) fn life(&self) -> Life {
        life(self.created_at, self.deleted_at)
    }

    /// The part of `[from, to)` in which payloads arrive.
    pub(super) fn lively(&self, from: i64, to: i64) -> (i64, i64) {
        within(self.created_at, [self.deleted_at, self.disabled_at], from, to)
    }
}

impl Sandbox {
    /// The billing period of every sandbox is the calendar month.
    pub(super) const BILLING: BillingAnchor = BillingAnchor::CALENDAR_MONTH;

    /// Its id, which is the user's.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// The instance it belongs to.
    pub fn instance(&self) -> ObjectId {
        self.instance
    }

    /// Whether it can be seen at `at`. Users marked for deletion can, if asked for.
    pub fn exists(&self, at: Timestamp) -> bool {
        exists(self.created_at, self.deleted_at, at)
    }

    /// Whether it is marked for deletion at `at`.
    pub fn is_marked(&self, at: Timestamp) -> bool {
        self.marked_for_deletion_at.is_some_and(|marked| marked <= at)
    }

    pub(super) fn life(&self) -> Life {
        life(self.created_at, self.deleted_at)
    }

    /// The part of `[from, to)` in which payloads may arrive.
    pub(super) fn lively(&self, from: i64, to: i64) -> (i64, i64) {
        within(self.created_at, [self.deleted_at, self.marked_for_deletion_at], from, to)
    }
}

fn exists(created_at: Timestamp, deleted_at: Option<Timestamp>, at: Timestamp) -> bool {
    created_at <= at && deleted_at.is_none_or(|deleted| at < deleted)
}

fn life(created_at: Timestamp, deleted_at: Option<Timestamp>) -> Life {
    Life { founded: calendar::second_from(created_at), ended: deleted_at.map(calendar::second_from) }
}

fn within(created_at: Timestamp, ends: [Option<Timestamp>; 2], from: i64, to: i64) -> (i64, i64) {
    let end = ends.into_iter().flatten().map(calendar::second_from).fold(to, i64::min);
    (from.max(calendar::second_from(created_at)), end)
}
