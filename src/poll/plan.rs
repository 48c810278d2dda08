//! The call plan: what polling an account takes, at the pace of its budget, and what that leaves room for. Pure.

use std::fmt;
use std::time::Duration;

use crate::config::{Interval, PollingConfig};
use crate::usage::{Collector, Level};

const HOUR: f64 = 3_600.0;

/// About what it takes to look at a quiet scope again: zeros need few questions.
const REFRESH_REQUESTS: f64 = 3.0;

/// A share of scopes that may well move at the same time. With room for fewer, intervals will not be kept.
const USUAL_SHARE: f64 = 0.05;

/// What polling an account takes.
#[derive(Clone, Debug, PartialEq)]
pub struct CallPlan {
    /// Instances of the account.
    pub instances: usize,
    /// Orgs that are polled.
    pub orgs: usize,
    /// Sandboxes that are polled.
    pub sandboxes: usize,
    /// Orgs and sandboxes that the selection leaves out.
    pub excluded: usize,
    /// What is to be said of patterns of the selection that fit nobody.
    pub unmatched: Vec<String>,
    /// Of the orgs and sandboxes polled, those whose use lists tell.
    pub told: usize,
    /// Requests that a sweep over all lists takes.
    pub sweep_requests: u32,
    /// Requests that the monthly summaries of applications take each time, going by how many applications there are.
    pub applications_requests: f64,
    /// What the budget allows in the long run.
    pub requests_per_second: f64,
    /// Requests that go out at once after a pause.
    pub burst: u32,
    /// When what is polled.
    pub polling: PollingConfig,
}

impl CallPlan {
    /// How long a sweep takes when nothing else is asked meanwhile and Losant answers at once.
    pub fn sweep_time(&self) -> Duration {
        self.time_for(f64::from(self.sweep_requests))
    }

    /// Requests that asking one org or sandbox everything takes, at most.
    pub fn detail_requests(&self) -> u32 {
        self.collectors().map(|collector| self.requests_of(collector)).sum()
    }

    /// How long it takes up to until everybody has been asked everything once, instances and their monthly summaries included. Quiet ones
    /// take less.
    pub fn first_cycle_time(&self) -> Duration {
        // Lists do not tell what an instance has used itself.
        let of_an_instance = self.detail_requests()
            + u32::from(self.untold() == 0 && self.polling.is_enabled(Collector::PayloadCounts));
        let requests = self.scopes() * f64::from(self.detail_requests())
            + count(self.instances) * f64::from(of_an_instance)
            // Of the running month, and of the month before.
            + 2.0 * self.applications_requests
            + f64::from(self.sweep_requests);
        self.time_for(requests)
    }

    /// Requests an hour that a scope takes which moves all the time.
    fn requests_of_a_mover(&self) -> f64 {
        let an_hour = |collector| {
            f64::from(self.requests_of(collector)) * HOUR / self.polling.interval(collector).as_secs_f64()
        };
        self.collectors().map(an_hour).sum()
    }

    /// How many orgs and sandboxes can move at the same time with every interval kept.
    pub fn room_for_movers(&self) -> f64 {
        let budget = self.requests_per_second * HOUR;
        let sweeps = f64::from(self.sweep_requests) * HOUR / self.polling.sweep_interval.get().as_secs_f64();
        // Where all are asked in turn, nobody has to be asked besides.
        let refreshes =
            count(self.told) * REFRESH_REQUESTS * HOUR / self.polling.refresh_interval.get().as_secs_f64();
        let applications =
            self.applications_requests * HOUR / self.polling.applications_interval.get().as_secs_f64();
        ((budget - sweeps - refreshes - applications) / self.requests_of_a_mover()).max(0.0).floor()
    }

