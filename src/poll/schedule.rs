//! When each job is due.
//!
//! Owns: the order of jobs. Pure: it is told the time, and never waits. What makes a job due, the passing of time or a
//! change that a list has shown, is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::job::Job;
use crate::usage::Collector;

/// While jobs of both lanes are due, every so manyth one is a calm one.
const CALM_TURN: u8 = 4;

/// All jobs of one account. Times are uptimes of the clock.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Waiting jobs by lane, and a queue for each collector, so that the most overdue of each is the first.
    lanes: [[BTreeSet<(Duration, Job)>; Collector::ALL.len()]; 2],
    entries: BTreeMap<Job, Entry>,
    running: BTreeSet<Job>,
    never_attempted: usize,
    /// Jobs handed out since a calm one was.
    since_calm: u8,
}

/// How urgent a job is. Within a lane the most overdue comes first, and neither lane can starve the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Something has changed, or may have.
    Brisk,
    /// Nothing has changed as far as is known: first looks at quiet scopes, and looking again to be sure.
    Calm,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    due: Duration,
    lane: Lane,
    /// Was asked for by somebody who wants it done, needed or not.
    forced: bool,
    /// Was asked for while it was running: due again as soon as it ends.
    again: bool,
    attempted: bool,
}

impl Schedule {
    /// Adds a job. One that is there already is left as it is.
    pub(super) fn add(&mut self, job: Job, lane: Lane, due: Duration) {
        if let btree_map::Entry::Vacant(place) = self.entries.entry(job) {
            place.insert(Entry { due, lane, forced: false, again: false, attempted: false });
            self.never_attempted += 1;
            self.queue(lane, job).insert((due, job));
        }
    }

    /// Takes jobs out for which `keep` says no. A running one ends without effect.
    pub(super) fn retain(&mut self, keep: impl Fn(&Job) -> bool) {
        self.entries.retain(|job, _| keep(job));
        self.running.retain(&keep);
        self.never_attempted = self.entries.values().filter(|entry| !entry.attempted).count();
        for queue in self.lanes.iter_mut().flatten() {
            queue.retain(|(_, job)| keep(job));
        }
    }

    /// Whether a job is scheduled or running.
    pub(super) fn contains(&self, job: Job) -> bool {
        self.entries.contains_key(&job)
    }

    /// When a job is due. One that has passed is running, or waits for its turn.
    pub(super) fn due(&self, job: Job) -> Option<Duration> {
        self.entries.get(&job).map(|entry| entry.due)
    }

    /// Whether a job is running.
    pub(super) fn is_running(&self, job: Job) -> bool {
        self.running.contains(&job)
    }

    /// Makes a job due at once, needed or not; one that is running will run once more. Returns whether it is running.
    pub(super) fn hurry(&mut self, job: Job, now: Duration) -> bool {
        let running = self.running.contains(&job);
        let Some(entry) = self.entries.get_mut(&job) else { return false };
        entry.forced = true;
        if running {
            entry.again = true;
        } else {
            let due = entry.due.min(now);
            self.move_to(job, Lane::Brisk, due);
        }
        running
    }

    /// Has a waiting job done at `due`, or before where it is due before. It never loses its place in the line.
    pub(super) fn want(&mut self, job: Job, lane: Lane, due: Duration) {
        let Some(entry) = self.entries.get(&job) else { return };
        if entry.forced || self.running.contains(&job) || entry.lane < lane {
            return;
        }
        if entry.lane > lane || entry.due > due {
            self.move_to(job, lane, due);
        }
    }

    /// Has a waiting job done at `due` and no sooner: what it would bring is known without it.
    pub(super) fn rest(&mut self, job: Job, due: Duration) {
        let Some(entry) = self.entries.get_mut(&job) else { return };
        if entry.forced || self.running.contains(&job) {
            return;
        }
        self.never_attempted -= usize::from(!std::mem::replace(&mut entry.attempted, true));
        if (entry.lane, entry.due) != (Lane::Calm, due) {
            self.move_to(job, Lane::Calm, due);
        }
    }

    /// Has jobs under way wait again, due as they were: nobody will say that they have ended.
    pub(super) fn recall(&mut self) {
        for job in std::mem::take(&mut self.running) {
            let Some(entry) = self.entries.get_mut(&job) else { continue };
            // Whoever hurried it while it ran has forced it, too: it waits for that run.
            entry.again = false;
            let (lane, due) = (entry.lane, entry.due);
            self.queue(lane, job).insert((due, job));
        }
    }

    /// Has a waiting job done at `due`, whatever was meant before, unless somebody wants it at once.
    pub(super) fn move_due(&mut self, job: Job, lane: Lane, due: Duration) {
        if self.entries.get(&job).is_some_and(|entry| !entry.forced) && !self.running.contains(&job) {
            self.move_to(job, lane, due);
        }
    }

