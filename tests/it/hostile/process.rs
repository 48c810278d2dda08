//! A process of the program that ends with the test, and what can be told of it from outside.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use losant_exporter::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use crate::scrape::Scrape;
use crate::test_app::{http, within_patience};

/// How often something is looked at that says nothing by itself.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The process, which is killed when this is dropped.
pub struct Process {
    child: Child,
    url: String,
    client: reqwest::Client,
    log: watch::Receiver<Vec<String>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// Starts `command`, and reads what it says on standard error.
    pub fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (lines, log) = watch::channel(Vec::new());
        let stderr = child.stderr.take().expect("its log");
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.send_modify(|lines: &mut Vec<String>| lines.push(line));
            }
        });
        Self { child, url: String::new(), client: http(), log }
    }

    /// Starts `command`, with the standard output and error that it has. It serves on what [`handed_in`] gives it.
    pub fn start_unheard(mut command: Command, listener: TcpListener) -> Self {
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let child = command.stdin(Stdio::from(OwnedFd::from(listener))).spawn().expect("the program starts");
        Self { child, url, client: http(), log: watch::channel(Vec::new()).1 }
    }

    /// Waits until it listens.
    pub async fn listening(&mut self) {
        let line = self.logged("message=listening").await;
        let address = line.split("address=").nth(1).and_then(|rest| rest.split(' ').next());
        self.url = format!("http://{}", address.expect("an address").trim_matches('"'));
    }

    /// Waits until `/-/ready` says so.
    pub async fn ready(&self) {
        let ready = async {
            while !self.get("/-/ready").await.is_ok_and(|(status, _)| status == 200) {
                Clock::system().sleep(LOOK_EVERY).await;
            }
        };
        within_patience(&format!("readiness: {:?}", self.lines()), ready).await;
    }

    /// Waits for a line of the log.
    pub async fn logged(&self, mark: &str) -> String {
        let mut log = self.log.clone();
        let found = |lines: &Vec<String>| lines.iter().find(|line| line.contains(mark)).cloned();
        let line =
            async { log.wait_for(|lines| found(lines).is_some()).await.ok().map(|lines| found(&lines)) };
        let line = within_patience(mark, line).await.flatten();
        line.unwrap_or_else(|| panic!("it ended without {mark:?}: {:?}", self.lines()))
    }

    /// What it has said.
    pub fn lines(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Status and body of a page.
    pub async fn get(&self, path: &str) -> reqwest::Result<(u16, String)> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// The metrics. Fails the test where they do not come.
    pub async fn scrape(&self) -> Scrape {
        let answer = within_patience("a scrape", self.get("/metrics")).await;
        let (status, body) = answer.unwrap_or_else(|error| panic!("{error:?}: {:?}", self.lines()));
        assert_eq!(status, 200);
        Scrape::parse(&body)
    }

    /// Waits until the metrics are as `shows` wants them.
    pub async fn until(&self, what: &str, shows: impl Fn(&Scrape) -> bool) -> Scrape {
        let page = async {
            loop {
                let scrape = self.scrape().await;
                if shows(&scrape) {
                    return scrape;
                }
                Clock::system().sleep(LOOK_EVERY).await;
            }
        };
        within_patience(what, page).await
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// Ends it as the machine does that goes down.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is there");
    }

    /// How it ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("its status") {
                    return status;
                }
                Clock::system().sleep(LOOK_EVERY).await;
            }
        };
        within_patience("the end of the program", ended).await
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Open files and connections.
    pub fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        fs::read_dir(folder).expect("its files").count()
    }

    /// Memory in use now, in KiB.
    pub fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory that was in use at a time, in KiB.
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Has the peak begin anew at what is in use now.
    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").expect("a process of ours");
    }

    fn status(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let value = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line");
        value.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

/// The same command, which serves on the listener that is its standard input, handed in as systemd does. So its port is known
/// before it says so, and nobody else can take it. `redirect` is what else becomes of its files, in the words of the shell.
pub fn handed_in(command: &Command, redirect: &str) -> Command {
    let mut handed_in = Command::new("sh");
    handed_in.args(["-c", &format!("exec \"$0\" \"$@\" 3<&0 0</dev/null {redirect}")]);
    handed_in.arg(command.get_program()).args(command.get_args()).arg("--web.systemd-socket");
    handed_in.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    handed_in.env("LISTEN_FDS", "1").current_dir(command.get_current_dir().expect("a folder"));
    handed_in
}

/// `losant_up` of the only instance.
pub fn up(scrape: &Scrape) -> Option<f64> {
    scrape.family("losant_up").into_values().next()
}
