//! What a scrape costs at a size: of the exporter, of a server that does nothing but send the same bytes, and of programs
//! that hold the same series in the common client libraries.

use std::path::Path;

use crate::client::{Client, Coding, TEXT};
use crate::fleet::{DEFAULT, Exporter, Fleet};
use crate::floor;
use crate::limits::{Limits, print_figure, print_title};
use crate::machine::{in_words, number};
use crate::pages::{Pages, unpacked};
use crate::peers::{Peer, listening};
use crate::processes::Process;
use crate::renders;
use crate::rounds::{Contender, Measured, Plan, play, weigh};

/// How many times longer than the floor a scrape may take.
const MOST_GZIP: f64 = 2.0;
const MOST_PLAIN: f64 = 2.5;

/// How many times the CPU time of the exporter `client_golang` takes, at least, for a packed page of the medium size.
const LEAST_OF_CLIENT_GOLANG: f64 = 1_000.0;

/// Bytes of resident memory a series, for the large size.
pub const MOST_BYTES_A_SERIES: f64 = 150.0;

/// A number of series that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Small,
    Medium,
    Large,
}

impl Size {
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    pub const fn series(self) -> u64 {
        match self {
            Self::Small => 10_000,
            Self::Medium => 100_000,
            Self::Large => 1_000_000,
        }
    }

    const fn plan(self) -> Plan {
        match self {
            Self::Small => Plan { most: 400, least: 3, budget: 30.0 },
            Self::Medium => Plan { most: 200, least: 3, budget: 30.0 },
            Self::Large => Plan { most: 40, least: 3, budget: 30.0 },
        }
    }

    /// Who is measured at the same time: large peers would not fit into memory together.
    fn groups(self) -> Vec<Vec<Peer>> {
        match self {
            Self::Small | Self::Medium => vec![Peer::ALL.to_vec()],
            Self::Large => Peer::ALL.map(|peer| vec![peer]).to_vec(),
        }
    }
}

/// Measures everything at `size`.
pub async fn run(limits: &mut Limits, size: Size) {
    let fleet = Fleet::of(size.series()).await;
    let folder = fleet.folder.path();
    let exporter = fleet.exported(&DEFAULT).await;
    let pages = Pages::saved(folder, &mut Client::of(exporter.address), TEXT);
    print_title(&format!("{}: {} series", size.name(), pages.series));
    if !pages.is_packed_by_exporter {
        println!(
            "  (this exporter does not pack: its `gzip` is plain, and that of the floor is packed here)"
        );
    }
    let usage = pages.usage(folder);
    let mut pair = [exporter.contending("exporter"), floor(folder, &pages).await];
    let mut peers = Vec::new();
    for group in size.groups() {
        let mut running = Vec::new();
        for peer in group {
            running.extend(peer.start(folder, &usage).await);
        }
        for coding in Coding::ALL {
            play(&mut pair, &mut running, coding, size.plan());
        }
        peers.extend(running.into_iter().map(Finished::of));
    }
    for coding in Coding::ALL {
        weigh(&mut pair, coding);
    }
    let [exporter, floor] = pair;
    report(limits, size, pages.series, &exporter, &floor, &peers);
    drop(exporter);
    renders::run(limits, size, &fleet, floor).await;
}

impl Exporter {
    /// The exporter as one of those that are measured.
    pub fn contending(self, name: &'static str) -> Contender {
        Contender::new(name, self.process, self.address)
    }
}

/// Starts the floor with what was saved.
pub async fn floor(folder: &Path, pages: &Pages) -> Contender {
    let program = std::env::current_exe().expect("this program");
    let (plain, gzip) = (pages.plain.display().to_string(), pages.gzip.display().to_string());
    let args = [floor::ROLE, &plain, &gzip, &pages.content_type];
    let mut process = Process::run(&program, folder, "floor", &args, &[]);
    let address = listening(&mut process).await;
    let mut floor = Contender::new("floor (axum, the same bytes)", process, address);
    let (answer, body) = floor.client.page(Coding::Gzip, TEXT);
    let page = std::fs::read_to_string(&pages.plain).expect("a page");
    assert!(answer.is_gzip && unpacked(&answer, &body) == page, "both codings say the same");
    floor
}

