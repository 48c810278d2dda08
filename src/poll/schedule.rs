//! When each job is due.
//!
//! Owns: the order of jobs by due time. Pure: it is told the time, and never waits.
//! Later, a job may be made due by what changed instead of by its interval; that decision belongs here too.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::job::Job;
use crate::usage::Collector;

/// All jobs of one account. Times are uptimes of the clock.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Waiting jobs, a queue for each collector, so that the most overdue of each is the first.
    queues: [BTreeSet<(Duration, Job)>; Collector::ALL.len()],
    entries: BTreeMap<Job, Entry>,
    running: BTreeSet<Job>,
    never_attempted: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    due: Duration,
    /// Was asked for while it was running: due again as soon as it ends.
    again: bool,
    attempted: bool,
}

impl Schedule {
    /// Adds a job that is due at once. One that is there already is left as it is.
    pub(super) fn add(&mut self, job: Job, now: Duration) {
        if let btree_map::Entry::Vacant(place) = self.entries.entry(job) {
            place.insert(Entry { due: now, again: false, attempted: false });
            self.never_attempted += 1;
            self.queue(job).insert((now, job));
        }
    }

    /// Takes jobs out for which `keep` says no. A running one ends without effect.
    pub(super) fn retain(&mut self, keep: impl Fn(&Job) -> bool) {
        self.entries.retain(|job, _| keep(job));
        self.running.retain(&keep);
        self.never_attempted = self.entries.values().filter(|entry| !entry.attempted).count();
        for queue in &mut self.queues {
            queue.retain(|(_, job)| keep(job));
        }
    }

    /// Whether a job is scheduled or running.
    pub(super) fn contains(&self, job: Job) -> bool {
        self.entries.contains_key(&job)
    }

    /// Makes a job due at once; one that is running will run once more. Returns whether it is running.
    pub(super) fn hurry(&mut self, job: Job, now: Duration) -> bool {
        let running = self.running.contains(&job);
        let Some(entry) = self.entries.get_mut(&job) else { return false };
        if running {
            entry.again = true;
        } else if entry.due > now {
            let before = std::mem::replace(&mut entry.due, now);
            self.queue(job).remove(&(before, job));
            self.queue(job).insert((now, job));
        }
        running
    }

    /// Hands out a due job of a collector for which `may_run` says yes: discovery before all else, since it tells what
    /// the others are worth, then the most overdue.
    pub(super) fn pop_due(&mut self, now: Duration, may_run: impl Fn(Collector) -> bool) -> Option<Job> {
        let first = |collector: &Collector| {
            let (due, job) = self.queues[*collector as usize].first().copied()?;
            (due <= now && may_run(*collector)).then_some((*collector != Collector::Discovery, due, job))
        };
        let (_, due, job) = Collector::ALL.iter().filter_map(first).min()?;
        self.queue(job).remove(&(due, job));
        self.running.insert(job);
        Some(job)
    }

    /// When the next job for which `may_run` says yes is due.
    pub(super) fn next_due(&self, may_run: impl Fn(Collector) -> bool) -> Option<Duration> {
        let firsts = Collector::ALL.into_iter().filter(|collector| may_run(*collector));
        firsts.filter_map(|collector| Some(self.queues[collector as usize].first()?.0)).min()
    }

    /// Notes the end of a job and makes it due again after `interval`. Jobs of one kind are spread: each keeps to
    /// slots of its own, so that they do not come in waves. A late job skips the slots it has missed.
    pub(super) fn ended(&mut self, job: Job, now: Duration, interval: Duration) {
        self.put_back(job, now, next_slot(job, now, interval));
    }

    /// Notes the end of a job and makes it due at `due`.
    pub(super) fn ended_until(&mut self, job: Job, now: Duration, due: Duration) {
        self.put_back(job, now, due);
    }

    fn put_back(&mut self, job: Job, now: Duration, due: Duration) {
        let Some(entry) = self.entries.get_mut(&job) else { return };
        let due = if entry.again { now } else { due };
        let before = entry.due;
        self.never_attempted -= usize::from(!entry.attempted);
        *entry = Entry { due, again: false, attempted: true };
        self.running.remove(&job);
        // Taken out and added again while it ran, it waits already.
        self.queue(job).remove(&(before, job));
        self.queue(job).insert((due, job));
    }

