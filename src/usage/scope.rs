//! Whose usage a number is.

use std::fmt;

use super::Id;

/// A kind of owner. Each level has metric families of its own, because an instance beside its orgs in one
/// family would make `sum()` count everything twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The whole instance. Its figures count orgs only; sandboxes come on top.
    Instance,
    /// An organization of the instance.
    Org,
    /// A sandbox user of the instance.
    Sandbox,
}

impl Level {
    /// Every level, from the whole to the parts.
    pub const ALL: [Self; 3] = [Self::Instance, Self::Org, Self::Sandbox];

    /// The word that metric names and labels use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Org => "org",
            Self::Sandbox => "sandbox",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One owner of usage: an instance, or an org or sandbox within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A whole instance.
    Instance {
        /// The instance.
        instance: Id,
    },
    /// An organization.
    Org {
        /// The instance that it belongs to.
        instance: Id,
        /// The organization.
        org: Id,
    },
    /// A sandbox user.
    Sandbox {
        /// The instance that the user belongs to.
        instance: Id,
        /// The user.
        sandbox: Id,
    },
}

impl Scope {
    /// What kind of owner it is.
    pub const fn level(&self) -> Level {
        match self {
            Self::Instance { .. } => Level::Instance,
            Self::Org { .. } => Level::Org,
            Self::Sandbox { .. } => Level::Sandbox,
        }
    }

    /// The instance that it is, or belongs to.
    pub const fn instance(&self) -> Id {
        match self {
            Self::Instance { instance } | Self::Org { instance, .. } | Self::Sandbox { instance, .. } => {
                *instance
            }
        }
    }

    /// Its own id.
    pub const fn id(&self) -> Id {
        match self {
            Self::Instance { instance } => *instance,
            Self::Org { org, .. } => *org,
            Self::Sandbox { sandbox, .. } => *sandbox,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.level(), self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_called_by_its_level_and_its_own_id() {
        let id = |digit: u8| format!("{digit:024x}").parse().unwrap();
        let (instance, org, sandbox) = (id(1), id(2), id(3));
        let scopes = [
            Scope::Instance { instance },
            Scope::Org { instance, org },
            Scope::Sandbox { instance, sandbox },
        ];
        assert_eq!(scopes.map(|scope| scope.level()), Level::ALL);
        assert_eq!(scopes.map(|scope| scope.instance()), [instance; 3]);
        assert_eq!(
            scopes.map(|scope| scope.to_string()),
            [
                "instance 000000000000000000000001",
                "org 000000000000000000000002",
                "sandbox 000000000000000000000003"
            ]
        );
    }
}
