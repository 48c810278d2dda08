//! Billing periods.

use jiff::{SignedDuration, Timestamp};

use super::Window;

/// The span over which Losant's monthly limits of one owner apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillingPeriod {
    /// First moment of the period (`currentPeriodStart`).
    pub start: Timestamp,
    /// Last moment of the period (`currentPeriodEnd`), inclusive as Losant writes it (`23:59:59.999Z`); absent when
    /// Losant did not report it.
    pub end: Option<Timestamp>,
}

impl BillingPeriod {
    /// The UTC calendar month around `now`: the period of an instance, which reports none of its own.
    pub fn calendar_month(now: Timestamp) -> Self {
        let month = Window::month(now);
        Self { start: month.start, end: Some(Window::last_millisecond(month.end)) }
    }

    /// Whether the period is over at `now`, going by what Losant said of its end.
    ///
    /// Only a hint to ask again: an end may be wrong by half a day (Losant's own example reads `11:59:59.999Z` on the
    /// last day of a month).
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| now > end)
    }

    /// The first moment after the period, up to which a total of the period read at `now` holds.
    ///
    /// `None` where the end is unknown, or has passed and the period was still the same when it was read: then nothing
    /// but reading again tells when the next one starts.
    pub fn next_start(&self, now: Timestamp) -> Option<Timestamp> {
        let after = self.end?.saturating_add(SignedDuration::from_millis(1)).ok()?;
        (!self.is_over(now)).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_period_of_an_instance_is_the_utc_month() {
        let period = BillingPeriod::calendar_month(at("2028-02-29T23:59:59.999Z"));
        assert_eq!(period.start, at("2028-02-01T00:00:00Z"));
        assert_eq!(period.end, Some(at("2028-02-29T23:59:59.999Z")));
        assert!(!period.is_over(at("2028-02-29T23:59:59.999Z")));
        assert!(period.is_over(at("2028-03-01T00:00:00Z")));
        assert_eq!(period.next_start(at("2028-02-10T00:00:00Z")), Some(at("2028-03-01T00:00:00Z")));
        assert_eq!(period.next_start(at("2028-03-10T00:00:00Z")), None);
    }

    #[test]
    fn a_period_without_an_end_is_never_over() {
        let period = BillingPeriod { start: at("2026-01-01T00:00:00Z"), end: None };
        assert!(!period.is_over(at("2036-01-01T00:00:00Z")));
    }
}
