//! Counts by hour or day.

use jiff::Timestamp;

use super::{Coverage, Window, sum_of_known};

/// Counts by the start of their hour or day; those of zero are left out.
#[derive(Clone, Debug)]
pub struct Buckets {
    coverage: Coverage,
    /// By start. Boxed, since it is kept for each of many scopes: a vector would keep the room of all that was left out.
    counts: Box<[(Timestamp, Option<f64>)]>,
}

impl Buckets {
    /// The counts of an answer that covers `coverage`; `None` where a bucket came without one.
    pub fn new(coverage: Coverage, counts: impl IntoIterator<Item = (Timestamp, Option<f64>)>) -> Self {
        let mut counts: Box<[_]> = counts.into_iter().filter(|(_, value)| *value != Some(0.0)).collect();
        counts.sort_by_key(|(date, _)| *date);
        Self { coverage, counts }
    }

    /// The span that they speak of.
    pub const fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether `other` counts the same, over whichever span.
    pub fn has_counts_of(&self, other: &Self) -> bool {
        self.counts == other.counts
    }

    /// The sum over `window`; a bucket that is left out is zero. `None` when the answer does not cover the window, or
    /// one of its buckets has no value.
    pub fn sum(&self, window: Window, now: Timestamp) -> Option<f64> {
        if !self.coverage.covers(window, now) {
            return None;
        }
        let first = self.counts.partition_point(|(date, _)| *date < window.start);
        let within = self.counts.iter().skip(first).take_while(|(date, _)| *date < window.end);
        sum_of_known(within.map(|(_, value)| *value))
    }

    /// The same counts, when nothing has changed from then to `now`. `None` where they did not reach up to their own day.
    pub fn extended_to(&self, now: Timestamp) -> Option<Self> {
        Some(Self { coverage: self.coverage.extended_to(now)?, counts: self.counts.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// One bucket, in an answer that covers a day.
    fn one(value: Option<f64>) -> Buckets {
        let asked = (at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));
        Buckets::new(Coverage::new((None, None), asked), [(at("2026-03-01T03:00:00Z"), value)])
    }

    #[test]
    fn a_bucket_of_zero_counts_nothing_and_one_without_a_value_may_count_something() {
        assert!(one(Some(0.0)).is_zero());
        assert!(!one(Some(1.0)).is_zero() && !one(None).is_zero());
    }

    #[test]
    fn counts_that_go_on_unchanged_are_the_same_counts_and_zero_since() {
        let (now, later) = (at("2026-03-02T00:00:00Z"), at("2026-03-02T05:00:00Z"));
        let before = one(Some(7.0));
        let after = before.extended_to(later).unwrap();
        assert!(after.has_counts_of(&before) && !after.has_counts_of(&one(Some(8.0))));
        assert_eq!(before.sum(Window::hour(now), later), None, "nobody has asked");
        assert_eq!(after.sum(Window::hour(now), later), Some(0.0));
        assert_eq!(after.sum(Window::day(now).previous(), later), Some(7.0));
    }

    #[test]
    fn a_window_is_the_sum_of_its_buckets_in_whatever_order_they_came() {
        let now = at("2026-03-03T00:00:00Z");
        let asked = (at("2026-03-01T00:00:00Z"), now);
        let counts = [
            ("2026-03-02T01:00:00Z", Some(1.0)),
            ("2026-03-01T23:00:00Z", Some(20.0)),
            ("2026-03-02T00:00:00Z", Some(300.0)),
            ("2026-03-01T03:00:00Z", None),
        ];
        let buckets =
            Buckets::new(Coverage::new((None, None), asked), counts.map(|(date, value)| (at(date), value)));
        assert_eq!(buckets.sum(Window::day(at("2026-03-02T00:00:00Z")), now), Some(301.0));
        assert_eq!(buckets.sum(Window::hour(at("2026-03-01T23:00:00Z")), now), Some(20.0));
        assert_eq!(buckets.sum(Window::hour(at("2026-03-02T02:00:00Z")), now), Some(0.0), "left out");
        let nothing = buckets.sum(Window::hour(at("2026-03-02T02:00:00Z")), now);
        assert!(nothing.is_some_and(f64::is_sign_positive), "{nothing:?}");
        assert_eq!(buckets.sum(Window::day(at("2026-03-01T00:00:00Z")), now), None, "one has no value");
        assert_eq!(buckets.sum(Window::hour(at("2026-02-28T23:00:00Z")), now), None, "not covered");
    }
}
