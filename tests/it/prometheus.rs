//! With a real Prometheus: it scrapes the exporter, and knows afterwards what the simulated world knows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use losant_exporter::simulator::{Owner, World};
use serde_json::Value;

use crate::components;
use crate::test_app::{PATIENCE, Setup, http, within_patience};

/// How often a port that was free is tried before something else must be wrong.
const TRIES: usize = 5;

/// A Prometheus that ends with the test.
pub struct Prometheus {
    child: Child,
    url: String,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Series by name and labels, each with its samples: milliseconds and value.
pub type Samples = BTreeMap<String, Vec<(i64, f64)>>;

/// Labels by name, that of the series among them as `__name__` where there is one.
pub type Labels = BTreeMap<String, String>;

/// What a query finds.
pub type Found<T> = Vec<(Labels, T)>;

impl Prometheus {
    /// Starts one that scrapes `target` every second and keeps its data in `folder`.
    pub async fn start(program: &Path, folder: &Path, target: &str) -> Self {
        let config = format!(
            "global: {{ scrape_interval: 1s }}\n\
             scrape_configs:\n- job_name: losant\n  static_configs:\n  - targets: ['{target}']\n"
        );
        Self::start_on(program, folder, &config, &[]).await
    }

    /// Starts one with this configuration file and further flags. Its data lies in `folder/data`, where blocks may lie already.
    pub async fn start_on(program: &Path, folder: &Path, config: &str, flags: &[&str]) -> Self {
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, config).expect("a configuration file");
        for _ in 0..TRIES {
            let address = free_address();
            let child = Command::new(program)
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .args(flags)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("prometheus starts");
            let mut prometheus = Self { child, url: format!("http://{address}") };
            if within_patience("prometheus", prometheus.is_ready()).await {
                return prometheus;
            }
        }
        panic!("prometheus ended {TRIES} times");
    }

    /// Waits until it serves. `false` when it ends instead, since somebody else was given its port meanwhile.
    async fn is_ready(&mut self) -> bool {
        loop {
            if self.child.try_wait().expect("its state").is_some() {
                return false;
            }
            let answer = http().get(format!("{}/-/ready", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return true;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All samples as they are stored that a selector finds in `[start, end]`.
    pub async fn samples(&self, selector: &str, start: Timestamp, end: Timestamp) -> Samples {
        let seconds = end.as_second() - start.as_second();
        let query = [("query", format!("{selector}[{seconds}s]")), ("time", end.as_second().to_string())];
        let request = http().get(format!("{}/api/v1/query", self.url)).query(&query);
        let answer = request.send().await.expect("an answer").text().await.expect("a body");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let found = answer.pointer("/data/result").and_then(Value::as_array);
        let found = found.unwrap_or_else(|| panic!("{answer}"));
        found.iter().map(|found| (series_of(&found["metric"]), values_of(&found["values"]))).collect()
    }

    /// The value of a query that has one, if it has one.
    pub async fn query(&self, query: &str) -> Option<f64> {
        let request = http().get(format!("{}/api/v1/query", self.url)).query(&[("query", query)]);
        let answer: Value = serde_json::from_str(&request.send().await.ok()?.text().await.ok()?).ok()?;
        answer.pointer("/data/result/0/value/1")?.as_str()?.parse().ok()
    }

    /// What a query finds at `at`, by labels; or what Prometheus says is wrong with it.
    pub async fn instant(&self, query: &str, at: Timestamp) -> Result<Found<f64>, String> {
        let parameters = [("query", query.to_owned()), ("time", seconds(at))];
        let found = self.ask("query", &parameters).await?;
        // A scalar has a time and a value, and no labels.
        if let Some([Value::Number(_), value]) = found.as_array().map(Vec::as_slice) {
            return Ok(vec![(Labels::new(), number(value))]);
        }
        let found = found.as_array().expect("a vector").iter();
        Ok(found.map(|found| (labels_of(&found["metric"]), number(&found["value"][1]))).collect())
    }

    /// What a query finds from `start` to `end`, once every `step`: samples by labels; or what Prometheus says is wrong with it.
    pub async fn range(
        &self,
        query: &str,
        (start, end): (Timestamp, Timestamp),
        step: Duration,
    ) -> Result<Found<Vec<(i64, f64)>>, String> {
        let step = step.as_secs_f64().to_string();
        let parameters =
            [("query", query.to_owned()), ("start", seconds(start)), ("end", seconds(end)), ("step", step)];
        let found = self.ask("query_range", &parameters).await?;
        let found = found.as_array().expect("a matrix").iter();
        Ok(found.map(|found| (labels_of(&found["metric"]), values_of(&found["values"]))).collect())
    }

    /// For how long it has worked since its start, by its own account.
    pub async fn cpu_time(&self) -> Duration {
        let answer = http().get(format!("{}/metrics", self.url)).send().await.expect("an answer");
        let page = answer.text().await.expect("a body");
        let line = page.lines().find_map(|line| line.strip_prefix("process_cpu_seconds_total "));
        Duration::from_secs_f64(line.and_then(|seconds| seconds.parse().ok()).expect("its CPU time"))
    }

    async fn ask(&self, what: &str, parameters: &[(&str, String)]) -> Result<Value, String> {
        let request = http().get(format!("{}/api/v1/{what}", self.url)).query(parameters);
        let answer = request.send().await.expect("an answer").text().await.expect("a body");
        let mut answer: Value = serde_json::from_str(&answer).map_err(|_| answer)?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["data"]["result"].take()),
        }
    }

    /// Asks until the value of a query is as `wanted`.
    pub async fn until(&self, query: &str, wanted: impl Fn(f64) -> bool) {
        while !self.query(query).await.is_some_and(&wanted) {
            tokio::task::yield_now().await;
        }
    }
}

fn seconds(at: Timestamp) -> String {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time stay below 2^53")]
    let milliseconds = at.as_millisecond() as f64;
    (milliseconds / 1_000.0).to_string()
}

fn labels_of(metric: &Value) -> Labels {
    let labels = metric.as_object().expect("labels").iter();
    labels.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())).collect()
}

