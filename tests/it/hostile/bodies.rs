//! A Losant that answers anything: ten megabytes, a byte a second, without end, a hundred thousand levels deep, ten gigabytes packed
//! into ten megabytes. Memory and time stay bounded, others are not held up, and all is well again when Losant is.

use std::time::Duration;

use losant_exporter::clock::Clock;
use losant_exporter::simulator::Simulator;
use tokio::net::TcpListener;

use super::front::{Asked, Front, Shape};
use super::process::{LOOK_EVERY, Process};
use super::site::{Site, settled};
use crate::scrape::Scrape;
use crate::test_app::{SimulatorTasks, within_patience};

/// All that is asked for comes up again every second or two.
const BUSY: &str = "[polling]\nsweep_interval = \"1s\"\nrefresh_interval = \"2s\"\npayload_counts_interval = \"1s\"\n\
    device_counts_interval = \"1s\"\nnotebook_minute_counts_interval = \"1s\"\n";

/// So long a request takes at most.
const REQUEST_TIMEOUT: &str = "request_timeout = \"2s\"\nmax_attempts = 1\n";

/// So often the exporter runs into it each time.
const TIMES: f64 = 2.0;

/// Four answers may be read at a time, each up to 32 MiB after decompression, and a buffer that grows takes twice that and more
/// while it does.
const MOST_MEMORY: u64 = 256 << 10;

/// A scrape is a copy of memory, whatever Losant does. Generous, since others use the machine as well.
const LONGEST_SCRAPE: Duration = Duration::from_secs(5);

fn asked(scrape: &Scrape, action: &str, code: &str) -> f64 {
    let series = format!("losant_exporter_api_requests_total{{action=\"{action}\",code=\"{code}\"}}");
    scrape.value(&series).unwrap_or_default()
}

/// Scrapes until the page is as `shows` wants it. Returns the longest scrape.
async fn scrapes(process: &Process, what: &str, shows: impl Fn(&Scrape) -> bool) -> Duration {
    let clock = Clock::system();
    let mut longest = Duration::ZERO;
    let looking = async {
        loop {
            let before = clock.uptime();
            let scrape = process.scrape().await;
            longest = longest.max(clock.uptime().saturating_sub(before));
            if shows(&scrape) {
                return;
            }
            clock.sleep(LOOK_EVERY).await;
        }
    };
    within_patience(what, looking).await;
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes most of a minute: make kill"]
async fn whatever_losant_answers_for_a_list_memory_and_time_are_bounded_and_others_are_not_held_up() {
    bear(Asked::List).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_losant_answers_for_counts_memory_and_time_are_bounded_and_others_are_not_held_up() {
    bear(Asked::Counts).await;
}

/// Has the answers to one question take each shape in turn.
async fn bear(question: Asked) {
    let mut tasks = SimulatorTasks::new();
    let simulator = Simulator::new(settled(), Clock::system());
    let front = Front::new(&simulator);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let losant = format!("http://{}", listener.local_addr().expect("an address"));
    front.serve(listener, &mut tasks);
    let mut site = Site::of(simulator, losant, tasks);
    BUSY.clone_into(&mut site.settings);
    site.account += REQUEST_TIMEOUT;
    site.configure();
    let process = site.start().await;
    let at_rest = process.resident();
    for (shape, codes) in [
        (Shape::TenMegabytes, &["200"][..]),
        (Shape::ByteASecond, &["timeout"]),
        // What comes first, on a machine that is busy: the end of the time, or of what is read at most.
        (Shape::Endless, &["malformed", "timeout"]),
        (Shape::Nested, &["malformed"]),
        (Shape::Bomb, &["malformed", "timeout"]),
    ] {
        let what = format!("{shape:?} as answer to {}", question.action());
        let clock = Clock::system();
        let before = process.scrape().await;
        process.forget_peak();
        front.order(Some((question, shape)));
        let longest = scrapes(&process, &what, |scrape| {
            let rise = |action: &str, codes: &[&str]| {
                let count =
                    |scrape: &Scrape| codes.iter().map(|code| asked(scrape, action, code)).sum::<f64>();
                count(scrape) - count(&before)
            };
            rise(question.action(), codes) >= TIMES
                && rise("instanceOrg.notebookMinuteCounts", &["200"]) >= TIMES
        })
        .await;
        let took = clock.uptime();
        front.order(None);
        let peak = process.peak();
        let broken = process.scrape().await;
        let heals = |scrape: &Scrape| {
            asked(scrape, question.action(), "200") > asked(&broken, question.action(), "200") + TIMES
        };
        scrapes(&process, &format!("an end of {what}"), heals).await;
        let differences = site.differences(&process).await;
        eprintln!(
            "{what}: {took:.1?} for {TIMES} of them, memory {} MiB at most ({} at rest), scrapes {longest:.0?} at most, healed \
             after {:.1?}",
            peak >> 10,
            at_rest >> 10,
            clock.uptime().saturating_sub(took),
        );
        assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
        assert!(peak < at_rest + MOST_MEMORY, "{what}: {peak} KiB");
        assert!(longest < LONGEST_SCRAPE, "{what}: a scrape took {longest:?}");
    }
}
