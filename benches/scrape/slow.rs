//! Fifty scrapers at once, of which five read ten kilobytes a second: whether the others feel it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use losant_exporter::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::client::{Client, Coding, TEXT};
use crate::fleet::{DEFAULT, Exporter, Fleet};
use crate::limits::{Limits, print_figure, print_title};
use crate::machine::in_words;
use crate::rounds::quantile;
use crate::sizes::Size;

const QUICK: usize = 45;
const SLOW: usize = 5;

/// What a slow one reads, and how often.
const PIECE: usize = 1_000;
const PIECE_EVERY: Duration = Duration::from_millis(100);

/// Little is kept for a slow one on its own side: its server has to wait for it.
const RECEIVE_BUFFER: u32 = 16 * 1_024;

/// Phases without and with slow ones take turns.
const TURNS: usize = 4;
const PHASE: Duration = Duration::from_secs(10);

/// How many times longer a scrape of the others may take because of them.
const MOST_RATIO: f64 = 2.0;

pub async fn run(limits: &mut Limits) {
    let fleet = Fleet::of(Size::Large.series()).await;
    let exporter = fleet.exported(&DEFAULT).await;
    let bytes = Client::of(exporter.address).scrape(Coding::Gzip).bytes;
    print_title(&format!("slow: {QUICK} scrapers of {bytes} bytes each, without and with {SLOW} slow ones"));
    let before = exporter.process.taken().resident;
    let (mut without, mut with) = (Crowd::default(), Crowd::default());
    for _ in 0..TURNS {
        without.join(&exporter).await;
        let mut slow = JoinSet::new();
        for _ in 0..SLOW {
            slow.spawn(read_slowly(exporter.address));
        }
        with.join(&exporter).await;
        assert!(slow.try_join_next().is_none(), "a slow one has to be slow for a whole phase");
        slow.shutdown().await;
    }
    let taken = exporter.process.taken();
    for (name, crowd) in [("without slow ones", &without), ("with slow ones", &with)] {
        print_figure(
            name,
            format!(
                "p50 {:.0} ms, p99 {:.0} ms, of {} scrapes; memory up to {}",
                quantile(&crowd.took, 0.5) * 1e3,
                quantile(&crowd.took, 0.99) * 1e3,
                crowd.took.len(),
                in_words(crowd.peak)
            ),
        );
    }
    let ratio = quantile(&with.took, 0.99) / quantile(&without.took, 0.99);
    limits.check(
        "slow: p99 of the others, with / without",
        format!("{ratio:.2}"),
        &format!("at most {MOST_RATIO}"),
        ratio <= MOST_RATIO,
    );
    print_figure(
        "memory of the exporter",
        format!(
            "{} before, {} afterwards, {} at most since it started",
            in_words(before),
            in_words(taken.resident),
            in_words(taken.peak)
        ),
    );
}

/// What quick scrapers have met in phases of a kind.
#[derive(Default)]
struct Crowd {
    /// How long each scrape took, in seconds.
    took: Vec<f64>,
    /// The most memory of the exporter.
    peak: u64,
}

impl Crowd {
    /// Another phase.
    async fn join(&mut self, exporter: &Exporter) {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut scrapers = JoinSet::new();
        for _ in 0..QUICK {
            let (is_over, address) = (Arc::clone(&is_over), exporter.address);
            scrapers.spawn_blocking(move || scrape_until(&is_over, address));
        }
        let clock = Clock::system();
        while clock.uptime() < PHASE {
            self.peak = self.peak.max(exporter.process.taken().resident);
            clock.sleep(Duration::from_millis(100)).await;
        }
        is_over.store(true, Ordering::Relaxed);
        self.took.extend(scrapers.join_all().await.into_iter().flatten());
    }
}

/// Scrapes as fast as it goes.
fn scrape_until(is_over: &AtomicBool, address: SocketAddr) -> Vec<f64> {
    let (mut client, mut took) = (Client::of(address), Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        took.push(client.scrape(Coding::Gzip).took.as_secs_f64());
    }
    took
}

/// Asks for a page and reads it at ten kilobytes a second.
async fn read_slowly(address: SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(RECEIVE_BUFFER).expect("a socket");
    let mut stream = socket.connect(address).await.expect("a connection");
    stream.write_all(Coding::Gzip.request("/metrics", TEXT).as_bytes()).await.expect("a connection");
    let (clock, mut piece) = (Clock::system(), [0; PIECE]);
    while stream.read(&mut piece).await.is_ok_and(|length| length > 0) {
        clock.sleep(PIECE_EVERY).await;
    }
}
