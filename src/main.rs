//! The program `losant-exporter`: reads the command line and does what it says.

use std::process::ExitCode;

use clap::Parser as _;
use losant_exporter::cli::Cli;

/// Decoding answers is mostly the making of small things. The allocator of a static build takes several times as long for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
