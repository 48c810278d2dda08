//! Usage reports: one at a time for each instance, and a CSV at the end.
//!
//! Owns: jobs, their tables, and the call that says where a table is. Choices where nothing is published: a job runs
//! for ten seconds; the table has the columns of [`COLUMNS`]; the callback gets `{"jobId": "…", "reportUrl": "…"}`.
//! Without `start` and `end` the report is about the running month, by organization and month.
//! Must not: call any address but loopback ones.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::Simulator;
use super::bodies::date;
use super::body_rules;
use super::calendar::{self, BillingAnchor, DAY};
use super::chance;
use super::history::megabytes;
use super::id::ObjectId;
use super::owner::Owner;
use super::refusal::Refusal;
use super::world::{ApplicationUsage, View};

const RUNTIME: Duration = Duration::from_secs(10);
/// How long a callback may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Tables that are kept.
const KEPT: usize = 20;
/// Most days or months in a report.
const MOST_PERIODS: usize = 400;
const COLUMNS: &str = "periodStart,periodEnd,resourceType,resourceId,resourceName,ownerId,ownerName,tags,\
    payloadBillableCount,payloadNonbillableCount,payloadBillableSizeMb,payloadNonbillableSizeMb,deviceCount,\
    notebookRunCount,notebookMinutesCount\n";

/// What a report is to be about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    callback_url: Option<String>,
    resource_group_by: Option<String>,
    date_group_by: Option<String>,
    include_sandbox: bool,
    start: Option<String>,
    end: Option<String>,
}

struct Job {
    id: String,
    instance: ObjectId,
    /// Uptime of the clock at which it ends.
    due: Duration,
    periods: Vec<(Timestamp, Timestamp)>,
    options: Options,
}

/// The reports of one simulator.
#[derive(Default)]
pub(super) struct Reports {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    ordered: u64,
    running: BTreeMap<ObjectId, Duration>,
    queue: VecDeque<Job>,
    done: VecDeque<(String, String)>,
}

impl Reports {
    /// Takes an order, and answers with the job.
    pub(super) fn order(
        &self,
        instance: ObjectId,
        body: Option<&Value>,
        (now, uptime): (Timestamp, Duration),
    ) -> Result<Value, Refusal> {
        body_rules::REPORT.check(body)?;
        let options: Options =
            body.and_then(|body| serde_json::from_value(body.clone()).ok()).unwrap_or_default();
        let periods = periods(&options, now)?;
        let mut state = self.state();
        if state.running.get(&instance).is_some_and(|until| uptime < *until) {
            return Err(Refusal::Throttled);
        }
        state.ordered += 1;
        let keys = |what| [instance.key(), state.ordered, what];
        let id = format!("{:016x}{:05x}", chance::draw(&keys(1)), chance::draw(&keys(2)) & 0xf_ffff);
        let due = uptime + RUNTIME;
        state.running.insert(instance, due);
        state.queue.push_back(Job { id: id.clone(), instance, due, periods, options });
        drop(state);
        self.arrived.notify_one();
        Ok(json!({ "success": true, "jobQueued": true, "jobId": id }))
    }

    /// The table at this path, once its job is done.
    pub(super) fn at(&self, path: &str) -> Option<String> {
        let id = path.strip_prefix("/reports/")?.strip_suffix(".csv")?;
        self.state().done.iter().find(|(done, _)| done == id).map(|(_, table)| table.clone())
    }

    async fn next(&self) -> Job {
        loop {
            if let Some(job) = self.state().queue.pop_front() {
                return job;
            }
            self.arrived.notified().await;
        }
    }

