//! The kinds of poll.

use std::fmt;

use super::Level;

/// One kind of poll: what is asked for, and the value of the label `collector`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collector {
    /// Which orgs and sandboxes there are, with their names, limits, periods and resource counts.
    Discovery,
    /// Payloads by type and source in the billing period.
    PayloadCounts,
    /// The same in bytes. Where it is disabled, no question about bytes is asked, by hour and day neither.
    PayloadBytes,
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
    pub const ALL: [Self; 8] = [
        Self::Discovery,
        Self::PayloadCounts,
        Self::PayloadBytes,
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
            Collector::PayloadBytes,
            Collector::PayloadCountsBreakdown,
            Collector::DeviceCounts,
            Collector::NotebookMinuteCounts,
        ];
        // The monthly summaries tell of all owners of an instance at once.
        const INSTANCE: &[Collector] = &[
            Collector::PayloadCounts,
            Collector::PayloadBytes,
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

    /// Whether it asks an instance about the orgs and sandboxes in it.
    pub const fn tells_of_owners(self) -> bool {
        matches!(self, Self::Applications | Self::PreviousPeriod)
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
            Self::PayloadBytes => "payload_bytes",
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

impl serde::Serialize for Collector {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Collector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::ALL.into_iter().find(|collector| collector.as_str() == name).ok_or_else(|| {
            // Without discovery there is nothing to poll, so whoever may leave it out is not offered it.
            let known = Self::ALL.into_iter().filter(|collector| *collector != Self::Discovery);
            let known = known.map(Self::as_str).collect::<Vec<_>>().join(", ");
            serde::de::Error::custom(format!("there is no collector {name:?}; there are {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, to_value};

    use super::*;

    #[test]
    fn a_collector_is_read_and_written_by_its_name() {
        for (collector, name) in Collector::ALL.into_iter().zip([
            "discovery",
            "payload_counts",
            "payload_bytes",
            "payload_counts_breakdown",
            "device_counts",
            "notebook_minute_counts",
            "applications",
            "previous_period",
        ]) {
            assert_eq!(collector.to_string(), name);
            assert_eq!(to_value(collector).unwrap(), name);
            assert_eq!(from_value::<Collector>(name.into()).unwrap(), collector);
        }
    }

    #[test]
    fn a_wrong_name_is_told_with_those_that_may_be_left_out() {
        let refused = from_value::<Collector>("devices".into()).unwrap_err().to_string();
        assert_eq!(
            refused,
            "there is no collector \"devices\"; there are payload_counts, payload_bytes, payload_counts_breakdown, \
             device_counts, notebook_minute_counts, applications, previous_period"
        );
    }

    #[test]
    fn every_scope_depends_on_discovery_and_an_instance_on_monthly_summaries_too() {
        let org: Vec<_> = Collector::concerning(Level::Org).collect();
        assert_eq!(org, Collector::ALL[..6]);
        assert_eq!(Collector::concerning(Level::Sandbox).collect::<Vec<_>>(), org);
        assert_eq!(Collector::concerning(Level::Instance).collect::<Vec<_>>(), Collector::ALL);
    }

    #[test]
    fn monthly_summaries_tell_of_owners_and_only_a_month_that_is_over_never_grows_old() {
        let telling = Collector::ALL.into_iter().filter(|collector| collector.tells_of_owners());
        assert_eq!(telling.collect::<Vec<_>>(), [Collector::Applications, Collector::PreviousPeriod]);
        let lasting = Collector::ALL.into_iter().filter(|collector| !collector.expires());
        assert_eq!(lasting.collect::<Vec<_>>(), [Collector::PreviousPeriod]);
    }
}
