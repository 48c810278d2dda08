//! An independent reader of both exposition formats, as strict as their specifications, letter by letter.

use std::collections::BTreeMap;

/// Labels that have a value: to Prometheus one without is not there.
pub(crate) type Labels = BTreeMap<String, String>;

/// A sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) value: String,
}

/// All samples of a page. Panics where it is not one.
pub(crate) fn all(page: &str) -> Vec<Sample> {
    assert!(page.is_empty() || page.ends_with('\n'), "the last line is not ended");
    let lines = page.split_terminator('\n').filter(|line| !line.starts_with('#'));
    lines.map(|line| one(line).unwrap_or_else(|problem| panic!("{problem}: {line:?}"))).collect()
}

/// The sample of a line.
pub(crate) fn one(line: &str) -> Result<Sample, &'static str> {
    let (name, mut rest) = line.split_at(line.find(['{', ' ']).ok_or("no value")?);
    if !is_name(name) {
        return Err("no name");
    }
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (name, after) = rest.split_once("=\"").ok_or("no label")?;
            if !is_name(name) || name.contains(':') {
                return Err("no name of a label");
            }
            let (value, after) = quoted(after)?;
            if labels.insert(name.to_owned(), value).is_some() {
                return Err("a label is there twice");
            }
            rest = match after.strip_prefix(',') {
                Some(next) if !next.starts_with('}') => next,
                None if after.starts_with('}') => after,
                _ => return Err("labels without a comma, or a comma without a label"),
            };
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or("no value")?;
    if !value.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err("no number");
    }
    labels.retain(|_, value| !value.is_empty());
    Ok(Sample { name: name.to_owned(), labels, value: value.to_owned() })
}

fn is_name(text: &str) -> bool {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
    !text.is_empty()
        && text.chars().all(is_of_name)
        && !text.starts_with(|letter: char| letter.is_ascii_digit())
}

/// The value up to its closing quote, and what comes behind that.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let (mut value, mut letters) = (String::new(), text.char_indices());
    while let Some((place, letter)) = letters.next() {
        value.push(match letter {
            '"' => return Ok((value, &text[place + 1..])),
            '\\' => match letters.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('"' | '\\'))) => escaped,
                _ => return Err("an escape that there is not"),
            },
            other => other,
        });
    }
    Err("a quote is not closed")
}
