//! Globs on names.
//!
//! The first line is a glob, the rest a name. A matcher that goes letter by letter, without a regular expression, agrees.

use losant_exporter::selection::{Candidate, Effect, Pattern, Rule, Selection};
use losant_exporter::usage::Level;

/// Longer texts tell nothing more, and a matcher that tries everything takes long.
const LONGEST: usize = 64;

/// A part of a glob.
enum Part {
    AnyText,
    AnyLetter,
    Letter(char),
    OneOf { negated: bool, ranges: Vec<(char, char)> },
}

/// Checks a glob and a name.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (glob, name) = text.split_once('\n').unwrap_or((text, ""));
    if glob.len() > LONGEST || name.len() > LONGEST || glob.is_empty() {
        return;
    }
    let pattern = match (Pattern::glob(glob), parts(glob)) {
        (Ok(pattern), Some(parts)) => (pattern, parts),
        (Err(error), None) => {
            assert!(!error.to_string().contains('\n'), "{error}");
            return;
        }
        (read, parts) => panic!("{glob:?} is read as {read:?}, and should be one: {}", parts.is_some()),
    };
    let (pattern, parts) = pattern;
    let key = "selection.orgs.include.names[0]".to_owned();
    let rule = Rule { level: Level::Org, effect: Effect::Include, key, pattern };
    let id = "aaaaaaaaaaaaaaaaaaaaaaaa".parse().expect("an id");
    let wants = Selection::new(vec![rule]).wants(Level::Org, &Candidate { id, names: &[name], tags: &[] });
    let letters: Vec<_> = name.chars().collect();
    assert_eq!(wants, fits(&parts, &letters), "{glob:?} on {name:?}");
}

fn parts(glob: &str) -> Option<Vec<Part>> {
    let letters: Vec<_> = glob.chars().collect();
    let (mut parts, mut place) = (Vec::new(), 0);
    while let Some(letter) = letters.get(place) {
        place += 1;
        parts.push(match letter {
            '*' => Part::AnyText,
            '?' => Part::AnyLetter,
            '\\' => {
                place += 1;
                Part::Letter(*letters.get(place - 1)?)
            }
            '[' => {
                let negated = matches!(letters.get(place), Some('!' | '^'));
                place += usize::from(negated);
                let mut ranges = Vec::new();
                while ranges.is_empty() || *letters.get(place)? != ']' {
                    let first = literal(&letters, &mut place)?;
                    let is_range = letters.get(place) == Some(&'-')
                        && letters.get(place + 1).is_some_and(|next| *next != ']');
                    let last = if is_range {
                        place += 1;
                        literal(&letters, &mut place)?
                    } else {
                        first
                    };
                    if last < first {
                        return None;
                    }
                    ranges.push((first, last));
                }
                place += 1;
                Part::OneOf { negated, ranges }
            }
            plain => Part::Letter(*plain),
        });
    }
    Some(parts)
}

fn literal(letters: &[char], place: &mut usize) -> Option<char> {
    if *letters.get(*place)? == '\\' {
        *place += 1;
    }
    *place += 1;
    letters.get(*place - 1).copied()
}

/// Whether the parts fit the whole of the letters: of each part in turn, which beginnings of the name it can end.
fn fits(parts: &[Part], letters: &[char]) -> bool {
    let mut ends = vec![false; letters.len() + 1];
    ends[0] = true;
    for part in parts {
        let mut next = vec![false; letters.len() + 1];
        for place in 0..=letters.len() {
            let fits_letter = |letter: &char| match part {
                Part::AnyText => false,
                Part::AnyLetter => true,
                Part::Letter(own) => own == letter,
                Part::OneOf { negated, ranges } => {
                    ranges.iter().any(|(first, last)| (first..=last).contains(&letter)) != *negated
                }
            };
            if matches!(part, Part::AnyText) {
                next[place] = ends[..=place].contains(&true);
            } else if place > 0 && ends[place - 1] && fits_letter(&letters[place - 1]) {
                next[place] = true;
            }
        }
        ends = next;
    }
    ends[letters.len()]
}
