//! What is wrong with a configuration, in one line.

use figment::error::Actual;

/// A configuration that is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that cannot be used.
    #[error("{}key {}: {problem}", origin.as_deref().map(|origin| format!("{origin}: ")).unwrap_or_default(), visible(key))]
    Key {
        /// File or environment variable that the value came from, where known.
        origin: Option<String>,
        /// Dotted path of the key.
        key: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A file that cannot be read or is not TOML.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

impl ConfigError {
    /// A wrong value whose origin is not known.
    pub(super) fn key(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { origin: None, key: key.into(), problem: one_line(&problem.into()) }
    }

    /// The same error with the place that the key's value came from.
    pub(super) fn found_by(self, origin_of: impl Fn(&str) -> Option<String>) -> Self {
        match self {
            Self::Key { origin: None, key, problem } => {
                // A place in a list came from where the list did.
                let list = key
                    .strip_suffix(']')
                    .and_then(|key| key.rsplit_once('['))
                    .map_or(&*key, |(list, _)| list);
                Self::Key { origin: origin_of(list), key, problem }
            }
            known => known,
        }
    }
}

/// Parsers draw pictures over several lines; a log wants one.
pub(super) fn one_line(text: &str) -> String {
    visible(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A value of another kind than its key takes, in the words of those who write it: parsers name the types of the program.
pub(super) fn mistaken(found: &Actual, expected: &str) -> String {
    let expected = match expected {
        "a sequence" => "a list in brackets, for example [\"one\", \"two\"]",
        "a boolean" => "true or false, without quotes",
        "a map" => "a section",
        "a string" | "path string" => "text in quotes",
        "f64" => "a number, without quotes",
        "u32" | "usize" => "a whole number from 0, without quotes",
        structure if structure.starts_with("struct ") => "a section",
        known => known,
    };
    let found = match found {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        // A token stands in a wrong place more easily than anything else: under `[accounts]`, say.
        Actual::Str(_) => "a text".to_owned(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a section".to_owned(),
        other => other.to_string(),
    };
    format!("expected {expected}, found {found}")
}

/// A key may be called anything, and a message stays on its line.
fn visible(text: &str) -> String {
    text.replace(char::is_control, "?")
}
