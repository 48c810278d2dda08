//! The world that the simulated API tells of.
//!
//! Owns: who there is, and the true usage of anyone in any window: a pure function of configuration, seed and time.
//! Nothing is stored that happened, so the world is as old as one likes and costs no memory.
//! Must not: know HTTP, JSON, or what time it is.

mod applications;
pub(super) mod dormancy;
mod memo;
pub(super) mod order;
mod usage;

use jiff::{SignedDuration, Timestamp};

use super::calendar::{self, DAY};
use super::devices::DeviceDay;
use super::founding;
use super::id::ObjectId;
use super::owner::{Instance, Org, Owner, Sandbox};
use super::stream;
use memo::Memo;

pub use applications::{Amount, Application, ApplicationUsage};
pub use usage::{Restatement, View};

/// How large a world is, and which one of all that large.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldConfig {
    /// The same seed gives the same world.
    pub seed: u64,
    /// Instances; orgs and sandboxes are dealt out to them in turn.
    pub instances: usize,
    /// Orgs of all instances.
    pub orgs: usize,
    /// Sandbox users of all instances.
    pub sandboxes: usize,
    /// When the story of a demo is told: a burst that has just begun, owners that are about to reach their limits.
    /// Without it nothing in the world depends on when it is made.
    pub story: Option<Timestamp>,
    /// Share of the orgs, and of the sandboxes, that live, 0 to 1; none for a world in which nobody was chosen. Those who
    /// live do so every day. Of the others half fell silent within 30 days before `quiet_from`, and half have had no
    /// usage for at least 70 days before it, or never. Nothing changes at them any more, and their devices stay.
    pub active: Option<f64>,
    /// When all who do not live are quiet at the latest; by default the moment of the story, or else 2025-12-01.
    pub quiet_from: Option<Timestamp>,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self { seed: 1, instances: 1, orgs: 12, sandboxes: 8, story: None, active: None, quiet_from: None }
    }
}

impl WorldConfig {
    /// A world worth looking at right now.
    pub fn demo(now: Timestamp) -> Self {
        Self { seed: 20_240_501, orgs: 16, sandboxes: 10, story: Some(now), ..Self::default() }
    }
}

/// Instances, orgs, sandboxes and everything they ever did.
#[derive(Clone, Debug)]
pub struct World {
    config: WorldConfig,
    instances: Vec<Instance>,
    /// Sorted by id.
    orgs: Vec<Org>,
    /// Sorted by id.
    sandboxes: Vec<Sandbox>,
    /// How long it takes until a payload is counted.
    late: SignedDuration,
    restatements: Vec<Restatement>,
    /// Whether types of which nobody has said whether they are billed are.
    bills_unlisted: bool,
    memo: Memo,
}

impl Default for World {
    fn default() -> Self {
        Self::new(WorldConfig::default())
    }
}

impl World {
    /// Makes the world that `config` describes.
    pub fn new(config: WorldConfig) -> Self {
        let mut world = Self {
            instances: founding::instances(&config),
            orgs: Vec::new(),
            sandboxes: Vec::new(),
            late: SignedDuration::ZERO,
            restatements: Vec::new(),
            bills_unlisted: false,
            memo: Memo::default(),
            config,
        };
        world.orgs = founding::orgs(&world.config, &world.instances);
        world.orgs.sort_unstable_by_key(Org::id);
        world.sandboxes = founding::sandboxes(&world.config, &world.instances, &world.orgs);
        world.sandboxes.sort_unstable_by_key(Sandbox::id);
        founding::tell_story(&mut world);
        world
    }

    /// What it was made from.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// All instances.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// All orgs that exist, existed or will exist, oldest first.
    pub fn orgs(&self) -> &[Org] {
        &self.orgs
    }

    /// All sandboxes that exist, existed or will exist, oldest first.
    pub fn sandboxes(&self) -> &[Sandbox] {
        &self.sandboxes
    }

