//! A poller for tests that asks nobody: the test says what Losant answers, and looks at what the poller makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use super::device_counts::Devices;
use super::discovery::{Discovered, Found, FoundPage, Walked};
use super::errand::{Findings, Outcome, Read};
use super::figures::Figures;
use super::fleet::Poll;
use super::handle::PollerHandle;
use super::job::Job;
use super::metrics::PollMetrics;
use super::notebook_minute_counts::Notebooks;
use super::payload_counts_breakdown::Hours;
use super::poller::{Poller, discovery_of};
use super::poller_config::PollerConfig;
use crate::clock::{Clock, ClockHand};
use crate::config::PollingConfig;
use crate::losant::wire::{NotebookStats, PayloadStats, Series, Summary};
use crate::losant::{
    Action, Call, Client, ClientConfig, ClientMetrics, Error, Said, Token, TokenSource, Unavailable,
};
use crate::selection::Selection;
use crate::store::Store;
use crate::usage::{BillingPeriod, Collector, Id, Level, Reading, Sample, Scope, Shard, Window};

/// The time at which most tests begin.
pub(super) const NOW: &str = "2026-03-17T14:23:45Z";

pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) struct Stand {
    pub(super) poller: Poller,
    pub(super) hand: ClockHand,
    /// The billing period that lists tell.
    pub(super) period: Option<BillingPeriod>,
    registry: Registry,
    sweep: u64,
    _handle: PollerHandle,
}

pub(super) fn id(number: u8) -> Id {
    format!("{number:024x}").parse().unwrap()
}

/// The instance that there is.
pub(super) fn instance() -> Id {
    id(1)
}

pub(super) fn whole() -> Scope {
    Scope::Instance { instance: instance() }
}

pub(super) fn org(number: u8) -> Scope {
    Scope::Org { instance: instance(), org: id(number) }
}

pub(super) fn sandbox(number: u8) -> Scope {
    Scope::Sandbox { instance: instance(), sandbox: id(number) }
}

/// What lists tell of one that has used so many payloads of a type this period, and a notebook once where `ran`.
pub(super) fn used_type(payload_type: &str, payloads: f64, ran: bool) -> Summary {
    let by_source = BTreeMap::from([("device.mqtt".to_owned(), payloads)]);
    let runs = f64::from(u8::from(ran));
    Summary {
        counts: BTreeMap::from([("deviceCount".to_owned(), 3.0)]),
        payloads: Some(PayloadStats::from([(payload_type.to_owned(), by_source)])),
        storage: None,
        notebooks: Some(NotebookStats {
            awaiting_completion: None,
            minutes_this_period: Some(runs),
            runs_this_period: Some(runs),
        }),
    }
}

pub(super) fn used(payloads: f64) -> Summary {
    used_type("deviceState", payloads, true)
}

pub(super) fn unavailable(reason: Unavailable) -> Error {
    Error::Unavailable { call: call(), reason, said: Said::default() }
}

pub(super) fn unauthorized() -> Error {
    Error::Unauthorized { call: call(), said: Said::default() }
}

pub(super) fn not_found() -> Error {
    Error::NotFound { call: call(), said: Said::default() }
}

fn call() -> Call {
    Call { action: Action::InstanceGet, scope: Some(whole()) }
}

impl Stand {
    /// A poller of one instance that has discovered nobody yet.
    pub(super) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(super) fn with(change: impl FnOnce(&mut PollerConfig)) -> Self {
        let (clock, hand) = Clock::manual(NOW.parse().unwrap());
        let mut config = PollerConfig {
            account: "default".to_owned(),
            instances: vec![instance()],
            left_to_others: BTreeSet::new(),
            polling: PollingConfig::default(),
            sandbox_email: false,
            source_label: true,
            selection: Selection::everything(),
            shard: Shard::whole(),
            concurrency: 4,
            requests_per_second: 5.0,
            burst: 10,
            page_size: 100,
        };
        change(&mut config);
        let mut registry = Registry::default();
        let url = "http://127.0.0.1:1".parse().unwrap();
        let asking = ClientConfig::new(url, TokenSource::Fixed(Token::new("token").unwrap()));
        let client = Client::new(asking, clock.clone(), ClientMetrics::register(&mut registry)).unwrap();
        let metrics = PollMetrics::register(&mut registry, clock.clone());
        let period = Some(BillingPeriod::calendar_month(clock.now()));
        let (mut poller, handle) = Poller::new(config, client, clock, Store::new(), metrics);
        poller.schedule_instances();
        Self { poller, hand, period, registry, sweep: 0, _handle: handle }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.poller.clock.now()
    }

