//! A request for any action, checked against the table before anything is sent.
//!
//! The typed reads know what they ask for; this is for who has to be told, such as the command line.

use std::fmt;

use jiff::Timestamp;
use reqwest::Url;
use serde_json::Value;

use super::{Access, Action, BaseUrl, Body, Call, Paging};
use crate::usage::{Id, Level, Scope};

/// Sent with each request unless something else is asked for: Losant includes some of these extras of its own accord.
pub(super) const WITHOUT_EXTRAS: [(&str, &str); 3] =
    [("_links", "false"), ("_embedded", "false"), ("_actions", "false")];

/// The ids that a request names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// The instance.
    pub instance: Option<Id>,
    /// The org within it.
    pub org: Option<Id>,
    /// The sandbox user within it.
    pub sandbox: Option<Id>,
}

/// A request that the table of actions allows.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// It changes nothing: any [`Client`](super::Client) makes it.
    Read(Read),
    /// It changes something: only a [`Writer`](super::Writer) makes it.
    Write(Write),
}

/// A request that changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Read(Prepared);

/// A request that changes something at Losant.
#[derive(Clone, Debug, PartialEq)]
pub struct Write(Prepared);

/// What Losant answered to a request that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` if a write was answered without one.
    pub body: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prepared {
    pub(super) call: Call,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

/// A request that the table of actions does not allow. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {problem}")]
pub struct RequestError {
    /// What was to be asked.
    pub action: Action,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// An id that the path needs is not given.
    MissingId(Level),
    /// An id is given that the path has no place for.
    NeedlessId(Level),
    /// There is no such parameter.
    UnknownParameter(String),
    /// A parameter is given twice.
    RepeatedParameter(&'static str),
    /// A parameter that must be given is not.
    MissingParameter(&'static str),
    /// A parameter's value is not one that it takes; in words.
    Value(&'static str, String),
    /// The action takes a body by this schema, and none is given.
    MissingBody(&'static str),
    /// The action takes no body.
    NeedlessBody,
    /// The body is not a JSON object.
    BodyNoObject,
}

impl Request {
    /// Checks and prepares a request. Relative times are counted from `now`.
    pub fn new<'a>(
        action: Action,
        ids: Ids,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Option<Value>,
        now: Timestamp,
    ) -> Result<Self, RequestError> {
        let prepared = Prepared::new(action, ids, parameters, body, now);
        let prepared = prepared.map_err(|problem| RequestError { action, problem })?;
        Ok(match action.access() {
            Access::Read => Self::Read(Read(prepared)),
            Access::Write => Self::Write(Write(prepared)),
        })
    }

    /// What it asks, and of whom.
    pub const fn call(&self) -> &Call {
        &self.prepared().call
    }

    /// The full URL that it goes to.
    pub fn url(&self, base_url: &BaseUrl) -> String {
        self.prepared().url(base_url).into()
    }

    /// The value that a parameter is sent with.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.prepared().parameter(name)
    }

    /// The body that it is sent with.
    pub const fn body(&self) -> Option<&Value> {
        self.prepared().body.as_ref()
    }

    const fn prepared(&self) -> &Prepared {
        match self {
            Self::Read(Read(prepared)) | Self::Write(Write(prepared)) => prepared,
        }
    }
}

impl Read {
    pub(super) const fn prepared(&self) -> &Prepared {
        &self.0
    }

    /// How its answer is continued.
    pub const fn paging(&self) -> Paging {
        self.0.call.action.paging()
    }

    /// The same request with another value of a parameter.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.0.query.retain(|(known, _)| *known != name);
        self.0.query.push((name, value));
        self
    }
}

impl Write {
    pub(super) const fn prepared(&self) -> &Prepared {
        &self.0
    }
}

impl Prepared {
    fn new<'a>(
        action: Action,
        ids: Ids,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Option<Value>,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let call = Call { action, scope: scope(action.level(), ids)? };
        let mut query: Vec<(&'static str, String)> = Vec::new();
        for (name, text) in parameters {
            let Some(parameter) = action.parameter(name) else {
                return Err(Problem::UnknownParameter(name.to_owned()));
            };
            let name = parameter.name;
            if query.iter().any(|(known, _)| *known == name) {
                return Err(Problem::RepeatedParameter(name));
            }
            let value = parameter.kind.read(text, now).map_err(|words| Problem::Value(name, words))?;
            query.push((name, value));
        }
        let missing = action
            .parameters()
            .iter()
            .find(|parameter| parameter.required && !query.iter().any(|(known, _)| *known == parameter.name));
        if let Some(parameter) = missing {
            return Err(Problem::MissingParameter(parameter.name));
        }
        match (action.body(), &body) {
            (Body::None, Some(_)) => Err(Problem::NeedlessBody),
            (Body::Required(schema), None) => Err(Problem::MissingBody(schema)),
            (Body::Optional(_) | Body::Required(_), Some(value)) if !value.is_object() => {
                Err(Problem::BodyNoObject)
            }
            _ => Ok(Self { call, query, body }),
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn url(&self, base_url: &BaseUrl) -> Url {
        let mut url = base_url.join(&self.call.path(), &self.query);
        let extras = WITHOUT_EXTRAS.iter().filter(|(name, _)| self.parameter(name).is_none());
        url.query_pairs_mut().extend_pairs(extras);
        url
    }
}

/// Whose it is: exactly the ids that the path has a place for.
fn scope(level: Option<Level>, ids: Ids) -> Result<Option<Scope>, Problem> {
    let needed = |level, id: Option<Id>| id.ok_or(Problem::MissingId(level));
    let needless = |level, id: Option<Id>| id.map_or(Ok(()), |_| Err(Problem::NeedlessId(level)));
    let Ids { instance, org, sandbox } = ids;
    if level != Some(Level::Org) {
        needless(Level::Org, org)?;
    }
    if level != Some(Level::Sandbox) {
        needless(Level::Sandbox, sandbox)?;
    }
    let Some(level) = level else {
        needless(Level::Instance, instance)?;
        return Ok(None);
    };
    let instance = needed(Level::Instance, instance)?;
    Ok(Some(match level {
        Level::Instance => Scope::Instance { instance },
        Level::Org => Scope::Org { instance, org: needed(level, org)? },
        Level::Sandbox => Scope::Sandbox { instance, sandbox: needed(level, sandbox)? },
    }))
}

impl RequestError {
    /// The parameters that the action does take, with their values.
    pub fn known_parameters(&self) -> String {
        let known: Vec<_> = self
            .action
            .parameters()
            .iter()
            .map(|parameter| format!("{} ({})", parameter.name, parameter.kind.in_words()))
            .collect();
        if known.is_empty() { "none".to_owned() } else { known.join("; ") }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingId(level) => write!(f, "the id of the {level} is missing"),
            Self::NeedlessId(level) => write!(f, "it takes no id of {} {level}", article(*level)),
            Self::UnknownParameter(name) => write!(f, "there is no parameter {name:?}"),
            Self::RepeatedParameter(name) => write!(f, "parameter {name} is given twice"),
            Self::MissingParameter(name) => write!(f, "parameter {name} is missing"),
            Self::Value(name, words) => write!(f, "parameter {name}: {words}"),
            Self::MissingBody(schema) => write!(f, "a body is missing (Losant's schema {schema})"),
            Self::NeedlessBody => f.write_str("it takes no body"),
            Self::BodyNoObject => f.write_str("the body is not a JSON object"),
        }
    }
}

const fn article(level: Level) -> &'static str {
    match level {
        Level::Instance | Level::Org => "an",
        Level::Sandbox => "a",
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