fn number(value: &Value) -> f64 {
    value.as_str().expect("a value").parse().expect("a number")
}

/// A series as it is written in exposition formats, with its labels by name.
fn series_of(metric: &Value) -> String {
    let labels = metric.as_object().expect("labels").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let others: Vec<_> = labels
        .filter(|(name, _)| *name != "__name__")
        .map(|(name, value)| format!("{name}=\"{}\"", text(value)))
        .collect();
    format!("{}{{{}}}", text(&metric["__name__"]), others.join(","))
}

fn values_of(values: &Value) -> Vec<(i64, f64)> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our time")]
    let sample = |pair: &Value| {
        let millisecond = (pair[0].as_f64().expect("a time") * 1_000.0).round() as i64;
        (millisecond, number(&pair[1]))
    };
    values.as_array().expect("samples").iter().map(sample).collect()
}

/// A loopback address whose port was free a moment ago.
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    listener.local_addr().expect("an address").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "payloads of one hour stay far below 2^53")]
fn last_hour_of_all_orgs(world: &World, end: Timestamp) -> f64 {
    let start = end - jiff::SignedDuration::from_hours(1);
    let payloads = |org: &losant_exporter::simulator::Org| {
        world.payload_total(Owner::Org(org.id()), start, end, false, false)
    };
    world.orgs().iter().map(payloads).sum::<u64>() as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_prometheus_scrapes_the_exporter_and_knows_the_truth() {
    let Some(program) = components::program("prometheus") else { return };
    let app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let target = app.url.trim_start_matches("http://");
    let prometheus = Prometheus::start(&program, folder.path(), target).await;
    // When the third scrape has been served, the second one has been stored.
    within_patience("three scrapes", app.control.web_metrics().served(3)).await;
    let stored = async {
        while prometheus.query("up").await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, stored).await.expect("the first sample");

    assert_eq!(prometheus.query("up").await, Some(1.0));
    let truth = last_hour_of_all_orgs(&app.simulator.world(), "2026-03-17T14:00:00Z".parse().unwrap());
    assert!(truth > 0.0);
    assert_eq!(prometheus.query("sum(losant_org_payloads_last_hour)").await, Some(truth));
    assert_eq!(prometheus.query("count(losant_org_info)").await, Some(12.0));
    assert_eq!(prometheus.query("min(losant_up)").await, Some(1.0));
}
