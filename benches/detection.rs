//! How well the shipped rules find what there is to find, how often they cry wolf, and what they cost.
//!
//! `cargo bench --bench detection -- full`, `minutes`, `daylight`, `cost`; without an argument all. A number among the arguments is the
//! seed. Prints figures, and fails where a limit is missed. Needs promtool and Prometheus; takes 8 GB of memory.

#![expect(unreachable_pub, reason = "modules shared with tests and other benches")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement prints what it finds, and ends where it cannot be made"
)]
#![cfg_attr(test, expect(dead_code, unused_imports, reason = "the tests of its modules run in tests/it"))]

#[path = "detection/cost.rs"]
mod cost;
#[path = "shared/limits.rs"]
mod limits;
#[path = "shared/machine.rs"]
#[expect(dead_code, reason = "other benches use more of it")]
mod machine;
#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "other benches use more of it")]
mod processes;
#[path = "detection/tables.rs"]
mod tables;
#[path = "detection/trial.rs"]
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use losant_exporter::clock::Clock;

use crate::limits::{Limits, print_figure, print_title};
use crate::trial::judge::{Judged, judge};
use crate::trial::promtool::Firing;
use crate::trial::{Size, Trial};

const NAMES: [&str; 4] = ["full", "minutes", "daylight", "cost"];

/// Not the seed with which rules and thresholds were chosen, which was 1.
const SEED: u64 = 2;

/// What docs/detection.md tells of: 200 incidents at 100 orgs, and ten more at orgs without history.
const FULL: Size = Size {
    seed: SEED,
    orgs: 100,
    newcomers: 8,
    weeks: 8,
    bursts: 150,
    runaways: 15,
    silences: 35,
    newcomer_bursts: 20,
    step: 5,
    clocks_change: false,
};
/// A smaller one, scraped and evaluated every minute.
const MINUTES: Size = Size {
    orgs: 30,
    newcomers: 0,
    weeks: 5,
    bursts: 50,
    runaways: 3,
    silences: 7,
    newcomer_bursts: 0,
    step: 1,
    ..FULL
};
/// Nothing happens but that clocks change.
const DAYLIGHT: Size = Size {
    orgs: 40,
    newcomers: 0,
    bursts: 0,
    runaways: 0,
    silences: 0,
    newcomer_bursts: 0,
    clocks_change: true,
    ..FULL
};

const LEAST_RECALL: f64 = 0.95;
const LEAST_PRECISION: f64 = 0.95;

const NAIVE: [Judged; 3] = [
    Judged::of("naive: an hour above 1.5 of the last", &["NaiveHour"]),
    Judged::of("naive, with the floor", &["NaiveHourWithFloor"]),
    Judged::of("naive, by quarters of an hour, with the floor", &["NaiveQuarterWithFloor"]),
];
/// Spike ratio, burst ratio, and the alerts with these.
const SWEEP: [Judged; 10] = [
    Judged::of("spike at 3, burst at 4", &["Spike3", "Burst4"]),
    Judged::of("spike at 2.5, burst at 4", &["Spike2.5", "Burst4"]),
    Judged::of("spike at 3.5, burst at 4", &["Spike3.5", "Burst4"]),
    Judged::of("spike at 4, burst at 4", &["Spike4", "Burst4"]),
    Judged::of("spike at 3, burst at 2.5", &["Spike3", "Burst2.5"]),
    Judged::of("spike at 3, burst at 3", &["Spike3", "Burst3"]),
    Judged::of("spike at 3, burst at 5", &["Spike3", "Burst5"]),
    Judged::of("spike at 2.5, burst at 3", &["Spike2.5", "Burst3"]),
    Judged::of("spike at 3, no burst", &["Spike3"]),
    Judged::of("burst at 4, no spike", &["Burst4"]),
];

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs it too, without this flag, and has better things to do.
    let (flags, words): (Vec<_>, Vec<_>) = args.iter().partition(|word| word.starts_with("--"));
    if !flags.iter().any(|flag| *flag == "--bench") {
        println!("to measure: cargo bench --bench detection");
        return ExitCode::SUCCESS;
    }
    let (seeds, names): (Vec<_>, Vec<_>) = words.into_iter().partition(|word| word.parse::<u64>().is_ok());
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        println!("{unknown}: there are {}", NAMES.join(", "));
        return ExitCode::from(2);
    }
    let (Some(promtool), Some(prometheus)) = (program("promtool"), program("prometheus")) else {
        println!("SKIPPED: scripts/bench-components says what is missing");
        return ExitCode::SUCCESS;
    };
    let seed = seeds.first().and_then(|text| text.parse().ok()).unwrap_or(SEED);
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);
    let mut limits = Limits::default();
    if is_wanted("full") {
        full(&mut limits, &promtool, Size { seed, ..FULL });
    }
    if is_wanted("minutes") {
        let (trial, firing) = evaluated(&promtool, Size { seed, ..MINUTES });
        tables::print_verdict("evaluated every minute", &judge(&trial, &firing, Judged::SHIPPED));
        tables::print_verdict("evaluated every minute", &judge(&trial, &firing, Judged::SILENCE));
    }
    if is_wanted("daylight") {
        let (trial, firing) = evaluated(&promtool, Size { seed, ..DAYLIGHT });
        tables::print_by_week("clocks change in week six", &trial, &judge(&trial, &firing, Judged::SHIPPED));
        tables::print_by_week("silences meanwhile", &trial, &judge(&trial, &firing, Judged::SILENCE));
    }
    if is_wanted("cost") {
        cost::run(&mut limits, &prometheus, &promtool).await;
    }
    limits.verdict()
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn evaluated(promtool: &Path, size: Size) -> (Trial, Vec<Firing>) {
    let clock = Clock::system();
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(size);
    let firing = trial.evaluate(promtool, folder.path());
    print_title(&format!(
        "{} orgs, {} weeks, seed {}, rules every {} min",
        size.tenants(),
        size.weeks,
        size.seed,
        size.step
    ));
    print_figure("incidents, below the floors", tables::incidents(&trial));
    print_figure("time it took", format!("{:.0?}", clock.uptime()));
    (trial, firing)
}

fn full(limits: &mut Limits, promtool: &Path, size: Size) {
    let (trial, firing) = evaluated(promtool, size);
    let verdict = judge(&trial, &firing, Judged::SHIPPED);
    tables::print_verdict("shipped rules", &verdict);
    tables::print_first_alerts(&verdict);
    tables::print_details(&trial, &verdict);
    let silences = judge(&trial, &firing, Judged::SILENCE);
    tables::print_verdict("LosantOrgSilent", &silences);
    tables::print_details(&trial, &silences);
    for judged in Judged::LIMITS {
        tables::print_episodes(judged.name, &judge(&trial, &firing, judged));
    }
    for judged in NAIVE {
        tables::print_verdict(judged.name, &judge(&trial, &firing, judged));
    }
    print_title("other thresholds");
    for judged in SWEEP {
        tables::print_line(judged.name, &judge(&trial, &firing, judged));
    }
    let recall = tables::recall_of_large(&verdict);
    let limit = format!("at least {LEAST_RECALL}");
    limits.check("recall, bursts of 4 and more", format!("{recall:.3}"), &limit, recall >= LEAST_RECALL);
    let precision = verdict.precision();
    let limit = format!("at least {LEAST_PRECISION}");
    limits.check("precision", format!("{precision:.3}"), &limit, precision >= LEAST_PRECISION);
    let precision = silences.precision();
    limits.check("precision, silences", format!("{precision:.3}"), &limit, precision >= LEAST_PRECISION);
}
