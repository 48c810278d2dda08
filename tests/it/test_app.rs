//! The exporter on a simulated Losant, both on loopback, on a clock that only the test moves.

use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use jiff::Timestamp;
use losant_exporter::app::{Account, App, Control, Reloaded, Settings, Source, Wanted};
use losant_exporter::clock::{Clock, ClockHand};
use losant_exporter::config::{AccountConfig, Config};
use losant_exporter::lifecycle::{Ending, Shutdown, SignalSender, Signals, TaskDied};
use losant_exporter::losant::{Token, TokenSource};
use losant_exporter::simulator::{self, Simulator, World, WorldConfig};
use losant_exporter::web::Guard;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::scrape::Scrape;

/// Nothing here waits longer than this, whatever breaks.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long, and how often in a row, no request may come in until time goes on: what is under way then waits for the clock,
/// and not for loopback.
const STALL: Duration = Duration::from_millis(1);
const STALLS: u32 = 3;

/// Longer than any poll goes on, with all its retries, pauses and delays.
const LONGEST_POLL: Duration = Duration::from_secs(3_600);

/// An exporter and its Losant. Dropping it ends both.
pub struct TestApp {
    pub simulator: Simulator,
    pub clock: Clock,
    pub hand: ClockHand,
    pub control: Control,
    pub signals: SignalSender,
    /// Base URL of the exporter.
    pub url: String,
    /// Base URL of the simulated Losant.
    pub losant: String,
    /// The Losants of the other accounts.
    pub others: Vec<Simulator>,
    /// What the exporter finds when it reads its configuration anew, or why it cannot.
    pub next: Arc<Mutex<Result<Config, String>>>,
    config: Config,
    exporter: JoinSet<Result<Ending, TaskDied>>,
    _simulator_tasks: SimulatorTasks,
}

pub type SimulatorTasks = JoinSet<std::io::Result<()>>;

/// What differs from an ordinary world and configuration.
pub struct Setup {
    pub now: Timestamp,
    pub world: World,
    pub config: Config,
    pub account: AccountConfig,
    /// Further accounts by name, each with a world and a Losant of its own. Their settings are those of the first.
    pub others: Vec<(String, World)>,
}

impl Setup {
    /// The ordinary world at `now`.
    pub fn at(now: &str) -> Self {
        let account = AccountConfig {
            // The budget is not what these tests are about: time stands still, so nobody would refill it.
            requests_per_second: 1_000_000.0,
            burst: 1_000_000,
            max_in_flight: 8,
            max_attempts: 1,
            ..AccountConfig::default()
        };
        Self {
            now: now.parse().expect("a time"),
            world: World::new(WorldConfig::default()),
            config: Config::default(),
            account,
            others: Vec::new(),
        }
    }

    /// Starts both and waits for the first full cycle.
    pub async fn start(self) -> TestApp {
        let app = self.start_unready().await;
        within_patience("the first cycle", app.control.ready()).await;
        app
    }

    /// Starts both.
    pub async fn start_unready(self) -> TestApp {
        let Self { now, world, mut config, account, others: other_worlds } = self;
        install_crypto();
        let (clock, hand) = Clock::manual(now);
        let mut simulator_tasks = JoinSet::new();
        let (simulator, losant) = start_simulator(world, &clock, &mut simulator_tasks).await;
        let mut others = Vec::new();
        for (name, world) in other_worlds {
            let (simulator, base_url) = start_simulator(world, &clock, &mut simulator_tasks).await;
            config.accounts.insert(name, AccountConfig { base_url, ..account.clone() });
            others.push(simulator);
        }
        let account = AccountConfig { base_url: losant.clone(), ..account };
        config.accounts.insert("default".to_owned(), account);
        let next = Arc::new(Mutex::new(Ok(config.clone())));
        let (exporter, control, signals, url) =
            start_exporter(&config, simulator.token(), clock.clone(), &next).await;
        TestApp {
            simulator,
            clock,
            hand,
            control,
            signals,
            url,
            losant,
            others,
            next,
            config,
            exporter,
            _simulator_tasks: simulator_tasks,
        }
    }
}

impl TestApp {
    /// Polls everything once; fails the test when a poll fails.
    pub async fn poll_now(&self) {
        let report = within_patience("a cycle", self.control.poll_now()).await.expect("a running poller");
        assert_eq!(report.failed, 0, "{report:?}");
    }

    /// Polls everything once, whatever comes of it. Returns how many polls failed.
    pub async fn poll_failing(&self) -> usize {
        within_patience("a cycle", self.control.poll_now()).await.expect("a running poller").failed
    }

    /// Ends the exporter, starts another one on the same Losant, and waits for its first full cycle.
    pub async fn restart(&mut self) {
        self.restart_unready().await;
        within_patience("the first cycle", self.control.ready()).await;
    }

    /// Ends the exporter and starts another one on the same Losant.
    pub async fn restart_unready(&mut self) {
        self.exporter.abort_all();
        while self.exporter.join_next().await.is_some() {}
        let (exporter, control, signals, url) =
            start_exporter(&self.config, self.simulator.token(), self.clock.clone(), &self.next).await;
        (self.exporter, self.control, self.signals, self.url) = (exporter, control, signals, url);
    }

    /// Lets `duration` pass, and waits until the polls that it made due have ended.
    pub async fn let_pass(&self, duration: Duration) {
        self.hand.advance(duration);
        within_patience("the polls that are due", self.control.idle()).await;
    }

