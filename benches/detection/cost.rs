//! What the rules cost a real Prometheus: a thousand orgs, three weeks of their hours, and all shipped rules every minute.
//!
//! The page is made here rather than by the exporter: it has the families that rules read, with as many series as an org has, and
//! costs next to nothing beside the rules.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use losant_exporter::clock::Clock;
use tokio::task::JoinSet;

use crate::limits::{Limits, print_figure, print_title};
use crate::processes::Process;
use crate::trial::rules;

const ORGS: usize = 1_000;
const HOUR: i64 = 3_600;
/// Three weeks and what lies before the hours that rules look back to.
const HISTORY_HOURS: i64 = 21 * 24 + 4;
/// The rules that look at every hour look at those of three days.
const DENSE_HOURS: i64 = 3 * 24 + 2;

/// The first evaluations read blocks that are not in memory yet.
const WARMING_UP: Duration = Duration::from_secs(150);
const MEASURED: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(300);

/// Rules are evaluated every minute; groups run beside each other.
const MOST_SECONDS: f64 = 30.0;

const RULES: [&str; 5] = [
    "losant-thresholds.yaml",
    "losant-org.yaml",
    "losant-instance.yaml",
    "losant-sandbox.yaml",
    "losant-exporter.yaml",
];

pub async fn run(limits: &mut Limits, prometheus: &Path, promtool: &Path) {
    for (words, is_dense) in [("after a backfill", false), ("after three weeks of its own", true)] {
        print_title(&format!("cost: {ORGS} orgs, all rules every minute, {words}"));
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::system();
        history(&folder.path().join("history.om"), clock.now().as_second(), is_dense);
        let made = Command::new(promtool)
            .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=744h"])
            .args(["history.om", "data"])
            .current_dir(folder.path())
            .status();
        assert!(made.expect("promtool").success(), "promtool makes blocks");
        let mut tasks = JoinSet::new();
        let target = serve(&mut tasks).await;
        let (mut server, address) = start(prometheus, folder.path(), target);
        server.wait_for_log("Server is ready", PATIENCE).await;
        clock.sleep(WARMING_UP).await;
        measure(limits, &clock, &server, address, words).await;
    }
}

async fn measure(limits: &mut Limits, clock: &Clock, server: &Process, address: SocketAddr, words: &str) {
    let before = server.taken();
    let mut most = std::collections::BTreeMap::new();
    for _ in 0..MEASURED.as_secs() / LOOK_EVERY.as_secs() {
        clock.sleep(LOOK_EVERY).await;
        for (group, seconds) in durations(&get_text(address, "/metrics")) {
            let most = most.entry(group).or_insert(seconds);
            *most = seconds.max(*most);
        }
    }
    let taken = server.taken();
    for (group, seconds) in most.iter().filter(|(_, seconds)| **seconds >= 0.05) {
        print_figure(&format!("longest evaluation of {group}"), format!("{seconds:.2} s"));
    }
    let cpu = taken.cpu.saturating_sub(before.cpu).as_secs_f64() / MEASURED.as_secs_f64();
    print_figure("CPU of Prometheus, scrapes included", format!("{:.0} % of a core", cpu * 100.0));
    print_figure("its memory", crate::machine::in_words(taken.resident));
    let slowest = most.values().copied().fold(0.0, f64::max);
    let limit = format!("under {MOST_SECONDS} s");
    limits.check(
        &format!("longest evaluation of a group, {words}"),
        format!("{slowest:.2} s"),
        &limit,
        !most.is_empty() && slowest < MOST_SECONDS,
    );
}

/// The last duration of each group, as Prometheus tells it.
fn durations(page: &str) -> Vec<(String, f64)> {
    let lines = page.lines().filter(|line| line.starts_with("prometheus_rule_group_last_duration_seconds{"));
    lines
        .filter_map(|line| {
            let (labels, value) = line.rsplit_once(' ')?;
            let group = labels.split(';').next_back()?.trim_end_matches("\"}");
            Some((group.to_owned(), value.parse().ok()?))
        })
        .collect()
}

fn get_text(address: SocketAddr, path: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("a connection");
    write!(connection, "GET {path} HTTP/1.0\r\n\r\n").expect("a request");
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("an answer");
    text
}

fn start(program: &Path, folder: &Path, target: SocketAddr) -> (Process, SocketAddr) {
    let mut config = format!(
        "global: {{ scrape_interval: 1m, scrape_timeout: 30s, evaluation_interval: 1m }}\n\
         scrape_configs:\n- job_name: losant\n  static_configs:\n  - targets: ['{target}']\nrule_files:\n"
    );
    for name in RULES {
        writeln!(config, "- {}", rules::shipped(name).display()).expect("memory");
    }
    std::fs::write(folder.join("prometheus.yml"), config).expect("a file");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let web = format!("--web.listen-address={address}");
    let args = [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=90d",
        &web,
    ];
    (Process::run(program, folder, "prometheus", &args, &[]), address)
}

