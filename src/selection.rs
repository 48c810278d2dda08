//! Which orgs and sandboxes are wanted.
//!
//! Owns: patterns on ids, names and tags, how they combine, and which of them match nobody.
//! Must not: know where patterns are written down or where candidates come from.

mod glob;
mod pattern;
mod tally;

use std::sync::Arc;

use crate::usage::{Id, Level};

pub use pattern::{InvalidPattern, Pattern};
pub use tally::{Seen, Tally, Unmatched};

/// What a matching pattern does to a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is wanted, unless it is excluded.
    Include,
    /// It is not wanted, whatever includes it.
    Exclude,
}

/// A pattern and what it is for.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The level whose candidates it looks at. Rules on instances do nothing.
    pub level: Level,
    /// What it does to those that it matches.
    pub effect: Effect,
    /// The configuration key that it stands under, for messages.
    pub key: String,
    /// What it matches.
    pub pattern: Pattern,
}

/// An org or a sandbox, as far as patterns can tell it from others. Names of sandbox users are personal data: not for
/// logs, so this has no `Debug`.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: Id,
    /// What it is called: a pattern that matches one of them matches.
    pub names: &'a [&'a str],
    /// Its tags, key and value. A key may come several times.
    pub tags: &'a [(&'a str, &'a str)],
}

/// Which orgs and sandboxes are wanted: those that an including rule of their level matches, or all where there is
/// none, without those that an excluding one matches. A copy is a handle on the same rules.
#[derive(Clone, Debug)]
pub struct Selection(Arc<Rules>);

#[derive(Debug, Default)]
struct Rules {
    all: Vec<Rule>,
    orgs: Choice,
    sandboxes: Choice,
}

/// The rules of a level.
#[derive(Debug, Default)]
struct Choice {
    include: Side,
    exclude: Side,
}

/// The rules of a level that have one effect, as places in [`Rules::all`].
#[derive(Debug, Default)]
struct Side {
    /// Rules on ids, sorted: there may be thousands of them, and more candidates.
    ids: Vec<(Id, usize)>,
    others: Vec<usize>,
}

impl Selection {
    /// Everything is wanted.
    pub fn everything() -> Self {
        Self::new(Vec::new())
    }

    /// What `rules` select.
    pub fn new(rules: Vec<Rule>) -> Self {
        let (mut orgs, mut sandboxes) = (Choice::default(), Choice::default());
        for (place, rule) in rules.iter().enumerate() {
            let choice = match rule.level {
                Level::Instance => continue,
                Level::Org => &mut orgs,
                Level::Sandbox => &mut sandboxes,
            };
            let side = match rule.effect {
                Effect::Include => &mut choice.include,
                Effect::Exclude => &mut choice.exclude,
            };
            match rule.pattern.as_id() {
                Some(id) => side.ids.push((id, place)),
                None => side.others.push(place),
            }
        }
        for choice in [&mut orgs, &mut sandboxes] {
            choice.include.ids.sort_unstable();
            choice.exclude.ids.sort_unstable();
        }
        Self(Arc::new(Rules { all: rules, orgs, sandboxes }))
    }

    /// Whether there is no rule, so that nobody needs to be looked at.
    pub fn is_everything(&self) -> bool {
        Level::ALL.into_iter().filter_map(|level| self.choice(level)).all(Choice::is_everything)
    }

    /// Whether `candidate`, which is of `level`, is wanted. An instance always is.
    pub fn wants(&self, level: Level, candidate: &Candidate<'_>) -> bool {
        self.choice(level).is_none_or(|choice| {
            let included =
                choice.include.is_empty() || self.hits(&choice.include, candidate).next().is_some();
            included && self.hits(&choice.exclude, candidate).next().is_none()
        })
    }

    /// How many rules of a level have an effect.
    pub fn count(&self, level: Level, effect: Effect) -> usize {
        let side = |choice: &Choice| match effect {
            Effect::Include => choice.include.len(),
            Effect::Exclude => choice.exclude.len(),
        };
        self.choice(level).map_or(0, side)
    }

    /// An account of a sweep that is about to begin.
    pub fn tally(&self) -> Tally {
        Tally::of(self.clone())
    }

    fn rules(&self) -> &[Rule] {
        &self.0.all
    }

    fn choice(&self, level: Level) -> Option<&Choice> {
        match level {
            Level::Instance => None,
            Level::Org => Some(&self.0.orgs),
            Level::Sandbox => Some(&self.0.sandboxes),
        }
    }

    /// The places of the rules of `side` that match.
    fn hits<'a>(&'a self, side: &'a Side, candidate: &'a Candidate<'_>) -> impl Iterator<Item = usize> + 'a {
        let first = side.ids.partition_point(|(id, _)| *id < candidate.id);
        let ids = side.ids[first..].iter().take_while(|(id, _)| *id == candidate.id).map(|(_, place)| *place);
        let matches = |place: &usize| self.0.all[*place].pattern.matches(candidate);
        ids.chain(side.others.iter().copied().filter(matches))
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self::everything()
    }
}

impl Choice {
    fn is_everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }
}

impl Side {
    fn len(&self) -> usize {
        self.ids.len() + self.others.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
