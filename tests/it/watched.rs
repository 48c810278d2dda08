//! A Prometheus as it is after it has watched an exporter for hours, made in seconds.
//!
//! Nobody can tell a Prometheus what time it is. So history comes by `backfill`, and what it would have scraped of a real
//! exporter, on a clock that only the test moves, is written into it with the times at which it would have; and so is what the
//! shipped rules make of that.

mod recorder;
mod rules;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::backfill::{Display, Target};
use losant_exporter::clock::Clock;

use crate::backfill::fixture::Losant;
use crate::prometheus::{Labels, Prometheus};
use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp};
use recorder::{Recorder, Source};
use rules::Rules;

/// What Prometheus scrapes, as it calls it.
pub const JOB: &str = "losant";
const TARGET: &str = "127.0.0.1:10066";

/// Past as it is, nothing of it may be deleted for its age; and it is written by others than Prometheus itself.
const FLAGS: [&str; 2] = ["--storage.tsdb.retention.time=100y", "--web.enable-remote-write-receiver"];

/// What is written at a time: the samples of so many scrapes. Prometheus takes nothing that is an hour older than its newest.
const BATCH: Duration = Duration::from_secs(50 * 60);

/// How long, and how often in a row, no request may come in until time goes on, and how far it then does: what is under way waits
/// for the clock, and not for loopback.
const STALL: Duration = Duration::from_millis(1);
const STALLS: u32 = 3;
const TICK: Duration = Duration::from_millis(50);

/// A thousand orgs are listed, polled and read back within this, whatever else the machine does.
const LONGEST: Duration = Duration::from_secs(1_200);

/// How long before a scrape polls come due: most of them have ended by then.
const LEAD: Duration = Duration::from_secs(20);

/// What is watched, and for how long.
pub struct Watch {
    /// The exporter and its world, at the moment at which watching begins.
    pub setup: Setup,
    /// How long it is watched.
    pub span: Duration,
    /// How often it is scraped.
    pub every: Duration,
    /// From when there is history, as a flag of `backfill`.
    pub history: &'static str,
    /// What goes wrong meanwhile, as flags of `simulate`.
    pub faults: &'static [&'static str],
}

/// A Prometheus that has watched an exporter.
pub struct Watched {
    pub prometheus: Prometheus,
    pub app: TestApp,
    /// The moment at which it was scraped last.
    pub now: Timestamp,
    every: Duration,
    recorder: Recorder,
    target: Source,
    rules: Rules,
}

impl Watch {
    /// Watches. The data lie in `folder/data`.
    pub async fn with(self, program: &Path, promtool: &Path, folder: &Path) -> Watched {
        let Self { setup, span, every, history, faults } = self;
        let begin = setup.now;
        let losant = Losant::of(setup.world.clone(), begin).await;
        blocks(&losant, history, promtool, folder).await;
        let prometheus = Prometheus::start_on(program, folder, "", &FLAGS).await;
        let app = setup.start_unready().await;
        pass(&app, Duration::ZERO, app.control.ready()).await;
        for fault in faults {
            app.simulator.faults().inject(fault.parse().expect("a fault"));
        }
        // Scrapes come at even times, from the first one on that is not over.
        let late = app.clock.now().duration_since(begin).as_secs_f64() / every.as_secs_f64();
        let now = begin + every.mul_f64(late.ceil());
        let (recorder, target, rules) = (Recorder::new(&prometheus), Source::default(), Rules::shipped());
        let mut watched = Watched { prometheus, app, now, every, recorder, target, rules };
        let end = begin + span;
        while watched.now < end {
            watched.watch(end.min(watched.now + BATCH)).await;
        }
        watched
    }
}

impl Watched {
    /// Scrapes up to `end`, and evaluates the rules.
    async fn watch(&mut self, end: Timestamp) {
        let mut batch = Batch::default();
        while self.now < end {
            self.now += self.every;
            pass(&self.app, until(&self.app, self.now - LEAD), self.app.control.idle()).await;
            self.app.hand.advance_to(self.now);
            batch.add(self.now, scraped(&self.app).await);
        }
        self.record(batch).await;
    }

    /// Has everything polled at the time of the next scrape, nothing of which goes wrong, and looks once more: then all that is
    /// shown is of this moment.
    pub async fn poll_and_look(&mut self) {
        self.now += self.every;
        self.app.hand.advance_to(self.now);
        self.app.simulator.faults().clear_all();
        self.app.poll_now().await;
        let mut batch = Batch::default();
        batch.add(self.now, scraped(&self.app).await);
        self.record(batch).await;
    }

