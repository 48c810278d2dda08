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
    pub(super) ended: Option<i64>,
}

impl Fleet {
    /// What the UTC day `day` has seen before `second`. The fleet of an owner that is deleted goes with it.
    pub(super) fn of_day(self, seed: u64, life: Life, day: i64, second: i64) -> DeviceDay {
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
        let life = Life { founded: FIRST * DAY, ended: Some((FIRST + 5) * DAY + 600) };
        let before = fleet.of_day(1, life, FIRST + 5, (FIRST + 5) * DAY + 600);
        let after = fleet.of_day(1, life, FIRST + 5, (FIRST + 6) * DAY);
        assert_eq!(before, DeviceDay { created: 0, deleted: 0, total: 100 });
        assert_eq!(after, DeviceDay { created: 0, deleted: 100, total: 0 });
        assert_eq!(fleet.of_day(1, life, FIRST + 6, (FIRST + 7) * DAY), DeviceDay::default());
    }

    proptest! {
        #[test]
        fn a_day_ends_with_what_it_began_with_plus_created_minus_deleted(
            seed: u64, initial in 0u64..50, growth in -2_000i64..2_000, churn in 0u64..6, into in 0i64..DAY,
            day in FIRST..FIRST + 100, second in 0i64..=DAY,
        ) {
            let fleet = Fleet { initial, growth, churn };
            let life = Life { founded: FIRST * DAY + into, ended: None };
            let yesterday = fleet.of_day(seed, life, day - 1, day * DAY);
            let so_far = fleet.of_day(seed, life, day, day * DAY + second);
            let today = fleet.of_day(seed, life, day, (day + 1) * DAY);
            prop_assert_eq!(yesterday.total + today.created, today.total + today.deleted);
            prop_assert_eq!(yesterday.total + so_far.created, so_far.total + so_far.deleted);
            prop_assert!(so_far.created <= today.created && so_far.deleted <= today.deleted);
        }
    }
}
