//! How far lists are to be believed when they tell how many payloads came.
//!
//! Nothing public says which span `payloadCount` of a summary covers, whether it holds payloads that are not billed, or how
//! fast it is. So it is compared with what Losant answers when asked for a single scope and the billing period, and used
//! as long as the two agree. Pure.

use std::time::Duration;

use jiff::Timestamp;

use crate::losant::wire::PayloadStats;

/// How long one contradiction counts. Longer than a few sweeps, and not for ever: restated counts contradict too.
const GRUDGE: Duration = Duration::from_secs(6 * 3_600);

/// Types of payloads that Losant's documentation says are not billed.
const NOT_BILLED: [&str; 3] = ["dataTable", "deviceCreate", "event"];

/// What comparisons have shown so far.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Scopes whose numbers agreed and were not zero.
    agreements: u64,
    /// Whether a list, since the last sweep ended, said more than the answer that came after it.
    suspected: bool,
    /// Uptime at which a list was last seen to count more than the billing period.
    overstated_at: Option<Duration>,
    /// Uptime at which a list was last seen to know less than an answer that came before it.
    lagged_at: Option<Duration>,
    /// Whether a list has told of payloads that are not billed.
    tells_not_billed: bool,
    /// As it was when the last sweep ended: one sweep is one piece of evidence.
    verdict: Verdict,
}

/// What lists are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Verdict {
    exact: bool,
    overstates: bool,
}

/// What Losant answered when asked for a single scope, until a list that was asked for later can be held against it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answered {
    /// Uptime at which was asked.
    pub(super) asked_at: Duration,
    /// Start of the period that was asked for.
    pub(super) period_start: Timestamp,
    /// Payloads of all types.
    pub(super) total: f64,
    /// What the list before said.
    pub(super) listed_before: Option<f64>,
}

impl Answered {
    /// By how much the list before said more.
    fn excess(&self) -> f64 {
        self.listed_before.map_or(0.0, |before| before - self.total)
    }
}

impl Trust {
    /// Notes what a list tells of a scope.
    pub(super) fn listed(&mut self, stats: &PayloadStats) {
        self.tells_not_billed |= NOT_BILLED.iter().any(|name| stats.contains_key(*name));
    }

    /// Notes an answer. Counts of one period only grow, so the list before it should not have said more: unless they were
    /// restated meanwhile, which the next list will tell.
    pub(super) fn answered(&mut self, answered: &Answered) {
        self.suspected |= answered.excess() > 0.0;
    }

    /// Compares an answer with what a list says that was asked for after it, about the same period.
    pub(super) fn compare(&mut self, answered: &Answered, listed: f64, now: Duration) {
        let (excess, growth) = (answered.excess(), listed - answered.total);
        if growth < 0.0 {
            self.lagged_at = Some(now);
        } else if excess > 0.0 {
            // Where counts were restated the list has come down to the answer. One of a longer span stays above it.
            if growth * 2.0 > excess {
                self.overstated_at = Some(now);
            }
        } else if answered.total > 0.0 {
            self.agreements = self.agreements.saturating_add(1);
        }
    }

    /// Weighs the evidence at the end of a sweep. Returns whether the verdict is another one than before.
    pub(super) fn weigh(&mut self, now: Duration) -> bool {
        let lately = |at: Option<Duration>| at.is_some_and(|at| now.saturating_sub(at) < GRUDGE);
        let (overstates, lags) = (lately(self.overstated_at), lately(self.lagged_at));
        self.suspected = false;
        let verdict = Verdict { exact: self.agreements > 0 && !overstates && !lags, overstates };
        std::mem::replace(&mut self.verdict, verdict) != verdict
    }

    /// Whether lists tell the payloads of the billing period: what they say may be shown, and zero is zero.
    pub(super) fn is_exact(&self) -> bool {
        self.verdict.exact
    }

    /// Whether a change shows in what lists say. A number over the last thirty days, say, stays the same while as much
    /// comes as falls out of it.
    pub(super) fn shows_changes(&self) -> bool {
        !self.suspected && !self.verdict.overstates
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

    fn stats(payload_type: &str, value: f64) -> PayloadStats {
        PayloadStats::from([(payload_type.to_owned(), BTreeMap::from([("device.mqtt".to_owned(), value)]))])
    }

    /// What becomes of trust when the lists before and after an answer said so much.
    fn after(before: f64, total: f64, after: f64) -> Trust {
        let mut trust = Trust::default();
        let period_start = "2026-03-01T00:00:00Z".parse().unwrap();
        let answered = Answered { asked_at: MINUTE, period_start, total, listed_before: Some(before) };
        trust.answered(&answered);
        trust.compare(&answered, after, MINUTE);
        // Others agree.
        trust.compare(&Answered { listed_before: Some(total), ..answered }, total, MINUTE);
        trust.weigh(MINUTE);
        trust
    }

    #[test]
    fn lists_that_agree_from_both_sides_are_believed_at_the_end_of_the_sweep() {
        let trust = after(4.0, 5.0, 6.0);
        assert!(trust.is_exact() && trust.shows_changes());
        assert!(!Trust::default().is_exact());
    }

    #[test]
    fn a_list_of_a_longer_span_neither_is_exact_nor_shows_changes_until_that_is_forgotten() {
        let mut trust = after(1_000.0, 600.0, 998.0);
        assert!(!trust.is_exact() && !trust.shows_changes());
        assert!(trust.weigh(MINUTE + GRUDGE));
        assert!(trust.is_exact() && trust.shows_changes());
    }

    #[test]
    fn a_list_that_lags_shows_changes_and_is_not_exact() {
        let trust = after(4.0, 5.0, 4.0);
        assert!(!trust.is_exact() && trust.shows_changes());
    }

    #[test]
    fn a_restatement_is_held_against_nobody_once_the_next_list_has_come_down_too() {
        let mut trust = Trust::default();
        let period_start = "2026-03-01T00:00:00Z".parse().unwrap();
        let answered = Answered { asked_at: MINUTE, period_start, total: 90.0, listed_before: Some(100.0) };
        trust.answered(&answered);
        assert!(!trust.shows_changes(), "nobody knows yet");
        assert!(after(100.0, 90.0, 92.0).shows_changes());
    }

    #[test]
    fn scopes_without_payloads_prove_nothing() {
        let mut trust = Trust::default();
        let period_start = "2026-03-01T00:00:00Z".parse().unwrap();
        let answered = Answered { asked_at: MINUTE, period_start, total: 0.0, listed_before: Some(0.0) };
        trust.compare(&answered, 5.0, MINUTE);
        assert!(!trust.weigh(MINUTE));
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
