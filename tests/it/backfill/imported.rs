//! With a real Prometheus: what it is given by file or by remote write is what the simulated world knows.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::backfill::Target;
use losant_exporter::remote_write::{Credentials, Pusher};
use losant_exporter::simulator::{Org, Owner, Sandbox, World};

use super::NOW;
use super::fixture::{Losant, file_of, samples_in};
use crate::components;
use crate::prometheus::{Prometheus, Samples};

/// Past as a test is, nothing of it may be deleted for its age.
const KEEP: &str = "--storage.tsdb.retention.time=100y";

/// A window of the past, and its ends.
type Part = (Timestamp, Timestamp);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn parts(start: Timestamp, end: Timestamp, hours: i64) -> impl Iterator<Item = Part> {
    let length = SignedDuration::from_hours(hours);
    std::iter::successors(Some((start, start + length)), move |(_, end)| Some((*end, *end + length)))
        .take_while(move |(_, part_end)| *part_end <= end)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a simulated world stay below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

/// What must be known of 21 days before `NOW`, worked out from the world and not from any answer.
fn truth(world: &World) -> Samples {
    let now = at(NOW);
    let instances = world
        .instances()
        .iter()
        .map(|i| (Owner::Instance(i.id()), "instance", i.id().to_string(), i.id().to_string()));
    let is_there = |org: &&Org| org.exists(now);
    let orgs = world
        .orgs()
        .iter()
        .filter(is_there)
        .map(|o| (Owner::Org(o.id()), "org", o.instance().to_string(), o.id().to_string()));
    let is_listed = |user: &&Sandbox| user.exists(now) && !user.is_marked(now);
    let sandboxes = world
        .sandboxes()
        .iter()
        .filter(is_listed)
        .map(|s| (Owner::Sandbox(s.id()), "sandbox", s.instance().to_string(), s.id().to_string()));
    let mut truth = Samples::new();
    for (owner, level, instance, id) in instances.chain(orgs).chain(sandboxes) {
        let mut add = |stem: &str, extra: &str, end: Timestamp, value: f64| {
            let mut labels = vec![format!("instance_id=\"{instance}\"")];
            labels.extend((level != "instance").then(|| format!("{level}_id=\"{id}\"")));
            labels.extend((!extra.is_empty()).then(|| extra.to_owned()));
            labels.sort_unstable();
            let series = format!("losant_{level}:{stem}:max{{{}}}", labels.join(","));
            let shown = if stem == "devices" { -60 } else { 600 };
            let millisecond = (end + SignedDuration::from_secs(shown)).as_millisecond();
            truth.entry(series).or_default().push((millisecond, value));
        };
        let hours =
            parts(at("2026-02-24T15:00:00Z"), at("2026-03-17T14:00:00Z"), 1).map(|part| ("hour", part));
        let days = || parts(at("2026-02-25T00:00:00Z"), at("2026-03-17T00:00:00Z"), 24);
        for (window, (start, end)) in hours.chain(days().map(|part| ("day", part))) {
            for (unit, as_bytes) in [("payloads", false), ("payload_bytes", true)] {
                let billable = world.payload_total(owner, start, end, true, as_bytes);
                let all = world.payload_total(owner, start, end, false, as_bytes);
                let stem = format!("{unit}_last_{window}");
                add(&stem, "billable=\"true\"", end, number(billable));
                add(&stem, "billable=\"false\"", end, number(all - billable));
            }
        }
        for (start, end) in days() {
            let devices = world.devices_on(owner, start, end);
            add("devices", "", end, number(devices.total));
            add("devices_created_last_day", "", end, number(devices.created));
            add("devices_deleted_last_day", "", end, number(devices.deleted));
            let notebooks = world.notebooks_between(owner, start, end);
            add("notebook_run_seconds_last_day", "", end, number(notebooks.minutes) * 60.0);
            for (outcome, runs) in [
                ("completed", notebooks.completed),
                ("canceled", notebooks.canceled),
                ("errored", notebooks.errored),
                ("timeout", notebooks.timeout),
            ] {
                add("notebook_runs_last_day", &format!("outcome=\"{outcome}\""), end, number(runs));
            }
        }
    }
    truth
}

/// Everything that a Prometheus knows.
async fn known(prometheus: &Prometheus, expected: &Samples) -> Samples {
    let families: BTreeSet<_> = expected.keys().filter_map(|series| series.split('{').next()).collect();
    let (start, end) = (at("2026-02-01T00:00:00Z"), at("2026-03-18T00:00:00Z"));
    let mut known = Samples::new();
    for family in families {
        known.extend(prometheus.samples(family, start, end).await);
    }
    known
}

/// Fails with a series that differs, and not with walls of text.
fn assert_same(known: &Samples, expected: &Samples) {
    for series in known.keys().chain(expected.keys()) {
        let (known, expected) = (known.get(series), expected.get(series));
        let differs = known.into_iter().flatten().zip(expected.into_iter().flatten()).find(|(a, b)| a != b);
        assert!(
            known == expected,
            "{series}: {:?} and {:?} samples; {differs:?}",
            known.map(Vec::len),
            expected.map(Vec::len)
        );
    }
}

fn create_blocks(promtool: &Path, file: &Path, folder: &Path) {
    let mut command = Command::new(promtool);
    command.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=486h"]);
    let output = command.arg(file).arg(folder).output().expect("promtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_blocks_hold_the_truth_of_every_hour_and_day_of_everybody() {
    let (Some(program), Some(promtool)) =
        (components::program("prometheus"), components::program("promtool"))
    else {
        return;
    };
    let losant = Losant::at(NOW).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("h.om");
    losant.run(losant.order("-21d"), &file, false).await.unwrap();
    create_blocks(&promtool, &file, &folder.path().join("data"));
    let prometheus = Prometheus::start_on(&program, folder.path(), "", &[KEEP]).await;
    let truth = truth(&losant.simulator.world());
    // 20 scopes with 4 series by hour, 4 by day, 3 of devices and 5 of notebooks.
    assert_eq!(truth.len(), 20 * 16);
    assert_same(&known(&prometheus, &truth).await, &truth);

    // As readers ask for it: at a full hour, of the hour before.
    let hour = "sum(last_over_time(losant_org:payloads_last_hour:max[1h] @ 1773756000))";
    let org = |org: &Org| {
        losant.simulator.world().payload_total(
            Owner::Org(org.id()),
            at("2026-03-17T12:00:00Z"),
            at("2026-03-17T13:00:00Z"),
            false,
            false,
        )
    };
    let total: u64 = losant.simulator.world().orgs().iter().map(org).sum();
    assert_eq!(prometheus.query(hour).await, Some(number(total)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_prometheus_takes_by_remote_write_what_the_file_holds_and_takes_it_twice() {
    let Some(program) = components::program("prometheus") else { return };
    let losant = Losant::at(NOW).await;
    let folder = tempfile::tempdir().unwrap();
    let config = "storage: { tsdb: { out_of_order_time_window: 95d } }\n";
    let prometheus =
        Prometheus::start_on(&program, folder.path(), config, &[KEEP, "--web.enable-remote-write-receiver"])
            .await;
    let url = format!("{}/api/v1/write", prometheus.url());
    let output = folder.path().join("h.om");
    losant.run(losant.order("-21d"), &output, false).await.unwrap();
    let expected = samples_in(&file_of(&output));
    for _ in 0..2 {
        let pusher = Pusher::new(url.parse().unwrap(), Credentials::none(), losant.clock.clone()).unwrap();
        let target =
            Target::Server { pusher: Box::new(pusher), url: url.clone(), folder: folder.path().join("work") };
        let backfill = losant.prepare(losant.order("-21d"), target, false).unwrap();
        let done = losant.carry_out(backfill).await.unwrap();
        assert_eq!((done.left_out, done.bytes), (0, None));
        assert!(!folder.path().join("work").exists());
        assert_same(&known(&prometheus, &expected).await, &expected);
    }
}
