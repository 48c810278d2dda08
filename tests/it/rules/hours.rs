//! Hours of a scope, as an exporter shows them and as `backfill` writes them.
//!
//! Owns: when a running hour begins to be shown, when an hour has settled.
//! Must not: know how a series is written.

use std::fmt::Write as _;

use super::samples::{Clock, Sample, seconds};

/// Minutes of an hour, and hours of a week.
const HOUR: i64 = 60;
const WEEK: i64 = 168;

/// Minutes after its end at which an hour is in the history: the default of `polling.settle_delay`.
const SETTLED: i64 = 10;

/// What came in the hours around the present. Within an hour it comes evenly.
pub struct Hours {
    /// Totals, from that of the hour before the present on. The last one is for all that follow.
    pub totals: Vec<f64>,
    /// The minute at which the hour before is shown to have settled.
    pub settles: i64,
    /// A time from which on the total of its hour is another one.
    pub restated: Option<(i64, f64)>,
    /// When it was last polled.
    pub frozen: i64,
}

impl Hours {
    /// The running hour: absent at its very beginning, since nothing of it has been read.
    pub fn this_hour(&self, clock: Clock) -> Vec<Sample> {
        let sample = |time: i64| {
            let polled = time.min(self.frozen);
            if time % HOUR == 0 || time / HOUR != polled / HOUR {
                return Sample::None;
            }
            Sample::Value(self.total(polled / HOUR, polled) * fraction(polled % HOUR))
        };
        clock.times().map(sample).collect()
    }

    /// The last hour that has settled. Of the first minutes of the present nothing is told: their last hour is history.
    pub fn last_hour(&self, clock: Clock) -> Vec<Sample> {
        let sample = |time: i64| {
            let hour = self.last_settled(time);
            if hour < -1 { Sample::None } else { Sample::Value(self.total(hour, time.min(self.frozen))) }
        };
        clock.times().map(sample).collect()
    }

    /// When that hour ended.
    pub fn last_hour_end(&self, clock: Clock) -> Vec<Sample> {
        let end = |time| Sample::Value(seconds(clock.now + (self.last_settled(time) + 1) * HOUR));
        clock.times().map(end).collect()
    }

    fn last_settled(&self, time: i64) -> i64 {
        let polled = time.min(self.frozen);
        let hour = polled / HOUR;
        if polled % HOUR >= self.settles { hour - 1 } else { hour - 2 }
    }

    /// The total of an hour as it is told at a time.
    fn total(&self, hour: i64, time: i64) -> f64 {
        if let Some((from, total)) = self.restated
            && time >= from
            && hour == from / HOUR
        {
            return total;
        }
        let place = usize::try_from(hour + 1).expect("an hour from the one before the present on");
        self.totals.get(place).or(self.totals.last()).copied().expect("a total")
    }
}

/// The part of an hour that is over.
#[expect(clippy::cast_precision_loss, reason = "minutes of an hour")]
fn fraction(minute: i64) -> f64 {
    minute as f64 / HOUR as f64
}

/// Samples of the hours of the past, each stamped when it had settled. The hour before the present is not among them: the exporter
/// shows it.
pub fn history(clock: Clock, numbers: &[&str], except: &[(&str, &str)]) -> String {
    let hours = clock.now / HOUR;
    let mut text = format!("_x{}", (HOUR + SETTLED) / clock.step);
    let rest = HOUR / clock.step - 1;
    for (hour, turn) in (0..hours - 1).zip(numbers.iter().cycle()) {
        let week = format!("week{}", hour / WEEK + 1);
        // The hour of the week, counted from the present on.
        let same = format!("hour{}", (hour - hours).rem_euclid(WEEK));
        let number =
            except.iter().find(|(key, _)| *key == week || *key == same).map_or(*turn, |(_, number)| number);
        let _ = write!(text, " {number} _x{rest}");
    }
    text
}
