//! Which patterns match nobody: most likely a mistake of whoever wrote them.

use std::fmt;

use super::{Candidate, Selection};
use crate::usage::Level;

/// How many candidates a message names: enough to see how names are spelled, few enough for a line of a log.
const SHOWN: usize = 10;

/// An account of one sweep: who was looked at, and which patterns matched somebody.
#[derive(Clone, Debug)]
pub struct Tally {
    selection: Selection,
    /// By rule, whether it matched somebody.
    matched: Vec<bool>,
    orgs: Looks,
    sandboxes: Looks,
}

/// Who of a level was looked at.
#[derive(Clone, Debug, Default)]
struct Looks {
    shown: Vec<String>,
    of: usize,
}

/// A pattern that matched nobody. Its `Display` is one line for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The configuration key that the pattern stands under.
    pub key: String,
    /// The pattern as it is written there.
    pub pattern: String,
    /// The level whose candidates it looked at.
    pub level: Level,
    /// The first ten that were looked at: names of orgs, and ids of sandboxes, whose names are personal data.
    pub looked_at: Vec<String>,
    /// How many were looked at.
    pub of: usize,
}

impl Tally {
    pub(super) fn of(selection: Selection) -> Self {
        let matched = vec![false; selection.rules().len()];
        Self { selection, matched, orgs: Looks::default(), sandboxes: Looks::default() }
    }

    /// Whether `candidate` is wanted, as [`Selection::wants`] says. Notes which patterns match, also those that another
    /// one outdoes.
    pub fn look_at(&mut self, level: Level, candidate: &Candidate<'_>) -> bool {
        let Self { selection, matched, orgs, sandboxes } = self;
        let (Some(choice), Some(looks)) = (selection.choice(level), looks(level, orgs, sandboxes)) else {
            return true;
        };
        if choice.is_everything() {
            return true;
        }
        looks.note(level, candidate);
        let mut note = |side| {
            selection.hits(side, candidate).fold(false, |_, place| {
                matched[place] = true;
                true
            })
        };
        // Both are asked in any case: a pattern that another one outdoes has matched somebody all the same.
        let (included, excluded) = (note(&choice.include), note(&choice.exclude));
        (included || choice.include.is_empty()) && !excluded
    }

    /// Adds another account of the same selection: that of another instance or another Losant account.
    pub fn absorb(&mut self, other: Self) {
        for (own, other) in self.matched.iter_mut().zip(other.matched) {
            *own |= other;
        }
        self.orgs.absorb(other.orgs);
        self.sandboxes.absorb(other.sandboxes);
    }

    /// The patterns on candidates of `level` that matched nobody, in the order in which they are written down. Fair
    /// only once every candidate of that level has been looked at.
    pub fn unmatched(&self, level: Level) -> Vec<Unmatched> {
        let Some(Looks { shown, of }) = looks(level, &self.orgs, &self.sandboxes) else { return Vec::new() };
        let rules = self.selection.rules().iter().zip(&self.matched);
        rules
            .filter(|(rule, matched)| rule.level == level && !**matched)
            .map(|(rule, _)| Unmatched {
                key: rule.key.clone(),
                pattern: rule.pattern.to_string(),
                level,
                looked_at: shown.clone(),
                of: *of,
            })
            .collect()
    }
}

/// The one of two things that is about `level`.
fn looks<T>(level: Level, orgs: T, sandboxes: T) -> Option<T> {
    match level {
        Level::Instance => None,
        Level::Org => Some(orgs),
        Level::Sandbox => Some(sandboxes),
    }
}

impl Looks {
    fn note(&mut self, level: Level, candidate: &Candidate<'_>) {
        self.of += 1;
        if self.shown.len() < SHOWN {
            let name = candidate.names.first().filter(|_| level == Level::Org);
            self.shown.push(name.map_or_else(|| candidate.id.to_string(), |name| (*name).to_owned()));
        }
    }

    fn absorb(&mut self, other: Self) {
        self.of += other.of;
        self.shown.extend(other.shown);
        self.shown.truncate(SHOWN);
    }
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, pattern, level, looked_at, of } = self;
        // In quotes and escaped: a name may hold anything, line breaks included.
        write!(f, "{key}: {pattern:?} matches no {level}")?;
        if *of == 0 {
            return f.write_str(": there are none");
        }
        let names: Vec<_> = looked_at.iter().map(|name| format!("{name:?}")).collect();
        write!(f, "; looked at {}", names.join(", "))?;
        match of.saturating_sub(looked_at.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
