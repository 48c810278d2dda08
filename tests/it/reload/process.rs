//! The real process: signals, the file, and what is said over HTTP and in the log.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use losant_exporter::clock::Clock;
use losant_exporter::simulator::{World, WorldConfig};

use crate::scrape::Scrape;
use crate::test_app::{SimulatorTasks, http, start_simulator, within_patience};

/// A process that polls a simulated Losant, with its configuration in a folder as Kubernetes mounts one.
struct Process {
    child: Child,
    folder: tempfile::TempDir,
    url: String,
    log: Arc<Mutex<Vec<String>>>,
    losant: String,
    /// Counts the folders that the configuration has been in.
    version: u32,
    _simulator: SimulatorTasks,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    async fn start(flags: &[&str]) -> Self {
        let mut tasks = SimulatorTasks::new();
        let world = World::new(WorldConfig::default());
        let (simulator, losant) = start_simulator(world, &Clock::system(), &mut tasks).await;
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("token"), simulator.token()).expect("a token");
        mount(folder.path(), 0, &config(folder.path(), &losant, ""));
        let mut child = Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
            .args(["serve", "--web.listen-address=127.0.0.1:0", "--config.file=config.toml"])
            .args(flags)
            .current_dir(folder.path())
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, stderr) = (Arc::clone(&log), child.stderr.take().expect("its log"));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().expect("lines").push(line);
            }
        });
        let mut process =
            Self { child, folder, url: String::new(), log, losant, version: 0, _simulator: tasks };
        let listening = process.logged("message=listening").await;
        let address = listening.split("address=").nth(1).and_then(|rest| rest.split(' ').next());
        process.url = format!("http://{}", address.expect("an address").trim_matches('"'));
        process.until(|scrape| scrape.value("losant_exporter_ready") == Some(1.0)).await;
        process
    }

    /// Replaces the configuration as Kubernetes does: a link that leads to a folder is swapped.
    fn write(&mut self, more: &str) {
        self.version += 1;
        mount(self.folder.path(), self.version, &config(self.folder.path(), &self.losant, more));
    }

    /// Waits for a line of the log.
    async fn logged(&self, mark: &str) -> String {
        let found = async {
            loop {
                let lines = self.log.lock().expect("lines").clone();
                if let Some(line) = lines.into_iter().find(|line| line.contains(mark)) {
                    return line;
                }
                tokio::task::yield_now().await;
            }
        };
        within_patience(mark, found).await
    }

    fn lines(&self, mark: &str) -> usize {
        self.log.lock().expect("lines").iter().filter(|line| line.contains(mark)).count()
    }

    fn hang_up(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success());
    }

    async fn scrape(&self) -> Scrape {
        let answer = http().get(format!("{}/metrics", self.url)).send().await.expect("an answer");
        Scrape::parse(&answer.text().await.expect("a body"))
    }

    async fn until(&self, shows: impl Fn(&Scrape) -> bool) {
        let page = async {
            while !shows(&self.scrape().await) {
                tokio::task::yield_now().await;
            }
        };
        within_patience("a page", page).await;
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: &'static str) -> (u16, String) {
        let request = http().request(method, format!("{}{path}", self.url)).body(body);
        let answer = within_patience("an answer", request.send()).await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }
}

fn config(folder: &Path, losant: &str, more: &str) -> String {
    let token = folder.join("token");
    format!(
        "{more}\n[accounts.default]\nbase_url = \"{losant}\"\ntoken_file = \"{}\"\n\
         requests_per_second = 10000.0\nburst = 10000\n",
        token.display()
    )
}

fn mount(folder: &Path, version: u32, content: &str) {
    let (name, data): (String, PathBuf) = (format!("..{version}"), folder.join("..data"));
    fs::create_dir(folder.join(&name)).expect("a folder");
    fs::write(folder.join(&name).join("config.toml"), content).expect("a file");
    let swapped = folder.join("..data_tmp");
    symlink(&name, &swapped).expect("a link");
    fs::rename(&swapped, &data).expect("a swap");
    if version == 0 {
        symlink("..data/config.toml", folder.join("config.toml")).expect("a link");
    }
}

