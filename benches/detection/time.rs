//! Time in a trial: minutes since its beginning, which Prometheus takes for 1970.
//!
//! The first minute is a Monday's midnight in UTC, so hours and days lie where they should.

use jiff::{SignedDuration, Timestamp};

pub const HOUR: usize = 60;
pub const DAY: usize = 24 * HOUR;
pub const WEEK: usize = 7 * DAY;

/// The first minute in which the exporter is there. Before it, hours are known from history.
pub const LIVE: usize = 3 * WEEK;

/// Monday, 2026-01-05: two billing periods, which are calendar months, begin while the rules are watched.
const BEGINNING: i64 = 1_767_571_200;

/// Starts of the billing periods, in minutes.
const PERIODS: [i64; 5] = [-4, 27, 55, 86, 116];

/// The moment of a minute in the simulated world.
pub fn moment(minute: usize) -> Timestamp {
    let minutes = i64::try_from(minute).expect("weeks, not ages");
    Timestamp::from_second(BEGINNING).expect("2026") + SignedDuration::from_mins(minutes)
}

/// A minute as seconds of the clock that Prometheus sees.
pub fn seconds(minute: usize) -> i64 {
    i64::try_from(minute * 60).expect("weeks, not ages")
}

/// Start and end of the billing period of a minute, in seconds of that clock.
pub fn period(minute: usize) -> (i64, i64) {
    let at = seconds(minute);
    let starts = PERIODS.map(|day| day * 86_400);
    let next = starts.iter().position(|start| *start > at).expect("less than a quarter of a year");
    (starts[next - 1], starts[next])
}

/// The first minute of the trial that lies in the billing period of `minute`.
pub fn period_start(minute: usize) -> usize {
    usize::try_from(period(minute).0 / 60).unwrap_or(0)
}

/// The minute in which the billing period of `minute` ends.
pub fn period_end(minute: usize) -> usize {
    usize::try_from(period(minute).1 / 60).expect("after the beginning")
}

/// A minute as people say it.
pub fn in_words(minute: usize) -> String {
    let (week, day) = (minute / WEEK + 1, minute % WEEK / DAY + 1);
    format!("week {week} day {day} {:02}:{:02}", minute % DAY / HOUR, minute % HOUR)
}
