//! What an exporter asks Losant, for faults to strike at.

/// First the list of instances, which is asked for where none are named; then other lists, and then all else.
pub const ACTIONS: [&str; 19] = [
    "instances.get",
    "instance.get",
    "instanceOrgs.get",
    "instanceSandboxes.get",
    "instanceOrg.get",
    "instanceSandbox.get",
    "instance.payloadCounts",
    "instance.payloadCountsBreakdown",
    "instance.deviceCounts",
    "instance.notebookMinuteCounts",
    "instanceOrg.payloadCounts",
    "instanceOrg.payloadCountsBreakdown",
    "instanceOrg.deviceCounts",
    "instanceOrg.notebookMinuteCounts",
    "instanceSandbox.payloadCounts",
    "instanceSandbox.payloadCountsBreakdown",
    "instanceSandbox.deviceCounts",
    "instanceSandbox.notebookMinuteCounts",
    "instance.historicalSummaries",
];
