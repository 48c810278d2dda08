use std::fs;
use std::pin::pin;
use std::sync::Arc;

use super::*;
use crate::clock::ClockHand;
use crate::losant::server::TempFile;
use crate::losant::{Call, Said, Unavailable};

/// A token file on a clock that stands still, and the log of what became of it.
struct Bench {
    file: TempFile,
    tokens: Tokens,
    hand: ClockHand,
    log: Arc<Mutex<Vec<u8>>>,
    _listening: (tracing::subscriber::DefaultGuard, tracing::Dispatch),
}

impl Bench {
    fn new(content: &str) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&log);
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || Log(Arc::clone(&into))).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        // While there is only one log, a line that is first come by on another thread would be silenced on all of them.
        let other = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
        let file = TempFile::new(content);
        let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        let tokens = Tokens::read(TokenSource::File(file.path().to_owned()), clock, None).unwrap();
        Self { file, tokens, hand, log, _listening: (guard, other) }
    }

    async fn uses(&self, token: &str) -> bool {
        self.tokens.current().await == Token::new(token).unwrap()
    }

    fn wait(&self, seconds: u64) {
        self.hand.advance(Duration::from_secs(seconds));
    }

    /// How many lines at `level` have been logged. Each names the file.
    fn lines(&self, level: &str) -> usize {
        let log = String::from_utf8(self.log.lock().unwrap().clone()).unwrap();
        assert!(!log.contains("secret"), "{log}");
        let file = format!("file={}", self.file.path().display());
        assert!(log.lines().all(|line| line.contains(&file)), "{log}");
        log.lines().filter(|line| line.contains(level)).count()
    }
}

struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_file_that_changes_is_taken_over_at_the_next_look_and_told_once() {
    let bench = Bench::new("secret-1");
    bench.file.write("secret-2\n");
    bench.wait(9);
    assert!(bench.uses("secret-1").await);
    bench.wait(1);
    assert!(bench.uses("secret-2").await);
    bench.wait(60);
    assert!(bench.uses("secret-2").await);
    assert_eq!((bench.lines("INFO"), bench.lines("WARN")), (1, 0));
}

#[tokio::test]
async fn a_file_that_is_no_older_or_comes_by_another_link_is_taken_over_too() {
    let bench = Bench::new("secret-1");
    let age = fs::metadata(bench.file.path()).unwrap().modified().unwrap();
    let other = TempFile::new("secret-2");
    fs::File::options().write(true).open(other.path()).unwrap().set_modified(age).unwrap();
    fs::rename(other.path(), bench.file.path()).unwrap();
    bench.wait(10);
    assert!(bench.uses("secret-2").await);
}

#[tokio::test]
async fn a_spoilt_file_leaves_the_token_and_is_complained_of_once_until_it_was_good_again() {
    let bench = Bench::new("secret-1");
    let spoilt = ["", "secret but two words", "\n"];
    for content in spoilt {
        bench.file.write(content);
        bench.wait(10);
        assert!(bench.uses("secret-1").await);
    }
    fs::remove_file(bench.file.path()).unwrap();
    bench.wait(10);
    assert!(bench.uses("secret-1").await);
    assert_eq!((bench.lines("INFO"), bench.lines("WARN")), (0, 1));

    bench.file.write("secret-1");
    bench.wait(10);
    assert!(bench.uses("secret-1").await);
    bench.file.write("");
    bench.wait(10);
    assert!(bench.uses("secret-1").await);
    assert_eq!((bench.lines("INFO"), bench.lines("WARN")), (0, 2));
}

#[tokio::test]
async fn a_refused_token_is_looked_for_at_once() {
    let bench = Bench::new("secret-1");
    let refused = bench.tokens.in_use();
    assert!(!bench.tokens.is_replaced(&refused).await);
    bench.file.write("secret-2");
    assert!(bench.tokens.is_replaced(&refused).await);
    assert!(bench.uses("secret-2").await);
    // The one that was refused is told of the new one without another look.
    bench.file.write("secret-3");
    assert!(bench.tokens.is_replaced(&refused).await);
    assert!(bench.uses("secret-2").await);
}

