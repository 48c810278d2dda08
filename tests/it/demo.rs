//! Promise 5: it works at once.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{Org, Owner, World, WorldConfig};

use crate::scrape::Scrape;
use crate::test_app::{PATIENCE, http};

/// A process of the program, ended with the test.
pub struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_losant-exporter"));
        command.args(args).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
        Self(command.spawn().expect("the program starts"))
    }

    /// Reads standard output up to the line that holds `mark`. Fails when it does not come, or the program ends.
    pub fn read_until(&mut self, mark: &str) -> String {
        let (sender, lines) = std::sync::mpsc::channel();
        let mut output = BufReader::new(self.0.stdout.take().expect("its output"));
        std::thread::spawn(move || {
            let mut line = String::new();
            while output.read_line(&mut line).is_ok_and(|read| read > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        let mut printed = String::new();
        while !printed.contains(mark) {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => printed += &line,
                Err(why) => {
                    let _ = self.0.kill();
                    panic!("{why} before {mark:?} was printed: {printed}{}", self.complaints());
                }
            }
        }
        printed
    }

    fn complaints(&mut self) -> String {
        let mut complaints = String::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            let _ = stderr.read_to_string(&mut complaints);
        }
        complaints
    }

    fn interrupt(&self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let (sender, ended) = std::sync::mpsc::channel();
        let pid = self.0.id();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _ = sender.send(self.0.wait().expect("it ends").code());
            });
            ended.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                // The thread above waits for it: this ends both.
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
                None
            })
        })
    }
}

#[tokio::test]
async fn the_demo_shows_usage_within_five_seconds_and_ends_with_0_on_ctrl_c() {
    let mut demo = Program::start(&[
        "demo",
        "--web.listen-address=127.0.0.1:0",
        "--simulator.listen-address=127.0.0.1:0",
    ]);
    let printed = demo.read_until("Ready after");
    let seconds: f64 = printed
        .split_once("Ready after ")
        .and_then(|(_, rest)| rest.split_once(" s"))
        .and_then(|(seconds, _)| seconds.parse().ok())
        .unwrap_or_else(|| panic!("no time: {printed}"));
    assert!(seconds < 5.0, "{printed}");

    let metrics = printed.split_whitespace().find(|word| word.ends_with("/metrics")).expect("its address");
    let body = http().get(metrics).send().await.expect("an answer").text().await.expect("a body");
    let scrape = Scrape::parse(&body);
    assert_eq!(scrape.family("losant_instance_info").len(), 1);
    assert!(scrape.family("losant_org_devices").len() >= 12);
    assert!(scrape.family("losant_sandbox_devices").len() >= 8);
    for family in
        ["losant_instance_payloads_period", "losant_org_payloads_today", "losant_sandbox_payloads_period"]
    {
        assert!(scrape.family(family).values().any(|value| *value > 0.0), "{family}");
    }
    assert!(scrape.family("losant_org_notebook_run_seconds_period").values().any(|value| *value > 0.0));

    let config = metrics.replace("/metrics", "/config");
    let config = http().get(config).send().await.expect("an answer").text().await.expect("a body");
    assert!(config.contains("[accounts.demo]") && config.contains("level = \"warn\""), "{config}");

    demo.interrupt();
    assert_eq!(demo.exit_code(), Some(0), "{}", demo.complaints());
}

/// A demonstration may be started at any time of the day and week.
#[test]
fn one_org_of_the_demo_is_in_a_burst_whenever_it_is_started() {
    for start in
        ["2026-11-22T16:02:10Z", "2026-11-23T03:31:00Z", "2026-11-25T09:59:59Z", "2026-11-28T23:45:00Z"]
    {
        let now: Timestamp = start.parse().expect("a time");
        let world = World::new(WorldConfig::demo(now));
        let quarter = |org: &Org, weeks_ago: i64| {
            let end = now - SignedDuration::from_hours(weeks_ago * 7 * 24);
            let start = end - SignedDuration::from_mins(15);
            world.payload_total(Owner::Org(org.id()), start, end, true, false)
        };
        let in_burst = |org: &&Org| quarter(org, 0) > 10_000 && quarter(org, 0) > 5 * quarter(org, 1);
        assert_eq!(world.orgs().iter().filter(in_burst).count(), 1, "{start}");
    }
}

/// `simulate`, and a folder in which other commands are run against it.
struct Simulated {
    program: Program,
    url: String,
    token: String,
    folder: tempfile::TempDir,
}

impl Simulated {
    fn start() -> Self {
        let mut program = Program::start(&["simulate", "--simulator.listen-address=127.0.0.1:0"]);
        let printed = program.read_until("Ctrl-C");
        let word_after = |mark: &str| {
            let (_, rest) = printed.split_once(mark).unwrap_or_else(|| panic!("{mark}: {printed}"));
            rest.split_whitespace().next().expect("a word").to_owned()
        };
        let (url, token) = (word_after("Losant API"), word_after("LOSANT_API_TOKEN="));
        Self { program, url, token, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Exit code, standard output and standard error of a command with this token.
    fn run(&self, args: &[&str], token: &str, requests_per_second: &str) -> (Option<i32>, String, String) {
        let token_file = self.folder.path().join("token");
        std::fs::write(&token_file, token).expect("a token file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_losant-exporter"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BASE_URL", &self.url)
            .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__TOKEN_FILE", "token")
            .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__REQUESTS_PER_SECOND", requests_per_second)
            .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BURST", "1000");
        let output = command.output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn end(mut self) {
        self.program.interrupt();
        assert_eq!(self.program.exit_code(), Some(0));
    }
}

#[tokio::test]
async fn once_prints_the_metrics_of_a_simulated_losant_and_says_by_its_exit_code_how_it_went() {
    let simulated = Simulated::start();
    let (code, metrics, log) = simulated.run(&["once"], &simulated.token, "1000");
    assert_eq!(code, Some(0), "{log}");
    assert!(Scrape::parse(&metrics).family("losant_org_devices").len() >= 12);

    let (code, metrics, log) = simulated.run(&["once"], "not.the.token", "1000");
    assert_eq!(code, Some(1), "{log}");
    assert!(!log.contains("not.the.token") && !metrics.contains("not.the.token"));
    assert_eq!(log.matches("level=error").count(), 1, "said once: {log}");
    assert!(log.contains("does not accept the token"), "{log}");
    simulated.end();
}

#[tokio::test]
async fn check_online_prints_the_call_plan_and_warns_when_intervals_cannot_be_kept() {
    let simulated = Simulated::start();
    let check = ["check", "--online"];
    let (code, printed, complaints) = simulated.run(&check, &simulated.token, "5");
    assert_eq!(code, Some(0), "{complaints}");
    let plan = "Call plan of account default: 1 instance, 16 orgs, 9 sandboxes; a sweep takes 4 requests, 1s at 5 a second";
    assert!(printed.contains(plan), "{printed}");
    assert!(
        printed.contains("room for all to move at the same time") && !printed.contains("Warning"),
        "{printed}"
    );

    let (code, printed, _) = simulated.run(&check, &simulated.token, "0.05");
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("Warning: intervals cannot be met when more than 1 of 25 orgs and sandboxes move"),
        "{printed}"
    );

    let (code, printed, _) = simulated.run(&check, "not.the.token", "5");
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("Account default cannot be polled") && !printed.contains("not.the.token"),
        "{printed}"
    );
    simulated.end();
}
