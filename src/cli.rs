//! The command line: what the program can be asked to do.
//!
//! Owns: flags, their words, what is printed, and exit codes. Logging starts here, once the configuration is known.
//! Must not: do what a part of the library does.

mod account;
mod api;
mod backfill;
mod check;
mod columns;
mod completions;
mod demo;
mod flags;
mod man;
mod once;
mod output;
mod rules;
mod runtimes;
mod serve;
mod simulate;
mod suggest;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The name of the program.
const PROGRAM: &str = "losant-exporter";

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Success,
    /// It started, and something failed then.
    Failure,
    /// Wrong usage or configuration: nothing was started.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
        })
    }
}

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    about = "Prometheus exporter for the usage of a Losant instance, its orgs and its sandboxes",
    after_help = "Without a subcommand it serves. Exit codes: 0 success, 1 failure while running, 2 wrong usage or \
                  configuration.",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Poll Losant and serve metrics, until a signal comes
    Serve(serve::ServeArgs),
    /// Show the exporter at work on a simulated Losant: no account, no configuration
    Demo(demo::DemoArgs),
    /// Poll everything once and print the metrics
    Once(once::OnceArgs),
    /// Check the configuration and the tokens' files, offline
    Check(check::CheckArgs),
    /// Call any action of the Losant API with a configured account
    Api(Box<api::ApiArgs>),
    /// Write what Losant still has of the past, for Prometheus to import
    Backfill(Box<backfill::BackfillArgs>),
    /// List the alert rules that are shipped, write them out, or check that what rules need is there
    Rules(Box<rules::RulesArgs>),
    /// Serve a simulated Losant API alone, to try things on
    Simulate(simulate::SimulateArgs),
    /// Print or write the manual pages
    Man(man::ManArgs),
    /// Print what a shell completes commands and flags by
    Completions(completions::CompletionsArgs),
}

impl Cli {
    /// Does what was asked for.
    pub fn run(self) -> Exit {
        let done = match self.command.unwrap_or(Command::Serve(self.serve)) {
            Command::Serve(args) => serve::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Once(args) => once::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Api(args) => api::run(&args),
            Command::Backfill(args) => backfill::run(&args),
            Command::Rules(args) => rules::run(&args),
            Command::Simulate(args) => simulate::run(&args),
            Command::Man(args) => man::run(&args),
            Command::Completions(args) => Ok(completions::run(&args)),
        };
        done.unwrap_or_else(|refusal| {
            output::complain(&refusal);
            Exit::Usage
        })
    }
}
