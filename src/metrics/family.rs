//! The families of the usage page, in the order in which they stand there.
//!
//! Owns: what is written of a family before and around its series.
//! Must not: hold a series.

use super::catalogue::{self, CATALOGUE, Row};
use crate::usage::{Level, Measure};

/// A family of the usage page.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    /// HELP and TYPE, which are the same in both formats.
    pub(super) heading: String,
    /// Whose series stand in it.
    pub(super) levels: &'static [Level],
    /// What a scrape has to ask for to get it; none for what always comes along.
    pub(super) group: Option<Group>,
    pub(super) source: Source,
    /// A number for the names of its labels: families with the same have the same.
    pub(super) label_names: usize,
}

/// Where the series of a family come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// What was read.
    Reading(&'static Row),
    /// When each collector last succeeded.
    LastSuccess,
    /// Whether an instance is up.
    Up,
}

/// What a scrape may ask for by `collect[]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Families of instances.
    Instance,
    /// Families of orgs.
    Org,
    /// Families of sandboxes.
    Sandbox,
    /// Families of applications.
    Application,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 4] = [Self::Instance, Self::Org, Self::Sandbox, Self::Application];

    /// The value of `collect[]`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Org => "org",
            Self::Sandbox => "sandbox",
            Self::Application => "application",
        }
    }

    const fn of(level: Level) -> Self {
        match level {
            Level::Instance => Self::Instance,
            Level::Org => Self::Org,
            Level::Sandbox => Self::Sandbox,
        }
    }
}

/// All families, and where each measure goes.
#[derive(Debug)]
pub(super) struct Families {
    all: Vec<Family>,
    /// By measure and level; none where the level does not have the measure.
    places: [[Option<usize>; Level::ALL.len()]; Measure::COUNT],
    last_success: [usize; Level::ALL.len()],
    /// The names of labels that there are.
    label_names: Vec<&'static [&'static str]>,
}

impl Families {
    pub(super) fn new() -> Self {
        let mut all = Vec::new();
        for row in CATALOGUE {
            for &level in row.family_levels() {
                let levels = if row.subject.is_some() { row.levels } else { one(level) };
                let group = if row.subject.is_some() { Group::Application } else { Group::of(level) };
                let source = Source::Reading(row);
                all.push(Family::new(row.family(level), &row.help(level), levels, Some(group), source));
            }
        }
        for level in Level::ALL {
            let (name, help) = (catalogue::last_success_family(level), catalogue::last_success_help(level));
            all.push(Family::new(name, &help, one(level), Some(Group::of(level)), Source::LastSuccess));
        }
        let (name, levels) = ("losant_up".to_owned(), one(Level::Instance));
        all.push(Family::new(name, catalogue::UP_HELP, levels, None, Source::Up));
        // What is chosen together stands together, and is compressed together. The order within a group stays.
        all.sort_by_key(|family| (family.group.is_none(), family.group));
        let (mut places, mut last_success) =
            ([[None; Level::ALL.len()]; Measure::COUNT], [0; Level::ALL.len()]);
        for (place, family) in all.iter().enumerate() {
            for &level in family.levels {
                match family.source {
                    Source::Reading(row) => places[row.measure as usize][level as usize] = Some(place),
                    Source::LastSuccess => last_success[level as usize] = place,
                    Source::Up => {}
                }
            }
        }
        let mut label_names: Vec<&[&str]> = Vec::new();
        for family in &mut all {
            let names = family.labels();
            family.label_names = label_names.iter().position(|known| *known == names).unwrap_or_else(|| {
                label_names.push(names);
                label_names.len() - 1
            });
        }
        Self { all, places, last_success, label_names }
    }

    pub(super) fn all(&self) -> &[Family] {
        &self.all
    }

    /// The names of labels beyond ids, by the numbers that families give.
    pub(super) fn label_names(&self) -> &[&'static [&'static str]] {
        &self.label_names
    }

    /// The place of the family that says when collectors last succeeded for scopes of `level`.
    pub(super) const fn last_success(&self, level: Level) -> usize {
        self.last_success[level as usize]
    }

    /// The place of the family in which a scope of `level` shows `measure`.
    pub(super) const fn place_of(&self, measure: Measure, level: Level) -> Option<usize> {
        self.places[measure as usize][level as usize]
    }
}

impl Family {
    fn new(name: String, help: &str, levels: &'static [Level], group: Option<Group>, source: Source) -> Self {
        let heading = format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
        Self { name, heading, levels, group, source, label_names: 0 }
    }

    /// Names of the labels beyond the ids.
    pub(super) const fn labels(&self) -> &'static [&'static str] {
        match self.source {
            Source::Reading(row) => row.labels,
            Source::LastSuccess => &["collector"],
            Source::Up => &[],
        }
    }
}

const fn one(level: Level) -> &'static [Level] {
    match level {
        Level::Instance => &[Level::Instance],
        Level::Org => &[Level::Org],
        Level::Sandbox => &[Level::Sandbox],
    }
}
