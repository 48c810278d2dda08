//! How far lists are to be believed when they tell how many payloads came.
//!
//! Nothing public says which span `payloadCount` of a summary covers, whether it holds payloads that are not billed, or how
//! fast it is. So it is compared with what Losant answers when asked for a single scope and the billing period, and used
//! as long as the two agree. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::losant::wire::PayloadStats;

/// How long contradictions count. Longer than a few sweeps, and not for ever: restated counts contradict too.
const GRUDGE: Duration = Duration::from_secs(6 * 3_600);

/// Of so many comparisons in a sweep one may contradict: counts are restated now and then.
const TOLERATED: u32 = 10;

/// Billing periods that agreements are remembered for: more than start on the days of a month.
const MOST_PERIODS: usize = 64;

/// Types of payloads that Losant's documentation says are not billed.
const NOT_BILLED: [&str; 3] = ["dataTable", "deviceCreate", "event"];

/// What comparisons have shown so far.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Starts of the billing periods about which a list has agreed with an answer that was not zero.
    agreed: BTreeSet<Timestamp>,
    /// Comparisons since the last sweep ended, and those of them that contradicted.
    compared: u32,
    contradicted: u32,
    /// Uptime at which too many contradicted.
    doubted_at: Option<Duration>,
    /// By how much lists lag behind answers, and the uptime at which that was seen.
    lag: Option<(Duration, Duration)>,
    /// Whether a list has told of payloads that are not billed.
    tells_not_billed: bool,
    /// Whether lists were exact when the last sweep ended: one sweep is one piece of evidence.
    exact: bool,
}

/// What Losant answered when asked for a single scope, until a list that was asked for later can be held against it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answered {
    /// Uptime at which was asked.
    pub(super) asked_at: Duration,
    /// Uptime at which the answer was there. It may know of whatever came until then: requests wait for their turn, and are
    /// repeated.
    pub(super) came_at: Duration,
    /// Start of the period that was asked for.
    pub(super) period_start: Timestamp,
    /// Payloads of all types.
    pub(super) total: f64,
    /// What the list before said.
    pub(super) listed_before: Option<f64>,
}

/// What a comparison says of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The lists before and after fit the answer in between.
    Agrees,
    /// The list counts more than the billing period.
    Overstates,
    /// The list does not know yet what the answer knew.
    Lags,
    /// Nothing follows.
    Open,
}

impl Answered {
    /// By how much the list before said more.
    pub(super) fn excess(&self) -> f64 {
        self.listed_before.map_or(0.0, |before| before - self.total)
    }

    /// Compares the answer with what a list says that was asked for after it, about the same period.
    pub(super) fn compare(&self, listed: f64) -> Finding {
        let (excess, growth) = (self.excess(), listed - self.total);
        if growth < 0.0 {
            Finding::Lags
        } else if excess > 0.0 {
            // Where counts were restated the list has come down to the answer. One of a longer span stays above it.
            if growth * 2.0 > excess { Finding::Overstates } else { Finding::Open }
        } else if self.total > 0.0 && self.listed_before.is_some() {
            Finding::Agrees
        } else {
            Finding::Open
        }
    }
}

impl Trust {
    /// Notes what a list tells of a scope.
    pub(super) fn listed(&mut self, stats: &PayloadStats) {
        self.tells_not_billed |= NOT_BILLED.iter().any(|name| stats.contains_key(*name));
    }

    /// Notes what came of a comparison with a list that was asked for at uptime `listed_at`. Between two lists lies `sweep`.
    pub(super) fn note(
        &mut self,
        answered: &Answered,
        finding: Finding,
        listed_at: Duration,
        sweep: Duration,
    ) {
        self.compared += 1;
        match finding {
            Finding::Agrees => {
                self.agreed.insert(answered.period_start);
                if self.agreed.len() > MOST_PERIODS {
                    self.agreed.pop_first();
                }
            }
            Finding::Overstates => self.contradicted += 1,
            Finding::Lags => {
                self.contradicted += 1;
                // The next list will know at the earliest.
                let seen = listed_at.saturating_sub(answered.asked_at).saturating_add(sweep);
                self.lag = Some((self.lag.map_or(seen, |(lag, _)| lag.max(seen)), listed_at));
            }
            Finding::Open => {}
        }
    }

