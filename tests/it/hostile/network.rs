//! Names that do not resolve, and a network that is cut: scrapes go on, `losant_up` says so, the log says it once, nothing piles up,
//! and when all is well again nobody is overrun.

use std::sync::Arc;
use std::time::Duration;

use losant_exporter::clock::Clock;
use losant_exporter::simulator::{Arrivals, Simulator};
use tokio::net::TcpListener;

use super::chamber::{Chamber, LOSANT};
use super::front::Front;
use super::names::{Mood, NAME, NameServer};
use super::process::{LOOK_EVERY, Process, up};
use super::site::{Site, settled};
use crate::scrape::Scrape;
use crate::test_app::{PATIENCE, SimulatorTasks};

const REQUESTS_PER_SECOND: usize = 20;
const BURST: usize = 20;

/// What an outage may leave in the log, however long it is: five jobs fail and then all others, they work again, and so do lists.
const MOST_LINES: usize = 30;

/// Questions that nobody answers are given up after a while, until which each holds a socket.
const MOST_WAITING: usize = 40;

/// How often a question is asked that is not answered.
const ATTEMPTS: usize = 2;

/// A scrape is a copy of memory, whatever Losant does. Generous, since others use the machine as well.
const LONGEST_SCRAPE: Duration = Duration::from_secs(5);

/// An exporter and its Losant in a network of their own.
struct Stage {
    chamber: Arc<Chamber>,
    site: Site,
    process: Process,
    arrivals: Arrivals,
    port: u16,
}

/// How an outage went.
#[derive(Debug)]
struct Outage {
    down_after: Duration,
    up_after: Duration,
    scrapes: u32,
    longest_scrape: Duration,
    descriptors: [usize; 3],
    lines: Vec<String>,
    /// Requests for which there was no connection: about the instance, and for the list of orgs.
    without_connection: [usize; 2],
}

