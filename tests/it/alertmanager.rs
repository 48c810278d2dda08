//! With a real Alertmanager, and somebody who is told.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::prometheus::free_address;
use crate::test_app::{http, within_patience};

/// How often a port that was free is tried before something else must be wrong.
const TRIES: usize = 5;

/// An Alertmanager that ends with the test.
pub struct Alertmanager {
    child: Child,
    /// `host:port`, as Prometheus wants it.
    pub address: String,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Alertmanager {
    /// Starts one with this configuration; its data go into `folder`.
    pub async fn start(program: &Path, folder: &Path, config: &str) -> Self {
        let file = folder.join("alertmanager.yml");
        std::fs::write(&file, config).expect("a configuration file");
        for try_number in 0..TRIES {
            let address = free_address();
            let child = Command::new(program)
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.path={}", folder.join(format!("alerts{try_number}")).display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--cluster.listen-address=")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("alertmanager starts");
            let mut alertmanager = Self { child, address };
            if within_patience("alertmanager", alertmanager.is_ready()).await {
                return alertmanager;
            }
        }
        panic!("alertmanager ended {TRIES} times");
    }

    /// Waits until it serves. `false` when it ends instead, since somebody else was given its port meanwhile.
    async fn is_ready(&mut self) -> bool {
        loop {
            if self.child.try_wait().expect("its state").is_some() {
                return false;
            }
            let answer = http().get(format!("http://{}/-/ready", self.address)).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return true;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// An alert as a receiver is told of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The receiver of the routing that it came through.
    pub receiver: String,
    pub firing: bool,
    pub name: String,
    body: Value,
}

impl Told {
    pub fn label(&self, name: &str) -> &str {
        self.body["labels"][name].as_str().unwrap_or_default()
    }

    pub fn annotation(&self, name: &str) -> &str {
        self.body["annotations"][name].as_str().unwrap_or_default()
    }
}

/// Receives webhooks, and remembers what it was told.
pub struct Webhook {
    pub url: String,
    told: Arc<watch::Sender<Vec<Told>>>,
    _server: JoinSet<std::io::Result<()>>,
}

impl Webhook {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let told = Arc::new(watch::Sender::new(Vec::new()));
        let notes = Arc::clone(&told);
        let receive = move |body: String| async move {
            let body: Value = serde_json::from_str(&body).expect("a notification");
            let receiver = body["receiver"].as_str().unwrap_or_default().to_owned();
            let alerts = body["alerts"].as_array().expect("alerts").clone();
            let alerts = alerts.into_iter().map(|alert| Told {
                receiver: receiver.clone(),
                firing: alert["status"] == "firing",
                name: alert["labels"]["alertname"].as_str().unwrap_or_default().to_owned(),
                body: alert,
            });
            notes.send_modify(|told| told.extend(alerts));
        };
        let router = axum::Router::new().fallback(receive);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await });
        Self { url, told, _server: server }
    }

    /// The shipped routing, except that receivers are the webhook and that nobody waits for more to be said.
    pub fn routing(&self) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/alertmanager.example.yaml");
        let mut config = String::new();
        for line in std::fs::read_to_string(path).expect("the routing").lines() {
            let (key, _) = line.split_once(": ").unwrap_or((line, ""));
            let line = match key.trim_start() {
                "group_wait" => format!("{key}: 0s"),
                "group_interval" => format!("{key}: 1s"),
                _ => line.replace("http://127.0.0.1:5001", &self.url),
            };
            config += &line;
            config.push('\n');
        }
        assert!(config.contains(&self.url) && config.contains("group_wait: 0s"), "{config}");
        config
    }

    /// Everything it was told so far, oldest first.
    pub fn told(&self) -> Vec<Told> {
        self.told.borrow().clone()
    }

    /// Waits until it is told of an alert as `wanted`.
    pub async fn is_told(&self, wanted: impl Fn(&Told) -> bool) -> Told {
        let mut told = self.told.subscribe();
        let found = told.wait_for(|told| told.iter().any(&wanted)).await.expect("the receiver lives");
        found.iter().find(|told| wanted(told)).cloned().expect("it was found")
    }
}