/// A pipe that nobody writes to yet hangs whoever reads it.
fn hang(bench: &Bench) {
    fs::remove_file(bench.file.path()).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(bench.file.path()).status().unwrap().success());
}

/// Has the reader of the pipe read this.
fn release(bench: &Bench, content: &str) {
    fs::write(bench.file.path(), content).unwrap();
}

/// What `future` comes to, which waits for a file that hangs. `meanwhile` comes before.
async fn out_of_patience<T>(future: impl Future<Output = T>, meanwhile: impl Future<Output = ()>) -> T {
    let mut future = pin!(future);
    let waits = tokio::select! { biased; _ = &mut future => false, () = tokio::task::yield_now() => true };
    assert!(waits, "it did not wait");
    meanwhile.await;
    future.await
}

#[tokio::test]
async fn a_file_that_hangs_holds_up_one_request_for_a_second_and_is_taken_over_when_it_does_not_any_more() {
    let bench = Bench::new("secret-1");
    hang(&bench);
    let old = Token::new("secret-1").unwrap();
    for _ in 0..2 {
        bench.wait(10);
        let another = async { assert!(bench.uses("secret-1").await, "another goes on meanwhile") };
        assert_eq!(out_of_patience(bench.tokens.current(), another).await, old);
        assert!(bench.uses("secret-1").await, "nobody waits again so soon");
    }
    assert_eq!((bench.lines("INFO"), bench.lines("WARN")), (0, 1));
    release(&bench, "secret-2");
    bench.wait(10);
    assert!(bench.uses("secret-2").await);
    assert_eq!((bench.lines("INFO"), bench.lines("WARN")), (1, 1));
}

#[tokio::test]
async fn what_was_being_read_when_a_token_was_refused_may_be_the_refused_one_and_is_read_again() {
    let bench = Bench::new("secret-1");
    let refused = bench.tokens.in_use();
    hang(&bench);
    let is_replaced = out_of_patience(bench.tokens.is_replaced(&refused), async {}).await;
    assert!(!is_replaced);
    release(&bench, "secret-1");
    fs::remove_file(bench.file.path()).unwrap();
    bench.file.write("secret-2");
    assert!(bench.tokens.is_replaced(&refused).await);
    assert!(bench.uses("secret-2").await);
}

#[tokio::test]
async fn a_token_without_a_file_stays() {
    let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
    let token = Token::new("secret").unwrap();
    let tokens = Tokens::read(TokenSource::Fixed(token.clone()), clock, None).unwrap();
    hand.advance(Duration::from_secs(60));
    assert_eq!(tokens.current().await, token);
    assert!(!tokens.is_replaced(&token).await);
}

#[test]
fn an_answer_about_the_question_says_that_the_token_is_good_and_trouble_on_the_way_says_nothing() {
    let bench = Bench::new("secret");
    let call = Call::list_instances();
    let said = Said::default;
    let unavailable = |reason| Err(Error::Unavailable { call, reason, said: said() });
    assert_eq!(bench.tokens.is_accepted(), None);
    for (result, accepted) in [
        (unavailable(Unavailable::Timeout), None),
        (Err(Error::Unauthorized { call, said: said() }), Some(false)),
        (unavailable(Unavailable::Connect), Some(false)),
        (unavailable(Unavailable::Io), Some(false)),
        (unavailable(Unavailable::Status(503)), Some(false)),
        (Err(Error::Forbidden { call, said: said() }), Some(true)),
        (Err(Error::Unauthorized { call, said: said() }), Some(false)),
        (Ok(()), Some(true)),
    ] {
        bench.tokens.note(&result);
        assert_eq!(bench.tokens.is_accepted(), accepted, "{result:?}");
    }
}
