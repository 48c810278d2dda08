//! The kinds of poll.

use std::fmt;

use super::Level;

/// One kind of poll: what is asked for, and the value of the label `collector`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collector {
    /// Which orgs and sandboxes there are, with their names, limits, periods and resource counts.
    Discovery,
    /// Payloads and bytes by type and source in the billing period.
    PayloadCounts,
    /// Payloads and bytes by hour and day, billable or not.
    PayloadCountsBreakdown,
    /// Devices that exist, were created, were deleted.
    DeviceCounts,
    /// Notebook runs and their time.
    NotebookMinuteCounts,
    /// Usage of applications in the running calendar month.
    Applications,
    /// Billable usage of the calendar month before, by org and application.
    PreviousPeriod,
}

impl Collector {
    /// Every collector, the one that the others depend on first.
    pub const ALL: [Self; 7] = [
        Self::Discovery,
        Self::PayloadCounts,
        Self::PayloadCountsBreakdown,
        Self::DeviceCounts,
        Self::NotebookMinuteCounts,
        Self::Applications,
        Self::PreviousPeriod,
    ];

    /// The collectors that ask about one scope of a level at a time.
    pub const fn of(level: Level) -> &'static [Self] {
        const EVERYWHERE: &[Collector] = &[
            Collector::PayloadCounts,
            Collector::PayloadCountsBreakdown,
            Collector::DeviceCounts,
            Collector::NotebookMinuteCounts,
        ];
        // The monthly summaries tell of all owners of an instance at once.
        const INSTANCE: &[Collector] = &[
            Collector::PayloadCounts,
            Collector::PayloadCountsBreakdown,
            Collector::DeviceCounts,
            Collector::NotebookMinuteCounts,
            Collector::Applications,
            Collector::PreviousPeriod,
        ];
        match level {
            Level::Instance => INSTANCE,
            Level::Org | Level::Sandbox => EVERYWHERE,
        }
    }

    /// The collectors that a scope of a level depends on: discovery, and its own.
    pub fn concerning(level: Level) -> impl Iterator<Item = Self> {
        std::iter::once(Self::Discovery).chain(Self::of(level).iter().copied())
    }

    /// Whether what it read grows old. What was billed for a month that is over does not: it goes with the month.
    pub const fn expires(self) -> bool {
        !matches!(self, Self::PreviousPeriod)
    }

    /// The label value, and the stem of its configuration key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::PayloadCounts => "payload_counts",
            Self::PayloadCountsBreakdown => "payload_counts_breakdown",
            Self::DeviceCounts => "device_counts",
            Self::NotebookMinuteCounts => "notebook_minute_counts",
            Self::Applications => "applications",
            Self::PreviousPeriod => "previous_period",
        }
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
