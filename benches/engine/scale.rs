//! A hundred thousand orgs and sandboxes, in processes of their own: how long the first sweep takes, and what the exporter
//! takes of the machine.

use std::path::Path;
use std::time::Duration;

use losant_exporter::clock::Clock;

use crate::losant::Losant;
use crate::machine::{in_words, number};
use crate::processes::Process;
use crate::test_app::http;
use crate::{Limits, print_figure, print_title};

const ORGS: u32 = 50_000;
const SANDBOXES: u32 = 50_000;

/// The defaults of `page_size`, `requests_per_second` and `burst`.
const PAGE_SIZE: u32 = 100;
const REQUESTS_PER_SECOND: f64 = 5.0;
const BURST: u32 = 10;

/// How far the first sweep may be from what was announced.
const TOLERANCE: f64 = 0.1;
const MOST_BYTES_A_SERIES: f64 = 1_024.0;
const MOST_MICROSECONDS_A_REQUEST: f64 = 150.0;

/// How long reading everything may take before it is measured as it is.
const LONGEST_READING: Duration = Duration::from_secs(300);
const PATIENCE: Duration = Duration::from_secs(600);

pub async fn run(limits: &mut Limits) {
    print_title(&format!("{ORGS} orgs and {SANDBOXES} sandboxes, 5 % active"));
    let folder = tempfile::tempdir().expect("a folder");
    let (orgs, sandboxes) = (ORGS.to_string(), SANDBOXES.to_string());
    let flags =
        ["--simulator.orgs", &orgs, "--simulator.sandboxes", &sandboxes, "--simulator.active", "0.05"];
    let args = [&["simulate", "--simulator.listen-address", "127.0.0.1:0"], flags.as_slice()].concat();
    let mut simulator = Process::start(folder.path(), "simulate", &args, &[]);
    let losant = Losant::introduced(&simulator.wait_for_output("Ctrl-C ends it.", PATIENCE).await);
    let cpu_a_page = first_sweep(limits, folder.path(), &losant).await;
    everything(limits, folder.path(), &losant, cpu_a_page).await;
}

/// Starts an exporter of this Losant. Says where it listens, and when it began to.
async fn exported(losant: &Losant, folder: &Path, account: &str) -> Exporter {
    let Losant { url, instance, token } = losant;
    let config = format!(
        "[web]\nlisten_addresses = [\"127.0.0.1:0\"]\n\
         [polling]\nready_after = \"1h\"\n\
         [accounts.default]\nbase_url = \"{url}\"\ninstances = [\"{instance}\"]\n{account}"
    );
    std::fs::write(folder.join("config.toml"), config).expect("a file");
    let mut process = Process::start(folder, "serve", &["serve"], &[("LOSANT_API_TOKEN", token)]);
    let listening = process.wait_for_log("message=listening", PATIENCE).await;
    let url = format!("http://{}", listening.field("address"));
    Exporter { process, url, listening_at: listening.at() }
}

struct Exporter {
    process: Process,
    url: String,
    listening_at: jiff::Timestamp,
}

impl Exporter {
    /// How long its first sweep took, by its log.
    async fn first_sweep(&mut self) -> Duration {
        let discovered = self.process.wait_for_log("scopes=sandbox", PATIENCE).await;
        Duration::try_from(discovered.at().duration_since(self.listening_at)).expect("a time that passes")
    }
}

/// The first sweep at the default budget. Returns what a page of a list costs.
async fn first_sweep(limits: &mut Limits, folder: &Path, losant: &Losant) -> Duration {
    let requests = 1 + ORGS.div_ceil(PAGE_SIZE) + SANDBOXES.div_ceil(PAGE_SIZE);
    let announced = f64::from(requests - BURST) / REQUESTS_PER_SECOND;
    let mut exporter = exported(losant, folder, "").await;
    let measured = exporter.first_sweep().await.as_secs_f64();
    let taken = exporter.process.taken();
    let off = (measured - announced) / announced;
    print_figure("first sweep: requests", requests);
    print_figure("first sweep: announced", format!("{announced:.1} s"));
    limits.check(
        "first sweep: measured",
        format!("{measured:.1} s, {:+.1} %", off * 100.0),
        "within 10 %",
        off.abs() <= TOLERANCE,
    );
    let cpu_a_page = taken.cpu / requests;
    print_figure("CPU a page of a list", format!("{} µs", cpu_a_page.as_micros()));
    print_figure("memory after the first sweep", in_words(taken.resident));
    cpu_a_page
}

