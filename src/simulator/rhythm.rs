//! How traffic spreads over the week and the day.

use super::calendar::HOUR;

/// The shape of a week and of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// Machines that never sleep: a gentle wave over the day, all days alike.
    AlwaysOn,
    /// People at work: much on weekdays from 7 to 18 o'clock, little at night and at the weekend.
    OfficeHours,
    /// A job that runs in the small hours of every day.
    NightlyBatch,
}

impl Rhythm {
    /// Thousandths of the average day, for a weekday counted from Monday. A week averages 1,000.
    pub(super) fn weekday_share(self, weekday: usize) -> u64 {
        let week: [u64; 7] = match self {
            Self::AlwaysOn => [1_000; 7],
            Self::OfficeHours => [1_300, 1_340, 1_360, 1_320, 1_180, 280, 220],
            Self::NightlyBatch => [1_050, 1_050, 1_050, 1_050, 1_050, 900, 850],
        };
        week.get(weekday).copied().unwrap_or(1_000)
    }

    /// Weight of the first `seconds` of a day, and of all of it.
    pub(super) fn share_before(self, seconds: i64) -> (u64, u64) {
        let (hours, before) = match self {
            Self::AlwaysOn => (&ALWAYS_ON, &ALWAYS_ON_BEFORE),
            Self::OfficeHours => (&OFFICE_HOURS, &OFFICE_HOURS_BEFORE),
            Self::NightlyBatch => (&NIGHTLY_BATCH, &NIGHTLY_BATCH_BEFORE),
        };
        let [.., whole] = *before;
        let hour = usize::try_from(seconds / HOUR).unwrap_or(0);
        let (Some(weight), Some(before)) = (hours.get(hour), before.get(hour)) else { return (whole, whole) };
        (before + weight * u64::try_from(seconds % HOUR).unwrap_or(0), whole)
    }
}

/// Weight of a second in each hour.
const ALWAYS_ON: [u64; 24] =
    [38, 37, 37, 37, 38, 39, 40, 41, 42, 43, 44, 45, 45, 45, 45, 44, 44, 43, 43, 42, 41, 40, 39, 38];
const OFFICE_HOURS: [u64; 24] =
    [6, 5, 5, 5, 6, 10, 24, 60, 92, 104, 108, 106, 90, 98, 106, 104, 92, 64, 36, 22, 16, 12, 9, 7];
const NIGHTLY_BATCH: [u64; 24] =
    [12, 220, 340, 260, 60, 8, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 6, 8];

/// Weight of the hours before each hour, and of all.
const ALWAYS_ON_BEFORE: [u64; 25] = summed(&ALWAYS_ON);
const OFFICE_HOURS_BEFORE: [u64; 25] = summed(&OFFICE_HOURS);
const NIGHTLY_BATCH_BEFORE: [u64; 25] = summed(&NIGHTLY_BATCH);

const fn summed(hours: &[u64; 24]) -> [u64; 25] {
    let mut before = [0; 25];
    let mut hour = 0;
    while hour < 24 {
        before[hour + 1] = before[hour] + hours[hour] * HOUR.unsigned_abs();
        hour += 1;
    }
    before
}
