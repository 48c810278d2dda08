//! Rules about expressions: of panels, variables and annotations.

use std::collections::BTreeSet;
use std::time::Duration;

use promql_parser::parser::token::{T_ADD, T_AVG, T_BOTTOMK, T_SUB, T_SUM, T_TOPK};
use promql_parser::parser::{self, Expr, MatrixSelector, VectorSelector};
use serde_json::Value;

use super::lint::{Report, list, text};
use super::series::Known;

/// Stands for `$__rate_interval`, which is no duration to a parser: one that nobody would choose.
const RATE_INTERVAL: Duration = Duration::from_secs(4_242);

/// What is there once an hour or once a day, and the range that covers it once.
const RHYTHMS: [(&str, &str, Duration); 5] = [
    ("_last_hour:max", "1h", Duration::from_secs(3_600)),
    ("_this_hour:max", "1h", Duration::from_secs(3_600)),
    ("_last_day:max", "1d", Duration::from_secs(86_400)),
    ("_today:max", "1d", Duration::from_secs(86_400)),
    (":devices:max", "", Duration::from_secs(86_400)),
];

pub fn check(dashboard: &Value, known: &Known, report: &mut Report) {
    for panel in list(dashboard, "/panels") {
        let mut names = BTreeSet::new();
        for target in list(panel, "/targets") {
            let title = text(panel, "/title");
            report.unless(
                names.insert(text(target, "/refId")),
                "target-promql-rule",
                title,
                "two queries of one name",
            );
            report.unless(
                !text(target, "/expr").contains("vector(0)"),
                "unknown-is-absent",
                title,
                "0 where nothing is known",
            );
            let steps = [text(panel, "/interval"), text(target, "/interval")];
            let over_time = (target["instant"] != true).then_some(steps);
            let mut walk = Walk { known, report, place: title, over_time };
            walk.check(text(target, "/expr"), "target-promql-rule");
        }
    }
    for annotation in list(dashboard, "/annotations/list") {
        let mut walk = Walk { known, report, place: text(annotation, "/name"), over_time: None };
        walk.check(text(annotation, "/target/expr"), "target-promql-rule");
    }
    for variable in list(dashboard, "/templating/list").iter().filter(|it| text(it, "/type") == "query") {
        let query = text(variable, "/query/query");
        let asked = query.strip_prefix("query_result(").and_then(|rest| rest.strip_suffix(')'));
        let label = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", "));
        let name = text(variable, "/name");
        let Some(expression) = asked.or(label.map(|(expression, _)| expression)) else {
            report.add("template-label-promql-rule", name, "neither label_values nor query_result");
            continue;
        };
        // Labels of a family are asked for without adding anything up.
        let expression = if asked.is_some() { expression.to_owned() } else { format!("max({expression})") };
        let mut walk = Walk { known, report, place: name, over_time: None };
        walk.check(&expression, "template-label-promql-rule");
    }
}

/// An expression as a parser takes it. Variables within quotes may stay.
fn without_variables(expression: &str) -> String {
    expression
        .replace("$__rate_interval", &format!("{}s", RATE_INTERVAL.as_secs()))
        .replace("$rows", "20")
        .replace("$price_per_million", "5")
}

/// What stands around a part of an expression.
#[derive(Clone, Copy, Default)]
struct Around {
    is_aggregated: bool,
    is_rate: bool,
}

struct Walk<'a> {
    known: &'a Known,
    report: &'a mut Report,
    place: &'a str,
    /// The steps of a query over time: of the panel, and its own.
    over_time: Option<[&'a str; 2]>,
}

