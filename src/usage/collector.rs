//! The kinds of poll.

use std::fmt;

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
}

impl Collector {
    /// Every collector, the one that the others depend on first.
    pub const ALL: [Self; 5] = [
        Self::Discovery,
        Self::PayloadCounts,
        Self::PayloadCountsBreakdown,
        Self::DeviceCounts,
        Self::NotebookMinuteCounts,
    ];

    /// The collectors that ask about one scope at a time.
    pub const DETAIL: [Self; 4] =
        [Self::PayloadCounts, Self::PayloadCountsBreakdown, Self::DeviceCounts, Self::NotebookMinuteCounts];

    /// The label value, and the stem of its configuration key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::PayloadCounts => "payload_counts",
            Self::PayloadCountsBreakdown => "payload_counts_breakdown",
            Self::DeviceCounts => "device_counts",
            Self::NotebookMinuteCounts => "notebook_minute_counts",
        }
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
