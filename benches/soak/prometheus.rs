//! A real Prometheus that scrapes over https with a password, and what it says of its scrapes afterwards.
//!
//! Every second, or every five in the short form, it asks for the part of the page that tells of the instance and of the exporter
//! itself; every fifteen seconds for all of it. A whole page is half a million series here: reading one takes Prometheus a second
//! of a processor, so that two that read it every second would need a machine of their own. It keeps a few families of them.
//!
//! It waits as long as it is to the next scrape, and not longer, since it takes no other configuration. Each scrape that fails is
//! a broken promise: on a machine that builds and tests something else meanwhile, as it is in continuous integration, a second is
//! not enough for that, whatever the exporter does.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use losant_exporter::clock::Clock;
use serde_json::Value;

use crate::exporter::{Exporter, PASSWORD, USER};
use crate::form::Form;
use crate::ledger::{Ledger, Promise};
use crate::processes::Process;

const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many ports it gets at most.
const ATTEMPTS: u32 = 4;

/// Its jobs, what they ask for, and how often in seconds.
type Jobs = [(&'static str, &'static str, u32); 2];

fn jobs(form: &Form) -> Jobs {
    [("part", "  params: { 'collect[]': [instance] }\n", form.part_every), ("whole", "", 15)]
}

/// Families of orgs and sandboxes that it keeps. To store all of them is its business and not that of the exporter.
const KEPT: &str = "up|losant_(exporter|instance)_.*|losant_org_(info|devices)";

/// A scrape within this time after an hour has begun may have had to wait for a page without the numbers of the hour before: up
/// to as long as half a million series take to be written, which may be longer than the second that Prometheus waits.
const TURN_OF_AN_HOUR: f64 = 6.0;

/// The least share of the scrapes that must have come to pass: a machine that has too much to do leaves some out.
const LEAST_SHARE: f64 = 0.5;

pub struct Prometheus {
    _process: Process,
    url: String,
    name: &'static str,
    jobs: Jobs,
    clock: Clock,
    since: Duration,
}

/// Where it is installed, if it is.
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("prometheus")).find(|path| path.is_file())
}

impl Prometheus {
    /// Starts one with its data in a folder of its own.
    pub async fn start(program: &Path, name: &'static str, exporter: &Exporter, form: &Form) -> Self {
        let (folder, jobs) = (exporter.folder.join(name), jobs(form));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("prometheus.yml"), config(exporter, &jobs)).expect("a file");
        for attempt in 1..=ATTEMPTS {
            match Self::listening(program, &folder).await {
                Ok((process, url)) => {
                    let clock = Clock::system();
                    return Self { _process: process, url, name, jobs, since: clock.uptime(), clock };
                }
                Err(log) if attempt == ATTEMPTS => panic!("Prometheus {name} does not start: {log}"),
                Err(_) => println!("Prometheus {name} has ended early: once more, with another port"),
            }
        }
        unreachable!("the last attempt ends otherwise")
    }

    /// Starts one on a port that was free a moment ago, since it takes no listener that is handed in. Fails with its log when
    /// it ends early, for somebody else may have that port by now.
    async fn listening(program: &Path, folder: &Path) -> Result<(Process, String), String> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let web = format!("--web.listen-address={address}");
        let args = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", &web];
        let mut process = Process::run(program, folder, "prometheus", &args, &[]);
        let clock = Clock::system();
        while !process.log().contains("Server is ready") {
            if process.ended().is_some() {
                return Err(process.log());
            }
            assert!(clock.uptime() < PATIENCE, "Prometheus is not ready: {}", process.log());
            clock.sleep(LOOK_EVERY).await;
        }
        Ok((process, format!("http://{address}")))
    }

    /// Prints what it says of its scrapes, and notes those that failed.
    pub async fn report(&self, ledger: &Ledger) {
        let seconds = self.clock.uptime().saturating_sub(self.since).as_secs();
        for (job, _, every) in self.jobs {
            let selector = format!("{{job=\"{job}\"}}[{}s]", seconds + 5);
            let ups = self.samples(&format!("up{selector}")).await;
            let (failed, turned): (Vec<_>, Vec<_>) = ups
                .iter()
                .filter(|(_, up)| *up != 1.0)
                .map(|(at, _)| *at)
                .partition(|at| at.rem_euclid(3_600.0) > TURN_OF_AN_HOUR);
            let took = async |how: &str| {
                let query = format!("{how}(scrape_duration_seconds{selector})");
                self.value(&query.replace("quantile(", "quantile_over_time(0.99, ")).await.unwrap_or(f64::NAN)
            };
            println!(
                "  Prometheus {}, {job:<5} every {every:>2} s: scrapes, failed      {}, {} (and {} at the turn of an hour); \
                 99 % took at most {:.3} s, all {:.3} s",
                self.name,
                ups.len(),
                failed.len(),
                turned.len(),
                took("quantile").await,
                took("max_over_time").await
            );
            ledger.count("scrapes of Prometheus", ups.len() as u64);
            for at in failed {
                #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our time")]
                let at = Timestamp::from_millisecond((at * 1_000.0) as i64).expect("a time");
                ledger.broken(
                    Promise::NoFailedScrape,
                    format!("Prometheus {}, {job}: up is 0 at {at}", self.name),
                );
            }
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let share = ups.len() as f64 * f64::from(every) / seconds.max(1) as f64;
            ledger.check(Promise::RunIsWorthIt, share > LEAST_SHARE, || {
                format!("Prometheus {} has scraped {job} {} times in {seconds} s", self.name, ups.len())
            });
        }
    }

    async fn samples(&self, query: &str) -> Vec<(f64, f64)> {
        let answer = self.ask(query).await;
        let values = answer.pointer("/data/result/0/values").and_then(Value::as_array);
        let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        let sample = |pair: &Value| (pair[0].as_f64().unwrap_or_default(), number(&pair[1]));
        values.map(|values| values.iter().map(sample).collect()).unwrap_or_default()
    }

    async fn value(&self, query: &str) -> Option<f64> {
        self.ask(query).await.pointer("/data/result/0/value/1")?.as_str()?.parse().ok()
    }

    async fn ask(&self, query: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        let request = client.get(format!("{}/api/v1/query", self.url)).query(&[("query", query)]);
        let text = async { request.send().await?.text().await };
        text.await.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

fn config(exporter: &Exporter, jobs: &Jobs) -> String {
    let mut text = "scrape_configs:\n".to_owned();
    for (job, more, every) in jobs {
        writeln!(
            text,
            "- job_name: {job}\n  scheme: https\n  scrape_interval: {every}s\n  scrape_timeout: {every}s\n{more}  \
             static_configs: [{{ targets: ['{}'] }}]\n  tls_config: {{ ca_file: '{}', server_name: localhost }}\n  \
             basic_auth: {{ username: {USER}, password: {PASSWORD} }}\n  metric_relabel_configs:\n  \
             - {{ source_labels: [__name__], regex: '{KEPT}', action: keep }}",
            exporter.address,
            exporter.folder.join("ca.crt").display(),
        )
        .expect("memory");
    }
    text
}
