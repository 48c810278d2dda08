//! How many requests an account may make, and who goes first.
//!
//! Losant publishes no quota and throttles by "fair use", so the pace is ours to keep: a token bucket that every request
//! of an account passes, retries too. A throttled answer slows the account down at once; successes bring the pace back
//! little by little.
//!
//! Whoever sweeps goes before whoever asks for details: a page of a list brings figures of a hundred owners, and says
//! whose details are worth asking for. Still, while both wait every fourth leave goes to a detail: a sweep may be long.

mod bucket;
mod line;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Action, ConfigError};
use crate::clock::Clock;
use bucket::Bucket;
use line::{Line, Place};

/// Throttling never slows down below this share of the configured rate, unless told otherwise.
const SLOWEST: f64 = 1.0 / 16.0;
/// The slowest pace that can be asked for, in requests per second: one in eleven days. Slower is as good as never.
pub const SLOWEST_OF_ALL: f64 = 1e-6;

/// The pace of an account, as configured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    rate: f64,
    slowest: f64,
    burst: u32,
    max_in_flight: usize,
}

impl Pace {
    /// A pace of `requests_per_second` in the long run, `burst` at once, and `max_in_flight` unanswered. Throttling slows
    /// it down to `min_requests_per_second` and no further; without one, to a sixteenth of `requests_per_second`.
    pub fn new(
        requests_per_second: f64,
        min_requests_per_second: Option<f64>,
        burst: u32,
        max_in_flight: usize,
    ) -> Result<Self, ConfigError> {
        // The upper bounds keep arithmetic exact; nobody's account is that large.
        if !(1e-3..=1e6).contains(&requests_per_second) {
            return Err(ConfigError::RequestsPerSecond(requests_per_second));
        }
        let slowest = min_requests_per_second.unwrap_or(requests_per_second * SLOWEST);
        if !(SLOWEST_OF_ALL..=requests_per_second).contains(&slowest) {
            return Err(ConfigError::MinRequestsPerSecond(slowest));
        }
        if burst == 0 {
            return Err(ConfigError::Burst);
        }
        if max_in_flight == 0 {
            return Err(ConfigError::MaxInFlight);
        }
        Ok(Self { rate: requests_per_second, slowest, burst, max_in_flight })
    }
}

/// How much waits for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It lists owners, or finds one. While one of these waits, three of four leaves go to them.
    Sweep,
    /// It is about one owner alone.
    Detail,
}

impl Urgency {
    /// The urgency of an action.
    pub const fn of(action: Action) -> Self {
        match action {
            Action::InstancesGet
            | Action::InstanceGet
            | Action::InstanceOrgsGet
            | Action::InstanceSandboxesGet => Self::Sweep,
            _ => Self::Detail,
        }
    }
}

/// What an answer did to the pace. Rates are in requests per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PaceChange {
    /// It was the configured one, and is lower now.
    Slowed {
        /// The rate now.
        now: f64,
        /// The rate that is configured.
        configured: f64,
    },
    /// It was low already, and is lower still.
    SlowedFurther {
        /// The rate now.
        now: f64,
    },
    /// It is the configured one again.
    Restored {
        /// The rate now.
        now: f64,
    },
}

/// The request budget of one account. Clones share it.
///
/// In any span of time, at most `rate × span + burst` requests pass, and none while Losant asked to wait.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    bucket: Bucket,
    line: Line,
    in_flight: usize,
}

/// What somebody in line has to wait for.
enum Wait {
    /// To be called: somebody is ahead, or too many are in flight.
    Call,
    /// This uptime.
    Until(Duration),
}

impl Budget {
    /// A full budget.
    pub fn new(pace: Pace, clock: Clock) -> Self {
        let bucket = Bucket::new(pace.rate, pace.burst, clock.uptime());
        let state = State { pace, bucket, line: Line::default(), in_flight: 0 };
        Self(Arc::new(Shared { clock, state: Mutex::new(state) }))
    }

