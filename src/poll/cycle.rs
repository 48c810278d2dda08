//! One poll of everything, on demand.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::job::Job;

/// How a cycle went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CycleReport {
    /// Polls that succeeded.
    pub succeeded: usize,
    /// Polls that failed, or could not be made because the token is refused.
    pub failed: usize,
}

/// A cycle under way: it is over when every job that was there, or was found meanwhile, has run once from start to end.
#[derive(Debug)]
pub(super) struct Cycle {
    /// Jobs to wait for, and whether one is running that began before: that run says nothing.
    pending: BTreeMap<Job, bool>,
    report: CycleReport,
    reply: oneshot::Sender<CycleReport>,
}

impl Cycle {
    pub(super) fn new(reply: oneshot::Sender<CycleReport>) -> Self {
        Self { pending: BTreeMap::new(), report: CycleReport::default(), reply }
    }

    pub(super) fn awaits(&self, job: Job) -> bool {
        self.pending.get(&job) == Some(&false)
    }

    pub(super) fn expect(&mut self, job: Job, is_running: bool) {
        self.pending.insert(job, is_running);
    }

    pub(super) fn ended(&mut self, job: Job, success: bool) {
        let Some(began_before) = self.pending.get_mut(&job) else { return };
        if !std::mem::take(began_before) {
            self.pending.remove(&job);
            let count = if success { &mut self.report.succeeded } else { &mut self.report.failed };
            *count += 1;
        }
    }

    /// Notes that no job is running any more: the next run of each counts.
    pub(super) fn recall(&mut self) {
        self.pending.values_mut().for_each(|began_before| *began_before = false);
    }

    /// Takes out jobs that will not run; they count as failed where `failed` says so.
    pub(super) fn give_up(&mut self, failed: bool, keep: impl Fn(&Job) -> bool) {
        let before = self.pending.len();
        self.pending.retain(|job, _| keep(job));
        if failed {
            self.report.failed += before - self.pending.len();
        }
    }

    /// Hands the report over when nothing is pending, else gives the cycle back.
    pub(super) fn finish(self) -> Option<Self> {
        if self.pending.is_empty() {
            // Whoever asked may have gone away.
            let _ = self.reply.send(self.report);
            return None;
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::{Collector, Scope};

    fn job(collector: Collector) -> Job {
        Job::Poll(Scope::Instance { instance: "1".repeat(24).parse().unwrap() }, collector)
    }

    /// A cycle that waits for one job that runs already and one that does not.
    fn cycle() -> (Cycle, [Job; 2], oneshot::Receiver<CycleReport>) {
        let (reply, report) = oneshot::channel();
        let mut cycle = Cycle::new(reply);
        let jobs = [job(Collector::DeviceCounts), job(Collector::PayloadBytes)];
        cycle.expect(jobs[0], true);
        cycle.expect(jobs[1], false);
        (cycle, jobs, report)
    }

    #[test]
    fn a_cycle_is_over_when_every_job_has_run_from_start_to_end() {
        let (mut cycle, [running, waiting], mut report) = cycle();
        assert!(!cycle.awaits(running) && cycle.awaits(waiting) && !cycle.awaits(Job::Instances));
        cycle.ended(Job::Instances, false);
        cycle.ended(waiting, true);
        cycle.ended(running, false);
        assert!(cycle.awaits(running), "that run began before");
        let mut cycle = cycle.finish().unwrap();
        assert!(report.try_recv().is_err());
        cycle.ended(running, false);
        assert!(cycle.finish().is_none());
        assert_eq!(report.try_recv(), Ok(CycleReport { succeeded: 1, failed: 1 }));
    }

    #[test]
    fn when_nothing_runs_any_more_the_next_run_counts() {
        let (mut cycle, [running, _], _report) = cycle();
        cycle.recall();
        assert!(cycle.awaits(running));
    }

    #[test]
    fn a_job_that_will_not_run_counts_as_failed_where_that_is_said() {
        for (is_failure, failed) in [(true, 1), (false, 0)] {
            let (mut cycle, [running, waiting], mut report) = cycle();
            cycle.give_up(is_failure, |job| *job == waiting);
            assert!(!cycle.awaits(running));
            cycle.ended(waiting, true);
            assert!(cycle.finish().is_none());
            assert_eq!(report.try_recv(), Ok(CycleReport { succeeded: 1, failed }));
        }
    }
}
