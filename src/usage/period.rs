//! Billing periods.

use jiff::{SignedDuration, Timestamp};

use super::Window;

/// For how long after a turn of periods the old one, if Losant still reports it, is not believed: clocks differ, and
/// nobody says how fast Losant is.
const DOUBT: SignedDuration = SignedDuration::from_mins(15);

/// How often a period in doubt is asked for again, at most.
const RECHECK: SignedDuration = SignedDuration::from_mins(1);

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
    /// Only a hint: an end may be wrong by half a day (Losant's own example reads `11:59:59.999Z` on the last day of a
    /// month), and clocks differ. A period that is over and still reported is asked for again and again.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| now > end)
    }

    /// Whether a period that Losant still reports at `now` may be the one before: its end has just passed, or it ended
    /// some time ago and a UTC day has just begun. A total that starts at its start could be one of two periods.
    pub fn is_doubtful(&self, now: Timestamp) -> bool {
        let just = |moment: Timestamp| now.duration_since(moment) < DOUBT;
        self.end.is_some_and(|end| now > end && (just(end) || just(Window::day(now).start)))
    }

    /// Whether a total since the start of the period can be told at `now`: it has begun, and it is not the one before.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.start < now && !self.is_doubtful(now)
    }

    /// Up to when a total of the period read at `now` holds: the first moment after the period or, where the end is not
    /// known or has passed, the next UTC midnight, since that is when periods turn over.
    pub fn holds_until(&self, now: Timestamp) -> Timestamp {
        let after = self
            .end
            .filter(|end| now <= *end)
            .and_then(|end| end.saturating_add(SignedDuration::from_millis(1)).ok());
        after.unwrap_or(Window::day(now).end)
    }

    /// Whether what was read of the period at `read_at` should be read again before anything is added up at `now`.
    pub fn should_be_read_again(&self, read_at: Timestamp, now: Timestamp) -> bool {
        if self.is_doubtful(now) {
            return now.duration_since(read_at) >= RECHECK;
        }
        let open_ended = self.end.is_none_or(|end| now > end);
        open_ended && !Window::hour(read_at).contains(now)
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
        assert_eq!(period.holds_until(at("2028-02-10T00:00:00Z")), at("2028-03-01T00:00:00Z"));
    }

    #[test]
    fn an_end_that_comes_half_a_day_early_is_doubted_for_a_quarter_of_an_hour_and_then_believed_until_midnight()
     {
        let period =
            BillingPeriod { start: at("2026-03-01T00:00:00Z"), end: Some(at("2026-03-31T11:59:59.999Z")) };
        assert!(!period.is_doubtful(at("2026-03-31T11:59:59.999Z")));
        assert!(period.is_doubtful(at("2026-03-31T12:14:00Z")));
        assert!(!period.is_doubtful(at("2026-03-31T12:15:00Z")));
        assert_eq!(period.holds_until(at("2026-03-31T13:00:00Z")), at("2026-04-01T00:00:00Z"));
        // A Losant that is a little late with the new period.
        assert!(period.is_doubtful(at("2026-04-01T00:00:00.100Z")));
        assert!(!period.is_doubtful(at("2026-04-01T00:15:00Z")));
    }

    #[test]
    fn a_total_can_be_told_from_after_the_start_of_a_period_until_its_end_is_in_doubt() {
        let period =
            BillingPeriod { start: at("2026-03-01T00:00:00Z"), end: Some(at("2026-03-31T23:59:59.999Z")) };
        assert!(!period.is_usable(at("2026-02-28T23:59:59.999Z")));
        assert!(!period.is_usable(at("2026-03-01T00:00:00Z")), "no time has passed in it");
        assert!(period.is_usable(at("2026-03-01T00:00:00.001Z")));
        assert!(period.is_usable(at("2026-03-31T23:59:59.999Z")));
        assert!(!period.is_usable(at("2026-04-01T00:00:00Z")));
    }

    #[test]
    fn a_period_is_read_again_when_it_may_have_turned_over_and_not_before() {
        let period =
            BillingPeriod { start: at("2026-03-01T00:00:00Z"), end: Some(at("2026-03-31T23:59:59.999Z")) };
        let again = |read_at: &str, now: &str| period.should_be_read_again(at(read_at), at(now));
        assert!(!again("2026-03-01T00:00:00Z", "2026-03-31T23:59:59.999Z"));
        assert!(again("2026-03-31T23:59:30Z", "2026-04-01T00:00:30Z"));
        assert!(!again("2026-04-01T00:00:01Z", "2026-04-01T00:00:30Z"), "a minute has not passed");
        assert!(again("2026-04-01T00:00:01Z", "2026-04-01T00:01:01Z"));
        assert!(!again("2026-04-01T00:20:00Z", "2026-04-01T00:40:00Z"), "believed for the rest of the hour");
        assert!(again("2026-04-01T00:40:00Z", "2026-04-01T01:00:00Z"));
        let endless = BillingPeriod { end: None, ..period };
        assert!(endless.should_be_read_again(at("2026-03-31T23:59:30Z"), at("2026-04-01T00:00:30Z")));
        assert!(!endless.is_doubtful(at("2026-04-01T00:00:30Z")));
    }

    #[test]
    fn a_period_without_an_end_is_never_over() {
        let period = BillingPeriod { start: at("2026-01-01T00:00:00Z"), end: None };
        assert!(!period.is_over(at("2036-01-01T00:00:00Z")));
    }
}
