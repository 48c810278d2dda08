//! Everything at once: ten hours in which all that can go wrong does, while orgs come and go. What is promised holds all the
//! same: no number is wrong, nobody who is gone is shown, nobody stays away for longer than what keeps them, no request is over
//! budget, nothing dies, and a scrape is always answered.
//!
//! All is drawn from one seed, which a failure prints. `CHAOS_SEED=7 cargo test --test it chaos` runs another one. What is
//! drawn is the same every time; which requests a fault hits depends on their order, which two runs may not share.

mod changes;
pub mod pace;
mod storm;
mod witness;

use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;
use losant_exporter::clock::Clock;
use losant_exporter::config::Interval;
use losant_exporter::simulator::{Arrivals, ObjectId, Owner};

use crate::possible::{Compared, Who, everybody};
use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp};
use changes::Late;
use pace::Paced;
use storm::Storm;
use witness::{Findings, Past};

/// An afternoon, so that a midnight comes.
const START: &str = "2026-03-17T17:23:45.250Z";
const LENGTH: Duration = Duration::from_secs(10 * 3_600);
/// So many steps take a little longer than that.
const STEPS: u32 = 205;
const SEED: u64 = 20_260_317;

/// How long after the end of what kept it away a number may be missing: as long as it is shown when it cannot be read, since
/// what has failed is asked for ever more rarely; and until its turn comes.
const RECOVERY: Duration = Duration::from_secs(65 * 60);
/// How long a newcomer may take to be seen, and everybody after a restart.
const FIRST_LOOK: Duration = Duration::from_secs(20 * 60);

/// Real time that a request may take. Those that hang take all of it.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(300);

/// Says which seed it was, should the run fail.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("CHAOS_SEED={}", self.0);
        }
    }
}

