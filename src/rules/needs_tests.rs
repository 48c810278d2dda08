//! Expressions, the series that they read, and the labels that these have to have.

use promql_parser::parser;

use super::*;

/// The selectors of an expression, and its labels with the series that may give them.
fn needs(expr: &str) -> (Vec<String>, Vec<String>) {
    let expr = parser::parse(expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
    let needs = Needs::of(&expr);
    let labels = needs.labels.iter().map(|(label, origin)| match origin {
        Origin::Made => format!("{label} made"),
        Origin::Series(series) => {
            let names: Vec<_> = series.iter().filter_map(|series| Selector::new(series).name()).collect();
            format!("{label} on {}", names.join("|"))
        }
    });
    (needs.selectors.iter().map(Selector::to_string).collect(), labels.collect())
}

#[test]
fn an_expression_needs_its_selectors_and_the_labels_that_it_names() {
    for (expr, selectors, labels) in [
        ("vector(1)", &[][..], &[][..]),
        ("time() - a", &["a"], &[]),
        ("a > 1 or a offset 1h > 2", &["a"], &[]),
        (
            "a{b=\"1\",c=~\"x|y\",d!=\"2\"}",
            &["a{b=\"1\",c=~\"x|y\",d!=\"2\"}"],
            &["b on a", "c on a", "d on a"],
        ),
        // What may be empty may be missing.
        ("a{b=\"\",c=~\".*\",d=~\"|x\"}", &["a{b=\"\",c=~\".*\",d=~\"|x\"}"], &[]),
        ("a{b!=\"\"}", &["a{b!=\"\"}"], &["b on a"]),
        ("{__name__=\"a\",b=\"1\"}", &["{__name__=\"a\",b=\"1\"}"], &["b on a"]),
        ("rate(a[5m])", &["a"], &[]),
        ("max by (b) (max_over_time(a[1h:5m] offset 1d))", &["a"], &["b on a"]),
        ("sum without (b) (a)", &["a"], &[]),
        // Through aggregations a label goes only where it is named.
        ("max by (b) (sum by (b, c) (a))", &["a"], &["b on a", "b on a", "c on a"]),
        ("max by (b) (sum by (c) (a))", &["a"], &["b on ", "c on a"]),
        ("max by (b) (sum without (b) (a))", &["a"], &["b on "]),
        ("max by (b) (sum without (c) (a))", &["a"], &["b on a"]),
        ("max by (b) (sum(a))", &["a"], &["b on "]),
        ("max by (b) (topk(3, a))", &["a"], &["b on a"]),
        ("count by (v) (count_values by (b) (\"v\", a))", &["a"], &["v made", "b on a"]),
        // Both sides of a match, and the one side that gives more.
        ("a * on (b) c", &["a", "c"], &["b on a", "b on c"]),
        ("a * on (b) group_left (d) c", &["a", "c"], &["b on a", "b on c", "d on c"]),
        ("a * on (b) group_right (d) c", &["a", "c"], &["b on a", "b on c", "d on a"]),
        ("a and ignoring (b) c", &["a", "c"], &[]),
        ("a unless on (b) c", &["a", "c"], &["b on a", "b on c"]),
        ("a or on () vector(0)", &["a"], &[]),
        ("a or on (b) vector(0)", &["a"], &["b on a"]),
        ("sum by (d) (a * on (b) group_left (d) c)", &["a", "c"], &["d on c", "b on a", "b on c", "d on c"]),
        ("sum by (d) (a * on (b) group_left () c)", &["a", "c"], &["d on a", "b on a", "b on c"]),
        ("sum by (d) (a * on (b) c)", &["a", "c"], &["d on ", "b on a", "b on c"]),
        ("sum by (d) (a > on (b) group_left () c)", &["a", "c"], &["d on a", "b on a", "b on c"]),
        ("sum by (d) (a and on (b) c)", &["a", "c"], &["d on a", "b on a", "b on c"]),
        // Whichever side of `or` has it.
        ("sum by (d) (a or c)", &["a", "c"], &["d on a|c"]),
        ("sum by (d) (a * 2 + scalar(c))", &["a", "c"], &["d on a"]),
        ("sum by (d) (1 - a)", &["a"], &["d on a"]),
        // Labels that functions make.
        ("sum by (d) (label_replace(a, \"d\", \"$1\", \"b\", \"(.*)\"))", &["a"], &["d made"]),
        ("sum by (e) (label_replace(a, \"d\", \"$1\", \"b\", \"(.*)\"))", &["a"], &["e on a"]),
        ("sum by (d) (label_join(a, \"d\", \"-\", \"b\", \"c\"))", &["a"], &["d made"]),
        (
            "sum by (d) (label_replace(a, \"d\", \"x\", \"\", \"\") or label_replace(c, \"d\", \"y\", \"\", \"\"))",
            &["a", "c"],
            &["d made"],
        ),
        ("sum by (b) (absent(a{b=\"1\"}))", &["a{b=\"1\"}"], &["b made", "b on a"]),
        ("sum by (c) (absent(a{b=\"1\"}))", &["a{b=\"1\"}"], &["c on ", "b on a"]),
        ("histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))", &["a_bucket"], &["le on a_bucket"]),
        ("quantile by (b) (0.5, a)", &["a"], &["b on a"]),
        ("clamp_min(a, scalar(c) / scalar(d))", &["a", "c", "d"], &[]),
    ] {
        let (found, demanded) = needs(expr);
        assert_eq!(found, selectors, "{expr}");
        assert_eq!(demanded, labels, "{expr}");
    }
}

#[test]
fn a_selector_without_a_name_fits_what_its_matchers_say() {
    let expr = parser::parse("{__name__=~\"losant_.*\",__name__!=\"losant_up\"}").unwrap();
    let selector = Needs::of(&expr).selectors[0];
    assert_eq!(selector.name(), None);
    assert!(selector.fits_name("losant_org_devices"));
    assert!(!selector.fits_name("losant_up") && !selector.fits_name("up"));
    assert_eq!(selector.matchers().count(), 0);
}
