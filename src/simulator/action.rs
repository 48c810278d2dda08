//! The actions of the API: which method and path means what.

use axum::http::Method;

/// Something a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Instances,
    Orgs,
    Sandboxes,
    One(Level),
    Counts(Level, Count),
    History,
    Report,
    AddOrg,
    Patch(Level),
    Delete(Level),
    Undelete,
}

/// What a path with ids leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Instance,
    Org,
    Sandbox,
}

/// The four usage figures every owner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Payloads,
    Breakdown,
    Devices,
    Notebooks,
}

/// An action, and the ids in its path as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call<'a> {
    pub(super) action: Action,
    pub(super) instance: Option<&'a str>,
    pub(super) member: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// Reads method and path; none when there is no such action.
    pub(super) fn read(method: &Method, path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let (action, instance, member) = match (method.as_str(), segments.as_slice()) {
            ("GET", ["instances"]) => (Action::Instances, None, None),
            (method, ["instances", instance]) => {
                let action = match method {
                    "GET" => Action::One(Level::Instance),
                    "PATCH" => Action::Patch(Level::Instance),
                    _ => return None,
                };
                (action, Some(instance), None)
            }
            (method, ["instances", instance, what]) => {
                let action = match (method, *what) {
                    ("GET", "orgs") => Action::Orgs,
                    ("POST", "orgs") => Action::AddOrg,
                    ("GET", "sandboxes") => Action::Sandboxes,
                    ("GET", "historicalSummaries") => Action::History,
                    ("POST", "generateReport") => Action::Report,
                    ("GET", count) => Action::Counts(Level::Instance, Count::read(count)?),
                    _ => return None,
                };
                (action, Some(instance), None)
            }
            (method, ["instances", instance, kind, member]) => {
                let action = match (method, Level::read(kind)?) {
                    ("GET", level) => Action::One(level),
                    ("DELETE", level) => Action::Delete(level),
                    ("PATCH", Level::Org) => Action::Patch(Level::Org),
                    _ => return None,
                };
                (action, Some(instance), Some(member))
            }
            ("PATCH", ["instances", instance, "sandboxes", member, "undelete"]) => {
                (Action::Undelete, Some(instance), Some(member))
            }
            ("GET", ["instances", instance, kind, member, count]) => {
                (Action::Counts(Level::read(kind)?, Count::read(count)?), Some(instance), Some(member))
            }
            _ => return None,
        };
        Some(Self { action, instance: instance.copied(), member: member.copied() })
    }

    /// The id of whom it is about, as it was written.
    pub(super) fn owner(&self) -> Option<&'a str> {
        self.member.or(self.instance)
    }
}

impl Action {
    /// All of them.
    pub(super) const ALL: [Self; 26] = [
        Self::Instances,
        Self::One(Level::Instance),
        Self::Patch(Level::Instance),
        Self::Counts(Level::Instance, Count::Payloads),
        Self::Counts(Level::Instance, Count::Breakdown),
        Self::Counts(Level::Instance, Count::Devices),
        Self::Counts(Level::Instance, Count::Notebooks),
        Self::History,
        Self::Report,
        Self::Orgs,
        Self::AddOrg,
        Self::One(Level::Org),
        Self::Patch(Level::Org),
        Self::Delete(Level::Org),
        Self::Counts(Level::Org, Count::Payloads),
        Self::Counts(Level::Org, Count::Breakdown),
        Self::Counts(Level::Org, Count::Devices),
        Self::Counts(Level::Org, Count::Notebooks),
        Self::Sandboxes,
        Self::One(Level::Sandbox),
        Self::Delete(Level::Sandbox),
        Self::Undelete,
        Self::Counts(Level::Sandbox, Count::Payloads),
        Self::Counts(Level::Sandbox, Count::Breakdown),
        Self::Counts(Level::Sandbox, Count::Devices),
        Self::Counts(Level::Sandbox, Count::Notebooks),
    ];

