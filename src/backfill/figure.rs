//! The families that a backfill writes: those of the recording rules, so that what was and what is make one series.

use crate::usage::Level;

/// A figure that there is at every level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    PayloadsLastHour,
    PayloadBytesLastHour,
    PayloadsLastDay,
    PayloadBytesLastDay,
    Devices,
    DevicesCreatedLastDay,
    DevicesDeletedLastDay,
    NotebookRunSecondsLastDay,
    NotebookRunsLastDay,
}

impl Figure {
    /// All of them, in the order in which they are written.
    pub(super) const ALL: [Self; 9] = [
        Self::PayloadsLastHour,
        Self::PayloadBytesLastHour,
        Self::PayloadsLastDay,
        Self::PayloadBytesLastDay,
        Self::Devices,
        Self::DevicesCreatedLastDay,
        Self::DevicesDeletedLastDay,
        Self::NotebookRunSecondsLastDay,
        Self::NotebookRunsLastDay,
    ];

    /// What stands between the level and the colon in the name of the family.
    const fn stem(self) -> &'static str {
        match self {
            Self::PayloadsLastHour => "payloads_last_hour",
            Self::PayloadBytesLastHour => "payload_bytes_last_hour",
            Self::PayloadsLastDay => "payloads_last_day",
            Self::PayloadBytesLastDay => "payload_bytes_last_day",
            Self::Devices => "devices",
            Self::DevicesCreatedLastDay => "devices_created_last_day",
            Self::DevicesDeletedLastDay => "devices_deleted_last_day",
            Self::NotebookRunSecondsLastDay => "notebook_run_seconds_last_day",
            Self::NotebookRunsLastDay => "notebook_runs_last_day",
        }
    }

    /// What the family holds, in one line.
    const fn help(self) -> &'static str {
        match self {
            Self::PayloadsLastHour => "Payloads of the last whole UTC hour that had settled.",
            Self::PayloadBytesLastHour => {
                "Bytes of the payloads of the last whole UTC hour that had settled."
            }
            Self::PayloadsLastDay => "Payloads of the last whole UTC day.",
            Self::PayloadBytesLastDay => "Bytes of the payloads of the last whole UTC day.",
            Self::Devices => "Devices that existed.",
            Self::DevicesCreatedLastDay => "Devices created on the last whole UTC day.",
            Self::DevicesDeletedLastDay => "Devices deleted on the last whole UTC day.",
            Self::NotebookRunSecondsLastDay => "Run time of notebooks on the last whole UTC day.",
            Self::NotebookRunsLastDay => "Notebook runs that ended on the last whole UTC day.",
        }
    }
}

/// A figure of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Family {
    pub(super) level: Level,
    pub(super) figure: Figure,
}

impl Family {
    /// All of them, in the order in which they are written.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let of = |level| Figure::ALL.into_iter().map(move |figure| Self { level, figure });
        Level::ALL.into_iter().flat_map(of)
    }

    /// Its name.
    pub(super) fn name(self) -> String {
        format!("losant_{}:{}:max", self.level, self.figure.stem())
    }

    /// What stands before its samples in a file.
    pub(super) fn head(self) -> String {
        let name = self.name();
        format!("# TYPE {name} gauge\n# HELP {name} {}\n", self.figure.help())
    }

    /// Its place among all.
    pub(super) const fn place(self) -> usize {
        self.level as usize * Figure::ALL.len() + self.figure as usize
    }

    /// What its file is called while it is gathered.
    pub(super) fn spool(self) -> String {
        format!("{}-{}", self.level, self.figure.stem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_stands_at_its_place_and_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Family::all().map(Family::name).collect();
        assert_eq!(names.len(), 27);
        assert!(names.contains("losant_org:payloads_last_hour:max"));
        assert!(Family::all().enumerate().all(|(place, family)| family.place() == place));
    }
}
