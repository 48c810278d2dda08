//! `docs/metrics.md` is made from the catalogue and from what a running exporter shows of itself.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use jiff::SignedDuration;
use losant_exporter::metrics::catalogue::{self, CATALOGUE};
use losant_exporter::metrics::vocabulary::OWN_FAMILIES;
use losant_exporter::simulator::{Fault, FaultKind, Route, made_up_token};
use losant_exporter::usage::Level;
use regex::{Captures, Regex};

use crate::test_app::Setup;

/// What the catalogue does not know of a family.
struct Reference {
    /// The page as it was: the only one who knows since when a family has been there.
    before: String,
    /// A page of metrics of the ordinary world, at a time that stands still.
    example: String,
}

impl Reference {
    /// The version that a family came with. One that is not on the page yet comes with this version.
    fn since(&self, family: &str) -> &str {
        let row = self.before.lines().find(|line| line.starts_with(&format!("| `{family}` | ")));
        let is_version =
            |cell: &&str| cell.split('.').filter(|part| part.parse::<u32>().is_ok()).count() == 3;
        let version = row.and_then(|row| row.split(" | ").find(is_version));
        version.unwrap_or(env!("CARGO_PKG_VERSION"))
    }

    /// A series of each family, with its value, as far as the ordinary world has one.
    fn examples(&self, families: &[String]) -> String {
        let sample = |family: &String| {
            let is_of = |line: &&str| {
                line.strip_prefix(family.as_str()).is_some_and(|rest| rest.starts_with(['{', ' ']))
            };
            self.example.lines().find(is_of)
        };
        let samples: Vec<_> = families.iter().filter_map(sample).collect();
        format!("\nFor example:\n\n```text\n{}\n```\n", samples.join("\n"))
    }
}

/// The window that a family speaks of: it is in its name.
fn window(family: &str, is_of_application: bool) -> &'static str {
    match family {
        _ if family.ends_with("_previous_period") => "UTC calendar month before",
        _ if family.ends_with("_period") && is_of_application => "UTC calendar month so far",
        _ if family.ends_with("_period") => "billing period so far",
        _ if family.ends_with("_today") => "UTC day so far",
        _ if family.ends_with("_last_day") => "last complete UTC day",
        _ if family.ends_with("_this_hour") => "UTC hour so far",
        _ if family.ends_with("_last_hour") => "last settled UTC hour",
        _ => "now",
    }
}

/// What a HELP text says, and the action of Losant's API that it says it is from, with links.
fn what_and_from(help: &str) -> (String, String) {
    let Some((what, from)) = help.rsplit_once(" (") else { return (help.to_owned(), String::new()) };
    let Some(from) = from.strip_suffix(", refreshed by polling).") else {
        return (help.to_owned(), String::new());
    };
    let action = Regex::new(r"instance(?:Orgs?|Sandbox(?:es)?)?\.[a-zA-Z]+").expect("a pattern");
    let link = |found: &Captures<'_>| {
        format!("[`{}`](losant-actions.md#{})", &found[0], found[0].replace('.', "").to_lowercase())
    };
    (format!("{what}."), action.replace_all(from, link).into_owned())
}

fn quoted(labels: &[&str]) -> String {
    labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
}

const USAGE_HEAD: &str =
    "| Family | Labels | Window | From | Since | What it is |\n| --- | --- | --- | --- | --- | --- |";

fn usage_families(reference: &Reference) -> String {
    let mut page = String::new();
    for level in Level::ALL {
        let _ = writeln!(page, "\n## losant_{level}_*\n\n{USAGE_HEAD}");
        let ids = catalogue::id_labels(level);
        let mut families = Vec::new();
        let mut row = |family: String, labels: &[&str], help: &str| {
            let (what, from) = what_and_from(help);
            let (window, since) = (window(&family, false), reference.since(&family));
            let _ =
                writeln!(page, "| `{family}` | {} | {window} | {from} | {since} | {what} |", quoted(labels));
            families.push(family);
        };
        for it in CATALOGUE.iter().filter(|it| it.subject.is_none() && it.levels.contains(&level)) {
            row(it.family(level), &[ids, it.labels].concat(), &it.help(level));
        }
        let help = catalogue::last_success_help(level);
        row(catalogue::last_success_family(level), &[ids, &["collector"]].concat(), &help);
        page += &reference.examples(&families);
    }
    let _ = writeln!(
        page,
        "\n## losant_application_*\n\nOf every application; `org_id` or `sandbox_id` says whose it is. They come from \
         Losant's monthly summaries, by UTC\ncalendar month, and are as fresh as Losant keeps those.\n\n{USAGE_HEAD}"
    );
    let mut families = Vec::new();
    for row in CATALOGUE.iter().filter(|row| row.subject.is_some()) {
        let family = row.family(Level::Org);
        let (what, from) = what_and_from(&row.help(Level::Org));
        let (window, since) = (window(&family, true), reference.since(&family));
        let labels = format!("`instance_id`, `org_id` or `sandbox_id`, {}", quoted(row.labels));
        let _ = writeln!(page, "| `{family}` | {labels} | {window} | {from} | {since} | {what} |");
        families.push(family);
    }
    page += &reference.examples(&families);
    page
}