    /// Goes on at another pace. What has been used stays used, and of a pace that is throttled the same share is left: nobody
    /// gets more requests by asking for a new pace.
    pub fn set_pace(&self, pace: Pace) {
        let mut state = self.0.state();
        let before = std::mem::replace(&mut state.pace, pace);
        if before == pace {
            return;
        }
        let share = state.bucket.rate / before.rate;
        let rate = (pace.rate * share).clamp(pace.slowest, pace.rate);
        state.bucket.set_pace(rate, pace.burst, self.0.clock.uptime());
        // Whoever is first waits for what the pace before would have brought.
        state.line.call_first();
    }

    /// Waits until one more request may be made: sweeps before details, though not more than three in a row while a
    /// detail waits, and first come, first served among equals. Giving up while waiting costs nothing.
    pub async fn acquire(&self, urgency: Urgency) -> Permit {
        let mut waiting = Waiting { budget: self, place: self.0.state().line.join(urgency) };
        loop {
            match waiting.try_pass() {
                Ok(permit) => return permit,
                Err(Wait::Call) => waiting.place.called().await,
                Err(Wait::Until(uptime)) => tokio::select! {
                    biased;
                    () = waiting.place.called() => {}
                    () = self.0.clock.sleep_until(uptime) => {}
                },
            }
        }
    }

    /// The rate at the moment, in requests per second: the configured one, or less after throttling.
    pub fn current_rate(&self) -> f64 {
        self.0.state().bucket.rate
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole, so a panic elsewhere cannot have spoilt it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody in line, until dropped: after passing, or giving up.
struct Waiting<'a> {
    budget: &'a Budget,
    place: Place,
}

impl Waiting<'_> {
    /// Makes leave of a place at the head of the line, if there is leave to be had.
    fn try_pass(&mut self) -> Result<Permit, Wait> {
        let mut state = self.budget.0.state();
        if !state.line.is_first(&self.place) || state.in_flight >= state.pace.max_in_flight {
            return Err(Wait::Call);
        }
        let slowdowns = state.bucket.take(self.budget.0.clock.uptime()).map_err(Wait::Until)?;
        state.line.pass(&self.place);
        state.in_flight += 1;
        Ok(Permit { budget: self.budget.clone(), slowdowns })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Whoever is first now has not been told so yet, and may have been sent back to wait by this one.
        let mut state = self.budget.0.state();
        state.line.leave(&self.place);
        state.line.call_first();
    }
}

/// Leave to make one request, until dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    slowdowns: u64,
}

impl Permit {
    /// Reports that the request was throttled: halves the rate, empties the bucket, and lets nothing pass until
    /// `retry_after` has gone by.
    ///
    /// When several requests are in flight, they are all throttled together, and only the first of them halves the rate.
    pub fn throttled(&self, retry_after: Option<Duration>) -> Option<PaceChange> {
        let uptime = self.budget.0.clock.uptime();
        let resume_at = uptime.saturating_add(retry_after.unwrap_or_default());
        let mut state = self.budget.0.state();
        let pace = state.pace;
        let bucket = &mut state.bucket;
        let before = bucket.rate;
        bucket.throttle(uptime, resume_at, self.slowdowns, pace.slowest);
        let now = bucket.rate;
        (now < before).then_some(if before < pace.rate {
            PaceChange::SlowedFurther { now }
        } else {
            PaceChange::Slowed { now, configured: pace.rate }
        })
    }

    /// Reports that the request was answered without complaint about the pace.
    pub fn succeeded(&self) -> Option<PaceChange> {
        let mut state = self.budget.0.state();
        let pace = state.pace;
        let bucket = &mut state.bucket;
        let before = bucket.rate;
        bucket.recover(self.budget.0.clock.uptime(), self.slowdowns, pace.rate);
        (before < pace.rate && bucket.rate >= pace.rate).then_some(PaceChange::Restored { now: bucket.rate })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.budget.0.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.line.call_first();
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;

#[cfg(test)]
mod retries_tests;
