//! Running one job: asking, and nothing else. What the answer changes is the poller's business.

use std::time::Duration;

use tokio::sync::mpsc;

use super::device_counts::{self, Devices};
use super::discovery::{self, Discovered, Discovery, Found, FoundPage};
use super::fleet::Known;
use super::historical_summaries::{self, Dealt};
use super::job::Job;
use super::notebook_minute_counts::{self, Notebooks};
use super::payload_counts;
use super::payload_counts_breakdown::{self, Hours};
use super::poller_config::PollerConfig;
use crate::clock::Clock;
use crate::losant::wire::{Instance, PayloadStats};
use crate::losant::{Client, Error, Listing, Unit};
use crate::usage::{BillingPeriod, Collector, Id, Reading, Scope};

/// What a job needs to run.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) discovery: Discovery,
    pub(super) settle_delay: Duration,
    /// Whether payloads of one type are told apart by source.
    pub(super) sources: bool,
    /// Whether bytes are read.
    pub(super) bytes: bool,
    /// Where discovery hands in what it finds as it comes.
    pub(super) pages: mpsc::Sender<FoundPage>,
}

/// What a job brought home.
#[derive(Debug)]
pub(super) enum Outcome {
    Instances(Result<Listing<Instance>, Error>),
    Discovered { instance: Id, discovered: Box<Discovered>, took: Duration },
    Read { scope: Scope, collector: Collector, read: Result<Box<Read>, Error> },
    Dealt { instance: Id, collector: Collector, dealt: Result<Box<Dealt>, Error> },
}

/// A reading, what it was made of, and what was found of the scope again where its billing period had to be asked for.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) reading: Reading,
    pub(super) findings: Findings,
    pub(super) found: Option<Found>,
}

/// What a reading was made of.
#[derive(Debug)]
pub(super) enum Findings {
    /// Payloads, of the period that was asked for.
    Payloads(Option<(BillingPeriod, PayloadStats)>),
    Bytes,
    Hours(Hours),
    Devices(Devices),
    Notebooks(Notebooks),
}

impl Errand {
    /// What jobs of an account need. Discovery hands in at `pages`.
    pub(super) fn new(
        config: &PollerConfig,
        client: Client,
        clock: Clock,
        pages: mpsc::Sender<FoundPage>,
    ) -> Self {
        let discovery = Discovery {
            emails: config.sandbox_email,
            selection: config.selection.clone(),
            shard: config.shard,
        };
        Self {
            client,
            clock,
            discovery,
            settle_delay: config.polling.settle_delay.get(),
            sources: config.source_label,
            bytes: config.polling.is_enabled(Collector::PayloadBytes),
            pages,
        }
    }

    /// Runs `job`; `known` is what discovery last said of its scope. A discovery is the sweep with number `sweep`.
    pub(super) async fn run(self, job: Job, known: Known, sweep: u64) -> Outcome {
        match job {
            Job::Instances => Outcome::Instances(self.client.all_instances().await),
            // Neither of the latter two is made a job of its own for a scope.
            Job::Poll(scope, Collector::Discovery) => {
                let started = self.clock.uptime();
                let instance = scope.instance();
                let discovered =
                    self.discovery.discover(&self.client, &self.clock, (instance, sweep), &self.pages).await;
                let took = self.clock.uptime().saturating_sub(started);
                Outcome::Discovered { instance, discovered: Box::new(discovered), took }
            }
            Job::Poll(scope, collector @ (Collector::Applications | Collector::PreviousPeriod)) => {
                let (instance, now) = (scope.instance(), self.clock.now());
                let dealt = historical_summaries::read(&self.client, instance, collector, now).await;
                Outcome::Dealt { instance, collector, dealt: dealt.map(Box::new) }
            }
            Job::Poll(scope, collector) => {
                let read = self.read(scope, collector, known).await.map(Box::new);
                Outcome::Read { scope, collector, read }
            }
        }
    }

    async fn read(&self, scope: Scope, collector: Collector, known: Known) -> Result<Read, Error> {
        let now = self.clock.now();
        // The period that was true when the scope was listed may have ended since. Ask before numbers of two periods
        // are added up under one name.
        let found = if known.period_is_uncertain(now) && collector != Collector::DeviceCounts {
            Some(discovery::rediscover(&self.client, scope, self.discovery.emails, now).await?)
        } else {
            None
        };
        let period = found.as_ref().map_or(known.period, |found| found.period);
        // A total of a period that has not begun, or that may be the one before, would be made up.
        let period = period.filter(|period| period.is_usable(now));
        let client = &self.client;
        let stats = async |unit| {
            let stats = payload_counts::read(client, scope, period, unit, now).await?;
            let reading = period
                .zip(stats.as_ref())
                .map(|(period, stats)| payload_counts::reading(stats, period, unit, self.sources, now));
            Ok::<_, Error>((reading.unwrap_or_else(|| Reading::at(now)), period.zip(stats)))
        };
        let (reading, findings) = match collector {
            Collector::PayloadBytes => (stats(Unit::Bytes).await?.0, Findings::Bytes),
            // The others bring more than one reading and never come here.
            Collector::PayloadCounts
            | Collector::Discovery
            | Collector::Applications
            | Collector::PreviousPeriod => {
                let (reading, stats) = stats(Unit::Payloads).await?;
                (reading, Findings::Payloads(stats))
            }
            Collector::PayloadCountsBreakdown => {
                let how = (self.settle_delay, self.bytes);
                let hours = payload_counts_breakdown::read(client, scope, period, how, now).await?;
                let reading = hours.reading(self.settle_delay, now);
                (reading.unwrap_or_else(|| Reading::at(now)), Findings::Hours(hours))
            }
            Collector::DeviceCounts => {
                let devices = device_counts::read(client, scope, known.devices, now).await?;
                (devices.reading(now).unwrap_or_else(|| Reading::at(now)), Findings::Devices(devices))
            }
            Collector::NotebookMinuteCounts => {
                let notebooks = notebook_minute_counts::read(client, scope, period, now).await?;
                (notebooks.reading(now).unwrap_or_else(|| Reading::at(now)), Findings::Notebooks(notebooks))
            }
        };
        Ok(Read { reading, findings, found })
    }
}