    fn finish(&self, id: &str, table: String) {
        let mut state = self.state();
        state.done.push_back((id.to_owned(), table));
        if state.done.len() > KEPT {
            state.done.pop_front();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can stop half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works off the jobs of `simulator`, whose tables are read at `address`. Never ends.
pub(super) async fn work(simulator: Simulator, address: SocketAddr) {
    let host = if address.ip().is_unspecified() {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
    } else {
        address
    };
    let parts = &simulator.0;
    loop {
        let job = parts.reports.next().await;
        // They run for as long as one another, so the first one ends first.
        parts.clock.sleep_until(job.due).await;
        parts.reports.finish(&job.id, table(&simulator, &job));
        let callback = job.options.callback_url.as_deref().and_then(Callback::read);
        if let Some(callback) = callback {
            let url = format!("http://{host}/reports/{}.csv", job.id);
            let body = json!({ "jobId": job.id, "reportUrl": url });
            // Nobody there is as good as somebody who does not listen: a report has no second try.
            let _ = tokio::time::timeout(PATIENCE, callback.tell(&body)).await;
        }
    }
}

/// An address on this machine that wants to know.
#[derive(Debug, PartialEq, Eq)]
struct Callback {
    address: SocketAddr,
    host: String,
    path: String,
}

impl Callback {
    fn read(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        let address = host.parse::<SocketAddr>().ok().or_else(|| {
            let (name, port) = host.split_once(':').unwrap_or((host, "80"));
            let ip =
                if name == "localhost" { Ipv4Addr::LOCALHOST.into() } else { name.parse::<IpAddr>().ok()? };
            Some(SocketAddr::new(ip, port.parse().ok()?))
        })?;
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let is_plain = !path.contains(|letter: char| letter.is_whitespace() || letter.is_control());
        (address.ip().is_loopback() && is_plain).then(|| Self { address, host: host.to_owned(), path })
    }

    async fn tell(&self, body: &Value) -> std::io::Result<()> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(self.address).await?;
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            self.path,
            self.host,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        // Until the answer has begun: closing earlier could take the request away from its reader.
        stream.read(&mut [0; 64]).await.map(|_| ())
    }
}

fn periods(options: &Options, now: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, Refusal> {
    let read = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    let end = read(&options.end).unwrap_or(now);
    let month = |at: Timestamp| BillingAnchor::CALENDAR_MONTH.period(at.as_second());
    let start = read(&options.start).unwrap_or_else(|| calendar::moment(month(end).0));
    if start > end {
        return Err(Refusal::Validation("start must not be after end".to_owned()));
    }
    let by_day = options.date_group_by.as_deref() == Some("day");
    let mut periods = Vec::new();
    let mut from = start;
    while from < end {
        let next = if by_day { (calendar::day(from.as_second()) + 1) * DAY } else { month(from).1 };
        let to = calendar::moment(next).min(end);
        periods.push((from, to));
        if periods.len() > MOST_PERIODS {
            let problem = format!("start and end must not span more than {MOST_PERIODS} periods");
            return Err(Refusal::Validation(problem));
        }
        from = to;
    }
    Ok(periods)
}

fn table(simulator: &Simulator, job: &Job) -> String {
    let (world, now) = (simulator.world(), simulator.0.clock.now());
    let mut table = COLUMNS.to_owned();
    let view = world.shown(now);
    let by_application = job.options.resource_group_by.as_deref() == Some("application");
    for period in &job.periods {
        let (start, end) = (period.0, period.1.min(now));
        for org in world.orgs().iter().filter(|org| org.instance == job.instance && org.created_at < end) {
            let tags: Vec<_> = org.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
            let owner = (Owner::Org(org.id), org.id, org.name.as_str(), tags.join(" "));
            add_rows(&mut table, view, &owner, by_application, (start, end));
        }
        let users = world.sandboxes().iter().filter(|user| user.instance == job.instance);
        let users = users.filter(|user| job.options.include_sandbox && user.created_at < end);
        for user in users {
            let name = format!("{} {}", user.first_name, user.last_name);
            let owner = (Owner::Sandbox(user.id), user.id, name.as_str(), String::new());
            add_rows(&mut table, view, &owner, by_application, (start, end));
        }
    }
    table
}

fn add_rows(
    table: &mut String,
    view: View<'_>,
    (owner, id, name, tags): &(Owner, ObjectId, &str, String),
    by_application: bool,
    (start, end): (Timestamp, Timestamp),
) {
    let mut row = |kind: &str, resource: ObjectId, title: &str, usage: &ApplicationUsage| {
        let _ = writeln!(
            table,
            "{},{},{kind},{resource},{},{id},{},{},{},{},{},{},{},{},{}",
            date(start),
            date(calendar::last_millisecond(end)),
            quoted(title),
            quoted(name),
            quoted(tags),
            usage.billable.payloads,
            usage.nonbillable.payloads,
            megabytes(usage.billable.bytes),
            megabytes(usage.nonbillable.bytes),
            usage.devices,
            usage.notebook_runs,
            usage.notebook_minutes,
        );
    };
    if by_application {
        for application in view.applications(*owner) {
            let usage = view.application_usage(&application, start, end);
            row("application", application.id, &application.name, &usage);
        }
    } else {
        let kind = if matches!(owner, Owner::Org(_)) { "organization" } else { "user" };
        row(kind, *id, name, &view.usage(*owner, start, end));
    }
}

/// As a field of a CSV.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_called_back() {
        let address =
            |url: &str| Callback::read(url).map(|callback| callback.address.to_string() + &callback.path);
        assert_eq!(address("http://127.0.0.1:8080/done?x=1#y").as_deref(), Some("127.0.0.1:8080/done?x=1"));
        assert_eq!(address("http://localhost:81").as_deref(), Some("127.0.0.1:81/"));
        assert_eq!(address("http://127.1.2.3/").as_deref(), Some("127.1.2.3:80/"));
        assert_eq!(address("http://[::1]:9/x").as_deref(), Some("[::1]:9/x"));
        for url in [
            "https://127.0.0.1/",
            "http://example.com/",
            "http://10.0.0.1:80/",
            "http://0.0.0.0:80/",
            "http://localhost.example.com/",
            "http://user@127.0.0.1/",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1/a b",
            "127.0.0.1:80",
        ] {
            assert_eq!(Callback::read(url), None, "{url}");
        }
    }

    #[test]
    fn periods_are_days_or_months_cut_at_both_ends() {
        let now = "2026-03-04T12:00:00Z".parse().unwrap();
        let read = |body: Value| periods(&serde_json::from_value(body).unwrap(), now);
        let count = |body| read(body).map(|periods| periods.len()).ok();
        assert_eq!(read(json!({})).unwrap(), [("2026-03-01T00:00:00Z".parse().unwrap(), now)]);
        assert_eq!(count(json!({ "dateGroupBy": "day" })), Some(4));
        let start = "2026-01-31T23:00:00Z";
        assert_eq!(count(json!({ "start": start, "dateGroupBy": "month" })), Some(3));
        assert_eq!(
            count(json!({ "start": start, "end": "2026-02-01T01:00:00Z", "dateGroupBy": "day" })),
            Some(2)
        );
        assert_eq!(count(json!({ "start": "2026-03-05T00:00:00Z" })), None);
        assert_eq!(count(json!({ "start": "2020-01-01T00:00:00Z", "dateGroupBy": "day" })), None);
    }
}
