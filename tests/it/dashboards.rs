//! The dashboards of Grafana in `grafana/dashboards`: they are what their generator makes, Grafana's own types and SDK
//! understand them, and they hold the rules of the house.
//!
//! Whether their queries find anything is not asked here.

mod colours;
mod exceptions;
mod expressions;
mod frame;
mod lint;
mod mistakes;
mod panels;
mod series;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::components;
use exceptions::{EXCEPTIONS, LOST_IN_THE_SDK};
use lint::Finding;
use mistakes::MISTAKES;
use series::Known;

const FILES: [&str; 5] = ["overview", "organization", "sandbox", "quotas", "exporter"];

fn grafana() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana")
}

fn file(name: &str) -> PathBuf {
    grafana().join(format!("dashboards/{name}.json"))
}

fn dashboards() -> Vec<Value> {
    let read = |name: &&str| {
        let text = std::fs::read_to_string(file(name)).expect("a dashboard");
        serde_json::from_str(&text).expect("JSON")
    };
    FILES.iter().map(read).collect()
}

/// Runs the compiler on the sources in `folder`.
fn tsc(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(grafana().join("node_modules/.bin/tsc"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("tsc runs")
}

/// A copy of the generator, which shares what npm has installed.
fn copy_of_generator() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |from: &Path| {
        let to = folder.path().join(from.strip_prefix(grafana()).expect("within"));
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(from, to).expect("a copy");
    };
    for name in ["package.json", "tsconfig.json", "write.mjs"] {
        copy(&grafana().join(name));
    }
    for source in std::fs::read_dir(grafana().join("src")).expect("sources") {
        copy(&source.expect("a source").path());
    }
    let modules = folder.path().join("node_modules");
    std::os::unix::fs::symlink(grafana().join("node_modules"), modules).expect("a link");
    folder
}

fn names_in(folder: &Path) -> Vec<OsString> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("a file").file_name()).collect();
    names.sort();
    names
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_dashboards_are_what_their_generator_makes() {
    let (Some(node), Some(())) = (components::program("node"), components::dashboard_generator()) else {
        return;
    };
    let folder = copy_of_generator();
    let compiled = tsc(folder.path(), &[]);
    assert!(compiled.status.success(), "{}", text(&compiled));
    let made = folder.path().join("made");
    let output = Command::new(node)
        .arg("write.mjs")
        .arg(&made)
        .current_dir(folder.path())
        .output()
        .expect("node runs");
    assert!(output.status.success(), "{}", text(&output));
    let mut expected: Vec<_> = FILES.map(|name| OsString::from(format!("{name}.json"))).to_vec();
    expected.sort();
    assert_eq!(names_in(&made), expected);
    assert_eq!(names_in(&grafana().join("dashboards")), expected);
    for name in FILES {
        let made = std::fs::read(made.join(format!("{name}.json"))).expect("a dashboard");
        let committed = std::fs::read(file(name)).unwrap_or_default();
        assert!(made == committed, "grafana/dashboards/{name}.json is stale: run `make dashboards`");
    }
}

#[test]
fn a_misspelt_option_of_a_panel_does_not_compile() {
    let Some(()) = components::dashboard_generator() else { return };
    let folder = copy_of_generator();
    let panels = folder.path().join("src/panels.ts");
    let mut source = std::fs::read_to_string(&panels).expect("a source");
    let mistakes = [
        ("showUnfilled: true", "showUnfiled: true", "showUnfiled"),
        ("GraphDrawStyle.Bars", "GraphDrawStyle.Columns", "Columns"),
        ("noValue: it.noData", "noValues: it.noData", "noValues"),
        ("refId: REF_IDS", "refid: REF_IDS", "refid"),
    ];
    for (right, wrong, _) in mistakes {
        assert!(source.contains(right), "{right} is gone: plant another mistake");
        source = source.replacen(right, wrong, 1);
    }
    std::fs::write(&panels, source).expect("a source");
    let output = tsc(folder.path(), &["--noEmit"]);
    assert!(!output.status.success(), "mistakes compile");
    for (.., word) in mistakes {
        assert!(text(&output).contains(&format!("'{word}'")), "{word} is not found: {}", text(&output));
    }
}

#[test]
fn grafanas_sdk_reads_every_field_and_writes_it_back() {
    let Some(python) = components::python_with("grafana_foundation_sdk") else { return };
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/dashboards/round_trip.py"))
        .args(FILES.map(file))
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{}", text(&output));
    let printed = text(&output);
    let lost: Vec<_> = printed.lines().collect();
    let expected: Vec<_> = LOST_IN_THE_SDK.iter().map(|(field, _)| *field).collect();
    assert_eq!(lost, expected);
}

#[test]
fn the_dashboards_hold_the_rules_of_the_house() {
    let findings = lint::findings(&dashboards(), &Known::read());
    let wrong: Vec<_> =
        findings.iter().filter(|finding| !exceptions::allow(finding)).map(Finding::line).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for exception in &EXCEPTIONS {
        let is_used = findings.iter().any(|finding| exception.covers(finding));
        assert!(is_used, "nothing needs the exception {exception:?}");
    }
}

#[test]
fn colours_change_where_alerts_begin_to_fire() {
    let source = std::fs::read_to_string(grafana().join("src/thresholds.ts")).expect("a source");
    let known = Known::read();
    assert_eq!(colours::differences(&source, &known), [""; 0]);
    assert!(colours::named(&source) >= 8, "comments that name the series are gone");

    let right = "timesUsual = steps(GOOD, [4, BAD])";
    assert!(source.contains(right), "plant another mistake");
    let mistaken = source.replace(right, "timesUsual = steps(GOOD, [3, BAD])");
    let found = colours::differences(&mistaken, &known);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("losant:payloads_spike_ratio:threshold is 4"), "{found:?}");
}

#[test]
fn every_rule_finds_its_mistake() {
    let known = Known::read();
    for mistake in &MISTAKES {
        let right = dashboards();
        let mut dashboards = right.clone();
        (mistake.plant)(&mut dashboards);
        dashboards.retain(|dashboard| !right.contains(dashboard));
        let findings = lint::findings(&dashboards, &known);
        let mut found = findings.iter().filter(|finding| !exceptions::allow(finding));
        assert!(
            found.any(|finding| finding.rule == mistake.rule),
            "{} does not find: {}",
            mistake.rule,
            mistake.what
        );
    }
    for rule in lint::RULES {
        assert!(MISTAKES.iter().any(|mistake| mistake.rule == rule), "no mistake is planted for {rule}");
    }
}
