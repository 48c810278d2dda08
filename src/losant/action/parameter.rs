//! Query parameters: what they are called, and which values they take.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::usage::Id;

/// A query parameter of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Losant's name for it.
    pub name: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// Whether the action refuses to go without. No action of this API does.
    pub required: bool,
    /// What Losant declares that it takes when the parameter is left out.
    pub default: Option<&'static str>,
    /// What it means, in one line.
    pub description: &'static str,
}

/// Which values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number, not negative.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A moment: RFC 3339, a date, `now`, `-7d`, or milliseconds since 1970. Sent as milliseconds.
    Time,
    /// An id of 24 hexadecimal digits.
    Id,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Names with commas between them.
    List,
    /// A JSON object.
    Json,
}

/// Taken by every action. All three are `false` unless said otherwise: what they add is made for browsing.
pub const GLOBAL_PARAMETERS: [Parameter; 3] = [
    Parameter::new("_links", Kind::Boolean, "Add links to related resources").or("true"),
    Parameter::new("_embedded", Kind::Boolean, "Add embedded resources").or("true"),
    Parameter::new("_actions", Kind::Boolean, "Add the actions that the resource has").or("false"),
];

impl Parameter {
    pub(super) const fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, kind, required: false, default: None, description }
    }

    pub(super) const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

impl Kind {
    /// The kind in a word or a list of the values.
    pub fn in_words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Time => "time".to_owned(),
            Self::Id => "id".to_owned(),
            Self::Choice(choices) => choices.join(", "),
            Self::List => "names with commas between".to_owned(),
            Self::Json => "JSON object".to_owned(),
        }
    }

    /// The value as it is sent. Says what would be right if `text` is not.
    pub(in crate::losant) fn read(self, text: &str, now: Timestamp) -> Result<String, String> {
        let refuse = |right: &str| Err(format!("{text:?} is not {right}"));
        match self {
            Self::Text => Ok(text.to_owned()),
            Self::Number => text
                .parse::<u32>()
                .map(|number| number.to_string())
                .or_else(|_| refuse("a whole number between 0 and 4294967295")),
            Self::Boolean => match text.to_ascii_lowercase().as_str() {
                word @ ("true" | "false") => Ok(word.to_owned()),
                _ => refuse("true or false"),
            },
            Self::Time => read_time(text, now).map(|time| time.as_millisecond().to_string()),
            Self::Id => match text.parse::<Id>() {
                Ok(id) => Ok(id.to_string()),
                Err(_) => refuse("an id of 24 hexadecimal digits"),
            },
            Self::Choice(choices) if choices.contains(&text) => Ok(text.to_owned()),
            Self::Choice(choices) => refuse(&format!("one of {}", choices.join(", "))),
            Self::List => {
                let names: Vec<_> = text.split(',').map(str::trim).collect();
                if names.iter().any(|name| name.is_empty()) {
                    return refuse("a list of names with commas between them");
                }
                Ok(names.join(","))
            }
            Self::Json => match serde_json::from_str::<Value>(text) {
                Ok(value @ Value::Object(_)) => Ok(value.to_string()),
                Ok(_) => refuse("a JSON object"),
                Err(error) => refuse(&format!("a JSON object: {error}")),
            },
        }
    }
}

/// 1990-01-01. A plain number below it was meant as seconds, or as a date.
const OLDEST_MILLISECOND: i64 = 631_152_000_000;

