//! Losant's own client for Python against the simulated Losant: all 26 actions, rightly and wrongly.
//!
//! What the client sends is what the real API gets; what it makes of the answers is held against the world's truth.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::clock::Clock;
use losant_exporter::simulator::{
    self, ApplicationUsage, Org, Owner, RecordedRequest, Sandbox, Simulator, World, WorldConfig,
};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::components;
use crate::test_app::within_patience;

const NOW: &str = "2026-03-17T14:23:45.250Z";
const START: &str = "2026-03-14T00:00:00.000Z";
const END: &str = "2026-03-16T23:59:59.999Z";
const READER: &str = "a token that may read";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn nested(sums: BTreeMap<(String, String), u64>) -> Value {
    let mut body = json!({});
    for ((payload_type, source), count) in sums {
        body[payload_type][source] = count.into();
    }
    body
}

/// What is true of one owner between [`START`] and [`END`].
fn truth(world: &World, owner: Owner) -> Value {
    let (start, end) = (at(START), at(END));
    let days = (0..3).map(|day| start + SignedDuration::from_hours(24 * day));
    let written = |day: Timestamp| format!("{day:.3}");
    let devices = days.clone().map(|day| {
        let devices = world.devices_on(owner, day, day + SignedDuration::from_hours(24));
        json!({
            "date": written(day), "created": devices.created, "deleted": devices.deleted, "total": devices.total,
        })
    });
    let notebooks = days.map(|day| {
        let used = world.notebooks(owner, day, day + SignedDuration::from_hours(24));
        json!({
            "date": written(day), "minutes": used.minutes, "completed": used.completed,
            "canceled": used.canceled, "errored": used.errored, "timeout": used.timeout,
        })
    });
    let (period, _) = world.period(owner, at(NOW));
    json!({
        "payloads": nested(world.payloads(owner, start, end)),
        "bytes": nested(world.payload_bytes(owner, start, end)),
        "billable": world.payload_total(owner, start, end, true, false),
        "all": world.payload_total(owner, start, end, false, false),
        "allBytes": world.payload_total(owner, start, end, false, true),
        "devices": devices.collect::<Vec<_>>(),
        "notebooks": notebooks.collect::<Vec<_>>(),
        "period": nested(world.payloads(owner, period, at(NOW))),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of a simulated world stay below 2^53")]
fn row(usage: &ApplicationUsage) -> Value {
    json!([
        usage.billable.payloads,
        usage.nonbillable.payloads,
        usage.billable.bytes as f64 / 1e6,
        usage.devices,
        usage.notebook_runs,
        usage.notebook_minutes,
    ])
}

/// The rows of a month, up to `end`.
fn month(world: &World, start: &str, end: &str) -> Value {
    let (start, end) = (at(start), at(end));
    let (mut organizations, mut applications) = (Map::new(), Map::new());
    let orgs = world.orgs().iter().map(|org| Owner::Org(org.id()));
    for owner in orgs.chain(world.sandboxes().iter().map(|user| Owner::Sandbox(user.id()))) {
        let mut sum = ApplicationUsage::default();
        for application in world.applications(owner) {
            let usage = world.application_usage(&application, start, end);
            applications.insert(application.id.to_string(), row(&usage));
            sum.billable.payloads += usage.billable.payloads;
            sum.billable.bytes += usage.billable.bytes;
            sum.nonbillable.payloads += usage.nonbillable.payloads;
            sum.devices += usage.devices;
            sum.notebook_runs += usage.notebook_runs;
            sum.notebook_minutes += usage.notebook_minutes;
        }
        if let Owner::Org(id) = owner {
            organizations.insert(id.to_string(), row(&sum));
        }
    }
    json!({ "organization": organizations, "application": applications })
}

/// All that the script needs to know.
fn told(simulator: &Simulator, url: &str) -> Value {
    let world = simulator.world();
    let now = at(NOW);
    let org = world.orgs().iter().max_by_key(|org| org.activity.streams.len()).unwrap();
    let unmarked = |user: &&Sandbox| !user.is_marked(now);
    let sandbox = world.sandboxes().iter().find(unmarked).unwrap();
    let mut by_name: Vec<&Org> = world.orgs().iter().collect();
    by_name.sort_by_key(|org| (org.name.clone(), org.id()));
    let ids = |orgs: &[&Org]| orgs.iter().map(|org| org.id().to_string()).collect::<Vec<_>>();
    let has = |org: &Org, key: &str, value: &str| {
        org.tags.iter().any(|tag| (key.is_empty() || tag.key == key) && tag.value == value)
    };
    let tagged: Vec<&Org> =
        world.orgs().iter().filter(|org| has(org, "tier", "gold") || has(org, "", "trial")).collect();
    let users = |users: Vec<&Sandbox>| users.iter().map(|user| user.id().to_string()).collect::<Vec<_>>();
    let (report_start, report_end) = ("2026-02-01T00:00:00.000Z", "2026-02-28T23:59:59.999Z");
    let report: BTreeMap<String, u64> = world
        .orgs()
        .iter()
        .map(|org| {
            let total =
                world.payload_total(Owner::Org(org.id()), at(report_start), at(report_end), true, false);
            (org.id().to_string(), total)
        })
        .collect();
    json!({
        "url": url,
        "token": simulator.token(),
        "reader": READER,
        "instance": world.instances()[0].id().to_string(),
        "org": org.id().to_string(),
        "orgName": org.name,
        "sandbox": sandbox.id().to_string(),
        "sandboxEmail": sandbox.email,
        "orgs": ids(&by_name),
        "tagged": ids(&tagged),
        "sandboxes": users(world.sandboxes().iter().filter(unmarked).collect()),
        "allSandboxes": users(world.sandboxes().iter().collect()),
        "start": at(START).as_millisecond(),
        "end": at(END).as_millisecond(),
        "startDate": START,
        "hours": 72,
        "truth": {
            "instance": truth(&world, Owner::Instance(world.instances()[0].id())),
            "org": truth(&world, Owner::Org(org.id())),
            "sandbox": truth(&world, Owner::Sandbox(sandbox.id())),
        },
        "months": {
            (at("2026-02-11T00:00:00Z").as_millisecond().to_string()):
                month(&world, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            (now.as_millisecond().to_string()): month(&world, "2026-03-01T00:00:00Z", NOW),
        },
        "reportStart": report_start,
        "reportEnd": report_end,
        "report": report,
    })
}

/// Runs the script to its end and returns what it printed.
fn drive(python: &Path, told: &Value) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vendor_client/drive.py");
    let mut child = Command::new(python)
        .arg(script)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python runs");
    child.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_vendors_client_reads_the_truth_and_writes_what_it_reads_again() {
    let Some(python) = components::python_with("losant_rest") else { return };
    let (clock, hand) = Clock::manual(at(NOW));
    let simulator = Simulator::new(World::new(WorldConfig::default()), clock);
    simulator.accept_token_with_scopes(READER, &["all.Instance.read"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(simulator::serve(simulator.clone(), listener, std::future::pending()));

    let told = told(&simulator, &url);
    let driving = tokio::task::spawn_blocking(move || drive(&python, &told));
    let throttled = |request: &RecordedRequest| request.status == Some(429);
    let reporting = async {
        simulator.wait_for_requests(|requests| requests.iter().any(throttled)).await;
        hand.advance(Duration::from_secs(10));
    };
    // A script that fails never comes to its report.
    let driving = async { driving.await.expect("the script's word") };
    let mut driving = std::pin::pin!(driving);
    let printed = within_patience("the script", async {
        tokio::select! {
            printed = &mut driving => printed,
            () = reporting => driving.await,
        }
    })
    .await;
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert!(printed["checks"].as_u64().unwrap() > 200, "{printed}");

    let requests = simulator.requests();
    let actions: std::collections::BTreeSet<_> = requests
        .iter()
        .filter(|request| request.status.is_some_and(|status| status < 300))
        .collect::<Vec<_>>()
        .iter()
        .filter_map(|request| request.action)
        .collect();
    assert_eq!(actions.len(), 26, "{actions:?}");
    for request in &requests {
        assert_eq!(request.header("accept-version"), Some("^1.31.0"));
        assert!(matches!(request.query_value("_actions"), Some("false" | "True")), "{request:?}");
    }
    let sent =
        |name: &str, value: &str| requests.iter().any(|request| request.query_value(name) == Some(value));
    assert!(sent("asBytes", "True") && sent("asBytes", "False") && sent("includeNonBillable", "False"));
    let deletes = requests.iter().filter(|request| request.method == "DELETE");
    assert!(deletes.clone().count() > 0 && deletes.into_iter().all(|request| request.body.is_empty()));
}
