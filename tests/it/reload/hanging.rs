//! A file system that does not answer.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use losant_exporter::app::{Account, App, Source, Wanted};
use losant_exporter::clock::Clock;
use losant_exporter::config::{AccountConfig, Config};
use losant_exporter::lifecycle::{Ending, Shutdown, Signals};
use losant_exporter::losant::{Token, TokenSource};
use tokio::task::JoinSet;

use super::NOW;
use crate::test_app::within_patience;

#[tokio::test]
async fn a_configuration_that_hangs_while_it_is_read_keeps_the_process_from_nothing() {
    let (clock, _hand) = Clock::manual(NOW.parse().expect("a time"));
    // Nobody listens there.
    let account = AccountConfig { base_url: "http://127.0.0.1:1".to_owned(), ..AccountConfig::default() };
    let token = TokenSource::Fixed(Token::new("a.token").expect("a token"));
    let account = Account { name: "default".to_owned(), config: account, token };
    let app = App::new(Config::default(), vec![account], Wanted::everybody(), clock.clone()).expect("an app");
    let (begun, mut reading) = tokio::sync::mpsc::unbounded_channel();
    let (release, hanging) = mpsc::channel::<()>();
    let hanging = Mutex::new(hanging);
    let read = move || {
        let _ = begun.send(());
        let _ = hanging.lock().expect("one reader").recv();
        Err("it hung".to_owned())
    };
    let app = app.reloading_from(Source { read: Arc::new(read), file: None, held: None, log: None });
    let reloader = app.control().reloader().clone();
    let (signal, signals) = Signals::manual();
    let mut tasks = JoinSet::new();
    tasks.spawn(app.run(Vec::new(), Shutdown::new(signals, clock, Duration::from_secs(15))));
    let mut orders = JoinSet::new();
    orders.spawn(async move { reloader.reload("a test").await });
    within_patience("a reader", reading.recv()).await.expect("a reader");
    signal.send("SIGTERM");
    let ended = within_patience("the end", tasks.join_next()).await.expect("a task").expect("no panic");
    assert_eq!(ended, Ok(Ending::Drained));
    let answer = within_patience("an answer", orders.join_next()).await.expect("a task").expect("no panic");
    assert!(answer.is_err_and(|words| words.starts_with("the process is ending")));
    drop(release);
}
