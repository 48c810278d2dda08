//! `check`: is the configuration one that `serve` would start with?

use super::{Exit, output, serve};
use crate::clock::Clock;
use crate::config::DEFAULT_TOKEN_VARIABLE;

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
    let mut text = String::from("The configuration is valid.\n");
    for (name, account) in &loaded.config.accounts {
        let token = match (&account.token_file, &account.token_env) {
            (Some(file), _) => format!("file {}", file.display()),
            (None, variable) => {
                format!("environment variable {}", variable.as_deref().unwrap_or(DEFAULT_TOKEN_VARIABLE))
            }
        };
        let instances = match account.instances.len() {
            0 => "every instance that the token lists".to_owned(),
            1 => "1 instance".to_owned(),
            count => format!("{count} instances"),
        };
        text += &[
            &format!("Account {name}: "),
            &account.base_url,
            ", token from ",
            &token,
            ", ",
            &instances,
            ".\n",
        ]
        .concat();
    }
    Ok(output::print(&text))
}
