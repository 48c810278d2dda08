//! Notebook runs of one owner.
//!
//! Owns: the runs of a day, each with a start, a length and an outcome. A run counts for the moment it ends.

use super::calendar::{DAY, MINUTE};
use super::chance;

/// Notebook use of one UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotebookDay {
    /// Run time of all runs.
    pub minutes: u64,
    /// Runs that finished.
    pub completed: u64,
    /// Runs stopped by somebody.
    pub canceled: u64,
    /// Runs that failed.
    pub errored: u64,
    /// Runs that took longer than allowed.
    pub timeout: u64,
}

impl NotebookDay {
    /// Runs, whatever came of them.
    pub fn runs(&self) -> u64 {
        self.completed + self.canceled + self.errored + self.timeout
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            minutes: self.minutes + other.minutes,
            completed: self.completed + other.completed,
            canceled: self.canceled + other.canceled,
            errored: self.errored + other.errored,
            timeout: self.timeout + other.timeout,
        }
    }

    fn add(&mut self, run: Run) {
        self.minutes += run.minutes;
        // Most runs go well.
        match run.fate {
            0..88 => self.completed += 1,
            88..92 => self.canceled += 1,
            92..97 => self.errored += 1,
            _ => self.timeout += 1,
        }
    }
}

/// How often an owner runs notebooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotebookHabit {
    /// Runs a day; at most 48.
    pub runs_per_day: u64,
    /// Usual length of a run, in minutes.
    pub minutes: u64,
}

#[derive(Clone, Copy)]
struct Run {
    start: i64,
    end: i64,
    minutes: u64,
    /// 0 to 99.
    fate: u64,
}

impl NotebookHabit {
    /// Runs that ended in `[from, to)`.
    pub(super) fn between(self, seed: u64, from: i64, to: i64) -> NotebookDay {
        let mut sum = NotebookDay::default();
        if from < to {
            let days = from.div_euclid(DAY)..=(to - 1).div_euclid(DAY);
            days.flat_map(|day| self.runs(seed, day))
                .filter(|run| from <= run.end && run.end < to)
                .for_each(|run| sum.add(run));
        }
        sum
    }

    /// Runs that are under way at `second`.
    pub(super) fn running(self, seed: u64, second: i64) -> u64 {
        let runs = self.runs(seed, second.div_euclid(DAY));
        runs.map(|run| u64::from(run.start <= second && second < run.end)).sum()
    }

    /// The runs of a day, one after the other, each in its own slot: no run goes on past midnight.
    fn runs(self, seed: u64, day: i64) -> impl Iterator<Item = Run> {
        let runs = self.runs_per_day.min(48);
        let slot = DAY / i64::try_from(runs).unwrap_or(1).max(1);
        let longest = u64::try_from(slot / MINUTE - 1).unwrap_or(1).min(self.minutes.max(1) * 2);
        (0..runs).map(move |index| {
            let draw = |what| [seed, chance::moment(day), index, what];
            let minutes = chance::between(1, longest, &draw(1));
            let length = i64::try_from(minutes).unwrap_or(0) * MINUTE;
            let slack = u64::try_from(slot - length - 1).unwrap_or(0);
            let delay = i64::try_from(chance::between(0, slack, &draw(2))).unwrap_or(0);
            let start = day * DAY + i64::try_from(index).unwrap_or(0) * slot + delay;
            Run { start, end: start + length, minutes, fate: chance::between(0, 99, &draw(3)) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_of_a_day_add_up_to_it(seed: u64, runs in 0u64..=48, minutes in 1u64..60, cut in 0i64..DAY) {
            let habit = NotebookHabit { runs_per_day: runs, minutes };
            let day = 20_500 * DAY;
            let whole = habit.between(seed, day, day + DAY);
            let parts = habit.between(seed, day, day + cut).plus(habit.between(seed, day + cut, day + DAY));
            prop_assert_eq!(whole, parts);
            prop_assert_eq!(whole.runs(), runs);
            prop_assert!(whole.minutes >= runs);
        }
    }
}