    fn move_to(&mut self, job: Job, lane: Lane, due: Duration) {
        let Some(entry) = self.entries.get_mut(&job) else { return };
        let before = (entry.lane, entry.due);
        (entry.lane, entry.due) = (lane, due);
        self.queue(before.0, job).remove(&(before.1, job));
        self.queue(lane, job).insert((due, job));
    }

    /// Hands out a due job of a collector for which `may_run` says yes: discovery before all else, since it tells what
    /// the others are worth, then the most overdue of the lane whose turn it is.
    pub(super) fn pop_due(&mut self, now: Duration, may_run: impl Fn(Collector) -> bool) -> Option<Job> {
        let first = |lane: Lane| {
            let queues = &self.lanes[lane as usize];
            let first = |collector: &Collector| {
                let (due, job) = queues[*collector as usize].first().copied()?;
                (due <= now && may_run(*collector)).then_some((*collector != Collector::Discovery, due, job))
            };
            Collector::ALL.iter().filter_map(first).min()
        };
        let (lane, (_, due, job)) = match (first(Lane::Brisk), first(Lane::Calm)) {
            (Some(brisk), Some(calm)) => {
                let calm_first = self.since_calm + 1 >= CALM_TURN && brisk.0;
                if calm_first { (Lane::Calm, calm) } else { (Lane::Brisk, brisk) }
            }
            (Some(brisk), None) => (Lane::Brisk, brisk),
            (None, calm) => (Lane::Calm, calm?),
        };
        self.since_calm =
            if lane == Lane::Calm { 0 } else { self.since_calm.saturating_add(1).min(CALM_TURN) };
        self.queue(lane, job).remove(&(due, job));
        self.running.insert(job);
        if let Some(entry) = self.entries.get_mut(&job) {
            entry.forced = false;
        }
        Some(job)
    }

    /// When the next job for which `may_run` says yes is due.
    pub(super) fn next_due(&self, may_run: impl Fn(Collector) -> bool) -> Option<Duration> {
        let first = |collector| self.earliest_waiting(collector);
        Collector::ALL.into_iter().filter(|collector| may_run(*collector)).filter_map(first).min()
    }

    fn earliest_waiting(&self, collector: Collector) -> Option<Duration> {
        self.lanes.iter().filter_map(|queues| Some(queues[collector as usize].first()?.0)).min()
    }

    /// Notes the end of a job and makes it due again after `interval`. Jobs of one kind are spread: each keeps to
    /// slots of its own, so that they do not come in waves. A late job skips the slots it has missed.
    pub(super) fn ended(&mut self, job: Job, now: Duration, interval: Duration) {
        self.ended_until(job, now, Lane::Brisk, next_slot(job, now, interval));
    }

    /// Notes the end of a job and makes it due at `due`.
    pub(super) fn ended_until(&mut self, job: Job, now: Duration, lane: Lane, due: Duration) {
        let Some(entry) = self.entries.get_mut(&job) else { return };
        let (lane, due) = if entry.again { (Lane::Brisk, now) } else { (lane, due) };
        let before = *entry;
        self.never_attempted -= usize::from(!entry.attempted);
        *entry = Entry { due, lane, forced: before.again, again: false, attempted: true };
        self.running.remove(&job);
        // Taken out and added again while it ran, it waits already.
        self.queue(before.lane, job).remove(&(before.due, job));
        self.queue(lane, job).insert((due, job));
    }

    /// The earliest due time among waiting and running jobs of each collector.
    pub(super) fn earliest_due(&self) -> [Option<Duration>; Collector::ALL.len()] {
        let mut earliest = Collector::ALL.map(|collector| self.earliest_waiting(collector));
        for (job, entry) in self.running.iter().filter_map(|job| Some((job, self.entries.get(job)?))) {
            let place = &mut earliest[job.collector() as usize];
            *place = Some(place.map_or(entry.due, |due| due.min(entry.due)));
        }
        earliest
    }

    /// Every job.
    pub(super) fn jobs(&self) -> impl Iterator<Item = Job> {
        self.entries.keys().copied()
    }

    /// How many jobs have not been attempted yet.
    pub(super) fn never_attempted(&self) -> usize {
        self.never_attempted
    }

    fn queue(&mut self, lane: Lane, job: Job) -> &mut BTreeSet<(Duration, Job)> {
        &mut self.lanes[lane as usize][job.collector() as usize]
    }
}

/// The first moment after `now` that is the job's own place within the interval.
pub(super) fn next_slot(job: Job, now: Duration, interval: Duration) -> Duration {
    let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut hasher = DefaultHasher::new();
    job.hash(&mut hasher);
    let phase = hasher.finish() % interval;
    // The first is at the phase, and each further one an interval later.
    let since_first = now.checked_sub(phase);
    let slot = since_first.map_or(phase, |since| now.saturating_add(interval - since % interval));
    Duration::from_millis(slot)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
