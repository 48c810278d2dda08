//! The thread that polls, apart from those that serve.

use std::sync::mpsc;
use std::time::Duration;

use losant_exporter::app::{Account, App, Wanted};
use losant_exporter::clock::Clock;
use losant_exporter::config::{AccountConfig, Config};
use losant_exporter::lifecycle::{Ending, Shutdown, Signals};
use losant_exporter::losant::{Token, TokenSource};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::scrape::Scrape;
use crate::test_app::{http, within_patience};

/// An exporter of an account that asks where nobody listens.
fn app(clock: Clock) -> App {
    let config = AccountConfig { base_url: "http://127.0.0.1:1".to_owned(), ..AccountConfig::default() };
    let token = TokenSource::Fixed(Token::new("a.token").expect("a token"));
    let account = Account { name: "default".to_owned(), config, token };
    App::new(Config::default(), vec![account], Wanted::everybody(), clock).expect("an app")
}

/// Scrapes an exporter while the thread that it polls on does nothing else than wait for `release`.
async fn scrape_while_the_thread_is_held(polling: &Handle, hold: mpsc::Receiver<()>) -> Scrape {
    let clock = Clock::system();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let url = format!("http://{}/metrics", listener.local_addr().expect("an address"));
    let (signal, signals) = Signals::manual();
    let (begun, beginning) = oneshot::channel();
    polling.spawn(async move {
        begun.send(()).expect("somebody waits");
        // Until the other end is dropped.
        let _ = hold.recv();
    });
    within_patience("the thread", beginning).await.expect("a task");
    let app = app(clock.clone()).polling_on(polling.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(app.run(vec![listener], Shutdown::new(signals, clock, Duration::ZERO)));
    let answer = within_patience("an answer", http().get(url).send()).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let page = within_patience("a page", answer.text()).await.expect("a page");
    signal.send("SIGTERM");
    // The pollers cannot hear of it.
    let ended = within_patience("the end", tasks.join_next()).await.expect("a task").expect("no panic");
    assert_eq!(ended, Ok(Ending::TimedOut));
    Scrape::parse(&page)
}

#[test]
fn a_scrape_does_not_wait_for_the_thread_that_polls() {
    let polling = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
    let (release, hold) = mpsc::channel();
    let serving = Runtime::new().expect("a runtime");
    let scrape = serving.block_on(scrape_while_the_thread_is_held(polling.handle(), hold));
    assert_eq!(scrape.value("losant_exporter_ready"), Some(0.0));
    drop(release);
}
