//! What the engine costs, and whether it keeps its promises where there is much to do.
//!
//! `cargo bench --bench engine -- hour` and `-- scale`; without an argument both. Prints figures, and fails where a limit is
//! missed. Everything happens on loopback, against the simulator.

#![expect(unreachable_pub, reason = "modules shared with the tests")]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement prints what it finds, and ends where it cannot be made"
)]

#[path = "../tests/it/freshness.rs"]
mod freshness;
#[path = "engine/hour.rs"]
mod hour;
#[path = "shared/limits.rs"]
mod limits;
#[path = "shared/losant.rs"]
mod losant;
#[path = "shared/machine.rs"]
mod machine;
#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "other benches use more of it")]
mod processes;
#[path = "engine/scale.rs"]
mod scale;
#[path = "../tests/it/scrape.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod scrape;
#[path = "../tests/it/sweeps.rs"]
#[expect(dead_code, unused_imports, reason = "the tests in it do not run here")]
mod sweeps;
#[path = "../tests/it/test_app.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod test_app;
#[path = "../tests/it/truth.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod truth;

use std::process::ExitCode;

use crate::limits::{Limits, print_figure, print_title};

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` runs it too, without this flag, and has better things to do for ten minutes.
    let (flags, names): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    if !flags.iter().any(|flag| flag == "--bench") {
        println!("to measure: cargo bench --bench engine");
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = names.iter().find(|name| !["hour", "scale"].contains(&name.as_str())) {
        println!("{unknown}: there are `hour` and `scale`");
        return ExitCode::from(2);
    }
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut limits = Limits::default();
    if is_wanted("hour") {
        hour::run(&mut limits).await;
    }
    if is_wanted("scale") {
        scale::run(&mut limits).await;
    }
    limits.verdict()
}
