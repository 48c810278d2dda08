//! The last two days of a scope by hour, for people who look at them.
//!
//! Owns: hours that polls have brought and that they do not bring any more: each of them tells of yesterday and today only.
//! Must not: be what a number on the page of metrics is made from.

use jiff::Timestamp;

/// How many hours are kept, the running one among them.
pub const HOURS: usize = 48;

/// The same, for numbers of hours.
const SPAN: i64 = 48;

const HOUR: i64 = 3_600;

/// Counts by hour, the running one last; `None` for one of which nothing is known.
pub type Hourly = [Option<u32>; HOURS];

/// Counts of the last [`HOURS`] hours, in 208 bytes.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    /// Number of the newest hour since 1970.
    newest: i64,
    /// A bit for each place that holds a count.
    known: u64,
    /// Each hour has the place that is its number modulo [`HOURS`].
    counts: [u32; HOURS],
}

impl Default for Trail {
    fn default() -> Self {
        Self { newest: i64::MIN, known: 0, counts: [0; HOURS] }
    }
}

impl Trail {
    /// The number of the UTC hour that `at` lies in.
    pub(super) fn hour_of(at: Timestamp) -> i64 {
        at.as_second().div_euclid(HOUR)
    }

    /// The moment at which an hour begins.
    pub(super) fn start_of(hour: i64) -> Timestamp {
        Timestamp::from_second(hour.saturating_mul(HOUR)).unwrap_or(Timestamp::MIN)
    }

    /// The hours that are kept when it is `now`, the running one last.
    pub(super) fn hours_at(now: Timestamp) -> impl Iterator<Item = i64> {
        let newest = Self::hour_of(now);
        newest - SPAN + 1..=newest
    }

    /// Notes the count of an hour. One that is older than all that are kept is left out.
    pub(super) fn note(&mut self, hour: i64, count: f64) {
        if hour <= self.newest.saturating_sub(SPAN) {
            return;
        }
        // The places of hours that were skipped hold what is two days older.
        for skipped in (self.newest.saturating_add(1)..=hour).rev().take(HOURS) {
            self.known &= !(1 << place_of(skipped));
        }
        self.newest = self.newest.max(hour);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, which a picture bears"
        )]
        let count = count as u32;
        self.counts[place_of(hour)] = count;
        self.known |= 1 << place_of(hour);
    }

    /// What is known at `now`.
    pub(super) fn at(&self, now: Timestamp) -> Hourly {
        let mut counts = [None; HOURS];
        for (count, hour) in counts.iter_mut().zip(Self::hours_at(now)) {
            *count = self.count_of(hour);
        }
        counts
    }

    fn count_of(&self, hour: i64) -> Option<u32> {
        let kept = self.newest.saturating_sub(SPAN) < hour && hour <= self.newest;
        let place = place_of(hour);
        (kept && self.known & 1 << place != 0).then(|| self.counts[place])
    }
}

fn place_of(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(SPAN)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_tells_what_was_last_noted_of_each_of_the_last_hours_and_nothing_else(
            notes in proptest::collection::vec((0i64..200, 0u32..9), 0..100),
            now in 0i64..250,
        ) {
            let (mut trail, mut all, mut newest) = (Trail::default(), BTreeMap::new(), i64::MIN);
            for (hour, count) in notes {
                trail.note(hour, f64::from(count));
                newest = newest.max(hour);
                // What has fallen out once does not come back.
                all.retain(|hour, _| *hour > newest.saturating_sub(SPAN));
                if hour > newest.saturating_sub(SPAN) {
                    all.insert(hour, count);
                }
            }
            let told = trail.at(Trail::start_of(now));
            let expected: Vec<_> = (now - SPAN + 1..=now).map(|hour| all.get(&hour).copied()).collect();
            prop_assert_eq!(told.to_vec(), expected);
        }
    }

    #[test]
    fn it_takes_208_bytes() {
        assert_eq!(size_of::<Trail>(), 208);
    }
}
