//! Switches by name, for command lines and the control endpoint.

use serde_json::{Map, Value};

use super::{
    EdgeBuckets, Ends, NewOrg, PageBeyondCap, PayloadCounts, SummaryWithoutInclude, Switches, ZeroBuckets,
};

/// Names of all switches.
const NAMES: [&str; 15] = [
    "ends",
    "zero_buckets",
    "edge_buckets",
    "summary_without_include",
    "summaries",
    "page_size_cap",
    "page_beyond_cap",
    "payload_counts",
    "period_end_slip",
    "numbers_as_floats",
    "unknown_fields",
    "token_lists_instances",
    "sandbox_applications",
    "running_month",
    "new_org",
];

const ENDS: [(&str, Ends); 2] = [("inclusive", Ends::Inclusive), ("exclusive", Ends::Exclusive)];
const ZEROS: [(&str, ZeroBuckets); 2] = [("present", ZeroBuckets::Present), ("absent", ZeroBuckets::Absent)];
const EDGES: [(&str, EdgeBuckets); 2] = [("partial", EdgeBuckets::Partial), ("whole", EdgeBuckets::Whole)];
const SUMMARY: [(&str, SummaryWithoutInclude); 3] = [
    ("without_expensive", SummaryWithoutInclude::WithoutExpensive),
    ("empty", SummaryWithoutInclude::Empty),
    ("everything", SummaryWithoutInclude::Everything),
];
const BEYOND: [(&str, PageBeyondCap); 2] =
    [("clamp", PageBeyondCap::Clamp), ("reject", PageBeyondCap::Reject)];
const PAYLOADS: [(&str, PayloadCounts); 2] =
    [("all", PayloadCounts::All), ("billable_only", PayloadCounts::BillableOnly)];
const NEW_ORG: [(&str, NewOrg); 2] = [("org", NewOrg::Org), ("instance_org", NewOrg::InstanceOrg)];
const BOOLEAN: [(&str, bool); 2] = [("true", true), ("false", false)];

/// A switch, or a position of it, that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSwitch {
    /// No `=` in the text.
    #[error("{0:?} is not of the form NAME=VALUE")]
    Form(String),
    /// No switch of this name.
    #[error("there is no switch {0:?}; there are {known}", known = NAMES.join(", "))]
    Name(String),
    /// No position of this name.
    #[error("{name} cannot be {value:?}; it can be {expected}")]
    Value {
        /// Name of the switch.
        name: String,
        /// What was wanted.
        value: String,
        /// What there is.
        expected: String,
    },
}

impl Switches {
    /// Sets a switch by `NAME=VALUE`, such as `zero_buckets=absent`.
    pub fn apply(&mut self, text: &str) -> Result<(), InvalidSwitch> {
        let (name, value) = text.split_once('=').ok_or_else(|| InvalidSwitch::Form(text.to_owned()))?;
        self.set(name.trim(), value.trim())
    }

