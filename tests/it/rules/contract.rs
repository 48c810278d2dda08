//! What every shipped rule keeps to, whatever it is about.

use std::collections::{BTreeMap, BTreeSet};

use losant_exporter::metrics::vocabulary;
use losant_exporter::rules::{DASHBOARD_BASE, Kind, RUNBOOK_BASE};
use regex::Regex;

use super::{files, promtool, template};

const DASHBOARDS: [&str; 5] =
    ["losant-overview", "losant-organization", "losant-sandbox", "losant-quotas", "losant-exporter"];

const HEADINGS: [&str; 4] = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];

/// Labels that the scrape adds: they change with a restart.
const TARGET_LABELS: [&str; 2] = ["instance", "job"];

#[test]
fn every_alert_says_how_bad_it_is_what_it_is_and_where_to_go_on() {
    let mut names = BTreeSet::new();
    for alert in files::alerts() {
        let name = &alert.name;
        assert!(name.starts_with("Losant"), "{name}");
        assert!(names.insert(name.clone()), "{name} is there twice");
        let severity = alert.labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("critical" | "warning" | "info")), "{name}: {severity:?}");
        let annotation = |key: &str| alert.annotations.get(key).unwrap_or_else(|| panic!("{name}: no {key}"));
        for key in ["summary", "description"] {
            assert!(!annotation(key).is_empty(), "{name}: {key} is empty");
        }
        assert_eq!(*annotation("runbook_url"), format!("{RUNBOOK_BASE}/{name}.md"));
        let link = annotation("dashboard_url").strip_prefix(&format!("{DASHBOARD_BASE}/"));
        let uid = link.unwrap_or_else(|| panic!("{name}: not below {DASHBOARD_BASE}")).split('?').next();
        assert!(uid.is_some_and(|uid| DASHBOARDS.contains(&uid)), "{name}: {uid:?}");
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let alerts: BTreeSet<_> = files::alerts().into_iter().map(|alert| alert.name).collect();
    for alert in &alerts {
        let text = files::text(&format!("docs/runbooks/{alert}.md"));
        for heading in HEADINGS {
            assert!(text.lines().any(|line| line == heading), "{alert}.md has no {heading}");
        }
    }
    let folder = std::fs::read_dir(files::root().join("docs/runbooks")).expect("docs/runbooks");
    let names = folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let runbooks: BTreeSet<_> = names
        .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
        .filter(|name| name != "README")
        .collect();
    assert_eq!(runbooks, alerts);
    let index = files::text("docs/runbooks/README.md");
    for alert in files::alerts() {
        let row = format!("| [{0}]({0}.md) | {1} |", alert.name, alert.labels["severity"]);
        assert!(index.contains(&row), "the index does not say: {row}");
    }
}

#[test]
fn runbooks_of_the_levels_are_up_to_date() {
    for (name, rendered) in template::runbooks(&files::root().join("docs/runbooks/templates")) {
        let path = files::root().join("docs/runbooks").join(&name);
        if std::env::var_os("LOSANT_EXPORTER_WRITE_DOCS").is_some() {
            std::fs::write(&path, &rendered).expect("a runbook");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == rendered, "docs/runbooks/{name} is stale: run `make rules`");
    }
}

