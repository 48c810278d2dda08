//! One poll of one kind of one scope.

use std::fmt;

use crate::usage::{Collector, Scope};

/// What is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Job {
    /// Ask which instances there are. Only where the configuration names none.
    Instances,
    /// Poll a scope. [`Collector::Discovery`] exists for instances only.
    Poll(Scope, Collector),
}

impl Job {
    /// The kind of poll, for metrics.
    pub(super) const fn collector(self) -> Collector {
        match self {
            Self::Instances => Collector::Discovery,
            Self::Poll(_, collector) => collector,
        }
    }

    /// Whose poll it is.
    pub(super) const fn scope(self) -> Option<Scope> {
        match self {
            Self::Instances => None,
            Self::Poll(scope, _) => Some(scope),
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instances => f.write_str("list of instances"),
            Self::Poll(scope, collector) => write!(f, "{collector} of {scope}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_called_by_what_is_asked_of_whom() {
        let scope =
            Scope::Org { instance: "1".repeat(24).parse().unwrap(), org: "2".repeat(24).parse().unwrap() };
        let poll = Job::Poll(scope, Collector::DeviceCounts);
        assert_eq!(poll.to_string(), "device_counts of org 222222222222222222222222");
        assert_eq!((poll.scope(), poll.collector()), (Some(scope), Collector::DeviceCounts));
        assert_eq!(Job::Instances.to_string(), "list of instances");
        assert_eq!((Job::Instances.scope(), Job::Instances.collector()), (None, Collector::Discovery));
    }
}
