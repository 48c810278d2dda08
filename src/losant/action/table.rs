//! The table of actions.

use super::{Action, Body, Kind, Method, Paging, Parameter};

pub(super) struct Row {
    pub(super) action: Action,
    pub(super) name: &'static str,
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) body: Body,
    pub(super) status: u16,
    pub(super) answer: &'static str,
    pub(super) errors: &'static [u16],
    pub(super) paging: Paging,
    pub(super) description: &'static str,
}

impl Row {
    const fn read(action: Action, name: &'static str, path: &'static str) -> Self {
        Self {
            action,
            name,
            method: Method::Get,
            path,
            parameters: &[],
            body: Body::None,
            status: 200,
            answer: "success",
            errors: &[400, 404],
            paging: Paging::None,
            description: "",
        }
    }

    const fn write(action: Action, name: &'static str, method: Method, path: &'static str) -> Self {
        Self { method, ..Self::read(action, name, path) }
    }

    /// A list: it declares no 404.
    const fn list(self, paging: Paging) -> Self {
        Self { paging, ..self.never_not_found() }
    }

    const fn never_not_found(self) -> Self {
        Self { errors: &[400], ..self }
    }

    const fn with(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    const fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    const fn gives(self, status: u16, answer: &'static str) -> Self {
        Self { status, answer, ..self }
    }

    const fn says(self, description: &'static str) -> Self {
        Self { description, ..self }
    }
}

const START: Parameter = Parameter::new("start", Kind::Time, "First moment of the range");
const END: Parameter = Parameter::new("end", Kind::Time, "Last moment of the range");
const END_OR_NOW: Parameter = END.or("0");
const AS_BYTES: Parameter =
    Parameter::new("asBytes", Kind::Boolean, "Bytes instead of numbers of payloads").or("false");
const RESOLUTION: Parameter = Parameter::new(
    "resolution",
    Kind::Choice(&["86400000", "3600000"]),
    "Width of a bucket in milliseconds: a day or an hour",
)
.or("86400000");
const NON_BILLABLE: Parameter =
    Parameter::new("includeNonBillable", Kind::Boolean, "Count payloads that are not billed, too")
        .or("false");
const INCLUDE: Parameter = Parameter::new(
    "summaryInclude",
    Kind::List,
    "Fields of the summary to compute, for example payloadCount",
);
const EXCLUDE: Parameter = Parameter::new("summaryExclude", Kind::List, "Fields of the summary to leave out");
const DIRECTION: Parameter =
    Parameter::new("sortDirection", Kind::Choice(&["asc", "desc"]), "Direction of the order").or("asc");
const PAGE: Parameter = Parameter::new("page", Kind::Number, "Which page, from zero").or("0");
const PER_PAGE: Parameter = Parameter::new("perPage", Kind::Number, "How many items to a page").or("100");
const SORT_NAMED: Parameter = sort(&["name", "id", "creationDate", "lastUpdated"]).or("name");
const FILTER_NAMED: Parameter = filter_field(&["name"]);
const FILTER: Parameter =
    Parameter::new("filter", Kind::Text, "What that field has to be; * stands for anything");
const FILTER_EXACT: Parameter = Parameter::new("filter", Kind::Text, "What that field has to be");
const MONTH: Parameter = Parameter::new("month", Kind::Time, "Any moment of the month").or("now");
const QUERY: Parameter = Parameter::new(
    "query",
    Kind::Json,
    "Filter by Losant's schema advancedInstanceOrgQuery; overrides the other filters",
);
const LIMIT: Parameter = Parameter::new("limit", Kind::Number, "How many items").or("100");
const AFTER: Parameter = Parameter::new("startingAfterId", Kind::Id, "Begin after this item");
const BEFORE: Parameter = Parameter::new("endingBeforeId", Kind::Id, "Stop before this item");
const DELETED: Parameter =
    Parameter::new("includeDeleted", Kind::Boolean, "List users that are marked for deletion, too");

const fn sort(fields: &'static [&'static str]) -> Parameter {
    Parameter::new("sortField", Kind::Choice(fields), "Field to order by")
}

const fn filter_field(fields: &'static [&'static str]) -> Parameter {
    Parameter::new("filterField", Kind::Choice(fields), "Field to filter by")
}

