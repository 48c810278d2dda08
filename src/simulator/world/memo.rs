//! What has been worked out once and stays true until the world changes.
//!
//! Owns: usage of whole days and hours of instances, and the order of lists. All of it follows from the world, so that
//! it is never more than a matter of speed.
//! Must not: outlive a change. Whoever changes the world empties it first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::applications::Amount;
use super::order::{Listing, Place, Resource};
use crate::simulator::id::ObjectId;

/// Payloads and bytes by type and source; those there are.
pub(super) type Sums = BTreeMap<(String, String), Amount>;

/// Most stretches of time that are kept: a quarter of a year in hours, a few times over.
const MOST_SUMS: usize = 10_000;

/// A stretch of an instance's time, in seconds, and how many restatements are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stretch {
    pub(super) instance: ObjectId,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) restatements: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    sums: HashMap<Stretch, Arc<Sums>>,
    listings: HashMap<(ObjectId, Listing), Arc<[Place]>>,
    resources: HashMap<ObjectId, Arc<[Resource]>>,
}

/// Worlds are cloned to be changed.
impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Memo {
    pub(super) fn sums(&self, stretch: Stretch, work_out: impl FnOnce() -> Sums) -> Arc<Sums> {
        if let Some(known) = self.kept().sums.get(&stretch) {
            return Arc::clone(known);
        }
        let sums = Arc::new(work_out());
        let mut kept = self.kept();
        if kept.sums.len() >= MOST_SUMS {
            kept.sums.clear();
        }
        kept.sums.insert(stretch, Arc::clone(&sums));
        sums
    }

    pub(super) fn listing(
        &self,
        instance: ObjectId,
        listing: Listing,
        work_out: impl FnOnce() -> Arc<[Place]>,
    ) -> Arc<[Place]> {
        self.list(|kept| &mut kept.listings, (instance, listing), work_out)
    }

    pub(super) fn resources(
        &self,
        instance: ObjectId,
        work_out: impl FnOnce() -> Arc<[Resource]>,
    ) -> Arc<[Resource]> {
        self.list(|kept| &mut kept.resources, instance, work_out)
    }

    /// Forgets everything, since the world is about to change.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn list<K: Hash + Eq, T>(
        &self,
        lists: impl Fn(&mut Kept) -> &mut HashMap<K, Arc<[T]>>,
        key: K,
        work_out: impl FnOnce() -> Arc<[T]>,
    ) -> Arc<[T]> {
        if let Some(known) = lists(&mut self.kept()).get(&key) {
            return Arc::clone(known);
        }
        // Not under the lock: two who ask at once may both work it out, and come to the same.
        let list = work_out();
        lists(&mut self.kept()).insert(key, Arc::clone(&list));
        list
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in here can stop half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::order::{OrgOrder, SandboxOrder};
    use super::super::{Restatement, World};
    use crate::simulator::owner::Owner;
    use crate::simulator::stream::Stream;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_kept_is_forgotten_when_the_world_changes() {
        let mut world = World::default();
        let (instance, org) = (world.instances()[0].id(), world.orgs()[3].id());
        let (start, end) = (at("2026-03-02T00:00:00Z"), at("2026-03-04T00:00:00Z"));
        let total = |world: &World| world.payload_total(Owner::Instance(instance), start, end, false, false);
        let first = total(&world);
        assert_eq!(total(&world), first);
        world.org_mut(org).unwrap().activity.streams.push(Stream::new("timer", "timer.flow", 5_000, 1));
        let second = total(&world);
        assert_eq!(
            second,
            first + world.payload_total(Owner::Org(org), start, end, false, false) - {
                let mut before = world.clone();
                before.org_mut(org).unwrap().activity.streams.pop();
                before.payload_total(Owner::Org(org), start, end, false, false)
            }
        );
        let known_from = at("2026-03-05T00:00:00Z");
        let shown = |world: &World, now| {
            world.shown(now).payload_total(Owner::Instance(instance), start, end, false, false)
        };
        world.restate(Restatement { owner: Owner::Org(org), start, end, thousandths: 2_000, known_from });
        // Both sides of a restatement are kept apart.
        assert_eq!(shown(&world, end), second);
        assert!(shown(&world, known_from) > second && shown(&world, end) == second);
    }

    #[test]
    fn lists_follow_a_change_of_what_they_are_ordered_by() {
        let mut world = World::default();
        let instance = world.instances()[0].id();
        let by_name = world.orgs_by(instance, OrgOrder::Name);
        let last = by_name.last().unwrap().id;
        world.org_mut(last).unwrap().name = " first of all".to_owned();
        assert_eq!(world.orgs_by(instance, OrgOrder::Name)[0].id, last);
        let resources = world.resources(instance).len();
        world.sandboxes_by(instance, SandboxOrder::Email);
        let added = world.add_sandbox(instance, "000@example.com", at("2026-03-04T00:00:00Z"));
        assert_eq!(world.sandboxes_by(instance, SandboxOrder::Email)[0].id, added);
        assert!(world.resources(instance).len() > resources);
    }
}
