//! The rule files that a trial evaluates: what is shipped, and what it is compared with.
//!
//! Of the shipped files those rules are taken, as they are written, that the judged alerts read, directly or not. The others have
//! nothing to look at in a trial and would only take time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The alerts that are judged.
const JUDGED: [&str; 9] = [
    "LosantOrgPayloadSpike",
    "LosantOrgPayloadBurst",
    "LosantNewOrgPayloadSpike",
    "LosantOrgPayloadRunaway",
    "LosantOrgSilent",
    "LosantOrgLimitNear",
    "LosantOrgLimitReached",
    "LosantOrgLimitProjected",
    "LosantOrgPayloadFastBurn",
];

/// Where a shipped file is.
pub fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/rules").join(name)
}

/// Writes the files of a trial to `folder`.
pub fn write(folder: &Path) -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/detection/beside.yaml");
    let mut rules = Vec::new();
    for file in ["losant-thresholds.yaml", "losant-org.yaml"].map(shipped) {
        rules.extend(read(&fs::read_to_string(file).expect("a shipped file")));
    }
    let compared = fs::read_to_string(&beside).expect("a file of this bench");
    let wanted = wanted(&rules, &compared);
    let file = folder.join("shipped.yaml");
    fs::write(&file, written(&rules, &wanted)).expect("a file");
    vec![file, beside]
}

/// A rule as it is written.
struct Rule {
    group: String,
    name: String,
    text: String,
}

fn read(text: &str) -> Vec<Rule> {
    let (mut rules, mut group): (Vec<Rule>, _) = (Vec::new(), String::new());
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let begins = ["  - record: ", "  - alert: "].into_iter().find_map(|start| line.strip_prefix(start));
        if let Some(name) = line.strip_prefix("- name: ") {
            name.clone_into(&mut group);
        } else if let Some(name) = begins {
            let text = format!("{line}\n");
            rules.push(Rule { group: group.clone(), name: name.trim().to_owned(), text });
        } else if let Some(rule) = rules.last_mut().filter(|rule| rule.group == group) {
            writeln!(rule.text, "{line}").expect("memory");
        }
    }
    rules
}

/// Names of the judged alerts, of what they read, of what that reads.
fn wanted<'a>(rules: &'a [Rule], compared: &str) -> BTreeSet<&'a str> {
    let is_judged = |name: &str| JUDGED.contains(&name) || compared.contains(name);
    let mut wanted: BTreeSet<_> =
        rules.iter().map(|rule| rule.name.as_str()).filter(|name| is_judged(name)).collect();
    for judged in JUDGED {
        assert!(wanted.contains(judged), "no shipped rule has the name {judged}");
    }
    loop {
        let is_read = |name: &str| {
            rules.iter().any(|rule| {
                let (expression, _) = rule.text.split_once("annotations:").unwrap_or((&rule.text, ""));
                wanted.contains(rule.name.as_str()) && expression.contains(name)
            })
        };
        let more: BTreeSet<_> = rules
            .iter()
            .map(|rule| rule.name.as_str())
            .filter(|name| wanted.contains(name) || is_read(name))
            .collect();
        if more.len() == wanted.len() {
            return wanted;
        }
        wanted = more;
    }
}

fn written(rules: &[Rule], wanted: &BTreeSet<&str>) -> String {
    let (mut text, mut group) = (String::from("groups:\n"), "");
    for rule in rules.iter().filter(|rule| wanted.contains(rule.name.as_str())) {
        if rule.group != group {
            group = &rule.group;
            writeln!(text, "- name: {group}\n  rules:").expect("memory");
        }
        text += &rule.text;
    }
    text
}
