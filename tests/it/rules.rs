//! The rules that are shipped: rendered, in order, and each alert tried with promtool.
//!
//! The cases are in `tests/rules`, in the notation of `rules/notation.rs`.

mod contract;
pub mod files;
mod hours;
mod messages;
mod notation;
mod promtool;
mod routing;
mod samples;
mod template;

use std::collections::BTreeSet;

use losant_exporter::rules::SHIPPED;

use crate::components;
use messages::Message;
use template::{LEVELS, Level};

#[test]
fn the_rule_files_of_the_levels_are_up_to_date() {
    let template = files::text("deploy/prometheus/level.template.yaml");
    for level in &LEVELS {
        let rendered = template::render(&template, level);
        let path = files::path(&format!("losant-{}.yaml", level.name));
        if std::env::var_os("LOSANT_EXPORTER_WRITE_DOCS").is_some() {
            std::fs::write(&path, &rendered).expect("a rule file");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == rendered, "{} is stale: run `make rules`", path.display());
    }
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rule_files() {
    let Some(promtool) = components::program("promtool") else { return };
    for file in SHIPPED {
        let path = files::path(file.name).display().to_string();
        let said = promtool::run(&promtool, &["check", "rules", "--lint=all", "--lint-fatal", &path]);
        assert!(said.success, "{}", said.text);
    }
}

#[test]
fn mistakes_in_rules_and_in_expectations_are_caught() {
    let Some(promtool) = components::program("promtool") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.yaml");
    let text = files::text("deploy/prometheus/rules/losant-org.yaml");
    std::fs::write(&broken, text.replacen("max by (", "max by ((", 1)).expect("a rule file");
    let said = promtool::run(&promtool, &["check", "rules", &broken.display().to_string()]);
    assert!(!said.success, "{}", said.text);

    let template = files::root().join("tests/rules/limits.test.yaml");
    let right = promtool::test_file(&template, Some(&LEVELS[1]));
    assert!(promtool::test(&promtool, folder.path(), "right.yaml", &right).success);
    for (from, to) in [
        // One that fires is expected to be silent; a label differs; it fires for one step more.
        (r#"org_id="near2""#, r#"org_id="below""#),
        (r#"severity="info""#, r#"severity="warning""#),
        ("value: 181", "value: 182"),
    ] {
        let mut wrong = promtool::test_file(&template, Some(&LEVELS[1]));
        let expectations = wrong.text.find("promql_expr_test:").expect("expectations");
        let (series, expectations) = wrong.text.split_at(expectations);
        assert!(expectations.contains(from), "{from}");
        wrong.text = [series, &expectations.replacen(from, to, 1)].concat();
        let said = promtool::test(&promtool, folder.path(), "wrong.yaml", &wrong);
        assert!(!said.success && said.text.contains("FAILED"), "{to}: {}", said.text);
    }
}

/// Has promtool try all cases of a level, or of the exporter.
fn try_cases(level: Option<&Level>) {
    let Some(promtool) = components::program("promtool") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for template in promtool::templates(level.is_some()) {
        let file = promtool::test_file(&template, level);
        let name = template.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let said = promtool::test(&promtool, folder.path(), &name, &file);
        assert!(
            said.success,
            "{name} of {}: {}",
            level.map_or("the exporter", |level| level.name),
            said.text
        );
    }
}

#[test]
fn alerts_about_instances_fire_when_they_should_and_only_then() {
    try_cases(Some(&LEVELS[0]));
}

#[test]
fn alerts_about_orgs_fire_when_they_should_and_only_then() {
    try_cases(Some(&LEVELS[1]));
}

#[test]
fn alerts_about_sandboxes_fire_when_they_should_and_only_then() {
    try_cases(Some(&LEVELS[2]));
}

#[test]
fn alerts_about_the_exporter_fire_when_they_should_and_only_then() {
    try_cases(None);
}

/// What alerts say when they fire, at the moments of a template.
fn messages_of(name: &str, level: Option<&Level>) -> Option<Vec<Message>> {
    let promtool = components::program("promtool")?;
    let folder = tempfile::tempdir().expect("a folder");
    let file = promtool::test_file(&files::root().join("tests/rules").join(name), level);
    let said = promtool::test(&promtool, folder.path(), name, &file);
    let messages = messages::read(&said.text);
    assert!(!messages.is_empty(), "{}", said.text);
    Some(messages)
}

#[test]
fn messages_of_alerts_read_well() {
    let mut missing: BTreeSet<_> = files::alerts().into_iter().map(|alert| alert.name).collect();
    let mut check = |name: &str, messages: &[Message]| {
        for message in messages {
            missing.remove(&message.alert);
            for text in message.texts() {
                let is_whole =
                    !text.contains("<no value>") && !text.contains("<error") && !text.contains("  ");
                assert!(is_whole && text == text.trim(), "{}: {text}", message.alert);
            }
        }
        insta::assert_snapshot!(format!("messages_{name}"), messages::show(messages));
    };
    for level in &LEVELS {
        let Some(messages) = messages_of("messages.yaml", Some(level)) else { return };
        check(level.name, &messages);
    }
    let Some(mut messages) = messages_of("messages-exporter.yaml", None) else { return };
    let Some(nothing) = messages_of("messages-thresholds.yaml", None) else { return };
    // All thresholds are missing; the first tells how each of them is told.
    messages.extend(nothing.into_iter().take(2));
    check("exporter", &messages);
    assert!(missing.is_empty(), "no message is shown of {missing:?}");
}
