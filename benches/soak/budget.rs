//! Whether requests keep to a budget: the law of the token bucket, over every span of time.

use std::time::Duration;

/// A bucket as an account has one, fed with arrivals one after the other.
#[derive(Clone, Debug)]
pub struct Law {
    rate: f64,
    most: f64,
    left: f64,
    before: Duration,
}

impl Law {
    /// A request is counted where it arrives, and may have been let go before the span began: so many as may be under way come
    /// on top.
    pub fn new(requests_per_second: f64, burst: u32, max_in_flight: usize) -> Self {
        let most = f64::from(burst) + f64::from(u32::try_from(max_in_flight).expect("few"));
        Self { rate: requests_per_second, most, left: most, before: Duration::ZERO }
    }

    /// Takes in the next arrival. Returns whether it is within the budget.
    pub fn admits(&mut self, arrival: Duration) -> bool {
        let passed = arrival.saturating_sub(self.before).as_secs_f64();
        self.left = (passed * self.rate + self.left).min(self.most) - 1.0;
        self.before = arrival;
        let admitted = self.left > -1e-6;
        // One that is over is told once, and not by all that follow.
        self.left = self.left.max(0.0);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(arrivals: impl IntoIterator<Item = u64>) -> usize {
        let mut law = Law::new(10.0, 5, 2);
        arrivals.into_iter().filter(|at| !law.admits(Duration::from_millis(*at))).count()
    }

    #[test]
    fn a_burst_and_the_pace_after_it_are_within_the_budget() {
        assert_eq!(over([0; 7].into_iter().chain((1..=100).map(|tenth| tenth * 100))), 0);
    }

    #[test]
    fn one_more_than_the_burst_is_over() {
        assert_eq!(over([0; 8]), 1);
    }

    #[test]
    fn a_pace_that_is_a_tenth_too_fast_is_found() {
        assert!(over((0..200).map(|request| request * 90)) > 10);
    }

    #[test]
    fn a_pause_saves_up_a_burst_and_no_more() {
        assert_eq!(over([0; 7].into_iter().chain([60_000; 7])), 0);
        assert_eq!(over([0; 7].into_iter().chain([60_000; 8])), 1);
    }
}