    async fn record(&mut self, Batch { times, series }: Batch) {
        self.recorder.write(&mut self.target, &times, series.into_iter().collect()).await;
        self.rules.evaluate(&self.prometheus, &self.recorder, &times, self.every).await;
    }
}

/// Some scrapes in a row.
#[derive(Default)]
struct Batch {
    times: Vec<Timestamp>,
    series: HashMap<Labels, Vec<(i64, f64)>>,
}

impl Batch {
    fn add(&mut self, at: Timestamp, scrape: Vec<(Labels, f64)>) {
        self.times.push(at);
        for (labels, value) in scrape {
            self.series.entry(labels).or_default().push((at.as_millisecond(), value));
        }
    }
}

/// How long it is until `at`, if it is not over.
fn until(app: &TestApp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(app.clock.now())).unwrap_or_default()
}

/// What a scrape brings, with what Prometheus says of the target.
async fn scraped(app: &TestApp) -> Vec<(Labels, f64)> {
    let machine = Clock::system();
    let Scrape { mut series } = app.scrape().await;
    // The process is as old as its clock says, which is not that of the machine.
    if let Some(started) = series.get_mut("process_start_time_seconds") {
        let uptime = SignedDuration::try_from(app.clock.uptime()).expect("some days");
        *started = (app.clock.now() - uptime).as_duration().as_secs_f64();
    }
    let own = [("up", 1.0), ("scrape_duration_seconds", machine.uptime().as_secs_f64())];
    let labelled = |(series, value): (String, f64)| {
        let mut labels = labels_of(&series);
        labels.insert("job".to_owned(), JOB.to_owned());
        labels.insert("instance".to_owned(), TARGET.to_owned());
        (labels, value)
    };
    let own = own.map(|(name, value)| (name.to_owned(), value));
    series.into_iter().chain(own).map(labelled).collect()
}

/// The labels of a series as it is written, its name among them. Those without a value are not there.
fn labels_of(series: &str) -> Labels {
    let (name, mut rest) = series.split_once('{').unwrap_or((series, ""));
    let mut labels = Labels::from([("__name__".to_owned(), name.to_owned())]);
    while let Some((label, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut characters = after.chars();
        loop {
            match characters.next().expect("a quote at the end") {
                '"' => break,
                '\\' => value.push(match characters.next().expect("what is escaped") {
                    'n' => '\n',
                    other => other,
                }),
                other => value.push(other),
            }
        }
        if !value.is_empty() {
            labels.insert(label.trim_start_matches(',').to_owned(), value);
        }
        rest = characters.as_str();
    }
    labels
}

/// Has history written, and made into blocks of a Prometheus in `folder/data`.
async fn blocks(losant: &Losant, from: &str, promtool: &Path, folder: &Path) {
    let file = folder.join("history.om");
    let target = Target::File(file.clone());
    let backfill = losant.prepare(losant.order(from), target, false).expect("a way to begin");
    let pace = (losant.max_in_flight, losant.requests_per_second);
    let run = backfill.run(losant.client(), losant.clock.clone(), pace, Display::Log, std::future::pending());
    let done = tokio::time::timeout(LONGEST, losant.while_time_passes(run)).await.expect("an end");
    assert_eq!(done.expect("history").left_out, 0);
    let mut command = Command::new(promtool);
    command.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=486h"]);
    let output = command.arg(&file).arg(folder.join("data")).output().expect("promtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_file(file).expect("the file");
}

/// Lets `duration` pass at once, and then a little more whenever nothing happens, until `event`: answers are late, and requests
/// wait for the budget.
async fn pass(app: &TestApp, duration: Duration, event: impl Future<Output = ()>) {
    app.hand.advance(duration);
    let passing = async {
        let mut event = std::pin::pin!(event);
        let (mut asked, mut stalls) = (0, 0);
        while tokio::time::timeout(STALL, &mut event).await.is_err() {
            let before = std::mem::replace(&mut asked, app.simulator.request_count());
            stalls = if before == asked { stalls + 1 } else { 0 };
            if stalls == STALLS {
                stalls = 0;
                app.hand.advance(TICK);
            }
        }
    };
    tokio::time::timeout(LONGEST, passing).await.expect("an end of the polls that are due");
}