    /// One instance.
    pub fn instance(&self, id: ObjectId) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.id == id)
    }

    /// One org.
    pub fn org(&self, id: ObjectId) -> Option<&Org> {
        self.orgs.binary_search_by_key(&id, Org::id).ok().and_then(|index| self.orgs.get(index))
    }

    /// One sandbox.
    pub fn sandbox(&self, id: ObjectId) -> Option<&Sandbox> {
        self.sandboxes.binary_search_by_key(&id, Sandbox::id).ok().and_then(|index| self.sandboxes.get(index))
    }

    /// One instance, to change.
    pub fn instance_mut(&mut self, id: ObjectId) -> Option<&mut Instance> {
        self.about_to_change();
        self.instances.iter_mut().find(|instance| instance.id == id)
    }

    /// One org, to change.
    pub fn org_mut(&mut self, id: ObjectId) -> Option<&mut Org> {
        self.about_to_change();
        self.orgs.binary_search_by_key(&id, Org::id).ok().and_then(|index| self.orgs.get_mut(index))
    }

    /// One sandbox, to change.
    pub fn sandbox_mut(&mut self, id: ObjectId) -> Option<&mut Sandbox> {
        self.about_to_change();
        self.sandboxes
            .binary_search_by_key(&id, Sandbox::id)
            .ok()
            .and_then(|index| self.sandboxes.get_mut(index))
    }

    /// Adds an org like the others to `instance`, created at `created_at`.
    pub fn add_org(&mut self, instance: ObjectId, name: &str, created_at: Timestamp) -> ObjectId {
        self.about_to_change();
        let mut org = founding::org(&self.config, instance, self.orgs.len(), created_at);
        name.clone_into(&mut org.name);
        let id = org.id;
        let place = self.orgs.partition_point(|other| other.id < id);
        self.orgs.insert(place, org);
        id
    }

    /// Adds a sandbox user like the others to `instance`, created at `created_at`.
    pub fn add_sandbox(&mut self, instance: ObjectId, email: &str, created_at: Timestamp) -> ObjectId {
        self.about_to_change();
        let mut sandbox = founding::sandbox(&self.config, instance, self.sandboxes.len(), created_at);
        email.clone_into(&mut sandbox.email);
        let id = sandbox.id;
        let place = self.sandboxes.partition_point(|other| other.id < id);
        self.sandboxes.insert(place, sandbox);
        id
    }

    /// Devices of the UTC day of `at`, as of `at`.
    pub fn devices(&self, owner: Owner, at: Timestamp) -> DeviceDay {
        self.devices_on(owner, calendar::moment(calendar::day(at.as_second()) * DAY), at)
    }

    /// Devices of the UTC day that starts at `day_start`: all of it, or what `as_of` has seen of it.
    pub fn devices_on(&self, owner: Owner, day_start: Timestamp, as_of: Timestamp) -> DeviceDay {
        let second = calendar::second_from(as_of);
        let day = calendar::day(calendar::second_from(day_start));
        match owner {
            Owner::Org(id) => {
                self.org(id).map(|org| org.activity.fleet.of_day(id.key(), org.life(), day, second))
            }
            Owner::Sandbox(id) => {
                self.sandbox(id).map(|user| user.activity.fleet.of_day(id.key(), user.life(), day, second))
            }
            Owner::Instance(id) => Some(
                self.orgs_of(id)
                    .map(|org| org.activity.fleet.of_day(org.id.key(), org.life(), day, second))
                    .fold(DeviceDay::default(), DeviceDay::plus),
            ),
        }
        .unwrap_or_default()
    }

    /// The billing period that `at` lies in: its start and its last millisecond. Instances have calendar months.
    pub fn period(&self, owner: Owner, at: Timestamp) -> (Timestamp, Timestamp) {
        let billing = match owner {
            Owner::Org(id) => self.org(id).map(|org| org.billing).unwrap_or_default(),
            Owner::Sandbox(_) | Owner::Instance(_) => Sandbox::BILLING,
        };
        let (start, end) = billing.period(at.as_second());
        (calendar::moment(start), calendar::last_millisecond(calendar::moment(end)))
    }

    /// Hides the payloads and notebook runs of the last `late` from what is shown.
    pub fn count_late(&mut self, late: SignedDuration) {
        self.about_to_change();
        self.late = late;
    }

    /// Changes counts of the past, from some moment on.
    pub fn restate(&mut self, restatement: Restatement) {
        self.about_to_change();
        self.restatements.push(restatement);
    }

    /// Whether payloads of `flowError`, `notebook`, `resourceJob`, `appFile` and `inboundEmail` count against limits. By
    /// default they do not: nothing is published about them.
    pub fn bill_unlisted_types(&mut self, billed: bool) {
        self.about_to_change();
        self.bills_unlisted = billed;
    }

    /// See [`World::bill_unlisted_types`].
    pub fn bills_unlisted_types(&self) -> bool {
        self.bills_unlisted
    }

    /// Whether payloads of this type count against limits.
    pub fn is_billable(&self, payload_type: &str) -> bool {
        stream::is_billable(payload_type, self.bills_unlisted)
    }

    fn orgs_of(&self, instance: ObjectId) -> impl Iterator<Item = &Org> {
        self.orgs.iter().filter(move |org| org.instance == instance)
    }
}

#[cfg(test)]
mod tests;
