//! A page of metrics, as text 0.0.4 or OpenMetrics.
//!
//! Owns: which series there are, and which labels they have. Values are looked at only to tell a page from something else.
//! Must not: know what series mean. The page stays where it is: of a million series only places in its text are kept.

use std::borrow::Cow;
use std::collections::HashMap;

use promql_parser::label::Matcher;

/// The series of a page.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// What stands between the braces, by name.
    series: HashMap<&'a str, Vec<&'a str>>,
}

/// A text that is no page of metrics.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct PageError {
    line: usize,
    problem: &'static str,
}

impl<'a> Page<'a> {
    /// Reads a page.
    pub fn read(text: &'a str) -> Result<Self, PageError> {
        let mut page = Self::default();
        for (place, line) in text.lines().enumerate() {
            let line = line.trim_start_matches([' ', '\t']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, labels) = sample(line).map_err(|problem| PageError { line: place + 1, problem })?;
            page.series.entry(name).or_default().push(labels);
        }
        Ok(page)
    }

    /// The names of its series.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.series.keys().copied()
    }

    /// How many series of a name fit all of `matchers`.
    pub(super) fn count(&self, name: &str, matchers: &[&Matcher]) -> usize {
        let fits = |labels: &&&str| {
            matchers.iter().all(|matcher| matcher.is_match(&value_of(&matcher.name, labels)))
        };
        self.series.get(name).map_or(0, |all| all.iter().filter(fits).count())
    }

    /// Whether there is a series of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.series.contains_key(name)
    }

    /// Whether a series of this name has a value of this label.
    pub(super) fn has_value(&self, name: &str, label: &str) -> bool {
        self.series.get(name).is_some_and(|all| all.iter().any(|labels| !value_of(label, labels).is_empty()))
    }

    /// Whether a series of this name is written with this label, be its value empty.
    pub(super) fn has_label(&self, name: &str, label: &str) -> bool {
        let mentions = |labels: &&str| Labels(labels).flatten().any(|(name, _)| name == label);
        self.series.get(name).is_some_and(|all| all.iter().any(mentions))
    }
}

/// The name of a sample, and what stands between its braces.
fn sample(line: &str) -> Result<(&str, &str), &'static str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let (name, rest) = line.split_at(line.find(|c| !is_of_name(c)).unwrap_or(line.len()));
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("is not a sample");
    }
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(rest) => {
            let length = length_of_labels(rest)?;
            (&rest[..length], &rest[length + 1..])
        }
        None => ("", rest),
    };
    let value = rest.split_ascii_whitespace().next().ok_or("a sample without a value")?;
    value.parse::<f64>().map_err(|_| "a sample whose value is not a number")?;
    Ok((name, labels))
}

/// How much of `text` comes before the brace that closes it. All of that has been read as labels.
fn length_of_labels(text: &str) -> Result<usize, &'static str> {
    let mut rest = text;
    while !rest.starts_with('}') {
        let (_, after) = label(rest)?;
        rest = after;
    }
    Ok(text.len() - rest.len())
}

type Label<'a> = (&'a str, &'a str);

/// The label that `text` begins with, its value as it is written, and what comes behind it and its comma.
fn label(text: &str) -> Result<(Label<'_>, &str), &'static str> {
    const PROBLEM: &str = "a sample whose labels are not closed";
    let (name, rest) = text.split_once('=').ok_or(PROBLEM)?;
    let value = rest.trim_start_matches(' ').strip_prefix('"').ok_or("a label whose value has no quotes")?;
    let mut escaped = false;
    let end = value.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    let end = end.ok_or(PROBLEM)?;
    let rest = value[end + 1..].trim_start_matches(' ');
    let rest = match rest.strip_prefix(',') {
        Some(rest) => rest.trim_start_matches(' '),
        None if rest.starts_with('}') || rest.is_empty() => rest,
        None => return Err("labels without a comma between them"),
    };
    Ok(((name.trim(), &value[..end]), rest))
}

/// The labels of a sample.
struct Labels<'a>(&'a str);

impl<'a> Iterator for Labels<'a> {
    type Item = Result<Label<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = label(self.0);
        self.0 = read.map_or("", |(_, rest)| rest);
        Some(read.map(|(label, _)| label))
    }
}

/// The value of a label; empty where there is none, which is the same to Prometheus.
fn value_of<'a>(wanted: &str, labels: &'a str) -> Cow<'a, str> {
    let found = Labels(labels).flatten().find(|(name, _)| *name == wanted);
    found.map_or(Cow::Borrowed(""), |(_, value)| unescaped(value))
}

fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use promql_parser::label::MatchOp;

    use super::*;

    const TEXT: &str = "# HELP a_x What it is.\n# TYPE a_x gauge\na_x{id=\"1\",note=\"say \\\"hi\\\", {you}\"} 1\n\
                        a_x{id=\"2\",note=\"\",} 2.5e3 1700000000\n  b_total 7 # {trace=\"x\"} 1\nc{} NaN\n\
                        d { id = \"1\" , } +Inf\n# EOF\n";

    fn count(page: &Page<'_>, name: &str, label: &str, value: &str) -> usize {
        page.count(name, &[&Matcher::new(MatchOp::Equal, label, value)])
    }

    #[test]
    fn series_are_found_by_name_and_labels_in_both_formats() {
        let page = Page::read(TEXT).unwrap();
        let mut names: Vec<_> = page.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["a_x", "b_total", "c", "d"]);
        assert_eq!(page.count("a_x", &[]), 2);
        assert_eq!(count(&page, "a_x", "id", "2"), 1);
        assert_eq!(count(&page, "a_x", "note", "say \"hi\", {you}"), 1);
        assert_eq!(count(&page, "a_x", "other", ""), 2);
        assert_eq!(count(&page, "d", "id", "1"), 1);
        assert!(page.has_value("a_x", "note") && !page.has_value("a_x", "you"));
        assert!(page.has_label("a_x", "note") && !page.has_label("c", "note"));
    }

    #[test]
    fn a_label_without_a_value_is_written_and_has_none() {
        let page = Page::read("a{id=\"\"} 1\n").unwrap();
        assert!(page.has_label("a", "id") && !page.has_value("a", "id"));
    }

    #[test]
    fn what_is_no_page_is_refused_with_its_line() {
        let refused = |text: &str| Page::read(text).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                refused("<!doctype html>"),
                refused("# fine\na 1\n404 page not found"),
                refused("a"),
                refused("a{b=\"c\" 1"),
                refused("a{b=\"c} 1"),
                refused("a{b=c} 1"),
                refused("a{b=\"c\"d=\"e\"} 1"),
                refused("a{b} 1"),
                refused("a one"),
                refused("{\"status\":\"success\"}"),
            ]
            .join("\n"),
            @r"
            line 1: is not a sample
            line 3: is not a sample
            line 1: a sample without a value
            line 1: labels without a comma between them
            line 1: a sample whose labels are not closed
            line 1: a label whose value has no quotes
            line 1: labels without a comma between them
            line 1: a sample whose labels are not closed
            line 1: a sample whose value is not a number
            line 1: is not a sample
            "
        );
    }
}
