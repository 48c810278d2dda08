//! What lists say of the use of a scope, as far as it tells whether anything has changed.
//!
//! Pure. Whether lists are to be believed is `trust`'s business.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::payload_counts;
use crate::losant::wire::{NotebookStats, PayloadStats, Summary};
use crate::usage::{BillingPeriod, Collector};

/// The use of a scope in its billing period, as a list told it. What was not told is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figures {
    period_start: Option<Timestamp>,
    payloads: Option<Payloads>,
    /// Minutes and runs, and how many more are under way.
    notebooks: Option<(f64, f64, f64)>,
    devices: Option<f64>,
    applications: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Payloads {
    /// Of all types and sources with their numbers: a hundred thousand scopes are too many to keep them.
    fingerprint: u64,
    total: f64,
}

/// Stands for everything that a collector's numbers depend on. While it stays the same, so do they.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Figures {
    /// What `summary` says of a scope in `period`.
    pub(super) fn of(period: Option<BillingPeriod>, summary: Option<&Summary>) -> Self {
        let counter = |name| summary.and_then(|summary| summary.counts.get(name).copied());
        let notebooks = |stats: NotebookStats| {
            let under_way = stats.awaiting_completion.unwrap_or_default();
            Some((stats.minutes_this_period?, stats.runs_this_period?, under_way))
        };
        Self {
            period_start: period.map(|period| period.start),
            payloads: summary.and_then(|summary| summary.payloads.as_ref()).map(Payloads::of),
            notebooks: summary.and_then(|summary| summary.notebooks).and_then(notebooks),
            devices: counter("deviceCount"),
            applications: counter("appCount"),
        }
    }

    /// Whether they tell of payloads at all.
    pub(super) fn tell_payloads(&self) -> bool {
        self.payloads.is_some() && self.period_start.is_some()
    }

    /// Payloads of all types in the period that starts at `period_start`.
    pub(super) fn total_in(&self, period_start: Timestamp) -> Option<f64> {
        let payloads = self.payloads.filter(|_| self.period_start == Some(period_start));
        payloads.map(|payloads| payloads.total)
    }

    /// How many applications there are, which is how many rows monthly summaries have. None where it was not told.
    pub(super) fn applications(&self) -> f64 {
        self.applications.unwrap_or_default()
    }

    /// Whether no payload came in the period.
    pub(super) fn are_silent(&self) -> bool {
        self.payloads.is_some_and(|payloads| payloads.total == 0.0)
    }

    /// Whether no notebook ran in the period.
    pub(super) fn tell_no_notebooks(&self) -> bool {
        self.notebooks == Some((0.0, 0.0, 0.0))
    }

    /// Whether payloads came, going by what was told `before`.
    pub(super) fn have_moved_since(&self, before: &Self) -> bool {
        self.payloads.is_some() && self.payloads != before.payloads && !self.are_silent()
    }

    /// What the numbers of `collector` depend on. `None` where that was not told.
    ///
    /// A device that was created and deleted between two lists does not show in their number. So devices count as changed
    /// whenever anything at all goes on.
    pub(super) fn mark(&self, collector: Collector) -> Option<Mark> {
        let mut hasher = DefaultHasher::new();
        let payloads = self.payloads.map(|payloads| payloads.fingerprint);
        match collector {
            Collector::PayloadCounts | Collector::PayloadBytes | Collector::PayloadCountsBreakdown => {
                (self.period_start?, payloads?).hash(&mut hasher);
            }
            Collector::DeviceCounts => (self.devices?.to_bits(), payloads?).hash(&mut hasher),
            Collector::NotebookMinuteCounts => {
                let (minutes, runs, under_way) = self.notebooks?;
                let notebooks = (minutes.to_bits(), runs.to_bits(), under_way.to_bits());
                (self.period_start?, notebooks).hash(&mut hasher);
            }
            Collector::Discovery | Collector::Applications | Collector::PreviousPeriod => return None,
        }
        Some(Mark(hasher.finish()))
    }
}

