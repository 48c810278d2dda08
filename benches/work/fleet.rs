//! Orgs of our shape, to work on.

use std::collections::BTreeSet;
use std::time::Duration;

use losant_exporter::clock::Clock;
use losant_exporter::losant::wire::{Org, Page};
use losant_exporter::metrics::negotiate::Format;
use losant_exporter::metrics::{Metrics, RenderConfig, Renderer};
use losant_exporter::store::{Freshness, Store};
use losant_exporter::usage::{Collector, Label, Measure, Reading, Scope};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

/// How many series an org has here, the time of the last success among them.
pub const SERIES_OF_AN_ORG: usize = 101;

const TYPES: [&str; 10] = [
    "deviceState",
    "deviceCommand",
    "mqttIn",
    "mqttOut",
    "timer",
    "webhook",
    "endpoint",
    "event",
    "flowError",
    "notebook",
];
const SOURCES: [&str; 4] = ["device.broker", "flow.device", "integration.mqtt", "experience"];
const RESOURCES: [&str; 8] =
    ["application", "dashboard", "device", "endpoint", "event", "experience", "flow", "webhook"];

/// A store that holds about so many series.
pub fn store(series: usize) -> Store {
    let store = Store::new();
    for org in 0..series / SERIES_OF_AN_ORG {
        put(&store, org, reading(org));
    }
    store
}

/// Notes what was read of an org.
pub fn put(store: &Store, org: usize, reading: Reading) {
    let instance = "5ff89ff825013dc6c2856188".parse().expect("an id");
    let org = format!("{:024x}", org * 0x9e37_79b9).parse().expect("an id");
    store.put(Scope::Org { instance, org }, Collector::PayloadCounts, reading, Duration::ZERO);
}

/// A hundred numbers of an org.
pub fn reading(org: usize) -> Reading {
    let number =
        |place: usize| f64::from(u32::try_from((org * 7_919 + place * 104_729) % 9_999_991).expect("small"));
    let mut reading = Reading::at("2026-03-17T14:23:45.250Z".parse().expect("a time"));
    for (measure, offset) in [(Measure::PayloadsPeriod, 0), (Measure::PayloadBytesPeriod, 1_000)] {
        for (kind, payload_type) in TYPES.into_iter().enumerate() {
            for (place, source) in SOURCES.into_iter().enumerate() {
                let labels = [payload_type.into(), source.into()];
                reading.add(measure, labels, number(offset + kind * 10 + place));
            }
        }
    }
    for (place, resource) in RESOURCES.into_iter().enumerate() {
        reading.add(Measure::Resources, [resource.into()], number(2_000 + place));
        reading.add(Measure::ResourceLimit, [resource.into()], number(0));
    }
    for measure in [Measure::Devices, Measure::PayloadLimit, Measure::BillablePayloadsPeriod] {
        reading.add(measure, [], number(3_000));
    }
    let labels = [Label::from(format!("Org {org}")), "plan".into(), Label::default(), Label::default()];
    reading.add(Measure::OrgInfo, labels, 1.0);
    reading
}

/// The page of a store, made from nothing.
pub fn page(store: &Store) -> (Metrics, Renderer) {
    let config = RenderConfig {
        expire_after: Duration::from_secs(3_600),
        freshness: Freshness([None; Collector::ALL.len()]),
        render_interval: Duration::from_secs(1),
        max_series: None,
        instances: BTreeSet::new(),
        listing_accounts: Vec::new(),
    };
    let (clock, _) = Clock::manual("2026-03-17T14:23:46Z".parse().expect("a time"));
    Metrics::new(config, Registry::default(), store.clone(), clock)
}

/// The page of a store as text.
pub fn text(store: &Store) -> String {
    let (metrics, renderer) = page(store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let text = async { metrics.text(Format::Text).await.expect("a page") };
        tokio::select! {
            text = text => text,
            _ = renderer.run(std::future::pending()) => String::new(),
        }
    })
}

/// The body of a list of a hundred orgs.
pub fn list() -> Vec<u8> {
    let counts: serde_json::Map<String, Value> =
        RESOURCES.iter().map(|name| (format!("{name}Count"), json!(12))).collect();
    let limits: serde_json::Map<String, Value> =
        RESOURCES.iter().map(|name| ((*name).to_owned(), json!(100))).collect();
    let org = |number: usize| {
        json!({
            "id": format!("{number:024x}"), "orgId": format!("{number:024x}"), "name": format!("Org {number}"),
            "creationDate": "2025-01-01T00:00:00.000Z", "lastUpdated": "2026-01-01T00:00:00.000Z",
            "currentPeriodStart": "2026-03-01T00:00:00.000Z", "currentPeriodEnd": "2026-04-01T00:00:00.000Z",
            "instanceOrgTags": [{"key": "tier", "value": "gold"}], "limits": limits,
            "summary": {"payloadCount": {"timer": {"flow": 12.0}, "mqttIn": {"device": 12_345.0}}, "counts": counts},
        })
    };
    let page = json!({
        "items": (1..=100).map(org).collect::<Vec<_>>(),
        "count": 100, "totalCount": 10_000, "perPage": 100, "page": 0,
    });
    page.to_string().into_bytes()
}

/// Decodes it.
pub fn decode(body: &[u8]) -> Page<Org> {
    let page = Page::read(body).expect("a page");
    assert_eq!(page.items.len(), 100);
    page
}
