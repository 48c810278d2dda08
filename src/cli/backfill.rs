//! `backfill`: history, for Prometheus to import.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tracing::{error, info, warn};

use super::flags::{self, ConfigFlags, LogFlags, ShardFlags, WebFlags};
use super::{Exit, account, runtimes, serve};
use crate::backfill::{Backfill, Display, Done, Order, Target};
use crate::clock::Clock;
use crate::config::{self, AccountConfig, Loaded};
use crate::lifecycle::Signals;
use crate::logging;
use crate::losant::{Client, ClientMetrics, read_time};
use crate::remote_write::{Credentials, Endpoint, Pusher};
use crate::usage::{Collector, Level};

/// The folder to work in where samples are sent to a server.
const WORK_FOLDER: &str = "losant-backfill.partial";

/// Up to when files go. What Prometheus has scraped in the last hours stands in its write-ahead log, and at its next start it reads
/// of that only what is younger than the end of its newest block: an imported one that is too young costs samples of all jobs.
const FILES_UP_TO: &str = "-4h";

/// Flags of `backfill`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("target").required(true).args(["output", "remote_write"]),
    after_help = "Times are RFC 3339, dates, now, relative (-21d, -36h) or milliseconds since 1970; Losant keeps 93 days. Only \
                  whole UTC hours and days that have settled are written, as the series that the recording rules make. A file ends four \
                  hours ago: blocks that reach into the last three make Prometheus drop, at its next start, what it has not yet put \
                  into blocks of its own, of all jobs. Scraping, or --remote-write, fills in the rest.\n\n\
                  Examples:\n  \
                  losant-exporter backfill --from -92d --output losant.om\n  \
                  promtool tsdb create-blocks-from openmetrics --max-block-duration=162h losant.om blocks/\n  \
                  losant-exporter backfill --from -92d --remote-write http://localhost:9090/api/v1/write\n\n\
                  Exit codes: 0 success, 1 it stopped midway or something is missing from the history, 2 wrong usage or \
                  configuration (nothing was begun)."
)]
pub(super) struct BackfillArgs {
    /// From when, 93 days back at most
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: String,
    /// Up to when [default: -4h with --output, now with --remote-write]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Whose history
    #[arg(
        long = "level",
        value_name = "LEVEL,...",
        value_enum,
        value_delimiter = ',',
        default_value = "instance,org,sandbox"
    )]
    levels: Vec<LevelName>,
    /// Account of the configuration to ask with [default: the only one]
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// File to write, as OpenMetrics with timestamps, or - for standard output; meanwhile FILE.partial is a folder beside it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Send the samples to this URL by Prometheus remote write instead
    #[arg(long = "remote-write", value_name = "URL")]
    remote_write: Option<String>,
    /// Go on where an earlier run of the same command was cut short
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    config: ConfigFlags,
    #[command(flatten)]
    shard: ShardFlags,
    #[command(flatten)]
    log: LogFlags,
}

/// How the server of `--remote-write` is spoken to.
#[derive(Clone, Debug, clap::Args)]
struct ServerFlags {
    /// File with the bearer token that the server wants to see
    #[arg(
        long = "remote-write.bearer-token-file",
        value_name = "FILE",
        requires = "remote_write",
        conflicts_with = "username"
    )]
    bearer_token_file: Option<PathBuf>,
    /// User name that the server wants to see
    #[arg(
        long = "remote-write.username",
        value_name = "NAME",
        requires = "remote_write",
        requires = "password_file"
    )]
    username: Option<String>,
    /// File with the password that goes with it
    #[arg(long = "remote-write.password-file", value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Folder to work in while samples are sent
    #[arg(long, value_name = "DIR", requires = "remote_write", default_value = WORK_FOLDER)]
    work_dir: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LevelName {
    Instance,
    Org,
    Sandbox,
}

impl LevelName {
    const fn level(self) -> Level {
        match self {
            Self::Instance => Level::Instance,
            Self::Org => Level::Org,
            Self::Sandbox => Level::Sandbox,
        }
    }
}