const RANGE: &[Parameter] = &[START, END];
const COUNTS: &[Parameter] = &[START, END, AS_BYTES];
const BREAKDOWN: &[Parameter] = &[START, END, RESOLUTION, AS_BYTES, NON_BILLABLE];
const SUMMARY: &[Parameter] = &[INCLUDE];
const SUMMARY_OR_NOT: &[Parameter] = &[INCLUDE, EXCLUDE];
const ORGS: &[Parameter] = &[SORT_NAMED, DIRECTION, PAGE, PER_PAGE, FILTER_NAMED, FILTER, INCLUDE, QUERY];
const SANDBOXES: &[Parameter] = &[
    sort(&[
        "email",
        "firstName",
        "lastName",
        "id",
        "creationDate",
        "lastSuccessfulLogin",
        "lastFailedLogin",
        "failedLoginCount",
        "lastUpdated",
    ])
    .or("email"),
    DIRECTION,
    LIMIT,
    AFTER,
    BEFORE,
    filter_field(&["firstName", "lastName", "email"]),
    FILTER,
    INCLUDE,
    EXCLUDE,
    DELETED,
];
const SUMMARIES: &[Parameter] = &[
    MONTH,
    sort(&["currentPeriodStart", "resourceId"]).or("currentPeriodStart"),
    DIRECTION,
    PAGE,
    PER_PAGE,
    filter_field(&["resourceType", "resourceId", "ownerId", "ownerType"]),
    FILTER_EXACT,
];

macro_rules! at {
    () => {
        "/instances"
    };
    (instance $($leaf:literal)?) => {
        concat!("/instances/{instance}", $($leaf)?)
    };
    (org $($leaf:literal)?) => {
        concat!("/instances/{instance}/orgs/{org}", $($leaf)?)
    };
    (sandbox $($leaf:literal)?) => {
        concat!("/instances/{instance}/sandboxes/{sandbox}", $($leaf)?)
    };
}

