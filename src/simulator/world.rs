//! The world that the simulated API tells of.
//!
//! Owns: who there is, and the true usage of anyone in any window: a pure function of configuration, seed and time.
//! Nothing is stored that happened, so the world is as old as one likes and costs no memory.
//! Must not: know HTTP, JSON, or what time it is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::calendar::{self, DAY};
use super::devices::DeviceDay;
use super::founding;
use super::id::ObjectId;
use super::notebooks::NotebookDay;
use super::owner::{Activity, Instance, Org, Owner, Sandbox};
use super::stream::Stream;

/// How large a world is, and which one of all that large.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self { seed: 1, instances: 1, orgs: 12, sandboxes: 8, story: None }
    }
}

impl WorldConfig {
    /// A world worth looking at right now.
    pub fn demo(now: Timestamp) -> Self {
        Self { seed: 20_240_501, instances: 1, orgs: 16, sandboxes: 10, story: Some(now) }
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
}

impl Default for World {
    fn default() -> Self {
        Self::new(WorldConfig::default())
    }
}

impl World {
    /// Makes the world that `config` describes.
    pub fn new(config: WorldConfig) -> Self {
        let mut world =
            Self { instances: founding::instances(&config), orgs: Vec::new(), sandboxes: Vec::new(), config };
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
        self.instances.iter_mut().find(|instance| instance.id == id)
    }

    /// One org, to change.
    pub fn org_mut(&mut self, id: ObjectId) -> Option<&mut Org> {
        self.orgs.binary_search_by_key(&id, Org::id).ok().and_then(|index| self.orgs.get_mut(index))
    }

    /// One sandbox, to change.
    pub fn sandbox_mut(&mut self, id: ObjectId) -> Option<&mut Sandbox> {
        self.sandboxes
            .binary_search_by_key(&id, Sandbox::id)
            .ok()
            .and_then(|index| self.sandboxes.get_mut(index))
    }

    /// Adds an org like the others to `instance`, created at `created_at`.
    pub fn add_org(&mut self, instance: ObjectId, name: &str, created_at: Timestamp) -> ObjectId {
        let mut org = founding::org(&self.config, instance, self.orgs.len(), created_at);
        name.clone_into(&mut org.name);
        let id = org.id;
        let place = self.orgs.partition_point(|other| other.id < id);
        self.orgs.insert(place, org);
        id
    }

    /// Adds a sandbox user like the others to `instance`, created at `created_at`.
    pub fn add_sandbox(&mut self, instance: ObjectId, email: &str, created_at: Timestamp) -> ObjectId {
        let mut sandbox = founding::sandbox(&self.config, instance, self.sandboxes.len(), created_at);
        email.clone_into(&mut sandbox.email);
        let id = sandbox.id;
        let place = self.sandboxes.partition_point(|other| other.id < id);
        self.sandboxes.insert(place, sandbox);
        id
    }

