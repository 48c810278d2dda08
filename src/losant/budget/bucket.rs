//! The token bucket behind a budget: pure arithmetic on uptimes.

use std::time::Duration;

/// Each success brings back this share of the configured rate: 25 successes undo one halving at most.
const RECOVERY: f64 = 1.0 / 50.0;

/// Hands out at most `rate × span + burst` tokens in any span of time.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: f64,
    burst: f64,
    /// Tokens per second at the moment.
    pub(super) rate: f64,
    /// When `tokens` was right, as uptime. Lies in the future during a pause: nothing passes and nothing is refilled.
    counted_at: Duration,
    /// Counts the slowdowns. An answer to a request from before the last one says nothing about the new pace.
    slowdowns: u64,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: f64, burst: u32, now: Duration) -> Self {
        let burst = f64::from(burst);
        Self { tokens: burst, burst, rate, counted_at: now, slowdowns: 0 }
    }

    /// Takes a token and says after how many slowdowns, or says at which uptime to try again.
    pub(super) fn take(&mut self, now: Duration) -> Result<u64, Duration> {
        self.refill(now);
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

    /// Empties the bucket until `resume_at`, and halves the rate, though not below `slowest`, unless it has been since the
    /// request was let go.
    pub(super) fn throttle(&mut self, now: Duration, resume_at: Duration, slowdowns: u64, slowest: f64) {
        self.refill(now);
        if self.slowdowns == slowdowns {
            self.rate = (self.rate / 2.0).max(slowest);
            self.slowdowns += 1;
        }
        self.tokens = 0.0;
        self.counted_at = self.counted_at.max(resume_at);
    }

    /// Brings back a little of the `full` rate, unless it was lost after the request was let go.
    pub(super) fn recover(&mut self, now: Duration, slowdowns: u64, full: f64) {
        if self.slowdowns == slowdowns && self.rate < full {
            self.refill(now);
            self.rate = full.mul_add(RECOVERY, self.rate).min(full);
        }
    }

    /// Hands out `rate` tokens a second from now on, and holds `burst` at most. Brings none by itself.
    pub(super) fn set_pace(&mut self, rate: f64, burst: u32, now: Duration) {
        self.refill(now);
        self.burst = f64::from(burst);
        self.rate = rate;
        self.tokens = self.tokens.min(self.burst);
    }

    fn refill(&mut self, now: Duration) {
        if let Some(elapsed) = now.checked_sub(self.counted_at) {
            self.tokens = elapsed.as_secs_f64().mul_add(self.rate, self.tokens).min(self.burst);
            self.counted_at = now;
        }
    }
}
