//! Spans of UTC time that numbers speak of.
//!
//! All arithmetic is on the epoch: UTC as Losant and Prometheus use it has days of exactly 86,400 seconds. Only months
//! need a calendar.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// A span of time: from `start` to just before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// First moment within.
    pub start: Timestamp,
    /// First moment after.
    pub end: Timestamp,
}

impl Window {
    /// The UTC hour that `at` lies in.
    pub fn hour(at: Timestamp) -> Self {
        Self::aligned(at, HOUR)
    }

    /// The UTC day that `at` lies in.
    pub fn day(at: Timestamp) -> Self {
        Self::aligned(at, DAY)
    }

    /// The UTC calendar month that `at` lies in.
    pub fn month(at: Timestamp) -> Self {
        let date = at.to_zoned(TimeZone::UTC).date();
        let midnight = |date: jiff::civil::Date| {
            date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |midnight| midnight.timestamp())
        };
        let end = date.last_of_month().tomorrow().map_or(Timestamp::MAX, midnight);
        Self { start: midnight(date.first_of_month()), end }
    }

    /// The window of the same length that ends where this one starts.
    #[must_use]
    pub fn previous(self) -> Self {
        let length = self.start.duration_since(self.end);
        Self { start: self.start.saturating_add(length).unwrap_or(Timestamp::MIN), end: self.start }
    }

    /// Whether `at` lies within.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// The last millisecond before `end`: Losant writes inclusive ends this way.
    pub fn last_millisecond(end: Timestamp) -> Timestamp {
        end.saturating_sub(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MIN)
    }

    fn aligned(at: Timestamp, width: i64) -> Self {
        // A timestamp's second is the floor for every moment after 1970, and Losant has nothing before.
        let start = at.as_second().div_euclid(width) * width;
        let moment = |second| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        Self { start: moment(start), end: moment(start + width) }
    }
}

/// The windows that usage is exported for, as they stand at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// The running UTC hour.
    pub this_hour: Window,
    /// The last complete UTC hour that has settled.
    pub last_hour: Window,
    /// The running UTC day.
    pub today: Window,
    /// The last complete UTC day.
    pub last_day: Window,
}

impl Windows {
    /// The windows at `now`. An hour has settled when `settle_delay` has passed since its end: until then late
    /// payloads may still be added to it, and alerts on it would be alerts on half an hour.
    pub fn at(now: Timestamp, settle_delay: Duration) -> Self {
        let today = Window::day(now);
        let settled = SignedDuration::try_from(settle_delay)
            .ok()
            .and_then(|delay| now.checked_sub(delay).ok())
            .unwrap_or(Timestamp::MIN);
        Self {
            this_hour: Window::hour(now),
            last_hour: Window::hour(settled).previous(),
            today,
            last_day: today.previous(),
        }
    }

    /// The earliest moment that any of the windows reaches back to.
    pub fn start(&self) -> Timestamp {
        self.last_day.start.min(self.last_hour.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn moments() -> impl Strategy<Value = Timestamp> {
        // 2000-01-01 to 2100-01-01, to the millisecond.
        (946_684_800_000i64..4_102_444_800_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
    }

    #[test]
    fn an_hour_becomes_the_last_hour_when_it_has_settled() {
        let delay = Duration::from_secs(600);
        let before = Windows::at(at("2026-03-01T11:09:59.999Z"), delay);
        let after = Windows::at(at("2026-03-01T11:10:00Z"), delay);
        assert_eq!(before.last_hour.end, at("2026-03-01T10:00:00Z"));
        assert_eq!(after.last_hour.end, at("2026-03-01T11:00:00Z"));
        assert_eq!(before.this_hour, after.this_hour);
    }

    #[test]
    fn just_after_midnight_the_last_hour_lies_in_yesterday() {
        let windows = Windows::at(at("2026-03-01T00:05:00Z"), Duration::from_secs(600));
        assert_eq!(windows.last_hour.start, at("2026-02-28T22:00:00Z"));
        assert_eq!(
            windows.last_day,
            Window { start: at("2026-02-28T00:00:00Z"), end: at("2026-03-01T00:00:00Z") }
        );
    }

    proptest! {
        #[test]
        fn a_window_contains_the_moment_it_was_made_for(now in moments()) {
            for window in [Window::hour(now), Window::day(now), Window::month(now)] {
                prop_assert!(window.contains(now));
                prop_assert!(!window.contains(window.end));
                prop_assert!(window.contains(Window::last_millisecond(window.end)));
            }
        }

        #[test]
        fn windows_of_one_kind_tile_time(now in moments()) {
            for window in [Window::hour(now), Window::day(now)] {
                let previous = window.previous();
                prop_assert_eq!(previous.end, window.start);
                prop_assert_eq!(previous.end.duration_since(previous.start), window.end.duration_since(window.start));
            }
            let next = Window::month(Window::month(now).end);
            prop_assert_eq!(next.start, Window::month(now).end);
        }

        #[test]
        fn the_last_hour_is_complete_settled_and_the_newest_such(now in moments(), delay in 0u64..86_400) {
            let windows = Windows::at(now, Duration::from_secs(delay));
            let age = now.duration_since(windows.last_hour.end).as_millis();
            let delay = i128::from(delay) * 1_000;
            prop_assert!(age >= delay, "not settled");
            prop_assert!(age < delay + 3_600_000, "a newer hour has settled too");
            let starts = [windows.this_hour, windows.last_hour, windows.today, windows.last_day].map(|window| window.start);
            prop_assert_eq!(Some(windows.start()), starts.into_iter().min());
        }
    }
}
