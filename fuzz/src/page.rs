//! A page of metrics, as `rules --check` reads it: from a file, from another exporter, from anything at an address.
//!
//! What is no page is refused with its line. Of what is one, the rules of this crate and an independent reader find the same series,
//! whatever their label values are.

use losant_exporter::metrics::vocabulary::TARGET_LABELS;
use losant_exporter::rules::{Check, Page, RuleFile, Standing};

use crate::samples::{self, Sample};

/// Series that Prometheus makes itself: not looked for on a page, and neither are labels of a target.
const OF_PROMETHEUS: [&str; 3] = ["up", "ALERTS", "ALERTS_FOR_STATE"];

/// Label values of a page that are looked for.
const LOOKED_FOR: usize = 3;

/// Checks a text as a page.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let page = Page::read(text);
    if let Err(error) = &page {
        let said = error.to_string();
        let line = said.strip_prefix("line ").and_then(|rest| rest.split_once(':'));
        let line: usize = line.expect("a line").0.parse().expect("a number");
        assert!((1..=text.lines().count()).contains(&line), "{said}");
    }
    let lines = text.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Ok(samples) = lines.map(samples::one).collect::<Result<Vec<_>, _>>() else { return };
    let page = page.unwrap_or_else(|error| panic!("a page is refused: {error}"));
    let mut names: Vec<_> = samples.iter().map(|sample| sample.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut found: Vec<_> = page.names().collect();
    found.sort_unstable();
    assert_eq!(found, names);
    let labels = samples.iter().flat_map(|sample| sample.labels.iter().map(move |label| (sample, label)));
    for (sample, (name, value)) in labels.take(LOOKED_FOR) {
        find(&page, &samples, sample, name, value);
    }
}

/// A rule that chooses the series with this label finds as many as there are.
fn find(page: &Page<'_>, samples: &[Sample], like: &Sample, name: &str, value: &str) {
    let is_made = |name: &str| {
        OF_PROMETHEUS.contains(&name)
            || TARGET_LABELS.contains(&name)
            || name.starts_with("__")
            || name.starts_with("scrape_")
    };
    let is_keyword = like.name.eq_ignore_ascii_case("inf") || like.name.eq_ignore_ascii_case("nan");
    if is_made(&like.name)
        || is_made(name)
        || is_keyword
        || like.name.contains(':')
        || value.contains(char::is_control)
    {
        return;
    }
    if ["cluster", "environment", "alertname", "alertstate"].contains(&name) {
        return;
    }
    let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
    let expr = format!("{{__name__=\"{}\",{name}=\"{quoted}\"}}", like.name);
    let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {}\n", serde_json::json!(expr));
    let rules = RuleFile::read("rules.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}")).rules;
    let verdicts = Check::new(&rules, page).verdicts();
    let fits = |sample: &&Sample| {
        sample.name == like.name && sample.labels.get(name).is_some_and(|other| other == value)
    };
    let count = samples.iter().filter(fits).count();
    assert_eq!(verdicts[0].series.len(), 1);
    assert_eq!(verdicts[0].series[0].1, Standing::Shown(count), "{expr}");
}
