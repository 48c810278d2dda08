//! A rule file, as Prometheus reads it.
//!
//! Owns: the keys that a rule file may have. A key that nobody knows is refused, since a rule would go without it in silence.
//! Must not: know which rules make sense.

use std::collections::BTreeMap;

use promql_parser::parser::{self, Expr};
use serde::Deserialize;
use serde_saphyr::{Spanned, UserMessageFormatter};

use super::needs::Needs;

/// The longest expression that is read. Longer ones are generated, and their depth is what the stack has to bear.
const LONGEST_EXPRESSION: usize = 8 * 1024;

/// The rules of a file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Its name, for those who have to mend it.
    pub name: String,
    /// Its rules, in the order in which they stand there.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name of its file.
    pub file: String,
    /// The line on which its name stands, from 1.
    pub line: u64,
    /// What it makes of its expression.
    pub kind: Kind,
    /// The name of the alert, or of the series that it records.
    pub name: String,
    /// Its expression.
    pub expr: Expr,
    /// The labels that it adds, those of its group included.
    pub labels: BTreeMap<String, String>,
    /// How long it has to hold before the alert fires, as it is written.
    pub holds_for: Option<String>,
    /// What is said of the alert.
    pub annotations: BTreeMap<String, String>,
}

/// What a rule makes of its expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An alert for each series that comes out.
    Alert,
    /// Series of another name.
    Record,
}

/// A rule file that cannot be read. One line that names file and line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct RuleError {
    file: String,
    line: u64,
    problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "keys that Prometheus knows and that change nothing about what a rule needs")]
struct Group {
    name: String,
    interval: Option<String>,
    query_offset: Option<String>,
    limit: Option<u64>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    rules: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "keep_firing_for changes nothing about what a rule needs")]
struct Entry {
    alert: Option<Spanned<String>>,
    record: Option<Spanned<String>>,
    expr: Spanned<String>,
    #[serde(rename = "for")]
    holds_for: Option<String>,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl RuleFile {
    /// Reads the text of a file.
    pub fn read(name: &str, text: &str) -> Result<Self, RuleError> {
        let document: Document = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            RuleError { file: name.to_owned(), line, problem: in_one_line(&error) }
        })?;
        let entries = document.groups.into_iter().flat_map(|group| {
            let Group { labels, rules, .. } = group;
            rules.into_iter().map(move |entry| (labels.clone(), entry))
        });
        let rules = entries.map(|(labels, entry)| Rule::new(name, labels, entry));
        Ok(Self { name: name.to_owned(), rules: rules.collect::<Result<_, _>>()? })
    }
}

impl Rule {
    fn new(file: &str, mut labels: BTreeMap<String, String>, entry: Entry) -> Result<Self, RuleError> {
        let refuse = |line: u64, problem: String| RuleError {
            file: file.to_owned(),
            line,
            // A rule may be called anything, and the message stays on its line.
            problem: problem.replace(char::is_control, "?"),
        };
        let expr_line = entry.expr.referenced.line();
        let (kind, name) = match (entry.alert, entry.record) {
            (Some(alert), None) => (Kind::Alert, alert),
            (None, Some(record)) => (Kind::Record, record),
            _ => return Err(refuse(expr_line, "a rule has either alert or record".to_owned())),
        };
        let (line, name) = (name.referenced.line(), name.value);
        let expr = expression(&entry.expr.value)
            .map_err(|problem| refuse(expr_line, format!("{name}: expr: {problem}")))?;
        labels.extend(entry.labels);
        let Entry { holds_for, annotations, .. } =
            Entry { alert: None, record: None, labels: BTreeMap::new(), ..entry };
        Ok(Self { file: file.to_owned(), line, kind, name, expr, labels, holds_for, annotations })
    }
}

fn expression(text: &str) -> Result<Expr, String> {
    if text.len() > LONGEST_EXPRESSION {
        return Err(format!("has {} bytes; at most {LONGEST_EXPRESSION} are read", text.len()));
    }
    let expr = parser::parse(text)?;
    if Needs::of(&expr).selectors.iter().any(|selector| selector.has_alternatives()) {
        return Err("or between matchers is not PromQL".to_owned());
    }
    Ok(expr)
}

