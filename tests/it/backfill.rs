//! History: what `backfill` writes of a simulated past.

pub mod fixture;
mod imported;
mod killed;
mod refused;
mod sent;

use std::collections::BTreeSet;

use jiff::Timestamp;
use losant_exporter::backfill::{Order, Stopped};
use losant_exporter::simulator::{
    EdgeBuckets, Ends, Fault, FaultKind, Gzip, Org, PageBeyondCap, Route, Switches, UnknownSummaryField,
    ZeroBuckets,
};
use losant_exporter::usage::{Level, Shard};

use crate::chaos::pace;
use fixture::{Losant, file_of, samples_in};

const NOW: &str = "2026-03-17T14:23:45.250Z";

#[tokio::test]
async fn a_file_is_openmetrics_as_others_read_it() {
    let losant = Losant::at(NOW).await;
    let file = losant.backfill("-2d").await;
    assert!(file.ends_with("# EOF\n"));
    let read = openmetrics_parser::openmetrics::parse_openmetrics(&file).expect("it accepts the file");
    assert_eq!(read.families.len(), 27);
    let series: usize = read.families.values().map(|family| family.iter_samples().count()).sum();
    assert_eq!(series, samples_in(&file).len());
    assert!(!file.contains('@') && !file.contains("email"), "no addresses");
}

#[tokio::test]
async fn families_come_one_after_the_other_and_in_them_scopes_labels_and_time_in_order() {
    let losant = Losant::at(NOW).await;
    let file = losant.backfill("-2d").await;
    let (mut finished, mut before) = (Vec::new(), None::<(String, String, i64)>);
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let (series, rest) = line.split_once(' ').expect("a series");
        let (family, labels) = series.split_once('{').expect("labels");
        // "true" comes first, and outcomes in the order that Losant tells them in.
        let labels =
            labels.replace("billable=\"true\"", "billable=\"a\"").replace("outcome=\"t", "outcome=\"z");
        let labels = labels.replace("outcome=\"completed", "outcome=\"a");
        let (_, second) = rest.split_once(' ').expect("a time");
        let place = (family.to_owned(), labels, second.parse::<i64>().expect("whole seconds"));
        if let Some((family, labels, second)) = &before {
            if *family == place.0 {
                assert!((labels, second) < (&place.1, &place.2), "{line}");
            } else {
                finished.push(family.clone());
                assert!(!finished.contains(&place.0), "{line}");
            }
        }
        before = Some(place);
    }
    assert_eq!(finished.len(), 27 - 1);
}

#[tokio::test]
async fn open_questions_about_the_api_do_not_change_a_byte() {
    let usual = Losant::at(NOW).await.backfill("-8d").await;
    let answers: [fn(&mut Switches); 8] = [
        |switches| switches.zero_buckets = ZeroBuckets::Absent,
        |switches| switches.ends = Ends::Exclusive,
        |switches| switches.edge_buckets = EdgeBuckets::Whole,
        |switches| {
            switches.zero_buckets = ZeroBuckets::Absent;
            switches.ends = Ends::Exclusive;
            switches.edge_buckets = EdgeBuckets::Whole;
        },
        |switches| (switches.numbers_as_floats, switches.unknown_fields) = (true, true),
        |switches| switches.hourly_range_cap = 5,
        |switches| (switches.page_size_cap, switches.page_beyond_cap) = (5, PageBeyondCap::Clamp),
        |switches| {
            switches.unknown_summary_field = UnknownSummaryField::Reject;
            switches.gzip = Gzip::WhenAsked;
        },
    ];
    for (place, answer) in answers.into_iter().enumerate() {
        let losant = Losant::at(NOW).await;
        let mut switches = losant.simulator.switches();
        answer(&mut switches);
        losant.simulator.set_switches(switches);
        let file = losant.backfill("-8d").await;
        assert!(file == usual, "answer {place} makes a difference");
    }
}