fn orgs(scrape: &Scrape) -> usize {
    scrape.family("losant_org_info").len()
}

const SUCCESSFUL: &str = "losant_exporter_config_last_reload_successful";

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_and_a_swapped_link_both_bring_a_changed_file_into_force() {
    let mut process = Process::start(&[]).await;
    assert!(orgs(&process.scrape().await) > 1);
    process.write("[selection.orgs.include]\nnames = [\"nobody\"]");
    process.hang_up();
    process.until(|scrape| orgs(scrape) == 0).await;
    assert!(process.logged("reason=SIGHUP").await.contains("changed=selection.orgs.include.names"));

    process.write("[selection.orgs.include]\nnames = [\"*\"]\n[polling]\nsweep_interval = \"soon\"");
    process.until(|scrape| scrape.value(SUCCESSFUL) == Some(0.0)).await;
    let line = process.logged("level=error").await;
    assert!(line.contains("config.toml: key polling.sweep_interval"), "{line}");
    assert_eq!(orgs(&process.scrape().await), 0);

    process.write("[selection.orgs.include]\nnames = [\"*\"]");
    process.until(|scrape| scrape.value(SUCCESSFUL) == Some(1.0) && orgs(scrape) > 1).await;
    assert_eq!(process.lines("the file has changed"), 2, "each change is read once");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_it_takes_the_flag_and_says_what_came_of_it() {
    use reqwest::Method;
    let closed = Process::start(&[]).await;
    for (method, path) in
        [(Method::POST, "/-/reload"), (Method::PUT, "/-/log-level"), (Method::GET, "/-/log-level")]
    {
        let (status, words) = closed.ask(method, path, "debug").await;
        assert_eq!(status, 403);
        assert!(words.contains("Lifecycle API is not enabled"), "{words}");
    }
    drop(closed);

    let mut process = Process::start(&["--web.enable-lifecycle"]).await;
    let nothing = "The configuration is valid; nothing has changed that is in force.\n";
    assert_eq!(process.ask(Method::POST, "/-/reload", "").await, (200, nothing.to_owned()));
    assert_eq!(process.ask(Method::GET, "/-/reload", "").await.0, 405);

    process.write("[web]\ntelemetry_path = \"/m\"\n[polling]\nsweep_interval = \"4m\"");
    let words = "In force now: polling.sweep_interval\nNeeds a restart: web.telemetry_path\n";
    assert_eq!(process.ask(Method::POST, "/-/reload", "").await, (200, words.to_owned()));
    process.write("[poling]");
    let (status, words) = process.ask(Method::POST, "/-/reload", "").await;
    assert_eq!(status, 500);
    assert!(
        words.starts_with("failed to reload config: ") && words.contains("config.toml: key poling"),
        "{words}"
    );
    assert_eq!(process.scrape().await.value(SUCCESSFUL), Some(0.0));

    assert_eq!(process.ask(Method::GET, "/-/log-level", "").await, (200, "info\n".to_owned()));
    assert_eq!(process.lines("level=debug"), 0);
    assert_eq!(process.ask(Method::PUT, "/-/log-level", "debug\n").await, (200, "debug\n".to_owned()));
    process.write("[polling]\nsweep_interval = \"3m\"");
    assert_eq!(process.ask(Method::PUT, "/-/log-level", "loud").await.0, 400);
    assert_eq!(process.ask(Method::PUT, "/-/log-level", LONG).await.0, 413);
    // The sweep that follows is told of in detail, until the reload after it.
    assert_eq!(process.ask(Method::POST, "/-/reload", "").await.0, 200);
    assert_eq!(process.ask(Method::GET, "/-/log-level", "").await.1, "info\n");
    process.logged("the log level is changed").await;
}

/// Longer than any level.
const LONG: &str =
    "a level of which nobody has ever heard, and which is much too long to be one of them at all";
