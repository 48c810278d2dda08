//! Faults as text: `ACTION[/ID]=KIND[:ARGUMENT][@RATE][#TIMES]`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Fault, FaultKind, RetryAfter, Route};
use crate::simulator::action::Action;

/// All forms of kinds, for those who took another one.
pub(super) const KINDS: &str = "status:CODE, html:CODE, empty:CODE, throttle, throttle:SECONDS, throttle-date:SECONDS, \
    delay:DURATION, hang, reset, cut, not-json, huge:BYTES, unknown-types, floats, no-summary, delete-listed";

/// A text that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// No `=` in it.
    #[error("{0:?} is not of the form ACTION[/ID]=KIND[:ARGUMENT][@RATE][#TIMES]")]
    Form(String),
    /// No action of this name.
    #[error("there is no action {0:?}; there are * and {names}", names = actions().join(", "))]
    Action(String),
    /// No owner can have this id.
    #[error("{0:?} is not an id: expected 24 hexadecimal digits")]
    Owner(String),
    /// No kind of this form.
    #[error("there is no fault {0:?}; there are {KINDS}")]
    Kind(String),
    /// No rate.
    #[error("{0:?} is not a rate: expected a number from 0 to 1")]
    Rate(String),
    /// No number.
    #[error("{0:?} is not a number of times: expected a whole number above 0")]
    Times(String),
}

fn actions() -> Vec<&'static str> {
    Action::ALL.into_iter().map(Action::name).collect()
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (route, rest) = text.split_once('=').ok_or_else(|| InvalidFault::Form(text.to_owned()))?;
        let (rest, times) = match rest.rsplit_once('#') {
            None => (rest, None),
            Some((rest, times)) => {
                let number = times.parse().ok().filter(|times| *times > 0);
                (rest, Some(number.ok_or_else(|| InvalidFault::Times(times.to_owned()))?))
            }
        };
        let (kind, rate) = match rest.rsplit_once('@') {
            None => (rest, 1.0),
            Some((kind, rate)) => {
                let share = rate.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
                (kind, share.ok_or_else(|| InvalidFault::Rate(rate.to_owned()))?)
            }
        };
        Ok(Self { route: route.parse()?, kind: kind.parse()?, times, rate })
    }
}

impl FromStr for Route {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (action, owner) = match text.split_once('/') {
            None => (text, None),
            Some((action, id)) => (action, Some(id.parse().map_err(|_| InvalidFault::Owner(id.to_owned()))?)),
        };
        let action = match action {
            "*" => None,
            name if actions().contains(&name) => Some(name.to_owned()),
            name => return Err(InvalidFault::Action(name.to_owned())),
        };
        Ok(Self { action, owner })
    }
}

impl FromStr for FaultKind {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let unknown = || InvalidFault::Kind(text.to_owned());
        let (name, argument) = match text.split_once(':') {
            None => (text, None),
            Some((name, argument)) => (name, Some(argument)),
        };
        let status = || {
            let status = argument.and_then(|code| code.parse().ok());
            status.filter(|code| (200..=599).contains(code)).ok_or_else(unknown)
        };
        let number = || argument.and_then(|number| number.parse().ok()).ok_or_else(unknown);
        let without = |kind| if argument.is_none() { Ok(kind) } else { Err(unknown()) };
        match name {
            "status" => Ok(Self::of_status(status()?)),
            "html" => Ok(Self::HtmlError(status()?)),
            "empty" => Ok(Self::EmptyBody(status()?)),
            "throttle" if argument.is_none() => Ok(Self::Throttle { retry_after: None }),
            "throttle" => Ok(Self::Throttle { retry_after: Some(RetryAfter::Seconds(number()?)) }),
            "throttle-date" => {
                let retry_after = Some(RetryAfter::HttpDate(Duration::from_secs(number()?)));
                Ok(Self::Throttle { retry_after })
            }
            "delay" => {
                let delay = argument.and_then(|text| humantime::parse_duration(text).ok());
                delay.map(Self::Delay).ok_or_else(unknown)
            }
            "huge" => Ok(Self::HugeBody(number()?)),
            "hang" => without(Self::Hang),
            "reset" => without(Self::Reset),
            "cut" => without(Self::CutBody),
            "not-json" => without(Self::NotJson),
            "unknown-types" => without(Self::UnknownPayloadTypes),
            "floats" => without(Self::NumbersAsFloats),
            "no-summary" => without(Self::NoSummary),
            "delete-listed" => without(Self::DeleteListed),
            _ => Err(unknown()),
        }
    }
}

