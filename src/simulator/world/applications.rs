//! Applications, and their parts of what their owners use.
//!
//! Owns: which applications an owner has, and how each stream, the fleet and the notebooks are split among them. The
//! n-th payload of a stream within a calendar month always belongs to the same application: in every run of `whole`
//! payloads, each application has `width` of them in a row. So the parts sum to the owner's figure in any window, and
//! none of them ever shrinks while a month goes on.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::World;
use super::usage::View;
use crate::simulator::calendar::{self, BillingAnchor};
use crate::simulator::chance;
use crate::simulator::id::ObjectId;
use crate::simulator::owner::Owner;

/// Most applications that one owner has.
const MOST: u64 = 5;
const NAMES: [&str; 5] = ["Telemetry", "Field Service", "Customer Portal", "Line Monitoring", "Pilot"];

/// A project of an org or of a sandbox user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ObjectId,
    /// Its name.
    pub name: String,
    /// An org or a sandbox.
    pub owner: Owner,
    share: Share,
}

/// Payloads and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Payloads.
    pub payloads: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What was used in a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationUsage {
    /// Payloads that count against the limit.
    pub billable: Amount,
    /// All others.
    pub nonbillable: Amount,
    /// Both, by type and source; those there are.
    pub by_source: BTreeMap<(String, String), Amount>,
    /// Devices at the end of the window.
    pub devices: u64,
    /// Notebook runs that ended in the window.
    pub notebook_runs: u64,
    /// Run time of these runs.
    pub notebook_minutes: u64,
}

/// The part of an application: `width` of every `whole`, beginning with number `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Share {
    first: u64,
    width: u64,
    whole: u64,
}

impl Share {
    const ALL: Self = Self { first: 0, width: 1, whole: 1 };

    /// How many of the first `number` are in this part.
    pub(in crate::simulator) fn of(self, number: u64) -> u64 {
        number / self.whole * self.width + (number % self.whole).saturating_sub(self.first).min(self.width)
    }
}

impl Application {
    pub(in crate::simulator) fn share(&self) -> Share {
        self.share
    }
}

impl Amount {
    pub(super) fn add(&mut self, other: Self) {
        self.payloads += other.payloads;
        self.bytes += other.bytes;
    }
}

impl World {
    /// The applications of an org or a sandbox, oldest first; of an instance, those of all its orgs. They are there as
    /// long as their owner.
    pub fn applications(&self, owner: Owner) -> Vec<Application> {
        let (id, created_at, is_silent) = match owner {
            Owner::Instance(id) => {
                return self.orgs_of(id).flat_map(|org| self.applications(Owner::Org(org.id))).collect();
            }
            Owner::Org(id) => {
                let Some(org) = self.org(id) else { return Vec::new() };
                (id, org.created_at, org.activity.streams.is_empty())
            }
            Owner::Sandbox(id) => {
                let Some(user) = self.sandbox(id) else { return Vec::new() };
                (id, user.created_at, user.activity.streams.is_empty())
            }
        };
        let count = if is_silent { 1 } else { chance::between(1, MOST, &[id.key(), 61]) };
        let widths: Vec<_> = (0..count).map(|index| chance::between(1, 9, &[id.key(), 62, index])).collect();
        let whole = widths.iter().sum();
        let mut first = 0;
        let shares = widths.into_iter().map(|width| {
            let share = Share { first, width, whole };
            first += width;
            share
        });
        (0..count)
            .zip(NAMES)
            .zip(shares)
            .map(|((index, name), share)| Application {
                id: ObjectId::minted(chance::draw(&[id.key(), 63, index]), created_at.as_second()),
                name: name.to_owned(),
                owner,
                share,
            })
            .collect()
    }

    /// What an application used in `[start, end)`. The truth.
    pub fn application_usage(
        &self,
        application: &Application,
        start: Timestamp,
        end: Timestamp,
    ) -> ApplicationUsage {
        self.truth().application_usage(application, start, end)
    }
}

impl View<'_> {
    /// The applications of an owner, which are the same from both sides.
    pub(in crate::simulator) fn applications(&self, owner: Owner) -> Vec<Application> {
        self.world.applications(owner)
    }

    /// What an application used in `[start, end)`.
    pub fn application_usage(
        &self,
        application: &Application,
        start: Timestamp,
        end: Timestamp,
    ) -> ApplicationUsage {
        self.usage_of(application.owner, application.share, start, end)
    }

    /// What an org or a sandbox used in `[start, end)`: the sum over its applications.
    pub fn usage(&self, owner: Owner, start: Timestamp, end: Timestamp) -> ApplicationUsage {
        self.usage_of(owner, Share::ALL, start, end)
    }

    fn usage_of(&self, owner: Owner, share: Share, start: Timestamp, end: Timestamp) -> ApplicationUsage {
        let mut usage = ApplicationUsage::default();
        let mut from = start;
        while from < end {
            let (month, next) = BillingAnchor::CALENDAR_MONTH.period(from.as_second());
            let (month, to) = (calendar::moment(month), end.min(calendar::moment(next)));
            self.add_within_month(&mut usage, (owner, share), month, (from, to));
            from = to;
        }
        // The last second that the window has seen, so that a whole month ends with its last day.
        let day = calendar::day(calendar::second_from(end) - 1);
        let devices = self.world.devices_on(owner, calendar::moment(day * calendar::DAY), end);
        usage.devices = share.of(devices.total);
        usage
    }

    fn add_within_month(
        &self,
        usage: &mut ApplicationUsage,
        (owner, share): (Owner, Share),
        month: Timestamp,
        (from, to): (Timestamp, Timestamp),
    ) {
        // Of one stream, what came before the window and what came before its end.
        let mut streams: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        self.tally(owner, month, from, &mut |index, _, count| streams.entry(index).or_default().0 += count);
        self.tally(owner, month, to, &mut |index, _, count| streams.entry(index).or_default().1 += count);
        let activity = match owner {
            Owner::Org(id) => self.world.org(id).map(|org| &org.activity),
            Owner::Sandbox(id) => self.world.sandbox(id).map(|user| &user.activity),
            Owner::Instance(_) => None,
        };
        for (index, (before, after)) in streams {
            let Some(stream) = activity.and_then(|activity| activity.streams.get(index)) else { continue };
            let payloads = share.of(after) - share.of(before);
            if payloads > 0 {
                let amount = Amount { payloads, bytes: payloads * stream.bytes_each };
                let key = (stream.payload_type.to_string(), stream.source.to_string());
                usage.by_source.entry(key).or_default().add(amount);
                let sum = if self.world.is_billable(&stream.payload_type) {
                    &mut usage.billable
                } else {
                    &mut usage.nonbillable
                };
                sum.add(amount);
            }
        }
        let notebooks = |to| self.notebooks_between(owner, month, to);
        let (before, after) = (notebooks(from), notebooks(to));
        usage.notebook_runs += share.of(after.runs()) - share.of(before.runs());
        usage.notebook_minutes += share.of(after.minutes) - share.of(before.minutes);
    }
}
