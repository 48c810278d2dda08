//! Who is listed where: orgs, sandboxes and what monthly summaries are about, in the orders that lists come in.

use std::sync::Arc;

use jiff::Timestamp;

use super::World;
use super::memo::Memo;
use crate::simulator::id::ObjectId;
use crate::simulator::owner::{Org, Owner, Sandbox};

/// A list, and an order of it that does not depend on the time. Equal ones are in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::simulator) enum Listing {
    Orgs(OrgOrder),
    Sandboxes(SandboxOrder),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::simulator) enum OrgOrder {
    Name,
    Created,
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::simulator) enum SandboxOrder {
    Email,
    FirstName,
    LastName,
    Created,
    Id,
}

/// A place in a list, with what decides whether it is shown: looking into each of 100,000 owners would take too long.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Place {
    pub(in crate::simulator) id: ObjectId,
    /// Where it stands in [`World::orgs`] or [`World::sandboxes`].
    pub(in crate::simulator) index: usize,
    created_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

/// What a row of a monthly summary is about: an org, or an application of somebody.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Resource {
    pub(in crate::simulator) id: ObjectId,
    /// The org itself, or whose application it is.
    pub(in crate::simulator) owner: Owner,
    /// The place of the application among those of its owner.
    pub(in crate::simulator) application: Option<usize>,
    pub(in crate::simulator) created_at: Timestamp,
    pub(in crate::simulator) deleted_at: Option<Timestamp>,
}

impl Place {
    /// Whether its owner can be seen at `at`.
    pub(in crate::simulator) fn exists(&self, at: Timestamp) -> bool {
        self.created_at <= at && self.deleted_at.is_none_or(|deleted| at < deleted)
    }
}

impl World {
    /// All orgs of an instance in this order, whether they exist or not.
    pub(in crate::simulator) fn orgs_by(&self, instance: ObjectId, order: OrgOrder) -> Arc<[Place]> {
        self.memo.listing(instance, Listing::Orgs(order), || match order {
            OrgOrder::Name => self.sort_orgs(instance, |org| org.name.as_str()),
            OrgOrder::Created => self.sort_orgs(instance, |org| org.created_at.as_millisecond()),
            OrgOrder::Id => self.sort_orgs(instance, |_| ()),
        })
    }

    /// All sandboxes of an instance in this order, whether they exist or not.
    pub(in crate::simulator) fn sandboxes_by(&self, instance: ObjectId, order: SandboxOrder) -> Arc<[Place]> {
        self.memo.listing(instance, Listing::Sandboxes(order), || match order {
            SandboxOrder::Email => self.sort_sandboxes(instance, |user| user.email.as_str()),
            SandboxOrder::FirstName => self.sort_sandboxes(instance, |user| user.first_name.as_str()),
            SandboxOrder::LastName => self.sort_sandboxes(instance, |user| user.last_name.as_str()),
            SandboxOrder::Created => self.sort_sandboxes(instance, |user| user.created_at.as_millisecond()),
            SandboxOrder::Id => self.sort_sandboxes(instance, |_| ()),
        })
    }

    /// All orgs of an instance by a key of one's own.
    pub(in crate::simulator) fn sort_orgs<'a, K: Ord>(
        &'a self,
        instance: ObjectId,
        key: impl Fn(&'a Org) -> K,
    ) -> Arc<[Place]> {
        let orgs = self.orgs.iter().enumerate().filter(|(_, org)| org.instance == instance);
        sorted(orgs.map(|(index, org)| (key(org), place(index, org.id, org.created_at, org.deleted_at))))
    }

    /// All sandboxes of an instance by a key of one's own.
    pub(in crate::simulator) fn sort_sandboxes<'a, K: Ord>(
        &'a self,
        instance: ObjectId,
        key: impl Fn(&'a Sandbox) -> K,
    ) -> Arc<[Place]> {
        let users = self.sandboxes.iter().enumerate().filter(|(_, user)| user.instance == instance);
        sorted(
            users.map(|(index, user)| (key(user), place(index, user.id, user.created_at, user.deleted_at))),
        )
    }

    /// All that monthly summaries of an instance can be about, by id.
    pub(in crate::simulator) fn resources(&self, instance: ObjectId) -> Arc<[Resource]> {
        self.memo.resources(instance, || {
            let orgs = self.orgs.iter().filter(|org| org.instance == instance);
            let orgs = orgs.map(|org| (Owner::Org(org.id), org.id, org.created_at, org.deleted_at));
            let users = self.sandboxes.iter().filter(|user| user.instance == instance);
            let users =
                users.map(|user| (Owner::Sandbox(user.id), user.id, user.created_at, user.deleted_at));
            let mut all = Vec::new();
            for (owner, id, created_at, deleted_at) in orgs.chain(users) {
                let resource = |id, application| Resource { id, owner, application, created_at, deleted_at };
                if let Owner::Org(_) = owner {
                    all.push(resource(id, None));
                }
                let applications = self.applications(owner).into_iter().enumerate();
                all.extend(applications.map(|(index, own)| resource(own.id, Some(index))));
            }
            all.sort_unstable_by_key(|resource| resource.id);
            all.into()
        })
    }

    /// What has been worked out is true no longer: something is about to change.
    pub(super) fn about_to_change(&mut self) {
        Memo::clear(&mut self.memo);
    }
}

fn place(index: usize, id: ObjectId, created_at: Timestamp, deleted_at: Option<Timestamp>) -> Place {
    Place { id, index, created_at, deleted_at }
}

fn sorted<K: Ord>(keyed: impl Iterator<Item = (K, Place)>) -> Arc<[Place]> {
    let mut keyed: Vec<_> = keyed.collect();
    keyed
        .sort_unstable_by(|(key, place), (other, other_place)| (key, place.id).cmp(&(other, other_place.id)));
    keyed.into_iter().map(|(_, place)| place).collect()
}
