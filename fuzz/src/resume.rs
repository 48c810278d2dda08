//! What an interrupted backfill leaves on disk, damaged in every way.
//!
//! A run against a simulated Losant is cut short, its files are changed, and it is gone on with: the working folder is refused in one
//! line, or what comes out is byte for byte the file of a run that nobody disturbed. Nothing else is ever written.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use losant_exporter::backfill::{Backfill, Display, Done, Order, Stopped, Target};
use losant_exporter::clock::Clock;
use losant_exporter::losant::{Client, ClientConfig, ClientMetrics, Token, TokenSource};
use losant_exporter::selection::Selection;
use losant_exporter::simulator::{self, Simulator, World, WorldConfig};
use losant_exporter::usage::{Collector, Level, Shard};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::scratch;

/// Checks a plan of what happens to the files.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    if let Ok(plan) = Plan::arbitrary(&mut input) {
        thread_local! {
            static BENCH: OnceCell<Bench> = const { OnceCell::new() };
        }
        BENCH.with(|bench| bench.get_or_init(Bench::new).check(&plan));
    }
}

/// Where the run was cut short, and what happened to its files then.
#[derive(Arbitrary, Debug)]
struct Plan {
    /// So much of the journal has been written.
    journal: u16,
    /// Whether that is up to the end of a line.
    is_whole: bool,
    damages: Vec<Damage>,
}

#[derive(Arbitrary, Debug)]
struct Damage {
    file: u8,
    at: u16,
    kind: Kind,
}

#[derive(Arbitrary, Debug)]
enum Kind {
    /// Bits are flipped.
    Flip(u8),
    /// The rest is gone.
    Cut,
    /// Something is put in.
    Insert(Vec<u8>),
    /// Bytes are gone.
    Remove(u8),
    /// A block has never reached the disk.
    Zero(u8),
    /// A line is there twice.
    Repeat,
    /// A line has changed places with the next one.
    Swap,
    /// There is no such file.
    Delete,
}

/// A file of the folder.
type File = (String, Vec<u8>);

