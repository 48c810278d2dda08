//! The rules of the house for dashboards, and those of Grafana's dashboard-linter, under its names.
//!
//! Owns: the list of rules, and what a finding is. The rules themselves are in `frame`, `panels` and `expressions`.

use serde_json::Value;

use super::series::Known;
use super::{expressions, frame, panels};

/// All rules. The first fifteen are those of dashboard-linter; those about Loki do not apply.
pub const RULES: [&str; 31] = [
    "template-datasource-rule",
    "template-job-rule",
    "template-instance-rule",
    "template-label-promql-rule",
    "template-on-time-change-reload-rule",
    "uneditable-dashboard",
    "panel-datasource-rule",
    "panel-title-description-rule",
    "panel-units-rule",
    "panel-no-targets-rule",
    "target-promql-rule",
    "target-rate-interval-rule",
    "target-counter-agg-rule",
    "target-job-rule",
    "target-instance-rule",
    "frame",
    "names-by-id",
    "annotations",
    "links",
    "panel-type",
    "no-data-text",
    "grid",
    "thresholds",
    "data-links",
    "known-series",
    "recorded",
    "aggregated",
    "levels-apart",
    "hours-and-days",
    "first-screen",
    "unknown-is-absent",
];

/// A rule that a dashboard breaks, and where.
pub struct Finding {
    pub rule: &'static str,
    /// The uid of the dashboard.
    pub dashboard: String,
    /// A panel, a variable, or the name of a series.
    pub place: String,
    pub words: String,
}

impl Finding {
    pub fn line(&self) -> String {
        format!("{}: {} ({}): {}", self.dashboard, self.place, self.rule, self.words)
    }
}

/// Takes findings about one dashboard in.
pub struct Report {
    dashboard: String,
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn add(&mut self, rule: &'static str, place: &str, words: impl Into<String>) {
        debug_assert!(RULES.contains(&rule), "{rule} is on no list");
        let (place, words) = (place.to_owned(), words.into());
        self.findings.push(Finding { rule, dashboard: self.dashboard.clone(), place, words });
    }

    pub fn unless(&mut self, holds: bool, rule: &'static str, place: &str, words: &str) {
        if !holds {
            self.add(rule, place, words);
        }
    }
}

/// A text, or nothing.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a list, or none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What all rules find in these dashboards.
pub fn findings(dashboards: &[Value], known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dashboard in dashboards {
        let mut report = Report { dashboard: text(dashboard, "/uid").to_owned(), findings: Vec::new() };
        frame::check(dashboard, &mut report);
        panels::check(dashboard, known, &mut report);
        expressions::check(dashboard, known, &mut report);
        findings.append(&mut report.findings);
    }
    findings
}
