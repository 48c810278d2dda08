//! What monthly summaries say of owners whom discovery has not found.
//!
//! Owns: for whom that is kept, and for how long. One list of summaries tells of everybody, so it may come before its owners are
//! found; and it is large: where the selection leaves out most of a fleet, nearly all of it is about others. So:
//!
//! - Until a list of orgs, or of sandboxes, has come whole, whoever is not found yet may be on it: all of that level is kept.
//! - When it has, whatever still waits is dropped, and what comes later does not wait: its owner is gone, or not wanted. A final
//!   no to the list comes to the same: it tells of nobody.
//! - From then on only what is known of those who have just gone is kept, for one list more: one that is back soon should cost no
//!   request.
//! - Of all that was dropped it is kept whose it was. When one of those is found after all, by another name or another
//!   selection, the summaries are read again.
//!
//! Must not: know what the summaries say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::usage::{Collector, Id, Level, Reading, Scope};

/// Readings that wait for their owners.
#[derive(Debug, Default)]
pub(super) struct Undealt {
    /// By what the summaries were read of, and by whom.
    waiting: BTreeMap<(Id, Collector), Waiting>,
    /// The lists that have been answered.
    answered: BTreeSet<(Id, Level)>,
}

/// What is left of the last summaries that were read.
#[derive(Debug)]
struct Waiting {
    /// Uptime at which was asked.
    asked_at: Duration,
    readings: BTreeMap<Scope, Reading>,
    /// Of whom there was something that is not kept.
    dropped: BTreeSet<Scope>,
}

impl Undealt {
    /// Takes in what is left of summaries when all who are known have got theirs, in place of those before: of these owners, of whom
    /// `reading` tells.
    pub(super) fn keep(
        &mut self,
        instance: Id,
        collector: Collector,
        asked_at: Duration,
        owners: impl Iterator<Item = Scope>,
        reading: impl Fn(Scope) -> Reading,
    ) {
        let before = self.waiting.remove(&(instance, collector));
        let waits = |owner: &Scope| before.as_ref().is_some_and(|before| before.readings.contains_key(owner));
        let mut waiting = Waiting { asked_at, readings: BTreeMap::new(), dropped: BTreeSet::new() };
        for owner in owners {
            if !self.answered.contains(&(instance, owner.level())) || waits(&owner) {
                waiting.readings.insert(owner, reading(owner));
            } else {
                waiting.dropped.insert(owner);
            }
        }
        self.waiting.insert((instance, collector), waiting);
    }

    /// Hands out what waits for an owner who has been found, with the uptime at which it was asked for.
    pub(super) fn take(&mut self, owner: Scope) -> Vec<(Collector, Reading, Duration)> {
        let own = self.waiting.iter_mut().filter(|((of, _), _)| *of == owner.instance());
        let taken = own.filter_map(|((_, collector), waiting)| {
            let reading = waiting.readings.remove(&owner)?;
            Some((*collector, reading, waiting.asked_at))
        });
        taken.collect()
    }

    /// Takes back what the last summaries said of an owner who is gone. `last_read` tells what is known and when it was asked for.
    pub(super) fn take_back(
        &mut self,
        owner: Scope,
        last_read: impl Fn(Collector) -> Option<(Reading, Duration)>,
    ) {
        for ((instance, collector), waiting) in &mut self.waiting {
            if *instance == owner.instance()
                && let Some((reading, asked_at)) = last_read(*collector)
                && asked_at == waiting.asked_at
            {
                waiting.readings.insert(owner, reading);
            }
        }
    }

    /// Notes that a list is there which tells who there is, and drops what still waits. Those whom it shows to be gone are
    /// taken back after this.
    pub(super) fn answered(&mut self, instance: Id, level: Level) {
        self.answered.insert((instance, level));
        for ((of, _), waiting) in &mut self.waiting {
            if *of == instance {
                waiting.retain(|owner| owner.level() != level);
            }
        }
    }

    /// The summaries that told of an owner something that was dropped.
    pub(super) fn dropped(&self, owner: Scope) -> impl Iterator<Item = Collector> {
        let own = self.waiting.iter().filter(move |((of, _), _)| *of == owner.instance());
        own.filter(move |(_, waiting)| waiting.dropped.contains(&owner)).map(|((_, collector), _)| *collector)
    }

    /// Forgets an instance.
    pub(super) fn forget_instance(&mut self, instance: Id) {
        self.waiting.retain(|(of, _), _| *of != instance);
        self.answered.retain(|(of, _)| *of != instance);
    }

    /// Forgets what a collector has read.
    pub(super) fn forget_collector(&mut self, collector: Collector) {
        self.waiting.retain(|(_, of), _| *of != collector);
    }

    /// How many owners are waited for.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.values().map(|waiting| waiting.readings.len()).sum()
    }
}

impl Waiting {
    fn retain(&mut self, keep: impl Fn(&Scope) -> bool) {
        let Self { asked_at: _, readings, dropped } = self;
        readings.retain(|owner, _| {
            let keeps = keep(owner);
            if !keeps {
                dropped.insert(*owner);
            }
            keeps
        });
    }
}

#[cfg(test)]
#[path = "undealt_tests.rs"]
mod tests;
