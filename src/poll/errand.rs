//! Running one job: asking, and nothing else. What the answer changes is the poller's business.

use std::time::Duration;

use super::discovery::{self, Discovered, Found};
use super::fleet::Known;
use super::historical_summaries::{self, Dealt};
use super::job::Job;
use super::{device_counts, notebook_minute_counts, payload_counts, payload_counts_breakdown};
use crate::clock::Clock;
use crate::losant::wire::Instance;
use crate::losant::{Client, Error, Listing};
use crate::usage::{Collector, Id, Reading, Scope};

/// What a job needs to run.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) settle_delay: Duration,
    pub(super) sandbox_email: bool,
}

/// What a job brought home.
#[derive(Debug)]
pub(super) enum Outcome {
    Instances(Result<Listing<Instance>, Error>),
    Discovered { instance: Id, discovered: Box<Discovered>, took: Duration },
    Read { scope: Scope, collector: Collector, read: Result<Box<Read>, Error> },
    Dealt { instance: Id, collector: Collector, dealt: Result<Box<Dealt>, Error> },
}

/// A reading, and what was found of the scope again where its billing period had to be asked for.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) reading: Reading,
    pub(super) found: Option<Found>,
}

impl Errand {
    /// Runs `job`; `known` is what discovery last said of its scope.
    pub(super) async fn run(self, job: Job, known: Known) -> Outcome {
        match job {
            Job::Instances => Outcome::Instances(self.client.all_instances().await),
            Job::Poll(scope, Collector::Discovery) => {
                let started = self.clock.uptime();
                let instance = scope.instance();
                let discovered =
                    discovery::discover(&self.client, instance, self.sandbox_email, self.clock.now()).await;
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
            Some(discovery::rediscover(&self.client, scope, self.sandbox_email, now).await?)
        } else {
            None
        };
        let period = found.as_ref().map_or(known.period, |found| found.period);
        // A total of a period that has not begun, or that may be the one before, would be made up.
        let period = period.filter(|period| period.start < now && !period.is_doubtful(now));
        let client = &self.client;
        let reading = match collector {
            // Neither comes here: they bring more than one reading.
            Collector::Discovery | Collector::Applications | Collector::PreviousPeriod => Reading::at(now),
            Collector::PayloadCounts => payload_counts::read(client, scope, period, now).await?,
            Collector::PayloadCountsBreakdown => {
                payload_counts_breakdown::read(client, scope, period, self.settle_delay, now).await?
            }
            Collector::DeviceCounts => device_counts::read(client, scope, known.devices, now).await?,
            Collector::NotebookMinuteCounts => {
                notebook_minute_counts::read(client, scope, period, now).await?
            }
        };
        Ok(Read { reading, found })
    }
}