#[tokio::test]
async fn whatever_goes_wrong_no_number_is_wrong_and_nobody_is_missing_for_longer_than_what_keeps_them() {
    let seed = std::env::var("CHAOS_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    let seed = Seed(seed);
    let watch = Clock::system();
    let mut run = Run::start(seed.0).await;
    for _ in 0..STEPS {
        run.step().await;
    }
    assert!(run.app.clock.uptime() >= LENGTH, "{:?}", run.app.clock.uptime());
    run.calm_down().await;
    run.assert_worth_it();
    eprintln!("seed {}: {}, {:.1?}", seed.0, run.figures(), watch.uptime());
}

#[derive(Debug, Default)]
struct Tally {
    steps: u64,
    scrapes: u64,
    compared: Compared,
    /// How often a number had to be there.
    due: usize,
    /// How often one was missing for a reason.
    excused: usize,
    departed: usize,
    restarts: usize,
    throttled: usize,
}

struct Run {
    app: TestApp,
    seed: u64,
    storm: Storm,
    past: Past,
    arrivals: Arrivals,
    /// How many requests had arrived when the exporter was started.
    arrived_before: usize,
    /// Number of the latest request that has been looked at.
    looked_at: u64,
    started: Duration,
    was_ready: bool,
    /// Those who are gone, and have been seen to be.
    departed: Vec<ObjectId>,
    /// Since when somebody who was marked for deletion is there again.
    returned: Vec<(ObjectId, Duration)>,
    /// Those of whom some hours have been counted anew.
    restated: Vec<Owner>,
    late: Option<Late>,
    tally: Tally,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let mut setup = Setup::at(START);
        setup.account.requests_per_second = pace::REQUESTS_PER_SECOND;
        setup.account.burst = pace::BURST;
        setup.account.max_in_flight = pace::MAX_IN_FLIGHT;
        setup.account.max_attempts = 3;
        setup.account.request_timeout = Interval::from(REQUEST_TIMEOUT);
        let app = setup.start_unready().await;
        let instance = app.simulator.world().instances()[0].id();
        let mut run = Self {
            arrivals: app.simulator.watch_arrivals(),
            app,
            seed,
            storm: Storm::new(instance),
            past: Past::default(),
            arrived_before: 0,
            looked_at: 0,
            started: Duration::ZERO,
            was_ready: false,
            departed: Vec::new(),
            returned: Vec::new(),
            restated: Vec::new(),
            late: None,
            tally: Tally::default(),
        };
        run.let_pass(Duration::from_secs(1)).await;
        run
    }

    /// Something happens, some minutes pass, and everything is looked at.
    async fn step(&mut self) {
        self.tally.steps += 1;
        let step = self.tally.steps;
        // Each step draws for itself, so that nothing depends on how many draws another one took.
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(1_000_003).wrapping_add(step));
        let minutes = rng.u64(1..=5);
        if rng.f64() < 0.02 {
            self.restart().await;
        }
        for _ in 0..2 {
            self.change_world(&mut rng);
        }
        self.storm.step(&mut rng, step, &self.app.simulator, self.app.clock.uptime());
        self.let_pass(Duration::from_secs(60 * minutes)).await;
    }

    async fn restart(&mut self) {
        self.assert_budget();
        self.app.restart_unready().await;
        self.tally.restarts += 1;
        (self.arrived_before, self.started) = (self.arrivals.count(), self.app.clock.uptime());
        self.was_ready = false;
    }

    /// Lets time pass, and looks at everything.
    async fn let_pass(&mut self, duration: Duration) {
        let from = self.app.clock.now() + SignedDuration::try_from(duration).expect("a while");
        self.advance(duration);
        self.app.let_pass_with_waits(Duration::ZERO).await;
        self.past.polled(from, self.app.clock.now());
        assert!(self.app.is_running(), "the exporter has ended");
        let scrape = self.app.scrape().await;
        self.tally.scrapes += 1;
        assert!(!scrape.series.keys().any(|series| series.contains("result=\"died\"")), "a poll died");
        let (status, _, reason) = self.app.get("/-/ready", "*/*").await;
        assert!(status == 200 || !self.was_ready, "was ready, and is not any more: {reason}");
        self.was_ready = status == 200;
        let findings = self.assert_true(&scrape);
        self.assert_complete(findings);
        let lists_told = self.look_at_requests().await;
        if lists_told && self.storm.leaves_lists_alone() {
            self.assert_departed(&scrape, duration);
        }
    }

    fn assert_true(&mut self, scrape: &Scrape) -> Findings {
        let now = self.app.clock.now();
        let findings = witness::look(&self.past, &self.app.simulator.world(), scrape, now);
        let wrong = &findings.wrong;
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
        self.tally.compared += findings.compared;
        findings
    }

    /// Nobody is missing without something that keeps them.
    fn assert_complete(&mut self, findings: Findings) {
        for (who, collector) in findings.missing {
            let (due, why) = self.must_be_there(&who, collector);
            assert!(!due, "{}: {collector} of {who:?} is missing, and {why}", self.app.clock.now());
            self.tally.excused += 1;
        }
        let (world, now) = (self.app.simulator.world(), self.app.clock.now());
        let there = everybody(&world).into_iter();
        let there = there.filter(|who| who.since <= now && who.gone.is_none_or(|gone| now < gone));
        for who in there {
            let due = crate::freshness::COLLECTORS.iter().filter(|name| self.must_be_there(&who, name).0);
            self.tally.due += due.count();
        }
    }

    /// Whether what `collector` reads of `who` has to be shown by now.
    fn must_be_there(&self, who: &Who, collector: &str) -> (bool, &'static str) {
        let uptime = self.app.clock.uptime();
        let age = |since: Duration| uptime.saturating_sub(since);
        let returned = self.returned.iter().rev().find(|(id, _)| *id == who.id).map(|(_, at)| age(*at));
        let exists = Duration::try_from(self.app.clock.now().duration_since(who.since)).unwrap_or_default();
        let known = exists.min(returned.unwrap_or(Duration::MAX)).min(age(self.started));
        let since = uptime.saturating_sub(RECOVERY);
        let by_lists = known < RECOVERY;
        if known < FIRST_LOOK || self.storm.has_kept_from(who, collector, by_lists, since) {
            return (false, "for a reason");
        }
        (true, "nothing has kept it away for an hour")
    }

    /// Looks at the requests since the last look. Returns whether the orgs and the sandboxes have been listed to the end.
    async fn look_at_requests(&mut self) -> bool {
        let (mut paced, mut lists) = (Vec::new(), [(0, true); 2]);
        let looked_at = &mut self.looked_at;
        let look = std::cell::RefCell::new((&mut paced, &mut lists, looked_at));
        self.app
            .simulator
            .wait_for_requests(|requests| {
                let (paced, lists, looked_at) = &mut *look.borrow_mut();
                let first = requests.partition_point(|request| request.number <= **looked_at);
                for request in &requests[first..] {
                    **looked_at = request.number;
                    paced.push(Paced { uptime: request.uptime, throttled: request.status == Some(429) });
                    let names = ["instanceOrgs.get", "instanceSandboxes.get"];
                    if let Some(list) = names.iter().position(|name| request.action == Some(name)) {
                        lists[list].0 += 1;
                        lists[list].1 &= request.status == Some(200);
                    }
                }
                true
            })
            .await;
        self.tally.throttled += paced.iter().filter(|request| request.throttled).count();
        if let Some(pause) = self.storm.pause() {
            pace::assert_pauses(&paced, pause, self.storm.delay());
        }
        lists.iter().all(|(requests, succeeded)| *requests > 0 && *succeeded)
    }

    /// Nobody is shown who was gone before the last lists.
    fn assert_departed(&mut self, scrape: &Scrape, passed: Duration) {
        let now = self.app.clock.now();
        let before = now - SignedDuration::try_from(passed).expect("a while");
        let gone = everybody(&self.app.simulator.world()).into_iter();
        for who in gone.filter(|who| who.gone.is_some_and(|gone| gone <= before)) {
            let id = who.id.to_string();
            let shown: Vec<_> = scrape.series.keys().filter(|series| series.contains(&id)).collect();
            assert!(shown.is_empty(), "{now}: {who:?} is gone, and {} series are shown", shown.len());
            if !self.departed.contains(&who.id) {
                self.departed.push(who.id);
                self.tally.departed += 1;
            }
        }
    }

    fn assert_budget(&self) {
        pace::assert_budget(&self.arrivals.so_far()[self.arrived_before..]);
    }

    /// Nothing goes wrong any more: two hours later everything is there, and exact.
    async fn calm_down(&mut self) {
        self.storm.calm(&self.app.simulator, self.app.clock.uptime());
        if let Some(late) = &mut self.late {
            late.ends = self.tally.steps;
        }
        for _ in 0..24 {
            self.let_pass(Duration::from_secs(300)).await;
        }
        let (now, world) = (self.app.clock.now(), self.app.simulator.world());
        let missing = witness::look(&self.past, &world, &self.app.scrape().await, now).missing;
        assert!(missing.is_empty(), "{missing:?}");
        let report = self.app.while_time_passes(self.app.control.poll_now()).await;
        self.past.polled(now, self.app.clock.now());
        assert_eq!(report.expect("a running poller").failed, 0);
        let scrape = self.app.scrape().await;
        let findings = self.assert_true(&scrape);
        assert!(findings.missing.is_empty(), "{:?}", findings.missing);
        self.assert_budget();
    }

    /// A guard against a run in which nothing happens, or nothing is looked at.
    fn assert_worth_it(&self) {
        let Tally { compared: Compared { all, wide, unnoticed }, due, departed, .. } = self.tally;
        assert!(all > 50_000 && wide * 5 < all, "{:?}", self.tally);
        assert!(unnoticed * 100 < all && due > 1_000 && departed > 3, "{:?}", self.tally);
    }

    fn figures(&self) -> String {
        let Tally { steps, scrapes, compared, due, excused, departed, restarts, throttled } = self.tally;
        let Compared { all, wide, unnoticed } = compared;
        let fired = self.storm.fired();
        let requests = self.app.simulator.request_count();
        format!(
            "{steps} steps, {requests} requests ({throttled} throttled), {scrapes} scrapes, {all} values \
             compared ({wide} of them with all that they were while the answer was waited for; {unnoticed} device counts \
             not refreshed yet), 0 wrong; {due} times somebody had to be there and was, {excused} times somebody was \
             missing for a reason; {departed} departures seen, {restarts} restarts; faults fired: {fired:?}"
        )
    }
}
