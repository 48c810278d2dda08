//! What really goes out when several callers ask, fail and ask again.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use prometheus_client::registry::Registry;
use proptest::prelude::*;

use super::*;
use crate::losant::retry::Retry;
use crate::losant::{Call, ClientMetrics, Error, Said, Unavailable};

/// How a request ends, and how many milliseconds after it was sent.
#[derive(Clone, Debug)]
enum Outcome {
    Answered(u64),
    Throttled(u64, Option<u64>),
    ServerError(u64),
    TimedOut(u64),
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => (0u64..3_000).prop_map(Outcome::Answered),
        2 => (0u64..500, proptest::option::of(0u64..60_000)).prop_map(|(ms, pause)| Outcome::Throttled(ms, pause)),
        2 => (0u64..3_000).prop_map(Outcome::ServerError),
        1 => (5_000u64..30_000).prop_map(Outcome::TimedOut),
    ]
}

/// What was seen on the wire.
#[derive(Default)]
struct Record {
    sent: Vec<Duration>,
    in_flight: usize,
    most_in_flight: usize,
    /// How many requests had been sent when Losant asked for a pause, and when the pause ends.
    pauses: Vec<(usize, Duration)>,
}

/// An account whose requests end as the script says, in the order in which they are sent, and well after that.
struct Account {
    budget: Budget,
    retry: Retry,
    clock: Clock,
    script: Vec<Outcome>,
    record: RefCell<Record>,
}

impl Account {
    async fn read(&self, call: Call) -> Result<(), Error> {
        self.retry.run(call, || self.attempt(call)).await
    }

    async fn attempt(&self, call: Call) -> Result<(), Error> {
        let permit = self.budget.acquire(Urgency::of(call.action)).await;
        let outcome = {
            let mut record = self.record.borrow_mut();
            record.sent.push(self.clock.uptime());
            record.in_flight += 1;
            record.most_in_flight = record.most_in_flight.max(record.in_flight);
            self.script.get(record.sent.len() - 1).cloned().unwrap_or(Outcome::Answered(0))
        };
        let (Outcome::Answered(ms)
        | Outcome::Throttled(ms, _)
        | Outcome::ServerError(ms)
        | Outcome::TimedOut(ms)) = outcome;
        self.clock.sleep(Duration::from_millis(ms)).await;
        self.record.borrow_mut().in_flight -= 1;
        match outcome {
            Outcome::Answered(_) => {
                permit.succeeded();
                Ok(())
            }
            Outcome::Throttled(_, pause) => {
                let retry_after = pause.map(Duration::from_millis);
                permit.throttled(retry_after);
                let mut record = self.record.borrow_mut();
                let sent = record.sent.len();
                record.pauses.push((sent, self.clock.uptime() + retry_after.unwrap_or_default()));
                Err(Error::Throttled { call, retry_after, said: Said::default() })
            }
            Outcome::ServerError(_) => Err(Error::unavailable(call, Unavailable::Status(503), &"")),
            Outcome::TimedOut(_) => Err(Error::unavailable(call, Unavailable::Timeout, &"")),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_retried_the_account_keeps_its_pace_and_the_pauses_it_was_asked_for(
        rate in 0.2f64..50.0,
        burst in 1u32..10,
        max_in_flight in 1usize..6,
        callers in 1usize..8,
        max_attempts in 1u32..5,
        seed: u64,
        script in proptest::collection::vec(outcomes(), 0..40),
        steps in proptest::collection::vec(1u64..2_000_000_000, 1..20),
    ) {
        let (clock, hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
        let account = Account {
            budget: Budget::new(Pace::new(rate, None, burst, max_in_flight).unwrap(), clock.clone()),
            retry: Retry {
                max_attempts,
                clock: clock.clone(),
                metrics: ClientMetrics::register(&mut Registry::default()),
                random: Mutex::new(fastrand::Rng::with_seed(seed)),
            },
            clock,
            script,
            record: RefCell::default(),
        };
        let reads_of = |caller: usize| {
            let action = if caller.is_multiple_of(3) { Action::InstanceOrgsGet } else { Action::InstancePayloadCounts };
            let call = Call::of_instance(action, "a".repeat(24).parse().unwrap());
            let account = &account;
            async move {
                for _ in 0..5 {
                    let _ = account.read(call).await;
                }
            }
        };
        let mut running: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> =
            (0..callers).map(|caller| Box::pin(reads_of(caller)) as _).collect();
        let mut context = Context::from_waker(Waker::noop());
        for (number, step) in steps.iter().cycle().enumerate().take(100_000) {
            // Twice: what one lets go of is taken by another without time going by.
            for _ in 0..2 {
                running.retain_mut(|future| future.as_mut().poll(&mut context) == Poll::Pending);
            }
            if running.is_empty() {
                break;
            }
            // In the end by seconds, whatever the steps: nanoseconds alone would never come to the end of a pause.
            let step = if number < 10_000 { Duration::from_nanos(*step) } else { Duration::from_secs(1) };
            hand.advance(step);
        }
        prop_assert!(running.is_empty(), "stuck");
        drop(running);

        let Record { sent, most_in_flight, pauses, .. } = account.record.into_inner();
        prop_assert!(most_in_flight <= max_in_flight);
        for (first, from) in sent.iter().enumerate() {
            for (last, to) in sent.iter().enumerate().skip(first) {
                let allowed = to.abs_diff(*from).as_secs_f64() * rate + f64::from(burst);
                let passed = f64::from(u32::try_from(last - first + 1).unwrap());
                prop_assert!(passed <= allowed + 1e-6, "{passed} sent, {allowed} allowed");
            }
        }
        for (sent_before, until) in pauses {
            for at in &sent[sent_before..] {
                prop_assert!(*at >= until, "sent at {at:?} in a pause until {until:?}");
            }
        }
    }
}