async fn serve(tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    let clock = Clock::system();
    let answer = move || std::future::ready(page(clock.now().as_second()));
    let router = Router::new().route("/metrics", get(answer));
    tasks.spawn(async move { axum::serve(listener, router).await.expect("a server") });
    address
}

/// Payloads a second, which differ from org to org.
fn rate(org: usize) -> i64 {
    i64::try_from(org % 37 + 1).expect("small")
}

fn ids(org: usize) -> String {
    format!(r#"instance_id="5ff89ff825013dc6c2856188",org_id="{:024x}""#, org + 1)
}

/// The settled hours up to `now`: one sample each, as `backfill` writes them, or as rules do that run every minute.
fn history(file: &Path, now: i64, is_dense: bool) {
    let mut out = BufWriter::new(File::create(file).expect("a file"));
    let last = now / HOUR * HOUR;
    for (unit, size) in [("payloads", 1), ("payload_bytes", 180)] {
        for org in 0..ORGS {
            for billable in [true, false] {
                let series =
                    format!("losant_org:{unit}_last_hour:max{{{},billable=\"{billable}\"}}", ids(org));
                for end in (1..=HISTORY_HOURS).rev().map(|hour| last - hour * HOUR) {
                    let value = rate(org) * HOUR * size + end % 97;
                    let is_recent = end > now - DENSE_HOURS * HOUR;
                    let is_looked_back_to =
                        [168, 336, 504].iter().any(|back| (now - back * HOUR - end).abs() < 2 * HOUR);
                    let step = if is_dense && (is_recent || is_looked_back_to) { 60 } else { HOUR };
                    for after in (600..HOUR).step_by(usize::try_from(step).expect("positive")) {
                        writeln!(out, "{series} {value} {}", end + after).expect("a file");
                    }
                }
            }
        }
    }
    writeln!(out, "# EOF").expect("a file");
    out.flush().expect("a file");
}

/// The page of all orgs.
fn page(now: i64) -> String {
    let mut page = String::new();
    for org in 0..ORGS {
        add(&mut page, org, now);
    }
    page
}

fn add(page: &mut String, org: usize, now: i64) {
    let ids = ids(org);
    let mut write = |stem: &str, labels: &str, value: i64| {
        let comma = if labels.is_empty() { "" } else { "," };
        writeln!(page, "losant_org_{stem}{{{ids}{comma}{labels}}} {value}").expect("memory");
    };
    let (rate, day) = (rate(org), 24 * HOUR);
    let period = now / (30 * day) * 30 * day;
    for (unit, size) in [("payloads", 1), ("payload_bytes", 180)] {
        for billable in ["true", "false"] {
            let labels = format!("billable=\"{billable}\"");
            write(&format!("{unit}_this_hour"), &labels, now % HOUR * rate * size);
            write(&format!("{unit}_last_hour"), &labels, HOUR * rate * size);
            write(&format!("{unit}_today"), &labels, now % day * rate * size);
            write(&format!("{unit}_last_day"), &labels, day * rate * size);
        }
        for kind in 0..8 {
            let labels = format!("payload_type=\"type{kind}\",source=\"device.mqtt\"");
            write(&format!("{unit}_period"), &labels, (now - period) * rate * size / 8);
        }
    }
    write("last_hour_end_timestamp_seconds", "", (now - 600) / HOUR * HOUR);
    write("billable_payloads_period", "", (now - period) * rate);
    write("payload_limit", "", 90 * day * rate);
    write("period_start_timestamp_seconds", "", period);
    write("period_end_timestamp_seconds", "", period + 30 * day);
    for resource in 0..26 {
        write("resources", &format!("resource=\"resource{resource}\""), 12);
    }
    for resource in 0..30 {
        write("resource_limit", &format!("resource=\"resource{resource}\""), 100);
    }
    for stem in [
        "devices",
        "devices_created_last_day",
        "devices_deleted_last_day",
        "notebook_run_seconds_last_day",
        "notebook_run_seconds_period",
        "notebook_run_limit_seconds",
        "storage_bytes",
        "storage_limit_bytes",
        "disabled",
        "read_only",
        "members",
    ] {
        write(stem, "", i64::from(stem.contains("limit")) * 100_000);
    }
    for outcome in ["completed", "canceled", "errored", "timeout"] {
        write("notebook_runs_today", &format!("outcome=\"{outcome}\""), 1);
        write("notebook_runs_last_day", &format!("outcome=\"{outcome}\""), 2);
    }
    write("info", &format!("name=\"Org {org}\""), 1);
    for collector in [
        "discovery",
        "payload_counts",
        "payload_bytes",
        "payload_counts_breakdown",
        "device_counts",
        "notebook_minute_counts",
    ] {
        write("last_success_timestamp_seconds", &format!("collector=\"{collector}\""), now / 300 * 300);
    }
}
