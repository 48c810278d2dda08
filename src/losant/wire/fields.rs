//! Reading fields of JSON objects, so that each mistake names the field.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::usage::Id;

/// No counter is wider than 64 bits. What is larger is no count, and two of the largest floats add up to infinity.
const LARGEST_COUNT: f64 = 18_446_744_073_709_551_616.0;

/// A part of an answer that is not what Losant promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unexpected {
    /// From the inside out: the field first, the outermost object last.
    path: Vec<String>,
    problem: String,
}

impl Unexpected {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { path: Vec::new(), problem: problem.into() }
    }

    /// The same, seen from the object or list around.
    pub(super) fn within(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.path.iter().rev().enumerate() {
            let dot = if depth == 0 || step.starts_with('[') { "" } else { "." };
            write!(f, "{dot}{step}")?;
        }
        if !self.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.problem)
    }
}

/// The fields of one object. A missing field and `null` are the same.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self, Unexpected> {
        value.as_object().map(Self).ok_or_else(|| expected("an object", value))
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.0.iter().filter(|(_, value)| !value.is_null())
    }

    /// Reads a field with `read`.
    pub(super) fn map<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Value) -> Result<T, Unexpected>,
    ) -> Result<Option<T>, Unexpected> {
        self.get(key).map(read).transpose().map_err(|error| error.within(key))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Unexpected> {
        self.map(key, |value| value.as_str().map(str::to_owned).ok_or_else(|| expected("a text", value)))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Unexpected> {
        self.map(key, |value| value.as_bool().ok_or_else(|| expected("true or false", value)))
    }

    pub(super) fn count(&self, key: &str) -> Result<Option<f64>, Unexpected> {
        self.map(key, count)
    }

    /// A number of items or pages.
    pub(super) fn whole(&self, key: &str) -> Result<Option<u64>, Unexpected> {
        self.map(key, |value| {
            let number = count(value)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, and in range"
            )]
            if number.fract() == 0.0 && number <= f64::from(u32::MAX) {
                Ok(number as u64)
            } else {
                Err(Unexpected::new(format!("expected a whole number, found {value}")))
            }
        })
    }

    pub(super) fn date(&self, key: &str) -> Result<Option<Timestamp>, Unexpected> {
        self.map(key, date)
    }

    pub(super) fn id(&self, key: &str) -> Result<Option<Id>, Unexpected> {
        self.map(key, |value| {
            let text = value.as_str().ok_or_else(|| expected("an id", value))?;
            text.parse().map_err(|_| Unexpected::new("not an id of 24 hexadecimal digits"))
        })
    }

    /// The id of the object itself: under `id`, or under the name that Losant repeats it by. Must be the one that was
    /// asked for, if one was.
    pub(super) fn own_id(&self, alias: &str, asked: Option<Id>) -> Result<Id, Unexpected> {
        let found = match self.id("id")? {
            Some(id) => Some(id),
            None => self.id(alias)?,
        };
        match (found, asked) {
            (Some(found), Some(asked)) if found != asked => {
                Err(Unexpected::new(format!("asked for {asked}, found {found}")).within("id"))
            }
            (Some(id), _) | (None, Some(id)) => Ok(id),
            (None, None) => Err(Unexpected::new("missing").within("id")),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<Option<&'a [Value]>, Unexpected> {
        self.map(key, |value| value.as_array().map(Vec::as_slice).ok_or_else(|| expected("a list", value)))
    }
}

/// A count or a size: an integer or a float, never negative, and not so large that sums of it are infinite.
pub(super) fn count(value: &Value) -> Result<f64, Unexpected> {
    match value.as_f64() {
        // Adding zero turns the negative zero into the usual one.
        Some(number) if (0.0..=LARGEST_COUNT).contains(&number) => Ok(number + 0.0),
        Some(_) => Err(Unexpected::new(format!("expected a count, found {value}"))),
        None => Err(expected("a number", value)),
    }
}

pub(super) fn date(value: &Value) -> Result<Timestamp, Unexpected> {
    let text = value.as_str().ok_or_else(|| expected("a date", value))?;
    text.parse().map_err(|_| Unexpected::new("not an RFC 3339 date"))
}

fn expected(what: &str, value: &Value) -> Unexpected {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Unexpected::new(format!("expected {what}, found {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn missing_and_null_are_the_same_and_a_wrong_type_names_the_field() {
        let object = json!({ "none": null, "text": "a", "number": 17, "float": 17.0, "flag": true });
        let fields = Fields::of(&object).unwrap();
        for key in ["none", "absent"] {
            assert_eq!(fields.text(key), Ok(None));
            assert_eq!(fields.count(key), Ok(None));
            assert_eq!(fields.date(key), Ok(None));
            assert_eq!(fields.id(key), Ok(None));
            assert_eq!(fields.flag(key), Ok(None));
            assert_eq!(fields.list(key), Ok(None));
        }
        assert_eq!(fields.count("number"), fields.count("float"));
        assert_eq!(fields.whole("number"), fields.whole("float"));
        let shown = |error: Unexpected| error.within("[2]").within("items").to_string();
        assert_eq!(
            shown(fields.count("text").unwrap_err()),
            "items[2].text: expected a number, found a text"
        );
        assert_eq!(
            shown(fields.text("flag").unwrap_err()),
            "items[2].flag: expected a text, found a boolean"
        );
        assert_eq!(fields.date("text").unwrap_err().to_string(), "text: not an RFC 3339 date");
    }

    #[test]
    fn a_count_is_never_negative_never_without_measure_and_never_a_text() {
        for bad in [json!(-1), json!(-0.5), json!(1e300), json!("17"), json!(true), json!([1])] {
            assert!(count(&bad).is_err(), "{bad}");
        }
        assert!(count(&json!(-0.0)).unwrap().is_sign_positive());
        assert_eq!(count(&json!(75_000_000)), Ok(75e6));
        assert_eq!(count(&json!(0.25)), Ok(0.25));
        assert_eq!(count(&json!(u64::MAX)), Ok(LARGEST_COUNT));
        let page = json!({ "page": 1.5 });
        assert!(Fields::of(&page).unwrap().whole("page").is_err());
    }

    #[test]
    fn an_object_that_is_not_the_one_asked_for_is_refused() {
        let id = |digit: &str| digit.repeat(24).parse::<Id>().unwrap();
        let object = json!({ "orgId": "a".repeat(24) });
        let fields = Fields::of(&object).unwrap();
        assert_eq!(fields.own_id("orgId", None), Ok(id("a")));
        assert_eq!(fields.own_id("orgId", Some(id("a"))), Ok(id("a")));
        assert!(fields.own_id("orgId", Some(id("b"))).is_err());
        assert_eq!(fields.own_id("other", Some(id("b"))), Ok(id("b")));
        assert_eq!(fields.own_id("other", None).unwrap_err().to_string(), "id: missing");
    }
}
