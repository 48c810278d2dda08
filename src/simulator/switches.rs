//! Ways in which the real API may turn out to behave.
//!
//! Owns: one switch for each question that Losant's documentation leaves open. The defaults are the likelier
//! answers; a client must be right with either.

mod names;

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
        }
    }
}