/// The families that are not in the catalogue, as a running exporter describes them.
fn own_families(openmetrics: &str, reference: &Reference) -> String {
    let mut page = String::from(
        "\n## The exporter itself\n\n| Family | Type | Labels | Since | What it is |\n| --- | --- | --- | --- | --- |\n",
    );
    let mut examples = Vec::new();
    let mut rows: Vec<_> = own(openmetrics)
        .map(|(name, help)| {
            let kind = kind_of(openmetrics, name);
            let suffix = if kind == "counter" { "_total" } else { "" };
            let labels = labels_of(openmetrics, name);
            if !labels.is_empty() {
                examples.extend(example_of(openmetrics, name, kind));
            }
            let since = reference.since(&format!("{name}{suffix}"));
            format!("| `{name}{suffix}` | {kind} | {} | {since} | {help} |", quoted(&labels))
        })
        .collect();
    rows.sort_unstable();
    examples.sort_unstable();
    let _ = writeln!(
        page,
        "{}\n\nThose that have labels, for example:\n\n```text\n{}\n```",
        rows.join("\n"),
        examples.join("\n")
    );
    page
}

/// A series of a family, without its value, which is another one each time.
fn example_of<'a>(openmetrics: &'a str, family: &str, kind: &str) -> Option<&'a str> {
    let suffix = match kind {
        "counter" => "_total",
        "histogram" => "_count",
        _ => "",
    };
    let start = format!("{family}{suffix}{{");
    openmetrics
        .lines()
        .filter(|line| line.starts_with(&start))
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
        .min()
}

/// Name and HELP of what the exporter says of itself.
fn own(openmetrics: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_own = |name: &str| {
        name == "losant_up" || name.starts_with("losant_exporter_") || name.starts_with("process_")
    };
    openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '))
        .filter(move |(name, _)| is_own(name))
}

fn kind_of<'a>(openmetrics: &'a str, family: &str) -> &'a str {
    openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .find(|(name, _)| *name == family)
        .map_or("unknown", |(_, kind)| kind)
}

/// Names of the labels of a family, from its first sample.
fn labels_of<'a>(openmetrics: &'a str, family: &str) -> Vec<&'a str> {
    let sample = openmetrics.lines().find(|line| line.starts_with(family));
    let Some((_, labels)) = sample.and_then(|sample| sample.split_once('{')) else { return Vec::new() };
    let labels = labels.split("=\"").filter_map(|part| part.rsplit([',', '{']).next());
    labels.filter(|name| !name.contains(['"', '}']) && *name != "le").collect()
}

/// What the checks of rules take for all that the exporter says of itself is what it says.
fn check_vocabulary(openmetrics: &str) {
    let mut said: Vec<_> = own(openmetrics)
        .map(|(name, _)| (name, kind_of(openmetrics, name), labels_of(openmetrics, name)))
        .collect();
    said.sort_unstable();
    let known: Vec<_> = OWN_FAMILIES
        .iter()
        .map(|family| (family.name, family.kind.as_str(), family.labels.to_vec()))
        .collect();
    let difference: Vec<_> = said.iter().filter(|row| !known.contains(row)).collect();
    assert!(difference.is_empty(), "OWN_FAMILIES in src/metrics/vocabulary.rs lacks {difference:?}");
    // The kernel tells less of a process on other systems.
    let is_said = |row: &&(_, _, _)| said.contains(row) || !cfg!(target_os = "linux");
    let difference: Vec<_> = known.iter().filter(|row| !is_said(row)).collect();
    assert!(difference.is_empty(), "OWN_FAMILIES in src/metrics/vocabulary.rs has no more {difference:?}");
}

#[tokio::test]
async fn the_documentation_of_metrics_is_up_to_date() {
    let mut setup = Setup::at("2026-03-17T14:23:45.250Z");
    setup.account.max_attempts = 2;
    // A token that says when it expires has a series of its own.
    let token = made_up_token("api.example.com", Some(setup.now + SignedDuration::from_hours(9_000)));
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    write!(file, "{token}").expect("a token");
    setup.account.token_file = Some(file.path().to_owned());
    // So does a web configuration file.
    let mut web = tempfile::NamedTempFile::new().expect("a file");
    write!(web, "{{}}").expect("a file");
    setup.config.web.config_file = Some(web.path().to_owned());
    let app = setup.start_unready().await;
    app.simulator.accept_token(token);
    app.while_time_passes(app.control.ready()).await;
    // Some families are there only once something has gone wrong, or been served.
    let kind = FaultKind::Throttle { retry_after: None };
    app.simulator.faults().inject(Fault::once(Route::action("instance.get"), kind));
    app.while_time_passes(app.poll_now()).await;
    app.scrape().await;
    let (_, _, openmetrics) = app.get("/metrics", "application/openmetrics-text;version=1.0.0").await;
    let (name, help) = (catalogue::SERIES_DROPPED, catalogue::SERIES_DROPPED_HELP);
    let dropped = format!(
        "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{{family=\"losant_org_payloads_period\"}} 1\n"
    );
    let openmetrics = format!("{dropped}{openmetrics}");
    check_vocabulary(&openmetrics);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let example = Setup::at("2026-03-17T14:23:45.250Z").start().await.get("/metrics", "text/plain").await.2;
    let reference = Reference { before: std::fs::read_to_string(&path).unwrap_or_default(), example };
    let page = format!(
        "# Metrics\n\n\
         This page is written by `make docs`, from the catalogue in `src/metrics/catalogue.rs` and from a running\n\
         exporter. All usage families are gauges: each holds what Losant says for the window that its name states, in\n\
         UTC, as of the last poll. What is not known is absent, never 0.\n\n\
         *From* is the action of Losant's API that tells it; *Since* the version of the exporter that first had it.\n\
         {}{}",
        usage_families(&reference),
        own_families(&openmetrics, &reference)
    );
    if std::env::var_os("LOSANT_EXPORTER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/metrics.md");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/metrics.md is stale: run `make docs`");
}