/// What the parser has to say, without the picture that it draws and the place, which is said already.
fn in_one_line(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().render_with_formatter(&UserMessageFormatter);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    problem.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        RuleFile::read("rules.yaml", text).unwrap_err().to_string()
    }

    fn with_expr(expr: &str) -> String {
        format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      {expr}\n")
    }

    #[test]
    fn rules_are_read_with_their_lines_and_the_labels_of_their_group() {
        let text = "groups:\n- name: g\n  interval: 1m\n  labels: { team: iot, tier: \"1\" }\n  rules:\n\
                    \x20 - record: a:b\n    expr: vector(1)\n\
                    \x20 - alert: A\n    expr: a:b > 1\n    for: 5m\n    labels: { tier: 2 }\n    annotations: { summary: s }\n";
        let rules = RuleFile::read("rules.yaml", text).unwrap().rules;
        let told: Vec<_> = rules.iter().map(|rule| (rule.line, rule.kind, rule.name.as_str())).collect();
        assert_eq!(told, [(6, Kind::Record, "a:b"), (8, Kind::Alert, "A")]);
        assert_eq!(rules[1].labels["team"], "iot");
        assert_eq!(rules[1].labels["tier"], "2");
        assert_eq!(rules[1].holds_for.as_deref(), Some("5m"));
        assert_eq!(rules[1].annotations["summary"], "s");
        assert!(RuleFile::read("empty.yaml", "groups: []").unwrap().rules.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        insta::assert_snapshot!(
            [
                refused("groups:\n- name: g\n  rules:\n  - alert: A\n    expression: up\n"),
                refused("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    fro: 5m\n"),
                refused("apiVersion: v1\n"),
                refused("groups:\n- name: g\n  rules:\n  - expr: up\n"),
                refused("groups:\n- name: g\n  rules:\n  - alert: A\n    record: a\n    expr: up\n"),
                refused("groups: [\n"),
                refused("just text"),
                refused("groups:\n- name: g\n  name: h\n"),
                refused(&with_expr("sum by (a) (up")),
                refused(&with_expr("nosuch(up)")),
                refused(&with_expr("up{a=\"1\" or b=\"2\"}")),
                refused(&with_expr(&"1+".repeat(5_000))),
            ]
            .join("\n"),
            @r"
            rules.yaml:5: unknown field `expression`, expected one of alert, record, expr, for, keep_firing_for, labels, annotations
            rules.yaml:6: unknown field `fro`, expected one of alert, record, expr, for, keep_firing_for, labels, annotations
            rules.yaml:1: unknown field `apiVersion`, expected one of groups
            rules.yaml:4: a rule has either alert or record
            rules.yaml:6: a rule has either alert or record
            rules.yaml:1: unclosed bracket '['
            rules.yaml:1: expected mapping start
            rules.yaml:3: duplicate mapping key `name` is not allowed here
            rules.yaml:6: A: expr: unclosed left parenthesis
            rules.yaml:6: A: expr: unknown function with name 'nosuch'
            rules.yaml:6: A: expr: or between matchers is not PromQL
            rules.yaml:6: A: expr: has 10001 bytes; at most 8192 are read
            "
        );
    }

    #[test]
    fn a_refusal_is_one_line_whatever_a_rule_is_called() {
        let text = "groups:\n- name: g\n  rules:\n  - alert: \"A\\nB\\e\"\n    expr: up{\n";
        assert_eq!(refused(text), "rules.yaml:5: A?B?: expr: unexpected end of input inside braces");
        let unknown = refused("groups:\n- name: g\n  \"li\\e[2Jmit\": 7\n");
        assert!(unknown.starts_with("rules.yaml:3: unknown field `li"), "{unknown:?}");
        assert!(!unknown.contains(char::is_control), "{unknown:?}");
    }

    #[test]
    fn the_deepest_expression_that_is_read_does_not_end_the_process() {
        for text in [
            format!("{}1{}", "(".repeat(LONGEST_EXPRESSION / 2 - 1), ")".repeat(LONGEST_EXPRESSION / 2 - 1)),
            format!("{}1", "-".repeat(LONGEST_EXPRESSION - 1)),
            format!("1{}", "+1".repeat(LONGEST_EXPRESSION / 2 - 1)),
            "(".repeat(LONGEST_EXPRESSION),
        ] {
            let _ = expression(&text).map(|expr| Needs::of(&expr).labels.len());
        }
    }
}