#[tokio::test]
async fn hours_are_asked_for_a_month_at_a_time_and_whole() {
    let losant = Losant::at(NOW).await;
    let order = Order { levels: vec![Level::Sandbox], ..losant.order("-40d") };
    let folder = tempfile::tempdir().unwrap();
    losant.run(order, &folder.path().join("h.om"), false).await.unwrap();
    let mut lengths = BTreeSet::new();
    for request in losant.simulator.requests() {
        if request.query_value("resolution") == Some("3600000") {
            let millisecond = |name| request.query_value(name).unwrap().parse::<i64>().unwrap();
            let (start, end) = (millisecond("start"), millisecond("end"));
            assert!(start % 3_600_000 == 0 && end % 3_600_000 == 0);
            lengths.insert((end - start) / 3_600_000);
        }
    }
    assert_eq!(lengths, [31 * 24, 9 * 24 - 1].into());
}

#[tokio::test]
async fn nothing_is_told_of_the_time_before_a_scope_came_to_be() {
    let losant = Losant::at(NOW).await;
    let born: Timestamp = "2026-03-15T09:30:00Z".parse().unwrap();
    let mut org = None;
    losant.simulator.change_world(|world| {
        let instance = world.instances()[0].id();
        org = Some(world.add_org(instance, "Newcomer", born));
    });
    let (org, file) = (org.unwrap(), losant.backfill("-5d").await);
    let samples = samples_in(&file);
    let first = |family: &str| {
        let of_org = |series: &&String| series.starts_with(family) && series.contains(&org.to_string());
        let firsts = samples.iter().filter(|(series, _)| of_org(series)).map(|(_, samples)| samples[0].0);
        firsts.min().map(|millisecond| Timestamp::from_millisecond(millisecond).unwrap().to_string())
    };
    assert_eq!(first("losant_org:payloads_last_hour:max").as_deref(), Some("2026-03-15T10:10:00Z"));
    assert_eq!(first("losant_org:payloads_last_day:max").as_deref(), Some("2026-03-16T00:10:00Z"));
    assert_eq!(first("losant_org:devices:max").as_deref(), Some("2026-03-15T23:59:00Z"));
}

#[tokio::test]
async fn a_scope_that_losant_does_not_tell_of_is_left_out_and_the_others_are_whole() {
    let losant = Losant::at(NOW).await;
    let whole = losant.backfill("-2d").await;
    let org = losant.simulator.world().orgs()[4].id();
    for kind in [
        FaultKind::Status { status: 403, kind: "Forbidden".to_owned(), message: String::new() },
        FaultKind::EmptyBody(503),
    ] {
        losant.simulator.faults().inject(Fault::always(Route::owner(org), kind));
        let folder = tempfile::tempdir().unwrap();
        let done = losant.run(losant.order("-2d"), &folder.path().join("h.om"), false).await.unwrap();
        assert_eq!((done.scopes, done.left_out), (20, 1));
        let is_of_others = |line: &&str| !line.contains(&org.to_string());
        let without: String = whole.split_inclusive('\n').filter(is_of_others).collect();
        assert!(file_of(&folder.path().join("h.om")) == without);
        losant.simulator.faults().clear_all();
    }
}

#[tokio::test]
async fn an_outage_stops_it_and_it_goes_on_later_to_the_same_bytes() {
    let losant = Losant::at(NOW).await;
    // Without the instance: asking for it is how an outage is told from trouble with one scope.
    let order = || Order { levels: vec![Level::Org, Level::Sandbox], ..losant.order("-2d") };
    let folder = tempfile::tempdir().unwrap();
    let (usual, output) = (folder.path().join("usual.om"), folder.path().join("h.om"));
    losant.run(order(), &usual, false).await.unwrap();
    let late: Vec<_> = losant.simulator.world().orgs()[5..].iter().map(Org::id).collect();
    for (status, words) in
        [(503, "failed with status 503"), (401, "the token is not accepted"), (429, "throttled")]
    {
        let refuse = |route| {
            losant.simulator.faults().inject(Fault::always(route, FaultKind::EmptyBody(status)));
        };
        for org in &late {
            refuse(Route::owner(*org));
        }
        refuse(Route::action("instance.get"));
        let resume = folder.path().join("h.om.partial").exists();
        let run = Box::pin(losant.run(order(), &output, resume));
        let stopped = losant.while_time_passes(run).await.unwrap_err();
        let Stopped::Midway { done: 5, scopes: 19, resumable: true, .. } = &stopped else {
            panic!("{stopped}")
        };
        let problem = stopped.to_string();
        assert!(problem.contains(words), "{problem}");
        assert!(problem.ends_with("; 5 of 19 scopes are done, and --resume goes on from there"), "{problem}");
        assert!(!output.exists());
        losant.simulator.faults().clear_all();
    }
    losant.run(order(), &output, true).await.unwrap();
    assert!(file_of(&output) == file_of(&usual));
    assert!(!folder.path().join("h.om.partial").exists());
}

