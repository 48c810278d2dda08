//! What a scrape costs, beside those of programs that hold the same series in other libraries.
//!
//! `cargo bench --bench scrape -- small`, `medium`, `large`, `prometheus`, `slow`; without an argument all. Prints figures,
//! and fails where a limit is missed. Everything happens on loopback, against the simulator. The peers need what
//! `scripts/bench-components` installs; those that lack something are left out by name.

#![expect(unreachable_pub, reason = "modules shared with other benches")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement prints what it finds, and ends where it cannot be made"
)]

#[path = "scrape/client.rs"]
mod client;
#[path = "scrape/families.rs"]
mod families;
#[path = "scrape/fleet.rs"]
mod fleet;
#[path = "scrape/floor.rs"]
mod floor;
#[path = "shared/limits.rs"]
mod limits;
#[path = "shared/losant.rs"]
mod losant;
#[path = "shared/machine.rs"]
mod machine;
#[path = "scrape/pages.rs"]
mod pages;
#[path = "scrape/peers.rs"]
mod peers;
#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "other benches use more of it")]
mod processes;
#[path = "scrape/prometheus.rs"]
mod prometheus;
#[path = "scrape/renders.rs"]
mod renders;
#[path = "scrape/rounds.rs"]
mod rounds;
#[path = "scrape/sizes.rs"]
mod sizes;
#[path = "scrape/slow.rs"]
mod slow;

use std::path::Path;
use std::process::ExitCode;

use crate::limits::Limits;
use crate::sizes::Size;

/// The allocator of the exporter, for those servers that are this program: nobody is to win by that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAMES: [&str; 5] = ["small", "medium", "large", "prometheus", "slow"];

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [floor::ROLE, plain, gzip, content_type] => {
            floor::serve(Path::new(plain), Path::new(gzip), content_type).await;
            ExitCode::SUCCESS
        }
        [families::ROLE, page] => {
            families::serve(Path::new(page)).await;
            ExitCode::SUCCESS
        }
        _ => measure(&args).await,
    }
}

async fn measure(args: &[String]) -> ExitCode {
    // `cargo test --all-targets` runs it too, without this flag, and has better things to do for half an hour.
    let (flags, names): (Vec<_>, Vec<_>) = args.iter().partition(|word| word.starts_with("--"));
    if !flags.iter().any(|flag| *flag == "--bench") {
        println!("to measure: cargo bench --bench scrape");
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        println!("{unknown}: there are {}", NAMES.join(", "));
        return ExitCode::from(2);
    }
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);
    let mut limits = Limits::default();
    for size in Size::ALL {
        if is_wanted(size.name()) {
            sizes::run(&mut limits, size).await;
        }
    }
    if is_wanted("prometheus") {
        prometheus::run(&mut limits).await;
    }
    if is_wanted("slow") {
        slow::run(&mut limits).await;
    }
    limits.verdict()
}
