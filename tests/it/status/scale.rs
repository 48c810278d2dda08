//! The status page with very many scopes.

use std::time::Duration;

use jiff::Timestamp;
use losant_exporter::clock::Clock;
use losant_exporter::status::{Account, Exporter, Listing, Query, Rules, View, html};
use losant_exporter::store::{Freshness, Moment, Store};
use losant_exporter::usage::{Collector, Id, Label, Measure, Reading, Scope};

const SCOPES: usize = 10_000;

/// So many milliseconds a page may take in a build for tests on a machine that has much else to do. It takes tens.
const MOST_MILLISECONDS: u128 = 20_000;

/// So large a page may be, in bytes.
const LARGEST: usize = 300_000;

fn id(number: usize) -> Id {
    format!("{number:024x}").parse().expect("an id")
}

/// A store with as many numbers of each org as polls bring.
fn full_store(now: Timestamp) -> Store {
    let store = Store::new();
    let instance = id(usize::MAX >> 1);
    for number in 0..SCOPES {
        let scope = Scope::Org { instance, org: id(number) };
        let amount = f64::from(u32::try_from(number * 7_919 % SCOPES).expect("a small number"));
        let mut listed = Reading::at(now);
        let name = Label::Owned(format!("Org number {number}"));
        listed.add(Measure::OrgInfo, [name, "plan".into(), "active".into(), "".into()], 1.0);
        listed.add(Measure::PayloadLimit, [], 10_000.0);
        for resource in 0..20 {
            listed.add(Measure::Resources, [Label::Owned(format!("resource{resource}"))], 1.0);
        }
        let mut counted = Reading::at(now);
        for measure in [Measure::PayloadsThisHour, Measure::PayloadsToday, Measure::PayloadsLastDay] {
            for billable in ["true", "false"] {
                counted.add(measure, [billable.into()], amount);
            }
        }
        counted.add(Measure::BillablePayloadsPeriod, [], amount);
        store.put(scope, Collector::Discovery, listed, Duration::ZERO);
        store.put(scope, Collector::PayloadCountsBreakdown, counted, Duration::ZERO);
    }
    store
}

#[test]
fn ten_thousand_orgs_take_a_moment_and_a_page_stays_a_page() {
    let now: Timestamp = "2026-03-17T14:23:45Z".parse().expect("a time");
    let store = full_store(now);
    let rules = Rules {
        expire_after: Duration::from_secs(3_600),
        freshness: Freshness([None; Collector::ALL.len()]),
    };
    let moment = Moment { now, uptime: Duration::ZERO };
    let (clock, mut sizes) = (Clock::system(), Vec::new());
    for parameters in [
        [("sort", "today"), ("page", "1")],
        [("sort", "name"), ("page", "100")],
        [("q", "number 99"), ("page", "1")],
    ] {
        let started = clock.uptime();
        let query = Query::parse(parameters).expect("a query");
        let selected = Listing::new(&store.snapshot(), moment, &rules).select(query);
        let exporter = Exporter {
            name: "losant-exporter",
            version: "0.1.0",
            waits_for: Vec::new(),
            shard: None,
            metrics: "metrics".to_owned(),
        };
        let accounts: [Account; 0] = [];
        let page = html(&View::new(exporter, &accounts, selected));
        let took = clock.uptime().saturating_sub(started);
        assert!(took.as_millis() < MOST_MILLISECONDS, "{took:?}");
        assert!(page.len() < LARGEST, "{}", page.len());
        eprintln!("{parameters:?} of {SCOPES} orgs: {} ms, {} kB", took.as_millis(), page.len() / 1_000);
        sizes.push(page.matches("<th class=\"name\"").count());
    }
    assert_eq!(sizes, [100, 100, 100]);
}
