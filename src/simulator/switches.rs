//! Ways in which the real API may turn out to behave.
//!
//! Owns: one switch for each question that Losant's documentation leaves open. The defaults are the likelier
//! answers; a client must be right with either.

mod names;

use std::time::Duration;

pub use names::InvalidSwitch;

/// How the simulated API answers the open questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each set by its name")]
pub struct Switches {
    /// Whether a range contains its `end`.
    pub ends: Ends,
    /// Whether buckets without any usage are listed.
    pub zero_buckets: ZeroBuckets,
    /// What the buckets at the edges of a range count.
    pub edge_buckets: EdgeBuckets,
    /// What `summary` holds when `summaryInclude` is not given.
    pub summary_without_include: SummaryWithoutInclude,
    /// Whether there are summaries at all; older installations may lack them.
    pub summaries: bool,
    /// Largest accepted `perPage` and `limit`.
    pub page_size_cap: usize,
    /// What happens to a larger one.
    pub page_beyond_cap: PageBeyondCap,
    /// Which payloads `payloadCounts`, and `payloadCount` of a summary, hold.
    pub payload_counts: PayloadCounts,
    /// Whether the end of a billing period is written on a twelve-hour clock, `11:59:59.999Z`, as in the examples.
    pub period_end_slip: bool,
    /// Whether all numbers are written with a fraction, `17.0`: JSON knows no integers.
    pub numbers_as_floats: bool,
    /// Whether every object has a key that nobody documented.
    pub unknown_fields: bool,
    /// Whether the instance token may list instances. The contract says no, a demo is easier with it.
    pub token_lists_instances: bool,
    /// Whether applications of sandboxes are in the historical summaries.
    pub sandbox_applications: bool,
    /// Whether the running month has rows in the historical summaries.
    pub running_month: bool,
    /// How a new org is answered.
    pub new_org: NewOrg,
    /// Which time `payloadCount` of a summary covers.
    pub summary_range: SummaryRange,
    /// Whether `summaryInclude` names all fields or those that come on top.
    pub summary_include: SummaryInclude,
    /// What happens to names in `summaryInclude` and `summaryExclude` that no summary has.
    pub unknown_summary_field: UnknownSummaryField,
    /// Whether summaries have `payloadCount` and `notebookStats`; those of older installations may not.
    pub summary_payload_count: bool,
    /// Longest range that is accepted for hourly buckets, in days; a longer one is 400. 0 for any.
    pub hourly_range_cap: u16,
    /// How far `payloadCount` and `notebookStats` of summaries lag behind the counts.
    pub summary_lag: Duration,
    /// How often the rows of the running month in historical summaries are worked out anew; zero for always.
    pub historical_refresh: Duration,
    /// What the bodies of 401, 403 and 429 are. A fault that orders its status and words keeps its own.
    pub error_bodies: ErrorBodies,
    /// What becomes of an `Accept-Version` that is no range of versions.
    pub accept_version: AcceptVersion,
    /// Whether answers are compressed.
    pub gzip: Gzip,
    /// Whether `limits` lack some for some of the owners. The limits are there all the same.
    pub absent_limits: AbsentLimits,
    /// Whether payloads of `flowError`, `notebook`, `resourceJob`, `appFile` and `inboundEmail` are billed. What is true
    /// of the world changes with it: see [`World::bill_unlisted_types`](super::World::bill_unlisted_types).
    pub unlisted_types_billable: bool,
}

/// Which time `payloadCount` of a summary covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryRange {
    /// The running billing period.
    Period,
    /// 720 hours up to now.
    Last30Days,
}

/// What `summaryInclude` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryInclude {
    /// All fields that come.
    Only,
    /// Fields that come beside those that come unasked.
    InAddition,
}

/// What happens to names that no summary has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownSummaryField {
    /// Nothing.
    Ignore,
    /// 400.
    Reject,
}

/// What the bodies of some errors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorBodies {
    /// The envelope of all errors.
    Json,
    /// A proxy's page.
    Html,
    /// Nothing.
    Empty,
}

/// What becomes of a strange `Accept-Version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptVersion {
    /// Nothing.
    Ignored,
    /// 400.
    RejectsUnknown,
}

/// Whether answers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gzip {
    /// For clients that accept it.
    WhenAsked,
    /// For nobody.
    Never,
}

/// Whether `limits` lack some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsentLimits {
    /// All are there.
    None,
    /// One in two owners lacks about a third of them.
    Some,
}

/// Whether a range contains its `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// To its last millisecond.
    Inclusive,
    /// The range stops just before.
    Exclusive,
}

/// Whether buckets without any usage are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroBuckets {
    /// With zeros.
    Present,
    /// Left out.
    Absent,
}

/// What the first and last bucket of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeBuckets {
    /// Only what lies in the range.
    Partial,
    /// Their whole hour or day, up to now.
    Whole,
}

/// What `summary` holds when nothing was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryWithoutInclude {
    /// All but what is costly to compute: `eventCount`, `pendingInviteCount`, `payloadCount`.
    WithoutExpensive,
    /// Nothing.
    Empty,
    /// All.
    Everything,
}

/// What happens to a page size beyond the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageBeyondCap {
    /// The cap is used, and echoed.
    Clamp,
    /// 400.
    Reject,
}

/// Which payloads `payloadCounts` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadCounts {
    /// Billable and other ones.
    All,
    /// Those that are billed.
    BillableOnly,
}

/// How a new org is answered: API 1.30 and 1.31 declare different answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewOrg {
    /// 200, as its members see it.
    Org,
    /// 201, as the instance sees it.
    InstanceOrg,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            ends: Ends::Inclusive,
            zero_buckets: ZeroBuckets::Present,
            edge_buckets: EdgeBuckets::Partial,
            summary_without_include: SummaryWithoutInclude::WithoutExpensive,
            summaries: true,
            page_size_cap: 1_000,
            page_beyond_cap: PageBeyondCap::Clamp,
            payload_counts: PayloadCounts::All,
            period_end_slip: false,
            numbers_as_floats: false,
            unknown_fields: false,
            token_lists_instances: true,
            sandbox_applications: true,
            running_month: true,
            new_org: NewOrg::Org,
            summary_range: SummaryRange::Period,
            summary_include: SummaryInclude::Only,
            unknown_summary_field: UnknownSummaryField::Ignore,
            summary_payload_count: true,
            hourly_range_cap: 0,
            summary_lag: Duration::ZERO,
            historical_refresh: Duration::ZERO,
            error_bodies: ErrorBodies::Json,
            accept_version: AcceptVersion::Ignored,
            gzip: Gzip::Never,
            absent_limits: AbsentLimits::None,
            unlisted_types_billable: false,
        }
    }
}
