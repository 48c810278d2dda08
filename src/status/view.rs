//! What the status page shows, and `status.json` says: the one thing that both are made of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::entry::{Entry, Payloads};
use super::listing::{PAGE, Selected};
use super::query::Query;
use crate::poll::{HOURS, PollFailure, PollerReport, ScopeReport};
use crate::store::Moment;
use crate::usage::{Collector, Id, Level, Scope};

/// The exporter itself.
#[derive(Debug, Serialize)]
pub struct Exporter {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it still waits for until it is ready.
    pub waits_for: Vec<String>,
    /// Which part of everything it polls, where several share the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Where its metrics are, from the page itself.
    pub metrics: String,
}

/// An account.
#[derive(Debug)]
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// Whether Losant accepted the token when it last answered.
    pub token_accepted: Option<bool>,
    /// When the token expires, where it says so.
    pub token_expires_at: Option<Timestamp>,
    /// Requests a second that it may make now.
    pub requests_per_second: f64,
    /// Requests a second that it may make while Losant does not throttle.
    pub configured_requests_per_second: f64,
    /// What its poller says, where it answers.
    pub report: Option<PollerReport>,
}

/// The status page. What is unknown is absent.
#[derive(Debug, Serialize)]
pub struct View {
    pub(super) exporter: Exporter,
    /// The moment that all of this speaks of.
    pub(super) at: String,
    pub(super) uptime_seconds: u64,
    pub(super) accounts: Vec<AccountView>,
    /// How many scopes are how well known, by level and state.
    pub(super) counts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    pub(super) instances: Vec<ScopeView>,
    /// How many orgs and sandboxes fit what was asked for.
    pub(super) total: usize,
    /// Which page of them this is, from 1.
    pub(super) page: usize,
    pub(super) pages: usize,
    pub(super) scopes: Vec<ScopeView>,
    #[serde(skip)]
    pub(super) query: Query,
}

#[derive(Debug, Serialize)]
pub(super) struct AccountView {
    pub(super) name: String,
    /// Whether every one of its instances could be read when it was last discovered; absent before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) up: Option<bool>,
    /// What is wrong with it as a whole, or with one of its instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_accepted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_expires_in_seconds: Option<i64>,
    pub(super) requests_per_second: f64,
    pub(super) configured_requests_per_second: f64,
    pub(super) instances: Vec<String>,
}

/// A scope.
#[derive(Debug, Serialize)]
pub(super) struct ScopeView {
    pub(super) level: &'static str,
    pub(super) id: String,
    pub(super) instance_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) state: &'static str,
    #[serde(skip)]
    pub(super) is_awaited: bool,
    /// Of an instance: whether its last discovery and own polls succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) up: Option<bool>,
    pub(super) billable_payloads: PayloadsView,
    /// When each collector last succeeded.
    pub(super) reads: Vec<ReadView>,
    /// How long it is until something is asked that tells of the scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_poll_in_seconds: Option<u64>,
    /// What failed when it was last tried.
    pub(super) problems: Vec<ProblemView>,
}

#[derive(Debug, Serialize)]
pub(super) struct PayloadsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) this_hour: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) today: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) period: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<f64>,
    /// The share of the limit that is used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) share_of_limit: Option<f64>,
    /// The share of the billing period that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) share_of_period: Option<f64>,
    /// By hour, the running one last; null where nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_48_hours: Option<Vec<Option<u32>>>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReadView {
    pub(super) collector: &'static str,
    pub(super) at: String,
    pub(super) age_seconds: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct ProblemView {
    pub(super) collector: &'static str,
    pub(super) problem: String,
    pub(super) in_a_row: u32,
}

impl View {
    /// What is shown of `selected`, with what pollers say of its scopes.
    pub fn new(exporter: Exporter, accounts: &[Account], selected: Selected) -> Self {
        let Selected { moment, query, instances, scopes, total, counts: by_scope, up, listed } = selected;
        let mut counts: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for ((level, state), count) in by_scope {
            counts.entry(level.as_str()).or_default().insert(state.as_str(), count);
        }
        let view = |entry: Entry| {
            let mut reports = accounts.iter().filter_map(|account| account.report.as_ref());
            let report = reports.find_map(|report| report.scopes.get(&entry.scope));
            let is_instance = entry.scope.level() == Level::Instance;
            let up = up.get(&entry.scope.id()).copied().filter(|_| is_instance);
            ScopeView::new(entry, up, report, moment)
        };
        Self {
            exporter,
            at: shown(moment.now),
            uptime_seconds: moment.uptime.as_secs(),
            accounts: accounts.iter().map(|account| AccountView::new(account, &listed, moment.now)).collect(),
            counts,
            instances: instances.into_iter().map(view).collect(),
            total,
            page: query.page + 1,
            pages: total.div_ceil(PAGE).max(1),
            scopes: scopes.into_iter().map(view).collect(),
            query,
        }
    }

