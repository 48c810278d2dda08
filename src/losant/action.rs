//! What can be asked of Losant.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

use crate::usage::Level;

/// One action of the Losant API. All of them are reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each is Losant's action of the same name, and the table below says where it lives"
)]
pub enum Action {
    InstancesGet,
    InstanceGet,
    InstancePayloadCounts,
    InstancePayloadCountsBreakdown,
    InstanceDeviceCounts,
    InstanceNotebookMinuteCounts,
    InstanceOrgsGet,
    InstanceOrgGet,
    InstanceOrgPayloadCounts,
    InstanceOrgPayloadCountsBreakdown,
    InstanceOrgDeviceCounts,
    InstanceOrgNotebookMinuteCounts,
    InstanceSandboxesGet,
    InstanceSandboxGet,
    InstanceSandboxPayloadCounts,
    InstanceSandboxPayloadCountsBreakdown,
    InstanceSandboxDeviceCounts,
    InstanceSandboxNotebookMinuteCounts,
}

/// A usage count that exists at every level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// Payloads by type and source.
    Payloads,
    /// Payloads by hour or day.
    PayloadsBreakdown,
    /// Devices by day.
    Devices,
    /// Notebook runs and their minutes by day.
    NotebookMinutes,
}

struct Row {
    action: Action,
    /// Losant's name of the action, which is also the name of the scope that a token needs for it.
    name: &'static str,
    /// Where it lives; `{instance}` stands for the instance, `{id}` for the org or sandbox within it.
    path: &'static str,
}

const fn row(action: Action, name: &'static str, path: &'static str) -> Row {
    Row { action, name, path }
}

/// One row for each action, in the order of the enum.
const TABLE: [Row; 18] = {
    use Action as A;
    [
        row(A::InstancesGet, "instances.get", "/instances"),
        row(A::InstanceGet, "instance.get", "/instances/{instance}"),
        row(A::InstancePayloadCounts, "instance.payloadCounts", "/instances/{instance}/payloadCounts"),
        row(
            A::InstancePayloadCountsBreakdown,
            "instance.payloadCountsBreakdown",
            "/instances/{instance}/payloadCountsBreakdown",
        ),
        row(A::InstanceDeviceCounts, "instance.deviceCounts", "/instances/{instance}/deviceCounts"),
        row(
            A::InstanceNotebookMinuteCounts,
            "instance.notebookMinuteCounts",
            "/instances/{instance}/notebookMinuteCounts",
        ),
        row(A::InstanceOrgsGet, "instanceOrgs.get", "/instances/{instance}/orgs"),
        row(A::InstanceOrgGet, "instanceOrg.get", "/instances/{instance}/orgs/{id}"),
        row(
            A::InstanceOrgPayloadCounts,
            "instanceOrg.payloadCounts",
            "/instances/{instance}/orgs/{id}/payloadCounts",
        ),
        row(
            A::InstanceOrgPayloadCountsBreakdown,
            "instanceOrg.payloadCountsBreakdown",
            "/instances/{instance}/orgs/{id}/payloadCountsBreakdown",
        ),
        row(
            A::InstanceOrgDeviceCounts,
            "instanceOrg.deviceCounts",
            "/instances/{instance}/orgs/{id}/deviceCounts",
        ),
        row(
            A::InstanceOrgNotebookMinuteCounts,
            "instanceOrg.notebookMinuteCounts",
            "/instances/{instance}/orgs/{id}/notebookMinuteCounts",
        ),
        row(A::InstanceSandboxesGet, "instanceSandboxes.get", "/instances/{instance}/sandboxes"),
        row(A::InstanceSandboxGet, "instanceSandbox.get", "/instances/{instance}/sandboxes/{id}"),
        row(
            A::InstanceSandboxPayloadCounts,
            "instanceSandbox.payloadCounts",
            "/instances/{instance}/sandboxes/{id}/payloadCounts",
        ),
        row(
            A::InstanceSandboxPayloadCountsBreakdown,
            "instanceSandbox.payloadCountsBreakdown",
            "/instances/{instance}/sandboxes/{id}/payloadCountsBreakdown",
        ),
        row(
            A::InstanceSandboxDeviceCounts,
            "instanceSandbox.deviceCounts",
            "/instances/{instance}/sandboxes/{id}/deviceCounts",
        ),
        row(
            A::InstanceSandboxNotebookMinuteCounts,
            "instanceSandbox.notebookMinuteCounts",
            "/instances/{instance}/sandboxes/{id}/notebookMinuteCounts",
        ),
    ]
};

impl Action {
    /// Every action.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.action)
    }

    /// The action that reads `count` for an owner of `level`.
    pub const fn count(level: Level, count: Count) -> Self {
        match (level, count) {
            (Level::Instance, Count::Payloads) => Self::InstancePayloadCounts,
            (Level::Instance, Count::PayloadsBreakdown) => Self::InstancePayloadCountsBreakdown,
            (Level::Instance, Count::Devices) => Self::InstanceDeviceCounts,
            (Level::Instance, Count::NotebookMinutes) => Self::InstanceNotebookMinuteCounts,
            (Level::Org, Count::Payloads) => Self::InstanceOrgPayloadCounts,
            (Level::Org, Count::PayloadsBreakdown) => Self::InstanceOrgPayloadCountsBreakdown,
            (Level::Org, Count::Devices) => Self::InstanceOrgDeviceCounts,
            (Level::Org, Count::NotebookMinutes) => Self::InstanceOrgNotebookMinuteCounts,
            (Level::Sandbox, Count::Payloads) => Self::InstanceSandboxPayloadCounts,
            (Level::Sandbox, Count::PayloadsBreakdown) => Self::InstanceSandboxPayloadCountsBreakdown,
            (Level::Sandbox, Count::Devices) => Self::InstanceSandboxDeviceCounts,
            (Level::Sandbox, Count::NotebookMinutes) => Self::InstanceSandboxNotebookMinuteCounts,
        }
    }

    /// Losant's name for it (`instanceOrg.payloadCounts`): the scope that a token needs, and the label of our metrics.
    pub const fn label(self) -> &'static str {
        self.row().name
    }

    /// Where it lives below the base URL, with `{instance}` and `{id}` for the ids.
    pub const fn path(self) -> &'static str {
        self.row().path
    }

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl EncodeLabelValue for Action {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        self.label().encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_enum() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.action as usize, index, "{}", row.name);
        }
    }

    #[test]
    fn names_say_the_resource_and_paths_end_in_what_is_counted() {
        for (level, resource) in
            [(Level::Instance, "instance"), (Level::Org, "instanceOrg"), (Level::Sandbox, "instanceSandbox")]
        {
            for (count, leaf) in [
                (Count::Payloads, "payloadCounts"),
                (Count::PayloadsBreakdown, "payloadCountsBreakdown"),
                (Count::Devices, "deviceCounts"),
                (Count::NotebookMinutes, "notebookMinuteCounts"),
            ] {
                let action = Action::count(level, count);
                assert_eq!(action.label(), format!("{resource}.{leaf}"));
                assert!(action.path().ends_with(&format!("/{leaf}")), "{action}");
                assert_eq!(action.path().contains("{id}"), level != Level::Instance, "{action}");
            }
        }
    }
}