impl Walk<'_> {
    fn check(&mut self, expression: &str, rule: &'static str) {
        match parser::parse(&without_variables(expression)) {
            Ok(expr) => self.visit(&expr, Around::default()),
            Err(error) => self.report.add(rule, self.place, error),
        }
    }

    fn visit(&mut self, expr: &Expr, around: Around) {
        match expr {
            Expr::Aggregate(it) => {
                let adds = [T_SUM, T_AVG].contains(&it.op.id());
                self.check_levels(adds, &levels(&it.expr));
                let picks = [T_TOPK, T_BOTTOMK].contains(&it.op.id());
                let inside = Around { is_aggregated: around.is_aggregated || !picks, ..around };
                self.visit(&it.expr, inside);
            }
            Expr::Binary(it) => {
                let adds = [T_ADD, T_SUB].contains(&it.op.id());
                let both: BTreeSet<_> = levels(&it.lhs).union(&levels(&it.rhs)).copied().collect();
                self.check_levels(adds, &both);
                self.visit(&it.lhs, around);
                self.visit(&it.rhs, around);
            }
            Expr::Call(it) => {
                let is_rate = ["rate", "irate", "increase"].contains(&it.func.name);
                for argument in &it.args.args {
                    self.visit(argument, Around { is_rate, ..around });
                }
            }
            Expr::Unary(it) => self.visit(&it.expr, around),
            Expr::Paren(it) => self.visit(&it.expr, around),
            Expr::Subquery(it) => self.visit(&it.expr, around),
            Expr::VectorSelector(it) => self.check_selector(it, None, around),
            Expr::MatrixSelector(it) => {
                self.check_range(it, around);
                self.check_selector(&it.vs, Some(it.range), around);
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    fn check_levels(&mut self, adds: bool, levels: &BTreeSet<&str>) {
        self.report.unless(!adds || levels.len() <= 1, "levels-apart", self.place, "levels are added up");
    }

    fn check_range(&mut self, selector: &MatrixSelector, around: Around) {
        let is_right = !around.is_rate || selector.range == RATE_INTERVAL;
        self.report.unless(
            is_right,
            "target-rate-interval-rule",
            self.place,
            "a rate without $__rate_interval",
        );
    }

    fn check_selector(&mut self, selector: &VectorSelector, range: Option<Duration>, around: Around) {
        let Some(name) = selector.name.as_deref() else {
            self.report.add("known-series", self.place, "a selector without a name");
            return;
        };
        let place = self.place;
        self.report.unless(self.known.is_series(name), "known-series", place, name);
        let has = |label: &str, values: &[&str]| {
            let mut matchers = selector.matchers.matchers.iter();
            matchers.any(|it| {
                it.name == label && it.op.to_string() == "=~" && values.contains(&it.value.as_str())
            })
        };
        self.report.unless(has("job", &["$job"]), "target-job-rule", name, place);
        let of_instance = has("instance_id", &["$instance", "$instance|"]);
        self.report.unless(of_instance, "target-instance-rule", name, place);
        let is_counted = !self.known.is_counter(name) || around.is_rate;
        self.report.unless(is_counted, "target-counter-agg-rule", place, &format!("{name} without a rate"));
        if self.known.is_scraped(name) {
            self.report.unless(around.is_aggregated, "aggregated", place, name);
            if let Some(record) = self.known.record_of(name) {
                self.report.add("recorded", name, format!("{place}: there is {record}"));
            }
        }
        self.check_rhythm(name, range);
    }

    /// Over time, what is there once an hour is read once an hour, and so with days.
    fn check_rhythm(&mut self, name: &str, range: Option<Duration>) {
        let (Some(steps), false) = (self.over_time, name.ends_with("_period:max")) else { return };
        let rhythm = RHYTHMS.iter().find(|(suffix, ..)| name.ends_with(suffix));
        let Some((_, step, wanted)) = rhythm else { return };
        let is_right = range == Some(*wanted) && (step.is_empty() || steps == [*step; 2]);
        self.report.unless(is_right, "hours-and-days", self.place, name);
    }
}

/// The levels of the series in an expression.
fn levels(expr: &Expr) -> BTreeSet<&'static str> {
    let mut levels = BTreeSet::new();
    let mut parts = vec![expr];
    while let Some(part) = parts.pop() {
        let name = match part {
            Expr::Aggregate(it) => {
                parts.push(&it.expr);
                None
            }
            Expr::Binary(it) => {
                parts.extend([&*it.lhs, &*it.rhs]);
                None
            }
            Expr::Call(it) => {
                parts.extend(it.args.args.iter().map(|argument| &**argument));
                None
            }
            Expr::Unary(it) => {
                parts.push(&it.expr);
                None
            }
            Expr::Paren(it) => {
                parts.push(&it.expr);
                None
            }
            Expr::Subquery(it) => {
                parts.push(&it.expr);
                None
            }
            Expr::VectorSelector(it) => it.name.as_deref(),
            Expr::MatrixSelector(it) => it.vs.name.as_deref(),
            _ => None,
        };
        let of = ["losant_instance", "losant_org", "losant_sandbox"];
        levels.extend(of.into_iter().find(|level| name.is_some_and(|name| name.starts_with(level))));
    }
    levels
}
