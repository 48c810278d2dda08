//! `simulate`: the simulated Losant API alone.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::flags::LogFlags;
use super::{Exit, output, runtimes, serve};
use crate::clock::Clock;
use crate::lifecycle::Tasks;
use crate::logging;
use crate::simulator::{self, Fault, InvalidSwitch, Simulator, Switches, World, WorldConfig};
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
    /// Share of the orgs and of the sandbox users that live, from 0 to 1; the others are quiet since the start of the
    /// program at the latest [default: everybody lives as they like]
    #[arg(long = "simulator.active", value_name = "SHARE", value_parser = share)]
    active: Option<f64>,
}

/// More orgs or users than anybody has, and few enough for the memory of a laptop.
const MOST: usize = 200_000;

fn population(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number <= MOST);
    number.ok_or_else(|| format!("expected a number from 0 to {MOST}"))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1, such as 0.05".to_owned())
}

/// Made at run time: the switches describe themselves.
static SWITCH_HELP: LazyLock<String> = LazyLock::new(|| {
    format!(
        "How an open question about the real API is answered: NAME=VALUE, such as ends=exclusive; may be repeated\n\n\
         Names, what they can be, and what they are without this flag:\n{}",
        Switches::help()
    )
});

const FAULT_HELP: &str = "\
Something that goes wrong: ACTION[/ID]=KIND[:ARGUMENT][@RATE][#TIMES], with * for all actions; may be repeated

Kinds are status:CODE, html:CODE, empty:CODE, throttle, throttle:SECONDS, throttle-date:SECONDS, delay:DURATION, hang, \
reset, cut, not-json, huge:BYTES, unknown-types, floats, no-summary and delete-listed. For example: \
--fault 'instanceOrg.payloadCounts=status:500' --fault 'instanceOrgs.get=delay:3s@0.2'";

/// Flags of `simulate`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SimulateArgs {
    #[command(flatten)]
    simulator: SimulatorFlags,
    // Not a doc comment: rustdoc would take the brackets for links.
    #[arg(
        long = "fault",
        value_name = "FAULT",
        help = "Something that goes wrong: ACTION[/ID]=KIND[:ARGUMENT][@RATE][#TIMES], with * for all actions; may be \
                repeated",
        long_help = FAULT_HELP
    )]
    faults: Vec<Fault>,
    /// How an open question about the real API is answered: NAME=VALUE, such as ends=exclusive; may be repeated
    #[arg(
        long = "switch",
        value_name = "NAME=VALUE",
        value_parser = checked_switch,
        long_help = SWITCH_HELP.as_str()
    )]
    switches: Vec<String>,
    /// How long it takes until payloads and notebook runs are counted, such as 10m
    #[arg(long = "late", value_name = "DURATION", value_parser = humantime::parse_duration)]
    late: Option<Duration>,
    /// Loopback address at which faults and switches can be changed while it runs; none without this flag
    #[arg(long = "control.listen-address", value_name = "HOST:PORT")]
    control: Option<ListenAddress>,
    #[command(flatten)]
    log: LogFlags,
}

/// Whether a switch can be set to that; set it is later, when all are known.
fn checked_switch(text: &str) -> Result<String, InvalidSwitch> {
    Switches::default().apply(text).map(|()| text.to_owned())
}

