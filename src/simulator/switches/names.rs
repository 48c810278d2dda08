//! Switches by name, for command lines and the control endpoint.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    AbsentLimits, AcceptVersion, EdgeBuckets, Ends, ErrorBodies, Gzip, NewOrg, PageBeyondCap, PayloadCounts,
    SummaryInclude, SummaryRange, SummaryWithoutInclude, Switches, UnknownSummaryField, ZeroBuckets,
};

/// Something that has a name for each position.
type Names<T> = [(&'static str, T)];

/// How a switch is read, written, and described.
struct Named {
    name: &'static str,
    /// Sets it, or says nothing.
    set: fn(&mut Switches, &str) -> Option<()>,
    get: fn(&Switches) -> Value,
    positions: fn() -> String,
}

/// A switch whose positions have names.
macro_rules! named {
    ($field:ident, $names:expr) => {
        Named {
            name: stringify!($field),
            set: |switches, value| {
                switches.$field = position(value, &$names)?;
                Some(())
            },
            get: |switches| name_of(switches.$field, &$names),
            positions: || $names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or "),
        }
    };
}

/// A switch that is on or off.
macro_rules! boolean {
    ($field:ident) => {
        Named {
            name: stringify!($field),
            set: |switches, value| {
                switches.$field = value.parse().ok()?;
                Some(())
            },
            get: |switches| switches.$field.into(),
            positions: || "true or false".to_owned(),
        }
    };
}

/// A switch that is a time. A number without a unit is one of `$unit`, whose name comes last.
macro_rules! duration {
    ($field:ident, $unit:expr, $units:literal) => {
        Named {
            name: stringify!($field),
            set: |switches, value| {
                switches.$field = duration(value, $unit)?;
                Some(())
            },
            get: |switches| humantime::format_duration(switches.$field).to_string().into(),
            positions: || concat!("a duration such as 5m, or a number of ", $units).to_owned(),
        }
    };
}

/// All switches, the oldest first.
const ALL: [Named; 27] = [
    named!(ends, [("inclusive", Ends::Inclusive), ("exclusive", Ends::Exclusive)]),
    named!(zero_buckets, [("present", ZeroBuckets::Present), ("absent", ZeroBuckets::Absent)]),
    named!(edge_buckets, [("partial", EdgeBuckets::Partial), ("whole", EdgeBuckets::Whole)]),
    named!(
        summary_without_include,
        [
            ("without_expensive", SummaryWithoutInclude::WithoutExpensive),
            ("empty", SummaryWithoutInclude::Empty),
            ("everything", SummaryWithoutInclude::Everything),
        ]
    ),
    boolean!(summaries),
    Named {
        name: "page_size_cap",
        set: |switches, value| {
            switches.page_size_cap = value.parse().ok().filter(|cap| *cap > 0)?;
            Some(())
        },
        get: |switches| switches.page_size_cap.into(),
        positions: || "a number above 0".to_owned(),
    },
    named!(page_beyond_cap, [("clamp", PageBeyondCap::Clamp), ("reject", PageBeyondCap::Reject)]),
    named!(payload_counts, [("all", PayloadCounts::All), ("billable_only", PayloadCounts::BillableOnly)]),
    boolean!(period_end_slip),
    boolean!(numbers_as_floats),
    boolean!(unknown_fields),
    boolean!(token_lists_instances),
    boolean!(sandbox_applications),
    boolean!(running_month),
    named!(new_org, [("org", NewOrg::Org), ("instance_org", NewOrg::InstanceOrg)]),
    named!(summary_range, [("period", SummaryRange::Period), ("last_30_days", SummaryRange::Last30Days)]),
    named!(summary_include, [("only", SummaryInclude::Only), ("in_addition", SummaryInclude::InAddition)]),
    named!(
        unknown_summary_field,
        [("ignore", UnknownSummaryField::Ignore), ("reject", UnknownSummaryField::Reject)]
    ),
    boolean!(summary_payload_count),
    Named {
        name: "hourly_range_cap",
        set: |switches, value| {
            switches.hourly_range_cap = value.parse().ok()?;
            Some(())
        },
        get: |switches| switches.hourly_range_cap.into(),
        positions: || "a number of days from 0, which is no cap, to 65535".to_owned(),
    },
    duration!(summary_lag, 1, "seconds"),
    duration!(historical_refresh, 60, "minutes"),
    named!(
        error_bodies,
        [("json", ErrorBodies::Json), ("html", ErrorBodies::Html), ("empty", ErrorBodies::Empty)]
    ),
    named!(
        accept_version,
        [("ignored", AcceptVersion::Ignored), ("rejects_unknown", AcceptVersion::RejectsUnknown)]
    ),
    named!(gzip, [("never", Gzip::Never), ("when_asked", Gzip::WhenAsked)]),
    named!(absent_limits, [("none", AbsentLimits::None), ("some", AbsentLimits::Some)]),
    boolean!(unlisted_types_billable),
];

/// A switch, or a position of it, that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSwitch {
    /// No `=` in the text.
    #[error("{0:?} is not of the form NAME=VALUE")]
    Form(String),
    /// No switch of this name.
    #[error("there is no switch {0:?}; there are {known}", known = ALL.map(|switch| switch.name).join(", "))]
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
        let switch = ALL.into_iter().find(|switch| switch.name == name);
        let switch = switch.ok_or_else(|| InvalidSwitch::Name(name.to_owned()))?;
        (switch.set)(self, value).ok_or_else(|| InvalidSwitch::Value {
            name: name.to_owned(),
            value: value.to_owned(),
            expected: (switch.positions)(),
        })
    }

    /// A line for each switch: its name, what it can be, and what it is as a rule.
    pub fn help() -> String {
        let usual = Self::default();
        let mut help = String::new();
        for switch in ALL {
            let value = text_of(&(switch.get)(&usual));
            let _ = writeln!(help, "  {}: {} [{value}]", switch.name, (switch.positions)());
        }
        help
    }

    /// Sets several switches, or, when one cannot be set, none. Values are texts, booleans or numbers.
    pub(in crate::simulator) fn set_all(&mut self, wanted: &Map<String, Value>) -> Result<(), InvalidSwitch> {
        let mut switches = *self;
        for (name, value) in wanted {
            switches.set(name, &text_of(value))?;
        }
        *self = switches;
        Ok(())
    }

    /// All switches with their positions.
    pub(in crate::simulator) fn named(&self) -> Map<String, Value> {
        ALL.into_iter().map(|switch| (switch.name.to_owned(), (switch.get)(self))).collect()
    }
}

