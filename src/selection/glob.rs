//! Globs on names: `*` any text, `?` one character, `[a-z]` one of these, `[!a-z]` one of the others, `\` takes the
//! meaning from what follows.
//!
//! They are for names and not for paths: no character separates anything, and all count as one, whatever their script.

use std::iter::Peekable;
use std::str::Chars;

/// A glob, ready to be matched against whole names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Glob {
    /// No wildcard in it: the name itself.
    Exactly(String),
    /// A regular expression that means the same.
    Regex(String),
}

/// Reads a glob. The error says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Glob, String> {
    // `s`: a line break in a name is a character like any other.
    let (mut regex, mut literal) = (String::from("(?s)^"), Some(String::new()));
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let plain = match char {
            '*' => Err(".*".to_owned()),
            '?' => Err(".".to_owned()),
            '[' => Err(class(&mut chars)?),
            '\\' => Ok(escaped(&mut chars)?),
            plain => Ok(plain),
        };
        match plain {
            Ok(plain) => {
                regex += &quoted(plain);
                literal = literal.map(|literal| literal + plain.encode_utf8(&mut [0; 4]));
            }
            Err(wildcard) => {
                regex += &wildcard;
                literal = None;
            }
        }
    }
    regex.push('$');
    Ok(literal.map_or(Glob::Regex(regex), Glob::Exactly))
}

/// The rest of a class, whose opening bracket has been read.
fn class(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let unclosed = || "the bracket [ is never closed; \\[ stands for the bracket itself".to_owned();
    let negated = chars.next_if(|char| matches!(char, '!' | '^')).is_some();
    let mut class = String::from(if negated { "[^" } else { "[" });
    let mut is_empty = true;
    loop {
        let first = match chars.next().ok_or_else(unclosed)? {
            // Right after the opening bracket it is one of the characters.
            ']' if !is_empty => break,
            '\\' => escaped(chars)?,
            char => char,
        };
        is_empty = false;
        class += &quoted(first);
        // A hyphen at the end is one of the characters.
        if chars.peek() == Some(&'-') && chars.clone().nth(1).is_some_and(|next| next != ']') {
            chars.next();
            let last = match chars.next().ok_or_else(unclosed)? {
                '\\' => escaped(chars)?,
                char => char,
            };
            if last < first {
                return Err(format!("the range {first}-{last} is empty: it runs backwards"));
            }
            class.push('-');
            class += &quoted(last);
        }
    }
    class.push(']');
    Ok(class)
}

fn escaped(chars: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    chars.next().ok_or_else(|| "it ends in \\, with nothing behind it".to_owned())
}

/// A character as a regular expression that matches it, also within a class.
fn quoted(char: char) -> String {
    regex::escape(char.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn matches(glob: &str, name: &str) -> bool {
        match parse(glob).unwrap() {
            Glob::Exactly(text) => text == name,
            Glob::Regex(regex) => Regex::new(&regex).unwrap().is_match(name),
        }
    }

    #[test]
    fn wildcards_mean_what_they_mean_in_a_shell() {
        for (glob, yes, no) in [
            ("Acme *", "Acme North", "The Acme North"),
            ("a?c", "aéc", "ac"),
            ("*/prod", "eu/west/prod", "eu/west/prod/"),
            ("[abc]x", "bx", "dx"),
            ("[!abc]x", "dx", "bx"),
            ("[^abc]x", "dx", "bx"),
            ("[a-c0-9]", "7", "d"),
            ("[]a]", "]", "b"),
            ("[a-]", "-", "b"),
            ("[a\\]-]", "]", "\\"),
            ("[&&~|^]", "^", "a"),
            ("a.b+(c)|{d,e}", "a.b+(c)|{d,e}", "aXb+(c)|d"),
            ("\\*\\[1\\]", "*[1]", "x[1]"),
            ("line*end", "line\nend", "line\nend\n"),
        ] {
            assert!(matches(glob, yes), "{glob} matches {yes:?}");
            assert!(!matches(glob, no), "{glob} does not match {no:?}");
        }
        assert!(matches("*", "") && matches("*", "anything"));
    }

    #[test]
    fn globs_are_case_sensitive() {
        assert!(!matches("acme*", "Acme"));
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        for (glob, word) in
            [("[abc", "never closed"), ("[]", "never closed"), ("a\\", "ends in"), ("[z-a]", "z-a")]
        {
            assert!(parse(glob).unwrap_err().contains(word), "{glob}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_can_be_matched(glob in "[a*?\\[\\]!^\\\\&~é-]{0,12}", name in "\\PC{0,8}") {
            if parse(&glob).is_ok() {
                matches(&glob, &name);
            }
        }

        #[test]
        fn every_name_matches_itself_in_backslashes(name in "\\PC{0,20}") {
            let glob: String = name.chars().flat_map(|char| ['\\', char]).collect();
            prop_assert!(matches(&glob, &name));
        }
    }
}
