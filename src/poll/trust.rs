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
    /// Uptime of the latest contradiction.
    contradicted_at: Option<Duration>,
    /// Whether a list has told of payloads that are not billed.
    tells_not_billed: bool,
    /// The verdict when the last sweep ended: one sweep is one piece of evidence.
    trusted: bool,
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
}

impl Trust {
    /// Notes what a list tells of a scope.
    pub(super) fn listed(&mut self, stats: &PayloadStats) {
        self.tells_not_billed |= NOT_BILLED.iter().any(|name| stats.contains_key(*name));
    }

    /// Compares what a list said before a scope was asked with the answer: counts of one period only grow.
    pub(super) fn compare_before(&mut self, listed: f64, answered: f64, now: Duration) {
        if listed > answered {
            self.contradicted_at = Some(now);
        }
    }

    /// Compares the answer with what a list says that was asked for after it, about the same period.
    pub(super) fn compare_after(&mut self, answered: f64, listed: f64, now: Duration) {
        if answered > listed {
            self.contradicted_at = Some(now);
        } else if answered > 0.0 {
            self.agreements = self.agreements.saturating_add(1);
        }
    }

    /// Weighs the evidence at the end of a sweep. Returns whether the verdict is another one than before.
    pub(super) fn weigh(&mut self, now: Duration) -> bool {
        let contradicted = self.contradicted_at.is_some_and(|at| now.saturating_sub(at) < GRUDGE);
        let trusted = self.agreements > 0 && !contradicted;
        std::mem::replace(&mut self.trusted, trusted) != trusted
    }

    /// Whether lists tell the payloads of the billing period: what they say may be shown, and zero is zero.
    pub(super) fn is_exact(&self) -> bool {
        self.trusted
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

    #[test]
    fn lists_that_agree_from_both_sides_are_believed_at_the_end_of_the_sweep() {
        let mut trust = Trust::default();
        trust.compare_before(4.0, 5.0, MINUTE);
        assert!(!trust.weigh(MINUTE) && !trust.is_exact(), "a list that is too small may lag");
        trust.compare_after(5.0, 6.0, 2 * MINUTE);
        assert!(!trust.is_exact());
        assert!(trust.weigh(2 * MINUTE) && trust.is_exact());
    }

    #[test]
    fn a_list_of_a_longer_span_or_one_that_lags_is_not_believed_until_that_is_forgotten() {
        for (before, after) in [(9.0, 9.0), (4.0, 4.0)] {
            let mut trust = Trust::default();
            trust.compare_before(before, 5.0, MINUTE);
            trust.compare_after(5.0, after, MINUTE);
            trust.compare_after(5.0, 5.0, MINUTE);
            trust.weigh(MINUTE);
            assert!(!trust.is_exact(), "{before} {after}");
            trust.weigh(MINUTE + GRUDGE);
            assert!(trust.is_exact());
        }
    }

    #[test]
    fn scopes_without_payloads_prove_nothing() {
        let mut trust = Trust::default();
        trust.compare_after(0.0, 5.0, MINUTE);
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