    /// Lets `duration` pass at once, and then a second at a time for as long as polls wait for one: for the budget, a pause,
    /// a retry, an answer that is late. Returns when no poll is due or under way.
    pub async fn let_pass_with_waits(&self, duration: Duration) {
        self.hand.advance(duration);
        let latest = self.clock.uptime() + LONGEST_POLL;
        let idle = async {
            let mut idle = std::pin::pin!(self.control.idle());
            let (mut asked, mut stalls) = (0, 0);
            while tokio::time::timeout(STALL, &mut idle).await.is_err() {
                let before = std::mem::replace(&mut asked, self.simulator.request_count());
                stalls = if before == asked { stalls + 1 } else { 0 };
                if stalls == STALLS {
                    stalls = 0;
                    self.hand.advance(Duration::from_secs(1));
                    assert!(self.clock.uptime() < latest, "polls wait for {LONGEST_POLL:?}");
                }
            }
        };
        within_patience("the polls that are due", idle).await;
    }

    /// Whether no task of the exporter has died, nor ended.
    pub fn is_running(&mut self) -> bool {
        self.exporter.try_join_next().is_none()
    }

    /// Lets time pass in small steps until `future` is done: retries come due, budgets refill.
    pub async fn while_time_passes<T>(&self, future: impl Future<Output = T>) -> T {
        let passing = async {
            loop {
                self.hand.advance(Duration::from_millis(100));
                tokio::task::yield_now().await;
            }
        };
        let done = async {
            tokio::select! {
                done = future => done,
                () = passing => unreachable!("time passes for ever"),
            }
        };
        within_patience("what time should bring", done).await
    }

    /// The metrics as Prometheus text 0.0.4.
    pub async fn scrape(&self) -> Scrape {
        let (status, _, body) = self.get("/metrics", "text/plain;version=0.0.4").await;
        assert_eq!(status, 200);
        Scrape::parse(&body)
    }

    /// Status, content type and body of a page of the exporter. The page of metrics shows what is known now.
    pub async fn get(&self, path: &str, accept: &str) -> (u16, String, String) {
        within_patience("the page", self.control.rendered()).await;
        let request = http().get(format!("{}{path}", self.url)).header("accept", accept);
        let response = within_patience("an answer", request.send()).await.expect("an answer");
        let status = response.status().as_u16();
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        (status, content_type, response.text().await.expect("a body"))
    }

    /// Has the exporter take over a configuration that `change` has changed.
    pub async fn reload(&self, change: impl FnOnce(&mut Config)) -> Result<Reloaded, String> {
        if let Ok(config) = &mut *self.next.lock().expect("a configuration") {
            change(config);
        }
        within_patience("a reload", self.control.reloader().reload("a test")).await
    }

    /// How the exporter ended.
    pub async fn ended(&mut self) -> Result<Ending, TaskDied> {
        let ended = within_patience("the end of the exporter", self.exporter.join_next()).await;
        ended.expect("an exporter").expect("no panic")
    }
}

/// Starts a simulated Losant, which ends with `tasks`. Returns its base URL, too.
pub async fn start_simulator(world: World, clock: &Clock, tasks: &mut SimulatorTasks) -> (Simulator, String) {
    let simulator = Simulator::new(world, clock.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tasks.spawn(simulator::serve(simulator.clone(), listener, std::future::pending()));
    (simulator, url)
}

/// What a configuration comes to.
fn settings(config: &Config, token: &str) -> Result<Settings, String> {
    config.validate().map_err(|error| error.to_string())?;
    let accounts = config.accounts.iter().map(|(name, account)| Account {
        name: name.clone(),
        config: account.clone(),
        token: match &account.token_file {
            Some(file) => TokenSource::File(file.clone()),
            // All simulators are opened by the same one, until a test revokes it.
            None => TokenSource::Fixed(Token::new(token).expect("a token")),
        },
    });
    let selection = config.selection.compile().map_err(|error| error.to_string())?;
    let shard = config.sharding.resolve(|_| None).map_err(|error| error.to_string())?;
    Ok(Settings { config: config.clone(), accounts: accounts.collect(), wanted: Wanted { selection, shard } })
}

async fn start_exporter(
    config: &Config,
    token: &str,
    clock: Clock,
    next: &Arc<Mutex<Result<Config, String>>>,
) -> (JoinSet<Result<Ending, TaskDied>>, Control, SignalSender, String) {
    let Settings { config: own, accounts, wanted } = settings(config, token).expect("settings");
    let app = App::new(own, accounts, wanted, clock.clone()).expect("an app");
    let (next, token) = (Arc::clone(next), token.to_owned());
    let read = move || settings(&next.lock().expect("a configuration").clone()?, &token);
    let guard = config.web.config_file.as_deref();
    let guard = guard.map_or_else(Guard::open, |file| Guard::load(file).expect("a web configuration"));
    let source = Source { read: Arc::new(read), file: None, held: None, log: None };
    let app = app.guarded_by(guard).reloading_from(source);
    let control = app.control();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, signals) = Signals::manual();
    let shutdown = Shutdown::new(signals, clock, Duration::from_secs(15));
    let mut exporter = JoinSet::new();
    exporter.spawn(app.run(vec![listener], shutdown));
    (exporter, control, sender, url)
}

/// An HTTP client of the test's own.
pub fn http() -> reqwest::Client {
    install_crypto();
    reqwest::Client::builder().build().expect("a client")
}

/// The same, but it neither asks for gzip nor decodes it: bodies are what was sent.
pub fn http_without_gzip() -> reqwest::Client {
    install_crypto();
    reqwest::Client::builder().no_gzip().build().expect("a client")
}

fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Whoever was first is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Waits for `what`, and fails the test instead of hanging when it does not come.
pub async fn within_patience<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}
