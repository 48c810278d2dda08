//! What a body must look like, and what is wrong with one that does not.
//!
//! Owns: the rules for bodies of write actions, and the words of a refusal. Every refusal begins with the path of the
//! key that it is about, such as `limits.member` or `tags[2].key`.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    Boolean,
    /// A text of so many characters.
    Text(usize, usize),
    /// 24 hexadecimal digits.
    Id,
    /// Letters, digits, `_` and `-`, 1 to 255 of them.
    TagKey,
    /// A text with something before and after an `@`.
    Email,
    /// A text with a scheme and something after it.
    Url,
    /// A moment, as ISO 8601.
    Moment,
    /// A moment or a boolean.
    MomentOrBoolean,
    Choice(&'static [&'static str]),
    /// A whole number in this range.
    Whole(u64, u64),
    /// A list of at most so many.
    List(usize, &'static Rule),
    Object(&'static Shape),
    /// The first shape if its first key is there, and else the second one.
    Either(&'static Shape, &'static Shape),
}

/// The keys of an object. There are no others.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) keys: &'static [(&'static str, Rule)],
    pub(super) required: &'static [&'static str],
}

impl Shape {
    /// Checks a whole body, in which nothing is no key at all when nothing is required.
    pub(super) fn check(&self, body: Option<&Value>) -> Result<(), Refusal> {
        match body {
            None => self.check_keys("", &Map::new()),
            Some(Value::Object(keys)) => self.check_keys("", keys),
            Some(_) => Err(wrong("body", "an object")),
        }
    }

    fn check_keys(&self, path: &str, object: &Map<String, Value>) -> Result<(), Refusal> {
        let inside = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        for (key, value) in object {
            let Some((_, rule)) = self.keys.iter().find(|(known, _)| known == key) else {
                return Err(Refusal::Validation(format!("{} is not a known key", inside(key))));
            };
            rule.check(&inside(key), value)?;
        }
        match self.required.iter().find(|required| !object.contains_key(**required)) {
            Some(missing) => Err(Refusal::Validation(format!("{} is required", inside(missing)))),
            None => Ok(()),
        }
    }
}

impl Rule {
    fn check(self, path: &str, value: &Value) -> Result<(), Refusal> {
        let text = value.as_str();
        let is = |holds: bool, expected: &str| if holds { Ok(()) } else { Err(wrong(path, expected)) };
        match self {
            Self::Boolean => is(value.is_boolean(), "true or false"),
            Self::Text(least, most) => {
                let fits = |text: &str| (least..=most).contains(&text.chars().count());
                is(text.is_some_and(fits), &format!("a text of {least} to {most} characters"))
            }
            Self::Id => is(text.is_some_and(is_id), "24 hexadecimal digits"),
            Self::TagKey => is(text.is_some_and(is_tag_key), "1 to 255 letters, digits, _ or -"),
            Self::Email => is(text.is_some_and(is_email), "an e-mail address"),
            Self::Url => is(text.is_some_and(is_url), "a URL"),
            Self::Moment => is(text.is_some_and(is_moment), "a date such as 2026-01-31T12:00:00.000Z"),
            Self::MomentOrBoolean => {
                is(value.is_boolean() || text.is_some_and(is_moment), "a date, true or false")
            }
            Self::Choice(choices) => is(
                text.is_some_and(|text| choices.contains(&text)),
                &format!("one of {}", choices.join(", ")),
            ),
            Self::Whole(least, most) => {
                let expected = match most {
                    u64::MAX => format!("a whole number of at least {least}"),
                    _ => format!("a whole number from {least} to {most}"),
                };
                is(value.as_u64().is_some_and(|number| (least..=most).contains(&number)), &expected)
            }
            Self::List(most, rule) => {
                let expected = format!("a list of at most {most}");
                let items = value.as_array().filter(|items| items.len() <= most);
                let items = items.ok_or_else(|| wrong(path, &expected))?;
                items
                    .iter()
                    .enumerate()
                    .try_for_each(|(index, item)| rule.check(&format!("{path}[{index}]"), item))
            }
            Self::Object(shape) => {
                let object = value.as_object().ok_or_else(|| wrong(path, "an object"))?;
                shape.check_keys(path, object)
            }
            Self::Either(first, second) => {
                let object = value.as_object().ok_or_else(|| wrong(path, "an object"))?;
                let is_first = first.keys.first().is_some_and(|(key, _)| object.contains_key(*key));
                if is_first { first.check_keys(path, object) } else { second.check_keys(path, object) }
            }
        }
    }
}

