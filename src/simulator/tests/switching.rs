//! Each open question, answered both ways.

use serde_json::Value;

use super::{Api, NOW, at, ms};
use crate::simulator::{
    Burst, EdgeBuckets, Ends, Owner, PageBeyondCap, PayloadCounts, Stream, SummaryWithoutInclude, ZeroBuckets,
};

fn values(body: &Value) -> Vec<u64> {
    body["counts"].as_array().unwrap().iter().map(|bucket| bucket["value"].as_u64().unwrap()).collect()
}

/// An org with this many payloads in every second of the year and no others, and its path.
async fn metronome(per_second: u64) -> (Api, String) {
    let api = Api::start().await;
    let org = api.busy_org();
    let mut stream = Stream::new("timer", "timer.flow", 0, 1);
    let (start, end) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    stream.bursts.push(Burst { start, end, per_second });
    api.simulator.change_world(|world| world.org_mut(org).unwrap().activity.streams = vec![stream]);
    let path = api.org_path(org);
    (api, path)
}

#[tokio::test]
async fn an_inclusive_end_counts_the_second_it_falls_on_and_an_exclusive_one_does_not() {
    let (api, org) = metronome(1).await;
    let hour = |end| {
        format!(
            "{org}/payloadCountsBreakdown?resolution=3600000&includeNonBillable=1&start={}&end={}",
            ms("2026-03-04T10:00:00Z"),
            ms(end)
        )
    };
    let whole = "2026-03-04T11:00:00Z";
    let base = values(&api.get(&hour("2026-03-04T10:59:59.999Z")).await);
    let with = values(&api.get(&hour(whole)).await);
    api.switch(|switches| switches.ends = Ends::Exclusive);
    let without = values(&api.get(&hour(whole)).await);
    assert_eq!(base, without);
    assert_eq!(with, [base[0], 1]);
    assert_eq!(base, values(&api.get(&hour("2026-03-04T10:59:59.999Z")).await));
}

#[tokio::test]
async fn zero_buckets_are_present_or_absent() {
    let (api, org) = metronome(0).await;
    let path = format!("{org}/payloadCountsBreakdown?start=-7200000&resolution=3600000");
    assert_eq!(values(&api.get(&path).await).len(), 3);
    api.switch(|switches| switches.zero_buckets = ZeroBuckets::Absent);
    assert!(values(&api.get(&path).await).is_empty());
}

#[tokio::test]
async fn edge_buckets_are_partial_or_whole() {
    let (api, org) = metronome(1).await;
    let path = format!("{org}/payloadCountsBreakdown?start=-60000&end=0&resolution=3600000");
    let partial = values(&api.get(&path).await)[0];
    api.switch(|switches| switches.edge_buckets = EdgeBuckets::Whole);
    assert_eq!(values(&api.get(&path).await)[0], 34 * 60 + 57);
    assert_eq!(partial, 60);
}

#[tokio::test]
async fn a_summary_that_nobody_asked_for_is_frugal_empty_or_complete() {
    let api = Api::start().await;
    let org = api.org_path(api.busy_org());
    let fields = async || api.get(&org).await["summary"].as_object().unwrap().len();
    assert_eq!(fields().await, 27);
    api.switch(|switches| switches.summary_without_include = SummaryWithoutInclude::Empty);
    assert_eq!(fields().await, 0);
    api.switch(|switches| switches.summary_without_include = SummaryWithoutInclude::Everything);
    assert_eq!(fields().await, 30);
}

#[tokio::test]
async fn an_older_installation_has_no_summaries() {
    let api = Api::start().await;
    api.switch(|switches| switches.summaries = false);
    let org = api.get(&format!("{}?summaryInclude=payloadCount", api.org_path(api.busy_org()))).await;
    assert!(org.get("summary").is_none());
}

#[tokio::test]
async fn a_page_beyond_the_cap_is_clamped_or_refused() {
    let api = Api::start().await;
    let path = format!("{}/orgs?perPage=5000", api.instance());
    assert_eq!(api.get(&path).await["perPage"], 1000);
    api.switch(|switches| switches.page_size_cap = 5);
    let page = api.get(&path).await;
    assert_eq!((&page["perPage"], &page["count"]), (&5.into(), &5.into()));
    assert_eq!(api.get(&format!("{}/sandboxes?limit=6", api.instance())).await["limit"], 5);
    api.switch(|switches| switches.page_beyond_cap = PageBeyondCap::Reject);
    let (status, body) = api.error(&path).await;
    assert!(status == 400 && body["message"].as_str().unwrap().starts_with("perPage"));
}

#[tokio::test]
async fn payload_counts_are_all_or_billable_only() {
    let api = Api::start().await;
    let path = format!("{}/payloadCounts?summaryInclude=payloadCount", api.org_path(api.busy_org()));
    assert!(api.get(&path).await.get("event").is_some());
    api.switch(|switches| switches.payload_counts = PayloadCounts::BillableOnly);
    let billable = api.get(&path).await;
    assert!(billable.get("event").is_none() && billable.get("deviceState").is_some());
    let org = format!("{}?summaryInclude=payloadCount", api.org_path(api.busy_org()));
    assert!(api.get(&org).await["summary"]["payloadCount"].get("event").is_none());
}

#[tokio::test]
async fn the_end_of_a_period_may_be_written_on_a_twelve_hour_clock() {
    let api = Api::start().await;
    let org = api.org_path(api.busy_org());
    assert_eq!(api.get(&org).await["currentPeriodEnd"], "2026-03-31T23:59:59.999Z");
    api.switch(|switches| switches.period_end_slip = true);
    assert_eq!(api.get(&org).await["currentPeriodEnd"], "2026-03-31T11:59:59.999Z");
    let (_, end) = api.simulator.world().period(Owner::Org(api.busy_org()), at(NOW));
    assert_eq!(end, at("2026-03-31T23:59:59.999Z"));
}

#[tokio::test]
async fn numbers_may_have_a_fraction() {
    let api = Api::start().await;
    api.switch(|switches| switches.numbers_as_floats = true);
    let (_, _, body) =
        api.answer(&format!("{}?summaryInclude=deviceCount", api.org_path(api.busy_org()))).await;
    assert!(body.contains("\"dataTTL\":15552000.0"), "{body}");
}

#[tokio::test]
async fn unknown_fields_may_be_anywhere_but_among_payload_types() {
    let api = Api::start().await;
    api.switch(|switches| switches.unknown_fields = true);
    let org = api.get(&format!("{}?summaryInclude=payloadCount", api.org_path(api.busy_org()))).await;
    for place in
        ["/unexpectedField", "/limits/unexpectedField", "/summary/unexpectedField", "/tags/0/unexpectedField"]
    {
        assert!(org.pointer(place).is_some(), "{place}");
    }
    assert!(org.pointer("/summary/payloadCount/unexpectedField").is_none());
    let counts = api.get(&format!("{}/deviceCounts", api.instance())).await;
    assert!(counts.pointer("/counts/0/unexpectedField").is_some());
}

#[tokio::test]
async fn listing_instances_is_allowed_or_forbidden() {
    let api = Api::start().await;
    assert_eq!(api.get("/instances").await["totalCount"], 1);
    api.switch(|switches| switches.token_lists_instances = false);
    let (status, body) = api.error("/instances").await;
    assert_eq!((status, body["type"].as_str()), (403, Some("Forbidden")));
}
