//! SIGTERM while everybody scrapes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use losant_exporter::clock::Clock;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::site::Site;
use crate::test_app::within_patience;

/// How often a process is told to end.
const ROUNDS: usize = 5;
/// Who scrapes meanwhile, each as fast as it gets answers. Half of them open a connection for each scrape.
const SCRAPERS: usize = 16;
/// How many new connections may be reset each time, opened between the last look of the process at who waits and the end of its
/// listener: that is a moment of microseconds, unless the machine has something else to do just then.
const MOST_RESET: usize = 4;

/// How a scrape went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Whole,
    /// Nobody listened: nothing was asked.
    NotTaken,
    /// The connection that was kept had ended, or ended at that moment without a byte: clients then open another one.
    NotKept,
    /// A new connection was reset before a byte had come: the system had opened it, and the process has not seen it.
    Reset,
    /// It was asked, and no whole answer came.
    Cut,
}

/// One who scrapes, and keeps the connection or not.
struct Scraper {
    address: SocketAddr,
    keeps: bool,
    kept: Option<TcpStream>,
}

impl Scraper {
    async fn scrape(&mut self) -> (Outcome, String) {
        let kept = self.kept.take();
        let is_kept = kept.is_some();
        let mut stream = match kept {
            Some(stream) if has_ended(&stream) => return (Outcome::NotKept, String::new()),
            Some(stream) => stream,
            None => match TcpStream::connect(self.address).await {
                Ok(stream) => stream,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    return (Outcome::NotTaken, String::new());
                }
                // Its place in the queue went with the listener, before anything was asked.
                Err(error) => return (Outcome::NotTaken, error.to_string()),
            },
        };
        match self.ask(&mut stream).await {
            Ok(close) => {
                if self.keeps && !close {
                    self.kept = Some(stream);
                }
                (Outcome::Whole, String::new())
            }
            Err((error, 0)) if is_kept => (Outcome::NotKept, error.to_string()),
            Err((error, 0)) if was_reset(&error) => (Outcome::Reset, error.to_string()),
            Err((error, came)) => (Outcome::Cut, format!("{error} after {came} bytes")),
        }
    }

    /// Asks, and reads the answer to its end. Returns whether the connection is not to be used again. An error comes with the
    /// number of bytes before it.
    async fn ask(&self, stream: &mut TcpStream) -> Result<bool, (io::Error, usize)> {
        let end = if self.keeps { "" } else { "connection: close\r\n" };
        let request = format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{end}\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| (error, 0))?;
        let mut answer = Vec::new();
        let mut piece = vec![0; 64 << 10];
        while !is_whole(&answer) {
            match stream.read(&mut piece).await.map_err(|error| (error, answer.len()))? {
                0 => return Err((io::ErrorKind::UnexpectedEof.into(), answer.len())),
                read => answer.extend_from_slice(&piece[..read]),
            }
        }
        let (head, _) = parts(&answer).expect("a head");
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        Ok(head.contains("connection: close"))
    }
}

/// Head and body of an answer, as far as they have come.
fn parts(answer: &[u8]) -> Option<(String, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((String::from_utf8_lossy(&answer[..end]).to_lowercase(), &answer[end + 4..]))
}

/// Whether the whole answer has come.
fn is_whole(answer: &[u8]) -> bool {
    let Some((head, body)) = parts(answer) else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    // Without a length it ends with an empty piece.
    length.map_or(body.ends_with(b"\r\n0\r\n\r\n"), |length| {
        length.parse().is_ok_and(|length: usize| body.len() >= length)
    })
}

fn was_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Whether the other side has ended a connection on which nothing is asked.
fn has_ended(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_scrape_fails_that_was_asked_before_or_while_the_process_is_told_to_end() {
    let site = Site::new().await;
    let (mut whole, mut not_taken, mut resets, mut cut) = (0, 0, Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut process = site.start().await;
        let address = process.url().trim_start_matches("http://").parse().expect("an address");
        let told = Arc::new(AtomicBool::new(false));
        let mut scrapers = JoinSet::new();
        for number in 0..SCRAPERS {
            let (mut scraper, told) =
                (Scraper { address, keeps: number % 2 == 0, kept: None }, Arc::clone(&told));
            scrapers.spawn(async move {
                let mut outcomes = Vec::new();
                loop {
                    let (outcome, why) = scraper.scrape().await;
                    // Looked up afterwards: it may be told while somebody is about to connect.
                    outcomes.push((outcome, why, told.load(Ordering::SeqCst)));
                    match outcome {
                        Outcome::Whole | Outcome::NotKept => {}
                        Outcome::NotTaken | Outcome::Reset | Outcome::Cut => return outcomes,
                    }
                }
            });
        }
        Clock::system().sleep(Duration::from_millis(100 + 37 * round as u64)).await;
        told.store(true, Ordering::SeqCst);
        process.signal(Signal::TERM);
        let all = within_patience("the scrapers", scrapers.join_all()).await.concat();
        let ended = process.ended().await;
        assert_eq!(ended.code(), Some(0), "{:?}", process.lines());
        let mut reset = Vec::new();
        for (outcome, why, was_told) in all {
            match outcome {
                Outcome::Whole => whole += 1,
                Outcome::NotTaken => {
                    assert!(was_told, "nobody listened although the process had not been told to end: {why}");
                    not_taken += 1;
                }
                Outcome::NotKept => {}
                Outcome::Reset => {
                    assert!(was_told, "reset although the process had not been told to end: {why}");
                    reset.push(why);
                }
                Outcome::Cut => cut.push(why),
            }
        }
        resets.push(reset.len());
    }
    eprintln!(
        "SIGTERM under load: {ROUNDS} times, {SCRAPERS} scrapers, {whole} scrapes whole, {} cut, connections \
         that were reset {resets:?}",
        cut.len()
    );
    assert!(cut.is_empty(), "{} of {whole} scrapes were cut: {cut:?}", cut.len());
    assert!(resets.iter().all(|reset| *reset <= MOST_RESET), "reset: {resets:?}");
    assert_eq!(
        not_taken + resets.iter().sum::<usize>(),
        ROUNDS * SCRAPERS,
        "every scraper goes on until nobody listens"
    );
}