impl Stage {
    /// Losant under `host`, which closes each connection after its answer or not.
    async fn set(chamber: Arc<Chamber>, host: &str, sweep_interval: &str, closes: bool) -> Self {
        let mut tasks = SimulatorTasks::new();
        let simulator = Simulator::new(settled(), Clock::system());
        let arrivals = simulator.watch_arrivals();
        let front = Front::new(&simulator);
        let front = if closes { front.closing() } else { front };
        let listener = TcpListener::bind((LOSANT, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        front.serve(listener, &mut tasks);
        let mut site = Site::of(simulator, format!("http://{host}:{port}"), tasks);
        site.settings = format!("[polling]\nsweep_interval = \"{sweep_interval}\"\n");
        site.account = format!(
            "requests_per_second = {REQUESTS_PER_SECOND}.0\nburst = {BURST}\nrequest_timeout = \"1s\"\n\
             max_attempts = {ATTEMPTS}\nallow_plain_http = true\n"
        );
        site.configure();
        let mut process = Process::start(chamber.inside(&site.command()));
        process.listening().await;
        process.ready().await;
        Self { chamber, site, process, arrivals, port }
    }

    /// Lets something be broken for a while, and looks at everything meanwhile and after that.
    async fn outage(&self, length: Duration, begin: impl FnOnce(), end: impl FnOnce()) -> Outage {
        let (clock, process) = (Clock::system(), &self.process);
        let first = process.scrape().await;
        assert_eq!(up(&first), Some(1.0));
        let told = process.lines().len();
        let before = process.descriptors();
        let (mut most, mut scrapes, mut longest) = (before, 0, Duration::ZERO);
        begin();
        let (mut down_after, mut lookups) = (None, 0);
        // The first sweep may have been under way, with the instance answered: this goes on until another one has failed.
        while clock.uptime() < length || down_after.is_none() || lookups <= ATTEMPTS {
            assert!(
                clock.uptime() < length + PATIENCE,
                "nothing is answered: losant_up 0 after {down_after:?}, {lookups} times no answer about the instance"
            );
            let scrape = timed(process, &mut longest).await;
            scrapes += 1;
            lookups = failed(&scrape, "instance.get", "") - failed(&first, "instance.get", "");
            if up(&scrape) == Some(0.0) {
                down_after.get_or_insert(clock.uptime());
            }
            most = most.max(process.descriptors());
            clock.sleep(LOOK_EVERY * 5).await;
        }
        end();
        let (ended, ended_at) = (clock.uptime(), clock.now());
        let is_well = |scrape: &Scrape| {
            let read = scrape.family("losant_org_last_success_timestamp_seconds");
            let lists = read.iter().filter(|(series, _)| series.contains("\"discovery\""));
            // Whatever still fails would belong to the next outage as well, and is not told of twice.
            let scopes = scrape.family("losant_exporter_scopes").into_iter();
            let failing = scopes.filter(|(series, _)| series.contains("\"failing\"")).map(|(_, count)| count);
            up(scrape) == Some(1.0)
                && scrape.family("losant_exporter_account_up").into_values().all(|up| up == 1.0)
                && failing.sum::<f64>() == 0.0
                && lists.into_iter().all(|(_, at)| *at >= ended_at.as_duration().as_secs_f64())
        };
        while !is_well(&timed(process, &mut longest).await) {
            assert!(clock.uptime() < ended + PATIENCE * 3, "it did not come back: {:#?}", process.lines());
            scrapes += 1;
            clock.sleep(LOOK_EVERY).await;
        }
        let up_after = clock.uptime().saturating_sub(ended);
        // What waits for an answer that does not come is given up in the end.
        while process.descriptors() > before + 4 {
            assert!(clock.uptime() < ended + PATIENCE * 3, "{} files are open", process.descriptors());
            clock.sleep(LOOK_EVERY).await;
        }
        Outage {
            down_after: down_after.unwrap_or_default(),
            up_after,
            scrapes,
            longest_scrape: longest,
            descriptors: [before, most, process.descriptors()],
            lines: process.lines().split_off(told),
            without_connection: {
                let last = process.scrape().await;
                ["instance.get", "instanceOrgs.get"]
                    .map(|action| failed(&last, action, CONNECT) - failed(&first, action, CONNECT))
            },
        }
    }

    /// What must hold of every outage.
    async fn assert_borne(&self, what: &str, outage: &Outage, soon: Duration) {
        let Outage { down_after, up_after, scrapes, longest_scrape, descriptors, lines, .. } = outage;
        eprintln!(
            "{what}: losant_up 0 after {down_after:.1?}, well again {up_after:.1?} after its end; {scrapes} scrapes, \
             {longest_scrape:.0?} at most; files {descriptors:?} before, at most, after; {} lines of the log",
            lines.len()
        );
        assert!(*up_after < soon, "{what}: well again after {up_after:?}");
        assert!(*longest_scrape < LONGEST_SCRAPE, "{what}: a scrape took {longest_scrape:?}");
        assert!(descriptors[1] <= descriptors[0] + MOST_WAITING, "{what}: {descriptors:?} files");
        assert!((2..=MOST_LINES).contains(&lines.len()), "{what}: {lines:#?}");
        let says = |words: &str| lines.iter().any(|line| line.contains(words));
        assert!(says("level=warn") && says("work"), "{what}: {lines:#?}");
        let differences = self.site.differences(&self.process).await;
        assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
        self.assert_pace(what);
    }

    /// No second brings more requests than the budget allows, and as many as were on their way before it.
    fn assert_pace(&self, what: &str) {
        let arrivals: Vec<_> = self.arrivals.so_far().iter().map(|arrival| arrival.uptime).collect();
        let most = arrivals.iter().enumerate().map(|(first, from)| {
            arrivals[first..]
                .iter()
                .take_while(|at| at.saturating_sub(*from) < Duration::from_secs(1))
                .count()
        });
        let (most, allowed) = (most.max().unwrap_or_default(), BURST + REQUESTS_PER_SECOND + 4);
        assert!(most <= allowed, "{what}: {most} requests within a second");
    }
}

/// The code of a request for which there was no connection.
const CONNECT: &str = "connect";

/// How many requests of an action have failed so far, with a code or with any.
fn failed(scrape: &Scrape, action: &str, code: &str) -> usize {
    let mark = |label: &str, value: &str| format!("{label}=\"{value}\"");
    let (action, code) = (mark("action", action), (!code.is_empty()).then(|| mark("code", code)));
    let requests = scrape.family("losant_exporter_api_requests_total").into_iter();
    let failed = requests.filter(|(series, _)| {
        series.contains(&action)
            && code.as_ref().map_or(!series.contains("code=\"200\""), |code| series.contains(code))
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few requests")]
    let count = failed.map(|(_, count)| count as usize).sum();
    count
}

async fn timed(process: &Process, longest: &mut Duration) -> Scrape {
    let clock = Clock::system();
    let scrape = process.scrape().await;
    *longest = (*longest).max(clock.uptime());
    scrape
}

#[test]
fn while_names_do_not_resolve_scrapes_go_on_and_it_is_well_again_soon_after() {
    Chamber::with(|chamber| async move {
        let names = NameServer::start([192, 0, 2, 1]).await;
        let stage = Stage::set(chamber, NAME, "1s", true).await;
        for (mood, seconds) in [(Mood::Failing, 3), (Mood::Unknown, 3), (Mood::Silent, 6)] {
            let asked = names.asked();
            let length = Duration::from_secs(seconds);
            let outage = stage.outage(length, || names.set(mood), || names.set(Mood::Right)).await;
            assert!(names.asked() > asked + 2, "{mood:?}: nobody asked for the name");
            stage.assert_borne(&format!("names {mood:?} for {seconds} s"), &outage, SOON).await;
            // Where nobody can be asked at all, nobody is asked for the lists: but by a sweep that was under way when names
            // failed, with the instance answered and the lists not yet.
            let [itself, lists] = outage.without_connection;
            // Silence is no answer in time: nobody knows whether there would have been a connection.
            assert!(itself > lists || mood == Mood::Silent, "{mood:?}: {:?}", outage.without_connection);
            assert!(lists <= ATTEMPTS, "{mood:?}: {:?}", outage.without_connection);
        }
    });
}

/// A sweep that fails is tried again a few seconds later; the rest is for machines that are busy.
const SOON: Duration = Duration::from_secs(30);

#[test]
#[ignore = "takes ten minutes: make kill"]
fn ten_minutes_without_names_pass_like_ten_seconds() {
    Chamber::with(|chamber| async move {
        let names = NameServer::start([192, 0, 2, 1]).await;
        let stage = Stage::set(chamber, NAME, "15s", true).await;
        let length = Duration::from_secs(600);
        let outage = stage.outage(length, || names.set(Mood::Silent), || names.set(Mood::Right)).await;
        stage.assert_borne("names silent for 10 minutes", &outage, Duration::from_secs(90)).await;
    });
}

#[test]
fn a_network_that_is_cut_is_noticed_and_used_again_when_it_is_whole() {
    Chamber::with(|chamber| async move {
        // Connections are kept: those that were open when it was cut are dead, and nobody says so.
        let stage = Stage::set(chamber, LOSANT, "1s", false).await;
        for (target, seconds) in [
            (&["DROP"][..], 6),
            (&["REJECT", "--reject-with", "tcp-reset"], 3),
            (&["REJECT", "--reject-with", "icmp-net-unreachable"], 3),
        ] {
            let length = Duration::from_secs(seconds);
            let cut = || stage.chamber.cut(stage.port, target);
            let outage = stage.outage(length, cut, || stage.chamber.heal()).await;
            stage.assert_borne(&format!("{} for {seconds} s", target.join(" ")), &outage, SOON).await;
        }
    });
}
