//! Conditions on the tags of an org.

use serde_json::{Map, Value};

use super::{list, unknown, wrong};
use crate::simulator::owner::Tag;
use crate::simulator::refusal::Refusal;
use crate::simulator::rules;

/// Longest text to compare a key or a value with.
const LONGEST: usize = 255;

/// A condition on all tags of an org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum TagCondition {
    /// It has none.
    Absent,
    /// One tag has such a key and such a value.
    One {
        key: Wanted,
        value: Wanted,
    },
    /// For each of these keys, a tag with such a value.
    Each(Vec<(String, Wanted)>),
    Not(Box<TagCondition>),
}

/// Which texts are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Wanted {
    Any,
    Absent,
    This(String),
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl TagCondition {
    pub(super) fn read(path: &str, value: &Value) -> Result<Self, Refusal> {
        let Value::Object(keys) = value else {
            return if value.is_null() { Ok(Self::Absent) } else { Err(wrong(path, "an object or null")) };
        };
        let only = |name| keys.get(name).filter(|_| keys.len() == 1);
        if let Some(inner) = only("$eq") {
            return Self::plain(&format!("{path}.$eq"), inner);
        }
        if let Some(inner) = only("$ne") {
            return Ok(Self::Not(Box::new(Self::plain(&format!("{path}.$ne"), inner)?)));
        }
        Self::plain(path, value)
    }

    fn plain(path: &str, value: &Value) -> Result<Self, Refusal> {
        let keys = match value {
            Value::Null => return Ok(Self::Absent),
            Value::Object(keys) => keys,
            _ => return Err(wrong(path, "an object or null")),
        };
        if keys.keys().any(|key| key.starts_with('$')) {
            Self::one(path, keys)
        } else {
            Self::each(path, keys)
        }
    }

    fn one(path: &str, keys: &Map<String, Value>) -> Result<Self, Refusal> {
        if let Some(key) = keys.keys().find(|key| !matches!(key.as_str(), "$tagKey" | "$tagValue")) {
            return Err(unknown(path, key));
        }
        let wanted = |name: &str| match keys.get(name) {
            None => Ok(Wanted::Any),
            Some(value) => Wanted::read(&format!("{path}.{name}"), value),
        };
        Ok(Self::One { key: wanted("$tagKey")?, value: wanted("$tagValue")? })
    }

    fn each(path: &str, keys: &Map<String, Value>) -> Result<Self, Refusal> {
        let each = keys.iter().map(|(key, value)| {
            let inside = format!("{path}.{key}");
            if !rules::is_tag_key(key) {
                return Err(wrong(&inside, "a tag's key: letters, digits, _ or -"));
            }
            Ok((key.clone(), Wanted::read(&inside, value)?))
        });
        Ok(Self::Each(each.collect::<Result<_, _>>()?))
    }

    pub(super) fn holds(&self, tags: &[Tag]) -> bool {
        match self {
            Self::Absent => tags.is_empty(),
            // No key, or no value, is what an org without tags has.
            Self::One { key: Wanted::Absent, .. } | Self::One { value: Wanted::Absent, .. } => {
                tags.is_empty()
            }
            Self::One { key, value } => tags.iter().any(|tag| key.is(&tag.key) && value.is(&tag.value)),
            Self::Each(each) => each.iter().all(|(key, wanted)| {
                let mut values = tags.iter().filter(|tag| tag.key == *key).map(|tag| &tag.value);
                match wanted {
                    Wanted::Absent => values.next().is_none(),
                    Wanted::NotIn(_) => values.all(|value| wanted.is(value)),
                    _ => values.any(|value| wanted.is(value)),
                }
            }),
            Self::Not(inner) => !inner.holds(tags),
        }
    }
}

impl Wanted {
    fn read(path: &str, value: &Value) -> Result<Self, Refusal> {
        let text = |path: &str, value: &Value| {
            let text = value.as_str().filter(|text| text.chars().count() <= LONGEST);
            text.map(str::to_owned)
                .ok_or_else(|| wrong(path, &format!("a text of at most {LONGEST} characters")))
        };
        let Value::Object(keys) = value else {
            return if value.is_null() { Ok(Self::Absent) } else { text(path, value).map(Self::This) };
        };
        let Some((key, value)) = keys.iter().next().filter(|_| keys.len() == 1) else {
            return Err(wrong(path, "a text, null, or an object with $in or $nin alone"));
        };
        let inside = format!("{path}.{key}");
        let several = || {
            let items = list(&inside, value)?.iter().enumerate();
            items
                .map(|(index, item)| text(&format!("{inside}[{index}]"), item))
                .collect::<Result<Vec<_>, _>>()
        };
        match key.as_str() {
            "$in" => Ok(Self::In(several()?)),
            "$nin" => Ok(Self::NotIn(several()?)),
            _ => Err(unknown(path, key)),
        }
    }

    fn is(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => false,
            Self::This(wanted) => wanted == text,
            Self::In(wanted) => wanted.iter().any(|wanted| wanted == text),
            Self::NotIn(unwanted) => !unwanted.iter().any(|unwanted| unwanted == text),
        }
    }
}
