//! SIGKILL at any moment: the next process shows the same numbers, since nothing is kept on disk.
//!
//! All moments are drawn from one seed, which a failure prints. `KILL_SEED=7 make kill` draws others.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use losant_exporter::clock::Clock;
use rustix::process::Signal;
use tokio::task::JoinSet;

use super::process::Process;
use super::site::Site;
use crate::test_app::{http, within_patience};

/// What takes a second each, in ordinary runs of the tests.
const FEW: usize = 8;
const MANY: usize = 50;
const SEED: u64 = 20_261_126;

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// Before it listens, or just then.
    Starting,
    /// While everybody is asked about for the first time.
    FirstSweep,
    /// While it polls, as on any day.
    Polling,
    /// While it reads its configuration anew.
    Reloading,
    /// While pages are made and taken.
    Scraped,
}

const MOMENTS: [Moment; 5] =
    [Moment::Starting, Moment::FirstSweep, Moment::Polling, Moment::Reloading, Moment::Scraped];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_shows_the_same_numbers_as_soon_as_the_next_process_is_ready() {
    kill_and_look(FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes more than a minute: make kill"]
async fn killed_fifty_times_it_shows_the_same_numbers() {
    kill_and_look(MANY).await;
}

/// Kills a process again and again, and compares what the next one shows with the truth.
async fn kill_and_look(kills: usize) {
    let seed = std::env::var("KILL_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    let mut rng = Rng::with_seed(seed);
    let clock = Clock::system();
    let mut site = Site::new().await;
    // As busy as it gets: a sweep every second, a page as often as anything changes.
    site.settings = busy("1s");
    site.configure();
    let (mut killed, mut longest) = (BTreeMap::new(), Duration::ZERO);
    let mut process: Option<Process> = None;
    for kill in 0..kills {
        let moment = MOMENTS[rng.usize(..MOMENTS.len())];
        match moment {
            Moment::Starting | Moment::FirstSweep => {
                drop(process.take());
                kill_unready(&site, moment, &mut rng).await;
            }
            Moment::Polling | Moment::Reloading | Moment::Scraped => {
                let mut running = match process.take() {
                    Some(process) => process,
                    None => site.start().await,
                };
                kill_at_work(&mut site, &mut running, moment, &mut rng).await;
            }
        }
        *killed.entry(moment).or_insert(0) += 1;
        assert_eq!(site.files(), ["config.toml", "token"], "something was written");
        let before = clock.uptime();
        let next = site.start().await;
        longest = longest.max(clock.uptime().saturating_sub(before));
        let differences = site.differences(&next).await;
        assert!(
            differences.is_empty(),
            "KILL_SEED={seed}, after kill {kill} while {moment:?}:\n{}",
            differences.join("\n")
        );
        process = Some(next);
    }
    eprintln!(
        "SIGKILL: seed {seed}, {killed:?}; the next process was ready, with the true numbers, after {longest:.1?} at most; \
         {:.0?} in all",
        clock.uptime()
    );
}

/// Kills a process before it is ready.
async fn kill_unready(site: &Site, moment: Moment, rng: &mut Rng) {
    let before = site.simulator.request_count();
    let mut process = Process::start(site.command());
    if moment == Moment::Starting {
        Clock::system().sleep(Duration::from_micros(rng.u64(..60_000))).await;
    } else {
        let asked = before + rng.u64(1..60);
        requests(site, asked).await;
    }
    process.kill();
}

/// Kills a process that is ready, while it does something.
async fn kill_at_work(site: &mut Site, process: &mut Process, moment: Moment, rng: &mut Rng) {
    let clock = Clock::system();
    let pause = Duration::from_micros(rng.u64(..40_000));
    match moment {
        Moment::Reloading => {
            site.settings = busy(["1s", "2s"][rng.usize(..2)]);
            site.configure();
            process.signal(Signal::HUP);
            clock.sleep(pause).await;
        }
        Moment::Scraped => {
            let mut scrapers = JoinSet::new();
            for _ in 0..4 {
                let (client, page) = (http(), format!("{}/metrics", process.url()));
                scrapers.spawn(async move {
                    while let Ok(answer) = client.get(&page).send().await {
                        let _ = answer.bytes().await;
                    }
                });
            }
            // Until something changes, and so a page is made.
            requests(site, site.simulator.request_count() + 1).await;
            clock.sleep(pause).await;
            process.kill();
            within_patience("the scrapers", scrapers.join_all()).await;
        }
        _ => requests(site, site.simulator.request_count() + rng.u64(1..6)).await,
    }
    process.kill();
}

/// Waits until so many requests have ever come.
async fn requests(site: &Site, count: u64) {
    let came = site.simulator.wait_for_requests(|_| site.simulator.request_count() >= count);
    within_patience("requests", came).await;
}

fn busy(sweep_interval: &str) -> String {
    format!("[polling]\nsweep_interval = \"{sweep_interval}\"\n[exposition]\nrender_interval = \"100ms\"\n")
}
