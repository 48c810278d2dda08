//! What is left out where there are too many series.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::exposition_tests::{Setup, id};
use super::negotiate::Format;
use crate::usage::{Level, Measure, Scope};

/// Three orgs and three sandboxes that used 1, 2 and 3 payloads; 7 series each: 2 types by 2 sources, 1 in bytes, devices, and
/// the time of the last success.
fn six_scopes() -> Setup {
    let setup = Setup::new();
    for number in 1..=3_u8 {
        for scope in [
            Scope::Org { instance: id(1), org: id(10 + number) },
            Scope::Sandbox { instance: id(1), sandbox: id(20 + number) },
        ] {
            setup.put(scope, |reading| {
                for (payload_type, source) in
                    [("timer", "a"), ("timer", "b"), ("webhook", "a"), ("webhook", "b")]
                {
                    let labels = [payload_type.into(), source.into()];
                    reading.add(Measure::PayloadsPeriod, labels, f64::from(number));
                }
                reading.add(Measure::PayloadBytesPeriod, ["timer".into(), "a".into()], 7.0);
                reading.add(Measure::Devices, [], 1.0);
            });
        }
    }
    setup
}

/// The usage series of a page, how many are dropped of each family, and the sandboxes and orgs there are.
fn left(max_series: usize) -> (usize, BTreeMap<String, usize>, [usize; 2]) {
    let setup = Setup { max_series: Some(max_series), ..six_scopes() };
    let text = setup.text();
    let dropped = text.lines().filter_map(|line| {
        let (family, count) =
            line.strip_prefix("losant_exporter_series_dropped{family=\"")?.split_once("\"} ")?;
        Some((family.to_owned(), count.parse().unwrap()))
    });
    let series =
        text.lines().filter(|line| line.starts_with("losant_") && !line.starts_with("losant_exporter_"));
    let devices = |level: Level| text.matches(&format!("\nlosant_{level}_devices{{")).count();
    (series.count(), dropped.collect(), [devices(Level::Sandbox), devices(Level::Org)])
}

