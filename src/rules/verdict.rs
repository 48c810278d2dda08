//! What a check comes to.
//!
//! Owns: the words of a verdict as types, and what counts as a failure.
//! Must not: know how one is arrived at.

use std::collections::HashSet;

use super::Rule;

/// How it stands with a rule.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The series that it reads, as they stand in its expression.
    pub series: Vec<(String, Standing)>,
    /// What is wrong with labels of these.
    pub problems: Vec<Problem>,
}

/// How the series that a selector chooses stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There are so many of them.
    Shown(usize),
    /// Rules of these files record them.
    RecordedBy(Vec<String>),
    /// Prometheus makes them.
    OfPrometheus,
    /// Their name is none of the exporter's: what they are, the page cannot tell.
    Foreign,
    /// The exporter knows the family, and has no series of it at the moment.
    NoneNow,
    /// There are series of this name, and at the moment none that fit the matchers.
    NoneFitNow,
    /// The exporter has no such family.
    UnknownFamily,
    /// No rule of the set records them.
    NotRecorded,
}

/// What is wrong with a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// An expression names it, and nothing has it.
    MissingLabel {
        /// Its name.
        label: String,
        /// The names of series that would have to have it. Without any, the expression drops it itself.
        series: Vec<String>,
        /// The setting that it takes.
        setting: Option<&'static str>,
    },
    /// A matcher wants a value that it never has.
    NeverMatched {
        /// The selector.
        series: String,
        /// The name of the label.
        label: String,
        /// All the values that it has.
        values: Vec<&'static str>,
    },
}

/// What all verdicts come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many rules there are.
    pub rules: usize,
    /// How many of them lack something.
    pub failed: usize,
    /// How many series they need, by selector.
    pub series: usize,
    /// How many of these there are none of at the moment, which may be so.
    pub none_now: usize,
}

impl Standing {
    /// Whether the series will never be there.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::UnknownFamily | Self::NotRecorded)
    }

    /// Whether there are none at the moment, which may be so.
    pub const fn is_none_now(&self) -> bool {
        matches!(self, Self::NoneNow | Self::NoneFitNow)
    }
}

impl Verdict<'_> {
    /// Whether the rule lacks nothing.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty() && !self.series.iter().any(|(_, standing)| standing.is_missing())
    }
}

impl Tally {
    /// Counts what is in `verdicts`.
    pub fn of(verdicts: &[Verdict<'_>]) -> Self {
        let count = |wanted: fn(&Standing) -> bool| {
            let series = verdicts.iter().flat_map(|verdict| &verdict.series);
            let wanted = series.filter(|(_, standing)| wanted(standing));
            wanted.map(|(selector, _)| selector.as_str()).collect::<HashSet<_>>().len()
        };
        Self {
            rules: verdicts.len(),
            failed: verdicts.iter().filter(|verdict| !verdict.is_ok()).count(),
            series: count(|_| true),
            none_now: count(Standing::is_none_now),
        }
    }
}
