//! One scope as the status page knows it: the numbers that the page of metrics shows of it, and how well they are known.

use std::time::Duration;

use jiff::Timestamp;

use crate::store::{Freshness, LabelValues, Moment, Record, Row, Rows, ScopeState};
use crate::usage::{Collector, Level, Measure, Scope};

/// What decides which numbers are shown, the same as for the page of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long a number is shown when it cannot be read again.
    pub expire_after: Duration,
    /// When a scope counts as stale.
    pub freshness: Freshness,
}

/// What is known of a scope.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) scope: Scope,
    /// Its name. Of a sandbox the e-mail address, where the configuration asks for it.
    pub(super) name: Option<String>,
    pub(super) state: ScopeState,
    /// Whether it is stale only because not everything has been read yet.
    pub(super) is_awaited: bool,
    pub(super) payloads: Payloads,
    /// When each collector last succeeded, and how old that is.
    pub(super) reads: Vec<Read>,
    /// Whether discovery is among what failed last.
    pub(super) discovery_failed: bool,
}

/// Billable payloads, and what they are measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Payloads {
    pub(super) this_hour: Option<f64>,
    pub(super) today: Option<f64>,
    pub(super) period: Option<f64>,
    pub(super) limit: Option<f64>,
    pub(super) period_start: Option<f64>,
    pub(super) period_end: Option<f64>,
}

/// A collector that has succeeded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) collector: Collector,
    pub(super) at: Timestamp,
    pub(super) age: Duration,
}

impl Entry {
    /// What `record` says of `scope` at `moment`.
    pub(super) fn new(scope: Scope, record: &Record, moment: Moment, rules: &Rules) -> Self {
        let shown = Shown { record, moment, expire_after: rules.expire_after };
        let level = scope.level();
        let state = record.state(level, moment.uptime, rules.freshness);
        let has_old = Collector::concerning(level).any(|collector| {
            let part = record.part(collector);
            let limit = rules.freshness.0[collector as usize].filter(|_| part.last_success.is_some());
            limit.is_some_and(|limit| moment.uptime.saturating_sub(part.holds_at) > limit)
        });
        let reads = Collector::concerning(level).filter_map(|collector| {
            let part = record.part(collector);
            let age = moment.uptime.saturating_sub(part.holds_at);
            Some(Read { collector, at: part.last_success?, age })
        });
        Self {
            scope,
            name: shown.name(level),
            state,
            is_awaited: state == ScopeState::Stale && !has_old,
            payloads: shown.payloads(),
            reads: reads.collect(),
            discovery_failed: record.part(Collector::Discovery).failing,
        }
    }

    /// When the payload counts were last read.
    pub(super) fn counted(&self) -> Option<Read> {
        self.reads.iter().find(|read| read.collector == Collector::PayloadCountsBreakdown).copied()
    }
}

impl Payloads {
    /// Which share of the limit is used up.
    pub(super) fn share(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0.0)?;
        Some(self.period? / limit)
    }

    /// Which share of the billing period is over at `now`.
    pub(super) fn elapsed(&self, now: Timestamp) -> Option<f64> {
        let (start, end) = (self.period_start?, self.period_end?);
        let elapsed = (now.as_duration().as_secs_f64() - start) / (end - start);
        (0.0..=1.0).contains(&elapsed).then_some(elapsed)
    }
}

/// What is shown of a record.
struct Shown<'a> {
    record: &'a Record,
    moment: Moment,
    expire_after: Duration,
}

impl<'a> Shown<'a> {
    /// The numbers of one measure.
    fn rows(&self, measure: Measure) -> impl Iterator<Item = &'a Row> {
        let (moment, expire_after, record) = (self.moment, self.expire_after, self.record);
        let readings = Collector::ALL
            .into_iter()
            .filter_map(move |collector| record.part(collector).shown(collector, moment, expire_after));
        readings
            .flat_map(move |rows| of_measure(rows, measure).filter(move |row| rows.holds(row, moment.now)))
    }

    fn value(&self, measure: Measure) -> Option<f64> {
        self.rows(measure).next().map(Row::value)
    }

    fn billable(&self, measure: Measure) -> Option<f64> {
        let is_billable = |row: &&Row| first_label(row) == Some("true");
        self.rows(measure).find(is_billable).map(Row::value)
    }

    fn payloads(&self) -> Payloads {
        Payloads {
            this_hour: self.billable(Measure::PayloadsThisHour),
            today: self.billable(Measure::PayloadsToday),
            period: self.value(Measure::BillablePayloadsPeriod),
            limit: self.value(Measure::PayloadLimit),
            period_start: self.value(Measure::PeriodStart),
            period_end: self.value(Measure::PeriodEnd),
        }
    }

    fn name(&self, level: Level) -> Option<String> {
        let info = match level {
            Level::Instance => Measure::InstanceInfo,
            Level::Org => Measure::OrgInfo,
            Level::Sandbox => Measure::SandboxInfo,
        };
        let name = self.rows(info).find_map(first_label)?;
        (!name.is_empty()).then(|| name.to_owned())
    }
}

/// The numbers of one measure: they stand together.
fn of_measure(rows: &Rows, measure: Measure) -> impl Iterator<Item = &Row> {
    let rows = rows.all();
    let first = rows.partition_point(|row| row.measure() < measure);
    rows.iter().skip(first).take_while(move |row| row.measure() == measure)
}

fn first_label(row: &Row) -> Option<&str> {
    row.labels().and_then(|labels: &LabelValues| labels.values().next())
}
