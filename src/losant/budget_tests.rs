use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::clock::ClockHand;

#[path = "budget/law_tests.rs"]
mod law;

type Leave = Pin<Box<dyn Future<Output = Permit>>>;

/// One who asks: how urgently, and as which of all.
type Who = (Urgency, usize);

/// A budget on a clock that stands still, with everybody who waits for it.
struct Desk {
    budget: Budget,
    clock: Clock,
    hand: ClockHand,
    asked: usize,
    waiting: Vec<(Who, Leave)>,
    granted: Vec<(Who, Duration)>,
    held: Vec<Permit>,
    /// Sweeps that passed in a row while a detail waited.
    sweeps_in_a_row: u32,
}

impl Desk {
    fn new(rate: f64, burst: u32, max_in_flight: usize) -> Self {
        let (clock, hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
        let budget = Budget::new(Pace::new(rate, None, burst, max_in_flight).unwrap(), clock.clone());
        Self {
            budget,
            clock,
            hand,
            asked: 0,
            waiting: Vec::new(),
            granted: Vec::new(),
            held: Vec::new(),
            sweeps_in_a_row: 0,
        }
    }

    fn ask(&mut self) {
        self.ask_as(Urgency::Detail);
    }

    fn ask_as(&mut self, urgency: Urgency) {
        let budget = self.budget.clone();
        let leave = Box::pin(async move { budget.acquire(urgency).await });
        self.waiting.push(((urgency, self.asked), leave));
        self.asked += 1;
        self.settle();
    }

    /// Who passed, in order.
    fn passed(&self) -> Vec<usize> {
        self.granted.iter().map(|((_, number), _)| *number).collect()
    }

    fn advance(&mut self, by: Duration) {
        self.hand.advance(by);
        self.settle();
    }

    /// Polls everybody until nobody gets any further.
    fn settle(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let before = self.granted.len();
            let mut still = Vec::new();
            // Last come, first polled: the order must be the budget's doing.
            let details = self.waiting.iter().filter(|((urgency, _), _)| *urgency == Urgency::Detail).count();
            let (mut sweeps, mut details) = (self.waiting.len() - details, details);
            for (who, mut future) in std::mem::take(&mut self.waiting).into_iter().rev() {
                match future.as_mut().poll(&mut context) {
                    Poll::Ready(permit) => {
                        match who.0 {
                            Urgency::Sweep => {
                                sweeps -= 1;
                                self.sweeps_in_a_row = if details > 0 { self.sweeps_in_a_row + 1 } else { 0 };
                                assert!(self.sweeps_in_a_row <= 3, "{who:?} passed before a detail");
                            }
                            Urgency::Detail => {
                                details -= 1;
                                let is_its_turn = sweeps == 0 || self.sweeps_in_a_row == 3;
                                assert!(is_its_turn, "{who:?} passed before a sweep");
                                self.sweeps_in_a_row = 0;
                            }
                        }
                        self.granted.push((who, self.clock.uptime()));
                        self.held.push(permit);
                    }
                    Poll::Pending => still.push((who, future)),
                }
            }
            still.reverse();
            self.waiting = still;
            if self.granted.len() == before {
                return;
            }
        }
    }
}

#[test]
fn a_burst_passes_at_once_and_then_one_request_each_tick() {
    let mut desk = Desk::new(2.0, 3, 100);
    (0..6).for_each(|_| desk.ask());
    assert_eq!(desk.granted.len(), 3);
    desk.advance(Duration::from_millis(499));
    assert_eq!(desk.granted.len(), 3);
    desk.advance(Duration::from_millis(2));
    assert_eq!(desk.granted.len(), 4);
    desk.advance(Duration::from_secs(60));
    assert_eq!(desk.granted.len(), 6);
}

#[test]
fn no_more_requests_than_allowed_are_in_flight() {
    let mut desk = Desk::new(1000.0, 100, 2);
    (0..3).for_each(|_| desk.ask());
    assert_eq!(desk.granted.len(), 2);
    desk.held.pop();
    desk.settle();
    assert_eq!(desk.granted.len(), 3);
}

#[test]
fn throttling_halves_the_rate_once_for_all_requests_in_flight_down_to_a_floor() {
    let mut desk = Desk::new(16.0, 4, 100);
    (0..4).for_each(|_| desk.ask());
    desk.held.drain(..).for_each(|permit| {
        permit.throttled(None);
    });
    assert_close(desk.budget.current_rate(), 8.0);
    for _ in 0..10 {
        desk.ask();
        desk.advance(Duration::from_secs(2));
        desk.held.pop().unwrap().throttled(None);
    }
    assert_close(desk.budget.current_rate(), 1.0);
}

