//! A simulated Losant, and runs of `backfill` against it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use losant_exporter::backfill::{Backfill, Display, Done, Order, Refusal, Stopped, Target};
use losant_exporter::clock::{Clock, ClockHand};
use losant_exporter::losant::{Client, ClientConfig, ClientMetrics, Token, TokenSource};
use losant_exporter::selection::Selection;
use losant_exporter::simulator::{Simulator, World};
use losant_exporter::usage::{Collector, Level, Shard};
use prometheus_client::registry::Registry;

use crate::prometheus::Samples;
use crate::test_app::{SimulatorTasks, start_simulator, within_patience};

/// A simulated Losant, on a clock that only the test moves, and the settings of an account there.
pub struct Losant {
    pub simulator: Simulator,
    pub clock: Clock,
    pub hand: ClockHand,
    pub url: String,
    pub requests_per_second: f64,
    pub burst: u32,
    pub max_in_flight: usize,
    pub page_size: u32,
    _tasks: SimulatorTasks,
}

impl Losant {
    /// The ordinary world: an instance, 12 orgs, 8 sandboxes.
    pub async fn at(now: &str) -> Self {
        Self::of(World::default(), now.parse().expect("a time")).await
    }

    /// The Losant of a world.
    pub async fn of(world: World, now: Timestamp) -> Self {
        let (clock, hand) = Clock::manual(now);
        let mut tasks = SimulatorTasks::new();
        let (simulator, url) = start_simulator(world, &clock, &mut tasks).await;
        // The budget is not what most tests are about: time stands still, so nobody would refill it.
        let (requests_per_second, burst, max_in_flight) = (1_000_000.0, 1_000_000, 8);
        Self {
            simulator,
            clock,
            hand,
            url,
            requests_per_second,
            burst,
            max_in_flight,
            page_size: 100,
            _tasks: tasks,
        }
    }

    pub fn order(&self, from: &str) -> Order {
        Order {
            account: "default".to_owned(),
            instances: self
                .simulator
                .world()
                .instances()
                .iter()
                .map(|i| i.id().to_string().parse().unwrap())
                .collect(),
            levels: Level::ALL.into(),
            from: from.to_owned(),
            to: "now".to_owned(),
            settle_delay: Duration::from_secs(600),
            collectors: Collector::ALL.into(),
            selection: Selection::everything(),
            selection_text: String::new(),
            shard: Shard::whole(),
        }
    }

    pub fn client(&self) -> Client {
        let token = TokenSource::Fixed(Token::new(self.simulator.token()).expect("a token"));
        let config = ClientConfig {
            requests_per_second: self.requests_per_second,
            burst: self.burst,
            max_in_flight: self.max_in_flight,
            page_size: self.page_size,
            max_attempts: 1,
            ..ClientConfig::new(self.url.parse().expect("a URL"), token)
        };
        let metrics = ClientMetrics::register(&mut Registry::default());
        Client::new(config, self.clock.clone(), metrics).expect("a client")
    }

    pub fn prepare(&self, order: Order, target: Target, resume: bool) -> Result<Backfill, Refusal> {
        Backfill::prepare(order, target, resume, self.clock.now())
    }

    pub async fn run(&self, order: Order, output: &Path, resume: bool) -> Result<Done, Stopped> {
        let backfill = self.prepare(order, Target::File(output.to_owned()), resume).expect("a way to begin");
        self.carry_out(backfill).await
    }

    /// Lets time pass in small steps until `future` is done.
    pub async fn while_time_passes<T>(&self, future: impl Future<Output = T>) -> T {
        let passing = async {
            loop {
                self.hand.advance(Duration::from_millis(5));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! { done = future => done, () = passing => unreachable!("time passes for ever") }
    }

    pub async fn carry_out(&self, backfill: Backfill) -> Result<Done, Stopped> {
        let pace = (self.max_in_flight, self.requests_per_second);
        let run = backfill.run(self.client(), self.clock.clone(), pace, Display::Log, std::future::pending());
        within_patience("the backfill", run).await
    }

    /// The file of a whole run.
    pub async fn backfill(&self, from: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("h.om");
        let done = self.run(self.order(from), &output, false).await.expect("history");
        assert_eq!((done.scopes, done.left_out), (self.scopes(), 0));
        let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
        assert_eq!(left.len(), 1, "nothing but the file: {left:?}");
        file_of(&output)
    }

    fn scopes(&self) -> usize {
        let (world, now) = (self.simulator.world(), self.clock.now());
        let orgs = world.orgs().iter().filter(|org| org.exists(now)).count();
        let sandboxes =
            world.sandboxes().iter().filter(|user| user.exists(now) && !user.is_marked(now)).count();
        world.instances().len() + orgs + sandboxes
    }
}

pub fn file_of(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

/// The series of a file, each with its samples. Labels come by name, as Prometheus shows them.
pub fn samples_in(file: &str) -> Samples {
    let mut samples = Samples::new();
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.rsplitn(3, ' ');
        let (second, value, series) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let (name, labels) = series.trim_end_matches('}').split_once('{').expect("labels");
        let mut labels: Vec<_> = labels.split(',').collect();
        labels.sort_unstable();
        let second: f64 = second.parse().expect("a time");
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our time")]
        let sample = ((second * 1_000.0).round() as i64, value.parse().expect("a value"));
        samples.entry(format!("{name}{{{}}}", labels.join(","))).or_default().push(sample);
    }
    samples
}
