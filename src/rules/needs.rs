//! What an expression needs to come to anything: series, and labels of theirs.
//!
//! Owns: where an expression names a label, and whether that has to be there.
//! Must not: know which series and labels there are.

use std::fmt;

use promql_parser::label::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Expr, LabelModifier, VectorMatchCardinality, VectorSelector,
};

use super::origin::{Origin, is_scalar};

/// What an expression needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs<'a> {
    /// The series that it reads, each once, whatever the time that it reads them of.
    pub(super) selectors: Vec<Selector<'a>>,
    /// The labels that it names, and where these can come from.
    pub(super) labels: Vec<(&'a str, Origin<'a>)>,
}

/// Series by name and matchers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Selector<'a>(&'a VectorSelector);

impl<'a> Needs<'a> {
    /// What `expr` needs.
    pub(super) fn of(expr: &'a Expr) -> Self {
        let mut needs = Self::default();
        needs.walk(expr);
        needs
    }

    fn walk(&mut self, expr: &'a Expr) {
        match expr {
            Expr::VectorSelector(selector) => self.read(selector),
            Expr::MatrixSelector(matrix) => self.read(&matrix.vs),
            Expr::Unary(unary) => self.walk(&unary.expr),
            Expr::Paren(paren) => self.walk(&paren.expr),
            Expr::Subquery(subquery) => self.walk(&subquery.expr),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Call(call) => call.args.args.iter().for_each(|argument| self.walk(argument)),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    fn read(&mut self, selector: &'a VectorSelector) {
        let selector = Selector(selector);
        if self.selectors.iter().any(|known| known.is_same(selector)) {
            return;
        }
        self.selectors.push(selector);
        for matcher in selector.matchers() {
            // Who matches what is empty can do without the label.
            let needs_none =
                !matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRe(_)) && matcher.is_match("");
            if !needs_none {
                self.labels.push((&matcher.name, Origin::Series(vec![selector.0])));
            }
        }
    }

    fn aggregate(&mut self, aggregate: &'a AggregateExpr) {
        if let Some(LabelModifier::Include(by)) = &aggregate.modifier {
            self.demand(&by.labels, &aggregate.expr);
        }
        self.walk(&aggregate.expr);
        if let Some(parameter) = &aggregate.param {
            self.walk(parameter);
        }
    }

    fn binary(&mut self, binary: &'a BinaryExpr) {
        if let Some(modifier) = &binary.modifier {
            if let Some(LabelModifier::Include(on)) = &modifier.matching {
                self.demand(&on.labels, &binary.lhs);
                self.demand(&on.labels, &binary.rhs);
            }
            match &modifier.card {
                VectorMatchCardinality::ManyToOne(extra) => self.demand(&extra.labels, &binary.rhs),
                VectorMatchCardinality::OneToMany(extra) => self.demand(&extra.labels, &binary.lhs),
                VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => {}
            }
        }
        self.walk(&binary.lhs);
        self.walk(&binary.rhs);
    }

    /// What `expr` makes has to have `labels`.
    fn demand(&mut self, labels: &'a [String], expr: &'a Expr) {
        // Numbers have no labels, and whoever puts one there knows it: `or on () vector(0)`.
        if is_scalar(expr) || !reads_series(expr) {
            return;
        }
        for label in labels {
            self.labels.push((label, Origin::of(label, expr)));
        }
    }
}

/// Whether any series is read.
fn reads_series(expr: &Expr) -> bool {
    match expr {
        Expr::VectorSelector(_) | Expr::MatrixSelector(_) => true,
        Expr::Unary(unary) => reads_series(&unary.expr),
        Expr::Paren(paren) => reads_series(&paren.expr),
        Expr::Subquery(subquery) => reads_series(&subquery.expr),
        Expr::Aggregate(aggregate) => reads_series(&aggregate.expr),
        Expr::Binary(binary) => reads_series(&binary.lhs) || reads_series(&binary.rhs),
        Expr::Call(call) => call.args.args.iter().any(|argument| reads_series(argument)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => false,
    }
}

impl<'a> Selector<'a> {
    /// The selector as it stands in an expression, whatever the time.
    pub(super) const fn new(selector: &'a VectorSelector) -> Self {
        Self(selector)
    }

    /// The name of its series, where it says exactly one.
    pub(super) fn name(self) -> Option<&'a str> {
        let by_matcher = || {
            let matcher = self.0.matchers.matchers.iter().find(|matcher| matcher.name == METRIC_NAME)?;
            (matcher.op == MatchOp::Equal).then_some(matcher.value.as_str())
        };
        self.0.name.as_deref().or_else(by_matcher)
    }

    /// Its matchers on labels.
    pub(super) fn matchers(self) -> impl Iterator<Item = &'a Matcher> {
        self.0.matchers.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME)
    }

    /// Whether it may choose series of this name.
    pub(super) fn fits_name(self, name: &str) -> bool {
        let matchers = &self.0.matchers.matchers;
        self.0.name.as_deref().is_none_or(|own| own == name)
            && matchers
                .iter()
                .filter(|matcher| matcher.name == METRIC_NAME)
                .all(|matcher| matcher.is_match(name))
    }

    /// Whether it has matchers of which one is enough. Prometheus does not know these.
    pub(super) fn has_alternatives(self) -> bool {
        !self.0.matchers.or_matchers.is_empty()
    }

    /// Whether both choose the same series, at whatever time.
    fn is_same(self, other: Self) -> bool {
        self.0.name == other.0.name && self.0.matchers == other.0.matchers
    }
}

impl fmt::Display for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name.as_deref().unwrap_or_default())?;
        let matchers: Vec<_> = self.0.matchers.matchers.iter().map(Matcher::to_string).collect();
        if matchers.is_empty() { Ok(()) } else { write!(f, "{{{}}}", matchers.join(",")) }
    }
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
