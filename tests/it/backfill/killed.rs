//! Killed in the middle, it goes on where it was, to the same bytes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use losant_exporter::clock::Clock;
use losant_exporter::simulator::{Fault, FaultKind, Route, Simulator, World};

use super::fixture::file_of;
use crate::test_app::{SimulatorTasks, start_simulator, within_patience};

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, in a folder of its own, with an account of a simulated Losant that goes by the clock of the machine.
struct Machine {
    simulator: Simulator,
    url: String,
    folder: tempfile::TempDir,
    _tasks: SimulatorTasks,
}

impl Machine {
    async fn new() -> Self {
        let mut tasks = SimulatorTasks::new();
        let (simulator, url) = start_simulator(World::default(), &Clock::system(), &mut tasks).await;
        let folder = tempfile::tempdir().unwrap();
        Self { simulator, url, folder, _tasks: tasks }
    }

    fn command(&self, output: &str, more: &[&str]) -> Command {
        let now = Clock::system().now();
        // Whole days of the past: the same whenever it is asked for.
        let day = |ago: i64| (now - jiff::SignedDuration::from_hours(24 * ago)).to_string()[..10].to_owned();
        let instance = self.simulator.world().instances()[0].id();
        let mut command = Command::new(env!("CARGO_BIN_EXE_losant-exporter"));
        command
            .args(["backfill", "--from", &day(5), "--to", &day(1), "--output", output])
            .args(more)
            .current_dir(self.folder.path())
            .env_clear()
            .env("LOSANT_API_TOKEN", self.simulator.token())
            .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BASE_URL", &self.url)
            .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__INSTANCES", format!("[\"{instance}\"]"))
            .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__REQUESTS_PER_SECOND", "1000")
            .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BURST", "1000")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end while the simulator goes on answering.
    async fn run(&self, output: &str, more: &[&str]) -> Output {
        let mut command = self.command(output, more);
        let run = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
        within_patience("the end of the program", run).await.expect("no panic")
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

fn lines(journal: &Path) -> usize {
    fs::read_to_string(journal).map_or(0, |text| text.matches('\n').count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_in_the_middle_goes_on_to_the_bytes_of_one_that_was_not() {
    let machine = Machine::new().await;
    let whole = machine.run("whole.om", &[]).await;
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));

    // The process stands still at the seventh org: the instance and six orgs are done.
    let org = machine.simulator.world().orgs()[6].id();
    let hang = Fault::always(Route::action("instanceOrg.deviceCounts").of(org), FaultKind::Hang);
    machine.simulator.faults().inject(hang);
    let mut child = Running(machine.command("h.om", &[]).stderr(Stdio::null()).spawn().expect("it starts"));
    let journal = machine.path("h.om.partial/journal");
    let stands_still = async {
        while lines(&journal) < 1 + 7 {
            tokio::task::yield_now().await;
        }
    };
    within_patience("seven scopes", stands_still).await;
    child.0.kill().expect("it is there");
    child.0.wait().expect("it ends");
    machine.simulator.faults().clear_all();
    assert!(!machine.path("h.om").exists());

    // As it looks when the machine went down while more was being written.
    let mut torn = File::options().append(true).open(&journal).unwrap();
    torn.write_all(b"{\"id\":\"60106426dc03c6aad06540bb\",\"left_out\":false,\"len").unwrap();
    let mut spool = File::options().append(true).open(machine.path("h.om.partial/org-devices")).unwrap();
    spool.write_all(b"losant_org:devices:max{instance_id=\"6010").unwrap();

    let refused = machine.run("h.om", &[]).await;
    assert_eq!(refused.status.code(), Some(2));
    let resumed = machine.run("h.om", &["--resume"]).await;
    let log = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert_eq!(resumed.status.code(), Some(0), "{log}");
    assert!(log.contains("done=7"), "{log}");
    assert!(file_of(&machine.path("h.om")) == file_of(&machine.path("whole.om")));
    assert!(!machine.path("h.om.partial").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_again_and_again_comes_to_the_same_bytes() {
    const MOST_KILLS: usize = 6;
    let (machine, clock) = (Machine::new().await, Clock::system());
    assert_eq!(machine.run("whole.om", &[]).await.status.code(), Some(0));
    // So that a run takes long enough to be killed in the middle of it.
    let slow = FaultKind::Delay(Duration::from_millis(100));
    machine.simulator.faults().inject(Fault::always(Route::everything(), slow));
    let (output, journal) = (machine.path("h.om"), machine.path("h.om.partial/journal"));
    let mut rng = fastrand::Rng::with_seed(20_261_126);
    let mut done = Vec::new();
    while done.len() < MOST_KILLS && !output.exists() {
        let resume: &[&str] = if done.is_empty() { &[] } else { &["--resume"] };
        let started = machine.command("h.om", resume).stderr(Stdio::null()).spawn();
        let mut child = Running(started.expect("it starts"));
        // The head of the journal, what was done before, and a scope or two.
        let wanted = 1 + done.last().copied().unwrap_or_default() + rng.usize(1..=2);
        let gets_on = async {
            while lines(&journal) < wanted && !output.exists() {
                clock.sleep(Duration::from_millis(2)).await;
            }
        };
        within_patience("a scope or two", gets_on).await;
        clock.sleep(Duration::from_millis(rng.u64(..80))).await;
        child.0.kill().expect("it is there");
        child.0.wait().expect("it ends");
        done.push(lines(&journal).saturating_sub(1));
    }
    machine.simulator.faults().clear_all();
    if !output.exists() {
        let resumed = machine.run("h.om", &["--resume"]).await;
        assert_eq!(resumed.status.code(), Some(0), "{}", String::from_utf8_lossy(&resumed.stderr));
    }
    assert!(file_of(&output) == file_of(&machine.path("whole.om")));
    eprintln!("a backfill that was killed when so many scopes were done came to the same bytes: {done:?}");
    assert!(done.len() > 1 && done[0] > 0, "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_says_how_to_go_on_and_a_second_process_is_kept_out() {
    let machine = Machine::new().await;
    let org = machine.simulator.world().orgs()[6].id();
    let hang = Fault::always(Route::action("instanceOrg.deviceCounts").of(org), FaultKind::Hang);
    machine.simulator.faults().inject(hang);
    let mut child = Running(machine.command("h.om", &[]).stderr(Stdio::piped()).spawn().expect("it starts"));
    let journal = machine.path("h.om.partial/journal");
    let stands_still = async {
        while lines(&journal) < 1 + 7 {
            tokio::task::yield_now().await;
        }
    };
    within_patience("seven scopes", stands_still).await;

    let second = machine.run("h.om", &["--resume"]).await;
    assert_eq!(second.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(complaint.ends_with("h.om.partial is in use by another process\n"), "{complaint}");

    let pid = child.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    let mut stderr = child.0.stderr.take().expect("its log");
    let read = tokio::task::spawn_blocking(move || std::io::read_to_string(&mut stderr).expect("text"));
    let log = within_patience("the end of the program", read).await.expect("no panic");
    assert_eq!(child.0.wait().expect("it ends").code(), Some(1), "{log}");
    assert!(log.contains("interrupted; 7 of 20 scopes are done, and --resume goes on from there"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_output_gets_what_a_file_would_hold_and_nothing_is_left_behind() {
    let machine = Machine::new().await;
    assert_eq!(machine.run("whole.om", &[]).await.status.code(), Some(0));
    let printed = machine.run("-", &[]).await;
    assert_eq!(printed.status.code(), Some(0), "{}", String::from_utf8_lossy(&printed.stderr));
    assert!(String::from_utf8(printed.stdout).unwrap() == file_of(&machine.path("whole.om")));
    let left: Vec<_> =
        fs::read_dir(machine.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["whole.om"]);
}
