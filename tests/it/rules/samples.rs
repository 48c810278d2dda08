//! Samples of a promtool test: one for each step of its clock.
//!
//! Owns: the notation of promtool for samples, the clock of a test file, and what happens to series when an exporter restarts.
//! Must not: know any metric.

use std::fmt::Write as _;

/// Minutes of an hour.
const HOUR: i64 = 60;

/// The clock of a test file, in minutes. Time begins at the epoch with promtool, so full hours and midnights are where they are
/// for Prometheus. What lies before `now` is history.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// From one sample and evaluation to the next.
    pub step: i64,
    /// When the present begins.
    pub now: i64,
    /// How long it lasts.
    pub length: i64,
}

impl Clock {
    /// Reads `STEP, now TIME, for TIME`.
    pub fn parse(text: &str) -> Option<Self> {
        let (step, rest) = text.split_once(", now ")?;
        let (now, length) = rest.split_once(", for ")?;
        Some(Self { step: minutes(step)?, now: minutes(now)?, length: minutes(length)? })
    }

    /// Times of the present, in minutes since `now`.
    pub fn times(self) -> impl Iterator<Item = i64> {
        (0..=self.length / self.step).map(move |step| step * self.step)
    }

    /// The samples of the present after a history without any.
    pub fn series(self, samples: &[Sample]) -> String {
        let mut text = format!("_x{}", self.now / self.step);
        for sample in samples {
            let _ = match sample {
                Sample::Value(value) => write!(text, " {value}"),
                Sample::None => write!(text, " _"),
                Sample::Stale => write!(text, " stale"),
            };
        }
        text.strip_prefix("_x0 ").map_or(text.clone(), str::to_owned)
    }

    /// Reads samples: a number that stays, a time that stays (`@-10d` from now), or the notation of promtool.
    pub fn samples(self, text: &str) -> Option<Vec<Sample>> {
        let constant = match text.strip_prefix('@') {
            Some(time) => Some(seconds(self.now + minutes(time)?)),
            None => text.parse().ok(),
        };
        if let Some(value) = constant {
            return Some(self.times().map(|_| Sample::Value(value)).collect());
        }
        let samples: Option<Vec<_>> = text.split_whitespace().map(expand).collect();
        Some(samples?.concat())
    }
}

/// What there is at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// A value.
    Value(f64),
    /// Nothing.
    None,
    /// The word that the series has ended.
    Stale,
}

/// An exporter that ends, and another one that is scraped after a while, in minutes since the present began.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    pub at: i64,
    pub gap: i64,
}

impl Restart {
    /// Reads `TIME, gap TIME`.
    pub fn parse(text: &str) -> Option<Self> {
        let (at, gap) = text.split_once(", gap ")?;
        Some(Self { at: minutes(at)?, gap: minutes(gap)? })
    }

    /// What is scraped of the exporter before, and of the one after.
    pub fn split(self, clock: Clock, samples: &[Sample]) -> (Vec<Sample>, Vec<Sample>) {
        let timed = || clock.times().zip(samples.iter().copied());
        let before = timed().take_while(|(time, _)| *time < self.at).map(|(_, sample)| sample);
        let after =
            timed().map(|(time, sample)| if time < self.at + self.gap { Sample::None } else { sample });
        (before.chain([Sample::Stale]).collect(), after.collect())
    }
}

/// Reads a duration like `-3d`, `90m` or a time of the day like `1:35`, in minutes.
pub fn minutes(text: &str) -> Option<i64> {
    if let Some((hours, minutes)) = text.split_once(':') {
        return Some(hours.parse::<i64>().ok()? * HOUR + minutes.parse::<i64>().ok()?);
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 1,
        "h" => HOUR,
        "d" => 24 * HOUR,
        _ => return None,
    };
    Some(number.parse::<i64>().ok()? * unit)
}

/// Minutes as seconds.
#[expect(clippy::cast_precision_loss, reason = "the times of a test stay far below 2^53")]
pub fn seconds(minutes: i64) -> f64 {
    (minutes * 60) as f64
}

/// A word of promtool's notation: `5`, `_`, `stale`, `_x3`, `5x3`, `5+2x3`, `5-2x3`.
fn expand(word: &str) -> Option<Vec<Sample>> {
    if word == "stale" {
        return Some(vec![Sample::Stale]);
    }
    let (first, times) = match word.split_once('x') {
        Some((first, times)) => (first, Some(times.parse::<usize>().ok()?)),
        None => (word, None),
    };
    if first == "_" {
        return Some(vec![Sample::None; times.unwrap_or(1)]);
    }
    let sign = first.get(1..)?.find(['+', '-']).map(|at| at + 1);
    let (start, step) = match sign {
        Some(at) => (first[..at].parse::<f64>().ok()?, first[at..].parse::<f64>().ok()?),
        None => (first.parse::<f64>().ok()?, 0.0),
    };
    let mut value = start;
    let mut samples = vec![Sample::Value(value)];
    for _ in 0..times.unwrap_or(0) {
        value += step;
        samples.push(Sample::Value(value));
    }
    Some(samples)
}
