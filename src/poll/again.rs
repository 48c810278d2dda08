//! When a job comes again after it has ended.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::job::Job;
use super::poller::Poller;
use super::review::Standing;
use super::schedule::Lane;
use crate::usage::{Collector, Window};

/// How long a job that has failed once waits at most, whatever its interval.
const FIRST_BACKOFF: Duration = Duration::from_secs(300);

/// How many times its interval a job that keeps failing waits at most: four hanging orgs must not fill every place.
const LONGEST_BACKOFF: u32 = 4;

/// The longest of those waits, for jobs whose own interval is shorter.
const BACKOFF_CAP: Duration = Duration::from_secs(3_600);

/// For how long after its end a month may still gain payloads that were counted late.
const SETTLING_OF_A_MONTH: SignedDuration = SignedDuration::from_hours(48);

/// How often the month before is read in that time.
const WHILE_A_MONTH_SETTLES: Duration = Duration::from_secs(3_600);

/// First wait after a failed discovery; it doubles up to the discovery interval. Until discovery has succeeded once
/// nothing can be shown, so five minutes would be a long time.
const FIRST_RETRY: Duration = Duration::from_secs(5);

impl Poller {
    /// Makes a job due again: when it has to be asked again going by what lists say, else at its next place; or, while it
    /// fails, soon and then less and less often.
    pub(super) fn put_back(&mut self, job: Job) {
        let (now, interval) = (self.clock.uptime(), self.config.polling.interval(job.collector()));
        let failures = self.failures.in_a_row(job);
        let (lane, due) = match job {
            _ if failures > 0 => (Lane::Brisk, now + backoff(interval, failures)),
            Job::Poll(_, Collector::PreviousPeriod) => {
                (Lane::Calm, now + self.until_previous_period_changes(interval))
            }
            Job::Poll(scope, collector) => match self.standing(scope, collector) {
                Standing::Untold => return self.schedule.ended(job, now, interval),
                standing => self.due(job, standing),
            },
            Job::Instances => return self.schedule.ended(job, now, interval),
        };
        self.schedule.ended_until(job, now, lane, due);
    }

    /// How long what is known of the month before holds: to the next month at most, and for an hour at most while that one is
    /// young, since late payloads may still be added to the one before.
    fn until_previous_period_changes(&self, interval: Duration) -> Duration {
        let now = self.clock.now();
        let month = Window::month(now);
        let until_settled = |moment: Timestamp| {
            let left = Duration::try_from(moment.duration_since(now)).unwrap_or_default();
            left + self.config.polling.settle_delay.get()
        };
        let is_young = now.duration_since(month.start) < SETTLING_OF_A_MONTH;
        let interval = if is_young { interval.min(WHILE_A_MONTH_SETTLES) } else { interval };
        interval.min(until_settled(month.end))
    }

    /// Makes a failed discovery due again: soon, then less and less often.
    pub(super) fn put_back_discovery(&mut self, job: Job, failures_in_a_row: u32) {
        let now = self.clock.uptime();
        let wait = FIRST_RETRY.saturating_mul(2u32.saturating_pow(failures_in_a_row.saturating_sub(1)));
        // What took minutes to fail is not begun again after seconds.
        let took = self.instances.values().map(|state| state.took).max().unwrap_or_default();
        let wait = wait.max(took).min(self.config.polling.interval(Collector::Discovery));
        self.schedule.ended_until(job, now, Lane::Brisk, now + wait);
    }
}

/// How long a job with this interval waits after failing `failures` times in a row.
fn backoff(interval: Duration, failures: u32) -> Duration {
    let times = 2u32.saturating_pow(failures.saturating_sub(1));
    let longest = interval.max(BACKOFF_CAP.min(interval * LONGEST_BACKOFF));
    interval.min(FIRST_BACKOFF).saturating_mul(times).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_job_comes_back_soon_and_then_less_often() {
        let waits = |minutes: u64| {
            let interval = Duration::from_secs(60 * minutes);
            (1..=9).map(|failures| backoff(interval, failures).as_secs() / 60).collect::<Vec<_>>()
        };
        assert_eq!(waits(5), [5, 10, 20, 20, 20, 20, 20, 20, 20]);
        assert_eq!(waits(15), [5, 10, 20, 40, 60, 60, 60, 60, 60]);
        assert_eq!(waits(24 * 60), [5, 10, 20, 40, 80, 160, 320, 640, 1_280]);
    }
}
