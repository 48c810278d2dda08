//! The shipped rule files.
//!
//! Owns: where they lie, and which series an expression selects.
//! Must not: know which rules make sense.

use std::path::PathBuf;

use losant_exporter::rules::{Kind, Rule, RuleFile, SHIPPED};
use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector};

/// The folder of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A shipped rule file.
pub fn path(name: &str) -> PathBuf {
    root().join("deploy/prometheus/rules").join(name)
}

/// The text of a file of the project.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The shipped files, what alerts compare with first.
pub fn shipped() -> Vec<RuleFile> {
    let read = |name| {
        let text = text(&format!("deploy/prometheus/rules/{name}"));
        RuleFile::read(name, &text).unwrap_or_else(|error| panic!("{error}"))
    };
    SHIPPED.iter().map(|file| read(file.name)).collect()
}

/// All shipped rules, in the order in which they build on one another.
pub fn rules() -> Vec<Rule> {
    shipped().into_iter().flat_map(|file| file.rules).collect()
}

/// All shipped alerts.
pub fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(|rule| rule.kind == Kind::Alert).collect()
}

/// A selector of an expression, and the aggregations that it stands in, the innermost first: the name of each, and the labels of
/// its `by`.
pub struct Selected {
    pub metric: String,
    pub aggregations: Vec<(String, Vec<String>)>,
}

/// What an expression selects.
pub fn selected(expr: &Expr) -> Vec<Selected> {
    let below = |expr: &Expr| selected(expr);
    match expr {
        Expr::VectorSelector(selector) => {
            vec![Selected { metric: metric(selector), aggregations: Vec::new() }]
        }
        Expr::MatrixSelector(matrix) => {
            vec![Selected { metric: metric(&matrix.vs), aggregations: Vec::new() }]
        }
        Expr::Aggregate(aggregate) => {
            let labels = match &aggregate.modifier {
                Some(modifier) if modifier.is_include() => modifier.labels().labels.clone(),
                _ => Vec::new(),
            };
            let mut inner = below(&aggregate.expr);
            for selected in &mut inner {
                selected.aggregations.push((aggregate.op.to_string(), labels.clone()));
            }
            inner.extend(aggregate.param.iter().flat_map(|parameter| below(parameter)));
            inner
        }
        Expr::Binary(binary) => [below(&binary.lhs), below(&binary.rhs)].into_iter().flatten().collect(),
        Expr::Call(call) => call.args.args.iter().flat_map(|argument| below(argument)).collect(),
        Expr::Paren(paren) => below(&paren.expr),
        Expr::Subquery(subquery) => below(&subquery.expr),
        Expr::Unary(unary) => below(&unary.expr),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Vec::new(),
    }
}

/// The name that a selector asks for; a pattern where it asks for several.
fn metric(selector: &VectorSelector) -> String {
    let matchers = selector.matchers.find_matchers("__name__");
    let named =
        matchers.into_iter().find(|matcher| matcher.op != MatchOp::NotEqual).map(|matcher| matcher.value);
    selector.name.clone().or(named).expect("a selector with a name")
}
