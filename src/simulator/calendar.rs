//! Days, seconds and billing periods, on the epoch and in UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 86_400;

/// The first whole second that is not before `at`.
///
/// Payloads arrive on whole seconds, so the ones before `at` are exactly those stamped with a smaller second.
pub(super) fn second_from(at: Timestamp) -> i64 {
    at.as_second() + i64::from(at.subsec_nanosecond() > 0)
}

/// The moment a second starts. Moments beyond what can be written become the last one that can.
pub(super) fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The number of the UTC day that `second` lies in, counted from 1970-01-01.
pub(super) fn day(second: i64) -> i64 {
    second.div_euclid(DAY)
}

/// The weekday of a UTC day, 0 for Monday.
pub(super) fn weekday(day: i64) -> usize {
    // 1970-01-01 was a Thursday.
    usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

/// The last millisecond before `end`, the way ends of ranges are written.
pub(super) fn last_millisecond(end: Timestamp) -> Timestamp {
    end.checked_sub(jiff::SignedDuration::from_millis(1)).unwrap_or(Timestamp::MIN)
}

/// The first moment after an end that is written as its last millisecond.
pub(super) fn after_millisecond(end: Timestamp) -> Timestamp {
    end.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX)
}

/// When an owner's billing period turns over: once a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillingAnchor {
    /// Day of the month, from 1. In a month that is too short: its last day.
    pub day: u8,
    /// UTC hour of that day, 0 to 23.
    pub hour: u8,
}

impl BillingAnchor {
    /// UTC calendar months.
    pub const CALENDAR_MONTH: Self = Self { day: 1, hour: 0 };

    /// Start, and first second after, of the period that `second` lies in.
    pub(super) fn period(self, second: i64) -> (i64, i64) {
        let month = moment(second).to_zoned(TimeZone::UTC).date().first_of_month();
        let start = self.in_month(month);
        if second < start {
            (self.in_month(previous(month)), start)
        } else {
            (start, self.in_month(next(month)))
        }
    }

    /// The second at which a period starts in the month that begins on `first`.
    fn in_month(self, first: Date) -> i64 {
        let length = first.days_in_month();
        let day = i8::try_from(self.day).unwrap_or(i8::MAX).clamp(1, length);
        midnight(first) + i64::from(day - 1) * DAY + i64::from(self.hour.min(23)) * HOUR
    }
}

impl Default for BillingAnchor {
    fn default() -> Self {
        Self::CALENDAR_MONTH
    }
}

fn midnight(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC).map_or(i64::MAX / 2, |midnight| midnight.timestamp().as_second())
}

fn previous(first: Date) -> Date {
    first.yesterday().map_or(first, Date::first_of_month)
}

fn next(first: Date) -> Date {
    first.last_of_month().tomorrow().unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn the_default_period_is_the_calendar_month() {
        let period = BillingAnchor::default().period(second("2026-02-14T12:00:00Z"));
        assert_eq!(period, (second("2026-02-01T00:00:00Z"), second("2026-03-01T00:00:00Z")));
    }

    #[test]
    fn a_period_anchored_on_the_31st_starts_on_the_last_day_of_a_short_month() {
        let anchor = BillingAnchor { day: 31, hour: 5 };
        let period = anchor.period(second("2026-03-01T00:00:00Z"));
        assert_eq!(period, (second("2026-02-28T05:00:00Z"), second("2026-03-31T05:00:00Z")));
    }

    #[test]
    fn a_fraction_of_a_second_belongs_to_the_second_it_lies_in() {
        assert_eq!(second_from("2026-01-01T00:00:00.000Z".parse().unwrap()), second("2026-01-01T00:00:00Z"));
        assert_eq!(second_from("2026-01-01T00:00:00.250Z".parse().unwrap()), second("2026-01-01T00:00:01Z"));
    }

    proptest! {
        #[test]
        fn periods_contain_their_moment_and_tile(
            at in 1_000_000_000i64..4_000_000_000, day in 1u8..=31, hour in 0u8..24,
        ) {
            let anchor = BillingAnchor { day, hour };
            let (start, end) = anchor.period(at);
            prop_assert!(start <= at && at < end);
            prop_assert_eq!(anchor.period(end).0, end);
            prop_assert_eq!(anchor.period(start - 1).1, start);
        }
    }
}