impl Payloads {
    fn of(stats: &PayloadStats) -> Self {
        let mut hasher = DefaultHasher::new();
        for (payload_type, sources) in stats {
            // Whether a type without payloads is told makes no difference.
            for (source, value) in sources.iter().filter(|(_, value)| **value != 0.0) {
                (payload_type, source, value.to_bits()).hash(&mut hasher);
            }
        }
        Self { fingerprint: hasher.finish(), total: payload_counts::total(stats) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn figures(payloads: f64, devices: f64, runs: f64) -> Figures {
        let by_source = BTreeMap::from([("device.mqtt".to_owned(), payloads)]);
        let notebooks = NotebookStats {
            awaiting_completion: None,
            minutes_this_period: Some(runs * 7.0),
            runs_this_period: Some(runs),
        };
        let summary = Summary {
            counts: BTreeMap::from([("deviceCount".to_owned(), devices)]),
            payloads: Some(PayloadStats::from([("deviceState".to_owned(), by_source)])),
            storage: None,
            notebooks: Some(notebooks),
        };
        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        Figures::of(Some(BillingPeriod::calendar_month(now)), Some(&summary))
    }

    fn march() -> Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn what_was_used_is_told_of_the_period_that_it_was_used_in() {
        let told = figures(5.0, 3.0, 1.0);
        assert!(told.tell_payloads() && !told.are_silent() && !told.tell_no_notebooks());
        assert_eq!(told.total_in(march()), Some(5.0));
        assert_eq!(told.total_in("2026-04-01T00:00:00Z".parse().unwrap()), None);
        let silent = figures(0.0, 3.0, 0.0);
        assert!(silent.tell_payloads() && silent.are_silent() && silent.tell_no_notebooks());
        assert!(!Figures { period_start: None, ..told }.tell_payloads(), "of which period?");
        assert!(!Figures { payloads: None, ..told }.tell_payloads());
    }

    #[test]
    fn a_notebook_that_is_under_way_is_use() {
        let mut silent = figures(0.0, 3.0, 0.0);
        silent.notebooks = Some((0.0, 0.0, 1.0));
        assert!(!silent.tell_no_notebooks());
        assert_ne!(
            silent.mark(Collector::NotebookMinuteCounts),
            figures(0.0, 3.0, 0.0).mark(Collector::NotebookMinuteCounts)
        );
    }

    #[test]
    fn a_scope_has_moved_when_it_has_used_something_that_was_not_told_before() {
        let (five, six, none) = (figures(5.0, 3.0, 1.0), figures(6.0, 3.0, 1.0), figures(0.0, 3.0, 1.0));
        let untold = Figures { payloads: None, ..five };
        assert!(
            six.have_moved_since(&five) && five.have_moved_since(&none) && five.have_moved_since(&untold)
        );
        assert!(!five.have_moved_since(&figures(5.0, 4.0, 2.0)), "payloads are the same");
        assert!(!none.have_moved_since(&five), "a new period");
        assert!(!untold.have_moved_since(&five));
    }

    #[test]
    fn applications_are_counted_where_they_are_told() {
        let summary =
            Summary { counts: BTreeMap::from([("appCount".to_owned(), 4.0)]), ..Summary::default() };
        assert_eq!(
            Figures::of(None, Some(&summary)).applications().total_cmp(&4.0),
            std::cmp::Ordering::Equal
        );
        assert_eq!(figures(5.0, 3.0, 1.0).applications().total_cmp(&0.0), std::cmp::Ordering::Equal);
    }

    #[test]
    fn a_type_of_which_nothing_came_makes_no_difference() {
        let stats = |zero: bool| {
            let mut by_source = BTreeMap::from([("a".to_owned(), 2.0)]);
            if zero {
                by_source.insert("b".to_owned(), 0.0);
            }
            Payloads::of(&PayloadStats::from([("timer".to_owned(), by_source)]))
        };
        assert_eq!(stats(true), stats(false));
    }

    #[test]
    fn each_collector_depends_on_what_its_numbers_are_made_of() {
        let changed = |a: Figures, b: Figures| {
            let moved = |collector: &Collector| a.mark(*collector) != b.mark(*collector);
            Collector::ALL.into_iter().filter(moved).collect::<Vec<_>>()
        };
        let before = figures(5.0, 3.0, 1.0);
        assert_eq!(changed(before, before), []);
        assert_eq!(
            changed(before, figures(6.0, 3.0, 1.0)),
            [
                Collector::PayloadCounts,
                Collector::PayloadBytes,
                Collector::PayloadCountsBreakdown,
                Collector::DeviceCounts
            ]
        );
        assert_eq!(changed(before, figures(5.0, 4.0, 1.0)), [Collector::DeviceCounts]);
        assert_eq!(changed(before, figures(5.0, 3.0, 2.0)), [Collector::NotebookMinuteCounts]);
    }

    #[test]
    fn a_new_period_changes_all_that_begins_with_it() {
        let before = figures(0.0, 3.0, 0.0);
        let start = "2026-04-01T00:00:00Z".parse().ok();
        let after = Figures { period_start: start, ..before };
        assert_ne!(before.mark(Collector::PayloadCounts), after.mark(Collector::PayloadCounts));
        assert_ne!(before.mark(Collector::NotebookMinuteCounts), after.mark(Collector::NotebookMinuteCounts));
        assert_eq!(before.mark(Collector::DeviceCounts), after.mark(Collector::DeviceCounts));
    }

    #[test]
    fn what_is_not_told_gives_no_mark() {
        let silent = Figures::of(None, None);
        assert!(Collector::ALL.into_iter().all(|collector| silent.mark(collector).is_none()));
        assert!(!silent.are_silent() && !silent.tell_payloads() && !silent.tell_no_notebooks());
    }
}
