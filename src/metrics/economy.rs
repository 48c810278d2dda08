//! What is left out where there are more series than wanted.
//!
//! Owns: the order in which detail is given up for `max_series`: the sources of payloads first, then their bytes, then whole
//! sandboxes by least usage, then whole orgs by least usage. Figures of instances stay.
//! Must not: write anything.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::catalogue::Row;
use super::family::Families;
use super::sheet::Fillings;
use super::shown::Shown;
use crate::usage::{Level, Measure, Scope};

/// What is left out of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Economy {
    stage: Stage,
    /// The scopes that are left out, by their places in the snapshot, in order.
    left_out: Vec<u32>,
    /// How many series of each family are left out. Empty where none is.
    dropped: Vec<usize>,
}

/// What was decided for the last page. It stays as it is where it can.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    stage: Stage,
    left_out: BTreeSet<Scope>,
    /// How many series each family had.
    pub(super) sizes: Vec<usize>,
}

/// How much is given up. Each stage gives up what those before it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Nothing.
    #[default]
    Everything,
    /// Payloads by type and source are added up over their sources.
    WithoutSources,
    /// No payloads in bytes.
    WithoutBytes,
    /// Not every sandbox, and perhaps not every org.
    WithoutScopes,
}

impl Stage {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Everything => Some(Self::WithoutSources),
            Self::WithoutSources => Some(Self::WithoutBytes),
            Self::WithoutBytes => Some(Self::WithoutScopes),
            Self::WithoutScopes => None,
        }
    }

    /// In words, for the log.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Everything => "nothing",
            Self::WithoutSources => "sources of payloads",
            Self::WithoutBytes => "sources and bytes of payloads",
            Self::WithoutScopes => "sources and bytes of payloads, and whole scopes",
        }
    }
}

impl Before {
    /// How much was given up.
    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }
}

impl Economy {
    /// What has to be left out of `shown` to keep within `max_series`, and what remains.
    ///
    /// Only what leaves a twentieth of `max_series` as room comes back: a number of series about the limit does not have half of
    /// them come and go.
    pub(super) fn decide<'a>(
        families: &Families,
        shown: &'a Shown,
        max_series: Option<usize>,
        before: &Before,
    ) -> (Self, Fillings<'a>) {
        // Of instances, `losant_up` comes from no reading and is always there.
        let most = max_series.unwrap_or(usize::MAX).saturating_sub(shown.snapshot().up().count());
        let room = most - most / 20;
        let fill = |economy: &Self| Fillings::new(families, shown, economy, &before.sizes);
        let mut economy = Self::default();
        let mut left = fill(&economy);
        let all: Vec<_> = left.sizes().collect();
        loop {
            let series: usize = left.sizes().sum();
            if series <= if economy.stage < before.stage { room } else { most } {
                break;
            }
            let Some(next) = economy.stage.next() else { break };
            if next == Stage::WithoutScopes {
                economy.leave_out_scopes(shown, &left, (most, room), &before.left_out);
                if economy.left_out.is_empty() {
                    break;
                }
            }
            economy.stage = next;
            left = fill(&economy);
            if next == Stage::WithoutScopes {
                break;
            }
        }
        economy.count_dropped(&all, &left);
        if economy.dropped.iter().all(|dropped| *dropped == 0) {
            // Nothing has to be left out, or there is nobody yet of whom something could be.
            economy = Self::default();
        }
        (economy, left)
    }

    /// Notes what was decided, for the next page.
    pub(super) fn remember(&self, shown: &Shown, sizes: impl Iterator<Item = usize>) -> Before {
        let scopes = shown.snapshot().scopes();
        let left_out = self.left_out.iter().filter_map(|place| Some(scopes.get(*place as usize)?.0));
        Before { stage: self.stage, left_out: left_out.collect(), sizes: sizes.collect() }
    }

    fn count_dropped(&mut self, all: &[usize], left: &Fillings<'_>) {
        self.dropped = all.iter().zip(left.sizes()).map(|(all, left)| all.saturating_sub(left)).collect();
    }

    /// Leaves out scopes until there are no more than `most` of the series that are `left`, or nobody is. Those that were left
    /// out `before` are first, and come back, those that use most first, as far as there is `room`.
    fn leave_out_scopes(
        &mut self,
        shown: &Shown,
        left: &Fillings<'_>,
        (most, room): (usize, usize),
        before: &BTreeSet<Scope>,
    ) {
        let series = left.by_scope(shown.scopes().len());
        let mut remaining: usize = series.iter().sum();
        // Sandboxes before orgs, by usage; of whom it is not known, last.
        let mut by_usage: Vec<_> = (0_u32..)
            .zip(shown.scopes())
            .zip(series)
            .filter(|((_, scope), _)| scope.scope.level() != Level::Instance)
            .map(|((place, scope), series)| {
                let usage = scope.payloads().unwrap_or(f64::INFINITY);
                (Reverse(scope.scope.level()), usage, place, series, before.contains(&scope.scope))
            })
            .collect();
        by_usage.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        for (.., series, is_out) in &by_usage {
            remaining -= if *is_out { *series } else { 0 };
        }
        for (.., series, is_out) in &mut by_usage {
            if remaining <= most {
                break;
            }
            if !std::mem::replace(is_out, true) {
                remaining -= *series;
            }
        }
        for (.., series, is_out) in by_usage.iter_mut().rev() {
            if *is_out && remaining + *series <= room {
                *is_out = false;
                remaining += *series;
            }
        }
        self.left_out =
            by_usage.into_iter().filter(|(.., is_out)| *is_out).map(|(_, _, place, ..)| place).collect();
        self.left_out.sort_unstable();
    }

    /// How much is given up.
    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    /// How many scopes are left out.
    pub(super) const fn scopes_left_out(&self) -> usize {
        self.left_out.len()
    }

    /// How many series of each family are left out. Empty where none is.
    pub(super) fn dropped(&self) -> &[usize] {
        &self.dropped
    }

    /// Whether the scope at a place in the snapshot is left out.
    pub(super) fn leaves_out(&self, place: u32) -> bool {
        !self.left_out.is_empty() && self.left_out.binary_search(&place).is_ok()
    }

    /// Whether scopes of `level` have no series of the measure.
    pub(super) fn skips(&self, measure: Measure, level: Level) -> bool {
        self.stage >= Stage::WithoutBytes && level != Level::Instance && Row::of(measure).is_of_bytes()
    }

    /// Whether series of the measure are added up, for scopes of `level`, that differ in what comes after their first label.
    pub(super) fn merges(&self, measure: Measure, level: Level) -> bool {
        self.stage >= Stage::WithoutSources && level != Level::Instance && Row::of(measure).is_by_source()
    }
}