    /// What will not work out, in words.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.unmatched.clone();
        if self.orgs + self.sandboxes == 0 && self.excluded > 0 {
            warnings.push("the selection leaves nobody: no org and no sandbox is polled".to_owned());
        }
        let (sweep, interval) = (self.sweep_time(), self.polling.sweep_interval);
        if sweep > interval.get() {
            warnings.push(format!(
                "a sweep takes {} and cannot run every {interval}: allow more requests_per_second, a larger page_size, or \
                 a longer polling.sweep_interval",
                rounded(sweep)
            ));
            return warnings;
        }
        if self.untold() > 0 {
            let room = self.room_for_movers();
            if count(self.untold()) > room {
                warnings.push(format!(
                    "lists do not tell what {} orgs and sandboxes have used, so these are asked in turn, and there is \
                     room for {room}: their intervals cannot be met, and numbers older than polling.expire_after ({}) \
                     will be missing",
                    self.untold(),
                    self.polling.expire_after
                ));
            }
            return warnings;
        }
        let (room, usual) = (self.room_for_movers(), (self.scopes() * USUAL_SHARE).ceil());
        if room < usual {
            warnings.push(format!(
                "intervals cannot be met when more than {room} of {} orgs and sandboxes move at the same time: allow more \
                 requests_per_second, or longer intervals, or disable collectors",
                self.scopes()
            ));
        }
        warnings
    }

    fn time_for(&self, requests: f64) -> Duration {
        let seconds = (requests - f64::from(self.burst)).max(0.0) / self.requests_per_second;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    fn scopes(&self) -> f64 {
        count(self.orgs + self.sandboxes)
    }

    fn untold(&self) -> usize {
        (self.orgs + self.sandboxes).saturating_sub(self.told)
    }

    fn collectors(&self) -> impl Iterator<Item = Collector> {
        self.polling.collectors_of(Level::Org)
    }

    /// Requests that a collector needs to ask a scope that moves.
    fn requests_of(&self, collector: Collector) -> u32 {
        match collector {
            Collector::PayloadCounts if self.untold() == 0 => 0,
            Collector::PayloadCountsBreakdown if self.polling.is_enabled(Collector::PayloadBytes) => 5,
            Collector::PayloadCountsBreakdown => 3,
            Collector::PayloadCounts
            | Collector::PayloadBytes
            | Collector::DeviceCounts
            | Collector::NotebookMinuteCounts => 1,
            Collector::Discovery | Collector::Applications | Collector::PreviousPeriod => 0,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 orgs")]
fn count(number: usize) -> f64 {
    number as f64
}

impl fmt::Display for CallPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instances, orgs, sandboxes, excluded, sweep_requests, requests_per_second, .. } = self;
        let plural = |number: usize| if number == 1 { "" } else { "s" };
        write!(f, "{instances} instance{}, {orgs} org{}", plural(*instances), plural(*orgs))?;
        write!(f, ", {sandboxes} sandbox{}", if *sandboxes == 1 { "" } else { "es" })?;
        if *excluded > 0 {
            write!(f, " ({excluded} left out by the selection)")?;
        }
        write!(
            f,
            "; a sweep takes {}, {} at {requests_per_second} a second, every {}; asking everybody everything once takes up to {}; ",
            requests(f64::from(*sweep_requests)),
            rounded(self.sweep_time()),
            self.polling.sweep_interval,
            rounded(self.first_cycle_time()),
        )?;
        if self.applications_requests > 0.0 {
            let (number, interval) = (self.applications_requests, self.polling.applications_interval);
            write!(f, "monthly summaries of applications take {} every {interval}; ", requests(number))?;
        }
        let room = self.room_for_movers();
        if self.untold() > 0 {
            write!(f, "lists do not tell use, so all are asked in turn, and there is room for {room}")
        } else if room >= self.scopes() {
            write!(f, "there is room for all to move at the same time")
        } else {
            write!(f, "there is room for {room} to move at the same time")
        }
    }
}

fn requests(number: f64) -> String {
    format!("{number} request{}", if number > 1.0 { "s" } else { "" })
}