/// A peer that has been measured and ended.
struct Finished {
    name: &'static str,
    gzip: Measured,
    plain: Measured,
    resident: u64,
}

impl Finished {
    fn of(contender: Contender) -> Self {
        let Contender { name, process, gzip, plain, .. } = contender;
        Self { name, gzip, plain, resident: process.taken().resident }
    }

    const fn measured(&self, coding: Coding) -> &Measured {
        match coding {
            Coding::Gzip => &self.gzip,
            Coding::Plain => &self.plain,
        }
    }
}

fn report(
    limits: &mut Limits,
    size: Size,
    series: u64,
    exporter: &Contender,
    floor: &Contender,
    peers: &[Finished],
) {
    for coding in Coding::ALL {
        let (own, least) = (exporter.measured(coding), floor.measured(coding));
        println!("  {}", coding.name());
        print_figure("", HEADING);
        print_figure(floor.name, row(least, least, own));
        print_figure(exporter.name, row(own, least, own));
        for peer in peers {
            print_figure(peer.name, row(peer.measured(coding), least, own));
        }
    }
    for coding in Coding::ALL {
        check_ratio(limits, size.name(), coding, exporter, floor);
    }
    let golang = peers.iter().find(|peer| peer.name == Peer::ClientGolang.name());
    if let (Size::Medium, Some(golang)) = (size, golang) {
        let ratio = golang.gzip.cpu / exporter.gzip.cpu;
        limits.check(
            "medium: CPU of client_golang / exporter, gzip",
            format!("{ratio:.0}"),
            &format!("at least {LEAST_OF_CLIENT_GOLANG}"),
            ratio >= LEAST_OF_CLIENT_GOLANG,
        );
    }
    let a_series = |bytes: u64| number(bytes) / number(series);
    let taken = exporter.process.taken();
    let memory = format!(
        "{}, {:.0} bytes a series, at most {}",
        in_words(taken.resident),
        a_series(taken.resident),
        in_words(taken.peak)
    );
    if size == Size::Large {
        let is_kept = a_series(taken.resident) < MOST_BYTES_A_SERIES;
        let limit = format!("under {MOST_BYTES_A_SERIES} bytes a series");
        limits.check("large: memory of the exporter", memory, &limit, is_kept);
    } else {
        print_figure("memory of the exporter", memory);
    }
    print_figure("memory of the floor", in_words(floor.process.taken().resident));
    for peer in peers {
        let (resident, a_series) = (in_words(peer.resident), a_series(peer.resident));
        print_figure(
            &format!("memory of {}", peer.name),
            format!("{resident}, {a_series:.0} bytes a series"),
        );
    }
}

const HEADING: &str = "scrapes   p50 ms  / floor   p99 ms  / floor   CPU ms  / exporter      bytes";

fn row(measured: &Measured, floor: &Measured, exporter: &Measured) -> String {
    let (p50, p99) = (measured.p50(), measured.p99());
    format!(
        "{:7} {:8.2} {:8.2} {:8.2} {:8.2} {:8.3} {:11.2} {:10}",
        measured.took.len(),
        p50 * 1e3,
        p50 / floor.p50(),
        p99 * 1e3,
        p99 / floor.p99(),
        measured.cpu * 1e3,
        measured.cpu / exporter.cpu,
        measured.bytes,
    )
}

/// Holds the exporter against the floor.
pub fn check_ratio(limits: &mut Limits, when: &str, coding: Coding, exporter: &Contender, floor: &Contender) {
    let (own, least) = (exporter.measured(coding), floor.measured(coding));
    let most = match coding {
        Coding::Gzip => MOST_GZIP,
        Coding::Plain => MOST_PLAIN,
    };
    let ratio = own.p50() / least.p50();
    limits.check(
        &format!("{when}: p50 of exporter / floor, {}", coding.name()),
        format!("{ratio:.2}, p99 {:.2}", own.p99() / least.p99()),
        &format!("p50 at most {most}"),
        ratio <= most,
    );
}