    /// Weighs the evidence at the end of a sweep. Returns whether the verdict is another one than before.
    pub(super) fn weigh(&mut self, now: Duration) -> bool {
        let lately = |at: Duration| now.saturating_sub(at) < GRUDGE;
        if self.contradicted * TOLERATED > self.compared {
            self.doubted_at = Some(now);
        }
        (self.compared, self.contradicted) = (0, 0);
        self.lag = self.lag.filter(|(_, seen_at)| lately(*seen_at));
        let exact = !self.agreed.is_empty() && !self.doubted_at.is_some_and(lately);
        std::mem::replace(&mut self.exact, exact) != exact
    }

    /// Whether lists tell the payloads of billing periods.
    pub(super) fn is_exact(&self) -> bool {
        self.exact
    }

    /// Whether lists tell the payloads of the period that starts at `period_start`: what they say may be shown, and zero is
    /// zero. In its first period every span looks like the period, so each has to prove itself.
    pub(super) fn is_exact_about(&self, period_start: Timestamp) -> bool {
        self.exact && self.agreed.contains(&period_start)
    }

    /// How old lists are when they come.
    pub(super) fn lag(&self) -> Duration {
        self.lag.map_or(Duration::ZERO, |(lag, _)| lag)
    }

    /// Whether lists tell of payloads that are not billed too.
    pub(super) fn tells_all(&self) -> bool {
        self.tells_not_billed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const MINUTE: Duration = Duration::from_secs(60);
    const SWEEP: Duration = Duration::from_secs(300);

    fn start() -> Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }

    fn stats(payload_type: &str, value: f64) -> PayloadStats {
        PayloadStats::from([(payload_type.to_owned(), BTreeMap::from([("device.mqtt".to_owned(), value)]))])
    }

    fn answered(before: f64, total: f64) -> Answered {
        Answered {
            asked_at: MINUTE,
            came_at: MINUTE,
            period_start: start(),
            total,
            listed_before: Some(before),
        }
    }

    /// What becomes of trust when the lists before and after some answers said so much.
    fn after(comparisons: &[(f64, f64, f64)]) -> Trust {
        let mut trust = Trust::default();
        for (before, total, after) in comparisons {
            let answered = answered(*before, *total);
            trust.note(&answered, answered.compare(*after), 6 * MINUTE, SWEEP);
        }
        trust.weigh(6 * MINUTE);
        trust
    }

    #[test]
    fn an_answer_between_two_lists_says_what_they_are() {
        assert_eq!(answered(4.0, 5.0).compare(6.0), Finding::Agrees);
        assert_eq!(answered(5.0, 5.0).compare(5.0), Finding::Agrees);
        assert_eq!(answered(1_000.0, 600.0).compare(998.0), Finding::Overstates);
        assert_eq!(
            answered(100.0, 90.0).compare(92.0),
            Finding::Open,
            "restated, and the list has come down"
        );
        assert_eq!(answered(4.0, 5.0).compare(4.0), Finding::Lags);
        assert_eq!(answered(0.0, 0.0).compare(5.0), Finding::Open, "zero proves nothing");
        assert_eq!(Answered { listed_before: None, ..answered(0.0, 5.0) }.compare(9.0), Finding::Open);
    }

    #[test]
    fn lists_are_believed_about_the_period_that_they_agreed_on() {
        let trust = after(&[(4.0, 5.0, 6.0)]);
        assert!(trust.is_exact() && trust.is_exact_about(start()));
        assert!(!trust.is_exact_about("2026-04-01T00:00:00Z".parse().unwrap()));
        assert!(!Trust::default().is_exact());
    }

    #[test]
    fn one_contradiction_among_many_comparisons_is_a_restatement_and_more_are_not() {
        let agreeing = [(4.0, 5.0, 6.0); 12];
        let contradicting = |number: usize| [&agreeing[..], &vec![(1_000.0, 600.0, 998.0); number]].concat();
        assert!(after(&contradicting(1)).is_exact());
        let mut trust = after(&contradicting(2));
        assert!(!trust.is_exact());
        assert!(trust.weigh(6 * MINUTE + GRUDGE) && trust.is_exact(), "forgotten in time");
    }

    #[test]
    fn lists_that_lag_are_as_old_as_the_answer_that_they_do_not_know_and_a_sweep() {
        let trust = after(&[(4.0, 5.0, 4.0)]);
        assert!(!trust.is_exact());
        assert_eq!(trust.lag(), 5 * MINUTE + SWEEP);
        assert_eq!(after(&[(4.0, 5.0, 5.0)]).lag(), Duration::ZERO);
    }

    #[test]
    fn lists_that_tell_of_events_tell_of_everything() {
        let mut trust = Trust::default();
        trust.listed(&stats("timer", 3.0));
        assert!(!trust.tells_all());
        trust.listed(&stats("event", 3.0));
        assert!(trust.tells_all());
    }
}
