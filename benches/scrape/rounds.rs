//! Scrapes of several servers in turns, so that whatever else the machine does happens to all of them.

use std::net::SocketAddr;
use std::time::Duration;

use losant_exporter::clock::Clock;

use crate::client::{Client, Coding};
use crate::machine::number;
use crate::processes::Process;

/// How long CPU time is measured at a stretch, where a scrape takes less than the kernel's clock can tell. Of several
/// stretches the median counts: a poll or a rendering falls into few of them.
const STRETCH: Duration = Duration::from_secs(1);
const STRETCHES: usize = 7;

/// A server that is measured.
pub struct Contender {
    pub name: &'static str,
    pub process: Process,
    pub client: Client,
    pub gzip: Measured,
    pub plain: Measured,
}

/// What was measured of scrapes in one coding.
#[derive(Default)]
pub struct Measured {
    /// How long each took, in seconds, in the order of the rounds.
    pub took: Vec<f64>,
    /// Bytes of the last body.
    pub bytes: u64,
    /// CPU seconds of the server for each.
    pub cpu: f64,
}

impl Measured {
    pub fn p50(&self) -> f64 {
        quantile(&self.took, 0.5)
    }

    pub fn p99(&self) -> f64 {
        quantile(&self.took, 0.99)
    }

    fn spent(&self) -> f64 {
        self.took.iter().sum()
    }
}

/// How often is scraped.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds, at most.
    pub most: usize,
    /// Rounds that everybody takes part in, however long they take.
    pub least: usize,
    /// Who has taken so many seconds in all has been asked often enough.
    pub budget: f64,
}

impl Plan {
    fn wants_more(self, measured: &Measured) -> bool {
        let rounds = measured.took.len();
        rounds < self.least || (rounds < self.most && measured.spent() < self.budget)
    }
}

impl Contender {
    pub fn new(name: &'static str, process: Process, address: SocketAddr) -> Self {
        let (gzip, plain) = (Measured::default(), Measured::default());
        Self { name, process, client: Client::of(address), gzip, plain }
    }

    pub const fn measured(&self, coding: Coding) -> &Measured {
        match coding {
            Coding::Gzip => &self.gzip,
            Coding::Plain => &self.plain,
        }
    }

    pub const fn measured_mut(&mut self, coding: Coding) -> &mut Measured {
        match coding {
            Coding::Gzip => &mut self.gzip,
            Coding::Plain => &mut self.plain,
        }
    }

    /// Begins anew.
    pub fn forget(&mut self) {
        (self.gzip, self.plain) = Default::default();
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.client.address()
    }

    pub fn scrape(&mut self, coding: Coding) {
        let answer = self.client.scrape(coding);
        let measured = self.measured_mut(coding);
        measured.took.push(answer.took.as_secs_f64());
        measured.bytes = answer.bytes;
    }
}

/// Scrapes the pair in each round, in an order that alternates, and then the peers that want more. Peers are few and slow:
/// their CPU time is what they have taken during the rounds.
pub fn play(pair: &mut [Contender; 2], peers: &mut [Contender], coding: Coding, plan: Plan) {
    let before: Vec<_> = peers.iter().map(|peer| peer.process.taken().cpu).collect();
    // What was measured along with other peers does not count against this round.
    let already = pair[0].measured(coding).took.len();
    let already_spent = pair[0].measured(coding).spent();
    for round in 0.. {
        for place in [round % 2, (round + 1) % 2] {
            pair[place].scrape(coding);
        }
        let waiting: Vec<_> =
            peers.iter_mut().filter(|peer| plan.wants_more(peer.measured(coding))).collect();
        let goes_on = !waiting.is_empty();
        for peer in waiting {
            peer.scrape(coding);
        }
        let own = pair[0].measured(coding);
        let rounds = own.took.len() - already;
        let is_enough = rounds >= plan.most || own.spent() - already_spent >= plan.budget;
        if rounds >= plan.least && is_enough && !goes_on {
            break;
        }
    }
    for (peer, before) in peers.iter_mut().zip(before) {
        let cpu = peer.process.taken().cpu.saturating_sub(before).as_secs_f64();
        let measured = peer.measured_mut(coding);
        measured.cpu = cpu / number(measured.took.len() as u64);
    }
}

/// Measures the CPU time of servers whose scrapes are too cheap to be told apart one by one.
pub fn weigh(pair: &mut [Contender; 2], coding: Coding) {
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..STRETCHES {
        for (contender, costs) in pair.iter_mut().zip(&mut costs) {
            let (clock, before, mut scrapes) = (Clock::system(), contender.process.taken().cpu, 0);
            while clock.uptime() < STRETCH {
                contender.client.scrape(coding);
                scrapes += 1;
            }
            let cpu = contender.process.taken().cpu.saturating_sub(before);
            costs.push(cpu.as_secs_f64() / number(scrapes));
        }
    }
    for (contender, costs) in pair.iter_mut().zip(costs) {
        contender.measured_mut(coding).cpu = quantile(&costs, 0.5);
    }
}

/// The value that this share of all does not exceed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let place = (number(values.len() as u64) * share).ceil() as usize;
    values[place.clamp(1, values.len()) - 1]
}
