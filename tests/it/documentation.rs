//! `docs/metrics.md` is made from the catalogue and from what a running exporter shows of itself.

use std::fmt::Write as _;
use std::path::Path;

use losant_exporter::metrics::catalogue::{self, CATALOGUE};
use losant_exporter::usage::Level;

use crate::test_app::Setup;

fn usage_families() -> String {
    let mut page = String::new();
    for level in Level::ALL {
        let _ =
            writeln!(page, "\n## losant_{level}_*\n\n| Family | Labels | What it is |\n| --- | --- | --- |");
        for row in CATALOGUE.iter().filter(|row| row.levels.contains(&level)) {
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
    page
}

/// The families that are not in the catalogue, as a running exporter describes them.
fn own_families(openmetrics: &str) -> String {
    let mut page =
        String::from("\n## The exporter itself\n\n| Family | Type | What it is |\n| --- | --- | --- |\n");
    let mut rows: Vec<_> = openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP "))
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| {
            *name == "losant_up" || name.starts_with("losant_exporter_") || name.starts_with("process_")
        })
        .map(|(name, help)| {
            let kind = openmetrics
                .lines()
                .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
                .find(|(family, _)| *family == name)
                .map_or("unknown", |(_, kind)| kind);
            let suffix = if kind == "counter" { "_total" } else { "" };
            format!("| `{name}{suffix}` | {kind} | {help} |")
        })
        .collect();
    rows.sort_unstable();
    page += &rows.join("\n");
    page.push('\n');
    page
}

#[tokio::test]
async fn the_documentation_of_metrics_is_up_to_date() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    let (_, _, openmetrics) = app.get("/metrics", "application/openmetrics-text;version=1.0.0").await;
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
