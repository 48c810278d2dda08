//! The example of a configuration for Alertmanager.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;

use super::{files, promtool};
use crate::components;

const CONFIG: &str = "deploy/prometheus/alertmanager.example.yaml";

/// The part of the configuration that names alerts.
#[derive(Deserialize)]
struct Config {
    route: Route,
    inhibit_rules: Vec<Inhibition>,
}

#[derive(Deserialize)]
struct Route {
    #[serde(default)]
    matchers: Vec<String>,
    #[serde(default)]
    routes: Vec<Route>,
}

#[derive(Deserialize)]
struct Inhibition {
    source_matchers: Vec<String>,
    target_matchers: Vec<String>,
}

impl Route {
    fn all_matchers(&self) -> Vec<String> {
        let below = self.routes.iter().flat_map(Route::all_matchers);
        self.matchers.iter().cloned().chain(below).collect()
    }
}

/// The receiver of an alert with these labels.
fn receiver(amtool: &Path, labels: &[&str]) -> String {
    let config = format!("--config.file={}", files::root().join(CONFIG).display());
    let said = promtool::run(amtool, &[&["config", "routes", "test", &config], labels].concat());
    assert!(said.success, "{}", said.text);
    said.text.lines().next().unwrap_or_default().to_owned()
}

fn amtool() -> Option<PathBuf> {
    components::program("amtool")
}

#[test]
fn amtool_finds_nothing_wrong_with_the_routing() {
    let Some(amtool) = amtool() else { return };
    let path = files::root().join(CONFIG).display().to_string();
    let said = promtool::run(&amtool, &["check-config", &path]);
    assert!(said.success, "{}", said.text);
}

#[test]
fn alerts_reach_those_whom_their_severity_concerns() {
    let Some(amtool) = amtool() else { return };
    for (labels, wanted) in [
        (
            ["alertname=LosantOrgPayloadRunaway", "severity=critical", "instance_id=i", "org_id=o"],
            "losant-pager",
        ),
        (["alertname=LosantOrgPayloadSpike", "severity=warning", "instance_id=i", "org_id=o"], "losant-chat"),
        (
            ["alertname=LosantOrgLimitNear", "severity=info", "instance_id=i", "resource=device"],
            "losant-digest",
        ),
        (
            ["alertname=LosantSandboxLimitReached", "severity=critical", "instance_id=i", "resource=payload"],
            "losant-pager",
        ),
        (["alertname=LosantExporterDown", "severity=critical", "job=losant", "team=iot"], "losant-pager"),
        // Alerts of others, and one of ours that somebody gave a severity of their own.
        (["alertname=KubePodCrashLooping", "severity=critical", "namespace=losant", "pod=p"], "nobody"),
        (["alertname=LosantOfMyOwn", "severity=notice", "instance_id=i", "org_id=o"], "losant-chat"),
    ] {
        assert_eq!(receiver(&amtool, &labels), wanted, "{labels:?}");
    }
    for alert in files::alerts() {
        let severity = &alert.labels["severity"];
        let wanted = match severity.as_str() {
            "critical" => "losant-pager",
            "warning" => "losant-chat",
            _ => "losant-digest",
        };
        let labels = [format!("alertname={}", alert.name), format!("severity={severity}")];
        assert_eq!(receiver(&amtool, &[&labels[0], &labels[1]]), wanted, "{}", alert.name);
    }
}

#[test]
fn the_routing_names_only_alerts_that_there_are() {
    let alerts: BTreeSet<_> = files::alerts().into_iter().map(|alert| alert.name).collect();
    let config: Config = serde_saphyr::from_str(&files::text(CONFIG)).expect("the routing");
    let inhibited =
        config.inhibit_rules.iter().flat_map(|rule| [&rule.source_matchers, &rule.target_matchers]);
    let matchers = config.route.all_matchers().into_iter().chain(inhibited.flatten().cloned());
    let mut named = BTreeSet::new();
    for matcher in matchers.filter(|matcher| matcher.starts_with("alertname ")) {
        let pattern = matcher.split('"').nth(1).unwrap_or_else(|| panic!("no pattern: {matcher}"));
        named.extend(alternatives(pattern));
    }
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        let pattern = Regex::new(&format!("^{name}$")).expect("a pattern");
        assert!(alerts.iter().any(|alert| pattern.is_match(alert)), "there is no alert {name}");
    }
}

/// All that a pattern of alternatives, in parentheses or not, may stand for.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut depth = 0;
    let parts = pattern.split(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == '|' && depth == 0
    });
    let mut all = Vec::new();
    for part in parts {
        match part.split_once('(') {
            None => all.push(part.to_owned()),
            Some((before, rest)) => {
                let (inner, after) = rest.split_once(')').expect("a closing parenthesis");
                all.extend(inner.split('|').flat_map(|word| alternatives(&[before, word, after].concat())));
            }
        }
    }
    all
}

#[test]
fn alternatives_of_a_pattern_are_all_names_that_it_stands_for() {
    assert_eq!(alternatives("A"), ["A"]);
    assert_eq!(alternatives("A|B"), ["A", "B"]);
    assert_eq!(alternatives("A(B|C)D|E"), ["ABD", "ACD", "E"]);
    assert_eq!(alternatives("X|A(B|C)(D|E)"), ["X", "ABD", "ABE", "ACD", "ACE"]);
}
