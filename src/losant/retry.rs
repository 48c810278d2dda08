//! Asking again.
//!
//! Only for reads, and only for failures that may pass: throttling, and trouble of the network or of Losant. The number of
//! attempts is bounded, waits are random so that many pollers do not come back together, and each attempt goes through the
//! budget again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Call, ClientMetrics, Error, Unavailable};
use crate::clock::Clock;

/// The longest wait before the second attempt; doubles for each one after.
const BASE: Duration = Duration::from_millis(500);
/// No wait of ours is longer. Losant may ask for more.
const CAP: Duration = Duration::from_secs(30);

/// How often a request that is not answered in time is made.
const TIMED_OUT_ATTEMPTS: u32 = 2;

#[derive(Debug)]
pub(super) struct Retry {
    pub(super) max_attempts: u32,
    pub(super) clock: Clock,
    pub(super) metrics: ClientMetrics,
    pub(super) random: Mutex<fastrand::Rng>,
}

impl Retry {
    /// Makes `attempt` until it succeeds, fails for good, or has been made `max_attempts` times.
    pub(super) async fn run<T, A>(&self, call: Call, attempt: impl Fn() -> A) -> Result<T, Error>
    where
        A: Future<Output = Result<T, Error>>,
    {
        let mut made = 0;
        loop {
            let outcome = attempt().await;
            made += 1;
            let error = match outcome {
                Err(error) if error.is_passing() && made < self.most_attempts(&error) => error,
                outcome => return outcome,
            };
            let mut wait = self.jitter(made);
            if let Error::Throttled { retry_after: Some(pause), .. } = error {
                // The budget holds everybody back for the pause; this one does not come back in the first moment after.
                wait = wait.saturating_add(pause);
            }
            tracing::debug!(%error, attempt = made, wait_ms = wait.as_millis(), "asking Losant again");
            self.metrics.retried(call.action, error.label());
            self.clock.sleep(wait).await;
        }
    }

    /// How often a request is made that ends this way.
    fn most_attempts(&self, error: &Error) -> u32 {
        match error {
            // Each one holds a place for the whole timeout, which a healthy owner could use.
            Error::Unavailable { reason: Unavailable::Timeout, .. } => {
                self.max_attempts.min(TIMED_OUT_ATTEMPTS)
            }
            _ => self.max_attempts,
        }
    }

    /// A random wait after `made` attempts: anything from nothing to the whole backoff ("full jitter").
    fn jitter(&self, made: u32) -> Duration {
        let doubled = BASE.saturating_mul(2u32.saturating_pow(made.saturating_sub(1)));
        let share = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        doubled.min(CAP).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losant::{Said, Unavailable};
    use prometheus_client::registry::Registry;
    use std::cell::RefCell;

    /// Runs attempts that end like `script`; returns the result and the uptime of each attempt.
    async fn run(
        max_attempts: u32,
        seed: u64,
        script: Vec<Result<u32, Error>>,
    ) -> (Result<u32, Error>, Vec<Duration>) {
        let (clock, hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
        let retry = Retry {
            max_attempts,
            clock: clock.clone(),
            metrics: ClientMetrics::register(&mut Registry::default()),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        };
        let attempts = RefCell::new(Vec::new());
        let mut run = std::pin::pin!(retry.run(Call::list_instances(), || {
            let made = attempts.borrow().len();
            attempts.borrow_mut().push(clock.uptime());
            std::future::ready(script[made].clone())
        }));
        loop {
            tokio::select! {
                biased;
                result = &mut run => return (result, attempts.borrow().clone()),
                () = std::future::ready(()) => hand.advance(Duration::from_millis(1)),
            }
        }
    }

    fn failed(reason: Unavailable) -> Result<u32, Error> {
        Err(Error::unavailable(Call::list_instances(), reason, &""))
    }

    fn throttled(seconds: Option<u64>) -> Result<u32, Error> {
        let retry_after = seconds.map(Duration::from_secs);
        Err(Error::Throttled { call: Call::list_instances(), retry_after, said: Said::default() })
    }

    #[tokio::test]
    async fn passing_failures_are_tried_again_until_one_attempt_succeeds() {
        let script =
            vec![failed(Unavailable::Timeout), failed(Unavailable::Status(502)), throttled(None), Ok(7)];
        let (result, attempts) = run(4, 1, script).await;
        assert_eq!((result, attempts.len()), (Ok(7), 4));
    }

    #[tokio::test]
    async fn the_last_failure_comes_back_when_the_attempts_are_used_up() {
        let script = vec![failed(Unavailable::Connect), failed(Unavailable::Io), Ok(7)];
        let (result, attempts) = run(2, 1, script).await;
        assert_eq!((result, attempts.len()), (failed(Unavailable::Io), 2));
    }

    #[tokio::test]
    async fn final_failures_are_not_tried_again() {
        let call = Call::list_instances();
        let said = Said::default;
        for error in [
            Error::Unauthorized { call, said: said() },
            Error::Forbidden { call, said: said() },
            Error::NotFound { call, said: said() },
            Error::Rejected { call, status: 400, said: said() },
            Error::malformed(call, &"bad JSON"),
        ] {
            let (result, attempts) = run(4, 1, vec![Err(error.clone()), Ok(7)]).await;
            assert_eq!((result, attempts.len()), (Err(error), 1));
        }
    }

    #[tokio::test]
    async fn waits_are_random_and_their_bound_doubles() {
        let mut longest = [Duration::ZERO; 3];
        for seed in 0..40 {
            let (_, attempts) = run(4, seed, vec![failed(Unavailable::Io); 4]).await;
            for (longest, times) in longest.iter_mut().zip(attempts.windows(2)) {
                *longest = (*longest).max(times[1].abs_diff(times[0]));
            }
        }
        for (longest, bound) in longest.into_iter().zip([500, 1_000, 2_000]) {
            // The clock moves by a millisecond at a time.
            assert!(longest <= Duration::from_millis(bound + 1), "{longest:?} of {bound} ms");
            assert!(longest >= Duration::from_millis(bound * 3 / 4), "{longest:?} of {bound} ms");
        }
    }

    #[tokio::test]
    async fn the_pause_that_losant_asks_for_comes_before_the_jitter() {
        let (result, attempts) = run(4, 3, vec![throttled(Some(90)), Ok(7)]).await;
        assert_eq!(result, Ok(7));
        assert!(attempts[1] > Duration::from_secs(90) && attempts[1] < Duration::from_millis(90_501));
    }
}