impl FaultKind {
    /// An error with the words that go with its status.
    pub(super) fn of_status(status: u16) -> Self {
        let (kind, message) = match status {
            400 | 422 => ("Validation", "Invalid request"),
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "Forbidden"),
            404 => ("NotFound", "Not found"),
            429 => ("TooManyRequests", "Over rate limit, request throttled"),
            _ => ("InternalServerError", "Something went wrong"),
        };
        Self::Status { status, kind: kind.to_owned(), message: message.to_owned() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.route, self.kind)?;
        if self.rate < 1.0 {
            write!(f, "@{}", self.rate)?;
        }
        self.times.map_or(Ok(()), |times| write!(f, "#{times}"))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action.as_deref().unwrap_or("*"))?;
        self.owner.map_or(Ok(()), |owner| write!(f, "/{owner}"))
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, .. } => write!(f, "status:{status}"),
            Self::HtmlError(status) => write!(f, "html:{status}"),
            Self::EmptyBody(status) => write!(f, "empty:{status}"),
            Self::Throttle { retry_after: None } => f.write_str("throttle"),
            Self::Throttle { retry_after: Some(RetryAfter::Seconds(seconds)) } => {
                write!(f, "throttle:{seconds}")
            }
            Self::Throttle { retry_after: Some(RetryAfter::HttpDate(from_now)) } => {
                write!(f, "throttle-date:{}", from_now.as_secs())
            }
            Self::Delay(delay) => write!(f, "delay:{}", humantime::format_duration(*delay)),
            Self::HugeBody(bytes) => write!(f, "huge:{bytes}"),
            Self::Hang => f.write_str("hang"),
            Self::Reset => f.write_str("reset"),
            Self::CutBody => f.write_str("cut"),
            Self::NotJson => f.write_str("not-json"),
            Self::UnknownPayloadTypes => f.write_str("unknown-types"),
            Self::NumbersAsFloats => f.write_str("floats"),
            Self::NoSummary => f.write_str("no-summary"),
            Self::DeleteListed => f.write_str("delete-listed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_again() {
        for text in [
            "instanceOrg.payloadCounts=status:500",
            "*=throttle:7",
            "*=throttle",
            "*=throttle-date:30",
            "instanceOrgs.get=delay:3s@0.2",
            "instanceOrgs.get=delay:1s 500ms",
            "instance.get/0123456789abcdef01234567=hang#2",
            "*/0123456789abcdef01234567=reset@0.5#3",
            "*=cut",
            "*=not-json",
            "*=html:502",
            "*=empty:413",
            "*=huge:3000000",
            "*=unknown-types",
            "*=floats",
            "*=no-summary",
            "instanceOrgs.get=delete-listed#1",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        let fault: Fault = "instanceOrgs.get=delay:3s@0.2".parse().unwrap();
        assert_eq!(fault.route, Route::action("instanceOrgs.get"));
        assert_eq!((fault.kind, fault.times), (FaultKind::Delay(Duration::from_secs(3)), None));
        assert!((fault.rate - 0.2).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_forms_there_are() {
        let refused = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(refused("reset").contains("ACTION[/ID]=KIND"));
        assert!(
            refused("instanceOrg.fetch=reset")
                .contains("there is no action \"instanceOrg.fetch\"; there are *")
        );
        assert!(refused("*/42=reset").contains("\"42\" is not an id"));
        for kind in ["explode", "status", "status:abc", "status:99", "delay:soon", "hang:3", "throttle:x"] {
            let refusal = refused(&format!("*={kind}"));
            assert!(
                refusal.starts_with(&format!("there is no fault {kind:?}; there are status:CODE")),
                "{refusal}"
            );
        }
        assert!(refused("*=reset@2").contains("\"2\" is not a rate"));
        assert!(refused("*=reset#0").contains("\"0\" is not a number of times"));
    }
}