#[test]
fn the_floor_of_throttling_can_be_set() {
    for (slowest, expected) in [(12.0, 12.0), (1.0, 8.0), (16.0, 16.0)] {
        let pace = Pace::new(16.0, Some(slowest), 1, 1).unwrap();
        let (clock, _hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
        let budget = Budget::new(pace, clock);
        let mut ask = std::pin::pin!(budget.acquire(Urgency::Detail));
        let Poll::Ready(permit) = ask.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!()
        };
        permit.throttled(None);
        assert_close(budget.current_rate(), expected);
    }
}

#[test]
fn successes_bring_the_rate_back_little_by_little_and_no_further() {
    let mut desk = Desk::new(16.0, 2, 100);
    desk.ask();
    desk.ask();
    desk.held[0].throttled(None);
    desk.held[1].succeeded();
    assert_close(desk.budget.current_rate(), 8.0);
    for step in 1..=30 {
        desk.ask();
        desk.advance(Duration::from_secs(1));
        desk.held.pop().unwrap().succeeded();
        assert_close(desk.budget.current_rate(), (8.0 + 0.32 * f64::from(step)).min(16.0));
    }
}

#[test]
fn the_first_slowdown_and_the_return_to_the_configured_rate_are_told_apart_from_all_between() {
    let mut desk = Desk::new(16.0, 2, 100);
    desk.ask();
    desk.ask();
    let slowed = Some(PaceChange::Slowed { now: 8.0, configured: 16.0 });
    assert_eq!(desk.held[0].succeeded(), None);
    assert_eq!(desk.held[0].throttled(None), slowed);
    // Of those in flight together only the first one counts.
    assert_eq!(desk.held[1].throttled(None), None);
    desk.held.clear();
    let mut changes = Vec::new();
    for step in 0..60 {
        desk.ask();
        desk.advance(Duration::from_secs(1));
        let permit = desk.held.pop().unwrap();
        changes.extend(if step == 3 { permit.throttled(None) } else { permit.succeeded() });
    }
    let [PaceChange::SlowedFurther { now }, PaceChange::Restored { now: full }] = changes[..] else {
        panic!("{changes:?}")
    };
    assert!(now < 8.0 && full >= 16.0, "{changes:?}");
    desk.ask();
    desk.advance(Duration::from_secs(1));
    assert_eq!(desk.held.pop().unwrap().throttled(None), slowed);
}

