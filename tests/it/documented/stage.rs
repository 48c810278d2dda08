//! Where commands of the documents are run: a folder with a simulated Losant, an exporter that polls it, and a Prometheus and an
//! Alertmanager where these are installed.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use losant_exporter::clock::Clock;
use losant_exporter::simulator::{World, WorldConfig};
use regex::Regex;

use super::document::project;
use super::programs;
use crate::alertmanager::Alertmanager;
use crate::components;
use crate::prometheus::Prometheus;
use crate::test_app::{SimulatorTasks, start_simulator};

/// Longer than any command takes, in seconds.
const PATIENCE: &str = "240";

/// What the exporter of the stage has switched on, as far as there is such a key: documents tell how it is used.
const SWITCHED_ON: [&str; 1] = ["web.enable_lifecycle"];

/// Folders that documents name and a test must not write to: each document has its own.
const ABROAD: [&str; 5] = ["/etc/", "/run/secrets/", "/usr/local/", "/var/lib/prometheus/", "/tmp/"];

/// The ids that documents give as examples.
const EXAMPLE_INSTANCE: &str = "5ff89ff825013dc6c2856188";
const EXAMPLE_ORG: &str = "60106426dc03c6aad06540bb";

/// All of it. Dropping it ends all of it.
pub struct Stage {
    folder: tempfile::TempDir,
    exporter: Child,
    /// What a reader puts in, and what is put in here.
    replacements: Vec<(String, String)>,
    _prometheus: Option<Prometheus>,
    _alertmanager: Option<Alertmanager>,
    _losant: SimulatorTasks,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.exporter.kill();
        let _ = self.exporter.wait();
    }
}

impl Stage {
    /// Sets the stage, and waits until the exporter has polled everything once.
    pub async fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let world = World::new(WorldConfig { orgs: 3, sandboxes: 2, ..WorldConfig::default() });
        let ids = [
            world.instances()[0].id().to_string(),
            world.orgs()[0].id().to_string(),
            world.sandboxes()[0].id().to_string(),
        ];
        let mut tasks = SimulatorTasks::new();
        let (simulator, losant) = start_simulator(world, &Clock::system(), &mut tasks).await;
        let token = root.join("losant-token");
        fs::write(&token, simulator.token()).expect("a token");
        let config = format!(
            "[accounts.default]\nbase_url = \"{losant}\"\ntoken_file = \"{}\"\ninstances = [\"{}\"]\n\
             requests_per_second = 1000\nburst = 1000\n",
            token.display(),
            ids[0]
        );
        fs::write(root.join("config.toml"), config).expect("a configuration");
        let log = root.join("exporter.log");
        programs::install(&root.join("bin"), &log, &root.join("failures"));
        let (exporter, address) = start_exporter(root, &log);

        let mut prometheus = None;
        if let Some(program) = components::program("prometheus") {
            let data = root.join("prometheus");
            fs::create_dir(&data).expect("a folder");
            prometheus = Some(Prometheus::start(&program, &data, &address).await);
        }
        let mut alertmanager = None;
        if let Some(program) = components::program("prometheus-alertmanager") {
            let data = root.join("alertmanager");
            fs::create_dir(&data).expect("a folder");
            let config = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
            alertmanager = Some(Alertmanager::start(&program, &data, config).await);
        }
        let of_prometheus = prometheus.as_ref().map_or("", Prometheus::url).trim_start_matches("http://");
        let of_alertmanager = alertmanager.as_ref().map_or("", |it| it.address.as_str());
        // Where amtool looks, and where that of Debian does.
        for (of_amtool, name) in [(".config/amtool", "config.yml"), (".config/prometheus", "amtool.yml")] {
            fs::create_dir_all(root.join(of_amtool)).expect("a folder");
            let config = format!("alertmanager.url: http://{of_alertmanager}\n");
            fs::write(root.join(of_amtool).join(name), config).expect("a configuration");
        }

