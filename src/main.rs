//! The program `losant-exporter`: reads the command line and does what it says.

use std::process::ExitCode;

use clap::Parser as _;
use losant_exporter::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
