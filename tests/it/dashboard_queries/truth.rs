//! What some panels have to show, worked out from the simulated world and not from any answer of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{ObjectId, Owner, World};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A world at a moment, and whom the dashboards about one are about.
pub struct Truth<'a> {
    pub world: &'a World,
    pub now: Timestamp,
    pub org: ObjectId,
    pub sandbox: ObjectId,
}

/// A panel, one of its questions, and all that is found added up.
pub type Number = ((&'static str, &'static str, &'static str), f64);

/// A panel, one of its questions, how long the windows are that its samples stand at the beginning of, and what there is in one.
pub type OverTime<'a> =
    ((&'static str, &'static str, &'static str), Duration, Box<dyn Fn(Timestamp) -> f64 + 'a>);

#[expect(clippy::cast_precision_loss, reason = "counts of a simulated world stay below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

/// The last full hour or day before `at`.
fn floor(at: Timestamp, length: Duration) -> Timestamp {
    let length = i64::try_from(length.as_secs()).expect("a short window");
    Timestamp::from_second(at.as_second().div_euclid(length) * length).expect("a time")
}

impl Truth<'_> {
    fn instance(&self) -> Owner {
        Owner::Instance(self.world.instances()[0].id())
    }

    fn billable(&self, owner: Owner, start: Timestamp, end: Timestamp) -> f64 {
        number(self.world.payload_total(owner, start, end, true, false))
    }

    fn this_hour(&self, owner: Owner) -> f64 {
        self.billable(owner, floor(self.now, HOUR), self.now)
    }

    fn today(&self, owner: Owner) -> f64 {
        self.billable(owner, floor(self.now, DAY), self.now)
    }

    fn period(&self, owner: Owner) -> f64 {
        self.billable(owner, self.world.period(owner, self.now).0, self.now)
    }

    /// Seconds until a limit of the period is reached if every day is like the last complete one; -1 when the period ends before.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a month")]
    fn limit_reached_in(&self, owner: Owner, limit: f64) -> f64 {
        let left = (limit - self.period(owner)).max(0.0);
        let today = floor(self.now, DAY);
        let day = self.billable(owner, today - SignedDuration::from_hours(24), today);
        let rest = (self.world.period(owner, self.now).1.as_second() - self.now.as_second()) as f64;
        let lasts = if left > 0.0 { left / day * 86_400.0 } else { 0.0 };
        if lasts < rest { lasts } else { -1.0 }
    }

    /// Of all orgs, as money and tables add them up.
    fn orgs(&self, of: impl Fn(Owner) -> f64) -> Vec<f64> {
        let there = self.world.orgs().iter().filter(|org| org.exists(self.now));
        let mut all: Vec<_> = there.map(|org| of(Owner::Org(org.id()))).collect();
        all.sort_by(|a, b| b.total_cmp(a));
        all
    }

    pub fn numbers(&self) -> Vec<Number> {
        let (instance, org, sandbox) = (self.instance(), Owner::Org(self.org), Owner::Sandbox(self.sandbox));
        let limit = |limit: Option<u64>| number(limit.expect("a limit"));
        let org_limit = limit(self.world.org(self.org).expect("the org").limits.payload);
        let sandbox_limit = limit(self.world.sandbox(self.sandbox).expect("the user").limits.payload);
        let (start, _) = self.world.period(instance, self.now);
        let notebooks = number(self.world.notebooks_between(instance, start, self.now).minutes);
        let top_ten: f64 = self.orgs(|org| self.period(org)).iter().take(10).sum();
        let types = self.world.period(org, self.now).0;
        let all_types = number(self.world.payload_total(org, types, self.now, false, false));
        vec![
            (("losant-overview", "Payloads this hour", "{{name}}"), self.this_hour(instance)),
            (("losant-overview", "Payloads today", "{{name}}"), self.today(instance)),
            (("losant-overview", "Payloads this period", "{{name}}"), self.period(instance)),
            (
                ("losant-overview", "Devices", "{{name}}"),
                number(self.world.devices(instance, self.now).total),
            ),
            (("losant-overview", "Notebook time", "{{name}}"), notebooks),
            (("losant-overview", "Top orgs by usage", "A"), top_ten),
            (("losant-organization", "Payloads this hour", "Payloads this hour"), self.this_hour(org)),
            (("losant-organization", "Payloads today", "Payloads today"), self.today(org)),
            (("losant-organization", "Payloads this period", "Payloads this period"), self.period(org)),
            (("losant-organization", "Share of limit", "Share of limit"), self.period(org) / org_limit),
            (("losant-organization", "Payloads by type", "{{payload_type}}"), all_types),
            (("losant-sandbox", "Payloads this hour", "Payloads this hour"), self.this_hour(sandbox)),
            (("losant-sandbox", "Payloads this period", "Payloads this period"), self.period(sandbox)),
            (("losant-sandbox", "Share of limit", "Share of limit"), self.period(sandbox) / sandbox_limit),
            (
                ("losant-organization", "Limit reached in", "Limit reached in"),
                self.limit_reached_in(org, org_limit),
            ),
            (
                ("losant-sandbox", "Limit reached in", "Limit reached in"),
                self.limit_reached_in(sandbox, sandbox_limit),
            ),
            (
                ("losant-quotas", "Cost this period", "Cost"),
                self.orgs(|org| self.period(org)).iter().sum::<f64>() / 1e6 * 25.0,
            ),
        ]
    }

    pub fn over_time(&self) -> Vec<OverTime<'_>> {
        let (instance, org, sandbox) = (self.instance(), Owner::Org(self.org), Owner::Sandbox(self.sandbox));
        let end =
            |start: Timestamp, length: Duration| start + SignedDuration::try_from(length).expect("short");
        let billable = move |owner, length| move |start| self.billable(owner, start, end(start, length));
        let notebooks = move |start| self.world.notebooks_between(org, start, end(start, DAY));
        let devices = move |start| self.world.devices_on(org, start, end(start, DAY));
        let week_before = move |start: Timestamp| {
            let before = start - SignedDuration::from_hours(7 * 24);
            self.billable(org, before, end(before, HOUR))
        };
        let bytes = move |start| number(self.world.payload_total(org, start, end(start, HOUR), true, true));
        vec![
            (
                ("losant-overview", "Billable payloads by hour", "payloads"),
                HOUR,
                Box::new(billable(instance, HOUR)),
            ),
            (
                ("losant-organization", "Billable payloads by hour", "payloads"),
                HOUR,
                Box::new(billable(org, HOUR)),
            ),
            (
                ("losant-organization", "Billable payloads by hour", "a week before"),
                HOUR,
                Box::new(week_before),
            ),
            (("losant-organization", "Bytes by hour", "bytes"), HOUR, Box::new(bytes)),
            (
                ("losant-organization", "Billable and other payloads by day", "billable"),
                DAY,
                Box::new(billable(org, DAY)),
            ),
            (
                ("losant-organization", "Devices created and deleted by day", "created"),
                DAY,
                Box::new(move |start| number(devices(start).created)),
            ),
            (
                ("losant-organization", "Notebook time by day", "run time"),
                DAY,
                Box::new(move |start| number(notebooks(start).minutes)),
            ),
            (
                ("losant-organization", "Notebook runs by day", "completed"),
                DAY,
                Box::new(move |start| number(notebooks(start).completed)),
            ),
            (
                ("losant-sandbox", "Billable payloads by hour", "payloads"),
                HOUR,
                Box::new(billable(sandbox, HOUR)),
            ),
        ]
    }
}
