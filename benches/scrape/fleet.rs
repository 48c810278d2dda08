//! A simulated Losant and exporters of it, as processes of their own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use losant_exporter::clock::Clock;
use tempfile::TempDir;

use crate::client::{Client, Coding, TEXT};
use crate::losant::Losant;
use crate::pages::{series, unpacked};
use crate::processes::{PROGRAM, Process};

/// How long anything may take to start.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Series that an org or a sandbox of the simulator has, roughly.
const SERIES_A_SCOPE: u64 = 145;

/// A page is complete when it has as many series as it had this long ago, twice in a row, give or take one in a thousand:
/// what moves may bring a series that was not there before.
const LOOK_EVERY: Duration = Duration::from_secs(4);
const LOOKS_ALIKE: u32 = 2;

/// More than loopback needs: these benches are not about the budget.
const ACCOUNT: &str = "requests_per_second = 5000\nburst = 1000\n";

/// A simulated Losant.
pub struct Fleet {
    pub folder: TempDir,
    _simulator: Process,
    losant: Losant,
}

impl Fleet {
    /// One that has about so many series, of which one scope in twenty moves.
    pub async fn of(series: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let scopes = (series / (2 * SERIES_A_SCOPE)).to_string();
        let args = [
            "simulate",
            "--simulator.listen-address",
            "127.0.0.1:0",
            "--simulator.orgs",
            &scopes,
            "--simulator.sandboxes",
            &scopes,
            "--simulator.active",
            "0.05",
        ];
        let mut simulator = Process::start(folder.path(), "simulate", &args, &[]);
        let text = simulator.wait_for_output("Ctrl-C ends it.", PATIENCE).await;
        let losant = Losant::introduced(&text);
        Self { folder, _simulator: simulator, losant }
    }

    /// An exporter that shows everything.
    pub async fn exported(&self, pace: &Pace) -> Exporter {
        let exporter = self.read(pace).await;
        exporter.wait_for_page().await;
        exporter
    }

    /// An exporter that has read everything, whether it shows it yet or not.
    pub async fn read(&self, pace: &Pace) -> Exporter {
        let Self { folder, losant: Losant { url, instance, token }, .. } = self;
        let folder = folder.path().join(pace.name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let (config, variables) = (folder.join("config.toml"), [("LOSANT_API_TOKEN", token.as_str())]);
        let text = |exposition: &str| {
            format!(
                "[web]\nlisten_addresses = [\"127.0.0.1:0\"]\n{exposition}\
                 [polling]\nready_after = \"1h\"\n{}\
                 [accounts.default]\nbase_url = \"{url}\"\ninstances = [\"{instance}\"]\n{ACCOUNT}",
                pace.polling
            )
        };
        std::fs::write(&config, text(pace.exposition)).expect("a file");
        if !pace.exposition.is_empty() && !is_valid(&folder, &variables) {
            println!(
                "  (this exporter refuses {}, it goes without)",
                pace.exposition.trim().replace('\n', " ")
            );
            std::fs::write(&config, text("")).expect("a file");
        }
        let mut process = Process::start(&folder, "serve", &["serve"], &variables);
        let listening = process.wait_for_log("message=listening", PATIENCE).await;
        let address = listening.field("address").parse().expect("an address");
        let exporter = Exporter { process, address };
        exporter.wait_until_ready().await;
        exporter
    }
}

/// How often an exporter looks, and renders.
pub struct Pace {
    pub name: &'static str,
    /// Lines of the section `polling`.
    polling: &'static str,
    /// The section `exposition`.
    exposition: &'static str,
}

/// As it comes.
pub const DEFAULT: Pace = Pace { name: "default", polling: "", exposition: "" };

/// Everybody is listed every five seconds, and those that move are asked every five seconds too: each sweep makes other
/// pages, with all timestamps new, and a page is made every second.
pub const RESTLESS: Pace = Pace {
    name: "restless",
    polling: EVERY_FIVE_SECONDS,
    exposition: "[exposition]\nrender_interval = \"1s\"\n",
};

/// As restless, and next to no pages are made: what all the rest takes.
pub const UNSEEN: Pace = Pace {
    name: "unseen",
    polling: EVERY_FIVE_SECONDS,
    exposition: "[exposition]\nrender_interval = \"1h\"\n",
};

const EVERY_FIVE_SECONDS: &str = "sweep_interval = \"5s\"\npayload_counts_interval = \"5s\"\n\
    payload_bytes_interval = \"5s\"\npayload_counts_breakdown_interval = \"5s\"\n\
    device_counts_interval = \"5s\"\nnotebook_minute_counts_interval = \"5s\"\n";

/// Whether the program accepts the configuration in `folder`.
fn is_valid(folder: &Path, variables: &[(&str, &str)]) -> bool {
    let mut check = Command::new(PROGRAM);
    let check = check.arg("check").current_dir(folder).env_clear().envs(variables.iter().copied());
    check.output().expect("the program starts").status.success()
}

/// A running exporter.
pub struct Exporter {
    pub process: Process,
    pub address: SocketAddr,
}

impl Exporter {
    async fn wait_until_ready(&self) {
        let (clock, mut client) = (Clock::system(), Client::of(self.address));
        while client.get("/-/ready", Coding::Plain, TEXT, |_| ()).status != 200 {
            assert!(clock.uptime() < PATIENCE, "not ready within {PATIENCE:?}");
            clock.sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until its page does not grow any more.
    async fn wait_for_page(&self) {
        let (clock, mut client) = (Clock::system(), Client::of(self.address));
        let (mut known, mut alike) = (0, 0);
        while alike < LOOKS_ALIKE {
            let (answer, body) = client.page(Coding::Gzip, TEXT);
            let seen = series(unpacked(&answer, &body).lines());
            alike = if seen.abs_diff(known) * 1_000 <= seen { alike + 1 } else { 0 };
            known = seen;
            assert!(clock.uptime() < PATIENCE, "its page still grows after {PATIENCE:?}");
            clock.sleep(LOOK_EVERY).await;
        }
    }
}
