//! What a poll brings home.

use std::borrow::Cow;

use jiff::Timestamp;

/// A label value.
pub type Label = Cow<'static, str>;

/// How long a label value may be, in bytes of UTF-8. Prometheus can be told to refuse longer ones, and then refuses the whole
/// scrape; names that people give are shorter by far.
pub const MAX_LABEL_BYTES: usize = 256;

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

impl Measure {
    /// How many measures there are.
    pub const COUNT: usize = Self::ApplicationDevicesPrevious as usize + 1;

    /// How long the hour or the day is, in seconds, that the number is called by: "this hour", "today", "the last day".
    pub const fn window_width(self) -> Option<i64> {
        match self {
            Self::PayloadsThisHour | Self::PayloadBytesThisHour => Some(3_600),
            Self::PayloadsToday
            | Self::PayloadsLastDay
            | Self::PayloadBytesToday
            | Self::PayloadBytesLastDay
            | Self::DevicesCreatedToday
            | Self::DevicesCreatedLastDay
            | Self::DevicesDeletedToday
            | Self::DevicesDeletedLastDay
            | Self::NotebookRunTimeToday
            | Self::NotebookRunTimeLastDay
            | Self::NotebookRunsToday
            | Self::NotebookRunsLastDay => Some(86_400),
            _ => None,
        }
    }
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
        let labels = Box::new(labels.map(bounded));
        self.samples.push(Sample { measure, labels, value, holds_until });
    }
}

/// `label` as it is where it is short enough, else its beginning and a marker: an ellipsis and sixteen hexadecimal
/// digits that differ where the texts differ, so that two series stay two.
fn bounded(label: Label) -> Label {
    const MARKER_BYTES: usize = '…'.len_utf8() + 16;
    if label.len() <= MAX_LABEL_BYTES {
        return label;
    }
    let most = MAX_LABEL_BYTES - MARKER_BYTES;
    let end = (0..=most).rev().find(|end| label.is_char_boundary(*end)).unwrap_or_default();
    // FNV-1a: the same text has to get the same digits after a restart, and in every version.
    let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Label::Owned(format!("{}…{hash:016x}", &label[..end]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(label: &str) -> String {
        bounded(Label::Owned(label.to_owned())).into_owned()
    }

    #[test]
    fn a_reading_holds_what_was_added_to_it() {
        let (read_at, until) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let mut reading = Reading::at(read_at);
        reading.add(Measure::Devices, [], 3.0);
        reading.add_until(Measure::PayloadsToday, ["true".into()], 5.0, Some(until));
        let sample = |measure, labels: &[&'static str], value, holds_until| Sample {
            measure,
            labels: labels.iter().map(|label| Label::Borrowed(label)).collect(),
            value,
            holds_until,
        };
        let samples = vec![
            sample(Measure::Devices, &[], 3.0, None),
            sample(Measure::PayloadsToday, &["true"], 5.0, Some(until)),
        ];
        assert_eq!(reading, Reading { read_at, samples });
    }

    #[test]
    fn every_measure_has_a_place_below_their_number() {
        assert!((Measure::ApplicationDevicesPrevious as usize) < Measure::COUNT);
    }

    #[test]
    fn a_label_value_of_256_bytes_stays_as_it_is() {
        let long = "ä".repeat(128);
        assert_eq!(shown(&long), long);
    }

    #[test]
    fn a_longer_one_is_cut_with_a_marker_that_tells_texts_apart() {
        let beginning = "x".repeat(255);
        let (one, other) = (shown(&format!("{beginning}12")), shown(&format!("{beginning}13")));
        assert_eq!(one, format!("{}…{}", "x".repeat(237), &one[one.len() - 16..]));
        assert_ne!(one, other);
    }

    proptest! {
        #[test]
        fn no_label_value_is_longer_than_the_limit(text in "\\PC{0,400}") {
            let shown = shown(&text);
            prop_assert!(shown.len() <= MAX_LABEL_BYTES);
            prop_assert_eq!(shown == text, text.len() <= MAX_LABEL_BYTES);
        }
    }
}