#[test]
fn a_pace_that_cannot_be_slowed_down_does_not_change() {
    let (clock, _hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
    let budget = Budget::new(Pace::new(1.0, Some(1.0), 1, 1).unwrap(), clock);
    let mut ask = std::pin::pin!(budget.acquire(Urgency::Detail));
    let Poll::Ready(permit) = ask.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
    assert_eq!(permit.throttled(None), None);
}

#[test]
fn nothing_passes_until_the_pause_that_losant_asked_for_is_over() {
    let mut desk = Desk::new(10.0, 5, 100);
    desk.ask();
    desk.held[0].throttled(Some(Duration::from_secs(60)));
    desk.ask();
    // A shorter pause does not cut a longer one short.
    desk.held[0].throttled(Some(Duration::from_secs(1)));
    desk.advance(Duration::from_secs(60));
    assert_eq!(desk.granted.len(), 1);
    desk.advance(Duration::from_millis(201));
    assert_eq!(desk.granted.len(), 2);
}

#[test]
fn who_gives_up_waiting_costs_nothing() {
    let mut desk = Desk::new(1.0, 1, 1);
    (0..3).for_each(|_| desk.ask());
    drop(desk.waiting.remove(0));
    desk.held.clear();
    desk.advance(Duration::from_millis(1_001));
    assert_eq!(desk.passed(), [0, 2]);
}

#[test]
fn a_sweep_gets_the_next_free_place_and_the_next_token_before_all_details() {
    use Urgency::{Detail, Sweep};
    // Held up by those in flight, …
    let mut desk = Desk::new(1000.0, 100, 1);
    for urgency in [Detail, Detail, Detail, Sweep, Sweep] {
        desk.ask_as(urgency);
    }
    for _ in 0..4 {
        desk.held.clear();
        desk.settle();
    }
    assert_eq!(desk.passed(), [0, 3, 4, 1, 2]);
    // … and by the pace: a detail is at the head of the line and waits for its token when the sweep comes.
    let mut desk = Desk::new(1.0, 1, 100);
    for urgency in [Detail, Detail, Sweep] {
        desk.ask_as(urgency);
    }
    desk.advance(Duration::from_millis(1_001));
    assert_eq!(desk.passed(), [0, 2]);
    desk.advance(Duration::from_millis(1_001));
    assert_eq!(desk.passed(), [0, 2, 1]);
}

#[test]
fn every_fourth_leave_goes_to_a_detail_while_a_long_sweep_waits() {
    use Urgency::{Detail, Sweep};
    let mut desk = Desk::new(1.0, 1, 100);
    desk.ask_as(Sweep);
    for urgency in [Detail; 3].into_iter().chain([Sweep; 8]) {
        desk.ask_as(urgency);
    }
    for _ in 0..11 {
        desk.advance(Duration::from_millis(1_001));
    }
    assert_eq!(desk.passed(), [0, 4, 5, 6, 1, 7, 8, 9, 2, 10, 11, 3]);
}

#[test]
fn a_detail_whose_turn_it_is_leaves_it_to_whoever_waits_when_it_gives_up() {
    use Urgency::{Detail, Sweep};
    let mut desk = Desk::new(1000.0, 100, 1);
    for urgency in [Sweep, Detail, Sweep, Sweep, Sweep, Sweep, Sweep] {
        desk.ask_as(urgency);
    }
    for _ in 0..3 {
        desk.held.clear();
        desk.settle();
    }
    assert_eq!(desk.passed(), [0, 2, 3, 4]);
    drop(desk.waiting.remove(0));
    desk.held.clear();
    desk.settle();
    assert_eq!(desk.passed(), [0, 2, 3, 4, 5]);
}

#[test]
fn a_sweep_that_gives_up_leaves_its_turn_to_the_details() {
    for ahead in [Urgency::Sweep, Urgency::Detail] {
        let mut desk = Desk::new(1000.0, 100, 1);
        for urgency in [Urgency::Detail, Urgency::Detail, ahead] {
            desk.ask_as(urgency);
        }
        drop(desk.waiting.pop());
        desk.held.clear();
        desk.settle();
        assert_eq!(desk.passed(), [0, 1]);
    }
}

#[tokio::test]
async fn everybody_is_woken_up_in_turn() {
    use Urgency::{Detail, Sweep};
    // The other tests look again and again; here nobody looks unless woken up.
    let (clock, hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
    let budget = Budget::new(Pace::new(1.0, None, 1, 1).unwrap(), clock);
    let mut tasks = tokio::task::JoinSet::new();
    let mut held = Some(budget.acquire(Detail).await);
    for urgency in [Detail, Sweep, Detail, Sweep, Sweep, Sweep] {
        let budget = budget.clone();
        tasks.spawn(async move {
            drop(budget.acquire(urgency).await);
            urgency
        });
        tokio::task::yield_now().await;
    }
    let mut order = Vec::new();
    drop(held.take());
    for _ in 0..6 {
        hand.advance(Duration::from_millis(1_001));
        order.push(tasks.join_next().await.unwrap().unwrap());
    }
    assert_eq!(order, [Sweep, Sweep, Sweep, Detail, Sweep, Detail]);
}

#[test]
fn lists_sweep_and_everything_about_one_owner_is_detail() {
    let sweeps: Vec<_> =
        Action::all().filter(|action| Urgency::of(*action) == Urgency::Sweep).map(Action::label).collect();
    assert_eq!(sweeps, ["instances.get", "instance.get", "instanceOrgs.get", "instanceSandboxes.get"]);
}

#[test]
fn a_pace_that_lets_nothing_pass_is_refused() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Pace::new(rate, None, 1, 1).is_err(), "{rate}");
    }
    for slowest in [0.0, -1.0, 1e-7, 1.1, f64::NAN, f64::INFINITY] {
        assert!(Pace::new(1.0, Some(slowest), 1, 1).is_err(), "{slowest}");
    }
    assert!(Pace::new(1.0, None, 0, 1).is_err());
    assert!(Pace::new(1.0, None, 1, 0).is_err());
}

fn assert_close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-9, "{left} is not {right}");
}

#[test]
fn a_new_pace_brings_no_requests_by_itself_and_leaves_the_share_that_throttling_left() {
    let mut desk = Desk::new(1.0, 4, 10);
    (0..6).for_each(|_| desk.ask());
    assert_eq!(desk.passed(), [0, 1, 2, 3]);
    desk.budget.set_pace(Pace::new(10.0, None, 100, 10).unwrap());
    desk.settle();
    assert_eq!(desk.passed(), [0, 1, 2, 3], "what has been used stays used");
    desk.advance(Duration::from_millis(101));
    assert_eq!(desk.passed(), [0, 1, 2, 3, 4], "and those who wait go on at the new pace");
    desk.held[0].throttled(None);
    desk.budget.set_pace(Pace::new(2.0, None, 4, 10).unwrap());
    let is_now = |rate: f64| (desk.budget.current_rate() - rate).abs() < 1e-9;
    assert!(is_now(1.0));
    desk.budget.set_pace(Pace::new(2.0, Some(1.5), 4, 10).unwrap());
    assert!(is_now(1.5));
}
