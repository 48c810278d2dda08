//! PromQL in the documents.

use std::collections::{BTreeMap, BTreeSet};

use losant_exporter::metrics::vocabulary::{self, TARGET_LABELS};
use promql_parser::label::{MatchOp, Matchers};
use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use regex::Regex;

use super::document::Document;
use crate::rules::files;

/// What Prometheus makes itself, of every target or of alerts.
const OF_PROMETHEUS: [&str; 6] = [
    "ALERTS",
    "ALERTS_FOR_STATE",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_series_added",
    "up",
];

/// What it says of itself.
const ABOUT_PROMETHEUS: &str = "prometheus_";

/// Stands for what a reader puts in for a whole name; the names of thresholds do.
const PLACEHOLDERS: [(&str, &str); 1] = [("<THRESHOLD>", "losant:payloads_spike_ratio:threshold")];

/// What is wrong with the expressions of a document: with all blocks, and with code in sentences that is the name of a series.
pub fn problems(document: &Document) -> Vec<String> {
    let known = Known::new();
    let mut problems = Vec::new();
    let mut check = |line: usize, text: &str| {
        let mut text = text.to_owned();
        for (placeholder, name) in PLACEHOLDERS {
            text = text.replace(placeholder, name);
        }
        let found = known.problems(&text);
        problems.extend(found.into_iter().map(|problem| format!("{}:{line}: {problem}", document.name)));
    };
    for block in document.blocks.iter().filter(|block| block.language == "promql") {
        // Between empty lines stand expressions of their own.
        let mut line = block.line;
        for text in block.text.split("\n\n") {
            check(line, text);
            line += text.matches('\n').count() + 2;
        }
    }
    let is_told = |name: &str| name.starts_with("losant_") || name.starts_with("process_");
    for (line, span) in document.spans.iter().filter(|(_, span)| is_told(span)) {
        // A name with a gap in it speaks of several, and a changelog of those that are gone.
        let has_gap = span.contains(['*', '…', '<']) || span.contains("{L}") || span.contains("{level}");
        if !has_gap && document.name != "CHANGELOG.md" {
            check(*line, span);
        }
    }
    problems
}

/// Which series there are, with their labels.
struct Known {
    series: BTreeMap<String, Vec<&'static str>>,
    recorded: BTreeSet<String>,
}

impl Known {
    fn new() -> Self {
        let recorded = files::rules().into_iter().map(|rule| rule.name).collect();
        Self { series: vocabulary::series_names(), recorded }
    }

    fn problems(&self, text: &str) -> Vec<String> {
        match parser::parse(text) {
            Err(error) => vec![format!("{text}: {error}")],
            Ok(expr) => {
                let mut visitor = Visitor { known: self, problems: Vec::new() };
                let _ = walk_expr(&mut visitor, &expr);
                visitor.problems
            }
        }
    }

    fn is_series(&self, name: &str) -> bool {
        self.series.contains_key(name)
            || self.recorded.contains(name)
            || OF_PROMETHEUS.contains(&name)
            || name.starts_with(ABOUT_PROMETHEUS)
    }

    /// A histogram is spoken of by the name of its family.
    fn is_family(&self, name: &str) -> bool {
        self.series.contains_key(&format!("{name}_bucket"))
            || self.series.contains_key(&format!("{name}_total"))
    }

    fn selector(&self, selector: &VectorSelector) -> Vec<String> {
        if let Some(name) = &selector.name {
            if !self.is_series(name) && !self.is_family(name) {
                return vec![format!("there is no series {name}")];
            }
            return self.labels(name, &selector.matchers);
        }
        let pattern = selector.matchers.find_matchers("__name__").into_iter().next();
        match pattern {
            Some(matcher) if matches!(matcher.op, MatchOp::Re(_)) => {
                let pattern = Regex::new(&format!("^(?:{})$", matcher.value)).expect("a pattern");
                let any = self.series.keys().chain(&self.recorded).any(|name| pattern.is_match(name));
                if any { Vec::new() } else { vec![format!("no series matches {}", matcher.value)] }
            }
            _ => vec!["a selector without a name".to_owned()],
        }
    }

    /// Labels that a scraped series never has. What is recorded has those that its rule leaves.
    fn labels(&self, name: &str, matchers: &Matchers) -> Vec<String> {
        let Some(labels) = self.series.get(name) else { return Vec::new() };
        let is_there = |label: &str| labels.contains(&label) || TARGET_LABELS.contains(&label);
        let wrong = matchers.matchers.iter().filter(|matcher| !is_there(&matcher.name));
        wrong.map(|matcher| format!("{name} has no label {}", matcher.name)).collect()
    }
}

struct Visitor<'a> {
    known: &'a Known,
    problems: Vec<String>,
}

impl ExprVisitor for Visitor<'_> {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        match expr {
            Expr::VectorSelector(selector) => self.problems.extend(self.known.selector(selector)),
            Expr::MatrixSelector(matrix) => self.problems.extend(self.known.selector(&matrix.vs)),
            _ => {}
        }
        Ok(true)
    }
}
