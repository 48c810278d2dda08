//! Payloads of one type from one source, as they arrive at one owner.
//!
//! Owns: how many payloads lie between two seconds. A day has a total (a draw, shaped by weekday and growth), an hour
//! has its share of the day, and inside the hour payloads arrive evenly. All of it in integers, so that windows add
//! up exactly.

use std::borrow::Cow;

use jiff::Timestamp;

use super::calendar::{self, DAY};
use super::chance;
use super::rhythm::Rhythm;

/// 2024-01-01, the day on which a stream has the rate it was given; it grows from there.
const REFERENCE_DAY: i64 = 19_723;
/// Thousandths by which a day may lie below or above the average.
const NOISE: u64 = 120;

/// Payload types of which nothing is published. As a rule they are not billed: a bill should not hold what nobody said
/// it holds.
const UNLISTED: [&str; 5] = ["flowError", "notebook", "resourceJob", "appFile", "inboundEmail"];
/// Payload types that count against the owner's payload limit. All others, the unknown ones too, do not.
const BILLABLE: [&str; 11] = [
    "deviceState",
    "deviceCommand",
    "deviceConnect",
    "deviceDisconnect",
    "timer",
    "webhook",
    "endpoint",
    "integration",
    "virtualButton",
    "mqttIn",
    "mqttOut",
];

/// Payloads of one type from one source.
#[derive(Clone, Debug)]
pub struct Stream {
    /// `deviceState`, `timer`, … or a type nobody has heard of.
    pub payload_type: Cow<'static, str>,
    /// `device.mqtt`, `flow.flow`, …
    pub source: Cow<'static, str>,
    /// Average number of payloads a day, in thousandths of a payload.
    pub thousandths_per_day: u64,
    /// Size of every payload.
    pub bytes_each: u64,
    /// Growth a year, in thousandths; linear.
    pub growth: i64,
    /// Shape of the week and the day.
    pub rhythm: Rhythm,
    /// What comes on top of it.
    pub bursts: Vec<Burst>,
}

/// Many more payloads than usual for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// First second of the burst.
    pub start: Timestamp,
    /// First second after it.
    pub end: Timestamp,
    /// Payloads in each second.
    pub per_second: u64,
}

impl Stream {
    /// A steady stream without growth.
    pub fn new(
        payload_type: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
        per_day: u64,
        bytes_each: u64,
    ) -> Self {
        Self {
            payload_type: payload_type.into(),
            source: source.into(),
            thousandths_per_day: per_day.saturating_mul(1_000),
            bytes_each,
            growth: 0,
            rhythm: Rhythm::AlwaysOn,
            bursts: Vec::new(),
        }
    }

    /// Payloads stamped with a second in `[from, to)`.
    pub(super) fn count(&self, seed: u64, from: i64, to: i64) -> u64 {
        if from >= to {
            return 0;
        }
        let seed = seed ^ chance::key(&self.payload_type) ^ chance::key(&self.source).rotate_left(32);
        let (first, last) = (calendar::day(from), calendar::day(to));
        let bursts: u64 = self.bursts.iter().map(|burst| burst.count(from, to)).sum();
        if first == last {
            let total = self.on_day(seed, first);
            return self.share(total, to) + bursts - self.share(total, from);
        }
        let whole_days: u64 = (first..last).map(|day| self.on_day(seed, day)).sum();
        whole_days + self.of_day(seed, to) + bursts - self.of_day(seed, from)
    }

    /// Payloads of a whole UTC day.
    fn on_day(&self, seed: u64, day: i64) -> u64 {
        let years = 1_000 + self.growth.saturating_mul(day - REFERENCE_DAY) / 365;
        let growth = u64::try_from(years).unwrap_or(0);
        let weekday = self.rhythm.weekday_share(calendar::weekday(day));
        let draw = chance::draw(&[seed, chance::moment(day)]);
        let noise = 1_000 - NOISE + draw % (2 * NOISE + 1);
        let thousandths = ratio(self.thousandths_per_day, growth, weekday * noise, 1_000_000_000);
        // Less than one payload a day is one payload on some days.
        let rounding = (draw >> 32) % 1_000;
        thousandths.saturating_add(rounding) / 1_000
    }

    /// Payloads of the UTC day of `second` that come before it.
    fn of_day(&self, seed: u64, second: i64) -> u64 {
        if second.rem_euclid(DAY) == 0 {
            return 0;
        }
        self.share(self.on_day(seed, calendar::day(second)), second)
    }