/// Writes history. An error means that nothing was begun.
pub(super) fn run(args: &BackfillArgs) -> anyhow::Result<Exit> {
    let flags = flags::merge(args.config.clone(), WebFlags::default(), args.shard, args.log);
    let loaded = config::load(&flags)?;
    logging::init(loaded.config.log.level, loaded.config.log.format);
    let (name, account) = account::find(&loaded.config.accounts, args.account.as_deref())?;
    let order = order(args, &loaded, name, account)?;
    let clock = Clock::system();
    let (target, _temporary) = target(args, &clock)?;
    let now = clock.now();
    let backfill = Backfill::prepare(order, target, args.resume, now)?;
    warn_of_young_blocks(args, now);
    let connection = account::connection(&loaded, name, account)?;
    let (max_in_flight, pace) = (account.max_in_flight, account.requests_per_second);
    runtimes::block_on(async {
        let metrics = ClientMetrics::register(&mut Registry::default());
        let client = Client::new(connection.client_config()?, clock.clone(), metrics)?;
        let mut signals = Signals::of_process().context("cannot listen for signals")?;
        let stop = async {
            let _ = signals.next().await;
        };
        let display = if io::stderr().is_terminal() { Display::Bar } else { Display::Log };
        Ok(match backfill.run(client, clock, (max_in_flight, pace), display, stop).await {
            Ok(done) => tell(done),
            Err(stopped) => {
                error!(reason = %stopped, "stopped");
                Exit::Failure
            }
        })
    })
}

fn tell(done: Done) -> Exit {
    let Done { scopes, left_out, requests, bytes } = done;
    if left_out > 0 {
        error!(
            scopes,
            left_out, requests, bytes, "the history of some is missing, although the rest is written"
        );
        return Exit::Failure;
    }
    info!(scopes, requests, bytes, "done: the history is whole as far as Losant told it");
    Exit::Success
}

/// Says what a file costs that reaches further than it should.
fn warn_of_young_blocks(args: &BackfillArgs, now: Timestamp) {
    let (Some(to), None) = (&args.to, &args.remote_write) else { return };
    if let (Ok(asked), Ok(safe)) = (read_time(to, now), read_time(FILES_UP_TO, now))
        && asked > safe
    {
        warn!(
            to,
            "blocks of this file reach into the last hours: with them Prometheus drops, at its next start, what it has not \
             yet put into blocks of its own, of all jobs; import it when they are four hours old, or leave --to out"
        );
    }
}

fn order(args: &BackfillArgs, loaded: &Loaded, name: &str, account: &AccountConfig) -> anyhow::Result<Order> {
    let polling = &loaded.config.polling;
    let up_to = if args.remote_write.is_some() { "now" } else { FILES_UP_TO };
    let is_wanted = |level: &Level| args.levels.iter().any(|name| name.level() == *level);
    Ok(Order {
        account: name.to_owned(),
        instances: account.instances.clone(),
        levels: Level::ALL.into_iter().filter(is_wanted).collect(),
        from: args.from.clone(),
        to: args.to.clone().unwrap_or_else(|| up_to.to_owned()),
        settle_delay: polling.settle_delay.get(),
        collectors: Collector::ALL.into_iter().filter(|collector| polling.is_enabled(*collector)).collect(),
        selection: serve::selection(loaded)?,
        selection_text: serde_json::to_string(&loaded.config.selection)?,
        shard: serve::shard(loaded)?,
    })
}

/// Where the history goes. Of standard output also a folder to work in, which goes with its handle.
fn target(args: &BackfillArgs, clock: &Clock) -> anyhow::Result<(Target, Option<tempfile::TempDir>)> {
    let Some(url) = &args.remote_write else {
        return match args.output.as_deref() {
            Some(output) if output == Path::new("-") => {
                if args.resume {
                    bail!("--resume needs a file: nothing is kept of what goes to standard output");
                }
                let temporary = tempfile::tempdir().context("a temporary folder")?;
                let folder = temporary.path().to_owned();
                Ok((Target::Stream { output: Box::new(io::stdout()), folder }, Some(temporary)))
            }
            Some(output) => Ok((Target::File(output.to_owned()), None)),
            // The flags see to that.
            None => bail!("--output is missing"),
        };
    };
    // Not while flags are read: what is wrong with one is told with its value there, and this may hold a secret.
    let endpoint: Endpoint = url.parse().context("--remote-write")?;
    let ServerFlags { bearer_token_file, username, password_file, work_dir } = &args.server;
    let credentials = match (bearer_token_file, username, password_file) {
        (Some(file), ..) => Credentials::bearer(file).context("--remote-write.bearer-token-file")?,
        (None, Some(name), Some(file)) => {
            Credentials::basic(name, file).context("--remote-write.password-file")?
        }
        _ => Credentials::none(),
    };
    if !credentials.is_none() && endpoint.is_plain_http() && !endpoint.is_loopback() {
        bail!(
            "--remote-write: plain http to another machine shows the credentials to everybody on the way; use https"
        );
    }
    let pusher = Pusher::new(endpoint, credentials, clock.clone());
    let target = Target::Server {
        pusher: Box::new(pusher.map_err(|problem| anyhow!("--remote-write: {problem}"))?),
        url: url.clone(),
        folder: work_dir.clone(),
    };
    Ok((target, None))
}
