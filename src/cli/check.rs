//! `check`: is the configuration one that `serve` would start with?

use super::{Exit, output, runtimes, serve};
use crate::clock::Clock;
use crate::config::DEFAULT_TOKEN_VARIABLE;
use crate::selection::{Effect, Selection};
use crate::usage::{Collector, Level, Shard};

/// Flags of `check`: those of `serve`, since they are part of the configuration.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    serve: serve::ServeArgs,
    /// Also ask Losant: list everybody once, and say how many requests polling them will take
    #[arg(long)]
    online: bool,
}

/// Loads everything that `serve` loads, and starts nothing.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<Exit> {
    let loaded = args.serve.load()?;
    let guard = serve::guard(&loaded.config.web)?;
    let plans = runtimes::block_on(async {
        let app = serve::put_together(&loaded, Clock::system())?;
        Ok(if args.online { app.survey().await } else { Vec::new() })
    })?;
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
    if loaded.config.web.config_file.is_some() {
        let (rules, warnings) = guard.describe();
        text += &["Pages: ", &rules, ".\n"].concat();
        for warning in warnings {
            text += &["Warning: ", &warning, ".\n"].concat();
        }
    }
    if let Some(line) = part(&loaded.config.selection.compile()?, serve::shard(&loaded)?) {
        text += &line;
    }
    let is_off = |collector: &Collector| !loaded.config.polling.is_enabled(*collector);
    let off: Vec<_> = Collector::ALL.into_iter().filter(is_off).map(Collector::as_str).collect();
    if !off.is_empty() {
        text += &["Not read: ", &off.join(", "), ".\n"].concat();
    }
    if !loaded.config.exposition.source_label {
        text += "Without the label source.\n";
    }
    let mut failed = false;
    for (account, plan) in plans {
        match plan {
            Ok(plan) => {
                text += &["Call plan of account ", &account, ": ", &plan.to_string(), ".\n"].concat();
                for warning in plan.warnings() {
                    text += &["Warning: ", &warning, ".\n"].concat();
                }
            }
            Err(problem) => {
                failed = true;
                text += &["Account ", &account, " cannot be polled: ", &problem, "\n"].concat();
            }
        }
    }
    let printed = output::print(&text);
    Ok(if failed { Exit::Failure } else { printed })
}

/// What is polled, where that is not everything.
fn part(selection: &Selection, shard: Shard) -> Option<String> {
    if selection.is_everything() && shard == Shard::whole() {
        return None;
    }
    let [orgs, sandboxes] = [(Level::Org, "orgs"), (Level::Sandbox, "sandboxes")].map(|(level, name)| {
        let counts = [(Effect::Include, "to include"), (Effect::Exclude, "to exclude")]
            .map(|(effect, words)| (selection.count(level, effect), words));
        let patterns: Vec<_> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{count} {words}"))
            .collect();
        if patterns.is_empty() {
            return format!("all {name}");
        }
        format!("some {name} (patterns: {})", patterns.join(", "))
    });
    let shard =
        if shard == Shard::whole() { String::new() } else { format!("; of these {shard}, counted from 0") };
    Some(format!("Polled: {orgs}, {sandboxes}{shard}.\n"))
}