/// Everything, as fast as it goes.
async fn everything(limits: &mut Limits, folder: &Path, losant: &Losant, cpu_a_page: Duration) {
    let account = "requests_per_second = 5000\nburst = 1000\nmax_in_flight = 16\n";
    let exporter = exported(losant, folder, account).await;
    let clock = Clock::system();
    let client = http();
    let ready = loop {
        let url = format!("{}/-/ready", exporter.url);
        let answer = client.get(url).send().await.expect("an answer");
        let is_ready = answer.status().is_success();
        let waits = answer.text().await.expect("text");
        if is_ready {
            break "everything".to_owned();
        }
        if clock.uptime() >= LONGEST_READING {
            break waits.trim().to_owned();
        }
        clock.sleep(Duration::from_secs(2)).await;
    };
    // Before the scrape, which costs memory and time of its own.
    let taken = exporter.process.taken();
    let page = Page::of(&exporter.url).await;
    print_figure("read", format!("{ready}, in {:.0?}", clock.uptime()));
    print_figure("requests", page.requests());
    print_figure("of them for pages of lists and summaries", page.pages);
    let a_request = taken.cpu.as_secs_f64() * 1e6 / number(page.requests());
    limits.check(
        "CPU a request",
        format!("{a_request:.0} µs"),
        &format!("under {MOST_MICROSECONDS_A_REQUEST} µs"),
        a_request < MOST_MICROSECONDS_A_REQUEST,
    );
    let of_counts = taken.cpu.as_secs_f64() - cpu_a_page.as_secs_f64() * number(page.pages);
    print_figure(
        "CPU a count, if all pages cost what those of lists do",
        format!("{:.0} µs", of_counts * 1e6 / number(page.counts)),
    );
    print_figure("series", page.series);
    print_figure(
        "resident memory",
        format!("{}, at most {}", in_words(taken.resident), in_words(taken.peak)),
    );
    let a_series = number(taken.resident) / number(page.series);
    limits.check(
        "memory a series",
        format!("{a_series:.0} bytes"),
        &format!("under {MOST_BYTES_A_SERIES} bytes"),
        a_series < MOST_BYTES_A_SERIES,
    );
}

/// What a page of metrics says, read line by line: it is too large to keep.
#[derive(Default)]
struct Page {
    series: u64,
    /// Requests for pages of lists.
    pages: u64,
    /// Requests for counts, and all others.
    counts: u64,
}

impl Page {
    async fn of(url: &str) -> Self {
        let answer = http().get(format!("{url}/metrics")).send().await.expect("an answer");
        let mut answer = answer.error_for_status().expect("a page");
        let (mut page, mut rest) = (Self::default(), Vec::new());
        while let Some(chunk) = answer.chunk().await.expect("a body") {
            rest.extend_from_slice(&chunk);
            let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let text = std::str::from_utf8(&rest[..whole]).expect("text");
            text.lines().for_each(|line| page.add(line));
            rest.drain(..whole);
        }
        assert!(rest.is_empty(), "a page ends with a line");
        page
    }

    fn add(&mut self, line: &str) {
        if line.starts_with('#') {
            return;
        }
        self.series += 1;
        let Some(labels) = line.strip_prefix("losant_exporter_api_requests_total{") else { return };
        let (labels, value) = labels.rsplit_once(' ').expect("a value");
        let value: u64 = value.parse().expect("a count");
        let lists = ["instanceOrgs.get", "instanceSandboxes.get", "instance.historicalSummaries"];
        let is_page = lists.iter().any(|action| labels.contains(&format!("\"{action}\"")));
        *(if is_page { &mut self.pages } else { &mut self.counts }) += value;
    }

    const fn requests(&self) -> u64 {
        self.pages + self.counts
    }
}
