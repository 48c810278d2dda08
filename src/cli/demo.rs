//! `demo`: the exporter polling a simulated Losant, in one process.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use super::flags::{self, ConfigFlags, LogFlags, ShardFlags, WebFlags};
use super::runtimes::{self, PollingThread};
use super::simulate::SimulatorFlags;
use super::{Exit, output, serve};
use crate::app::{Account, App, Control, Wanted};
use crate::clock::Clock;
use crate::config::{AccountConfig, Config, Flags, Interval, LogConfig, PollingConfig};
use crate::lifecycle::{Drain, Tasks};
use crate::losant::{Token, TokenSource};
use crate::simulator::{Org, World};
use crate::{logging, simulator};

/// How often everything is polled: an impatient visitor should see numbers move.
const INTERVAL: Interval = Interval::seconds(10);

/// Requests a second. The simulated Losant is on the same machine and sends no bill.
const REQUESTS_PER_SECOND: u32 = 500;

/// Flags of `demo`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    web: WebFlags,
    #[command(flatten)]
    simulator: SimulatorFlags,
    #[command(flatten)]
    log: LogFlags,
}

/// Runs until a signal comes. The configuration file and the environment are left alone.
pub(super) fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    let flags = flags::merge(ConfigFlags::default(), args.web.clone(), ShardFlags::default(), args.log);
    let mut config = config(&flags);
    config.web.validate()?;
    logging::init(config.log.level, config.log.format);
    let polling = PollingThread::start()?;
    runtimes::block_on(async {
        let clock = Clock::system();
        let (simulator, simulated, losant_url) = args.simulator.start(&clock).await?;
        let guard = serve::guard(&config.web)?;
        let listeners = serve::listen(&config.web).await?;
        let mut urls = Vec::new();
        for listener in &listeners {
            let mut address = listener.local_addr().context("listening socket")?;
            if address.ip().is_unspecified() {
                // Every address of this machine is listened on; this one can be clicked on.
                address.set_ip(Ipv4Addr::LOCALHOST.into());
            }
            let scheme = if guard.is_tls() { "https" } else { "http" };
            urls.push(format!("{scheme}://{address}"));
        }
        let account = Account {
            name: "demo".to_owned(),
            config: account(&losant_url),
            token: TokenSource::Fixed(Token::new(simulator.token()).context("token of the simulator")?),
        };
        // For `/config`, which shows what is in force.
        config.accounts.insert(account.name.clone(), account.config.clone());
        let telemetry_path = config.web.telemetry_path.clone();
        let app = App::new(config, vec![account], Wanted::everybody(), clock.clone())?;
        let app = app.guarded_by(guard).polling_on(polling.handle());
        let control = app.control();
        let shutdown = serve::shutdown(clock.clone())?;
        let mut tasks = Tasks::new();
        let drain = shutdown.drain();
        let org_in_burst = org_in_burst(&simulator.world(), clock.now());
        tasks.spawn("simulator", simulator::serve(simulator, simulated, drain.clone().requested()));
        let shutdown = app.spawn(&mut tasks, listeners, shutdown);
        // Whether anybody reads it is all the same to the demonstration.
        let _ = output::print(&introduction(&losant_url, &urls, &telemetry_path, org_in_burst.as_deref()));
        tasks.spawn("announcement", announce(control, clock, drain));
        Ok(serve::exit_of(tasks.run_until(shutdown).await))
    })
}

/// Says when there is something to see.
async fn announce(control: Control, clock: Clock, drain: Drain) {
    tokio::select! {
        () = control.ready() => {
            let seconds = clock.uptime().as_secs_f64();
            let _ = output::print(&format!("Ready after {seconds:.1} s: everything has been polled once.\n"));
        }
        () = drain.clone().requested() => {}
    }
    drain.requested().await;
}

fn config(flags: &Flags) -> Config {
    let config = Config {
        polling: PollingConfig {
            sweep_interval: INTERVAL,
            payload_counts_interval: INTERVAL,
            payload_bytes_interval: INTERVAL,
            payload_counts_breakdown_interval: INTERVAL,
            device_counts_interval: INTERVAL,
            notebook_minute_counts_interval: INTERVAL,
            applications_interval: INTERVAL,
            ..PollingConfig::default()
        },
        // What matters is printed; of the log, only what goes wrong.
        log: LogConfig { level: logging::Level::Warn, ..LogConfig::default() },
        ..Config::default()
    };
    crate::config::with_flags(flags, config)
}

fn account(losant_url: &str) -> AccountConfig {
    AccountConfig {
        base_url: losant_url.to_owned(),
        requests_per_second: f64::from(REQUESTS_PER_SECOND),
        burst: REQUESTS_PER_SECOND,
        max_in_flight: 8,
        request_timeout: Interval::from(Duration::from_secs(10)),
        ..AccountConfig::default()
    }
}

/// The name of the org that a burst is going on at.
fn org_in_burst(world: &World, now: Timestamp) -> Option<String> {
    let bursting = |org: &&Org| {
        org.activity
            .streams
            .iter()
            .flat_map(|stream| &stream.bursts)
            .any(|burst| burst.start <= now && now < burst.end)
    };
    world.orgs().iter().find(bursting).map(|org| org.name.clone())
}

fn introduction(
    losant_url: &str,
    urls: &[String],
    telemetry_path: &str,
    org_in_burst: Option<&str>,
) -> String {
    let pages = urls.iter().map(|url| format!("Metrics     {url}{telemetry_path}\nStart page  {url}/\n"));
    let first = urls.first().map(String::as_str).unwrap_or_default();
    let burst = org_in_burst.map_or_else(String::new, |name| {
        format!(
            "{name} is in a burst. Its org_id stands in\n\
             \x20 curl -s {first}{telemetry_path} | grep '{name}'\n\
             and its payloads of this hour, many times its usual, beside those of the others in\n\
             \x20 curl -s {first}{telemetry_path} | grep org_payloads_this_hour\n\
             \n"
        )
    });
    format!(
        "losant-exporter {}: a demonstration with a simulated Losant. Nothing in it is real.\n\
         \n\
         {}Losant API  {losant_url}  (simulated)\n\
         \n\
         {burst}Ctrl-C ends the demonstration.\n\
         \n",
        env!("CARGO_PKG_VERSION"),
        pages.collect::<String>(),
    )
}