/// A time as a person says it, and no shorter than it is.
fn rounded(time: Duration) -> String {
    match time.as_secs() + u64::from(time.subsec_nanos() > 0) {
        0 => "1s".to_owned(),
        seconds @ ..3_600 => Interval::seconds(seconds).to_string(),
        seconds => Interval::minutes(seconds.div_ceil(60)).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(orgs: usize, sandboxes: usize) -> CallPlan {
        let pages = u32::try_from(orgs.div_ceil(100) + sandboxes.div_ceil(100)).unwrap();
        CallPlan {
            instances: 1,
            orgs,
            sandboxes,
            excluded: 0,
            unmatched: Vec::new(),
            told: orgs + sandboxes,
            sweep_requests: 1 + pages,
            applications_requests: f64::from(pages),
            requests_per_second: 5.0,
            burst: 10,
            polling: PollingConfig::default(),
        }
    }

    #[test]
    fn a_plan_says_what_there_is_what_it_takes_and_what_there_is_room_for() {
        insta::assert_snapshot!(plan(12, 8), @"1 instance, 12 orgs, 8 sandboxes; a sweep takes 3 requests, 1s at 5 a second, every 5m; asking everybody everything once takes up to 34s; monthly summaries of applications take 2 requests every 15m; there is room for all to move at the same time");
        insta::assert_snapshot!(CallPlan { excluded: 3, ..plan(1, 1) }, @"1 instance, 1 org, 1 sandbox (3 left out by the selection); a sweep takes 3 requests, 1s at 5 a second, every 5m; asking everybody everything once takes up to 5s; monthly summaries of applications take 2 requests every 15m; there is room for all to move at the same time");
        insta::assert_snapshot!(plan(10_000, 10_000), @"1 instance, 10000 orgs, 10000 sandboxes; a sweep takes 201 requests, 39s at 5 a second, every 5m; asking everybody everything once takes up to 8h 56m; monthly summaries of applications take 200 requests every 15m; there is room for 135 to move at the same time");
        insta::assert_snapshot!(CallPlan { told: 0, ..plan(50, 50) }, @"1 instance, 50 orgs, 50 sandboxes; a sweep takes 3 requests, 1s at 5 a second, every 5m; asking everybody everything once takes up to 3m 2s; monthly summaries of applications take 2 requests every 15m; lists do not tell use, so all are asked in turn, and there is room for 213");
    }

    #[test]
    fn it_warns_of_what_will_not_work_out() {
        insta::assert_snapshot!(plan(12, 8).warnings().join("\n"), @"");
        insta::assert_snapshot!(plan(10_000, 10_000).warnings().join("\n"), @"intervals cannot be met when more than 135 of 20000 orgs and sandboxes move at the same time: allow more requests_per_second, or longer intervals, or disable collectors");
        insta::assert_snapshot!(plan(100_000, 100_000).warnings().join("\n"), @"a sweep takes 6m 39s and cannot run every 5m: allow more requests_per_second, a larger page_size, or a longer polling.sweep_interval");
        insta::assert_snapshot!(CallPlan { told: 0, ..plan(500, 500) }.warnings().join("\n"), @"lists do not tell what 1000 orgs and sandboxes have used, so these are asked in turn, and there is room for 212: their intervals cannot be met, and numbers older than polling.expire_after (1h) will be missing");
    }

    #[test]
    fn it_warns_of_a_selection_that_leaves_nobody_and_of_patterns_that_fit_nobody() {
        let unmatched = vec!["selection.orgs.include.tags[0]: ...".to_owned()];
        let plan = CallPlan { excluded: 7, unmatched, ..plan(0, 0) };
        insta::assert_snapshot!(plan.warnings().join("\n"), @r"
        selection.orgs.include.tags[0]: ...
        the selection leaves nobody: no org and no sandbox is polled
        ");
    }

    /// A plan whose budget allows so many requests an hour, of which sweeps take 36 and summaries of applications 8.
    fn tight(orgs: usize, requests_an_hour: f64) -> CallPlan {
        let requests_per_second = requests_an_hour / HOUR;
        CallPlan { orgs, sandboxes: 0, told: orgs, requests_per_second, ..plan(50, 50) }
    }

    #[test]
    fn asking_somebody_everything_takes_what_the_collectors_that_run_take() {
        let requests = |told, disabled: &[Collector]| {
            let mut plan = CallPlan { told, ..plan(1, 0) };
            plan.polling.disabled_collectors = disabled.to_vec();
            plan.detail_requests()
        };
        assert_eq!(requests(1, &[]), 8);
        assert_eq!(requests(0, &[]), 9, "and payloads by type, which lists do not tell");
        assert_eq!(requests(1, &[Collector::PayloadBytes]), 5, "nothing in bytes");
        assert_eq!(requests(1, &[Collector::DeviceCounts, Collector::NotebookMinuteCounts]), 6);
    }

    #[test]
    fn room_is_what_sweeps_refreshes_and_summaries_leave() {
        // Whoever moves takes 72 requests an hour, and whoever does not a quarter of one.
        assert_eq!(
            [116.0, 117.5, 200.0, 10.0].map(|budget| tight(4, budget).room_for_movers().to_string()),
            ["0", "1", "2", "0"]
        );
        assert_eq!([120.0, 122.0].map(|budget| tight(20, budget).room_for_movers().to_string()), ["0", "1"]);
        let all = tight(1, 130.0).to_string();
        assert!(all.ends_with("there is room for all to move at the same time"), "{all}");
        let some = tight(2, 130.0).to_string();
        assert!(some.ends_with("there is room for 1 to move at the same time"), "{some}");
    }

    #[test]
    fn what_just_works_out_is_not_warned_of() {
        let warnings = |plan: CallPlan| plan.warnings().len();
        assert_eq!((warnings(tight(20, 130.0)), warnings(tight(21, 130.0))), (0, 1), "one in twenty moves");
        let sweep = |sweep_requests| CallPlan { sweep_requests, ..plan(0, 0) };
        assert_eq!((warnings(sweep(1_510)), warnings(sweep(1_511))), (0, 1), "five minutes, less the burst");
        let untold = |orgs| CallPlan { orgs, told: 0, ..plan(50, 50) };
        assert_eq!((warnings(untold(163)), warnings(untold(164))), (0, 1), "there is room for 213");
        let excluded = |orgs, sandboxes| CallPlan { excluded: 3, ..plan(orgs, sandboxes) };
        assert_eq!([excluded(0, 0), excluded(2, 0), excluded(0, 2)].map(warnings), [1, 0, 0]);
        assert_eq!(warnings(plan(0, 0)), 0, "nobody is there, and nobody is left out");
    }

    #[test]
    fn one_request_is_one_and_what_is_not_asked_is_not_told_of() {
        let plan = plan(0, 0).to_string();
        assert!(plan.contains("a sweep takes 1 request, "), "{plan}");
        assert!(!plan.contains("monthly summaries"), "{plan}");
    }

    #[test]
    fn times_are_told_in_hours_and_minutes_or_minutes_and_seconds() {
        let said = |seconds| rounded(Duration::from_secs(seconds));
        assert_eq!([0, 1, 59, 3_599, 3_600, 7_379].map(said), ["1s", "1s", "59s", "59m 59s", "1h", "2h 3m"]);
        assert_eq!(rounded(Duration::from_millis(1_001)), "2s", "never told shorter than it is");
    }

    #[test]
    fn the_first_cycle_asks_instances_and_both_months_as_well() {
        let requests = |plan: CallPlan| plan.first_cycle_time().as_secs_f64() * 5.0 + 10.0;
        // Each org eight, the instance nine, two months of two pages, and the lists.
        let near = |left: f64, right: f64| (left - right).abs() < 1e-6;
        assert!(near(requests(plan(12, 8)), 160.0 + 9.0 + 4.0 + 3.0));
        assert!(near(requests(CallPlan { told: 0, ..plan(12, 8) }), 180.0 + 9.0 + 4.0 + 3.0));
    }

    #[test]
    fn the_time_of_a_sweep_follows_from_the_budget() {
        let plan = plan(50_000, 50_000);
        assert_eq!(plan.sweep_requests, 1_001);
        assert_eq!(plan.sweep_time(), Duration::from_secs_f64(991.0 / 5.0));
    }
}
