//! How many requests an account may make.
//!
//! Losant publishes no quota and throttles by "fair use", so the pace is ours to keep: a token bucket that every request
//! of an account passes, retries too, in the order of asking. A throttled answer slows the account down at once; successes
//! bring the pace back little by little.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ConfigError;
use crate::clock::Clock;

/// Each success brings back this share of the configured rate: 25 successes undo one halving at most.
const RECOVERY: f64 = 1.0 / 50.0;
/// Throttling never slows down below this share of the configured rate, unless told otherwise.
const SLOWEST: f64 = 1.0 / 16.0;

/// The pace of an account, as configured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    rate: f64,
    slowest: f64,
    burst: u32,
    max_in_flight: usize,
}

impl Pace {
    /// A pace of `requests_per_second` in the long run, `burst` at once, and `max_in_flight` unanswered.
    pub fn new(requests_per_second: f64, burst: u32, max_in_flight: usize) -> Result<Self, ConfigError> {
        // The upper bounds keep arithmetic exact; nobody's account is that large.
        if !(1e-3..=1e6).contains(&requests_per_second) {
            return Err(ConfigError::RequestsPerSecond(requests_per_second));
        }
        if burst == 0 {
            return Err(ConfigError::Burst);
        }
        if !(1..=Semaphore::MAX_PERMITS).contains(&max_in_flight) {
            return Err(ConfigError::MaxInFlight);
        }
        Ok(Self { rate: requests_per_second, slowest: requests_per_second * SLOWEST, burst, max_in_flight })
    }

    /// The same pace with another lower bound for throttling, in requests per second.
    #[must_use]
    pub fn with_slowest(self, requests_per_second: f64) -> Self {
        Self { slowest: requests_per_second.clamp(1e-6, self.rate), ..self }
    }
}

/// The request budget of one account. Clones share it.
///
/// In any span of time, at most `rate × span + burst` requests pass, and none while Losant asked to wait.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pace: Pace,
    clock: Clock,
    /// Held by whoever is next in line; tokio's lock is fair.
    turn: tokio::sync::Mutex<()>,
    in_flight: Arc<Semaphore>,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    /// Tokens per second at the moment.
    rate: f64,
    /// When `tokens` was right, as uptime. Lies in the future during a pause: nothing passes and nothing is refilled.
    counted_at: Duration,
    /// Counts the slowdowns. An answer to a request from before the last one says nothing about the new pace.
    slowdowns: u64,
}

impl Budget {
    /// A full budget.
    pub fn new(pace: Pace, clock: Clock) -> Self {
        let bucket = Bucket {
            tokens: f64::from(pace.burst),
            rate: pace.rate,
            counted_at: clock.uptime(),
            slowdowns: 0,
        };
        Self(Arc::new(Shared {
            turn: tokio::sync::Mutex::new(()),
            in_flight: Arc::new(Semaphore::new(pace.max_in_flight)),
            bucket: Mutex::new(bucket),
            pace,
            clock,
        }))
    }

    /// Waits until one more request may be made: first come, first served. Giving up while waiting costs nothing.
    pub async fn acquire(&self) -> Permit {
        let _turn = self.0.turn.lock().await;
        // Fails only on a closed semaphore, and nobody closes this one.
        let slot = Arc::clone(&self.0.in_flight).acquire_owned().await.ok();
        loop {
            let taken = self.0.bucket().take(self.0.clock.uptime(), self.0.pace.burst);
            match taken {
                Ok(slowdowns) => return Permit { budget: self.clone(), slowdowns, _slot: slot },
                Err(ready_at) => self.0.clock.sleep_until(ready_at).await,
            }
        }
    }

    /// The rate at the moment, in requests per second: the configured one, or less after throttling.
    pub fn current_rate(&self) -> f64 {
        self.0.bucket().rate
    }
}

impl Shared {
    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        // Every change to the bucket leaves it whole, so a panic elsewhere cannot have spoilt it.
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    /// Takes a token, or says at which uptime to try again.
    fn take(&mut self, now: Duration, burst: u32) -> Result<u64, Duration> {
        self.refill(now, burst);
        if self.counted_at > now {
            return Err(self.counted_at);
        }
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(self.slowdowns);
        }
        let missing = Duration::try_from_secs_f64((1.0 - self.tokens) / self.rate).unwrap_or(Duration::MAX);
        // Rounding down may leave the bucket a hair short, so one nanosecond more: it must never hand out too much.
        Err(now.saturating_add(missing).saturating_add(Duration::from_nanos(1)))
    }

    fn refill(&mut self, now: Duration, burst: u32) {
        if let Some(elapsed) = now.checked_sub(self.counted_at) {
            self.tokens = elapsed.as_secs_f64().mul_add(self.rate, self.tokens).min(f64::from(burst));
            self.counted_at = now;
        }
    }
}

/// Leave to make one request, until dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    slowdowns: u64,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// Reports that the request was throttled: halves the rate, empties the bucket, and lets nothing pass until
    /// `retry_after` has gone by.
    ///
    /// When several requests are in flight, they are all throttled together, and only the first of them halves the rate.
    pub fn throttled(&self, retry_after: Option<Duration>) {
        let Shared { pace, clock, .. } = &*self.budget.0;
        let now = clock.uptime();
        let mut bucket = self.budget.0.bucket();
        bucket.refill(now, pace.burst);
        if bucket.slowdowns == self.slowdowns {
            bucket.rate = (bucket.rate / 2.0).max(pace.slowest);
            bucket.slowdowns += 1;
        }
        bucket.tokens = 0.0;
        let resume_at = now.saturating_add(retry_after.unwrap_or_default());
        bucket.counted_at = bucket.counted_at.max(resume_at);
    }

    /// Reports that the request was answered without complaint about the pace.
    pub fn succeeded(&self) {
        let Shared { pace, clock, .. } = &*self.budget.0;
        let mut bucket = self.budget.0.bucket();
        if bucket.slowdowns == self.slowdowns && bucket.rate < pace.rate {
            bucket.refill(clock.uptime(), pace.burst);
            bucket.rate = pace.rate.mul_add(RECOVERY, bucket.rate).min(pace.rate);
        }
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
