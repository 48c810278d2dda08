//! What a poll brings home.

use std::borrow::Cow;

use jiff::Timestamp;

/// A label value.
pub type Label = Cow<'static, str>;

/// Label values in the order that the catalogue names the labels of the measure. Ids of the scope are not among them.
pub type Labels = Box<[Label]>;

/// One usage number that is exported: what is counted, and over which window.
///
/// The metrics catalogue holds exactly one row for each, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the catalogue says of each in words what it is, and the words are exported as HELP"
)]
pub enum Measure {
    PayloadsPeriod,
    PayloadBytesPeriod,
    PayloadsThisHour,
    PayloadsLastHour,
    PayloadsToday,
    PayloadsLastDay,
    PayloadBytesThisHour,
    PayloadBytesLastHour,
    PayloadBytesToday,
    PayloadBytesLastDay,
    BillablePayloadsPeriod,
    LastHourEnd,
    Devices,
    DevicesCreatedToday,
    DevicesCreatedLastDay,
    DevicesDeletedToday,
    DevicesDeletedLastDay,
    NotebookRunTimeToday,
    NotebookRunTimeLastDay,
    NotebookRunTimePeriod,
    NotebookRunsToday,
    NotebookRunsLastDay,
    NotebookRunsPeriod,
    Resources,
    ResourceLimit,
    PayloadLimit,
    NotebookRunTimeLimit,
    Storage,
    StorageLimit,
    DataRetention,
    PeriodStart,
    PeriodEnd,
    InstanceInfo,
    OrgInfo,
    SandboxInfo,
    OrgTag,
    OrgDisabled,
    OrgReadOnly,
    OrgMembers,
    OrgPendingInvites,
    SandboxLastLogin,
    SandboxFailedLogins,
    SandboxTwoFactor,
    SandboxDeletion,
    ApplicationPayloadsPeriod,
    ApplicationPayloadBytesPeriod,
    ApplicationDevices,
    ApplicationNotebookRunTimePeriod,
    ApplicationInfo,
    OrgBillablePayloadsPrevious,
    OrgBillablePayloadBytesPrevious,
    OrgNotebookRunTimePrevious,
    OrgDevicesPrevious,
    ApplicationBillablePayloadsPrevious,
    ApplicationBillablePayloadBytesPrevious,
    ApplicationNotebookRunTimePrevious,
    ApplicationDevicesPrevious,
}

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it measures.
    pub measure: Measure,
    /// Its labels beyond the ids of the scope.
    pub labels: Labels,
    /// The number, in the base unit of the measure.
    pub value: f64,
    /// From this moment on the number speaks of a window that is over, and must not be shown under its name any
    /// more. `None`: holds until it is read again.
    pub holds_until: Option<Timestamp>,
}

/// All numbers that one successful poll of one scope brought. Replaces the reading before it as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The moment that the poll spoke of: windows that reach to "now" end here.
    pub read_at: Timestamp,
    /// The numbers.
    pub samples: Vec<Sample>,
}

impl Reading {
    /// An empty reading of what is known at `read_at`.
    pub fn at(read_at: Timestamp) -> Self {
        Self { read_at, samples: Vec::new() }
    }

    /// Whether a number ends that would hold until `until`.
    pub fn ends_before(&self, until: Option<Timestamp>) -> bool {
        until.is_some()
            && self.samples.iter().any(|sample| sample.holds_until.is_some_and(|end| Some(end) < until))
    }

    /// Has the numbers that end hold until `until`, where that is later.
    pub fn extend_to(&mut self, until: Option<Timestamp>) {
        for end in self.samples.iter_mut().filter_map(|sample| sample.holds_until.as_mut()) {
            *end = until.map_or(*end, |until| until.max(*end));
        }
    }

    /// Adds a number that holds until it is read again.
    pub fn add<const N: usize>(&mut self, measure: Measure, labels: [Label; N], value: f64) {
        self.add_until(measure, labels, value, None);
    }

    /// Adds a number whose window is over at `holds_until`.
    pub fn add_until<const N: usize>(
        &mut self,
        measure: Measure,
        labels: [Label; N],
        value: f64,
        holds_until: Option<Timestamp>,
    ) {
        self.samples.push(Sample { measure, labels: Box::new(labels), value, holds_until });
    }
}
