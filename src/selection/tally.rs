//! Which patterns match nobody: most likely a mistake of whoever wrote them.

use std::fmt::{self, Write as _};

use super::{Candidate, Pattern, Selection};
use crate::usage::Level;

/// How many names or tags a message shows: enough to see how they are spelled, few enough for a line of a log.
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
    of: usize,
    /// The first names of orgs. Names of sandbox users are personal data, and not kept.
    names: Vec<String>,
    /// The first tags, each once, as `key=value`.
    tags: Vec<String>,
}

/// A pattern that matched nobody. Its `Display` is one line for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The configuration key that the pattern stands under.
    pub key: String,
    /// The pattern as it is written there. On sandboxes it may be somebody's address, and is not for logs.
    pub pattern: String,
    /// The level whose candidates it looked at.
    pub level: Level,
    /// What it was held against.
    pub seen: Seen,
    /// How many candidates were looked at.
    pub of: usize,
}

/// What a pattern that matched nobody was held against, as far as it may be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The first ten names.
    Names(Vec<String>),
    /// The first ten different tags, as `key=value`.
    Tags(Vec<String>),
    /// Personal data.
    Withheld,
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
        let Some(Looks { of, names, tags }) = looks(level, &self.orgs, &self.sandboxes) else {
            return Vec::new();
        };
        let seen = |pattern: &Pattern| match level {
            Level::Instance | Level::Sandbox => Seen::Withheld,
            Level::Org if pattern.is_on_tags() => Seen::Tags(tags.clone()),
            Level::Org => Seen::Names(names.clone()),
        };
        let rules = self.selection.rules().iter().zip(&self.matched);
        rules
            .filter(|(rule, matched)| rule.level == level && !**matched)
            .map(|(rule, _)| Unmatched {
                key: rule.key.clone(),
                pattern: rule.pattern.to_string(),
                level,
                seen: seen(&rule.pattern),
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
        if level != Level::Org {
            return;
        }
        if self.names.len() < SHOWN {
            let name = candidate.names.first().map(|name| (*name).to_owned());
            self.names.push(name.unwrap_or_else(|| candidate.id.to_string()));
        }
        for (key, value) in candidate.tags {
            if self.tags.len() == SHOWN {
                break;
            }
            self.note_tag(format!("{key}={value}"));
        }
    }

    fn note_tag(&mut self, tag: String) {
        if self.tags.len() < SHOWN && !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
    }

    fn absorb(&mut self, other: Self) {
        self.of += other.of;
        self.names.extend(other.names);
        self.names.truncate(SHOWN);
        other.tags.into_iter().for_each(|tag| self.note_tag(tag));
    }
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, pattern, level, seen, of } = self;
        match seen {
            Seen::Withheld => write!(f, "{key}: the pattern matches no {level}")?,
            Seen::Names(_) | Seen::Tags(_) => write!(f, "{key}: {} matches no {level}", Quoted(pattern))?,
        }
        if *of == 0 {
            return f.write_str(": there are none");
        }
        match seen {
            Seen::Withheld if *of == 1 => write!(f, "; 1 {level} was looked at; its name is not logged"),
            Seen::Withheld => write!(f, "; {of} sandboxes were looked at; their names are not logged"),
            Seen::Tags(tags) if tags.is_empty() => write!(f, "; looked at {of}, none of which has a tag"),
            Seen::Tags(tags) => write!(f, "; looked at {of}, with tags such as {}", list(tags)),
            Seen::Names(names) => {
                write!(f, "; looked at {}", list(names))?;
                match of.saturating_sub(names.len()) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
        }
    }
}

fn list(texts: &[String]) -> String {
    texts.iter().map(|text| Quoted(text).to_string()).collect::<Vec<_>>().join(", ")
}

/// A text in quotes, so that it can be pasted back: nothing is escaped but what would break the line or hide text in it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            if character.is_control()
                || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        f.write_char('"')
    }
}
