//! Where a label of what an expression makes comes from.
//!
//! Owns: which operators and functions hand labels on, drop them, or make them.
//! Must not: know which labels a series has.

use promql_parser::label::MatchOp;
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector,
};

/// Where a label may come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin<'a> {
    /// The expression makes it.
    Made,
    /// One of these series has to have it. Without any, nothing of the expression hands it on.
    Series(Vec<&'a VectorSelector>),
}

impl<'a> Origin<'a> {
    const NOWHERE: Self = Self::Series(Vec::new());

    /// Where `label` of what `expr` makes may come from.
    pub(super) fn of(label: &str, expr: &'a Expr) -> Self {
        match expr {
            Expr::VectorSelector(selector) => Self::Series(vec![selector]),
            Expr::MatrixSelector(matrix) => Self::Series(vec![&matrix.vs]),
            Expr::Unary(unary) => Self::of(label, &unary.expr),
            Expr::Paren(paren) => Self::of(label, &paren.expr),
            Expr::Subquery(subquery) => Self::of(label, &subquery.expr),
            Expr::Aggregate(aggregate) => Self::of_aggregate(label, aggregate),
            Expr::Binary(binary) => Self::of_binary(label, binary),
            Expr::Call(call) => Self::of_call(label, call),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Self::NOWHERE,
            // The parser never makes one.
            Expr::Extension(_) => Self::Made,
        }
    }

    fn of_aggregate(label: &str, aggregate: &'a AggregateExpr) -> Self {
        let inner = || Self::of(label, &aggregate.expr);
        match aggregate.op.to_string().as_str() {
            // These choose among series and leave them as they are.
            "topk" | "bottomk" | "limitk" | "limit_ratio" => return inner(),
            "count_values" if aggregate.param.as_deref().is_some_and(|name| is_text(name, label)) => {
                return Self::Made;
            }
            _ => {}
        }
        match &aggregate.modifier {
            Some(LabelModifier::Include(by)) if has(&by.labels, label) => inner(),
            Some(LabelModifier::Exclude(without)) if !has(&without.labels, label) => inner(),
            _ => Self::NOWHERE,
        }
    }

    fn of_binary(label: &str, binary: &'a BinaryExpr) -> Self {
        let (left, right) = (|| Self::of(label, &binary.lhs), || Self::of(label, &binary.rhs));
        if is_scalar(&binary.lhs) {
            return right();
        }
        if is_scalar(&binary.rhs) {
            return left();
        }
        if binary.op.is_set_operator() {
            return if binary.op.to_string() == "or" { left().or(right()) } else { left() };
        }
        let Some(modifier) = &binary.modifier else { return left() };
        match &modifier.card {
            VectorMatchCardinality::ManyToOne(extra) => {
                if has(&extra.labels, label) {
                    right()
                } else {
                    left()
                }
            }
            VectorMatchCardinality::OneToMany(extra) => {
                if has(&extra.labels, label) {
                    left()
                } else {
                    right()
                }
            }
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => match &modifier.matching
            {
                Some(LabelModifier::Include(on)) if !has(&on.labels, label) => Self::NOWHERE,
                Some(LabelModifier::Exclude(ignoring)) if has(&ignoring.labels, label) => Self::NOWHERE,
                _ => left(),
            },
        }
    }

    fn of_call(label: &str, call: &'a Call) -> Self {
        let arguments = &call.args.args;
        match call.func.name {
            "label_replace" | "label_join" if arguments.get(1).is_some_and(|name| is_text(name, label)) => {
                return Self::Made;
            }
            "absent" | "absent_over_time" => {
                let made = arguments.first().is_some_and(|argument| is_matched_exactly(argument, label));
                return if made { Self::Made } else { Self::NOWHERE };
            }
            // Which labels these series have is nothing that the expression says.
            "info" => return Self::Made,
            // What it makes has the labels of a scalar, which are none.
            "vector" => return Self::NOWHERE,
            "histogram_quantile" | "histogram_fraction" if label == "le" => return Self::NOWHERE,
            _ => {}
        }
        let series = arguments
            .iter()
            .find(|argument| matches!(argument.value_type(), ValueType::Vector | ValueType::Matrix));
        series.map_or(Self::NOWHERE, |series| Self::of(label, series))
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Series(mut some), Self::Series(others)) => {
                some.extend(others);
                Self::Series(some)
            }
            _ => Self::Made,
        }
    }
}

pub(super) fn is_scalar(expr: &Expr) -> bool {
    expr.value_type() == ValueType::Scalar
}

fn has(labels: &[String], label: &str) -> bool {
    labels.iter().any(|name| name == label)
}

fn is_text(expr: &Expr, wanted: &str) -> bool {
    matches!(expr, Expr::StringLiteral(text) if text.val == wanted)
}

/// Whether series of a selector have one value of `label` only, which is then what `absent` makes.
fn is_matched_exactly(expr: &Expr, label: &str) -> bool {
    let selector = match expr {
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(matrix) => &matrix.vs,
        Expr::Paren(paren) => return is_matched_exactly(&paren.expr, label),
        _ => return false,
    };
    selector.matchers.matchers.iter().any(|matcher| matcher.name == label && matcher.op == MatchOp::Equal)
}