/// The names of recorded series that a text mentions.
fn recorded_names(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\blosant[a-z_]*:[a-z0-9_]+:[a-z0-9_]+\b").expect("a pattern");
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

#[test]
fn documents_name_only_series_that_are_recorded() {
    let recorded: BTreeSet<_> = files::rules().into_iter().map(|rule| rule.name).collect();
    let folder = std::fs::read_dir(files::root().join("docs/runbooks")).expect("docs/runbooks");
    let runbooks = folder.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    for path in runbooks.chain([files::root().join("docs/alerts.md"), files::root().join("README.md")]) {
        let text = std::fs::read_to_string(&path).expect("a document");
        for name in recorded_names(&text) {
            assert!(recorded.contains(&name), "{}: nothing records {name}", path.display());
        }
    }
}

#[test]
fn alerts_go_by_recorded_series_alone() {
    for alert in files::alerts() {
        for selected in files::selected(&alert.expr) {
            let metric = selected.metric;
            let is_allowed = metric.contains(':') || metric == "up" || metric == "losant_exporter_build_info";
            assert!(is_allowed, "{} goes by {metric}, which changes its labels with a restart", alert.name);
        }
    }
}

#[test]
fn records_of_usage_take_the_maximum_by_ids_first() {
    let is_max = |(name, labels): &(String, Vec<String>)| {
        name == "max"
            && !labels.is_empty()
            && !labels.iter().any(|label| TARGET_LABELS.contains(&label.as_str()))
    };
    for record in files::rules().into_iter().filter(|rule| rule.kind == Kind::Record) {
        for selected in files::selected(&record.expr) {
            let is_usage =
                selected.metric.starts_with("losant_") && !selected.metric.starts_with("losant_exporter_");
            if is_usage && !selected.metric.contains(':') {
                let is_first = selected.aggregations.iter().any(is_max);
                assert!(is_first, "{}: {} has target labels", record.name, selected.metric);
            }
        }
    }
}

#[test]
fn rules_read_what_has_been_recorded_before_them() {
    let families = vocabulary::series_names();
    let mut recorded = BTreeSet::new();
    for rule in files::rules() {
        for selected in files::selected(&rule.expr) {
            let metric = selected.metric;
            if metric.contains(':') {
                assert!(
                    recorded.contains(&metric),
                    "{}: {metric} is recorded later, or not at all",
                    rule.name
                );
            } else {
                assert!(
                    metric == "up" || families.contains_key(&metric),
                    "{}: there is no {metric}",
                    rule.name
                );
            }
        }
        if rule.kind == Kind::Record {
            recorded.insert(rule.name);
        }
    }
}

/// Groups are evaluated at moments of their own. If one recorded what another one reads, numbers of two hours would be compared at the
/// turn of each.
#[test]
fn what_a_level_records_it_records_in_one_group() {
    for level in &template::LEVELS {
        let text = files::text(&format!("deploy/prometheus/rules/losant-{}.yaml", level.name));
        let (records, alerts) =
            text.split_once(&format!("- name: losant-{}-alerts\n", level.name)).expect("a group of alerts");
        assert_eq!(records.matches("\n- name: ").count(), 1, "{}: groups that record", level.name);
        assert_eq!(alerts.matches("\n- name: ").count(), 0, "{}: groups of alerts", level.name);
        assert!(records.contains("- record: ") && !alerts.contains("- record: "), "{}", level.name);
    }
}

#[test]
fn every_threshold_is_used_and_missed() {
    let rules = files::rules();
    let is_threshold = |name: &str| name.ends_with(":threshold");
    let mut readers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in &rules {
        for selected in
            files::selected(&rule.expr).into_iter().filter(|selected| is_threshold(&selected.metric))
        {
            readers.entry(selected.metric).or_default().insert(rule.name.clone());
        }
    }
    for threshold in rules.iter().filter(|rule| is_threshold(&rule.name)) {
        let readers =
            readers.get(&threshold.name).unwrap_or_else(|| panic!("nobody reads {}", threshold.name));
        assert!(readers.contains("LosantThresholdMissing"), "nobody misses {}", threshold.name);
        assert!(readers.len() > 1, "nothing is compared with {}", threshold.name);
    }
}

#[test]
fn of_every_alert_a_case_says_that_it_fires_and_one_that_it_does_not() {
    let (mut firing, mut silent) = (BTreeSet::new(), BTreeSet::new());
    let levels = template::LEVELS.iter().map(Some).chain([None]);
    for level in levels {
        for path in promtool::templates(level.is_some()) {
            let file = promtool::test_file(&path, level);
            firing.extend(file.firing);
            silent.extend(file.silent);
        }
    }
    let alerts: BTreeSet<_> = files::alerts().into_iter().map(|alert| alert.name).collect();
    assert_eq!(firing, alerts);
    assert_eq!(silent, alerts);
}