fn position<T: Copy>(value: &str, known: &Names<T>) -> Option<T> {
    known.iter().find(|(known, _)| *known == value).map(|(_, position)| *position)
}

fn name_of<T: PartialEq + Copy>(position: T, known: &Names<T>) -> Value {
    let found = known.iter().find(|(_, known)| *known == position);
    found.map_or(Value::Null, |(name, _)| Value::from(*name))
}

/// With a unit, or without one and then so many seconds each. Not longer than a century, which nobody waits for.
fn duration(text: &str, unit: u64) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);
    let number = text.parse::<u64>().ok().map(|number| Duration::from_secs(number.saturating_mul(unit)));
    number.or_else(|| humantime::parse_duration(text).ok()).filter(|duration| *duration <= LONGEST)
}

/// As it is written after `=`.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
            "summary_range=last_30_days",
            "summary_include=in_addition",
            "unknown_summary_field=reject",
            "summary_payload_count=false",
            "hourly_range_cap=3",
            "summary_lag=10m",
            "historical_refresh=90m",
            "error_bodies=html",
            "accept_version=rejects_unknown",
            "gzip=when_asked",
            "absent_limits=some",
            "unlisted_types_billable=true",
        ] {
            let before = switches;
            switches.apply(text).unwrap();
            assert_ne!(switches, before, "{text}");
        }
        let mut read = Switches::default();
        read.set_all(&switches.named()).unwrap();
        assert_eq!(read, switches);
        assert_eq!(switches.named().len(), ALL.len());
        assert!(
            ALL.iter()
                .all(|switch| switches.named()[switch.name] != Switches::default().named()[switch.name])
        );
    }

    #[test]
    fn a_time_without_a_unit_is_one_of_seconds_or_of_minutes() {
        let mut switches = Switches::default();
        for (text, lag, refresh) in [("0", 0, 0), ("90", 90, 5_400), ("2h", 7_200, 7_200)] {
            switches.set("summary_lag", text).unwrap();
            switches.set("historical_refresh", text).unwrap();
            assert_eq!(switches.summary_lag, Duration::from_secs(lag));
            assert_eq!(switches.historical_refresh, Duration::from_secs(refresh));
        }
        for text in ["-1", "soon", "", "18446744073709551615", "500years"] {
            assert!(switches.set("summary_lag", text).is_err(), "{text}");
        }
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
        assert!(refused("hourly_range_cap=70000").contains("number of days"));
    }

    #[test]
    fn the_help_names_every_switch_its_positions_and_the_usual_one() {
        let help = Switches::help();
        assert_eq!(help.lines().count(), ALL.len());
        assert!(help.contains("  zero_buckets: present or absent [present]\n"), "{help}");
        assert!(
            help.contains("  summary_lag: a duration such as 5m, or a number of seconds [0s]\n"),
            "{help}"
        );
    }
}
