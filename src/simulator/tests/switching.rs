//! Each open question, answered both ways.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use super::{Api, NOW, at, ms};
use crate::simulator::{
    AbsentLimits, AcceptVersion, Burst, EdgeBuckets, Ends, ErrorBodies, Fault, FaultKind, Gzip, Owner,
    PageBeyondCap, PayloadCounts, Route, Stream, SummaryInclude, SummaryRange, SummaryWithoutInclude,
    Switches, UnknownSummaryField, ZeroBuckets,
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

/// The summary of the busy org, asked for with this query.
async fn summary(api: &Api, query: &str) -> Value {
    api.get(&format!("{}?_links=false&{query}", api.org_path(api.busy_org()))).await["summary"].clone()
}

/// The sum over types and sources.
fn payloads(stats: &Value) -> u64 {
    let sources =
        stats.as_object().unwrap().values().flat_map(|sources| sources.as_object().unwrap().values());
    sources.map(|count| count.as_u64().unwrap()).sum()
}

#[tokio::test]
async fn the_payloads_of_a_summary_are_those_of_the_period_or_of_thirty_days() {
    let api = Api::start().await;
    let (owner, world) = (Owner::Org(api.busy_org()), api.simulator.world());
    let count = async || payloads(&summary(&api, "summaryInclude=payloadCount").await["payloadCount"]);
    let total = |from| world.payload_total(owner, from, at(NOW), false, false);
    assert_eq!(count().await, total(at("2026-03-01T00:00:00Z")));
    api.switch(|switches| switches.summary_range = SummaryRange::Last30Days);
    assert_eq!(count().await, total(at(NOW) - SignedDuration::from_hours(720)));
}

#[tokio::test]
async fn named_fields_come_alone_or_beside_the_usual_ones() {
    let api = Api::start().await;
    let fields = async |include: &str| summary(&api, include).await.as_object().unwrap().len();
    assert_eq!(fields("summaryInclude=payloadCount,deviceCount").await, 2);
    api.switch(|switches| switches.summary_include = SummaryInclude::InAddition);
    assert_eq!(fields("summaryInclude=payloadCount,deviceCount").await, 28);
    assert_eq!(fields("").await, 27);
    api.switch(|switches| switches.summary_without_include = SummaryWithoutInclude::Empty);
    assert_eq!(fields("summaryInclude=payloadCount,deviceCount").await, 2);
}

#[tokio::test]
async fn names_that_no_summary_has_are_ignored_or_refused_before_anything_is_written() {
    let api = Api::start().await;
    let (org, sandboxes) = (api.org_path(api.busy_org()), format!("{}/sandboxes", api.instance()));
    let strange = [
        format!("{org}?summaryInclude=deviceCount,payloads"),
        format!("{}/orgs?summaryInclude=orgCount", api.instance()),
        format!("{sandboxes}?summaryExclude=memberCount"),
    ];
    for path in &strange {
        api.get(path).await;
    }
    api.switch(|switches| switches.unknown_summary_field = UnknownSummaryField::Reject);
    for path in &strange {
        let (status, body) = api.error(path).await;
        assert!(status == 400 && body["message"].as_str().unwrap().starts_with("summary"), "{body}");
    }
    api.get(&format!("{org}?summaryInclude=payloadCount,%20notebookStats,memberCount")).await;
    api.get(&format!("{sandboxes}?summaryInclude=orgCount,storageStats")).await;
    let patch = api.client.patch(format!("{}{org}?summaryInclude=x", api.base)).body(r#"{"name":"Renamed"}"#);
    assert_eq!(patch.bearer_auth(api.simulator.token()).send().await.unwrap().status(), 400);
    assert_ne!(api.get(&org).await["name"], "Renamed");
}

#[tokio::test]
async fn summaries_of_an_older_installation_lack_usage_and_have_the_rest() {
    let api = Api::start().await;
    api.switch(|switches| switches.summary_payload_count = false);
    let summary = summary(&api, "summaryInclude=payloadCount,notebookStats,deviceCount,storageStats").await;
    let fields: BTreeSet<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["deviceCount", "storageStats"].into());
}

#[tokio::test]
async fn hours_are_told_for_any_range_or_up_to_a_cap() {
    let api = Api::start().await;
    let path = |days: i64, resolution| {
        let start = (at(NOW) - SignedDuration::from_hours(24 * days)).as_millisecond();
        let range = format!("start={start}&end={}&resolution={resolution}", ms(NOW));
        format!("{}/payloadCountsBreakdown?{range}", api.org_path(api.busy_org()))
    };
    assert_eq!(values(&api.get(&path(31, 3_600_000)).await).len(), 31 * 24 + 1);
    api.switch(|switches| switches.hourly_range_cap = 3);
    assert_eq!(values(&api.get(&path(3, 3_600_000)).await).len(), 3 * 24 + 1);
    assert_eq!(values(&api.get(&path(31, 86_400_000)).await).len(), 32);
    let (status, body) = api.error(&path(4, 3_600_000)).await;
    assert!(status == 400 && body["message"].as_str().unwrap().contains("3 days"), "{body}");
}

#[tokio::test]
async fn summaries_may_lag_behind_counts() {
    let (api, org) = metronome(1).await;
    let path = format!("{org}?summaryInclude=payloadCount,notebookStats");
    let count = async || payloads(&api.get(&path).await["summary"]["payloadCount"]);
    let now = count().await;
    api.switch(|switches| switches.summary_lag = Duration::from_secs(600));
    assert_eq!(count().await, now - 600);
    // The counts do not.
    assert_eq!(payloads(&api.get(&format!("{org}/payloadCounts?_links=false")).await), now);
    // A lag that reaches back beyond the period leaves nothing of it.
    api.switch(|switches| switches.summary_lag = Duration::from_secs(30 * 86_400));
    assert_eq!(count().await, 0);
    assert_eq!(api.get(&path).await["summary"]["notebookStats"]["runsThisPeriod"], 0);
}

#[tokio::test]
async fn rows_of_the_running_month_are_live_or_as_old_as_their_last_refreshing() {
    let (api, org) = metronome(1).await;
    let org = org.rsplit('/').next().unwrap().parse().unwrap();
    let path = format!("{}/historicalSummaries?filterField=resourceId&filter={org}", api.instance());
    let count = async |month: &str| {
        api.get(&format!("{path}&month={}", ms(month))).await["items"][0]["payloadBillableCount"]
            .as_u64()
            .unwrap()
    };
    let seconds = |end: &str| {
        api.simulator.world().payload_total(Owner::Org(org), at("2026-03-01T00:00:00Z"), at(end), true, false)
    };
    let february = count("2026-02-03T00:00:00Z").await;
    assert_eq!(count(NOW).await, seconds(NOW));
    api.switch(|switches| switches.historical_refresh = Duration::from_secs(30 * 60));
    assert_eq!(count(NOW).await, seconds("2026-03-04T12:30:00Z"));
    assert_eq!(count("2026-02-03T00:00:00Z").await, february);
    api.hand.advance_to(at("2026-03-04T13:00:00Z"));
    assert_eq!(count(NOW).await, seconds("2026-03-04T13:00:00Z"));
}

#[tokio::test]
async fn bodies_of_refusals_are_json_a_page_or_nothing() {
    let api = Api::start().await;
    let throttle = FaultKind::Throttle { retry_after: None };
    api.simulator.faults().inject(Fault::always(Route::action("instance.get"), throttle));
    api.simulator.accept_token_with_scopes("narrow", &["instance.deviceCounts"]);
    let sorts = async || {
        let (_, _, throttled) = api.answer(&api.instance()).await;
        let ask =
            |token: &str| api.client.get(format!("{}{}/orgs", api.base, api.instance())).bearer_auth(token);
        let mut bodies = vec![(429, throttled)];
        for token in ["narrow", "nobody's"] {
            let answer = ask(token).send().await.unwrap();
            bodies.push((answer.status().as_u16(), answer.text().await.unwrap()));
        }
        bodies
    };
    let statuses = |bodies: &[(u16, String)]| bodies.iter().map(|(status, _)| *status).collect::<Vec<_>>();
    let json = sorts().await;
    assert_eq!(statuses(&json), [429, 403, 401]);
    assert!(json.iter().all(|(_, body)| body.starts_with("{\"message\"")), "{json:?}");
    api.switch(|switches| switches.error_bodies = ErrorBodies::Html);
    let html = sorts().await;
    assert!(statuses(&html) == statuses(&json) && html.iter().all(|(_, body)| body.starts_with("<html>")));
    api.switch(|switches| switches.error_bodies = ErrorBodies::Empty);
    let empty = sorts().await;
    assert!(statuses(&empty) == statuses(&json) && empty.iter().all(|(_, body)| body.is_empty()));
    // What is not there is told as ever.
    assert_eq!(api.error("/nowhere").await.1["type"], "MethodNotAllowed");
}

#[tokio::test]
async fn a_strange_version_is_ignored_or_refused() {
    let api = Api::start().await;
    let asked = async |version: &str| {
        let request = api.request(&api.instance()).header("accept-version", version);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(asked("the latest").await, 200);
    api.switch(|switches| switches.accept_version = AcceptVersion::RejectsUnknown);
    assert_eq!((asked("the latest").await, asked("^1.30.0").await), (400, 200));
    assert_eq!(api.error(&api.instance()).await.0, 200);
}

#[tokio::test]
async fn answers_are_compressed_for_nobody_or_for_those_who_ask() {
    let api = Api::start().await;
    let path = format!("{}/orgs?perPage=1000&_links=false", api.instance());
    // The usual client unpacks and takes the header away; this one does not.
    let raw = Api::client(false);
    let packed = async || {
        let request = raw.get(format!("{}{path}", api.base)).bearer_auth(api.simulator.token());
        let answer = request.header("accept-encoding", "gzip").send().await.unwrap();
        (answer.headers().contains_key("content-encoding"), answer.bytes().await.unwrap())
    };
    let (is_packed, plain) = packed().await;
    assert!(!is_packed && plain.starts_with(b"{"));
    api.switch(|switches| switches.gzip = Gzip::WhenAsked);
    let (is_packed, body) = packed().await;
    assert!(is_packed && body.starts_with(&[0x1f, 0x8b]));
    assert_eq!(api.answer(&path).await.2.as_bytes(), plain);
    let refusing = api.request(&path).header("accept-encoding", "identity").send().await.unwrap();
    assert_eq!(refusing.bytes().await.unwrap(), plain);
}

#[tokio::test]
async fn limits_are_all_there_or_some_are_absent_for_some() {
    let api = Api::start().await;
    let path = format!("{}/orgs?perPage=1000", api.instance());
    let limits = async || -> Vec<usize> {
        let body = api.get(&path).await;
        let items = body["items"].as_array().unwrap();
        items.iter().map(|org| org["limits"].as_object().unwrap().len()).collect()
    };
    let all = limits().await;
    assert!(all.iter().all(|count| *count == 34));
    api.switch(|switches| switches.absent_limits = AbsentLimits::Some);
    let some = limits().await;
    assert!(some.contains(&34) && some.iter().any(|count| *count < 30) && !some.contains(&0), "{some:?}");
    assert_eq!(some, limits().await);
}

#[tokio::test]
async fn unlisted_types_are_billed_or_not_and_the_truth_follows() {
    let (api, org) = metronome(0).await;
    let id = org.rsplit('/').next().unwrap().parse().unwrap();
    let owner = Owner::Org(id);
    api.simulator.change_world(|world| {
        let types =
            ["flowError", "notebook", "resourceJob", "appFile", "inboundEmail", "event", "quantumState"];
        let streams = types.map(|payload_type| Stream::new(payload_type, "flow.flow", 10_000, 3));
        world.org_mut(id).unwrap().activity.streams = streams.into();
    });
    let hours = format!("{org}/payloadCountsBreakdown?start={}&end=0", ms("2026-03-01T00:00:00Z"));
    let told = async || values(&api.get(&hours).await).iter().sum::<u64>();
    let truth = |billable| {
        api.simulator.world().payload_total(owner, at("2026-03-01T00:00:00Z"), at(NOW), billable, false)
    };
    assert_eq!((told().await, truth(true)), (0, 0));
    api.switch(|switches| switches.unlisted_types_billable = true);
    let unlisted = api.simulator.world().payloads(owner, at("2026-03-01T00:00:00Z"), at(NOW));
    let unlisted: u64 = unlisted
        .iter()
        .filter(|((kind, _), _)| !["event", "quantumState"].contains(&kind.as_str()))
        .map(|(_, count)| *count)
        .sum();
    assert_eq!((told().await, truth(true)), (unlisted, unlisted));
    assert!(unlisted > 0 && truth(false) > unlisted);
    api.simulator.set_switches(Switches::default());
    assert_eq!(truth(true), 0);
}
