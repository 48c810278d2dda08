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

/// Of so many comparisons in a sweep one may contradict: counts are restated now and then, and a scope may be one that lists never
/// count right.
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
    /// Those in which the list had something to learn, those in which it had not learnt it, and the longest time that this took.
    tested: u32,
    lagged: u32,
    longest: Duration,
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
    /// Whether a list that was asked for after it has been seen not to know it.
    pub(super) lagged: bool,
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

    /// The one of two answers to hold against the next list. One that lists do not know yet is kept until they do: how long that
    /// takes is how far they lag. Where the later one says less, counts have been restated, and lists will never know the first.
    pub(super) fn or_earlier(self, earlier: Option<Self>) -> Self {
        let waits = |earlier: &Self| {
            earlier.lagged && earlier.period_start == self.period_start && earlier.total <= self.total
        };
        earlier.filter(waits).unwrap_or(self)
    }

    /// Whether a list that was asked for after it has something to show that the one before did not.
    fn is_news(&self) -> bool {
        self.listed_before.is_none_or(|before| before < self.total)
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
        self.tested += u32::from(finding == Finding::Lags || answered.is_news());
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
                self.lagged += 1;
                // The next list will know at the earliest.
                let seen = listed_at.saturating_sub(answered.asked_at).saturating_add(sweep);
                self.longest = self.longest.max(seen);
            }
            Finding::Open => {}
        }
    }

    /// Weighs the evidence at the end of a sweep. Returns whether the verdict is another one than before.
    pub(super) fn weigh(&mut self, now: Duration) -> bool {
        let lately = |at: Duration| now.saturating_sub(at) < GRUDGE;
        self.lag = self.lag.filter(|(_, seen_at)| lately(*seen_at));
        if self.shows_lag() {
            self.lag = Some((self.lag(), now));
        }
        if self.contradicted * TOLERATED > self.compared || self.shows_lag() {
            self.doubted_at = Some(now);
        }
        (self.compared, self.contradicted) = (0, 0);
        (self.tested, self.lagged, self.longest) = (0, 0, Duration::ZERO);
        let exact = !self.agreed.is_empty() && !self.doubted_at.is_some_and(lately);
        std::mem::replace(&mut self.exact, exact) != exact
    }

    /// Whether the comparisons since the last sweep ended show that lists lag, and not single scopes only. What was the same before
    /// and after says nothing of that.
    fn shows_lag(&self) -> bool {
        self.lagged * TOLERATED > self.tested
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
        let seen = self.lag.map_or(Duration::ZERO, |(lag, _)| lag);
        // Not only when the sweep has ended: until then it would have many pages believed.
        if self.shows_lag() { seen.max(self.longest) } else { seen }
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

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_secs(60);
    const SWEEP: Duration = Duration::from_secs(300);
    const SIX_HOURS: Duration = Duration::from_secs(21_600);

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
            lagged: false,
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
        assert_eq!(answered(100.0, 90.0).compare(95.0), Finding::Open, "half of the way proves nothing");
        assert_eq!(answered(4.0, 5.0).compare(4.0), Finding::Lags);
        assert_eq!(answered(0.0, 0.0).compare(5.0), Finding::Open, "zero proves nothing");
        assert_eq!(Answered { listed_before: None, ..answered(0.0, 5.0) }.compare(9.0), Finding::Open);
    }

    #[test]
    fn lists_are_believed_about_the_period_that_they_agreed_on() {
        let mut trust = after(&[(4.0, 5.0, 6.0)]);
        assert!(trust.is_exact() && trust.is_exact_about(start()));
        assert!(!trust.weigh(7 * MINUTE), "the verdict is what it was");
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
        assert!(trust.weigh(6 * MINUTE + SIX_HOURS) && trust.is_exact(), "forgotten in time");
    }

    #[test]
    fn one_contradiction_in_ten_comparisons_is_tolerated_and_lags_contradict_too() {
        let (agreeing, overstated) = ([(4.0, 5.0, 6.0); 20], (1_000.0, 600.0, 998.0));
        let among =
            |number: usize, others: &[(f64, f64, f64)]| after(&[&agreeing[..number], others].concat());
        assert!(among(9, &[overstated]).is_exact());
        assert!(!among(8, &[overstated]).is_exact());
        let trust = among(12, &[overstated, (4.0, 5.0, 4.0)]);
        assert_eq!((trust.lag(), trust.is_exact()), (Duration::ZERO, false), "neither would count by itself");
    }

    #[test]
    fn agreements_are_remembered_for_the_latest_periods() {
        let starts = (0..=64).map(|day| start() + jiff::SignedDuration::from_hours(24 * day));
        let mut starts: Vec<_> = starts.collect();
        let mut trust = Trust::default();
        for period_start in starts.iter().copied() {
            let answered = Answered { period_start, ..answered(4.0, 5.0) };
            trust.note(&answered, answered.compare(6.0), 6 * MINUTE, SWEEP);
        }
        trust.weigh(6 * MINUTE);
        let forgotten = starts.remove(0);
        assert!(!trust.is_exact_about(forgotten));
        assert!(starts.into_iter().all(|period_start| trust.is_exact_about(period_start)));
    }

    #[test]
    fn lists_that_lag_are_as_old_as_the_answer_that_they_do_not_know_and_a_sweep() {
        let trust = after(&[(4.0, 5.0, 4.0)]);
        assert!(!trust.is_exact());
        assert_eq!(trust.lag(), 5 * MINUTE + SWEEP);
        assert_eq!(after(&[(4.0, 5.0, 5.0)]).lag(), Duration::ZERO);
    }

    #[test]
    fn a_scope_that_lists_never_count_right_says_nothing_about_those_that_they_do() {
        let never = (4.0, 9.0, 4.0);
        let trust = after(&[&[(4.0, 5.0, 6.0); 9][..], &[never]].concat());
        assert_eq!((trust.lag(), trust.is_exact()), (Duration::ZERO, true));
        let trust = after(&[&[(4.0, 5.0, 6.0); 8][..], &[never]].concat());
        assert!(trust.lag() > Duration::ZERO && !trust.is_exact());
    }

    #[test]
    fn what_has_not_changed_does_not_speak_against_a_lag() {
        let trust = after(&[vec![(5.0, 5.0, 5.0); 1_000], vec![(4.0, 9.0, 4.0)]].concat());
        assert!(trust.lag() > Duration::ZERO && !trust.is_exact());
    }

    #[test]
    fn a_lag_counts_at_once_and_no_longer_than_contradictions_do() {
        let mut trust = Trust::default();
        let answered = answered(4.0, 5.0);
        trust.note(&answered, answered.compare(4.0), 6 * MINUTE, SWEEP);
        assert_eq!(trust.lag(), 5 * MINUTE + SWEEP, "before the sweep has ended");
        trust.weigh(6 * MINUTE);
        trust.weigh((6 * MINUTE + SIX_HOURS).saturating_sub(SECOND));
        assert_eq!(trust.lag(), 5 * MINUTE + SWEEP);
        trust.weigh(6 * MINUTE + SIX_HOURS);
        assert_eq!(trust.lag(), Duration::ZERO);
    }

    #[test]
    fn an_answer_that_lists_do_not_know_yet_is_held_against_them_until_they_do() {
        let lagged = Answered { lagged: true, ..answered(4.0, 6.0) };
        let later = |total| Answered { asked_at: 9 * MINUTE, ..answered(6.0, total) };
        let kept = |earlier, total| later(total).or_earlier(earlier);
        assert_eq!(kept(Some(lagged), 8.0), lagged);
        assert_eq!(kept(Some(lagged), 6.0), lagged);
        assert_eq!(kept(Some(lagged), 5.0), later(5.0), "restated: no list will know it");
        assert_eq!(kept(Some(answered(4.0, 6.0)), 8.0), later(8.0), "lists may know it by now");
        assert_eq!(kept(None, 8.0), later(8.0));
        let period_start = "2026-02-01T00:00:00Z".parse().unwrap();
        assert_eq!(kept(Some(Answered { period_start, ..lagged }), 8.0), later(8.0));
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
