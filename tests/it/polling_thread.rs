//! The thread that polls, apart from those that serve.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use losant_exporter::app::{Account, App, Settings, Source, Wanted};
use losant_exporter::clock::Clock;
use losant_exporter::config::{AccountConfig, Config};
use losant_exporter::lifecycle::{Ending, Shutdown, Signals, Tasks};
use losant_exporter::losant::{Token, TokenSource};
use losant_exporter::simulator::{World, WorldConfig};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::scrape::Scrape;
use crate::test_app::{SimulatorTasks, http, start_simulator, within_patience};

/// What polls the Losant at `base_url`.
fn settings(base_url: &str, token: &str) -> Settings {
    let config = AccountConfig { base_url: base_url.to_owned(), ..AccountConfig::default() };
    let accounts = BTreeMap::from([("default".to_owned(), config.clone())]);
    let token = TokenSource::Fixed(Token::new(token).expect("a token"));
    let account = Account { name: "default".to_owned(), config, token };
    let config = Config { accounts, ..Config::default() };
    Settings { config, accounts: vec![account], wanted: Wanted::everybody() }
}

async fn scrape(url: &str) -> Scrape {
    let answer = within_patience("an answer", http().get(url).send()).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    Scrape::parse(&within_patience("a page", answer.text()).await.expect("a page"))
}

/// Has the thread of `polling` do nothing until the other end of `hold` is dropped.
async fn hold_thread(polling: &Handle, hold: mpsc::Receiver<()>) {
    let (begun, beginning) = oneshot::channel();
    polling.spawn(async move {
        begun.send(()).expect("somebody waits");
        let _ = hold.recv();
    });
    within_patience("the thread", beginning).await.expect("a task");
}

/// Starts an exporter that polls on `polling`, scrapes it while that is held, and lets it go on, take over a configuration, and end.
async fn live(polling: &Handle) {
    let clock = Clock::system();
    let mut simulators = SimulatorTasks::new();
    let world = World::new(WorldConfig { orgs: 3, sandboxes: 2, ..WorldConfig::default() });
    let (simulator, losant) = start_simulator(world, &clock, &mut simulators).await;
    let token = simulator.token().to_owned();
    let (release, hold) = mpsc::channel();
    hold_thread(polling, hold).await;

    let Settings { config, accounts, wanted } = settings(&losant, &token);
    let app = App::new(config, accounts, wanted, clock.clone()).expect("an app").polling_on(polling.clone());
    let read = Arc::new(move || {
        let mut settings = settings(&losant, &token);
        settings.accounts.clear();
        settings.config.accounts.clear();
        Ok(settings)
    });
    let app = app.reloading_from(Source { read, file: None, held: None, log: None });
    let control = app.control();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let url = format!("http://{}/metrics", listener.local_addr().expect("an address"));
    let (signal, signals) = Signals::manual();
    let mut tasks = Tasks::new();
    let shutdown =
        app.spawn(&mut tasks, vec![listener], Shutdown::new(signals, clock, Duration::from_secs(15)));
    assert_eq!(polling.metrics().num_alive_tasks(), 2, "what holds the thread, and the pollers");
    let mut running = JoinSet::new();
    running.spawn(tasks.run_until(shutdown));

    let page = scrape(&url).await;
    assert_eq!(page.value("losant_exporter_ready"), Some(0.0));
    assert!(page.family("losant_org_info").is_empty());
    drop(release);
    within_patience("the first sweep", control.ready()).await;
    within_patience("a page", control.rendered()).await;
    assert_eq!(scrape(&url).await.family("losant_org_info").len(), 3);

    let reloaded = within_patience("a reload", control.reloader().reload("a test")).await.expect("a reload");
    assert!(!reloaded.changed.is_empty());
    within_patience("a page", control.rendered()).await;
    assert!(scrape(&url).await.family("losant_org_info").is_empty(), "nobody polls any more");

    signal.send("SIGTERM");
    let ended = within_patience("the end", running.join_next()).await.expect("a task").expect("no panic");
    assert_eq!(ended, Ok(Ending::Drained));
}

#[test]
fn a_scrape_does_not_wait_for_the_thread_that_polls_and_that_one_polls_reloads_and_ends() {
    let polling = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
    let serving = Runtime::new().expect("a runtime");
    serving.block_on(live(polling.handle()));
}