    /// The earliest due time among waiting and running jobs of each collector.
    pub(super) fn earliest_due(&self) -> [Option<Duration>; Collector::ALL.len()] {
        let mut earliest = Collector::ALL.map(|collector| Some(self.queues[collector as usize].first()?.0));
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

    fn queue(&mut self, job: Job) -> &mut BTreeSet<(Duration, Job)> {
        &mut self.queues[job.collector() as usize]
    }
}

/// The first moment after `now` that is the job's own place within the interval.
fn next_slot(job: Job, now: Duration, interval: Duration) -> Duration {
    let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut hasher = DefaultHasher::new();
    job.hash(&mut hasher);
    let phase = hasher.finish() % interval;
    let since_slot = (now % interval + interval - phase) % interval;
    Duration::from_millis(now.saturating_add(interval - since_slot))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::usage::{Id, Scope};

    const MINUTE: Duration = Duration::from_secs(60);

    fn job(org: u32) -> Job {
        let id = |number: u32| -> Id { format!("{number:024x}").parse().unwrap() };
        Job::Poll(Scope::Org { instance: id(1), org: id(org) }, Collector::DeviceCounts)
    }

    fn any(_: Collector) -> bool {
        true
    }

    #[test]
    fn the_most_overdue_job_comes_first_and_none_before_its_time() {
        let mut schedule = Schedule::default();
        schedule.add(job(2), 3 * MINUTE);
        schedule.add(job(3), 2 * MINUTE);
        assert_eq!(schedule.pop_due(MINUTE, any), None);
        assert_eq!(schedule.next_due(any), Some(2 * MINUTE));
        assert_eq!(schedule.pop_due(5 * MINUTE, any), Some(job(3)));
        assert_eq!(schedule.pop_due(5 * MINUTE, any), Some(job(2)));
        assert_eq!(schedule.pop_due(5 * MINUTE, any), None);
    }

    #[test]
    fn a_running_job_is_not_handed_out_twice_but_runs_once_more_when_hurried() {
        let mut schedule = Schedule::default();
        schedule.add(job(2), MINUTE);
        assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
        schedule.hurry(job(2), MINUTE);
        assert_eq!(schedule.pop_due(9 * MINUTE, any), None);
        schedule.ended(job(2), 2 * MINUTE, 5 * MINUTE);
        assert_eq!(schedule.pop_due(2 * MINUTE, any), Some(job(2)));
    }

    #[test]
    fn a_job_that_was_taken_out_while_running_does_not_come_back() {
        let mut schedule = Schedule::default();
        schedule.add(job(2), MINUTE);
        assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
        schedule.retain(|_| false);
        schedule.ended(job(2), MINUTE, MINUTE);
        assert_eq!(schedule.next_due(any), None);
        assert!(!schedule.contains(job(2)));
    }

    #[test]
    fn a_job_under_way_counts_as_overdue_since_it_was_due() {
        let mut schedule = Schedule::default();
        schedule.add(job(2), MINUTE);
        schedule.pop_due(3 * MINUTE, any).unwrap();
        assert_eq!(schedule.earliest_due()[Collector::DeviceCounts as usize], Some(MINUTE));
    }

    #[test]
    fn discovery_comes_before_jobs_that_are_more_overdue() {
        let mut schedule = Schedule::default();
        let discovery =
            Job::Poll(Scope::Instance { instance: job(2).scope().unwrap().instance() }, Collector::Discovery);
        schedule.add(job(2), Duration::ZERO);
        schedule.add(discovery, MINUTE);
        assert_eq!(
            schedule.pop_due(Duration::ZERO, any),
            Some(job(2)),
            "nothing waits for a discovery that is not due"
        );
        schedule.ended_until(job(2), Duration::ZERO, Duration::ZERO);
        assert_eq!(schedule.pop_due(MINUTE, any), Some(discovery));
    }

    #[test]
    fn a_job_that_was_taken_out_and_added_again_while_it_ran_waits_once() {
        let mut schedule = Schedule::default();
        schedule.add(job(2), MINUTE);
        assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
        schedule.retain(|_| false);
        schedule.add(job(2), 2 * MINUTE);
        schedule.ended(job(2), 3 * MINUTE, 5 * MINUTE);
        let handed_out = std::iter::from_fn(|| schedule.pop_due(60 * MINUTE, any)).count();
        assert_eq!(handed_out, 1);
    }

    #[test]
    fn a_collector_that_may_not_run_holds_up_no_other() {
        let mut schedule = Schedule::default();
        schedule.add(job(2), Duration::ZERO);
        assert_eq!(schedule.pop_due(MINUTE, |collector| collector == Collector::Discovery), None);
        assert_eq!(schedule.pop_due(MINUTE, any), Some(job(2)));
    }

    proptest! {
        #[test]
        fn a_job_is_due_again_within_one_interval_at_its_own_slot(
            org: u32, now in 0u64..1_000_000_000, interval in 1_000u64..4_000_000,
        ) {
            let (now, interval) = (Duration::from_millis(now), Duration::from_millis(interval));
            let next = next_slot(job(org), now, interval);
            prop_assert!(next > now && next <= now + interval);
            prop_assert_eq!(next_slot(job(org), next, interval), next + interval);
        }
    }

    #[test]
    fn jobs_of_one_kind_are_spread_over_their_interval() {
        let mut tenths = [0; 10];
        for org in 0..1_000 {
            let place = next_slot(job(org), Duration::ZERO, 1_000 * MINUTE).as_secs() % 60_000 / 6_000;
            tenths[usize::try_from(place).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (50..150).contains(count)), "{tenths:?}");
    }
}
