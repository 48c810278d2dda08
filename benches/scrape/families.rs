//! A peer: the series of a page in prometheus-client's families, written and packed for each scrape.
//!
//! What an exporter in Rust does as long as nobody measures it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::floor::{listen, wants_gzip};

/// The word that makes this program this peer.
pub const ROLE: &str = "serve-families";

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

/// Loads the page and serves what it holds.
pub async fn serve(page: &Path) {
    let registry = Arc::new(load(&std::fs::read_to_string(page).expect("a page")));
    let answer = move |headers: HeaderMap| std::future::ready(answer(&registry, &headers));
    listen(Router::new().route("/metrics", get(answer))).await;
}

fn answer(registry: &Registry, headers: &HeaderMap) -> Response {
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, registry).expect("a page");
    let mut response = if wants_gzip(headers) {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(page.as_bytes()).expect("memory");
        let mut response = Response::new(Body::from(packed.finish().expect("memory")));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        Response::new(Body::from(page))
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

fn load(page: &str) -> Registry {
    let mut registry = Registry::default();
    let mut helps = BTreeMap::new();
    let mut families: BTreeMap<&str, Gauges> = BTreeMap::new();
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a text");
            helps.insert(name, help);
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let gauges = families.entry(name).or_insert_with(|| {
            let gauges = Gauges::default();
            registry.register(name, helps.get(name).copied().unwrap_or(name), gauges.clone());
            gauges
        });
        gauges.get_or_create(&read_labels(labels)).set(value.parse().expect("a number"));
    }
    registry
}

/// Reads `name="value",name="value"}`.
fn read_labels(mut text: &str) -> Labels {
    let mut labels = Vec::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let (mut value, mut letters) = (String::new(), rest.char_indices());
        loop {
            match letters.next().expect("a quote at its end").1 {
                '"' => break,
                '\\' => match letters.next().expect("what is escaped").1 {
                    'n' => value.push('\n'),
                    letter => value.push(letter),
                },
                letter => value.push(letter),
            }
        }
        labels.push((name.trim_start_matches(',').to_owned(), value));
        text = &rest[letters.offset()..];
    }
    labels
}