fn names(dropped: &[(&str, usize)]) -> BTreeMap<String, usize> {
    dropped.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn what_fits_is_shown_whole() {
    assert_eq!(left(42), (42, names(&[]), [3, 3]));
}

#[test]
fn sources_go_first() {
    let dropped = names(&[("losant_org_payloads_period", 6), ("losant_sandbox_payloads_period", 6)]);
    assert_eq!(left(41), (30, dropped.clone(), [3, 3]));
    assert_eq!(left(30), (30, dropped, [3, 3]));
    let setup = Setup { max_series: Some(41), ..six_scopes() };
    let text = setup.text();
    assert_eq!(text.matches("source=").count(), 0);
    let line = "losant_org_payloads_period{instance_id=\"000000000000000000000001\",org_id=\"00000000000000000000000d\",\
                payload_type=\"timer\"} 6\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn then_bytes_go() {
    let (series, dropped, devices) = left(29);
    assert_eq!((series, devices), (24, [3, 3]));
    assert_eq!(dropped["losant_org_payload_bytes_period"], 3);
}

#[test]
fn then_whole_sandboxes_by_least_usage_and_then_orgs() {
    let (series, dropped, devices) = left(23);
    assert_eq!((series, devices), (20, [2, 3]));
    assert_eq!(dropped["losant_sandbox_last_success_timestamp_seconds"], 1);
    let setup = Setup { max_series: Some(23), ..six_scopes() };
    assert!(!setup.text().contains(&id(21).to_string()), "the one that used least is there");
    assert_eq!(left(12), (12, left(12).1, [0, 3]));
    assert_eq!(left(11).2, [0, 2]);
    assert_eq!(left(1).0, 0);
}

#[test]
fn of_those_who_had_to_go_who_fits_beside_the_others_comes_back() {
    let setup = Setup { max_series: Some(8), ..Setup::new() };
    // Two series each, and so many more. By least usage the first three have to go; the third is too large to come back.
    for (number, more) in [(21, 1_u32), (22, 1), (23, 7), (24, 0)] {
        setup.put(Scope::Sandbox { instance: id(1), sandbox: id(number) }, |reading| {
            reading.add(Measure::BillablePayloadsPeriod, [], f64::from(number));
            for place in 0..more {
                reading.add(Measure::Resources, [place.to_string().into()], 1.0);
            }
        });
    }
    let text = setup.text();
    let shown = [21, 22, 23, 24].map(|number| text.contains(&format!("sandbox_id=\"{}\"", id(number))));
    assert_eq!(shown, [true, true, false, true], "{text}");
}

/// What is logged while a first page is made.
fn logged(setup: &Setup) -> String {
    let (mut reader, writer) = io::pipe().unwrap();
    let subscriber = || tracing_subscriber::fmt().with_ansi(false).without_time();
    // While there is only one log, a line that is first come by on another thread would be silenced on all of them.
    let _other = tracing::Dispatch::new(subscriber().with_writer(io::sink).finish());
    let log = subscriber().with_writer(Arc::new(writer)).finish();
    tracing::subscriber::with_default(log, || drop(setup.metrics()));
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_is_left_out_is_logged() {
    let nobody = Setup { max_series: Some(1), ..Setup::new() };
    nobody.put(Scope::Instance { instance: id(1) }, |reading| reading.add(Measure::Devices, [], 1.0));
    assert_eq!(logged(&nobody), "", "nobody is there yet whom it could be taken from");
    let logged = |max_series| logged(&Setup { max_series: Some(max_series), ..six_scopes() });
    assert_eq!(logged(42), "");
    for (max_series, what) in [
        (41, "series=30 dropped=12 scopes=0 max_series=41 what=\"sources of payloads\""),
        (29, "series=24 dropped=18 scopes=0 max_series=29 what=\"sources and bytes of payloads\""),
        (
            23,
            "series=20 dropped=22 scopes=1 max_series=23 what=\"sources and bytes of payloads, and whole scopes\"",
        ),
    ] {
        let line = logged(max_series);
        assert!(line.contains("series are left out to keep within max_series"), "{line}");
        assert!(line.contains(what), "{line}");
    }
}

#[test]
fn figures_of_instances_stay_whole() {
    let setup = Setup { max_series: Some(1), ..six_scopes() };
    setup.put(Scope::Instance { instance: id(1) }, |reading| {
        for source in ["a", "b"] {
            reading.add(Measure::PayloadsPeriod, ["timer".into(), source.into()], 6.0);
            reading.add(Measure::PayloadBytesPeriod, ["timer".into(), source.into()], 7.0);
        }
    });
    let text = setup.text();
    assert_eq!(text.matches("\nlosant_instance_payloads_period{").count(), 2, "{text}");
    assert_eq!(text.matches("\nlosant_instance_payload_bytes_period{").count(), 2, "{text}");
    assert!(!text.contains("\nlosant_org_") && !text.contains("\nlosant_sandbox_"), "{text}");
}

/// The sandboxes on pages made one after the other, each after the sandboxes were read to have used so much. `None`: unknown.
fn sandboxes_shown(max_series: usize, usage: &[[Option<f64>; 3]]) -> Vec<Vec<u8>> {
    let setup = Setup { max_series: Some(max_series), ..Setup::new() };
    let (metrics, renderer) = setup.metrics();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut running = JoinSet::new();
        running.spawn(renderer.run(std::future::pending()));
        let mut shown = Vec::new();
        for usage in usage {
            for (number, payloads) in (21..).zip(usage) {
                setup.put(Scope::Sandbox { instance: id(1), sandbox: id(number) }, |reading| {
                    reading.add(Measure::Devices, [], 1.0);
                    let other = (Measure::PayloadLimit, 1.0);
                    let (measure, value) =
                        payloads.map_or(other, |payloads| (Measure::BillablePayloadsPeriod, payloads));
                    reading.add(measure, [], value);
                });
            }
            let text = metrics.text(Format::Text).await.unwrap();
            let is_shown = |number: &u8| text.contains(&format!("sandbox_id=\"{}\"", id(*number)));
            shown.push((21..24).filter(is_shown).collect());
        }
        shown
    })
}

#[test]
fn who_is_left_out_stays_out_while_nobody_else_has_to_go() {
    // Three series each.
    let usage = [[Some(1.0), Some(2.0), Some(3.0)], [Some(9.0), Some(2.0), Some(3.0)], [None, None, None]];
    assert_eq!(sandboxes_shown(7, &usage), [[22, 23], [22, 23], [22, 23]]);
}

#[test]
fn of_whom_it_is_not_known_what_they_use_go_last() {
    assert_eq!(sandboxes_shown(7, &[[None, Some(1.0), Some(2.0)]]), [[21, 23]]);
}

#[test]
fn what_was_left_out_comes_back_only_when_there_is_room_for_it() {
    let setup = Setup { max_series: Some(100), ..Setup::new() };
    let (metrics, renderer) = setup.metrics();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut running = JoinSet::new();
        running.spawn(renderer.run(std::future::pending()));
        let org = Scope::Org { instance: id(1), org: id(11) };
        // One more for the time of the last success.
        let mut shown = Vec::new();
        for series in [99_u32, 100, 99, 95, 94, 99] {
            setup.put(org, |reading| {
                for number in 0..series {
                    reading.add(Measure::PayloadsPeriod, ["timer".into(), number.to_string().into()], 1.0);
                }
            });
            let text = metrics.text(Format::Text).await.unwrap();
            shown.push(text.matches("\nlosant_org_payloads_period{").count());
        }
        assert_eq!(shown, [99, 1, 1, 1, 94, 99]);
    });
}
