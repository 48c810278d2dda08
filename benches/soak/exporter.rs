//! The exporter under test: the program itself, over https, with a password, and all its files in a folder.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jiff::SignedDuration;
use losant_exporter::clock::Clock;
use losant_exporter::simulator::ObjectId;

use crate::certificates::{Authority, Identity};
use crate::form::{BURST, MAX_IN_FLIGHT, REFRESH, REQUEST_TIMEOUT, REQUESTS_PER_SECOND, SWEEP};
use crate::processes::Process;

/// How long anything may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// The systemd unit: the program is started with its environment, which is that of the image as well, so that what is measured is what
/// runs.
const UNIT: &str = include_str!("../../deploy/systemd/losant-exporter.service");

/// Who may scrape. The hash is that of the password.
pub const USER: &str = "dave";
pub const PASSWORD: &str = "dave123";
const HASH: &str = "$2y$10$2UXri9cIDdgeKjBo4Rlpx.U3ZLDV8X1IxKmsfOvhcM5oXQt/mLmXq";

/// What a reload changes.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Orgs that are left out.
    pub left_out: Vec<ObjectId>,
    /// Seconds between sweeps.
    pub sweep: Option<i64>,
    /// A line that no configuration may have.
    pub broken: bool,
}

/// Where Losant is, which instance of it is polled, and how long its numbers are shown.
#[derive(Clone, Debug)]
pub struct Losant {
    pub url: String,
    pub instance: ObjectId,
    pub expire_after: SignedDuration,
}

/// The running program.
pub struct Exporter {
    pub process: Process,
    pub address: SocketAddr,
    pub folder: PathBuf,
    losant: Losant,
}

impl Exporter {
    /// Starts it in `folder`.
    pub async fn start(folder: &Path, losant: Losant, token: &str, authority: &Authority) -> Self {
        write_whole(&folder.join("token"), token);
        write_whole(&folder.join("ca.crt"), &authority.pem());
        authority.server().write(folder, "server");
        let web = format!(
            "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\nbasic_auth_users:\n  {USER}: {HASH}\n"
        );
        write_whole(&folder.join("web.yml"), &web);
        write_whole(&folder.join("config.toml"), &config(folder, &losant, &Settings::default()));
        let of_unit = UNIT.lines().filter_map(|line| line.strip_prefix("Environment=")?.split_once('='));
        let mut environment: Vec<_> = of_unit.collect();
        assert!(!environment.is_empty(), "the unit sets nothing");
        environment.push(("RUST_BACKTRACE", "1"));
        let mut process =
            Process::start(folder, "serve", &["serve", "--config.file=config.toml"], &environment);
        let listening = process.wait_for_log("message=listening", PATIENCE).await;
        let address = listening.field("address").parse().expect("an address");
        Self { process, address, folder: folder.to_owned(), losant }
    }

    /// Writes another configuration.
    pub fn configure(&self, settings: &Settings) {
        write_whole(&self.folder.join("config.toml"), &config(&self.folder, &self.losant, settings));
    }

    /// Writes another token.
    pub fn write_token(&self, token: &str) {
        write_whole(&self.folder.join("token"), token);
    }

    /// Writes another certificate, one file after the other, as operators do.
    pub fn write_certificate(&self, identity: &Identity) {
        identity.write(&self.folder, "server");
    }

    /// Sends a signal: `HUP`, `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill runs").success()
        );
    }

    /// Waits until it has ended by itself. Returns whether it did so in time and without an error.
    pub async fn has_ended_well(&mut self, clock: &Clock, patience: Duration) -> Result<(), String> {
        let deadline = clock.uptime() + patience;
        loop {
            if let Some(status) = self.process.ended() {
                return if status.success() { Ok(()) } else { Err(format!("ended with {status}")) };
            }
            if clock.uptime() > deadline {
                return Err(format!("has not ended within {patience:?}"));
            }
            clock.sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }
}

/// Writes a file whole or not at all: whoever reads it meanwhile reads the one before.
fn write_whole(file: &Path, content: &str) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, content).expect("a file");
    std::fs::rename(&beside, file).expect("a file in its place");
}

fn config(folder: &Path, losant: &Losant, settings: &Settings) -> String {
    let (sweep, expire) = (settings.sweep.unwrap_or(SWEEP.as_secs()), losant.expire_after.as_secs());
    let (refresh, timeout) = (REFRESH.as_secs(), REQUEST_TIMEOUT.as_secs());
    let left_out: Vec<_> = settings.left_out.iter().map(|id| format!("\"{id}\"")).collect();
    let mut text = format!(
        "[web]\nlisten_addresses = [\"127.0.0.1:0\"]\nenable_lifecycle = true\nconfig_file = \"{}\"\n\
         [selection.orgs.exclude]\nids = [{}]\n\
         [polling]\nsweep_interval = \"{sweep}s\"\nexpire_after = \"{expire}s\"\nrefresh_interval = \"{refresh}s\"\n\
         ready_after = \"1h\"\n",
        folder.join("web.yml").display(),
        left_out.join(", ")
    );
    for collector in [
        "payload_counts",
        "payload_bytes",
        "payload_counts_breakdown",
        "device_counts",
        "notebook_minute_counts",
    ] {
        writeln!(text, "{collector}_interval = \"30s\"").expect("memory");
    }
    text += "applications_interval = \"45s\"\n";
    if settings.broken {
        text += "sweep_intervall = \"soon\"\n";
    }
    let (url, instance) = (&losant.url, losant.instance);
    let token = folder.join("token");
    write!(
        text,
        "[accounts.default]\nbase_url = \"{url}\"\ninstances = [\"{instance}\"]\ntoken_file = \"{}\"\n\
         requests_per_second = {REQUESTS_PER_SECOND:.1}\nburst = {BURST}\nmax_in_flight = {MAX_IN_FLIGHT}\n\
         request_timeout = \"{timeout}s\"\n",
        token.display()
    )
    .expect("memory");
    text
}
