//! Who owns usage: instances, orgs, sandbox users.
//!
//! Owns: what is known about each of them. All of it may be changed in a running world, but for the ids.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::calendar::{self, BillingAnchor};
use super::devices::{Fleet, Life};
use super::id::ObjectId;
use super::notebooks::NotebookHabit;
use super::settings::{Banner, Member, MfaMode, ReportConfig, founding_members};
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Limits of orgs to come, by their names on the wire; none for those of the instance itself.
    pub org_default_limits: Option<BTreeMap<String, u64>>,
    /// Shown only.
    pub mfa_mode: MfaMode,
    /// Shown only: nobody makes these reports.
    pub report_configs: Vec<ReportConfig>,
    /// When it was last changed through the API.
    pub updated_at: Option<Timestamp>,
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
    /// A color; none for a made-up one.
    pub icon_color: Option<String>,
    /// Shown only.
    pub mfa_mode: MfaMode,
    /// Shown only.
    pub audit_log_enabled: bool,
    /// Shown only.
    pub banner: Option<Banner>,
    /// Shown only.
    pub whitelisted_email_domains: Vec<String>,
    /// Any text.
    pub referral_id: Option<String>,
    /// Who belongs to it; none for the members it was founded with.
    pub members: Option<Vec<Member>>,
    /// When it was last changed through the API.
    pub updated_at: Option<Timestamp>,
    /// What goes on.
    pub activity: Activity,
    /// From then on nothing goes on any more: no payloads, no runs, and the devices stay as they are.
    pub quiet_since: Option<Timestamp>,
    /// Times without payloads that are over, in order.
    pub(super) idle: Vec<(Timestamp, Timestamp)>,
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
    /// When it was last changed through the API.
    pub updated_at: Option<Timestamp>,
    /// What goes on.
    pub activity: Activity,
    /// From then on nothing goes on any more: no payloads, no runs, and the devices stay as they are.
    pub quiet_since: Option<Timestamp>,
    /// Times without payloads that are over, in order.
    pub(super) idle: Vec<(Timestamp, Timestamp)>,
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
        life(self.created_at, self.quiet_since, self.deleted_at)
    }

    /// Members and those who are invited.
    pub fn members(&self) -> Vec<Member> {
        self.members.clone().unwrap_or_else(|| founding_members(self.id))
    }

    /// Disables it from a moment on, or enables it again from `now` on: what was missed stays missed.
    pub fn disable(&mut self, at: Option<Timestamp>, now: Timestamp) {
        let was = self.disabled_at.filter(|was| *was < now);
        if let Some(was) = was
            && at.is_none_or(|at| now < at)
        {
            self.idle.push((was, now));
        }
        // Who stays disabled has been so since then.
        self.disabled_at = was.filter(|_| at.is_some_and(|at| at <= now)).or(at);
    }

    /// The parts of `[from, to)` in which payloads arrive.
    pub(super) fn lively(&self, from: i64, to: i64) -> Vec<(i64, i64)> {
        let ends = [self.deleted_at, self.disabled_at, self.quiet_since];
        without(within(self.created_at, ends, from, to), &self.idle)
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
        life(self.created_at, self.quiet_since, self.deleted_at)
    }

    /// Takes the mark for deletion away. What was missed meanwhile stays missed.
    pub fn undelete(&mut self, now: Timestamp) {
        if let Some(marked) = self.marked_for_deletion_at.take().filter(|marked| *marked < now) {
            self.idle.push((marked, now));
        }
    }

    /// The parts of `[from, to)` in which payloads may arrive.
    pub(super) fn lively(&self, from: i64, to: i64) -> Vec<(i64, i64)> {
        without(self.span(from, to), &self.idle)
    }

    /// From the first to the last second of [`Sandbox::lively`].
    pub(super) fn span(&self, from: i64, to: i64) -> (i64, i64) {
        let ends = [self.deleted_at, self.marked_for_deletion_at, self.quiet_since];
        within(self.created_at, ends, from, to)
    }
}

fn exists(created_at: Timestamp, deleted_at: Option<Timestamp>, at: Timestamp) -> bool {
    created_at <= at && deleted_at.is_none_or(|deleted| at < deleted)
}

fn life(created_at: Timestamp, quiet_since: Option<Timestamp>, deleted_at: Option<Timestamp>) -> Life {
    Life {
        founded: calendar::second_from(created_at),
        quiet: quiet_since.map(calendar::second_from),
        ended: deleted_at.map(calendar::second_from),
    }
}

fn within(created_at: Timestamp, ends: [Option<Timestamp>; 3], from: i64, to: i64) -> (i64, i64) {
    let end = ends.into_iter().flatten().map(calendar::second_from).fold(to, i64::min);
    (from.max(calendar::second_from(created_at)), end)
}

fn without((mut from, to): (i64, i64), idle: &[(Timestamp, Timestamp)]) -> Vec<(i64, i64)> {
    let mut spans = Vec::with_capacity(1 + idle.len());
    for (start, end) in idle {
        spans.push((from, calendar::second_from(*start).min(to)));
        from = from.max(calendar::second_from(*end));
    }
    spans.push((from, to));
    spans.retain(|(from, to)| from < to);
    spans
}