pub(super) fn is_id(text: &str) -> bool {
    text.parse::<super::ObjectId>().is_ok()
}

pub(super) fn is_tag_key(text: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    (1..=255).contains(&text.len()) && text.chars().all(allowed)
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) && text.chars().count() <= 1_024
}

fn is_url(text: &str) -> bool {
    let parts = text.split_once("://");
    parts.is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
        && text.chars().count() <= 1_024
}

fn is_moment(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}

fn wrong(path: &str, expected: &str) -> Refusal {
    Refusal::Validation(format!("{path} must be {expected}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TAG: Shape =
        Shape { keys: &[("key", Rule::TagKey), ("value", Rule::Text(1, 3))], required: &["key"] };
    const MAIL: Shape = Shape { keys: &[("email", Rule::Email)], required: &["email"] };
    const ALL: Shape = Shape {
        keys: &[
            ("on", Rule::Boolean),
            ("id", Rule::Id),
            ("url", Rule::Url),
            ("at", Rule::Moment),
            ("off", Rule::MomentOrBoolean),
            ("role", Rule::Choice(&["a", "b"])),
            ("few", Rule::Whole(5, 9)),
            ("many", Rule::Whole(1, u64::MAX)),
            ("tags", Rule::List(2, &Rule::Object(&TAG))),
            ("who", Rule::Either(&MAIL, &TAG)),
        ],
        required: &[],
    };

    #[test]
    fn what_follows_the_rules_is_accepted() {
        for body in [
            json!({}),
            json!({ "on": true, "id": "0123456789abcdefABCDEF01", "url": "http://x", "off": false }),
            json!({ "at": "2026-01-31T12:00:00.000Z", "off": "2026-01-31T12:00:00Z", "role": "b" }),
            json!({ "few": 5, "many": 1_000_000, "tags": [{ "key": "a-_9", "value": "äöü" }] }),
            json!({ "who": { "email": "a@b" } }),
            json!({ "who": { "key": "a" } }),
        ] {
            assert_eq!(ALL.check(Some(&body)), Ok(()), "{body}");
        }
        assert_eq!(ALL.check(None), Ok(()));
    }

    #[test]
    fn a_refusal_begins_with_the_path_of_what_is_wrong() {
        for (body, start) in [
            (json!([]), "body must be an object"),
            (json!({ "colour": 1 }), "colour is not a known key"),
            (json!({ "on": "yes" }), "on must be true or false"),
            (json!({ "id": "0123" }), "id must be 24"),
            (json!({ "url": "example.com" }), "url must be"),
            (json!({ "at": "yesterday" }), "at must be a date"),
            (json!({ "off": 3 }), "off must be a date, true"),
            (json!({ "role": "c" }), "role must be one of a, b"),
            (json!({ "few": 10 }), "few must be a whole number from 5 to 9"),
            (json!({ "few": 5.5 }), "few must be"),
            (json!({ "many": -1 }), "many must be a whole number of at least 1"),
            (json!({ "tags": {} }), "tags must be a list"),
            (json!({ "tags": [1, 2, 3] }), "tags must be a list of at most 2"),
            (json!({ "tags": [{ "key": "a" }, { "key": "a b" }] }), "tags[1].key must be"),
            (json!({ "tags": [{ "value": "a" }] }), "tags[0].key is required"),
            (json!({ "tags": [{ "key": "a", "value": "" }] }), "tags[0].value must be"),
            (json!({ "who": { "email": "a" } }), "who.email must be"),
            (json!({ "who": {} }), "who.key is required"),
        ] {
            let Err(Refusal::Validation(message)) = ALL.check(Some(&body)) else { panic!("accepted {body}") };
            assert!(message.starts_with(start), "{body}: {message}");
        }
    }
}
