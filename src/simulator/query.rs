//! Query parameters, as text that has yet to make sense.

use jiff::{SignedDuration, Timestamp};

use super::id::ObjectId;
use super::refusal::Refusal;

/// The parameters of one request. A blank one is as good as none; unknown ones are ignored.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Official clients write booleans in several ways.
    pub(super) fn boolean(&self, name: &str, default: bool) -> Result<bool, Refusal> {
        match self.text(name) {
            None => Ok(default),
            Some("true" | "True" | "1") => Ok(true),
            Some("false" | "False" | "0") => Ok(false),
            Some(other) => Err(invalid(name, other, "true or false")),
        }
    }

    pub(super) fn number<N: std::str::FromStr>(&self, name: &str, default: N) -> Result<N, Refusal> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| invalid(name, text, "a number")),
        }
    }

    /// One of `choices`, the first of which is the default.
    pub(super) fn choice(&self, name: &str, choices: &[&'static str]) -> Result<&'static str, Refusal> {
        match self.text(name) {
            None => Ok(choices.first().copied().unwrap_or_default()),
            Some(text) => named(name, text, choices),
        }
    }

    /// One of `choices`, without a default.
    pub(super) fn optional_choice(
        &self,
        name: &str,
        choices: &[&'static str],
    ) -> Result<Option<&'static str>, Refusal> {
        self.text(name).map(|text| named(name, text, choices)).transpose()
    }

    pub(super) fn id(&self, name: &str) -> Result<Option<ObjectId>, Refusal> {
        let read = |text: &str| text.parse().map_err(|_| invalid(name, text, "24 hexadecimal digits"));
        self.text(name).map(read).transpose()
    }

    /// Milliseconds since the epoch, or, up to zero, relative to now.
    pub(super) fn moment(&self, name: &str, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let unreadable = || invalid(name, text, "milliseconds since the epoch");
        let number: i64 = text.parse().map_err(|_| unreadable())?;
        let moment = if number > 0 {
            Timestamp::from_millisecond(number)
        } else {
            now.checked_add(SignedDuration::from_millis(number))
        };
        moment.map(Some).map_err(|_| unreadable())
    }
}

fn named(name: &str, text: &str, choices: &[&'static str]) -> Result<&'static str, Refusal> {
    let found = choices.iter().find(|choice| **choice == text).copied();
    found.ok_or_else(|| invalid(name, text, &format!("one of {}", choices.join(", "))))
}

/// A refusal that names the parameter.
pub(super) fn invalid(name: &str, text: &str, expected: &str) -> Refusal {
    Refusal::Validation(format!("{name} must be {expected}, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, value: &str) -> Query {
        Query::new(vec![(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn booleans_are_read_in_the_spelling_of_every_official_client() {
        for (text, value) in
            [("true", true), ("True", true), ("1", true), ("false", false), ("False", false), ("0", false)]
        {
            assert_eq!(query("asBytes", text).boolean("asBytes", !value), Ok(value));
        }
        assert!(query("asBytes", "yes").boolean("asBytes", true).is_err());
        assert_eq!(query("asBytes", "").boolean("asBytes", true), Ok(true));
    }

    #[test]
    fn moments_up_to_zero_are_relative_to_now() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let moment = |text| query("start", text).moment("start", now);
        assert_eq!(moment("0"), Ok(Some(now)));
        assert_eq!(moment("-60000"), Ok(Some("2026-02-28T23:59:00Z".parse().unwrap())));
        assert_eq!(moment("1000"), Ok(Some("1970-01-01T00:00:01Z".parse().unwrap())));
        let Err(Refusal::Validation(message)) = moment("yesterday") else { panic!("accepted") };
        assert!(message.starts_with("start "), "{message}");
    }
}
