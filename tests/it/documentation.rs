//! `docs/metrics.md` is made from the catalogue and from what a running exporter shows of itself.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use jiff::SignedDuration;
use losant_exporter::metrics::catalogue::{self, CATALOGUE};
use losant_exporter::metrics::vocabulary::OWN_FAMILIES;
use losant_exporter::simulator::{Fault, FaultKind, Route, made_up_token};
use losant_exporter::usage::Level;

use crate::test_app::Setup;

fn usage_families() -> String {
    let mut page = String::new();
    for level in Level::ALL {
        let _ =
            writeln!(page, "\n## losant_{level}_*\n\n| Family | Labels | What it is |\n| --- | --- | --- |");
        for row in CATALOGUE.iter().filter(|row| row.subject.is_none() && row.levels.contains(&level)) {
            let labels: Vec<_> = catalogue::id_labels(level)
                .iter()
                .chain(row.labels)
                .map(|label| format!("`{label}`"))
                .collect();
            let _ =
                writeln!(page, "| `{}` | {} | {} |", row.family(level), labels.join(", "), row.help(level));
        }
        let ids: Vec<_> = catalogue::id_labels(level).iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            page,
            "| `{}` | {}, `collector` | {} |",
            catalogue::last_success_family(level),
            ids.join(", "),
            catalogue::last_success_help(level)
        );
    }
    let _ = writeln!(
        page,
        "\n## losant_application_*\n\nOf every application; `org_id` or `sandbox_id` says whose it is. They come from \
         Losant's monthly summaries, by UTC\ncalendar month, and are as fresh as Losant keeps those.\n\n\
         | Family | Labels | What it is |\n| --- | --- | --- |"
    );
    for row in CATALOGUE.iter().filter(|row| row.subject.is_some()) {
        let labels: Vec<_> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            page,
            "| `{}` | `instance_id`, `org_id` or `sandbox_id`, {} | {} |",
            row.family(Level::Org),
            labels.join(", "),
            row.help(Level::Org)
        );
    }
    page
}

/// The families that are not in the catalogue, as a running exporter describes them.
fn own_families(openmetrics: &str) -> String {
    let mut page = String::from(
        "\n## The exporter itself\n\n| Family | Type | Labels | What it is |\n| --- | --- | --- | --- |\n",
    );
    let mut rows: Vec<_> = own(openmetrics)
        .map(|(name, help)| {
            let kind = kind_of(openmetrics, name);
            let suffix = if kind == "counter" { "_total" } else { "" };
            let labels: Vec<_> =
                labels_of(openmetrics, name).into_iter().map(|label| format!("`{label}`")).collect();
            format!("| `{name}{suffix}` | {kind} | {} | {help} |", labels.join(", "))
        })
        .collect();
    rows.sort_unstable();
    page += &rows.join("\n");
    page.push('\n');
    page
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
    let dropped = format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name}{{family=\"\"}} 1\n");
    let openmetrics = format!("{dropped}{openmetrics}");
    check_vocabulary(&openmetrics);
    let page = format!(
        "# Metrics\n\n\
         This page is written by `make docs`, from the catalogue in `src/metrics/catalogue.rs` and from a running\n\
         exporter. All usage families are gauges: each holds what Losant says for the window that its name states, in\n\
         UTC, as of the last poll. What is not known is absent, never 0.\n\
         {}{}",
        usage_families(),
        own_families(&openmetrics)
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("LOSANT_EXPORTER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/metrics.md");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/metrics.md is stale: run `make docs`");
}
