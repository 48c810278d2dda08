//! The rules of the three levels are alike, so they are written once: `deploy/prometheus/level.template.yaml`. So are the
//! runbooks of the alerts that each level has: `docs/runbooks/templates`.
//!
//! Owns: what their placeholders and blocks mean. `{name}` is a word of the level, `{only …}` … `{end}` lines of some levels,
//! `{each unit}` … `{end}` lines for payloads and again for bytes, `{links ALERT}` the two links of an alert,
//! `{look SERIES,MATCHERS | FUNCTION}` the value of a series of those whom an alert is about.

use std::fmt::Write as _;
use std::path::Path;

use losant_exporter::rules::{DASHBOARD_BASE, RUNBOOK_BASE};

/// A level, and its words.
pub struct Level {
    /// As metrics spell it, and the file of its rules.
    pub name: &'static str,
    words: &'static [(&'static str, &'static str)],
    dashboard: &'static str,
}

pub const LEVELS: [Level; 3] = [
    Level {
        name: "instance",
        words: &[
            ("L", "instance"),
            ("Level", "Instance"),
            ("Noun", "Instance"),
            ("plural", "instances, which are the sums of their orgs"),
            ("ids", "instance_id"),
            ("id", "$labels.instance_id"),
            ("sel", r#"instance_id="%s""#),
            ("info", "losant_instance_info"),
            ("label", "name"),
            ("spike", "critical"),
            ("near", "warning"),
            ("full", "warning"),
            ("reached", "Losant shows the limits of an instance and does not enforce them."),
            ("over_payloads", "Losant shows the limits of an instance and does not enforce them."),
            ("over_notebooks", "Losant shows the limits of an instance and does not enforce them."),
            ("some", "an instance"),
            ("Some", "An instance"),
            ("action", "instance"),
            ("flags", "--instance <INSTANCE_ID>"),
            ("one", r#"instance_id="<INSTANCE_ID>""#),
            ("owner", "<INSTANCE_ID>"),
        ],
        dashboard: "losant-overview?var-instance={{ $labels.instance_id }}",
    },
    Level {
        name: "org",
        words: &[
            ("L", "org"),
            ("Level", "Org"),
            ("Noun", "Org"),
            ("plural", "orgs"),
            ("ids", "instance_id, org_id"),
            ("id", "$labels.org_id"),
            ("sel", r#"org_id="%s""#),
            ("info", "losant_org_info"),
            ("label", "name"),
            ("spike", "warning"),
            ("near", "info"),
            ("full", "warning"),
            (
                "reached",
                "Losant bills an org for payloads and notebook time above its limits; of other things no more can be made.",
            ),
            ("over_payloads", "Losant bills an org for payloads above its limit."),
            ("over_notebooks", "Losant bills an org for notebook time above its limit."),
            ("some", "an org"),
            ("Some", "An org"),
            ("action", "instanceOrg"),
            ("flags", "--instance <INSTANCE_ID> --org <ORG_ID>"),
            ("one", r#"org_id="<ORG_ID>""#),
            ("owner", "<ORG_ID>"),
        ],
        dashboard: "losant-organization?var-instance={{ $labels.instance_id }}&var-org={{ $labels.org_id }}",
    },
    Level {
        name: "sandbox",
        words: &[
            ("L", "sandbox"),
            ("Level", "Sandbox"),
            ("Noun", "Sandbox"),
            ("plural", "sandbox users"),
            ("ids", "instance_id, sandbox_id"),
            ("id", "$labels.sandbox_id"),
            ("sel", r#"sandbox_id="%s""#),
            ("info", "losant_sandbox_info"),
            ("label", "email"),
            ("spike", "warning"),
            ("near", "warning"),
            ("full", "critical"),
            (
                "reached",
                "Losant rejects payloads of a sandbox above its limit until the next billing period begins.",
            ),
            (
                "over_payloads",
                "Losant rejects payloads of a sandbox above its limit until the next billing period begins.",
            ),
            (
                "over_notebooks",
                "Losant does not say what it does with notebooks of a sandbox above its limit.",
            ),
            ("some", "a sandbox"),
            ("Some", "A sandbox"),
            ("action", "instanceSandbox"),
            ("flags", "--instance <INSTANCE_ID> --sandbox <SANDBOX_ID>"),
            ("one", r#"sandbox_id="<SANDBOX_ID>""#),
            ("owner", "<SANDBOX_ID>"),
        ],
        dashboard: "losant-sandbox?var-instance={{ $labels.instance_id }}&var-sandbox={{ $labels.sandbox_id }}",
    },
];

/// A unit in which payloads are counted, and its words.
const UNITS: [&[(&str, &str)]; 2] = [
    &[
        ("unit", "payloads"),
        ("Unit", "Payload"),
        ("words", "billable payloads"),
        ("humanize", "humanize"),
        ("of", ""),
        ("severity", "{spike}"),
    ],
    &[
        ("unit", "payload_bytes"),
        ("Unit", "PayloadBytes"),
        ("words", "bytes of billable payloads"),
        ("humanize", "humanize1024 | printf \"%sB\""),
        ("of", " of"),
        // Limits and bills count payloads.
        ("severity", "warning"),
    ],
];

/// The name of whom an alert is about where it is known, and the id in any case. The lookup is part of the text and not of the
/// expression: an alert fires without it, and stays the same alert when a name changes.
const WHO: &str = "{{ with printf `last_over_time({info}{{sel}}[1h])` {id} | query }}\
                   {{ with . | first | label \"{label}\" }}{{ . }} {{ end }}{{ end }}({{ {id} }})";

/// What it means to be above the limit that an alert is about.
const OVER: &str = "{{ if eq $labels.resource \"payload\" }}{over_payloads}\
                    {{ else if eq $labels.resource \"notebookMinutesPerMonth\" }}{over_notebooks}\
                    {{ else }}Above it no more can be added.{{ end }}";

/// What is limited, in words: `notebookMinutesPerMonth` is spelt apart.
const RESOURCE: &str = "{{ $labels.resource | reReplaceAll \"([A-Z])\" \" $1\" | toLower }}";

/// The rule file of a level.
pub fn render(template: &str, level: &Level) -> String {
    let phrases = [("{who}", WHO), ("{over}", OVER), ("{resource}", RESOURCE)];
    let text = phrases.iter().fold(template.to_owned(), |text, (name, phrase)| text.replace(name, phrase));
    let text = fill_blocks(&text, level);
    let text = fill(&look_up(&text), level.words);
    let text = link(&text, level.dashboard);
    for left in ["{only ", "{each ", "{end}", "{links ", "{look ", "{L}", "{Level}"] {
        assert!(!text.contains(left), "{left} is left");
    }
    format!("# Made by `make rules` from ../level.template.yaml: change that file.\n{text}")
}

/// A text with blocks and words for a level: those of other levels are left out.
pub fn fill_blocks(template: &str, level: &Level) -> String {
    let mut text = select(template, level.name);
    while let Some((before, block, after)) = block(&text, "{each unit}\n") {
        let copies: String = UNITS.iter().map(|words| fill(&block, words)).collect();
        text = [before, copies, after].concat();
    }
    fill(&text, level.words)
}

/// The text with what looks up a value where `{look SERIES,MATCHERS | FUNCTION}` stands.
fn look_up(text: &str) -> String {
    let mut looked = text.to_owned();
    while let Some((before, rest)) = looked.split_once("{look ") {
        let (order, after) = rest.split_once('}').expect("the end of {look …}");
        let (series, function) = order.split_once(" | ").expect("a function");
        let (name, matchers) = series.split_once(',').unwrap_or((series, ""));
        let comma = if matchers.is_empty() { "" } else { "," };
        looked = format!(
            "{before}{{{{ with printf `{name}{{{{sel}}{comma}{matchers}}}` {{id}} | query }}}}\
             {{{{ . | first | value | {function} }}}}{{{{ else }}}}unknown{{{{ end }}}}{after}"
        );
    }
    looked
}

/// The runbook of an alert for a level. Links in a template are seen from where its runbooks stand.
pub fn runbook(template: &str, level: &Level) -> String {
    let text = fill(&select(template, level.name), level.words);
    let left = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    for name in left {
        let is_name = name.chars().all(|letter| letter == ' ' || letter.is_ascii_alphabetic());
        assert!(name.is_empty() || !is_name, "{{{name}}} is left");
    }
    format!("<!-- Made by `make rules` from a file in templates: change that file. -->\n{text}")
}

/// The runbooks that are made from templates: the file name of each, which is its heading, and what has to stand in it.
pub fn runbooks(templates: &Path) -> Vec<(String, String)> {
    let mut runbooks = Vec::new();
    for template in std::fs::read_dir(templates).expect("the templates of runbooks") {
        let path = template.expect("a template").path();
        let template = std::fs::read_to_string(&path).expect("a template");
        for level in &LEVELS {
            let text = runbook(&template, level);
            let heading = text.lines().find_map(|line| line.strip_prefix("# ")).expect("a heading");
            runbooks.push((format!("{heading}.md"), text));
        }
    }
    runbooks.sort_unstable();
    runbooks
}

/// The text without blocks of other levels.
fn select(template: &str, level: &str) -> String {
    let mut text = template.to_owned();
    for other in template.lines().filter(|line| line.starts_with("{only ")) {
        let levels = other.trim_start_matches("{only ").trim_end_matches('}');
        let is_wanted = levels.split(' ').any(|name| name == level);
        let Some((before, block, after)) = block(&text, &format!("{other}\n")) else { continue };
        text = [before, if is_wanted { block } else { String::new() }, after].concat();
    }
    text
}

/// What stands before, in and after the first block that begins with `start`.
fn block(text: &str, start: &str) -> Option<(String, String, String)> {
    let (before, rest) = text.split_once(start)?;
    let (block, after) = rest.split_once("{end}\n").expect("the end of a block");
    Some((before.to_owned(), block.to_owned(), after.to_owned()))
}

fn fill(text: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(text.to_owned(), |text, (name, word)| {
        // `{{sel}` is a brace of PromQL before a placeholder. Two braces are otherwise Go's, and no placeholder.
        text.replace(&format!("{{{name}}}"), word)
    })
}

/// Puts the links of an alert where `{links ALERT}` stands.
fn link(text: &str, dashboard: &str) -> String {
    let mut linked = String::new();
    for line in text.lines() {
        let alert = line.trim_start().strip_prefix("{links ").and_then(|rest| rest.strip_suffix('}'));
        let _ = match alert {
            None => writeln!(linked, "{line}"),
            Some(alert) => writeln!(
                linked,
                "      runbook_url: {RUNBOOK_BASE}/{alert}.md\n      dashboard_url: '{DASHBOARD_BASE}/{dashboard}'"
            ),
        };
    }
    linked
}
