//! A simulated Losant in which nothing happens any more, and what the real process needs to poll it.
//!
//! Both go by the clock of the machine. Where nothing happens, what is shown has to be the truth to the last payload, whenever
//! it was read.

use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::clock::Clock;
use losant_exporter::simulator::{
    Activity, Burst, Fleet, Org, Sandbox, Simulator, Stream, World, WorldConfig,
};
use tempfile::TempDir;

use super::process::Process;
use crate::freshness;
use crate::scrape::Scrape;
use crate::test_app::{SimulatorTasks, start_simulator};
use crate::truth::Side;

const ORGS: usize = 6;
const SANDBOXES: usize = 4;

/// Around the ends of windows a page may be a moment behind.
const AROUND_AN_END: i64 = 20;

/// A Losant, and a folder with the configuration and the token of an exporter that polls it.
pub struct Site {
    pub simulator: Simulator,
    pub folder: TempDir,
    /// Base URL of the API.
    pub losant: String,
    /// Settings before those of the account.
    pub settings: String,
    /// Settings of the account.
    pub account: String,
    _tasks: SimulatorTasks,
}

impl Site {
    /// A Losant on loopback.
    pub async fn new() -> Self {
        Self::of_world(settled()).await
    }

    /// The Losant of a world, on loopback.
    pub async fn of_world(world: World) -> Self {
        let mut tasks = SimulatorTasks::new();
        let (simulator, losant) = start_simulator(world, &Clock::system(), &mut tasks).await;
        Self::of(simulator, losant, tasks)
    }

    /// A Losant that is served in a way of its own at `losant`.
    pub fn of(simulator: Simulator, losant: String, tasks: SimulatorTasks) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("token"), simulator.token()).expect("a token");
        let account = "requests_per_second = 10000.0\nburst = 10000\n".to_owned();
        let site = Self { simulator, folder, losant, settings: String::new(), account, _tasks: tasks };
        site.configure();
        site
    }

    /// Writes the configuration file.
    pub fn configure(&self) {
        let Self { losant, settings, account, .. } = self;
        let token = self.path().join("token");
        let text = format!(
            "{settings}\n[accounts.default]\nbase_url = \"{losant}\"\ntoken_file = \"{}\"\n{account}",
            token.display()
        );
        fs::write(self.config_file(), text).expect("a file");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config_file(&self) -> std::path::PathBuf {
        self.path().join("config.toml")
    }

    /// The command that serves by the configuration file.
    pub fn command(&self) -> Command {
        let mut command = program();
        command.args(["serve", "--web.listen-address=127.0.0.1:0", "--config.file"]).arg(self.config_file());
        // Should it write anything, then here.
        command.current_dir(self.path()).env("TMPDIR", self.path());
        command
    }

    /// Starts a process and waits until it is ready.
    pub async fn start(&self) -> Process {
        let mut process = Process::start(self.command());
        process.listening().await;
        process.ready().await;
        process
    }

    /// What differs from the truth in what a process shows, or is missing from it. Waits around the end of a window.
    pub async fn differences(&self, process: &Process) -> Vec<String> {
        let clock = Clock::system();
        loop {
            let scrape = process.scrape().await;
            let now = clock.now();
            let differences = self.differences_in(&scrape, now);
            if differences.is_empty() || !is_around_an_end(now) {
                return differences;
            }
            clock.sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    /// What differs in a scrape at `now`, by the clock of the process.
    pub fn differences_in(&self, scrape: &Scrape, now: Timestamp) -> Vec<String> {
        let world = self.simulator.world();
        // Where the clock was set, what was read before may look older than it is.
        let report = freshness::compare(&world, scrape, now, Side::True, SignedDuration::from_hours(48));
        let mut differences = report.wrong;
        let unknown = report.unknown.into_iter();
        differences.extend(unknown.map(|(collector, scopes)| format!("{collector} of {scopes} is missing")));
        // Each scope has some forty.
        if report.compared < 40 * (1 + ORGS + SANDBOXES) {
            differences.push(format!("some are missing: there are {} series", report.compared));
        }
        differences
    }

    /// What lies in the folder.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names
    }
}

/// The program, without anything of the environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_losant-exporter"));
    command.env_clear();
    command
}

/// Whether an hour has just ended, or settled.
pub fn is_around_an_end(now: Timestamp) -> bool {
    let second = now.as_second().rem_euclid(3_600);
    [0, 600].into_iter().any(|end| (end..end + AROUND_AN_END).contains(&second))
}

/// A world in which everybody was busy last days and today, and nothing happens any more.
pub fn settled() -> World {
    settled_for(0)
}

/// The same, so many hours later.
pub fn settled_for(hours: i64) -> World {
    let now = Clock::system().now() - SignedDuration::from_hours(hours);
    let mut world = World::new(WorldConfig { orgs: ORGS, sandboxes: SANDBOXES, ..WorldConfig::default() });
    let orgs: Vec<_> = world.orgs().iter().map(Org::id).collect();
    let sandboxes: Vec<_> = world.sandboxes().iter().map(Sandbox::id).collect();
    for (place, id) in (1..).zip(&orgs) {
        let org = world.org_mut(*id).expect("an org");
        org.activity = activity(now, place);
        (org.disabled_at, org.quiet_since) = (None, None);
    }
    for (place, id) in (20..).zip(&sandboxes) {
        let sandbox = world.sandbox_mut(*id).expect("a user");
        sandbox.activity = activity(now, place);
        (sandbox.marked_for_deletion_at, sandbox.quiet_since) = (None, None);
    }
    world
}

/// Bursts of payloads, different for each place, and devices.
fn activity(now: Timestamp, place: u64) -> Activity {
    let burst = |minutes_ago: i64, per_second| {
        let start = now - SignedDuration::from_mins(minutes_ago);
        Burst { start, end: start + SignedDuration::from_secs(60), per_second }
    };
    let mut states = Stream::new("deviceState", "device.mqtt", 0, 100);
    states.bursts.extend([burst(5, place), burst(95, 2 * place), burst(26 * 60, 3 * place)]);
    let mut events = Stream::new("event", "flow.flow", 0, 50);
    events.bursts.extend([burst(7, place), burst(3 * 24 * 60, place)]);
    let fleet = Fleet { initial: 10 * place, ..Fleet::default() };
    Activity { streams: vec![states, events], fleet, notebooks: None }
}
