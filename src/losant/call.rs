//! One thing asked of Losant.

use std::fmt;

use super::Action;
use crate::usage::{Id, Scope};

/// An action and whose it is: what a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was asked.
    pub action: Action,
    /// Of whom; `None` only for the list of instances.
    pub scope: Option<Scope>,
}

impl Call {
    pub(super) const fn list_instances() -> Self {
        Self { action: Action::InstancesGet, scope: None }
    }

    pub(super) const fn of_instance(action: Action, instance: Id) -> Self {
        Self { action, scope: Some(Scope::Instance { instance }) }
    }

    pub(super) const fn of(action: Action, scope: Scope) -> Self {
        Self { action, scope: Some(scope) }
    }

    /// The path below the base URL. Ids are hexadecimal, so nothing needs escaping.
    pub(super) fn path(&self) -> String {
        let template = self.action.path();
        match self.scope {
            None => template.to_owned(),
            Some(scope) => template
                .replace("{instance}", &scope.instance().to_string())
                .replace("{org}", &scope.id().to_string())
                .replace("{sandbox}", &scope.id().to_string()),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action)?;
        match self.scope {
            None => Ok(()),
            Some(scope @ Scope::Instance { .. }) => write!(f, " of {scope}"),
            Some(scope) => write!(f, " of {scope} in instance {}", scope.instance()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: &str) -> Id {
        digit.repeat(24).parse().unwrap()
    }

    #[test]
    fn a_path_holds_the_ids_and_no_placeholder() {
        for action in Action::all() {
            let call = Call::of(action, Scope::Org { instance: id("a"), org: id("b") });
            assert!(!call.path().contains(['{', '}']), "{}", call.path());
        }
        let call = Call::of(Action::InstanceOrgGet, Scope::Org { instance: id("a"), org: id("b") });
        assert_eq!(call.path(), format!("/instances/{}/orgs/{}", id("a"), id("b")));
        assert_eq!(Call::list_instances().path(), "/instances");
    }

    #[test]
    fn a_call_reads_as_action_owner_instance() {
        let call =
            Call::of(Action::InstanceSandboxGet, Scope::Sandbox { instance: id("a"), sandbox: id("c") });
        assert_eq!(
            call.to_string(),
            format!("instanceSandbox.get of sandbox {} in instance {}", id("c"), id("a"))
        );
        assert_eq!(
            Call::of_instance(Action::InstanceGet, id("a")).to_string(),
            format!("instance.get of instance {}", id("a"))
        );
    }
}