struct Bench {
    runtime: Runtime,
    clock: Clock,
    client: Client,
    order: Order,
    /// The folder of a run that has read everything and published nothing.
    files: Vec<File>,
    /// What it would have published.
    whole: Vec<u8>,
    _simulator: JoinSet<std::io::Result<()>>,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (clock, _) = Clock::manual("2026-03-17T14:23:45Z".parse().expect("a time"));
        let config = WorldConfig { orgs: 3, sandboxes: 2, active: Some(1.0), ..WorldConfig::default() };
        let simulator = Simulator::new(World::new(config), clock.clone());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut tasks = JoinSet::new();
        tasks.spawn_on(
            simulator::serve(simulator.clone(), listener, std::future::pending()),
            runtime.handle(),
        );
        let token = TokenSource::Fixed(Token::new(simulator.token()).expect("a token"));
        let config = ClientConfig {
            requests_per_second: 1_000_000.0,
            burst: 1_000_000,
            max_attempts: 1,
            ..ClientConfig::new(url.parse().expect("a URL"), token)
        };
        let metrics = ClientMetrics::register(&mut Registry::default());
        let client = Client::new(config, clock.clone(), metrics).expect("a client");
        let instance = simulator.world().instances()[0].id().to_string();
        let order = Order {
            account: "default".to_owned(),
            instances: vec![instance.parse().expect("an id")],
            levels: Level::ALL.into(),
            from: "-26h".to_owned(),
            to: "now".to_owned(),
            settle_delay: Duration::from_secs(600),
            collectors: Collector::ALL.into(),
            selection: Selection::everything(),
            selection_text: String::new(),
            shard: Shard::whole(),
        };
        let mut bench =
            Self { runtime, clock, client, order, files: Vec::new(), whole: Vec::new(), _simulator: tasks };
        bench.record();
        bench
    }

    /// Makes the files, and what they lead to.
    fn record(&mut self) {
        let (output, folder) = Self::clear();
        let backfill = self.prepare(&output, false).expect("a beginning");
        // Something is in the way when everything has been read.
        fs::create_dir(&output).expect("a folder");
        assert!(matches!(self.run(backfill), Err(Stopped::Output(_))));
        fs::remove_dir(&output).expect("it is empty");
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("a file").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            if name != "joined" {
                self.files.push((name, fs::read(&path).expect("a file")));
            }
        }
        self.files.sort();
        let backfill = self.prepare(&output, true).expect("a way to go on");
        let done = self.run(backfill).expect("an end");
        self.whole = fs::read(&output).expect("a file");
        assert_eq!(done.bytes, Some(self.whole.len() as u64));
        assert!(self.whole.ends_with(b"# EOF\n") && done.left_out == 0 && done.requests == 0);
    }

    fn check(&self, plan: &Plan) {
        let (output, folder) = Self::clear();
        fs::create_dir(&folder).expect("a folder");
        for (name, content) in self.damaged(plan) {
            fs::write(folder.join(name), content).expect("a file");
        }
        match self.prepare(&output, true) {
            Err(refusal) => assert!(!refusal.contains(char::is_control), "{refusal:?}"),
            Ok(backfill) => match self.run(backfill) {
                Ok(_) => assert!(fs::read(&output).expect("a file") == self.whole, "another file: {plan:?}"),
                Err(stopped) => {
                    let said = stopped.to_string();
                    assert!(!said.contains(char::is_control), "{said:?}");
                    assert!(!output.exists(), "{said}, and there is a file");
                }
            },
        }
        let left =
            fs::read_dir(scratch::folder()).expect("a folder").map(|entry| entry.expect("a file").path());
        assert!(left.into_iter().all(|path| path == output || path == folder));
    }

    /// The files after what happened to them.
    fn damaged(&self, plan: &Plan) -> Vec<File> {
        let mut files = self.files.clone();
        for (name, content) in &mut files {
            if name == "journal" {
                let mut end = usize::from(plan.journal) % (content.len() + 1);
                if plan.is_whole {
                    end = content[..end]
                        .iter()
                        .rposition(|byte| *byte == b'\n')
                        .map_or(content.len(), |at| at + 1);
                }
                content.truncate(end);
            }
        }
        for damage in &plan.damages {
            let place = usize::from(damage.file) % files.len();
            if let Kind::Delete = damage.kind {
                files.remove(place);
            } else {
                damage.apply(&mut files[place].1);
            }
            if files.is_empty() {
                break;
            }
        }
        files
    }

    fn prepare(&self, output: &Path, resume: bool) -> Result<Backfill, String> {
        let target = Target::File(output.to_owned());
        let prepared = Backfill::prepare(self.order.clone(), target, resume, self.clock.now());
        prepared.map_err(|refusal| refusal.to_string())
    }

    fn run(&self, backfill: Backfill) -> Result<Done, Stopped> {
        let pace = (2, 1_000_000.0);
        let never = std::future::pending();
        let run = backfill.run(self.client.clone(), self.clock.clone(), pace, Display::Log, never);
        self.runtime.block_on(run)
    }

    /// Empties the place where it all happens. Returns the paths of the file and of the working folder.
    fn clear() -> (std::path::PathBuf, std::path::PathBuf) {
        let (output, folder) = (scratch::folder().join("h.om"), scratch::folder().join("h.om.partial"));
        let _ = fs::remove_file(&output);
        let _ = fs::remove_dir_all(&folder);
        (output, folder)
    }
}

impl Damage {
    fn apply(&self, content: &mut Vec<u8>) {
        let at = usize::from(self.at) % (content.len() + 1);
        match &self.kind {
            Kind::Flip(bits) => content.get_mut(at).into_iter().for_each(|byte| *byte ^= bits),
            Kind::Cut => content.truncate(at),
            Kind::Insert(bytes) => drop(content.splice(at..at, bytes.iter().copied())),
            Kind::Remove(count) => {
                let end = content.len().min(at + usize::from(*count));
                content.drain(at..end);
            }
            Kind::Zero(count) => {
                content.iter_mut().skip(at).take(usize::from(*count) * 16).for_each(|byte| *byte = 0);
            }
            Kind::Repeat | Kind::Swap => {
                let mut lines: Vec<_> = content.split_inclusive(|byte| *byte == b'\n').collect();
                let Some(last) = lines.len().checked_sub(1) else { return };
                let line = at % lines.len();
                match self.kind {
                    Kind::Repeat => lines.insert(line, lines[line]),
                    _ => lines.swap(line, (line + 1).min(last)),
                }
                *content = lines.concat();
            }
            Kind::Delete => {}
        }
    }
}
