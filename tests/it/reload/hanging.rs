//! A file system that does not answer.

use std::fs::File;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use losant_exporter::app::{Account, App, Settings, Source, Wanted};
use losant_exporter::clock::Clock;
use losant_exporter::config::{AccountConfig, Config};
use losant_exporter::lifecycle::{Ending, Shutdown, Signals};
use losant_exporter::losant::{Token, TokenSource};
use tokio::task::JoinSet;

use super::NOW;
use crate::test_app::within_patience;

/// An account that asks where nobody listens.
fn account(token: TokenSource) -> Account {
    let config = AccountConfig { base_url: "http://127.0.0.1:1".to_owned(), ..AccountConfig::default() };
    Account { name: "default".to_owned(), config, token }
}

fn fixed_token() -> TokenSource {
    TokenSource::Fixed(Token::new("a.token").expect("a token"))
}

/// Ends an exporter that takes over what `read` brings, once `hangs` says that this has begun and hangs.
async fn end_while_it_hangs(
    read: impl Fn() -> Result<Settings, String> + Send + Sync + 'static,
    hangs: impl Future<Output = ()>,
) {
    let (clock, _hand) = Clock::manual(NOW.parse().expect("a time"));
    let accounts = vec![account(fixed_token())];
    let app = App::new(Config::default(), accounts, Wanted::everybody(), clock.clone()).expect("an app");
    let app = app.reloading_from(Source { read: Arc::new(read), file: None, held: None, log: None });
    let reloader = app.control().reloader().clone();
    let (signal, signals) = Signals::manual();
    let mut tasks = JoinSet::new();
    tasks.spawn(app.run(Vec::new(), Shutdown::new(signals, clock, Duration::from_secs(15))));
    let mut orders = JoinSet::new();
    orders.spawn(async move { reloader.reload("a test").await });
    within_patience("a reader", hangs).await;
    signal.send("SIGTERM");
    let ended = within_patience("the end", tasks.join_next()).await.expect("a task").expect("no panic");
    assert_eq!(ended, Ok(Ending::Drained));
    let answer = within_patience("an answer", orders.join_next()).await.expect("a task").expect("no panic");
    assert!(answer.is_err_and(|words| words.starts_with("the process is ending")));
}

#[tokio::test]
async fn a_configuration_that_hangs_while_it_is_read_keeps_the_process_from_nothing() {
    let (begun, mut reading) = tokio::sync::mpsc::unbounded_channel();
    let (release, hanging) = mpsc::channel::<()>();
    let hanging = Mutex::new(hanging);
    let read = move || {
        let _ = begun.send(());
        let _ = hanging.lock().expect("one reader").recv();
        Err("it hung".to_owned())
    };
    end_while_it_hangs(read, async { reading.recv().await.expect("a reader") }).await;
    drop(release);
}

#[tokio::test]
async fn neither_does_a_token_file_that_a_new_client_is_made_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("token");
    assert!(Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()), "a pipe");
    let token = TokenSource::File(pipe.clone());
    let read = move || {
        let (config, accounts) = (Config::default(), vec![account(token.clone())]);
        Ok(Settings { config, accounts, wanted: Wanted::everybody() })
    };
    let (opened, mut writer) = tokio::sync::mpsc::unbounded_channel();
    let mut writing = JoinSet::new();
    writing.spawn_blocking(move || {
        // Opens once somebody reads; who then waits for a word until it is closed.
        let _ = opened.send(File::options().write(true).open(pipe).expect("a pipe"));
    });
    let mut held = None;
    end_while_it_hangs(read, async { held = writer.recv().await }).await;
    drop(held.expect("a reader"));
}
