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
    use super::super::poller::discovery_of;
    use super::super::schedule::next_slot;
    use super::super::stand::{MINUTE, Stand, instance, org, unavailable, used, whole};
    use super::*;
    use crate::losant::Unavailable;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_job_whose_scope_lists_do_not_tell_of_comes_again_at_its_place() {
        let mut stand = Stand::new();
        let found = vec![stand.found(org(2), None)];
        stand.sweep_of(found, |_| ());
        stand.pass(MINUTE);
        stand.poll(org(2), Collector::DeviceCounts, 0.0);
        let job = Job::Poll(org(2), Collector::DeviceCounts);
        assert_eq!(stand.poller.schedule.due(job), Some(next_slot(job, MINUTE, 15 * MINUTE)));
    }

    #[test]
    fn a_job_whose_scope_lists_tell_of_rests_when_it_is_done() {
        let mut stand = Stand::new();
        stand.sweep(&[(org(2), used(5.0))]);
        stand.pass(MINUTE);
        stand.poll(org(2), Collector::DeviceCounts, 0.0);
        let job = Job::Poll(org(2), Collector::DeviceCounts);
        assert_eq!(stand.poller.schedule.due(job), Some(next_slot(job, MINUTE, 12 * HOUR)));
        // Something has happened while it was asked.
        let begun = stand.begin(org(2), Collector::DeviceCounts);
        stand.pass(MINUTE);
        stand.sweep(&[(org(2), used(6.0))]);
        stand.answer(org(2), Collector::DeviceCounts, 0.0, begun);
        assert_eq!(stand.poller.schedule.due(job), Some(next_slot(job, MINUTE, 15 * MINUTE)));
    }

    #[test]
    fn a_job_that_fails_comes_again_soon_whatever_lists_tell() {
        let mut stand = Stand::new();
        stand.sweep(&[(org(2), used(5.0))]);
        stand.pass(MINUTE);
        for minutes in [5, 10, 20] {
            stand.fail(org(2), Collector::DeviceCounts, &unavailable(Unavailable::Status(500)));
            assert_eq!(stand.until_due(org(2), Collector::DeviceCounts), minutes * MINUTE);
        }
    }

    #[test]
    fn the_list_of_instances_comes_again_at_its_place() {
        let mut stand = Stand::with(|config| config.instances.clear());
        assert_eq!(stand.poller.schedule.due(Job::Instances), Some(Duration::ZERO));
        stand.pass(MINUTE);
        stand.poller.put_back(Job::Instances);
        let due = next_slot(Job::Instances, MINUTE, 5 * MINUTE);
        assert_eq!(stand.poller.schedule.due(Job::Instances), Some(due));
    }

    #[test]
    fn the_month_before_is_read_hourly_while_payloads_may_be_added_to_it_and_then_daily() {
        let wait = |now: &str, interval: Duration| {
            let mut stand = Stand::new();
            stand.hand.jump_to(now.parse().unwrap());
            stand.pass(MINUTE);
            stand.sweep(&[]);
            stand.poller.put_back(Job::Poll(whole(), Collector::PreviousPeriod));
            let due = stand.due(whole(), Collector::PreviousPeriod).unwrap();
            assert_eq!(due, stand.uptime() + stand.poller.until_previous_period_changes(24 * HOUR));
            stand.poller.until_previous_period_changes(interval)
        };
        let day = 24 * HOUR;
        assert_eq!(wait("2026-03-02T23:58:00Z", day), HOUR);
        assert_eq!(wait("2026-03-02T23:58:59Z", MINUTE), MINUTE);
        assert_eq!(wait("2026-03-02T23:59:00Z", day), day, "a month of 48 hours has settled");
        assert_eq!(wait("2026-03-17T10:00:00Z", day), day);
        // When the next month begins, and what was counted at its end has settled.
        assert_eq!(wait("2026-03-31T20:59:00Z", day), 3 * HOUR + 10 * MINUTE);
        assert_eq!(wait("2026-03-31T20:59:00Z", HOUR), HOUR);
    }

    #[test]
    fn a_discovery_that_took_long_to_fail_is_not_tried_again_sooner_than_that() {
        let mut stand = Stand::new();
        let job = discovery_of(instance());
        let wait = |stand: &mut Stand, failures| {
            stand.poller.put_back_discovery(job, failures);
            stand.until_due(whole(), Collector::Discovery)
        };
        stand.pass(MINUTE);
        assert_eq!(wait(&mut stand, 1), Duration::from_secs(5));
        assert_eq!(wait(&mut stand, 3), Duration::from_secs(20));
        stand.poller.instances.entry(instance()).or_default().took = MINUTE;
        assert_eq!(wait(&mut stand, 3), MINUTE);
        assert_eq!(wait(&mut stand, 9), 5 * MINUTE, "and no later than the next sweep");
    }

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