/// Reads a moment as people write it: RFC 3339, a date, `now`, or a span before `now`. Says what would be right if `text` is
/// not. What comes out is absolute and after 1970: Losant takes anything else for an offset from its own now.
pub fn read_time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let refuse = |problem: &str| Err(format!("{text:?} is not a time{problem}"));
    let plain_number = text.parse::<i64>().ok();
    let time = match text.strip_prefix('-') {
        _ if text == "now" => now,
        // Losant would take these for an offset from now, others for a moment in 1970 or before: nothing to guess at.
        _ if plain_number.is_some_and(|number| number <= 0) => {
            return refuse(" as it stands: write now, or a relative time with its unit such as -36h");
        }
        // A month is no span: it would begin on any day, and on the wrong one near its end.
        Some(span) if span.ends_with(['M', 'y']) => {
            return refuse(": months and years differ in length; give days, or a date");
        }
        Some(span) => {
            let span = humantime::parse_duration(span)
                .map_err(|error| format!("{text:?} is not a relative time such as -7d or -36h: {error}"))?;
            match now.checked_sub(span) {
                Ok(time) => time,
                Err(_) => return refuse(" that a clock could show"),
            }
        }
        None => match (plain_number.map(Timestamp::from_millisecond), text.parse(), text.parse::<Date>()) {
            (Some(Ok(time)), ..) | (None, Ok(time), _) => time,
            (None, Err(_), Ok(date)) if !text.contains(['T', 't', ' ']) => {
                date.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?.timestamp()
            }
            _ => {
                return refuse(
                    ": write RFC 3339 (2026-03-01T00:00:00Z), a date, now, a relative time (-7d, -36h), or \
                     milliseconds since 1970",
                );
            }
        },
    };
    if time.as_millisecond() <= 0 {
        return refuse(" after 1970");
    }
    if plain_number.is_some_and(|number| number < OLDEST_MILLISECOND) {
        return refuse(": as milliseconds it lies before 1990; are these seconds?");
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-03-08T12:00:00.250Z".parse().unwrap()
    }

    fn read(kind: Kind, text: &str) -> Result<String, String> {
        kind.read(text, now())
    }

    #[test]
    fn a_time_is_sent_as_absolute_milliseconds_however_it_is_written() {
        for (written, sent) in [
            ("now", "1772971200250"),
            ("-7d", "1772366400250"),
            ("-36h", "1772841600250"),
            ("-1h 30m", "1772965800250"),
            ("2026-03-01T12:00:00Z", "1772366400000"),
            ("2026-03-01T14:00:00.5+02:00", "1772366400500"),
            ("2026-03-01", "1772323200000"),
            ("1772366400000", "1772366400000"),
        ] {
            assert_eq!(read(Kind::Time, written).as_deref(), Ok(sent), "{written}");
        }
    }

    #[test]
    fn a_time_that_losant_would_take_for_an_offset_is_refused() {
        for wrong in [
            "0",
            "-3600000",
            "-0",
            "",
            "-",
            "yesterday",
            "7d",
            "-7",
            "-7 parsecs",
            "1969-12-31T00:00:00Z",
            "1969-01-01",
            "-100000y",
            "99999999999999999",
            "2026-03-01T12:00:00",
        ] {
            let problem = read(Kind::Time, wrong).unwrap_err();
            assert!(problem.contains(&format!("{wrong:?}")), "{problem}");
        }
    }

    #[test]
    fn other_values_are_checked_by_their_kind() {
        assert_eq!(read(Kind::Boolean, "True").as_deref(), Ok("true"));
        assert!(read(Kind::Boolean, "yes").is_err());
        assert_eq!(read(Kind::Number, "007").as_deref(), Ok("7"));
        assert!(read(Kind::Number, "-1").is_err() && read(Kind::Number, "1.5").is_err());
        assert_eq!(read(Kind::List, "a, b").as_deref(), Ok("a,b"));
        assert!(read(Kind::List, "a,,b").is_err() && read(Kind::List, "").is_err());
        assert_eq!(read(Kind::Json, r#"{ "name": "A" }"#).as_deref(), Ok(r#"{"name":"A"}"#));
        assert!(read(Kind::Json, "[]").is_err() && read(Kind::Json, "{").is_err());
        assert_eq!(read(Kind::Id, &"A".repeat(24)), Ok("a".repeat(24)));
        assert!(read(Kind::Id, "me").is_err());
        assert_eq!(read(Kind::Choice(&["asc", "desc"]), "up").unwrap_err(), "\"up\" is not one of asc, desc");
        assert_eq!(read(Kind::Text, " any* ").as_deref(), Ok(" any* "));
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic_and_every_time_is_positive(text in "\\PC{0,30}") {
            for kind in [Kind::Number, Kind::Boolean, Kind::Time, Kind::Id, Kind::List, Kind::Json] {
                let read = read(kind, &text);
                if let (Kind::Time, Ok(sent)) = (kind, read) {
                    prop_assert!(sent.parse::<i64>().unwrap() > 0);
                }
            }
        }
    }
}
