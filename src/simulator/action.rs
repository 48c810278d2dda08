//! The actions of the API: which method and path means what.

use axum::http::Method;

/// Something a client can ask for. Further actions of the API get their variant here and their arm in `Call::read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Instances,
    Orgs,
    Sandboxes,
    One(Level),
    Counts(Level, Count),
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
        let call = |action, instance, member| Some(Self { action, instance, member });
        if method != Method::GET {
            return None;
        }
        match *segments.as_slice() {
            ["instances"] => call(Action::Instances, None, None),
            ["instances", instance] => call(Action::One(Level::Instance), Some(instance), None),
            ["instances", instance, "orgs"] => call(Action::Orgs, Some(instance), None),
            ["instances", instance, "sandboxes"] => call(Action::Sandboxes, Some(instance), None),
            ["instances", instance, count] => {
                call(Action::Counts(Level::Instance, Count::read(count)?), Some(instance), None)
            }
            ["instances", instance, kind, member] => {
                call(Action::One(Level::read(kind)?), Some(instance), Some(member))
            }
            ["instances", instance, kind, member, count] => {
                call(Action::Counts(Level::read(kind)?, Count::read(count)?), Some(instance), Some(member))
            }
            _ => None,
        }
    }

    /// The id of whom it is about, as it was written.
    pub(super) fn owner(&self) -> Option<&'a str> {
        self.member.or(self.instance)
    }
}

impl Action {
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
        }
    }

    /// The name of the body's schema, which the body carries as `_type`.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Orgs => "instanceOrgs",
            Self::Sandboxes => "instanceSandboxes",
            Self::One(level) => level.schema(),
            Self::Counts(_, Count::Payloads) => "payloadStats",
            Self::Counts(_, Count::Breakdown) => "payloadCountsBreakdown",
            Self::Counts(_, Count::Devices) => "deviceCounts",
            Self::Counts(_, Count::Notebooks) => "notebookMinuteCounts",
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
    use super::*;

    fn name(method: &Method, path: &str) -> Option<&'static str> {
        Call::read(method, path).map(|call| call.action.name())
    }

    #[test]
    fn paths_lead_to_their_actions() {
        assert_eq!(name(&Method::GET, "/instances"), Some("instances.get"));
        assert_eq!(name(&Method::GET, "/instances/a"), Some("instance.get"));
        assert_eq!(name(&Method::GET, "/instances/a/orgs"), Some("instanceOrgs.get"));
        assert_eq!(name(&Method::GET, "/instances/a/sandboxes/b"), Some("instanceSandbox.get"));
        assert_eq!(name(&Method::GET, "/instances/a/deviceCounts"), Some("instance.deviceCounts"));
        assert_eq!(
            name(&Method::GET, "/instances/a/orgs/b/payloadCountsBreakdown"),
            Some("instanceOrg.payloadCountsBreakdown")
        );
    }

    #[test]
    fn other_paths_and_methods_lead_nowhere() {
        assert_eq!(name(&Method::POST, "/instances"), None);
        for path in [
            "/",
            "/openapi.json",
            "/instances/a/cats",
            "/instances/a/cats/b",
            "/instances/a/orgs/b/payloadCounts/c",
        ] {
            assert_eq!(name(&Method::GET, path), None, "{path}");
        }
    }
}
