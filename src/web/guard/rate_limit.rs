//! How many requests may come.
//!
//! Owns: a bucket that holds `burst` requests and gains one every `interval`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A bucket. It is full at first; one of `burst` 0 is always empty.
#[derive(Debug)]
pub(super) struct RateLimit {
    interval: Duration,
    burst: u32,
    /// When the bucket will be full again, on the clock of the process.
    full_at: Mutex<Duration>,
}

impl RateLimit {
    pub(super) const fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst, full_at: Mutex::new(Duration::ZERO) }
    }

    /// Whether `other` allows the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.interval, self.burst) == (other.interval, other.burst)
    }

    /// Takes a request out of the bucket, if there is one at `now`.
    pub(super) fn allows(&self, now: Duration) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*full_at).max(now).saturating_add(self.interval);
        let allowed = next.saturating_sub(now) <= self.interval.saturating_mul(self.burst);
        if allowed {
            *full_at = next;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_and_then_one_request_every_interval() {
        let limit = RateLimit::new(SECOND, 3);
        let passed = |now: Duration| (0..10).filter(|_| limit.allows(now)).count();
        assert_eq!(passed(SECOND * 100), 3);
        assert_eq!(passed(SECOND * 100 + SECOND / 2), 0);
        assert_eq!(passed(SECOND * 101), 1);
        assert_eq!(passed(SECOND * 103), 2);
        assert_eq!(passed(SECOND * 1_000), 3, "no more is saved up than a burst");
    }

    #[test]
    fn a_burst_of_nothing_lets_nobody_pass() {
        let limit = RateLimit::new(SECOND, 0);
        assert!(!limit.allows(Duration::ZERO) && !limit.allows(SECOND * 1_000));
    }
}