    /// Payloads in `[start, end)` by type and source; those there are.
    pub fn payloads(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<(String, String), u64> {
        self.by_source(owner, start, end, |_, count| count)
    }

    /// Bytes of the payloads in `[start, end)` by type and source.
    pub fn payload_bytes(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<(String, String), u64> {
        self.by_source(owner, start, end, |stream, count| count * stream.bytes_each)
    }

    /// Payloads, or their bytes, in `[start, end)`.
    pub fn payload_total(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
        billable_only: bool,
        as_bytes: bool,
    ) -> u64 {
        let mut total = 0;
        self.tally(owner, start, end, &mut |stream, count| {
            if !billable_only || stream.is_billable() {
                total += if as_bytes { count * stream.bytes_each } else { count };
            }
        });
        total
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

    /// Notebook use of the UTC day that starts at `day_start`: all of it, or what `as_of` has seen of it.
    pub fn notebooks(&self, owner: Owner, day_start: Timestamp, as_of: Timestamp) -> NotebookDay {
        let day_end = calendar::moment(calendar::second_from(day_start) + DAY);
        self.notebooks_between(owner, day_start, as_of.min(day_end))
    }

    /// Notebook runs that ended in `[start, end)`.
    pub fn notebooks_between(&self, owner: Owner, start: Timestamp, end: Timestamp) -> NotebookDay {
        let (from, to) = (calendar::second_from(start), calendar::second_from(end));
        let of = |id: ObjectId, activity: &Activity, (from, to)| {
            activity.notebooks.map_or_else(NotebookDay::default, |habit| habit.between(id.key(), from, to))
        };
        match owner {
            Owner::Org(id) => self.org(id).map(|org| of(id, &org.activity, org.lively(from, to))),
            Owner::Sandbox(id) => self.sandbox(id).map(|user| of(id, &user.activity, user.lively(from, to))),
            Owner::Instance(id) => Some(
                self.orgs_of(id)
                    .map(|org| of(org.id, &org.activity, org.lively(from, to)))
                    .fold(NotebookDay::default(), NotebookDay::plus),
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

    fn orgs_of(&self, instance: ObjectId) -> impl Iterator<Item = &Org> {
        self.orgs.iter().filter(move |org| org.instance == instance)
    }

    fn by_source(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
        value: impl Fn(&Stream, u64) -> u64,
    ) -> BTreeMap<(String, String), u64> {
        let mut sums = BTreeMap::new();
        self.tally(owner, start, end, &mut |stream, count| {
            if count > 0 {
                let key = (stream.payload_type.to_string(), stream.source.to_string());
                *sums.entry(key).or_default() += value(stream, count);
            }
        });
        sums
    }

    /// Calls `add` with the payloads of every stream in `[start, end)`.
    fn tally(&self, owner: Owner, start: Timestamp, end: Timestamp, add: &mut impl FnMut(&Stream, u64)) {
        let (from, to) = (calendar::second_from(start), calendar::second_from(end));
        let mut count = |id: ObjectId, activity: &Activity, (from, to)| {
            for stream in &activity.streams {
                add(stream, stream.count(id.key(), from, to));
            }
        };
        match owner {
            Owner::Org(id) => {
                self.org(id).into_iter().for_each(|org| count(id, &org.activity, org.lively(from, to)));
            }
            Owner::Instance(id) => {
                self.orgs_of(id).for_each(|org| count(org.id, &org.activity, org.lively(from, to)));
            }
            Owner::Sandbox(id) => {
                if let Some(sandbox) = self.sandbox(id) {
                    for span in accepted(sandbox, from, to) {
                        count(id, &sandbox.activity, span);
                    }
                }
            }
        }
    }
}

/// The parts of `[from, to)` in which a sandbox's payloads are accepted: in each period until its limit is reached.
fn accepted(sandbox: &Sandbox, from: i64, to: i64) -> Vec<(i64, i64)> {
    let (mut from, to) = sandbox.lively(from, to);
    let mut spans = Vec::new();
    while from < to {
        let (start, end) = Sandbox::BILLING.period(from);
        let stop = stop_of_period(sandbox, sandbox.lively(start, end.min(to)));
        if from < stop {
            spans.push((from, stop));
        }
        from = end;
    }
    spans
}

/// The first second that comes after the limit has been reached by payloads since `from`, or `to`.
fn stop_of_period(sandbox: &Sandbox, (from, to): (i64, i64)) -> i64 {
    let Some(limit) = sandbox.limits.payload else { return to };
    let billable = |second| -> u64 {
        let streams = sandbox.activity.streams.iter().filter(|stream| stream.is_billable());
        streams.map(|stream| stream.count(sandbox.id.key(), from, second)).sum()
    };
    if billable(to) < limit {
        return to;
    }
    // The sum only grows, so halving finds the first second that reaches the limit.
    let (mut below, mut reached) = (from - 1, to);
    while reached - below > 1 {
        let middle = below + (reached - below) / 2;
        if billable(middle) >= limit { reached = middle } else { below = middle }
    }
    reached
}

#[cfg(test)]
mod tests;
