//! What one pattern matches.

use std::fmt;

use regex::Regex;

use super::Candidate;
use super::glob::{self, Glob};
use crate::usage::Id;

/// Matches candidates by id, name or tag. Case counts.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    matcher: Matcher,
}

/// A text that is not a pattern. The message repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPattern(String);

#[derive(Clone, Debug)]
enum Matcher {
    Id(Id),
    Name(String),
    NameRegex(Regex),
    Tag { key: String, value: Option<String> },
}

impl Pattern {
    /// The one that has this id: 24 hexadecimal digits.
    pub fn id(text: &str) -> Result<Self, InvalidPattern> {
        let id = text.parse().map_err(|error: crate::usage::InvalidId| InvalidPattern(error.to_string()))?;
        Ok(Self::new(text, Matcher::Id(id)))
    }

    /// Those of whose names one matches a glob whole: `*` any text, `?` one character, `[a-z]` and `[!a-z]` one of some,
    /// `\` before a character that is meant itself.
    pub fn glob(text: &str) -> Result<Self, InvalidPattern> {
        let matcher =
            match glob::parse(not_empty(text)?).map_err(|problem| refusal(text, "glob", &problem))? {
                Glob::Exactly(name) => Matcher::Name(name),
                Glob::Regex(regex) => {
                    let regex = Regex::new(&regex).map_err(|error| refusal(text, "glob", &reason(&error)))?;
                    Matcher::NameRegex(regex)
                }
            };
        Ok(Self::new(text, matcher))
    }

    /// Those of whose names one holds a match of a regular expression, anywhere unless `^` and `$` tie it down.
    pub fn regex(text: &str) -> Result<Self, InvalidPattern> {
        let regex = Regex::new(not_empty(text)?)
            .map_err(|error| refusal(text, "regular expression", &reason(&error)))?;
        Ok(Self::new(text, Matcher::NameRegex(regex)))
    }

    /// Those that have a tag: `key=value`, or `key` for any value.
    pub fn tag(text: &str) -> Result<Self, InvalidPattern> {
        let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
        if key.is_empty() {
            return Err(refusal(
                text,
                "tag",
                "the key is missing; write \"key=value\", or \"key\" for any value",
            ));
        }
        Ok(Self::new(text, Matcher::Tag { key: key.to_owned(), value: value.map(str::to_owned) }))
    }

    fn new(text: &str, matcher: Matcher) -> Self {
        Self { text: text.to_owned(), matcher }
    }

    /// The id that it matches, where it looks at ids.
    pub(super) fn as_id(&self) -> Option<Id> {
        match self.matcher {
            Matcher::Id(id) => Some(id),
            Matcher::Name(_) | Matcher::NameRegex(_) | Matcher::Tag { .. } => None,
        }
    }

    /// Whether it looks at tags.
    pub(super) fn is_on_tags(&self) -> bool {
        matches!(self.matcher, Matcher::Tag { .. })
    }

    pub(super) fn matches(&self, candidate: &Candidate<'_>) -> bool {
        let Candidate { id, names, tags } = candidate;
        match &self.matcher {
            Matcher::Id(wanted) => wanted == id,
            Matcher::Name(wanted) => names.contains(&wanted.as_str()),
            Matcher::NameRegex(regex) => names.iter().any(|name| regex.is_match(name)),
            Matcher::Tag { key, value } => tags.iter().any(|(own_key, own_value)| {
                own_key == key && value.as_ref().is_none_or(|value| value == own_value)
            }),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An empty glob matches nobody, and an empty regular expression everybody: neither is what an empty text is meant for.
fn not_empty(text: &str) -> Result<&str, InvalidPattern> {
    if text.is_empty() { Err(InvalidPattern("must not be empty".to_owned())) } else { Ok(text) }
}

fn refusal(text: &str, kind: &str, problem: &str) -> InvalidPattern {
    InvalidPattern(format!("{text:?} is not a {kind}: {problem}"))
}

/// What is wrong with a regular expression, without the picture that is drawn of it.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).trim_end_matches('.').to_owned()
}
