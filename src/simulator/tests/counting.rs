//! Counts over ranges of time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{Api, NOW, at, ms};
use crate::simulator::{BillingAnchor, Owner};

fn nested(sums: BTreeMap<(String, String), u64>) -> Value {
    let mut body = serde_json::json!({});
    for ((payload_type, source), count) in sums {
        body[payload_type][source] = count.into();
    }
    body
}

fn sum(body: &Value, key: &str) -> u64 {
    body["counts"].as_array().unwrap().iter().map(|bucket| bucket[key].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn payload_counts_are_those_of_the_world() {
    let api = Api::start().await;
    let (org, world) = (api.busy_org(), api.simulator.world());
    let (start, end) = ("2026-03-02T10:00:00Z", "2026-03-04T11:59:59.999Z");
    let range = format!("start={}&end={}", ms(start), ms(end));
    let counts = api.get(&format!("{}/payloadCounts?{range}&_links=false", api.org_path(org))).await;
    assert_eq!(counts, nested(world.payloads(Owner::Org(org), at(start), at(end))));
    let bytes =
        api.get(&format!("{}/payloadCounts?{range}&_links=false&asBytes=True", api.org_path(org))).await;
    assert_eq!(bytes, nested(world.payload_bytes(Owner::Org(org), at(start), at(end))));
}

#[tokio::test]
async fn without_a_range_the_running_period_is_counted() {
    let api = Api::start().await;
    let org = api.busy_org();
    api.simulator
        .change_world(|world| world.org_mut(org).unwrap().billing = BillingAnchor { day: 15, hour: 6 });
    let owner = Owner::Org(org);
    let expected = api.simulator.world().payloads(owner, at("2026-02-15T06:00:00Z"), at(NOW));
    assert_eq!(
        api.get(&format!("{}/payloadCounts?_links=false", api.org_path(org))).await,
        nested(expected.clone())
    );
    let summary = api.get(&format!("{}?summaryInclude=payloadCount", api.org_path(org))).await;
    assert_eq!(summary["summary"]["payloadCount"], nested(expected));
    assert_eq!(summary["currentPeriodEnd"], "2026-03-15T05:59:59.999Z");
}

#[tokio::test]
async fn hourly_buckets_are_aligned_cut_at_the_edges_and_sum_to_the_range() {
    let api = Api::start().await;
    let (org, world) = (Owner::Instance(api.simulator.world().instances()[0].id()), api.simulator.world());
    let (start, end) = ("2026-03-03T22:30:00.000Z", "2026-03-04T01:29:59.999Z");
    let query = format!("start={}&end={}&resolution=3600000", ms(start), ms(end));
    let body =
        api.get(&format!("{}/payloadCountsBreakdown?{query}&includeNonBillable=true", api.instance())).await;
    assert_eq!((&body["start"], &body["end"]), (&start.into(), &end.into()));
    let dates: Vec<_> =
        body["counts"].as_array().unwrap().iter().map(|bucket| bucket["date"].as_str().unwrap()).collect();
    assert_eq!(
        dates,
        [
            "2026-03-03T22:00:00.000Z",
            "2026-03-03T23:00:00.000Z",
            "2026-03-04T00:00:00.000Z",
            "2026-03-04T01:00:00.000Z"
        ]
    );
    assert_eq!(sum(&body, "value"), world.payload_total(org, at(start), at(end), false, false));
    let billable = api.get(&format!("{}/payloadCountsBreakdown?{query}", api.instance())).await;
    assert_eq!(sum(&billable, "value"), world.payload_total(org, at(start), at(end), true, false));
    let bytes = api.get(&format!("{}/payloadCountsBreakdown?{query}&asBytes=1", api.instance())).await;
    assert_eq!(sum(&bytes, "value"), world.payload_total(org, at(start), at(end), true, true));
}

#[tokio::test]
async fn what_has_not_happened_is_not_counted() {
    let api = Api::start().await;
    let (org, world) = (api.busy_org(), api.simulator.world());
    let (start, end) = ("2026-03-04T00:00:00.000Z", "2026-03-05T23:59:59.999Z");
    let path = format!("{}/payloadCountsBreakdown?start={}&end={}", api.org_path(org), ms(start), ms(end));
    let body = api.get(&path).await;
    assert_eq!((&body["end"], body["counts"].as_array().unwrap().len()), (&end.into(), 1));
    assert_eq!(sum(&body, "value"), world.payload_total(Owner::Org(org), at(start), at(NOW), true, false));
}

#[tokio::test]
async fn usage_of_more_than_93_days_ago_is_gone() {
    let api = Api::start().await;
    let body = api.get(&format!("{}/deviceCounts?start=1&end=0", api.instance())).await;
    let buckets = body["counts"].as_array().unwrap();
    assert_eq!(body["start"], "1970-01-01T00:00:00.001Z");
    assert_eq!(buckets.len(), 94);
    assert_eq!(buckets[0]["date"], "2025-12-01T00:00:00.000Z");
}

#[tokio::test]
async fn devices_and_notebooks_are_those_of_the_world_day_by_day() {
    let api = Api::start().await;
    let (id, world) = (api.busy_org(), api.simulator.world());
    let owner = Owner::Org(id);
    let range = format!("start={}&end={}", ms("2026-02-26T00:00:00Z"), ms(NOW));
    let devices = api.get(&format!("{}/deviceCounts?{range}", api.org_path(id))).await;
    let notebooks = api.get(&format!("{}/notebookMinuteCounts?{range}", api.org_path(id))).await;
    let (devices, notebooks) =
        (devices["counts"].as_array().unwrap(), notebooks["counts"].as_array().unwrap());
    assert_eq!((devices.len(), notebooks.len()), (7, 7));
    let mut minutes = 0;
    for (devices, notebooks) in devices.iter().zip(notebooks) {
        let day: Timestamp = devices["date"].as_str().unwrap().parse().unwrap();
        let truth = world.devices_on(owner, day, at(NOW));
        assert_eq!(devices["created"], truth.created);
        assert_eq!(devices["deleted"], truth.deleted);
        assert_eq!(devices["total"], truth.total);
        let truth = world.notebooks(owner, day, at(NOW));
        assert_eq!(notebooks["date"], devices["date"]);
        assert_eq!(notebooks["minutes"], truth.minutes);
        assert_eq!(notebooks["completed"], truth.completed);
        assert_eq!(notebooks["canceled"], truth.canceled);
        assert_eq!(notebooks["errored"], truth.errored);
        assert_eq!(notebooks["timeout"], truth.timeout);
        minutes += truth.minutes;
    }
    assert!(minutes > 0);
}
