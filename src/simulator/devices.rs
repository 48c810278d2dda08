//! The devices of one owner: how many come, go and are there.
//!
//! Owns: a total at the end of each day in closed form, so that any day can be asked for without the days before it.
//! What is created and deleted follows from two neighbouring totals, which keeps the three consistent.

use super::calendar::DAY;
use super::chance;

/// Devices of one UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceDay {
    /// Created within the day, so far.
    pub created: u64,
    /// Deleted within the day, so far.
    pub deleted: u64,
    /// Devices at the end of the day, or at the moment asked for.
    pub total: u64,
}

impl DeviceDay {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            created: self.created + other.created,
            deleted: self.deleted + other.deleted,
            total: self.total + other.total,
        }
    }
}

/// How the number of an owner's devices moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Devices at the end of the owner's first day.
    pub initial: u64,
    /// Growth, in thousandths of a device a day. A fleet that shrinks stops at none.
    pub growth: i64,
    /// Devices that are replaced on a lively day.
    pub churn: u64,
}

/// From when to when an owner exists, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) founded: i64,
    /// From then on no device comes or goes.
    pub(super) quiet: Option<i64>,
    pub(super) ended: Option<i64>,
}

impl Fleet {
    /// What the UTC day `day` has seen before `second`. The fleet of an owner that is deleted goes with it.
    pub(super) fn of_day(self, seed: u64, life: Life, day: i64, second: i64) -> DeviceDay {
        if self == Self::default() {
            return DeviceDay::default();
        }
        if let Some(quiet) = life.quiet.filter(|quiet| *quiet < second) {
            return self.of_day_when_quiet(seed, life, day, (quiet, second));
        }
        let (start, end) = (day * DAY, (day + 1) * DAY);
        if second <= life.founded || life.ended.is_some_and(|ended| ended <= start) {
            return DeviceDay::default();
        }
        let first_day = life.founded.div_euclid(DAY);
        let before = if day > first_day { self.at_end_of(seed, day - 1, first_day) } else { 0 };
        let after = self.at_end_of(seed, day, first_day);
        let replaced = chance::between(0, self.churn, &[seed, chance::moment(day), 1]);

        let opened = start.max(life.founded);
        let closed = second.min(end).min(life.ended.unwrap_or(end));
        let so_far = |whole_day: u64| {
            let elapsed = u64::try_from(closed - opened).unwrap_or(0);
            let length = u64::try_from(end - opened).unwrap_or(0).max(1);
            whole_day * elapsed / length
        };
        let created = so_far(replaced + after.saturating_sub(before));
        let deleted = so_far(replaced + before.saturating_sub(after));
        // Never below zero: both shares are rounded down from one line between `before` and `after`.
        let total = (before + created).saturating_sub(deleted);
        if life.ended.is_some_and(|ended| ended < second) {
            DeviceDay { created, deleted: deleted + total, total: 0 }
        } else {
            DeviceDay { created, deleted, total }
        }
    }

    /// The same for an owner that has been quiet since `quiet`, which is before `second`.
    fn of_day_when_quiet(self, seed: u64, life: Life, day: i64, (quiet, second): (i64, i64)) -> DeviceDay {
        let noisy = Life { quiet: None, ..life };
        let last_day = quiet.div_euclid(DAY);
        if life.ended.is_some_and(|ended| ended <= quiet) || day < last_day {
            return self.of_day(seed, noisy, day, second);
        }
        if life.ended.is_some_and(|ended| ended <= day * DAY) {
            return DeviceDay::default();
        }
        let last = self.of_day(seed, Life { ended: None, ..noisy }, last_day, quiet);
        let today =
            if day == last_day { last } else { DeviceDay { total: last.total, ..DeviceDay::default() } };
        if life.ended.is_some_and(|ended| ended < second) {
            DeviceDay { created: today.created, deleted: today.deleted + today.total, total: 0 }
        } else {
            today
        }
    }

    fn at_end_of(self, seed: u64, day: i64, first_day: i64) -> u64 {
        let grown = self.growth.saturating_mul(day - first_day) / 1_000;
        let wobble = chance::between(0, self.churn, &[seed, chance::moment(day), 2]);
        self.initial.saturating_add_signed(grown) + wobble
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: i64 = 20_000;

    #[test]
    fn a_deleted_owner_loses_all_devices_at_that_moment() {
        let fleet = Fleet { initial: 100, growth: 0, churn: 0 };
        let life = Life { founded: FIRST * DAY, quiet: None, ended: Some((FIRST + 5) * DAY + 600) };
        let before = fleet.of_day(1, life, FIRST + 5, (FIRST + 5) * DAY + 600);
        let after = fleet.of_day(1, life, FIRST + 5, (FIRST + 6) * DAY);
        assert_eq!(before, DeviceDay { created: 0, deleted: 0, total: 100 });
        assert_eq!(after, DeviceDay { created: 0, deleted: 100, total: 0 });
        assert_eq!(fleet.of_day(1, life, FIRST + 6, (FIRST + 7) * DAY), DeviceDay::default());
    }

    #[test]
    fn a_quiet_owner_that_is_deleted_loses_the_devices_it_had_when_it_fell_silent() {
        let fleet = Fleet { initial: 100, growth: 3_000, churn: 4 };
        let (quiet, ended) = (FIRST * DAY + 3 * DAY + 700, (FIRST + 5) * DAY + 600);
        let life = Life { founded: FIRST * DAY, quiet: Some(quiet), ended: Some(ended) };
        let had = fleet.of_day(1, Life { quiet: None, ended: None, ..life }, FIRST + 3, quiet).total;
        assert!(had > 100);
        let on = |day, second| fleet.of_day(1, life, FIRST + day, second);
        assert_eq!(on(4, (FIRST + 5) * DAY), DeviceDay { created: 0, deleted: 0, total: had });
        assert_eq!(on(5, ended), DeviceDay { created: 0, deleted: 0, total: had });
        assert_eq!(on(5, (FIRST + 6) * DAY), DeviceDay { created: 0, deleted: had, total: 0 });
        assert_eq!(on(6, (FIRST + 7) * DAY), DeviceDay::default());
    }

    proptest! {
        #[test]
        fn a_day_ends_with_what_it_began_with_plus_created_minus_deleted(
            seed: u64, initial in 0u64..50, growth in -2_000i64..2_000, churn in 0u64..6, into in 0i64..DAY,
            day in FIRST..FIRST + 100, second in 0i64..=DAY,
        ) {
            let fleet = Fleet { initial, growth, churn };
            let life = Life { founded: FIRST * DAY + into, quiet: None, ended: None };
            let yesterday = fleet.of_day(seed, life, day - 1, day * DAY);
            let so_far = fleet.of_day(seed, life, day, day * DAY + second);
            let today = fleet.of_day(seed, life, day, (day + 1) * DAY);
            prop_assert_eq!(yesterday.total + today.created, today.total + today.deleted);
            prop_assert_eq!(yesterday.total + so_far.created, so_far.total + so_far.deleted);
            prop_assert!(so_far.created <= today.created && so_far.deleted <= today.deleted);
        }
    }
}