    /// Sets the switch of this name to the position of this name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidSwitch> {
        match name {
            "ends" => self.ends = named(name, value, &ENDS)?,
            "zero_buckets" => self.zero_buckets = named(name, value, &ZEROS)?,
            "edge_buckets" => self.edge_buckets = named(name, value, &EDGES)?,
            "summary_without_include" => self.summary_without_include = named(name, value, &SUMMARY)?,
            "summaries" => self.summaries = named(name, value, &BOOLEAN)?,
            "page_size_cap" => {
                let cap = value.parse().ok().filter(|cap| *cap > 0);
                self.page_size_cap = cap.ok_or_else(|| unusable(name, value, "a number above 0"))?;
            }
            "page_beyond_cap" => self.page_beyond_cap = named(name, value, &BEYOND)?,
            "payload_counts" => self.payload_counts = named(name, value, &PAYLOADS)?,
            "period_end_slip" => self.period_end_slip = named(name, value, &BOOLEAN)?,
            "numbers_as_floats" => self.numbers_as_floats = named(name, value, &BOOLEAN)?,
            "unknown_fields" => self.unknown_fields = named(name, value, &BOOLEAN)?,
            "token_lists_instances" => self.token_lists_instances = named(name, value, &BOOLEAN)?,
            "sandbox_applications" => self.sandbox_applications = named(name, value, &BOOLEAN)?,
            "running_month" => self.running_month = named(name, value, &BOOLEAN)?,
            "new_org" => self.new_org = named(name, value, &NEW_ORG)?,
            _ => return Err(InvalidSwitch::Name(name.to_owned())),
        }
        Ok(())
    }

    /// Sets several switches, or, when one cannot be set, none. Values are texts, booleans or numbers.
    pub(in crate::simulator) fn set_all(&mut self, wanted: &Map<String, Value>) -> Result<(), InvalidSwitch> {
        let mut switches = *self;
        for (name, value) in wanted {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            switches.set(name, &text)?;
        }
        *self = switches;
        Ok(())
    }

    /// All switches with their positions.
    pub(in crate::simulator) fn named(&self) -> Map<String, Value> {
        let value = |name: &str| match name {
            "ends" => name_of(self.ends, &ENDS),
            "zero_buckets" => name_of(self.zero_buckets, &ZEROS),
            "edge_buckets" => name_of(self.edge_buckets, &EDGES),
            "summary_without_include" => name_of(self.summary_without_include, &SUMMARY),
            "summaries" => self.summaries.into(),
            "page_size_cap" => self.page_size_cap.into(),
            "page_beyond_cap" => name_of(self.page_beyond_cap, &BEYOND),
            "payload_counts" => name_of(self.payload_counts, &PAYLOADS),
            "period_end_slip" => self.period_end_slip.into(),
            "numbers_as_floats" => self.numbers_as_floats.into(),
            "unknown_fields" => self.unknown_fields.into(),
            "token_lists_instances" => self.token_lists_instances.into(),
            "sandbox_applications" => self.sandbox_applications.into(),
            "running_month" => self.running_month.into(),
            "new_org" => name_of(self.new_org, &NEW_ORG),
            _ => Value::Null,
        };
        NAMES.into_iter().map(|name| (name.to_owned(), value(name))).collect()
    }
}

fn named<T: Copy>(name: &str, value: &str, known: &[(&str, T)]) -> Result<T, InvalidSwitch> {
    let found = known.iter().find(|(known, _)| *known == value).map(|(_, position)| *position);
    let expected = || known.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(" or ");
    found.ok_or_else(|| unusable(name, value, &expected()))
}

fn name_of<T: PartialEq + Copy>(position: T, known: &[(&'static str, T)]) -> Value {
    let found = known.iter().find(|(_, known)| *known == position);
    found.map_or(Value::Null, |(name, _)| Value::from(*name))
}

fn unusable(name: &str, value: &str, expected: &str) -> InvalidSwitch {
    InvalidSwitch::Value { name: name.to_owned(), value: value.to_owned(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_can_be_written_and_read_again() {
        let mut switches = Switches::default();
        for text in [
            "ends=exclusive",
            "zero_buckets=absent",
            "edge_buckets=whole",
            "summary_without_include=everything",
            "summaries=false",
            "page_size_cap=7",
            "page_beyond_cap=reject",
            "payload_counts=billable_only",
            "period_end_slip=true",
            "numbers_as_floats=true",
            "unknown_fields=true",
            "token_lists_instances=false",
            "sandbox_applications=false",
            "running_month=false",
            "new_org=instance_org",
        ] {
            let before = switches;
            switches.apply(text).unwrap();
            assert_ne!(switches, before, "{text}");
        }
        let mut read = Switches::default();
        read.set_all(&switches.named()).unwrap();
        assert_eq!(read, switches);
        assert_eq!(switches.named().len(), NAMES.len());
    }

    #[test]
    fn what_does_not_exist_is_refused_with_what_does() {
        let refused = |text: &str| Switches::default().apply(text).unwrap_err().to_string();
        assert_eq!(refused("zero_buckets"), "\"zero_buckets\" is not of the form NAME=VALUE");
        assert_eq!(
            refused("zero_buckets=gone"),
            "zero_buckets cannot be \"gone\"; it can be present or absent"
        );
        assert!(refused("zeros=absent").starts_with("there is no switch \"zeros\"; there are ends, zero_"));
        assert!(refused("page_size_cap=0").ends_with("it can be a number above 0"));
    }
}
