//! `serve`: the daemon.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tracing::{error, info, warn};

use super::Exit;
use super::flags::{self, ConfigFlags, LifecycleFlags, LogFlags, ShardFlags, WebFlags};
use super::runtimes::{self, PollingThread};
use crate::app::{AccountError, App, DRAIN_TIMEOUT, Reloader, Settings, Source, Wanted, accounts};
use crate::clock::Clock;
use crate::config::{self, Loaded, LogConfig, WebConfig};
use crate::lifecycle::{Drain, Ending, Hangups, Shutdown, Signals, TaskDied, Tasks};
use crate::logging::LogControl;
use crate::selection::Selection;
use crate::usage::Shard;
use crate::web::Guard;
use crate::{logging, web};

/// Flags of `serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigFlags,
    #[command(flatten)]
    web: WebFlags,
    #[command(flatten)]
    lifecycle: LifecycleFlags,
    #[command(flatten)]
    shard: ShardFlags,
    #[command(flatten)]
    log: LogFlags,
}

impl ServeArgs {
    /// The configuration that the flags lead to.
    pub(super) fn load(&self) -> anyhow::Result<Loaded> {
        self.load_from(None)
    }

    /// The same, from a file that was found where no flag names one.
    fn load_from(&self, found: Option<PathBuf>) -> anyhow::Result<Loaded> {
        let mut flags = flags::merge(self.config.clone(), self.web.clone(), self.shard, self.log);
        flags.enable_lifecycle = self.lifecycle.enable_lifecycle;
        flags.config_file = flags.config_file.or(found);
        Ok(config::load(&flags)?)
    }
}

/// Serves until a signal comes. An error means that nothing was started.
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<Exit> {
    let loaded = args.load()?;
    let LogConfig { level, format } = loaded.config.log;
    let log = logging::init(level, format);
    let polling = PollingThread::start()?;
    runtimes::block_on(async {
        let clock = Clock::system();
        web::raise_open_files();
        let guard = guard(&loaded.config.web)?;
        // From here on, SIGHUP does not end the process any more.
        let hangups = Hangups::of_process().context("cannot listen for SIGHUP")?;
        let app = put_together(&loaded, clock.clone())?;
        let app =
            app.guarded_by(guard).polling_on(polling.handle()).reloading_from(source(args, &loaded, log));
        let listeners = listen(&loaded.config.web).await.map_err(|error| {
            // An address that came from a file is to be mended there and not on a command line.
            match loaded.origin_of("web.listen_addresses") {
                Some(origin) if args.web.is_silent_on_addresses() && !loaded.config.web.systemd_socket => {
                    error.context(format!("{origin}: key web.listen_addresses"))
                }
                _ => error,
            }
        })?;
        for listener in &listeners {
            let address = listener.local_addr().context("listening socket")?;
            info!(version = env!("CARGO_PKG_VERSION"), %address, "listening");
        }
        let shutdown = shutdown(clock)?;
        let mut tasks = Tasks::new();
        let reloader = app.control().reloader().clone();
        tasks.spawn("reload on SIGHUP", reload_on_hangup(hangups, reloader, shutdown.drain()));
        let shutdown = app.spawn(&mut tasks, listeners, shutdown);
        Ok(exit_of(tasks.run_until(shutdown).await))
    })
}

/// Where a changed configuration comes from: from where the first one came.
fn source(args: &ServeArgs, loaded: &Loaded, log: LogControl) -> Source {
    // One that was there at the start has to be there. Without it, defaults would be taken for what is wanted.
    let (args, file) = (args.clone(), loaded.file.clone());
    let found = file.clone();
    let read = move || {
        let settings = args.load_from(found.clone()).and_then(|loaded| settings(&loaded));
        settings.map_err(|error| format!("{error:#}"))
    };
    Source { read: Arc::new(read), file, held: loaded.held, log: Some(log) }
}

async fn reload_on_hangup(mut hangups: Hangups, reloader: Reloader, drain: Drain) {
    let mut drain = std::pin::pin!(drain.requested());
    loop {
        tokio::select! {
            () = &mut drain => return,
            () = hangups.next() => {
                // What came of it is logged.
                let _ = reloader.reload("SIGHUP").await;
            }
        }
    }
}

/// Opens what the configuration says is listened on. The error names the flag.
pub(super) async fn listen(config: &WebConfig) -> anyhow::Result<Vec<TcpListener>> {
    if config.systemd_socket {
        return web::systemd_sockets().context("flag --web.systemd-socket");
    }
    web::bind(&config.listen_addresses).await.context("flag --web.listen-address")
}

/// Reads the web configuration file, if there is one. Says in the log what in it has no effect. The error names file and key.
pub(super) fn guard(config: &WebConfig) -> anyhow::Result<Guard> {
    let Some(file) = &config.config_file else { return Ok(Guard::open()) };
    let guard = Guard::load(file).context("web configuration")?;
    let (rules, warnings) = guard.describe();
    for warning in warnings {
        warn!(file = %file.display(), warning, "web configuration");
    }
    info!(file = %file.display(), rules, "web configuration read");
    Ok(guard)
}

/// The app that a configuration leads to. The error names file and key.
pub(super) fn put_together(loaded: &Loaded, clock: Clock) -> anyhow::Result<App> {
    let Settings { config, accounts, wanted } = settings(loaded)?;
    App::new(config, accounts, wanted, clock).map_err(|error| with_origin(loaded, error))
}

/// What a configuration comes to, with everything read that it names. The error names file and key.
fn settings(loaded: &Loaded) -> anyhow::Result<Settings> {
    // Whoever is not told which shard it is must not start: it would read what others read, or nobody does.
    let wanted = Wanted { selection: selection(loaded)?, shard: shard(loaded)? };
    let refuse = |error| with_origin(loaded, error);
    let accounts = accounts(&loaded.config, |name| std::env::var_os(name)).map_err(refuse)?;
    for account in accounts.iter().cloned() {
        account.client_config().map_err(refuse)?;
    }
    Ok(Settings { config: loaded.config.clone(), accounts, wanted })
}

fn with_origin(loaded: &Loaded, error: AccountError) -> anyhow::Error {
    match loaded.origin_of(&error.key()) {
        Some(origin) => anyhow!("{origin}: {error}"),
        None => error.into(),
    }
}

/// The shard that this process is. The error names file or flag, and key.
pub(super) fn shard(loaded: &Loaded) -> anyhow::Result<Shard> {
    Ok(loaded.shard(|name| std::env::var_os(name))?)
}

/// The orgs and sandboxes that are wanted. The error names file and key.
pub(super) fn selection(loaded: &Loaded) -> anyhow::Result<Selection> {
    Ok(loaded.config.selection.compile()?)
}

/// The shutdown of a command that runs until a signal comes.
pub(super) fn shutdown(clock: Clock) -> anyhow::Result<Shutdown> {
    let signals = Signals::of_process().context("cannot listen for signals")?;
    Ok(Shutdown::new(signals, clock, DRAIN_TIMEOUT))
}

/// What the end of the tasks means for whoever started the process.
pub(super) fn exit_of(end: Result<Ending, TaskDied>) -> Exit {
    match end {
        Ok(Ending::Drained) => {
            info!("stopped");
            Exit::Success
        }
        Ok(Ending::TimedOut | Ending::Aborted) => Exit::Failure,
        Err(died) => {
            error!(task = died.name, reason = died.reason, "stopping, because a task died");
            Exit::Failure
        }
    }
}
