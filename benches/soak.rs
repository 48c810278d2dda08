//! A soak run: the exporter as a process, in real time, while everything around it goes wrong.
//!
//! `cargo bench --bench soak -- short` takes three minutes, `-- long` thirty. `SOAK_SEED` draws another run. 2,000 orgs and 2,000
//! sandboxes of a simulated Losant; faults of all kinds, orgs that come and go, reloads, tokens and certificates that are
//! replaced, two Prometheus and two more scrapers every second, and a browser on the status page. What is promised is checked
//! all the time, by the simulator's truth. Prints figures, and fails by the name of the promise that was not kept.
//!
//! `SOAK_MISTAKE` makes the checker err on purpose (see `soak/mistake.rs`), to see that each promise can be found broken.

#![expect(unreachable_pub, reason = "modules shared with tests and other benches")]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::float_cmp,
    clippy::print_stdout,
    reason = "a run prints what it finds, ends where it cannot be made, and compares exact numbers"
)]
#![cfg_attr(test, expect(dead_code, unused_imports, reason = "the tests of its modules run in tests/it"))]

#[path = "../tests/it/actions.rs"]
mod actions;
#[path = "soak/asked.rs"]
mod asked;
#[path = "soak/browser.rs"]
mod browser;
#[path = "soak/budget.rs"]
mod budget;
#[path = "../tests/it/certificates.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod certificates;
#[path = "soak/checker.rs"]
mod checker;
#[path = "soak/exporter.rs"]
mod exporter;
#[path = "soak/form.rs"]
mod form;
#[path = "../tests/it/freshness.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod freshness;
#[path = "soak/judge.rs"]
mod judge;
#[path = "soak/ledger.rs"]
mod ledger;
#[path = "shared/machine.rs"]
mod machine;
#[path = "soak/memory.rs"]
mod memory;
#[path = "soak/mistake.rs"]
mod mistake;
#[path = "soak/page.rs"]
mod page;
#[path = "../tests/it/possible.rs"]
mod possible;
#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "other benches use more of it")]
mod processes;
#[path = "soak/prometheus.rs"]
mod prometheus;
#[path = "soak/readiness.rs"]
mod readiness;
#[path = "soak/resources.rs"]
mod resources;
#[path = "soak/run.rs"]
mod run;
#[path = "../tests/it/scrape.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod scrape;
#[path = "soak/scrapers.rs"]
mod scrapers;
#[path = "soak/stage.rs"]
mod stage;
#[path = "soak/storm.rs"]
mod storm;
#[path = "../tests/it/truth.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod truth;
#[path = "soak/upkeep.rs"]
mod upkeep;

use std::process::ExitCode;

use crate::form::Form;

/// Drawn from where `SOAK_SEED` names no other.
const SEED: u64 = 20_261_126;

// The simulated Losant is in here as well, and must not wait for those who read pages.
#[tokio::main(worker_threads = 6)]
async fn main() -> ExitCode {
    // `cargo test --all-targets` runs it too, without this flag, and has better things to do for half an hour.
    let (flags, names): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    if !flags.iter().any(|flag| flag == "--bench") {
        println!("to run: cargo bench --bench soak -- short");
        return ExitCode::SUCCESS;
    }
    let form = match names.first().map(String::as_str) {
        None | Some("short") => Form::SHORT,
        Some("long") => Form::LONG,
        Some(unknown) => {
            println!("{unknown}: there are `short` and `long`");
            return ExitCode::from(2);
        }
    };
    let seed = std::env::var("SOAK_SEED").map_or(SEED, |seed| seed.parse().expect("SOAK_SEED is a number"));
    run::run(form, seed).await
}