        let [instance, org, sandbox] = ids.each_ref().map(String::as_str);
        let file = root.join("config.toml").display().to_string();
        let rules = project().join("deploy/prometheus/rules").display().to_string();
        let replacements = [
            ("<INSTANCE_ID>", instance),
            (EXAMPLE_INSTANCE, instance),
            ("<ORG_ID>", org),
            (EXAMPLE_ORG, org),
            ("<SANDBOX_ID>", sandbox),
            ("<ACCOUNT>", "default"),
            ("<FILE>", file.as_str()),
            ("<RULES>", rules.as_str()),
            ("<EXPORTER>:10066", address.as_str()),
            ("localhost:10066", address.as_str()),
            ("127.0.0.1:10066", address.as_str()),
            ("<TARGET>", address.as_str()),
            ("<PROMETHEUS>:9090", of_prometheus),
            ("<ALERTMANAGER>:9093", of_alertmanager),
            ("<JOB>", "losant"),
            ("<NAMESPACE>", "monitoring"),
            ("<POD>", "losant-exporter-0"),
            ("<ACTION>", "instanceOrg.get"),
            ("<RESOURCE>", "payload"),
            ("<THRESHOLD>", "losant:payloads_spike_ratio:threshold"),
        ];
        let replacements = replacements.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
        Self {
            folder,
            exporter,
            replacements,
            _prometheus: prometheus,
            _alertmanager: alertmanager,
            _losant: tasks,
        }
    }

    /// A folder of its own for the commands of one document, with what a reader is told to have.
    pub fn folder(&self, name: &str) -> PathBuf {
        let root = self.folder.path();
        let folder = root.join("documents").join(name);
        for abroad in ABROAD {
            fs::create_dir_all(folder.join(abroad.trim_start_matches('/'))).expect("a folder");
        }
        for (from, to) in [
            ("config.toml", "config.toml"),
            ("config.toml", "etc/losant-exporter.toml"),
            ("losant-token", "run/secrets/losant-token"),
        ] {
            fs::copy(root.join(from), folder.join(to)).expect("a file");
        }
        fs::write(folder.join("changes.json"), "{\"name\": \"Acme\"}").expect("a file");
        let scripts = folder.join("scripts");
        if !scripts.exists() {
            std::os::unix::fs::symlink(self.folder.path().join("scripts"), scripts).expect("a link");
        }
        folder
    }

    /// A text with everything put in; or what nothing is put in for.
    pub fn fill_in(&self, text: &str, folder: &Path) -> Result<String, String> {
        // A whole path begins there, and not one that goes on.
        let abroad = Regex::new(&format!("(^|[ =\"'>\\n])({})", ABROAD.join("|"))).expect("a pattern");
        let mut text = abroad.replace_all(text, format!("${{1}}{}${{2}}", folder.display())).into_owned();
        for (from, to) in &self.replacements {
            text = text.replace(from, to);
        }
        let placeholder = Regex::new(r"<[A-Z][A-Z_]*>").expect("a pattern");
        match placeholder.find(&text) {
            Some(found) => Err(format!("nothing is put in for {}; see stage.rs", found.as_str())),
            None => Ok(text),
        }
    }

    /// Runs a command with the programs of the stage alone. Returns what came of it, and which programs failed on the way.
    pub fn run(&self, folder: &Path, command: &str) -> (Output, String) {
        let root = self.folder.path();
        let failures = root.join("failures");
        fs::write(&failures, "").expect("a list of failures");
        let timeout = programs::find("timeout").expect("timeout");
        let output = Command::new(timeout)
            .args(["--kill-after=5", PATIENCE])
            .args([root.join("bin/bash").as_os_str(), "-c".as_ref(), command.as_ref()])
            .current_dir(folder)
            .env_clear()
            .env("PATH", root.join("bin"))
            .env("HOME", root)
            .env("USER", "reader")
            .env("LOSANT_API_TOKEN", "of.no.use")
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        (output, fs::read_to_string(&failures).expect("a list of failures"))
    }
}

/// Starts an exporter and waits until it has polled everything once. Returns its address.
fn start_exporter(root: &Path, log: &Path) -> (Child, String) {
    let reference = fs::read_to_string(project().join("config.toml")).expect("config.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_losant-exporter"));
    for key in SWITCHED_ON {
        let (section, name) = key.split_once('.').expect("a section");
        if reference.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{name} = "))) {
            command.env(format!("LOSANT_EXPORTER__{section}__{name}").to_uppercase(), "true");
        }
    }
    command.arg("--web.listen-address=127.0.0.1:0").current_dir(root);
    let mut exporter = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("an exporter");
    fs::write(log.with_extension("pid"), exporter.id().to_string()).expect("a number");
    let mut lines = BufReader::new(exporter.stderr.take().expect("its log")).lines();
    let mut log = fs::File::create(log).expect("a log");
    let loopback = Regex::new(r"127\.0\.0\.1:[0-9]+").expect("a pattern");
    let mut address = None;
    for line in lines.by_ref() {
        let line = line.expect("a line");
        writeln!(log, "{line}").expect("a log");
        address = address.or_else(|| loopback.find(&line).map(|found| found.as_str().to_owned()));
        if line.contains("everything has been polled once") {
            break;
        }
    }
    // Whoever does not read on stops the exporter.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
        }
    });
    (exporter, address.expect("an address in the log"))
}