impl SimulatorFlags {
    /// The simulator, its listener, and the URL that it answers at.
    pub(super) async fn start(&self, clock: &Clock) -> anyhow::Result<(Simulator, TcpListener, String)> {
        let Self { listen_address, seed, orgs, sandboxes, active } = self;
        let story = WorldConfig::demo(clock.now());
        let world = World::new(WorldConfig {
            seed: seed.unwrap_or(story.seed),
            orgs: orgs.unwrap_or(story.orgs),
            sandboxes: sandboxes.unwrap_or(story.sandboxes),
            active: *active,
            quiet_from: story.story,
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

impl SimulateArgs {
    /// Sets faults and switches, and opens the control endpoint if there is to be one.
    async fn prepare(&self, simulator: &Simulator) -> anyhow::Result<Option<TcpListener>> {
        let mut switches = simulator.switches();
        for switch in &self.switches {
            switches.apply(switch).context("flag --switch")?;
        }
        simulator.set_switches(switches);
        for fault in &self.faults {
            simulator.faults().inject(fault.clone());
        }
        if let Some(late) = self.late {
            let late = late.try_into().context("flag --late")?;
            simulator.change_world(|world| world.count_late(late));
        }
        let Some(address) = &self.control else { return Ok(None) };
        let flag = || format!("cannot listen on {address} (flag --control.listen-address)");
        let listener = address.listen().await.with_context(flag)?;
        let is_loopback = listener.local_addr().with_context(flag)?.ip().is_loopback();
        anyhow::ensure!(is_loopback, "{}: not a loopback address such as 127.0.0.1:10068", flag());
        Ok(Some(listener))
    }
}

/// Serves until a signal comes.
pub(super) fn run(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let LogFlags { log_level, log_format } = args.log;
    logging::init(log_level.unwrap_or_default(), log_format.unwrap_or_default());
    runtimes::block_on(async {
        let clock = Clock::system();
        let (simulator, listener, url) = args.simulator.start(&clock).await?;
        let control = args.prepare(&simulator).await?;
        let _ = output::print(&introduction(&simulator, &url, control.as_ref())?);
        let shutdown = serve::shutdown(clock)?;
        let mut tasks = Tasks::new();
        if let Some(control) = control {
            let drained = shutdown.drain().requested();
            tasks.spawn("control", simulator::serve_control(simulator.clone(), control, drained));
        }
        tasks.spawn("simulator", simulator::serve(simulator, listener, shutdown.drain().requested()));
        Ok(serve::exit_of(tasks.run_until(shutdown).await))
    })
}

fn introduction(simulator: &Simulator, url: &str, control: Option<&TcpListener>) -> anyhow::Result<String> {
    let (control, examples) = match control {
        None => Default::default(),
        Some(listener) => {
            let url = format!("http://{}", listener.local_addr().context("listening socket")?);
            (format!("Control     {url}\n"), examples(&url))
        }
    };
    let world = simulator.world();
    let instances: Vec<_> = world.instances().iter().map(|instance| instance.id().to_string()).collect();
    Ok(format!(
        "A simulated Losant with {} orgs and {} sandbox users. Nothing in it is real, the token included.\n\
         \n\
         Losant API  {url}\n\
         Instance    {}\n\
         {control}\
         \n\
         To poll it from another terminal:\n\
         \n\
         \x20 export LOSANT_API_TOKEN={}\n\
         \x20 export LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BASE_URL={url}\n\
         \x20 export LOSANT_EXPORTER__ACCOUNTS__DEFAULT__INSTANCES='[\"{}\"]'\n\
         \x20 losant-exporter once\n\
         \x20 losant-exporter api instanceOrgs.get --output table\n\
         {examples}\
         \n\
         Ctrl-C ends it.\n",
        world.orgs().len(),
        world.sandboxes().len(),
        instances.join(" "),
        simulator.token(),
        instances.join("\",\""),
    ))
}

/// How faults and switches are changed while it runs.
fn examples(control: &str) -> String {
    let fault = r#"{"fault":"instanceOrgs.get=status:500"}"#;
    let switch = r#"{"summaries": false}"#;
    format!(
        "\n\
         To break something and mend it again, and to answer an open question in another way:\n\
         \n\
         \x20 curl -X POST {control}/faults -d '{fault}'; curl -X DELETE {control}/faults\n\
         \x20 curl -X PUT {control}/switches -d '{switch}'\n"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::simulator::ZeroBuckets;

    #[derive(Debug, clap::Parser)]
    struct Alone {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn parsed(flags: &[&str]) -> SimulateArgs {
        Alone::try_parse_from([&["simulate"], flags].concat()).expect("flags").args
    }

    fn simulator() -> Simulator {
        let (clock, _) = Clock::manual("2026-03-04T12:00:00Z".parse().unwrap());
        Simulator::new(World::default(), clock)
    }

    #[tokio::test]
    async fn faults_switches_and_the_control_endpoint_are_set_by_flags() {
        let simulator = simulator();
        let args = parsed(&[
            "--fault",
            "instanceOrg.payloadCounts=status:500",
            "--fault",
            "*=throttle:7",
            "--switch",
            "zero_buckets=absent",
            "--late",
            "10m",
            "--control.listen-address",
            "127.0.0.1:0",
        ]);
        assert!(args.prepare(&simulator).await.unwrap().is_some());
        let faults: Vec<_> =
            simulator.faults().active().iter().map(|(_, fault, _)| fault.to_string()).collect();
        assert_eq!(faults, ["instanceOrg.payloadCounts=status:500", "*=throttle:7"]);
        assert_eq!(simulator.switches().zero_buckets, ZeroBuckets::Absent);
        let public = parsed(&["--control.listen-address", "0.0.0.0:0"]);
        let refusal = public.prepare(&simulator).await.unwrap_err().to_string();
        assert!(refusal.contains("--control.listen-address") && refusal.contains("loopback"), "{refusal}");
        assert!(parsed(&[]).prepare(&simulator).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_introduction_shows_how_to_use_the_control_endpoint_where_there_is_one() {
        let simulator = simulator();
        let control = parsed(&["--control.listen-address", "127.0.0.1:0"]).prepare(&simulator).await.unwrap();
        let address = control.as_ref().unwrap().local_addr().unwrap();
        let text = introduction(&simulator, "http://localhost", control.as_ref()).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("curl")).collect();
        assert_eq!(
            lines,
            [
                format!(
                    "  curl -X POST http://{address}/faults -d '{{\"fault\":\"instanceOrgs.get=status:500\"}}'; \
                     curl -X DELETE http://{address}/faults"
                ),
                format!("  curl -X PUT http://{address}/switches -d '{{\"summaries\": false}}'"),
            ]
        );
        // What is shown is what is understood.
        "instanceOrgs.get=status:500".parse::<Fault>().unwrap();
        simulator.switches().apply("summaries=false").unwrap();
        assert!(!introduction(&simulator, "http://localhost", None).unwrap().contains("curl"));
    }

    #[test]
    fn the_long_help_lists_the_switches_and_the_short_one_does_not() {
        let help = |flag| Alone::try_parse_from(["simulate", flag]).unwrap_err().to_string();
        assert!(help("--help").contains("zero_buckets: present or absent [present]"), "{}", help("--help"));
        assert!(!help("-h").contains("zero_buckets"));
    }

    #[tokio::test]
    async fn with_a_share_the_others_are_quiet_since_the_start() {
        let (clock, _) = Clock::manual("2026-03-04T12:00:00Z".parse().unwrap());
        let flags = ["--simulator.active", "0.25", "--simulator.listen-address", "127.0.0.1:0"];
        let (simulator, ..) = parsed(&flags).simulator.start(&clock).await.unwrap();
        let world = simulator.world();
        let quiet: Vec<_> = world.orgs().iter().filter_map(|org| org.quiet_since).collect();
        assert!(quiet.len() >= 8 && quiet.iter().all(|since| *since <= clock.now()), "{quiet:?}");
    }

    #[test]
    fn a_wrong_flag_is_refused_with_its_name_and_what_it_takes() {
        for (flags, words) in [
            (["--fault", "*=explode"], ["--fault", "status:CODE"]),
            (["--fault", "instanceOrg.fetch=hang"], ["--fault", "instanceOrg.get"]),
            (["--switch", "zeros=absent"], ["--switch", "zero_buckets"]),
            (["--switch", "zero_buckets=gone"], ["--switch", "present or absent"]),
            (["--late", "soon"], ["--late", "soon"]),
            (["--simulator.active", "5"], ["--simulator.active", "from 0 to 1"]),
            (["--simulator.active", "NaN"], ["--simulator.active", "from 0 to 1"]),
        ] {
            let flags = ["simulate", flags[0], flags[1]];
            let refusal = Alone::try_parse_from(flags).unwrap_err().to_string();
            assert!(words.iter().all(|word| refusal.contains(word)), "{refusal}");
        }
    }
}
