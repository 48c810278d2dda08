//! `simulate`: the simulated Losant API alone.

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::flags::LogFlags;
use super::{Exit, output, serve};
use crate::clock::Clock;
use crate::lifecycle::Tasks;
use crate::logging;
use crate::simulator::{self, Simulator, World, WorldConfig};
use crate::web::ListenAddress;

/// Flags that say where the simulated API listens and what it tells of.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SimulatorFlags {
    /// Address of the simulated Losant API
    #[arg(long = "simulator.listen-address", value_name = "HOST:PORT", default_value = "127.0.0.1:10067")]
    listen_address: ListenAddress,
    /// Seed of the simulated world: the same seed tells the same story
    #[arg(long = "simulator.seed", value_name = "NUMBER")]
    seed: Option<u64>,
    /// Orgs in the simulated world [default: 16]
    #[arg(long = "simulator.orgs", value_name = "NUMBER", value_parser = population)]
    orgs: Option<usize>,
    /// Sandbox users in the simulated world [default: 10]
    #[arg(long = "simulator.sandboxes", value_name = "NUMBER", value_parser = population)]
    sandboxes: Option<usize>,
}

/// More orgs or users than anybody has, and few enough for the memory of a laptop.
const MOST: usize = 200_000;

fn population(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number <= MOST);
    number.ok_or_else(|| format!("expected a number from 0 to {MOST}"))
}

/// Flags of `simulate`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SimulateArgs {
    #[command(flatten)]
    simulator: SimulatorFlags,
    #[command(flatten)]
    log: LogFlags,
}

impl SimulatorFlags {
    /// The simulator, its listener, and the URL that it answers at.
    pub(super) async fn start(&self, clock: &Clock) -> anyhow::Result<(Simulator, TcpListener, String)> {
        let Self { listen_address, seed, orgs, sandboxes } = self;
        let story = WorldConfig::demo(clock.now());
        let world = World::new(WorldConfig {
            seed: seed.unwrap_or(story.seed),
            orgs: orgs.unwrap_or(story.orgs),
            sandboxes: sandboxes.unwrap_or(story.sandboxes),
            ..story
        });
        let simulator = Simulator::new(world, clock.clone());
        let listener = listen_address.listen().await.with_context(|| {
            format!("cannot listen on {listen_address} (flag --simulator.listen-address)")
        })?;
        let url = format!("http://{}", listener.local_addr().context("listening socket")?);
        Ok((simulator, listener, url))
    }
}

/// Serves until a signal comes.
pub(super) fn run(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let LogFlags { log_level, log_format } = args.log;
    logging::init(log_level.unwrap_or_default(), log_format.unwrap_or_default());
    serve::block_on(async {
        let clock = Clock::system();
        let (simulator, listener, url) = args.simulator.start(&clock).await?;
        output::print(&introduction(&simulator, &url));
        let shutdown = serve::shutdown(clock)?;
        let mut tasks = Tasks::new();
        tasks.spawn("simulator", simulator::serve(simulator, listener, shutdown.drain().requested()));
        Ok(serve::exit_of(tasks.run_until(shutdown).await))
    })
}

fn introduction(simulator: &Simulator, url: &str) -> String {
    let world = simulator.world();
    let instances: Vec<_> = world.instances().iter().map(|instance| instance.id().to_string()).collect();
    format!(
        "A simulated Losant with {} orgs and {} sandbox users. Nothing in it is real, the token included.\n\
         \n\
         Losant API  {url}\n\
         Instance    {}\n\
         \n\
         To poll it from another terminal:\n\
         \n\
         \x20 export LOSANT_API_TOKEN={}\n\
         \x20 export LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BASE_URL={url}\n\
         \x20 losant-exporter once\n\
         \n\
         Ctrl-C ends it.\n",
        world.orgs().len(),
        world.sandboxes().len(),
        instances.join(" "),
        simulator.token(),
    )
}
