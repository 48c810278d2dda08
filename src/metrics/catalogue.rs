//! The catalogue: every usage family once, with its name, labels and HELP.
//!
//! Owns: what users see of a [`Measure`]. The documentation and the tests are made from it.
//! Must not: know where numbers come from at run time, or hold any.

use crate::usage::{Level, Measure};

/// One row of the catalogue: a measure at one or more levels.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is measured.
    pub measure: Measure,
    /// Whose usage it is, where it is something that a scope owns: one family then holds what all levels own.
    pub subject: Option<&'static str>,
    /// The levels that have it. Each gets a family of its own.
    pub levels: &'static [Level],
    /// The family's name without `losant_{level}_`.
    pub stem: &'static str,
    /// Label names beyond the ids of the scope, in the order of a sample's label values.
    pub labels: &'static [&'static str],
    /// What it is, over which window, and where it comes from. `{scope}` stands for those whose usage is counted, `{owner}`
    /// for the level itself, `{action}` for the resource in Losant's action names.
    help: &'static str,
}

impl Row {
    /// The row of a measure.
    pub fn of(measure: Measure) -> &'static Self {
        // The table stands in the order of the enum; a test holds it to that.
        &CATALOGUE[measure as usize]
    }

    /// The full name of the family at a level.
    pub fn family(&self, level: Level) -> String {
        format!("losant_{}_{}", self.subject.unwrap_or(level.as_str()), self.stem)
    }

    /// Whether its series tell the sources of payloads apart.
    pub(super) fn is_by_source(&self) -> bool {
        self.labels.contains(&"source")
    }

    /// Whether it counts payloads in bytes.
    pub(super) fn is_of_bytes(&self) -> bool {
        self.stem.contains("payload_bytes")
    }

    /// One level for each family of the row.
    pub fn family_levels(&self) -> &'static [Level] {
        if self.subject.is_some() { self.levels.get(..1).unwrap_or_default() } else { self.levels }
    }

    /// The HELP text of the family at a level: one line, no backslash, a full stop at the end as prometheus-client adds
    /// to what is registered.
    pub fn help(&self, level: Level) -> String {
        let (scope, owner, action) = match level {
            // Losant leaves sandboxes out of the figures of an instance.
            Level::Instance => ("the instance's orgs", "the instance", "instance"),
            Level::Org => ("the org", "the org", "instanceOrg"),
            Level::Sandbox => ("the sandbox user", "the sandbox user", "instanceSandbox"),
        };
        let help = self.help.replace("{scope}", scope).replace("{owner}", owner).replace("{action}", action);
        format!("{help}.")
    }
}

/// Name of the label that holds the id of a scope itself.
pub(super) const fn own_id_label(level: Level) -> &'static str {
    match level {
        Level::Instance => "instance_id",
        Level::Org => "org_id",
        Level::Sandbox => "sandbox_id",
    }
}

/// Names of the id labels that every series of a level carries.
pub const fn id_labels(level: Level) -> &'static [&'static str] {
    match level {
        Level::Instance => &["instance_id"],
        Level::Org => &["instance_id", "org_id"],
        Level::Sandbox => &["instance_id", "sandbox_id"],
    }
}

/// Name of the family that counts what `max_series` leaves out. It is there only while something is.
pub const SERIES_DROPPED: &str = "losant_exporter_series_dropped";

/// HELP of [`SERIES_DROPPED`].
pub const SERIES_DROPPED_HELP: &str =
    "Series of each usage family that are left out to keep within max_series.";

/// HELP of `losant_up`.
pub const UP_HELP: &str = "1 when the last discovery of the instance and its own polls succeeded, else 0.";

/// Name of the family that tells when each collector last succeeded.
pub fn last_success_family(level: Level) -> String {
    format!("losant_{level}_last_success_timestamp_seconds")
}