    pub(super) fn uptime(&self) -> Duration {
        self.poller.clock.uptime()
    }

    pub(super) fn pass(&self, time: Duration) {
        self.hand.advance(time);
    }

    /// A sweep that finds the instance and these orgs. Returns whether it counts as a success.
    pub(super) fn sweep(&mut self, orgs: &[(Scope, Summary)]) -> bool {
        let found = orgs.iter().map(|(scope, summary)| self.found(*scope, Some(summary))).collect();
        self.sweep_of(found, |_| ())
    }

    /// A sweep that hands in what it finds, and ends as `change` says.
    pub(super) fn sweep_of(&mut self, found: Vec<Found>, change: impl FnOnce(&mut Discovered)) -> bool {
        self.hand_in(found);
        let walked = |level| {
            let members = self.poller.fleet.members();
            let listed =
                members.filter(|(scope, member)| scope.level() == level && member.sweep == self.sweep);
            let tally = self.poller.errand.discovery.selection.tally();
            Ok(Walked { complete: true, listed: listed.count(), excluded: 0, requests: 1, tally })
        };
        let mut discovered = Discovered {
            sweep: self.sweep,
            instance: Ok(()),
            orgs: walked(Level::Org),
            sandboxes: walked(Level::Sandbox),
        };
        change(&mut discovered);
        let job = discovery_of(instance());
        let outcome = Outcome::Discovered {
            instance: instance(),
            discovered: Box::new(discovered),
            took: Duration::from_secs(1),
        };
        self.poller.schedule.pop_due(self.uptime(), |collector| collector == Collector::Discovery);
        self.poller.apply(job, outcome, Poll { asked_at: self.uptime(), mark: None })
    }

    /// A sweep that fails as a whole.
    pub(super) fn failed_sweep(&mut self, error: &Error) {
        self.sweep_of(Vec::new(), |discovered| {
            discovered.instance = Err(error.clone());
            discovered.orgs = Err(error.clone());
            discovered.sandboxes = Err(error.clone());
        });
    }

    /// The pages of a sweep that has not ended.
    pub(super) fn hand_in(&mut self, found: Vec<Found>) {
        self.sweep += 1;
        let itself = vec![self.found(whole(), None)];
        for found in [itself, found] {
            let page = FoundPage { sweep: self.sweep, asked_at: self.uptime(), found };
            self.poller.apply_page(page);
        }
    }

    /// A page of the next sweep that was asked for before now.
    pub(super) fn hand_in_late(&mut self, found: Vec<Found>, asked_at: Duration) {
        self.sweep += 1;
        self.poller.apply_page(FoundPage { sweep: self.sweep, asked_at, found });
    }

    pub(super) fn found(&self, scope: Scope, summary: Option<&Summary>) -> Found {
        let period = self.period;
        Found {
            scope,
            period,
            devices: None,
            figures: Figures::of(period, summary),
            payloads: summary.and_then(|summary| summary.payloads.clone()),
            reading: Reading::at(self.now()),
        }
    }

    /// A poll that is answered at once. Of payloads by type there are `total`, of all else nothing.
    pub(super) fn poll(&mut self, scope: Scope, collector: Collector, total: f64) {
        let begun = self.begin(scope, collector);
        self.answer(scope, collector, total, begun);
    }

    /// Begins a poll.
    pub(super) fn begin(&mut self, scope: Scope, collector: Collector) -> (Poll, Timestamp) {
        let mark = self.poller.fleet.get(scope).and_then(|member| member.figures.mark(collector));
        (Poll { asked_at: self.uptime(), mark }, self.now())
    }