    /// The same as JSON.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl AccountView {
    fn new(account: &Account, listed: &BTreeSet<Id>, now: Timestamp) -> Self {
        let report = account.report.as_ref();
        let instances = report.map(|report| report.instances.iter().map(Id::to_string).collect());
        let problem =
            report.and_then(|report| report.problem.clone().or_else(|| problem_of_an_instance(report)));
        let all_listed = |report: &PollerReport| {
            !report.instances.is_empty() && report.instances.iter().all(|instance| listed.contains(instance))
        };
        let up = if problem.is_some() { Some(false) } else { report.is_some_and(all_listed).then_some(true) };
        Self {
            name: account.name.clone(),
            up,
            problem,
            token_accepted: account.token_accepted,
            token_expires_at: account.token_expires_at.map(shown),
            token_expires_in_seconds: account.token_expires_at.map(|at| at.duration_since(now).as_secs()),
            requests_per_second: account.requests_per_second,
            configured_requests_per_second: account.configured_requests_per_second,
            instances: instances.unwrap_or_default(),
        }
    }
}

impl ScopeView {
    fn new(entry: Entry, up: Option<bool>, report: Option<&ScopeReport>, moment: Moment) -> Self {
        let Entry { scope, name, state, is_awaited, payloads, reads, discovery_failed } = entry;
        let own_discovery = discovery_failed || scope.level() == Level::Instance;
        // Discovery concerns a whole instance; those that it still tells of are fine.
        let concerns = |failure: &&PollFailure| failure.collector != Collector::Discovery || own_discovery;
        let problems = report.into_iter().flat_map(|report| report.failures.iter().filter(concerns));
        let problems = problems.map(|failure| ProblemView {
            collector: failure.collector.as_str(),
            problem: failure.problem.clone(),
            in_a_row: failure.in_a_row,
        });
        let reads = reads.iter().map(|read| ReadView {
            collector: read.collector.as_str(),
            at: shown(read.at),
            age_seconds: read.age.as_secs(),
        });
        let Payloads { this_hour, today, period, limit, .. } = payloads;
        Self {
            level: scope.level().as_str(),
            id: scope.id().to_string(),
            instance_id: scope.instance().to_string(),
            name,
            state: state.as_str(),
            is_awaited,
            up,
            billable_payloads: PayloadsView {
                this_hour,
                today,
                period,
                limit,
                share_of_limit: payloads.share(),
                share_of_period: payloads.elapsed(moment.now),
                last_48_hours: report.and_then(|report| Some(report.hours.as_ref()?.to_vec())),
            },
            reads: reads.collect(),
            next_poll_in_seconds: report
                .and_then(|report| report.next_poll)
                .map(|due| due.saturating_sub(moment.uptime).as_secs()),
            problems: problems.collect(),
        }
    }

    /// Whether discovery has told of it, with its limits.
    pub(super) fn is_discovered(&self) -> bool {
        self.reads.iter().any(|read| read.collector == Collector::Discovery.as_str())
    }

    /// Whether anything has been asked about it alone, with success.
    pub(super) fn is_read(&self) -> bool {
        self.reads.iter().any(|read| read.collector != Collector::Discovery.as_str())
    }

    /// How old its payload counts are.
    pub(super) fn counted(&self) -> Option<&ReadView> {
        let name = Collector::PayloadCountsBreakdown.as_str();
        self.reads.iter().find(|read| read.collector == name)
    }
}

/// Why one of the instances of an account could not be discovered. The poller has to have been asked about them.
fn problem_of_an_instance(report: &PollerReport) -> Option<String> {
    report.instances.iter().find_map(|&instance| {
        let failures = &report.scopes.get(&Scope::Instance { instance })?.failures;
        let failure = failures.iter().find(|failure| failure.collector == Collector::Discovery)?;
        Some(format!("instance {instance}: {}", failure.problem))
    })
}

/// A moment to the second.
fn shown(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// The name of the field says it.
const _: () = assert!(HOURS == 48);
