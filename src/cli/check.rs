//! `check`: is the configuration one that `serve` would start with?

use super::{Exit, output, serve};
use crate::clock::Clock;

/// Flags of `check`: those of `serve`, since they are part of the configuration.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    serve: serve::ServeArgs,
}

/// Loads everything that `serve` loads, and starts nothing.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<Exit> {
    let loaded = args.serve.load()?;
    serve::block_on(async { serve::put_together(&loaded, Clock::system()) })?;
    let names: Vec<_> = loaded.config.accounts.keys().cloned().collect();
    output::print(&format!("The configuration is valid. Accounts: {}.\n", names.join(", ")));
    Ok(Exit::Success)
}
