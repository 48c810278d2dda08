//! A reading as it is kept.
//!
//! Owns: the compact form of a [`Reading`], of which there are several for each of a hundred thousand scopes.
//! Must not: know which of its numbers are shown.

use std::sync::Arc;

use jiff::Timestamp;

use super::labels::{LabelPool, LabelValues};
use crate::usage::{Label, Measure, Reading, Sample, Window};

/// The numbers of a reading, in the order of their measures.
#[derive(Clone, Debug)]
pub struct Rows {
    read_at: Timestamp,
    /// The moments at which numbers end; there are few, and each number names one.
    ends: Box<[Timestamp]>,
    all: Box<[Row]>,
}

/// One number, 24 bytes of it.
#[derive(Clone, Debug)]
pub struct Row {
    value: f64,
    labels: Option<Arc<LabelValues>>,
    /// Place of its end among those of the reading, from 1; 0 for a number that holds until it is read again.
    end: u32,
    measure: Measure,
}

impl Row {
    /// What it measures.
    pub const fn measure(&self) -> Measure {
        self.measure
    }

    /// The number, in the base unit of the measure.
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// Its labels beyond the ids of the scope; `None` when it has none.
    pub fn labels(&self) -> Option<&LabelValues> {
        self.labels.as_deref()
    }
}

impl Rows {
    pub(super) fn new(reading: Reading, pool: &mut LabelPool) -> Self {
        let Reading { read_at, mut samples } = reading;
        // Stable: series of one measure stay in the order in which they were read.
        samples.sort_by_key(|sample| sample.measure);
        let mut ends = Vec::new();
        let rows = samples.into_iter().map(|Sample { measure, labels, value, holds_until }| {
            let end = holds_until.map_or(0, |end| place_of(end, &mut ends));
            Row { value, labels: pool.share(&labels), end, measure }
        });
        let all = rows.collect();
        Self { read_at, ends: ends.into_boxed_slice(), all }
    }

    /// Takes the numbers of a later reading over into the place that they have, or gives them back where there are not as many. What
    /// is kept for long stays where it is: a place that is given up among answers that come and go is one that little else fits.
    pub(super) fn take_over(&mut self, later: Self) -> Result<(), Self> {
        if self.all.len() != later.all.len() {
            return Err(later);
        }
        self.read_at = later.read_at;
        if self.ends.len() == later.ends.len() {
            self.ends.copy_from_slice(&later.ends);
        } else {
            self.ends = later.ends;
        }
        for (held, row) in self.all.iter_mut().zip(later.all) {
            *held = row;
        }
        Ok(())
    }

