//! What a scrape wants of the page.
//!
//! Owns: the parameters `collect[]` and `instance_id`, and in which words a wrong one is refused.
//! Must not: know HTTP.

use std::collections::BTreeSet;

use super::family::Group;
use crate::usage::Id;

/// Part of the usage page. Several exporters' worth of Prometheus can share one exporter, each reading its part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The groups of families wanted; all where none is named.
    groups: BTreeSet<Group>,
    /// The instances wanted; all where none is named.
    instances: BTreeSet<Id>,
}

/// A parameter that asks for what there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// A parameter of another name.
    #[error("there is no parameter {0:?}: a scrape may name collect[] and instance_id, each several times")]
    Parameter(String),
    /// Another word than the groups have.
    #[error("collect[]={0:?}: there are {groups}", groups = Group::ALL.map(Group::as_str).join(", "))]
    Collect(String),
    /// Something that is not an id.
    #[error("instance_id={0:?} is not a Losant id: expected 24 hexadecimal digits")]
    NoId(String),
    /// An instance that is not exported.
    #[error("instance_id={id} is not exported here: there are {known}", known = in_words(known))]
    Instance {
        /// The instance asked for.
        id: Id,
        /// Those there are.
        known: Vec<Id>,
    },
}

fn in_words(ids: &[Id]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// How much of a value that is refused is repeated.
const SHOWN: usize = 40;

impl Filter {
    /// Reads the parameters of a scrape, names and values.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidFilter> {
        let mut filter = Self::default();
        for (name, value) in parameters {
            match name {
                "collect[]" => {
                    let group = Group::ALL.into_iter().find(|group| group.as_str() == value);
                    filter.groups.insert(group.ok_or_else(|| InvalidFilter::Collect(shortened(value)))?);
                }
                "instance_id" => {
                    let id = value.parse().map_err(|_| InvalidFilter::NoId(shortened(value)))?;
                    filter.instances.insert(id);
                }
                _ => return Err(InvalidFilter::Parameter(shortened(name))),
            }
        }
        Ok(filter)
    }

    /// Whether everything is wanted.
    pub fn is_everything(&self) -> bool {
        self.groups.is_empty() && self.instances.is_empty()
    }

    /// Whether families of the group are wanted; those of none always are.
    pub(super) fn wants_group(&self, group: Option<Group>) -> bool {
        self.groups.is_empty() || group.is_none_or(|group| self.groups.contains(&group))
    }

    /// Whether series of the instance are wanted.
    pub(super) fn wants_instance(&self, instance: Id) -> bool {
        self.instances.is_empty() || self.instances.contains(&instance)
    }

    /// Refuses an instance that is none of `known`, which are all there are.
    pub(super) fn check(&self, known: &BTreeSet<Id>) -> Result<(), InvalidFilter> {
        self.instances.iter().find(|id| !known.contains(*id)).map_or(Ok(()), |id| {
            Err(InvalidFilter::Instance { id: *id, known: known.iter().copied().collect() })
        })
    }
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5ff89ff825013dc6c2856188";

    fn refused(name: &str, value: &str) -> String {
        Filter::parse([(name, value)]).unwrap_err().to_string()
    }

    #[test]
    fn no_parameter_wants_everything() {
        let filter = Filter::parse([]).unwrap();
        assert!(filter.is_everything());
        assert!(Group::ALL.into_iter().all(|group| filter.wants_group(Some(group))));
        assert!(filter.wants_instance(ID.parse().unwrap()));
        for parameter in [("collect[]", "org"), ("instance_id", ID)] {
            assert!(!Filter::parse([parameter]).unwrap().is_everything(), "{parameter:?}");
        }
    }

    #[test]
    fn several_values_of_a_parameter_are_all_wanted() {
        let filter =
            Filter::parse([("collect[]", "org"), ("instance_id", ID), ("collect[]", "instance")]).unwrap();
        assert!(filter.wants_group(Some(Group::Org)) && filter.wants_group(Some(Group::Instance)));
        assert!(!filter.wants_group(Some(Group::Sandbox)) && !filter.wants_group(Some(Group::Application)));
        assert!(filter.wants_instance(ID.parse().unwrap()));
        assert!(!filter.wants_instance("000000000000000000000001".parse().unwrap()));
    }

    #[test]
    fn what_there_is_not_is_refused_with_what_there_is() {
        insta::assert_snapshot!(refused("collect[]", "orgs"), @r#"collect[]="orgs": there are instance, org, sandbox, application"#);
        insta::assert_snapshot!(refused("instance_id", "acme"), @r#"instance_id="acme" is not a Losant id: expected 24 hexadecimal digits"#);
        insta::assert_snapshot!(refused("collect", "org"), @r#"there is no parameter "collect": a scrape may name collect[] and instance_id, each several times"#);
        insta::assert_snapshot!(refused("collect[]", &"x\n".repeat(50)), @r#"collect[]="x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n…": there are instance, org, sandbox, application"#);
    }

    #[test]
    fn an_instance_is_refused_that_is_not_there() {
        let filter = Filter::parse([("instance_id", ID)]).unwrap();
        assert_eq!(filter.check(&[ID.parse().unwrap()].into()), Ok(()));
        let error = filter.check(&["000000000000000000000001".parse().unwrap()].into()).unwrap_err();
        insta::assert_snapshot!(error, @"instance_id=5ff89ff825013dc6c2856188 is not exported here: there are 000000000000000000000001");
    }
}
