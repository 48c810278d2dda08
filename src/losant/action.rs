//! What can be asked of Losant: one table, which the client, the command line and the documentation are made from.

mod parameter;
mod table;

use std::fmt;
use std::str::FromStr;

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

pub use parameter::{GLOBAL_PARAMETERS, Kind, Parameter, read_time};

use crate::usage::Level;
use table::{Row, TABLE};

/// One action of the Losant API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is Losant's action of the same name, and the table says what it does")]
pub enum Action {
    InstancesGet,
    InstanceGet,
    InstancePatch,
    InstancePayloadCounts,
    InstancePayloadCountsBreakdown,
    InstanceDeviceCounts,
    InstanceNotebookMinuteCounts,
    InstanceHistoricalSummaries,
    InstanceGenerateReport,
    InstanceOrgsGet,
    InstanceOrgsPost,
    InstanceOrgGet,
    InstanceOrgPatch,
    InstanceOrgDelete,
    InstanceOrgPayloadCounts,
    InstanceOrgPayloadCountsBreakdown,
    InstanceOrgDeviceCounts,
    InstanceOrgNotebookMinuteCounts,
    InstanceSandboxesGet,
    InstanceSandboxGet,
    InstanceSandboxDelete,
    InstanceSandboxUndelete,
    InstanceSandboxPayloadCounts,
    InstanceSandboxPayloadCountsBreakdown,
    InstanceSandboxDeviceCounts,
    InstanceSandboxNotebookMinuteCounts,
}

/// A usage count that exists at every level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// Payloads by type and source.
    Payloads,
    /// Payloads by hour or day.
    PayloadsBreakdown,
    /// Devices by day.
    Devices,
    /// Notebook runs and their minutes by day.
    NotebookMinutes,
}

/// How an action is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

/// Whether an action leaves Losant as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It does.
    Read,
    /// It changes something, or starts something.
    Write,
}

/// What an action takes as its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    None,
    /// A JSON object by Losant's schema of this name, or nothing.
    Optional(&'static str),
    /// A JSON object by Losant's schema of this name.
    Required(&'static str),
}

/// How an action gives a list that is too long for one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// It gives no list, or all of it.
    None,
    /// By number of page: `page` and `perPage`.
    ByPage,
    /// By the last id of the page before: `startingAfterId` and `limit`.
    ByCursor,
}

impl Action {
    /// Every action.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.action)
    }

    /// The action that reads `count` for an owner of `level`.
    pub const fn count(level: Level, count: Count) -> Self {
        match (level, count) {
            (Level::Instance, Count::Payloads) => Self::InstancePayloadCounts,
            (Level::Instance, Count::PayloadsBreakdown) => Self::InstancePayloadCountsBreakdown,
            (Level::Instance, Count::Devices) => Self::InstanceDeviceCounts,
            (Level::Instance, Count::NotebookMinutes) => Self::InstanceNotebookMinuteCounts,
            (Level::Org, Count::Payloads) => Self::InstanceOrgPayloadCounts,
            (Level::Org, Count::PayloadsBreakdown) => Self::InstanceOrgPayloadCountsBreakdown,
            (Level::Org, Count::Devices) => Self::InstanceOrgDeviceCounts,
            (Level::Org, Count::NotebookMinutes) => Self::InstanceOrgNotebookMinuteCounts,
            (Level::Sandbox, Count::Payloads) => Self::InstanceSandboxPayloadCounts,
            (Level::Sandbox, Count::PayloadsBreakdown) => Self::InstanceSandboxPayloadCountsBreakdown,
            (Level::Sandbox, Count::Devices) => Self::InstanceSandboxDeviceCounts,
            (Level::Sandbox, Count::NotebookMinutes) => Self::InstanceSandboxNotebookMinuteCounts,
        }
    }

    /// Losant's name for it (`instanceOrg.payloadCounts`): the scope that a token needs, and the label of our metrics.
    pub const fn label(self) -> &'static str {
        self.row().name
    }

    /// What it does, in one line.
    pub const fn description(self) -> &'static str {
        self.row().description
    }

    /// How it is sent.
    pub const fn method(self) -> Method {
        self.row().method
    }

    /// Where it lives below the base URL, with `{instance}`, `{org}` and `{sandbox}` for the ids.
    pub const fn path(self) -> &'static str {
        self.row().path
    }

    /// What kind of owner it is about; `None` only for the list of instances.
    pub fn level(self) -> Option<Level> {
        let path = self.path();
        match () {
            () if path.contains("{org}") => Some(Level::Org),
            () if path.contains("{sandbox}") => Some(Level::Sandbox),
            () if path.contains("{instance}") => Some(Level::Instance),
            () => None,
        }
    }

    /// Its own query parameters. [`GLOBAL_PARAMETERS`] come on top.
    pub const fn parameters(self) -> &'static [Parameter] {
        self.row().parameters
    }

    /// A query parameter by its name, its own or a global one.
    pub fn parameter(self, name: &str) -> Option<&'static Parameter> {
        self.parameters().iter().chain(&GLOBAL_PARAMETERS).find(|parameter| parameter.name == name)
    }

    /// What it takes as its body.
    pub const fn body(self) -> Body {
        self.row().body
    }

    /// The status of its success.
    pub const fn success_status(self) -> u16 {
        self.row().status
    }

    /// Losant's name for the schema of its answer.
    pub const fn answer_schema(self) -> &'static str {
        self.row().answer
    }

    /// The statuses of the errors that Losant declares for it. 401, 403, 405, 429 and 5xx can come from anywhere.
    pub const fn declared_errors(self) -> &'static [u16] {
        self.row().errors
    }

    /// Whether it leaves Losant as it was.
    pub const fn access(self) -> Access {
        match self.method() {
            Method::Get => Access::Read,
            Method::Post | Method::Patch | Method::Delete => Access::Write,
        }
    }

    /// Whether doing it twice comes to the same as doing it once.
    pub const fn is_idempotent(self) -> bool {
        !matches!(self.method(), Method::Post)
    }

    /// How it gives a long list.
    pub const fn paging(self) -> Paging {
        self.row().paging
    }

    /// The scopes that open it: a token needs one of them.
    pub fn scopes(self) -> Vec<String> {
        // A report changes nothing that a reader could see, so Losant lets readers ask for one.
        let open_to_readers = self.access() == Access::Read || self == Self::InstanceGenerateReport;
        let families: &[&str] = match self {
            // An instance token cannot list instances.
            Self::InstancesGet => &["all.User", "only.User"],
            _ => &["all.Instance", "all.User"],
        };
        let mut scopes = Vec::new();
        for family in families {
            scopes.extend([(*family).to_owned(), format!("{family}.bounded")]);
            if open_to_readers {
                scopes.push(format!("{family}.read"));
            }
        }
        let resource = self.label().split_once('.').map_or(self.label(), |(resource, _)| resource);
        scopes.extend([format!("{resource}.*"), self.label().to_owned()]);
        scopes
    }

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A text that is no action's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an action of the Losant API")]
pub struct UnknownAction(String);

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::all().find(|action| action.label() == text).ok_or_else(|| UnknownAction(text.to_owned()))
    }
}

impl EncodeLabelValue for Action {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        self.label().encode(encoder)
    }
}

impl Method {
    /// As HTTP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[path = "action_tests.rs"]
mod tests;