    /// What it was made of, but for the order.
    pub fn to_reading(&self) -> Reading {
        let samples = self.all.iter().map(|row| Sample {
            measure: row.measure,
            labels: row.labels().into_iter().flat_map(LabelValues::values).map(owned).collect(),
            value: row.value,
            holds_until: self.end_of(row),
        });
        Reading { read_at: self.read_at, samples: samples.collect() }
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// All numbers, in the order of their measures.
    pub fn all(&self) -> &[Row] {
        &self.all
    }

    /// From when on the number must not be shown any more. `None`: holds until it is read again.
    pub fn end_of(&self, row: &Row) -> Option<Timestamp> {
        self.ends.get((row.end as usize).checked_sub(1)?).copied()
    }

    /// The moments after `now` at which some of the numbers end, or at which the hour or the day comes in which they were read: where the
    /// wall clock was set back, they are shown again from there on.
    pub fn changes_after(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let is_set_back = now < self.read_at;
        let starts = is_set_back.then(|| [Window::hour(self.read_at).start, Window::day(self.read_at).start]);
        self.ends.iter().copied().chain(starts.into_iter().flatten()).filter(move |at| *at > now)
    }

    /// Whether the number may be shown at `now`: where it speaks of a window, that is the one at `now`.
    pub fn holds(&self, row: &Row, now: Timestamp) -> bool {
        self.end_of(row).is_none_or(|end| now < end && self.has_come(row.measure, now))
    }

    /// Whether the hour or the day of the number has come. It has, unless somebody has set the wall clock back: then it is the same where
    /// that stays within the one in which it was read. Of a billing period nobody knows here when it began.
    fn has_come(&self, measure: Measure, now: Timestamp) -> bool {
        let Some(width) = measure.window_width() else { return true };
        let place = |at: Timestamp| at.as_second().div_euclid(width);
        now >= self.read_at || place(now) == place(self.read_at)
    }

    /// Whether a number ends that would hold until `until`.
    pub(super) fn ends_before(&self, until: Option<Timestamp>) -> bool {
        self.ends.iter().any(|end| Some(*end) < until)
    }

    /// Has the numbers that end hold until `until`, where that is later.
    pub(super) fn extend_to(&mut self, until: Option<Timestamp>) {
        for end in &mut self.ends {
            *end = until.map_or(*end, |until| until.max(*end));
        }
    }
}

fn owned(value: &str) -> Label {
    Label::Owned(value.to_owned())
}

/// The place of `end` among `ends`, from 1. There are a handful.
fn place_of(end: Timestamp, ends: &mut Vec<Timestamp>) -> u32 {
    let place = ends.iter().position(|known| *known == end).unwrap_or_else(|| {
        ends.push(end);
        ends.len() - 1
    });
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const MEASURES: [Measure; 4] = [
        Measure::PayloadsPeriod,
        Measure::LastHourEnd,
        Measure::Devices,
        Measure::ApplicationDevicesPrevious,
    ];

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;

    fn timestamp(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_row_takes_24_bytes() {
        assert_eq!(size_of::<Row>(), 24);
    }

    #[test]
    fn a_number_of_a_window_is_not_shown_before_the_hour_or_day_in_which_it_was_read_nor_after_its_end() {
        use Measure::{PayloadBytesPeriod, PayloadsThisHour, PayloadsToday};
        let mut reading = Reading::at(timestamp(DAY + 2 * HOUR + 100));
        reading.add_until(Measure::PayloadsThisHour, [], 1.0, Some(timestamp(DAY + 3 * HOUR)));
        reading.add_until(Measure::PayloadsToday, [], 2.0, Some(timestamp(2 * DAY)));
        reading.add_until(Measure::PayloadBytesPeriod, [], 3.0, Some(timestamp(2 * DAY)));
        let rows = Rows::new(reading, &mut LabelPool::default());
        let shown = |second: i64| {
            let shown = rows.all().iter().filter(|row| rows.holds(row, timestamp(second)));
            shown.map(Row::measure).collect::<Vec<_>>()
        };
        let (read_at, hour) = (DAY + 2 * HOUR + 100, DAY + 2 * HOUR);
        for second in [hour, read_at - 1, read_at, hour + HOUR - 1] {
            assert_eq!(shown(second), [PayloadBytesPeriod, PayloadsThisHour, PayloadsToday], "{second}");
        }
        for second in [DAY, hour - 1, hour + HOUR, 2 * DAY - 1] {
            assert_eq!(shown(second), [PayloadBytesPeriod, PayloadsToday], "{second}");
        }
        for second in [0, DAY - 1] {
            assert_eq!(shown(second), [PayloadBytesPeriod], "{second}");
        }
        assert_eq!(shown(2 * DAY), []);
    }

    #[test]
    fn numbers_end_before_a_moment_that_is_later_than_their_end() {
        let mut reading = Reading::at(timestamp(1));
        reading.add(MEASURES[0], [], 1.0);
        let rows = |reading: &Reading| Rows::new(reading.clone(), &mut LabelPool::default());
        assert!(!rows(&reading).ends_before(Some(timestamp(9))), "it does not end");
        reading.add_until(MEASURES[0], [], 1.0, Some(timestamp(5)));
        let before = |moment: Option<i64>| rows(&reading).ends_before(moment.map(timestamp));
        assert_eq!([None, Some(4), Some(5), Some(6)].map(before), [false, false, false, true]);
    }

    fn readings(read_at: i64) -> impl Strategy<Value = Reading> {
        let number = (0..MEASURES.len(), "[ab]{0,2}", -9.0..9.0, proptest::option::of(0_i64..4));
        proptest::collection::vec(number, 0..30).prop_map(move |numbers| {
            let mut reading = Reading::at(timestamp(read_at));
            for (measure, label, value, end) in numbers {
                let (measure, end) = (MEASURES[measure], end.map(timestamp));
                if label.is_empty() {
                    reading.add_until(measure, [], value, end);
                } else {
                    reading.add_until(measure, [Label::Owned(label)], value, end);
                }
            }
            reading
        })
    }

    proptest! {
        #[test]
        fn a_later_reading_of_as_many_numbers_takes_their_place_and_every_other_is_given_back(
            earlier in readings(7), mut later in readings(8), as_many in any::<bool>(),
        ) {
            if as_many {
                later.samples.truncate(earlier.samples.len());
            }
            let mut pool = LabelPool::default();
            let mut rows = |reading: &Reading| Rows::new(reading.clone(), &mut pool);
            let (mut held, place) = (rows(&earlier), rows(&earlier).to_reading());
            let before = held.all.as_ptr();
            match held.take_over(rows(&later)) {
                Ok(()) => {
                    prop_assert_eq!(held.to_reading(), rows(&later).to_reading());
                    prop_assert_eq!(held.all.as_ptr(), before);
                    prop_assert_eq!(later.samples.len(), earlier.samples.len());
                }
                Err(given_back) => {
                    prop_assert_eq!(given_back.to_reading(), rows(&later).to_reading());
                    prop_assert_eq!(held.to_reading(), place);
                    prop_assert_ne!(later.samples.len(), earlier.samples.len());
                }
            }
        }

        #[test]
        fn nothing_of_a_reading_is_lost(mut reading in readings(7)) {
            let rows = Rows::new(reading.clone(), &mut LabelPool::default());
            prop_assert_eq!(rows.len(), reading.samples.len());
            prop_assert!(rows.all().iter().map(Row::measure).is_sorted());
            let ends: BTreeSet<_> = reading.samples.iter().filter_map(|sample| sample.holds_until).collect();
            prop_assert_eq!(rows.ends.iter().copied().collect::<BTreeSet<_>>(), ends);
            reading.samples.sort_by_key(|sample| sample.measure);
            prop_assert_eq!(rows.to_reading(), reading);
        }
    }
}
