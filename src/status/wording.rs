//! Numbers, ages and shares as people read them.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// A number with its thousands apart: 1,234,567.
pub(super) fn grouped(number: f64) -> String {
    let decimals = if number.fract() == 0.0 { 0 } else { 2 };
    let text = format!("{number:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !rest.is_empty() {
        grouped.push('.');
        grouped += rest;
    }
    grouped
}

/// A duration in its largest unit of which there are two: 90 s, 5 min, 30 h, 12 days.
pub(super) fn span(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds < 2 * MINUTE => format!("{seconds} s"),
        seconds if seconds < 2 * HOUR => format!("{} min", seconds / MINUTE),
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} days", seconds / DAY),
    }
}

/// A share in percent: 0.4 %, 73 %, 1,200 %. Never 100 % before it is.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 10.0 {
        format!("{:.1} %", (percent * 10.0).floor() / 10.0)
    } else {
        format!("{} %", grouped(percent.floor()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let numbers = [0.0, 7.0, 999.0, 1_000.0, 1_234_567.0, 100_000.5, -1_234.0];
        assert_eq!(numbers.map(grouped), ["0", "7", "999", "1,000", "1,234,567", "100,000.50", "-1,234"]);
    }

    #[test]
    fn a_duration_has_the_largest_unit_that_tells_enough() {
        let spans = [0, 119, 120, 7_199, 7_200, 172_799, 172_800, 8_640_000].map(Duration::from_secs);
        assert_eq!(
            spans.map(span),
            ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days", "100 days"]
        );
    }

    #[test]
    fn a_limit_is_not_reached_before_it_is() {
        let shares = [0.0, 0.000_1, 0.043_9, 0.5, 0.999_9, 1.0, 12.0];
        assert_eq!(shares.map(percent), ["0 %", "0.0 %", "4.3 %", "50 %", "99 %", "100 %", "1,200 %"]);
    }
}
