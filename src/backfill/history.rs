//! What Losant knows of the past of one scope, as series with timestamps, and how these are written as OpenMetrics.

use jiff::Timestamp;

use super::figure::{Family, Figure};
use crate::usage::{Level, Scope};

/// A number at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) millisecond: i64,
    pub(super) value: f64,
}

/// A label besides the ids.
pub(super) type Label = (&'static str, &'static str);

/// One series: its samples in order of time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) figure: Figure,
    pub(super) label: Option<Label>,
    pub(super) samples: Vec<Sample>,
}

/// The past of one scope: by figure, and then by label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct History {
    pub(super) scope: Scope,
    pub(super) series: Vec<Series>,
}

impl History {
    pub(super) fn of(scope: Scope) -> Self {
        Self { scope, series: Vec::new() }
    }

    /// Adds a series, unless nothing is known of it. `samples` are moments and what is known of each, in order.
    pub(super) fn add(
        &mut self,
        figure: Figure,
        label: Option<Label>,
        samples: impl IntoIterator<Item = (Timestamp, Option<f64>)>,
    ) {
        let known = |(at, value): (Timestamp, Option<f64>)| {
            value.map(|value| Sample { millisecond: at.as_millisecond(), value })
        };
        let samples: Vec<_> = samples.into_iter().filter_map(known).collect();
        if !samples.is_empty() {
            self.series.push(Series { figure, label, samples });
        }
    }

    /// The family that a series of this scope belongs to.
    pub(super) fn family(&self, series: &Series) -> Family {
        Family { level: self.scope.level(), figure: series.figure }
    }

    /// Names and values of the ids.
    pub(super) fn ids(&self) -> Vec<(&'static str, String)> {
        let instance = ("instance_id", self.scope.instance().to_string());
        let own = self.scope.id().to_string();
        match self.scope.level() {
            Level::Instance => vec![instance],
            Level::Org => vec![instance, ("org_id", own)],
            Level::Sandbox => vec![instance, ("sandbox_id", own)],
        }
    }

    /// Appends the lines of a series. No value needs to be escaped: ids are hexadecimal, the others are our own words.
    pub(super) fn write(&self, series: &Series, text: &mut Vec<u8>) {
        let mut start = self.family(series).name();
        start.push('{');
        let ids = self.ids();
        let labels = ids.iter().map(|(name, value)| (*name, value.as_str())).chain(series.label);
        for (place, (name, value)) in labels.enumerate() {
            let comma = if place > 0 { "," } else { "" };
            start.extend([comma, name, "=\"", value, "\""]);
        }
        start.push_str("} ");
        for sample in &series.samples {
            text.extend_from_slice(start.as_bytes());
            write_value(text, sample.value);
            text.push(b' ');
            write_seconds(text, sample.millisecond);
            text.push(b'\n');
        }
    }
}

/// Whole numbers up to 2^53 are exact in a double, and read better without a decimal point.
fn write_value(text: &mut Vec<u8>, value: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53: the cast is exact")]
        let whole = value as i64;
        text.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else {
        text.extend_from_slice(dtoa::Buffer::new().format(value).as_bytes());
    }
}

/// OpenMetrics counts time in seconds.
fn write_seconds(text: &mut Vec<u8>, millisecond: i64) {
    let (seconds, rest) = (millisecond.div_euclid(1_000), millisecond.rem_euclid(1_000));
    text.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
    if rest > 0 {
        text.extend_from_slice(format!(".{rest:03}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_written_with_its_ids_its_label_and_its_moments() {
        let id = |digit: &str| digit.repeat(24).parse().unwrap();
        let mut history = History::of(Scope::Org { instance: id("a"), org: id("b") });
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let samples = [
            (at("2026-03-01T01:10:00Z"), Some(17.0)),
            (at("2026-03-01T02:10:00Z"), None),
            (at("2026-03-01T03:10:00.250Z"), Some(0.5)),
        ];
        history.add(Figure::PayloadsLastHour, Some(("billable", "true")), samples);
        history.add(Figure::Devices, None, [(at("2026-03-01T23:59:00Z"), None)]);
        assert_eq!((history.series.len(), history.series[0].samples.len()), (1, 2));
        let mut text = Vec::new();
        history.write(&history.series[0], &mut text);
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        losant_org:payloads_last_hour:max{instance_id="aaaaaaaaaaaaaaaaaaaaaaaa",org_id="bbbbbbbbbbbbbbbbbbbbbbbb",billable="true"} 17 1772327400
        losant_org:payloads_last_hour:max{instance_id="aaaaaaaaaaaaaaaaaaaaaaaa",org_id="bbbbbbbbbbbbbbbbbbbbbbbb",billable="true"} 0.5 1772334600.250
        "#);
    }
}