/// One row for each action, in the order of the enum.
#[rustfmt::skip]
pub(super) const TABLE: [Row; 26] = {
    use Action as A;
    [
        Row::read(A::InstancesGet, "instances.get", at!())
            .list(Paging::ByPage).with(&[SORT_NAMED, DIRECTION, PAGE, PER_PAGE, FILTER_NAMED, FILTER])
            .gives(200, "instances").says("Lists the instances that the token can see"),
        Row::read(A::InstanceGet, "instance.get", at!(instance))
            .gives(200, "instance").says("Shows an instance: name, members, limits"),
        Row::write(A::InstancePatch, "instance.patch", Method::Patch, at!(instance))
            .never_not_found().body(Body::Required("instancePatch"))
            .gives(200, "instance").says("Changes an instance: report schedules, limits of new orgs, two-factor rule"),
        Row::read(A::InstancePayloadCounts, "instance.payloadCounts", at!(instance "/payloadCounts"))
            .with(COUNTS).gives(200, "payloadStats").says("Counts payloads of all orgs by type and source"),
        Row::read(A::InstancePayloadCountsBreakdown, "instance.payloadCountsBreakdown", at!(instance "/payloadCountsBreakdown"))
            .with(BREAKDOWN).gives(200, "payloadCountsBreakdown").says("Counts payloads of all orgs by day or hour"),
        Row::read(A::InstanceDeviceCounts, "instance.deviceCounts", at!(instance "/deviceCounts"))
            .with(RANGE).gives(200, "deviceCounts").says("Counts devices of all orgs by day"),
        Row::read(A::InstanceNotebookMinuteCounts, "instance.notebookMinuteCounts", at!(instance "/notebookMinuteCounts"))
            .with(RANGE).gives(200, "notebookMinuteCounts").says("Counts notebook runs and minutes of all orgs by day"),
        Row::read(A::InstanceHistoricalSummaries, "instance.historicalSummaries", at!(instance "/historicalSummaries"))
            .list(Paging::ByPage).with(SUMMARIES)
            .gives(200, "historicalSummaries").says("Lists what each org and application had and used in a month"),
        Row::write(A::InstanceGenerateReport, "instance.generateReport", Method::Post, at!(instance "/generateReport"))
            .never_not_found().body(Body::Optional("instanceReportOptionsPost"))
            .gives(202, "jobEnqueuedResult").says("Starts a report in CSV, which is mailed or posted; one at a time"),
        Row::read(A::InstanceOrgsGet, "instanceOrgs.get", "/instances/{instance}/orgs")
            .list(Paging::ByPage).with(ORGS)
            .gives(200, "instanceOrgs").says("Lists the orgs of an instance"),
        Row::write(A::InstanceOrgsPost, "instanceOrgs.post", Method::Post, "/instances/{instance}/orgs")
            .never_not_found().with(SUMMARY).body(Body::Optional("instanceOrgPost"))
            .gives(200, "org").says("Creates an org"),
        Row::read(A::InstanceOrgGet, "instanceOrg.get", at!(org))
            .with(SUMMARY).gives(200, "instanceOrg").says("Shows an org: limits, billing period, summary, tags"),
        Row::write(A::InstanceOrgPatch, "instanceOrg.patch", Method::Patch, at!(org))
            .with(SUMMARY).body(Body::Required("instanceOrgPatch"))
            .gives(200, "instanceOrg").says("Changes an org: name, limits, tags, whether it is disabled"),
        Row::write(A::InstanceOrgDelete, "instanceOrg.delete", Method::Delete, at!(org))
            .gives(200, "success").says("Deletes an org with everything in it; there is no way back"),
        Row::read(A::InstanceOrgPayloadCounts, "instanceOrg.payloadCounts", at!(org "/payloadCounts"))
            .with(COUNTS).gives(200, "payloadStats").says("Counts payloads of an org by type and source"),
        Row::read(A::InstanceOrgPayloadCountsBreakdown, "instanceOrg.payloadCountsBreakdown", at!(org "/payloadCountsBreakdown"))
            .with(BREAKDOWN).gives(200, "payloadCountsBreakdown").says("Counts payloads of an org by day or hour"),
        Row::read(A::InstanceOrgDeviceCounts, "instanceOrg.deviceCounts", at!(org "/deviceCounts"))
            .with(&[START, END_OR_NOW]).gives(200, "deviceCounts").says("Counts devices of an org by day"),
        Row::read(A::InstanceOrgNotebookMinuteCounts, "instanceOrg.notebookMinuteCounts", at!(org "/notebookMinuteCounts"))
            .with(RANGE).gives(200, "notebookMinuteCounts").says("Counts notebook runs and minutes of an org by day"),
        Row::read(A::InstanceSandboxesGet, "instanceSandboxes.get", "/instances/{instance}/sandboxes")
            .list(Paging::ByCursor).with(SANDBOXES)
            .gives(200, "instanceSandboxes").says("Lists the sandbox users of an instance"),
        Row::read(A::InstanceSandboxGet, "instanceSandbox.get", at!(sandbox))
            .with(SUMMARY_OR_NOT).gives(200, "instanceSandbox").says("Shows a sandbox user: limits, billing period, summary"),
        Row::write(A::InstanceSandboxDelete, "instanceSandbox.delete", Method::Delete, at!(sandbox))
            .gives(200, "success").says("Marks a sandbox user for deletion and takes away access"),
        Row::write(A::InstanceSandboxUndelete, "instanceSandbox.undelete", Method::Patch, at!(sandbox "/undelete"))
            .with(SUMMARY_OR_NOT).gives(200, "instanceSandbox").says("Restores a sandbox user that is marked for deletion"),
        Row::read(A::InstanceSandboxPayloadCounts, "instanceSandbox.payloadCounts", at!(sandbox "/payloadCounts"))
            .with(COUNTS).gives(200, "payloadStats").says("Counts payloads of a sandbox user by type and source"),
        Row::read(A::InstanceSandboxPayloadCountsBreakdown, "instanceSandbox.payloadCountsBreakdown", at!(sandbox "/payloadCountsBreakdown"))
            .with(BREAKDOWN).gives(200, "payloadCountsBreakdown").says("Counts payloads of a sandbox user by day or hour"),
        Row::read(A::InstanceSandboxDeviceCounts, "instanceSandbox.deviceCounts", at!(sandbox "/deviceCounts"))
            .with(RANGE).gives(200, "deviceCounts").says("Counts devices of a sandbox user by day"),
        Row::read(A::InstanceSandboxNotebookMinuteCounts, "instanceSandbox.notebookMinuteCounts", at!(sandbox "/notebookMinuteCounts"))
            .with(RANGE).gives(200, "notebookMinuteCounts").says("Counts notebook runs and minutes of a sandbox user by day"),
    ]
};