#[tokio::test]
async fn an_action_that_is_down_for_everybody_stops_it_and_leaves_nobody_out() {
    let losant = Losant::at(NOW).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("h.om");
    let usual = losant.backfill("-2d").await;
    let is_down = |level: &str| {
        let route = Route::action(format!("{level}.payloadCountsBreakdown"));
        losant.simulator.faults().inject(Fault::always(route, FaultKind::EmptyBody(503)));
    };
    is_down("instanceOrg");
    // At first for orgs, behind an instance that is read; then for sandboxes, behind orgs.
    let stopped = losant.run(losant.order("-2d"), &output, false).await.unwrap_err();
    assert!(matches!(stopped, Stopped::Midway { done: 1, scopes: 20, resumable: true, .. }), "{stopped}");
    let problem = stopped.to_string();
    assert!(problem.contains("failed with status 503"), "{problem}");
    assert!(problem.contains("; so it is with 5 scopes in a row, although Losant answers"), "{problem}");
    losant.simulator.faults().clear_all();
    is_down("instanceSandbox");
    let stopped = losant.run(losant.order("-2d"), &output, true).await.unwrap_err();
    assert!(matches!(stopped, Stopped::Midway { done: 13, .. }), "{stopped}");
    losant.simulator.faults().clear_all();
    let done = losant.run(losant.order("-2d"), &output, true).await.unwrap();
    assert_eq!(done.left_out, 0);
    assert!(file_of(&output) == usual);
}

#[tokio::test]
async fn where_the_only_scope_is_not_answered_for_it_stops_and_goes_on_later() {
    let losant = Losant::at(NOW).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("h.om");
    let order = || Order { levels: vec![Level::Instance], ..losant.order("-2d") };
    let route = Route::action("instance.payloadCountsBreakdown");
    losant.simulator.faults().inject(Fault::always(route, FaultKind::EmptyBody(503)));
    let stopped = losant.run(order(), &output, false).await.unwrap_err();
    assert!(matches!(stopped, Stopped::Midway { done: 0, scopes: 1, .. }), "{stopped}");
    losant.simulator.faults().clear_all();
    assert_eq!(losant.run(order(), &output, true).await.unwrap().left_out, 0);
}

#[tokio::test]
async fn a_range_that_takes_too_long_is_asked_for_in_halves() {
    let losant = Losant::at(NOW).await;
    let usual = losant.backfill("-8d").await;
    let org = losant.simulator.world().orgs()[4].id();
    // More often than anybody asks for the same.
    let route = Route::action("instanceOrg.payloadCountsBreakdown").of(org);
    losant
        .simulator
        .faults()
        .inject(Fault { times: Some(3), ..Fault::always(route, FaultKind::EmptyBody(504)) });
    assert!(losant.backfill("-8d").await == usual);
}

#[tokio::test]
async fn the_budget_of_the_account_is_kept() {
    let mut losant = Losant::at(NOW).await;
    (losant.requests_per_second, losant.burst, losant.max_in_flight) = (20.0, 10, 6);
    let arrivals = losant.simulator.watch_arrivals();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("h.om");
    let run = Box::pin(losant.run(losant.order("-3d"), &output, false));
    assert_eq!(losant.while_time_passes(run).await.unwrap().left_out, 0);
    let arrivals = arrivals.so_far();
    assert!(arrivals.len() > 100, "{}", arrivals.len());
    pace::assert_pace(&arrivals, 20.0, 10, 6);
}

#[tokio::test]
async fn selection_and_shards_say_who_is_read() {
    let losant = Losant::at(NOW).await;
    let whole = losant.backfill("-2d").await;
    let mut parts = Vec::new();
    for number in 0..2 {
        let mut order = losant.order("-2d");
        order.shard = Shard::new(number, 2).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("h.om");
        losant.run(order, &output, false).await.unwrap();
        parts.extend(samples_in(&file_of(&output)));
    }
    assert_eq!(parts.len(), samples_in(&whole).len());
    let mut all = samples_in(&whole);
    for (series, samples) in parts {
        assert_eq!(all.remove(&series), Some(samples), "{series}");
    }
}