    /// The name in token scopes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Instances => "instances.get",
            Self::Orgs => "instanceOrgs.get",
            Self::Sandboxes => "instanceSandboxes.get",
            Self::One(Level::Instance) => "instance.get",
            Self::One(Level::Org) => "instanceOrg.get",
            Self::One(Level::Sandbox) => "instanceSandbox.get",
            Self::Counts(Level::Instance, Count::Payloads) => "instance.payloadCounts",
            Self::Counts(Level::Instance, Count::Breakdown) => "instance.payloadCountsBreakdown",
            Self::Counts(Level::Instance, Count::Devices) => "instance.deviceCounts",
            Self::Counts(Level::Instance, Count::Notebooks) => "instance.notebookMinuteCounts",
            Self::Counts(Level::Org, Count::Payloads) => "instanceOrg.payloadCounts",
            Self::Counts(Level::Org, Count::Breakdown) => "instanceOrg.payloadCountsBreakdown",
            Self::Counts(Level::Org, Count::Devices) => "instanceOrg.deviceCounts",
            Self::Counts(Level::Org, Count::Notebooks) => "instanceOrg.notebookMinuteCounts",
            Self::Counts(Level::Sandbox, Count::Payloads) => "instanceSandbox.payloadCounts",
            Self::Counts(Level::Sandbox, Count::Breakdown) => "instanceSandbox.payloadCountsBreakdown",
            Self::Counts(Level::Sandbox, Count::Devices) => "instanceSandbox.deviceCounts",
            Self::Counts(Level::Sandbox, Count::Notebooks) => "instanceSandbox.notebookMinuteCounts",
            Self::History => "instance.historicalSummaries",
            Self::Report => "instance.generateReport",
            Self::AddOrg => "instanceOrgs.post",
            Self::Patch(Level::Instance) => "instance.patch",
            // Sandboxes have no patch, and instances no delete: no path leads there.
            Self::Patch(Level::Org | Level::Sandbox) => "instanceOrg.patch",
            Self::Delete(Level::Org | Level::Instance) => "instanceOrg.delete",
            Self::Delete(Level::Sandbox) => "instanceSandbox.delete",
            Self::Undelete => "instanceSandbox.undelete",
        }
    }

    /// Whether a token that may only read may do it. Asking for a report is a POST, and open to them all the same.
    pub(super) fn is_open_to_readers(self) -> bool {
        !matches!(self, Self::AddOrg | Self::Patch(_) | Self::Delete(_) | Self::Undelete)
    }

    /// Whether a request may have a body.
    pub(super) fn has_body(self) -> bool {
        !self.is_open_to_readers() || self == Self::Report
    }

    /// The name of the body's schema, which the body carries as `_type`.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Orgs => "instanceOrgs",
            Self::Sandboxes => "instanceSandboxes",
            Self::One(level) | Self::Patch(level) => level.schema(),
            Self::Undelete => Level::Sandbox.schema(),
            Self::Counts(_, Count::Payloads) => "payloadStats",
            Self::Counts(_, Count::Breakdown) => "payloadCountsBreakdown",
            Self::Counts(_, Count::Devices) => "deviceCounts",
            Self::Counts(_, Count::Notebooks) => "notebookMinuteCounts",
            Self::History => "historicalSummaries",
            Self::Report => "jobEnqueuedResult",
            Self::AddOrg => "org",
            Self::Delete(_) => "success",
        }
    }
}

impl Level {
    fn read(segment: &str) -> Option<Self> {
        match segment {
            "orgs" => Some(Self::Org),
            "sandboxes" => Some(Self::Sandbox),
            _ => None,
        }
    }

    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Org => "instanceOrg",
            Self::Sandbox => "instanceSandbox",
        }
    }
}

impl Count {
    fn read(segment: &str) -> Option<Self> {
        match segment {
            "payloadCounts" => Some(Self::Payloads),
            "payloadCountsBreakdown" => Some(Self::Breakdown),
            "deviceCounts" => Some(Self::Devices),
            "notebookMinuteCounts" => Some(Self::Notebooks),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn name(method: &Method, path: &str) -> Option<&'static str> {
        Call::read(method, path).map(|call| call.action.name())
    }

    #[test]
    fn paths_lead_to_their_actions() {
        for (method, path, action) in [
            (Method::GET, "/instances", "instances.get"),
            (Method::GET, "/instances/a", "instance.get"),
            (Method::PATCH, "/instances/a", "instance.patch"),
            (Method::GET, "/instances/a/orgs", "instanceOrgs.get"),
            (Method::POST, "/instances/a/orgs", "instanceOrgs.post"),
            (Method::GET, "/instances/a/historicalSummaries", "instance.historicalSummaries"),
            (Method::POST, "/instances/a/generateReport", "instance.generateReport"),
            (Method::GET, "/instances/a/deviceCounts", "instance.deviceCounts"),
            (Method::PATCH, "/instances/a/orgs/b", "instanceOrg.patch"),
            (Method::DELETE, "/instances/a/orgs/b", "instanceOrg.delete"),
            (Method::GET, "/instances/a/sandboxes/b", "instanceSandbox.get"),
            (Method::DELETE, "/instances/a/sandboxes/b", "instanceSandbox.delete"),
            (Method::PATCH, "/instances/a/sandboxes/b/undelete", "instanceSandbox.undelete"),
            (Method::GET, "/instances/a/orgs/b/payloadCountsBreakdown", "instanceOrg.payloadCountsBreakdown"),
        ] {
            assert_eq!(name(&method, path), Some(action), "{method} {path}");
        }
    }

    #[test]
    fn other_paths_and_methods_lead_nowhere() {
        for path in [
            "/",
            "/openapi.json",
            "/instances/a/cats",
            "/instances/a/cats/b",
            "/instances/a/generateReport",
            "/instances/a/sandboxes/b/undelete",
            "/instances/a/orgs/b/payloadCounts/c",
        ] {
            assert_eq!(name(&Method::GET, path), None, "{path}");
        }
        assert_eq!(name(&Method::POST, "/instances"), None);
        assert_eq!(name(&Method::DELETE, "/instances/a"), None);
        assert_eq!(name(&Method::PATCH, "/instances/a/sandboxes/b"), None);
        assert_eq!(name(&Method::PATCH, "/instances/a/orgs/b/undelete"), None);
    }

    #[test]
    fn there_are_26_actions_with_as_many_names() {
        let names: BTreeSet<_> = Action::ALL.iter().map(|action| action.name()).collect();
        assert_eq!(names.len(), 26);
    }
}
