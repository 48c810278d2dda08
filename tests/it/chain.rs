//! The whole chain: a simulated Losant, the exporter, a real Prometheus with the shipped rules and three weeks of history, a
//! real Alertmanager with the shipped routing, and somebody who is told.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::clock::Clock;
use losant_exporter::config::Interval;
use losant_exporter::simulator::{Burst, ObjectId, Owner, World};

use crate::alertmanager::{Alertmanager, Webhook};
use crate::components;
use crate::prometheus::Prometheus;
use crate::test_app::{Setup, TestApp, within_patience};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How soon somebody has to be told.
const SOON: Duration = Duration::from_secs(60);

/// How often the exporter asks, and Prometheus scrapes and thinks.
const EVERY: Interval = Interval::seconds(1);

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus").join(path)
}

fn prometheus_config(target: &str, alertmanager: &str) -> String {
    format!(
        "global: {{ scrape_interval: {EVERY}, evaluation_interval: {EVERY} }}\n\
         rule_files: ['{}']\n\
         alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{alertmanager}'] }}] }}] }}\n\
         scrape_configs:\n- job_name: losant\n  static_configs:\n  - targets: ['{target}']\n",
        shipped("rules/*.yaml").display()
    )
}

/// An org that is neither the smallest nor a large part of the whole, with its usual payloads in the running hour.
fn an_org(world: &World, now: Timestamp) -> (ObjectId, u64) {
    let start =
        now - SignedDuration::from_secs(now.as_second().rem_euclid(3_600)) - SignedDuration::from_hours(168);
    let usual =
        |org| world.payload_total(Owner::Org(org), start, start + SignedDuration::from_hours(1), true, false);
    let mut orgs: Vec<_> = world.orgs().iter().map(|org| (org.id(), usual(org.id()))).collect();
    orgs.retain(|(_, usual)| *usual >= 300);
    orgs.sort_by_key(|(_, usual)| *usual);
    *orgs.first().expect("an org that does something at this hour")
}

/// Has three weeks and a day of history written, and made into blocks of a Prometheus in `data`.
fn backfill(app: &TestApp, folder: &Path, data: &Path, promtool: &Path) {
    let file = folder.join("history.om");
    let instance = app.simulator.world().instances()[0].id();
    let output = Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
        .args(["backfill", "--from=-22d", "--output"])
        .arg(&file)
        .env_clear()
        .current_dir(folder)
        .env("LOSANT_API_TOKEN", app.simulator.token())
        .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BASE_URL", &app.losant)
        .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__INSTANCES", format!("[\"{instance}\"]"))
        .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__REQUESTS_PER_SECOND", "500")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(promtool)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&file, data])
        .output()
        .expect("promtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl TestApp {
    /// Lets time pass as it really does, `ahead` of the machine, until `event`.
    async fn in_real_time<T>(&self, ahead: Duration, what: &str, event: impl Future<Output = T>) -> T {
        let machine = Clock::system();
        let ahead = SignedDuration::try_from(ahead).expect("a week");
        let passing = async {
            loop {
                self.hand.advance_to(machine.now() + ahead);
                // A tenth of a second of real time: what the test waits for happens in other processes.
                machine.sleep(Duration::from_millis(100)).await;
            }
        };
        let event = async {
            tokio::select! {
                done = event => done,
                () = passing => unreachable!("time passes for ever"),
            }
        };
        within_patience(what, event).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_one_org_reaches_the_receiver_within_a_minute_and_nobody_elses() {
    let programs = ["prometheus", "promtool", "prometheus-alertmanager"].map(components::program);
    let [Some(prometheus), Some(promtool), Some(alertmanager)] = programs else { return };
    let machine = Clock::system();
    let mut setup = Setup::at(&machine.now().to_string());
    setup.config.polling.sweep_interval = EVERY;
    setup.config.polling.payload_counts_breakdown_interval = EVERY;
    let app = setup.start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    backfill(&app, folder.path(), &data, &promtool);

    let webhook = Webhook::start().await;
    let alertmanager = Alertmanager::start(&alertmanager, folder.path(), &webhook.routing()).await;
    let target = app.url.trim_start_matches("http://");
    let config = prometheus_config(target, &alertmanager.address);
    let prometheus =
        Prometheus::start_on(&prometheus, folder.path(), &config, &["--storage.tsdb.retention.time=60d"])
            .await;
    let orgs = u32::try_from(app.simulator.world().orgs().len()).expect("a few");
    // What an alert compares with, of everybody: from now on it could fire.
    let compared = "count(losant_org:payloads_spike:ratio)";
    let known = prometheus.until(compared, |value| value == f64::from(orgs));
    app.in_real_time(Duration::ZERO, "the usual hour of every org", known).await;

    let now = machine.now();
    let (org, usual) = an_org(&app.simulator.world(), now);
    let (start, end) = (now, now + SignedDuration::from_secs(10));
    app.simulator.change_world(|world| {
        let burst = Burst { start, end, per_second: (usual * 8).max(3_000) / 10 };
        let activity = &mut world.org_mut(org).expect("the org").activity;
        let billed = activity.streams[0].payload_type.clone();
        assert!(activity.add_burst(&billed, burst));
    });
    let began = machine.uptime();
    let told = webhook.is_told(|told| told.firing && told.name == "LosantOrgPayloadSpike");
    let told = app.in_real_time(Duration::ZERO, "the notification", told).await;
    let told_after = machine.uptime().saturating_sub(began);
    assert!(told_after < SOON, "told after {told_after:?}");
    assert_eq!(told.label("org_id"), org.to_string());
    assert_eq!((told.label("severity"), told.receiver.as_str()), ("warning", "losant-chat"));
    let world = app.simulator.world();
    let name = &world.org(org).expect("the org").name;
    assert!(told.annotation("summary").contains(name), "{}", told.annotation("summary"));

    // The Prometheus cannot be told that time has passed. So it passes for the exporter and its Losant: a week, since then it is the
    // same hour of the week, and the burst is long over.
    let began = machine.uptime();
    let resolved = webhook.is_told(|told| {
        !told.firing && told.name == "LosantOrgPayloadSpike" && told.label("org_id") == org.to_string()
    });
    app.in_real_time(WEEK, "the end of the alert", resolved).await;
    let resolved_after = machine.uptime().saturating_sub(began);

    let mut others = String::new();
    for told in webhook.told() {
        let is_spike = ["Spike", "Burst", "Runaway"].iter().any(|kind| told.name.ends_with(kind));
        if is_spike && told.label("org_id") != org.to_string() {
            let _ = writeln!(others, "{told:?}");
        }
    }
    assert!(others.is_empty(), "told of others too: {others}");
    // Past the harness, which keeps what is printed to itself.
    let _ = writeln!(
        std::io::stderr(),
        "told {:.1} s after the burst began, and {:.1} s after it was over that it is",
        told_after.as_secs_f64(),
        resolved_after.as_secs_f64()
    );
}