    /// Answers a poll that began before.
    pub(super) fn answer(
        &mut self,
        scope: Scope,
        collector: Collector,
        total: f64,
        begun: (Poll, Timestamp),
    ) {
        let (begun, read_at) = begun;
        let period = BillingPeriod::calendar_month(read_at);
        let (reading, findings) = match collector {
            Collector::PayloadCounts => {
                let stats = used(total).payloads.unwrap();
                (None, Findings::Payloads(Some((period, stats))))
            }
            Collector::PayloadCountsBreakdown => {
                let hours = Hours::of_silence(period, true, read_at);
                (hours.reading(Duration::from_secs(600), read_at), Findings::Hours(hours))
            }
            Collector::DeviceCounts => {
                let answer = Series { start: None, end: None, counts: Vec::new() };
                let asked = (Window::day(read_at).previous().start, read_at);
                let devices = Devices::new(answer, Some(3.0), asked);
                (devices.reading(read_at), Findings::Devices(devices))
            }
            Collector::NotebookMinuteCounts => {
                let notebooks = Notebooks::of_silence(period, read_at).unwrap();
                (notebooks.reading(read_at), Findings::Notebooks(notebooks))
            }
            _ => (None, Findings::Bytes),
        };
        let reading = reading.unwrap_or_else(|| Reading::at(read_at));
        let read = Ok(Box::new(Read { reading, findings, found: None }));
        let outcome = Outcome::Read { scope, collector, read };
        assert!(self.poller.apply(Job::Poll(scope, collector), outcome, begun));
    }

    /// A poll that fails.
    pub(super) fn fail(&mut self, scope: Scope, collector: Collector, error: &Error) {
        let (begun, _) = self.begin(scope, collector);
        let outcome = Outcome::Read { scope, collector, read: Err(error.clone()) };
        assert!(!self.poller.apply(Job::Poll(scope, collector), outcome, begun));
    }

    /// Asks a scope everything.
    pub(super) fn poll_all(&mut self, scope: Scope, total: f64) {
        for &collector in Collector::of(scope.level()) {
            if !collector.tells_of_owners() {
                self.poll(scope, collector, total);
            }
        }
    }

    /// Has lists and an answer agree about a scope of this number of its own, so that lists are believed.
    pub(super) fn trusting(mut self) -> Self {
        self.sweep(&[(org(99), used(4.0))]);
        self.poll(org(99), Collector::PayloadCounts, 4.0);
        self.pass(MINUTE);
        self.sweep(&[(org(99), used(4.0))]);
        assert!(self.poller.trust.is_exact());
        self
    }

    /// When a poll is due.
    pub(super) fn due(&self, scope: Scope, collector: Collector) -> Option<Duration> {
        self.poller.schedule.due(Job::Poll(scope, collector))
    }

    /// How long it is until then.
    pub(super) fn until_due(&self, scope: Scope, collector: Collector) -> Duration {
        self.due(scope, collector).unwrap().checked_sub(self.uptime()).unwrap()
    }

    /// What a collector last read of a scope.
    pub(super) fn read(&self, scope: Scope, collector: Collector) -> Option<Vec<Sample>> {
        self.poller.store.last_read(scope, collector).map(|(reading, _)| reading.samples)
    }

    /// Up to when the numbers of a collector are known to be true.
    pub(super) fn last_success(&self, scope: Scope, collector: Collector) -> Option<Timestamp> {
        let snapshot = self.poller.store.snapshot();
        let (_, record) = snapshot.scopes().iter().find(|(known, _)| *known == scope)?;
        record.part(collector).last_success
    }

    /// Whether the last attempt of a collector failed.
    pub(super) fn is_failing(&self, scope: Scope, collector: Collector) -> bool {
        let snapshot = self.poller.store.snapshot();
        snapshot.scopes().iter().any(|(known, record)| *known == scope && record.part(collector).failing)
    }

    /// Whether this line is among the metrics.
    pub(super) fn has_metric(&self, line: &str) -> bool {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).unwrap();
        page.lines().any(|found| found == line)
    }
}
