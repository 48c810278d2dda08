//! A real Prometheus that scrapes a million series every 15 seconds for five minutes, and the same bytes from the floor.
//!
//! One Prometheus has both as jobs, and stores both: what it takes to read and to store a page stands on both sides.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use losant_exporter::clock::Clock;
use serde_json::Value;

use crate::client::{Client, Coding};
use crate::fleet::{DEFAULT, Fleet};
use crate::limits::{Limits, print_figure, print_title};
use crate::machine::{Taken, in_words, number};
use crate::pages::Pages;
use crate::peers::program;
use crate::processes::Process;
use crate::sizes::{MOST_BYTES_A_SERIES, Size, floor};

/// What it is measured over, in words of PromQL too.
const MEASURED: Duration = Duration::from_secs(300);
const WINDOW: &str = "5m";

/// The first scrapes create all series, which takes longer.
const WARMING_UP: Duration = Duration::from_secs(60);

/// How many times longer than the floor's a scrape may take on average.
const MOST_RATIO: f64 = 1.2;

/// Share of a core that the exporter may take, everything included.
const MOST_CPU: f64 = 0.15;

/// What Prometheus 2.42 asks for.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

pub async fn run(limits: &mut Limits) {
    let Some(prometheus) = program("prometheus") else {
        println!("\nSKIPPED prometheus: scripts/bench-components says what is missing");
        return;
    };
    let fleet = Fleet::of(Size::Large.series()).await;
    let folder = fleet.folder.path();
    let exporter = fleet.exported(&DEFAULT).await;
    let pages = Pages::saved(folder, &mut Client::of(exporter.address), ACCEPT);
    print_title(&format!(
        "prometheus: {} series every 15 s for five minutes, and the same bytes from the floor",
        pages.series
    ));
    let floor = floor(folder, &pages).await;
    let server =
        Server::start(&prometheus, folder, &[("exporter", exporter.address), ("floor", floor.address())])
            .await;
    let clock = Clock::system();
    clock.sleep(WARMING_UP).await;
    let before = exporter.process.taken();
    clock.sleep(MEASURED).await;
    let taken = exporter.process.taken();
    server.report(limits);
    report(limits, before, taken, pages.series);
    let of_prometheus = server.process.taken();
    print_figure(
        "Prometheus itself: CPU from its start, memory",
        format!("{:.0?}, {}", of_prometheus.cpu, in_words(of_prometheus.resident)),
    );
}

fn report(limits: &mut Limits, before: Taken, taken: Taken, series: u64) {
    let cpu = taken.cpu.saturating_sub(before.cpu).as_secs_f64() / MEASURED.as_secs_f64();
    limits.check(
        "prometheus: CPU of the exporter",
        format!("{:.1} % of a core", cpu * 100.0),
        &format!("at most {:.0} %", MOST_CPU * 100.0),
        cpu <= MOST_CPU,
    );
    let a_series = number(taken.resident) / number(series);
    limits.check(
        "prometheus: memory of the exporter",
        format!(
            "{}, {a_series:.0} bytes a series, at most {}",
            in_words(taken.resident),
            in_words(taken.peak)
        ),
        &format!("under {MOST_BYTES_A_SERIES} bytes a series"),
        a_series < MOST_BYTES_A_SERIES,
    );
}

/// A running Prometheus.
struct Server {
    process: Process,
    address: SocketAddr,
}

impl Server {
    async fn start(program: &Path, folder: &Path, jobs: &[(&str, SocketAddr)]) -> Self {
        let mut config =
            String::from("global: { scrape_interval: 15s, scrape_timeout: 15s }\nscrape_configs:\n");
        for (name, address) in jobs {
            write!(config, "- job_name: {name}\n  static_configs:\n  - targets: ['{address}']\n")
                .expect("memory");
        }
        std::fs::write(folder.join("prometheus.yml"), config).expect("a file");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let web = format!("--web.listen-address={address}");
        let args = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", &web];
        let mut process = Process::run(program, folder, "prometheus", &args, &[]);
        process.wait_for_log("Server is ready", crate::fleet::PATIENCE).await;
        Self { process, address }
    }

    /// What Prometheus itself has found.
    fn report(&self, limits: &mut Limits) {
        let up = |job: &str| self.query(&format!("min_over_time(up{{job=\"{job}\"}}[{WINDOW}])"));
        let of_scrapes = |how: &str, job: &str| {
            self.query(&format!("{how}_over_time(scrape_duration_seconds{{job=\"{job}\"}}[{WINDOW}])"))
        };
        for job in ["exporter", "floor"] {
            let (least, scrapes) = (up(job), of_scrapes("count", job));
            limits.check(
                &format!("prometheus: least `up` of {job}"),
                format!("{least} in {scrapes} scrapes"),
                "1",
                least >= 1.0,
            );
            let (average, most) = (of_scrapes("avg", job), of_scrapes("max", job));
            print_figure(
                &format!("scrape_duration_seconds of {job}"),
                format!("{average:.3} s on average, at most {most:.3} s"),
            );
        }
        let ratio = of_scrapes("avg", "exporter") / of_scrapes("avg", "floor");
        let limit = format!("under {MOST_RATIO}");
        let name = "prometheus: average scrape of exporter / floor";
        limits.check(name, format!("{ratio:.2}"), &limit, ratio < MOST_RATIO);
    }

    /// The only value of a query.
    fn query(&self, query: &str) -> f64 {
        let (mut path, mut body) = (String::from("/api/v1/query?query="), Vec::new());
        for byte in query.bytes() {
            write!(path, "%{byte:02X}").expect("memory");
        }
        Client::of(self.address).get(&path, Coding::Plain, "*/*", |piece| body.extend_from_slice(piece));
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        let value = answer.pointer("/data/result/0/value/1").and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("{query}: {answer}")).parse().expect("a number")
    }
}