    /// Of the `total` of the UTC day of `second`, the payloads that come before it.
    fn share(&self, total: u64, second: i64) -> u64 {
        let (part, whole) = self.rhythm.share_before(second.rem_euclid(DAY));
        ratio(total, part, 1, whole)
    }
}

/// `number * by * and / over`, without being cut off on the way. Nearly always 64 bits do, which are much faster.
fn ratio(number: u64, by: u64, and: u64, over: u64) -> u64 {
    let over = over.max(1);
    if let Some(product) = number.checked_mul(by).and_then(|product| product.checked_mul(and)) {
        return product / over;
    }
    let product = (u128::from(number) * u128::from(by)).saturating_mul(u128::from(and));
    u64::try_from(product / u128::from(over)).unwrap_or(u64::MAX)
}

/// Whether payloads of this type count against the payload limit, where the unlisted ones do or do not.
pub(super) fn is_billable(payload_type: &str, with_unlisted: bool) -> bool {
    BILLABLE.contains(&payload_type) || (with_unlisted && UNLISTED.contains(&payload_type))
}

impl Burst {
    fn count(&self, from: i64, to: i64) -> u64 {
        let start = calendar::second_from(self.start).max(from);
        let end = calendar::second_from(self.end).min(to);
        u64::try_from(end - start).unwrap_or(0).saturating_mul(self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::calendar::HOUR;
    use proptest::prelude::*;

    const MONDAY: i64 = 20_514; // 2026-03-02

    fn office() -> Stream {
        Stream { rhythm: Rhythm::OfficeHours, growth: 150, ..Stream::new("timer", "timer.flow", 5_000, 100) }
    }

    #[test]
    fn office_hours_are_busier_than_the_night_and_the_weekend() {
        let hour = |day, hour| office().count(7, day * DAY + hour * HOUR, day * DAY + (hour + 1) * HOUR);
        assert!(hour(MONDAY, 10) > 3 * hour(MONDAY, 2));
        assert!(hour(MONDAY, 10) > 3 * hour(MONDAY + 6, 10));
    }

    #[test]
    fn a_burst_adds_its_rate_for_its_seconds_only() {
        let (start, end) = (calendar::moment(MONDAY * DAY + 100), calendar::moment(MONDAY * DAY + 160));
        let mut stream = office();
        let before = stream.count(7, MONDAY * DAY, (MONDAY + 1) * DAY);
        stream.bursts.push(Burst { start, end, per_second: 50 });
        assert_eq!(stream.count(7, MONDAY * DAY, (MONDAY + 1) * DAY), before + 3_000);
        assert_eq!(
            stream.count(7, (MONDAY + 1) * DAY, (MONDAY + 2) * DAY),
            office().count(7, (MONDAY + 1) * DAY, (MONDAY + 2) * DAY)
        );
    }

    #[test]
    fn a_stream_of_less_than_one_payload_a_day_has_some_in_a_month() {
        let stream = Stream { thousandths_per_day: 300, ..Stream::new("webhook", "public.rest", 0, 10) };
        let month = stream.count(3, MONDAY * DAY, (MONDAY + 30) * DAY);
        assert!((2..20).contains(&month), "{month}");
    }

    #[test]
    fn growth_shows_from_year_to_year() {
        let month = |day| office().count(7, day * DAY, (day + 28) * DAY);
        assert!(month(MONDAY + 364) > month(MONDAY));
    }

    #[test]
    fn a_stream_beyond_all_measure_is_counted_without_overflow() {
        let stream = Stream { thousandths_per_day: u64::MAX / 4, growth: 300, ..office() };
        let day = stream.count(7, MONDAY * DAY, (MONDAY + 1) * DAY);
        let noon = stream.count(7, MONDAY * DAY, MONDAY * DAY + 12 * HOUR);
        assert!(day > u64::MAX / 8_000 && noon > day / 4 && noon < day);
    }

    proptest! {
        #[test]
        fn adjoining_windows_add_up(seed: u64, start in 0i64..4_000_000, a in 0i64..300_000, b in 0i64..300_000) {
            let start = MONDAY * DAY + start;
            let stream = office();
            let whole = stream.count(seed, start, start + a + b);
            prop_assert_eq!(whole, stream.count(seed, start, start + a) + stream.count(seed, start + a, start + a + b));
        }
    }
}