/// HELP of [`last_success_family`].
pub fn last_success_help(level: Level) -> String {
    format!(
        "Up to when what the collector shows of the {level} is known to be true, as a Unix time: its last success, or the \
         last list that showed no change since; a failure leaves it where it was"
    )
}

const EVERY: &[Level] = &Level::ALL;
const OWNERS: &[Level] = &[Level::Org, Level::Sandbox];
const INSTANCE: &[Level] = &[Level::Instance];
const ORG: &[Level] = &[Level::Org];
const SANDBOX: &[Level] = &[Level::Sandbox];

const TYPE_AND_SOURCE: &[&str] = &["payload_type", "source"];
const BILLABLE: &[&str] = &["billable"];
const OUTCOME: &[&str] = &["outcome"];
const RESOURCE: &[&str] = &["resource"];
const APPLICATION: &[&str] = &["application_id"];
const APPLICATION_AND_BILLABLE: &[&str] = &["application_id", "billable"];

const fn row(
    measure: Measure,
    levels: &'static [Level],
    stem: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Row {
    Row { measure, subject: None, levels, stem, labels, help }
}

/// A row of what the applications of orgs and sandboxes use.
const fn application(
    measure: Measure,
    stem: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Row {
    Row { measure, subject: Some("application"), levels: OWNERS, stem, labels, help }
}

/// All usage families, in the order of [`Measure`].
#[rustfmt::skip]
pub static CATALOGUE: &[Row] = &[
    row(Measure::PayloadsPeriod, EVERY, "payloads_period", TYPE_AND_SOURCE,
        "Payloads of {scope} in the billing period so far, billable or not, by type and source ({action}.payloadCounts, refreshed by polling)"),
    row(Measure::PayloadBytesPeriod, EVERY, "payload_bytes_period", TYPE_AND_SOURCE,
        "Bytes of the payloads of {scope} in the billing period so far, billable or not, by type and source ({action}.payloadCounts, refreshed by polling)"),
    row(Measure::PayloadsThisHour, EVERY, "payloads_this_hour", BILLABLE,
        "Payloads of {scope} in the running UTC hour so far ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::PayloadsLastHour, EVERY, "payloads_last_hour", BILLABLE,
        "Payloads of {scope} in the last complete and settled UTC hour ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::PayloadsToday, EVERY, "payloads_today", BILLABLE,
        "Payloads of {scope} in the running UTC day so far ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::PayloadsLastDay, EVERY, "payloads_last_day", BILLABLE,
        "Payloads of {scope} in the last complete UTC day ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::PayloadBytesThisHour, EVERY, "payload_bytes_this_hour", BILLABLE,
        "Bytes of the payloads of {scope} in the running UTC hour so far ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::PayloadBytesLastHour, EVERY, "payload_bytes_last_hour", BILLABLE,
        "Bytes of the payloads of {scope} in the last complete and settled UTC hour ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::PayloadBytesToday, EVERY, "payload_bytes_today", BILLABLE,
        "Bytes of the payloads of {scope} in the running UTC day so far ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::PayloadBytesLastDay, EVERY, "payload_bytes_last_day", BILLABLE,
        "Bytes of the payloads of {scope} in the last complete UTC day ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::BillablePayloadsPeriod, EVERY, "billable_payloads_period", &[],
        "Billable payloads of {scope} in the billing period so far: the number that counts against the limit ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::LastHourEnd, EVERY, "last_hour_end_timestamp_seconds", &[],
        "End of the UTC hour that the last_hour families of {scope} speak of, as a Unix time ({action}.payloadCountsBreakdown, refreshed by polling)"),
    row(Measure::Devices, EVERY, "devices", &[],
        "Devices of {scope} that exist now ({action}.deviceCounts, newest UTC day, refreshed by polling)"),
    row(Measure::DevicesCreatedToday, EVERY, "devices_created_today", &[],
        "Devices of {scope} created in the running UTC day so far ({action}.deviceCounts, refreshed by polling)"),
    row(Measure::DevicesCreatedLastDay, EVERY, "devices_created_last_day", &[],
        "Devices of {scope} created in the last complete UTC day ({action}.deviceCounts, refreshed by polling)"),
    row(Measure::DevicesDeletedToday, EVERY, "devices_deleted_today", &[],
        "Devices of {scope} deleted in the running UTC day so far ({action}.deviceCounts, refreshed by polling)"),
    row(Measure::DevicesDeletedLastDay, EVERY, "devices_deleted_last_day", &[],
        "Devices of {scope} deleted in the last complete UTC day ({action}.deviceCounts, refreshed by polling)"),
    row(Measure::NotebookRunTimeToday, EVERY, "notebook_run_seconds_today", &[],
        "Run time of notebooks of {scope} in the running UTC day so far: notebook minutes x 60 ({action}.notebookMinuteCounts, refreshed by polling)"),
    row(Measure::NotebookRunTimeLastDay, EVERY, "notebook_run_seconds_last_day", &[],
        "Run time of notebooks of {scope} in the last complete UTC day: notebook minutes x 60 ({action}.notebookMinuteCounts, refreshed by polling)"),
    row(Measure::NotebookRunTimePeriod, EVERY, "notebook_run_seconds_period", &[],
        "Run time of notebooks of {scope} in the billing period so far: notebook minutes x 60 ({action}.notebookMinuteCounts, refreshed by polling)"),
    row(Measure::NotebookRunsToday, EVERY, "notebook_runs_today", OUTCOME,
        "Notebook runs of {scope} in the running UTC day so far, by outcome ({action}.notebookMinuteCounts, refreshed by polling)"),
    row(Measure::NotebookRunsLastDay, EVERY, "notebook_runs_last_day", OUTCOME,
        "Notebook runs of {scope} in the last complete UTC day, by outcome ({action}.notebookMinuteCounts, refreshed by polling)"),
    row(Measure::NotebookRunsPeriod, EVERY, "notebook_runs_period", OUTCOME,
        "Notebook runs of {scope} in the billing period so far, by outcome ({action}.notebookMinuteCounts, refreshed by polling)"),
    row(Measure::Resources, OWNERS, "resources", RESOURCE,
        "Resources of {owner} that exist now, by the name of their limit (summary of {action}.get or its list, refreshed by polling)"),
    row(Measure::ResourceLimit, EVERY, "resource_limit", RESOURCE,
        "How many resources of a kind {owner} may have ({action}.get or its list, refreshed by polling)"),
    row(Measure::PayloadLimit, EVERY, "payload_limit", &[],
        "Billable payloads that {owner} may have in a billing period ({action}.get or its list, refreshed by polling)"),
    row(Measure::NotebookRunTimeLimit, EVERY, "notebook_run_limit_seconds", &[],
        "Run time that notebooks of {owner} may have in a billing period: minutes per month x 60 ({action}.get or its list, refreshed by polling)"),
    row(Measure::Storage, OWNERS, "storage_bytes", &[],
        "Storage that {owner} uses now (summary of {action}.get or its list, refreshed by polling)"),
    row(Measure::StorageLimit, EVERY, "storage_limit_bytes", &[],
        "Storage that {owner} may use ({action}.get or its list, refreshed by polling)"),
    row(Measure::DataRetention, EVERY, "data_retention_seconds", &[],
        "How long Losant keeps the data of {owner} ({action}.get or its list, refreshed by polling)"),
    row(Measure::PeriodStart, EVERY, "period_start_timestamp_seconds", &[],
        "Start of the billing period of {owner}, as a Unix time; an instance has the UTC calendar month ({action}.get or its list, refreshed by polling)"),
    row(Measure::PeriodEnd, EVERY, "period_end_timestamp_seconds", &[],
        "End of the billing period of {owner}, as a Unix time; an instance has the UTC calendar month ({action}.get or its list, refreshed by polling)"),
    row(Measure::InstanceInfo, INSTANCE, "info", &["name"],
        "Name of the instance, always 1 (instance.get, refreshed by polling)"),
    row(Measure::OrgInfo, ORG, "info", &["name", "plan_id", "subscription_status", "referral_id"],
        "Name and subscription of the org, always 1 (instanceOrgs.get, refreshed by polling)"),
    row(Measure::SandboxInfo, SANDBOX, "info", &["email"],
        "The sandbox user, always 1; the e-mail address only where the configuration asks for it (instanceSandboxes.get, refreshed by polling)"),
    row(Measure::OrgTag, ORG, "tag", &["key", "value"],
        "A tag of the org, always 1 (instanceOrgs.get, refreshed by polling)"),
    row(Measure::OrgDisabled, ORG, "disabled", &[],
        "1 when the org is disabled, else 0 (instanceOrgs.get, refreshed by polling)"),
    row(Measure::OrgReadOnly, ORG, "read_only", &[],
        "1 when the org is read-only, else 0 (instanceOrgs.get, refreshed by polling)"),
    row(Measure::OrgMembers, ORG, "members", &[],
        "Members of the org (summary of instanceOrgs.get, refreshed by polling)"),
    row(Measure::OrgPendingInvites, ORG, "pending_invites", &[],
        "Invitations to the org that nobody has answered (summary of instanceOrgs.get, refreshed by polling)"),
    row(Measure::SandboxLastLogin, SANDBOX, "last_login_timestamp_seconds", &[],
        "Last successful login of the sandbox user, as a Unix time (instanceSandboxes.get, refreshed by polling)"),
    row(Measure::SandboxFailedLogins, SANDBOX, "failed_logins", &[],
        "Failed logins of the sandbox user as Losant counts them now (instanceSandboxes.get, refreshed by polling)"),
    row(Measure::SandboxTwoFactor, SANDBOX, "two_factor_enabled", &[],
        "1 when the sandbox user has two-factor authentication, else 0 (instanceSandboxes.get, refreshed by polling)"),
    row(Measure::SandboxDeletion, SANDBOX, "deletion_timestamp_seconds", &[],
        "When the sandbox user, marked for deletion, will be gone, as a Unix time (instanceSandboxes.get, refreshed by polling)"),
    application(Measure::ApplicationPayloadsPeriod, "payloads_period", APPLICATION_AND_BILLABLE,
        "Payloads of the application in the running UTC calendar month so far (instance.historicalSummaries, refreshed by polling)"),
    application(Measure::ApplicationPayloadBytesPeriod, "payload_bytes_period", APPLICATION_AND_BILLABLE,
        "Bytes of the payloads of the application in the running UTC calendar month so far (instance.historicalSummaries, a Mb taken as 1,000,000 bytes, refreshed by polling)"),
    application(Measure::ApplicationDevices, "devices", APPLICATION,
        "Devices of the application (instance.historicalSummaries, refreshed by polling)"),
    application(Measure::ApplicationNotebookRunTimePeriod, "notebook_run_seconds_period", APPLICATION,
        "Run time of notebooks of the application in the running UTC calendar month so far: notebook minutes x 60 (instance.historicalSummaries, refreshed by polling)"),
    application(Measure::ApplicationInfo, "info", &["application_id", "name"],
        "Name of the application, always 1 (instance.historicalSummaries, refreshed by polling)"),
    row(Measure::OrgBillablePayloadsPrevious, ORG, "billable_payloads_previous_period", &[],
        "Billable payloads of the org in the UTC calendar month before this one (instance.historicalSummaries, refreshed by polling)"),
    row(Measure::OrgBillablePayloadBytesPrevious, ORG, "billable_payload_bytes_previous_period", &[],
        "Bytes of the billable payloads of the org in the UTC calendar month before this one (instance.historicalSummaries, a Mb taken as 1,000,000 bytes, refreshed by polling)"),
    row(Measure::OrgNotebookRunTimePrevious, ORG, "notebook_run_seconds_previous_period", &[],
        "Run time of notebooks of the org in the UTC calendar month before this one: notebook minutes x 60 (instance.historicalSummaries, refreshed by polling)"),
    row(Measure::OrgDevicesPrevious, ORG, "devices_previous_period", &[],
        "Devices of the org in the UTC calendar month before this one (instance.historicalSummaries, refreshed by polling)"),
    application(Measure::ApplicationBillablePayloadsPrevious, "billable_payloads_previous_period", APPLICATION,
        "Billable payloads of the application in the UTC calendar month before this one (instance.historicalSummaries, refreshed by polling)"),
    application(Measure::ApplicationBillablePayloadBytesPrevious, "billable_payload_bytes_previous_period", APPLICATION,
        "Bytes of the billable payloads of the application in the UTC calendar month before this one (instance.historicalSummaries, a Mb taken as 1,000,000 bytes, refreshed by polling)"),
    application(Measure::ApplicationNotebookRunTimePrevious, "notebook_run_seconds_previous_period", APPLICATION,
        "Run time of notebooks of the application in the UTC calendar month before this one: notebook minutes x 60 (instance.historicalSummaries, refreshed by polling)"),
    application(Measure::ApplicationDevicesPrevious, "devices_previous_period", APPLICATION,
        "Devices of the application in the UTC calendar month before this one (instance.historicalSummaries, refreshed by polling)"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::vocabulary::TARGET_LABELS;
    use super::*;

    fn families() -> impl Iterator<Item = (&'static Row, Level)> {
        CATALOGUE.iter().flat_map(|row| row.family_levels().iter().map(move |level| (row, *level)))
    }

    #[test]
    fn every_measure_has_the_row_at_its_own_place() {
        for (place, row) in CATALOGUE.iter().enumerate() {
            assert_eq!(row.measure as usize, place, "{:?}", row.measure);
        }
        assert_eq!(CATALOGUE.len(), Measure::ApplicationDevicesPrevious as usize + 1);
    }

    #[test]
    fn no_row_has_more_labels_than_are_held() {
        assert!(CATALOGUE.iter().all(|row| row.labels.len() <= crate::store::LabelValues::MOST));
    }

    #[test]
    fn no_family_name_stands_twice() {
        let names: Vec<_> = families().map(|(row, level)| row.family(level)).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn names_end_in_a_window_or_base_unit_and_never_in_the_suffix_of_another_type() {
        for (row, level) in families() {
            let name = row.family(level);
            for suffix in ["_total", "_count", "_sum", "_bucket", "_minutes", "_created"] {
                assert!(!name.ends_with(suffix), "{name}");
            }
        }
    }

    #[test]
    fn a_name_tells_how_wide_the_window_is() {
        for (row, level) in families() {
            let name = row.family(level);
            let ends = |words: &[&str]| words.iter().any(|word| name.ends_with(word));
            let is_of_a_day = ends(&["_today", "_last_day"]).then_some(86_400);
            let width = ends(&["_this_hour"]).then_some(3_600).or(is_of_a_day);
            assert_eq!(row.measure.window_width(), width, "{name}");
        }
    }

    #[test]
    fn no_label_collides_with_an_id_or_a_target_label() {
        for (row, level) in families() {
            let labels: Vec<_> = id_labels(level).iter().chain(row.labels).collect();
            assert_eq!(labels.iter().collect::<BTreeSet<_>>().len(), labels.len(), "{}", row.family(level));
            assert!(labels.iter().all(|label| !TARGET_LABELS.contains(label)), "{}", row.family(level));
        }
    }

    #[test]
    fn help_is_one_plain_line() {
        for (row, level) in families() {
            let help = row.help(level);
            assert!(!help.contains(['\\', '\n', '{', '}']), "{help}");
            assert!(help.ends_with('.') && !help.ends_with(".."), "{help}");
        }
    }
}
