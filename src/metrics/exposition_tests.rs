//! What is written of what is known: pages made of arbitrary readings, read back by somebody else's parser.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use openmetrics_parser::{OpenMetricsValue, PrometheusValue};
use prometheus_client::registry::Registry;
use proptest::prelude::*;

use super::catalogue::{self, CATALOGUE, Row};
use super::encoding::Encoding;
use super::negotiate::Format;
use super::{Filter, Group, InvalidFilter, Metrics, RenderConfig, Renderer, ScrapeError};
use crate::clock::{Clock, ClockHand};
use crate::store::{Freshness, Store};
use crate::usage::{Collector, Id, Label, Measure, Reading, Sample, Scope};

pub(super) const NOW: &str = "2026-03-17T14:23:45.250Z";
pub(super) const EXPIRE_AFTER: Duration = Duration::from_secs(3_600);
pub(super) const RENDER_INTERVAL: Duration = Duration::from_secs(10);

/// A series: family, labels that are not empty, value.
type Series = (String, BTreeMap<String, String>, f64);

pub(super) fn id(number: u8) -> Id {
    format!("{number:024x}").parse().unwrap()
}

/// Two instances with an org and a sandbox each.
fn scopes() -> Vec<Scope> {
    let of = |instance| {
        [
            Scope::Instance { instance: id(instance) },
            Scope::Org { instance: id(instance), org: id(instance + 10) },
            Scope::Sandbox { instance: id(instance), sandbox: id(instance + 20) },
        ]
    };
    [of(1), of(2)].into_iter().flatten().collect()
}

pub(super) struct Setup {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) hand: ClockHand,
    pub(super) max_series: Option<usize>,
}

impl Setup {
    pub(super) fn new() -> Self {
        let (clock, hand) = Clock::manual(NOW.parse().unwrap());
        Self { store: Store::new(), clock, hand, max_series: None }
    }

    pub(super) fn put(&self, scope: Scope, fill: impl FnOnce(&mut Reading)) {
        let mut reading = Reading::at(self.clock.now());
        fill(&mut reading);
        self.store.put(scope, Collector::PayloadCounts, reading, self.clock.uptime());
    }

    pub(super) fn config(&self) -> RenderConfig {
        RenderConfig {
            expire_after: EXPIRE_AFTER,
            freshness: Freshness([Some(EXPIRE_AFTER); Collector::ALL.len()]),
            render_interval: RENDER_INTERVAL,
            max_series: self.max_series,
            instances: BTreeSet::new(),
            listing_accounts: Vec::new(),
        }
    }

    pub(super) fn metrics(&self) -> (Metrics, Renderer) {
        Metrics::new(self.config(), Registry::default(), self.store.clone(), self.clock.clone())
    }

    /// The page of what the store holds, as text.
    pub(super) fn text(&self) -> String {
        text_of(&scrape(&self.metrics().0, Format::Text, Encoding::Identity, &Filter::default()))
    }
}

fn scrape(metrics: &Metrics, format: Format, encoding: Encoding, filter: &Filter) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let body = runtime.block_on(metrics.scrape(format, encoding, filter)).unwrap();
    let chunks: Vec<_> = body.chunks.collect();
    assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
    let sent = chunks.concat();
    assert_eq!(sent.len() as u64, body.length);
    if encoding == Encoding::Identity {
        return sent;
    }
    let (mut text, mut decoder) = (Vec::new(), GzDecoder::new(sent.as_slice()));
    decoder.read_to_end(&mut text).unwrap();
    assert!(decoder.into_inner().is_empty(), "something follows the member");
    text
}

pub(super) fn text_of(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

/// The usage series of a page, as another parser understands them.
fn parsed(body: &[u8], format: Format) -> Vec<Series> {
    let text = text_of(body);
    let mut series = Vec::new();
    let mut add = |name: &str, labels: Vec<(String, String)>, value: f64| {
        if !name.starts_with("losant_exporter_") && name.starts_with("losant_") {
            series.push((
                name.to_owned(),
                labels.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
                value,
            ));
        }
    };
    let pairs = |labels: openmetrics_parser::LabelSet<'_>| {
        labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    match format {
        Format::OpenMetrics => {
            assert_eq!(text.matches("# EOF\n").count(), 1);
            let exposition = openmetrics_parser::openmetrics::parse_openmetrics(&text).unwrap();
            for (name, family) in &exposition.families {
                for sample in family.iter_samples() {
                    if let OpenMetricsValue::Gauge(value) = &sample.value {
                        add(name, pairs(sample.get_labelset().unwrap()), value.as_f64());
                    }
                }
            }
        }
        Format::Text => {
            assert!(!text.contains("# EOF"));
            let exposition = openmetrics_parser::prometheus::parse_prometheus(&text).unwrap();
            for (name, family) in &exposition.families {
                for sample in family.iter_samples() {
                    if let PrometheusValue::Gauge(value) = &sample.value {
                        add(name, pairs(sample.get_labelset().unwrap()), value.as_f64());
                    }
                }
            }
        }
    }
    series.sort_by(|a, b| a.partial_cmp(b).unwrap());
    series
}

/// What a sample of a scope has to become.
fn expected(scope: Scope, sample: &Sample) -> Series {
    let row = Row::of(sample.measure);
    let ids = [scope.instance().to_string(), scope.id().to_string()];
    let ids = catalogue::id_labels(scope.level()).iter().map(|name| (*name).to_owned()).zip(ids);
    let labels = row.labels.iter().zip(sample.labels.iter());
    let labels = labels.map(|(name, value)| ((*name).to_owned(), value.to_string()));
    let labels = ids.chain(labels).filter(|(_, value)| !value.is_empty()).collect();
    (row.family(scope.level()), labels, sample.value)
}

fn last_success(scope: Scope, setup: &Setup) -> Series {
    let ids = [scope.instance().to_string(), scope.id().to_string()];
    let ids = catalogue::id_labels(scope.level()).iter().map(|name| (*name).to_owned()).zip(ids);
    let collector = ("collector".to_owned(), Collector::PayloadCounts.as_str().to_owned());
    let name = catalogue::last_success_family(scope.level());
    (name, ids.chain([collector]).collect(), setup.clock.now().as_duration().as_secs_f64())
}

/// Samples that scopes of any level may have, no two of them the same series.
fn samples() -> impl Strategy<Value = Vec<(usize, Sample)>> {
    // Letters that the other parser reads, too; `line` has a test with all.
    let label = "[\"\\\\\n -~é日🚀]{0,8}";
    let value = prop_oneof![Just(0.0), (0_u32..9_999_999).prop_map(f64::from), -1e12..1e12, any::<f64>()];
    let sample = (0_usize..6, 0..CATALOGUE.len(), proptest::collection::vec(label, 4), value);
    proptest::collection::vec(sample, 0..40).prop_map(|samples| {
        let mut series = BTreeMap::new();
        for (scope, place, labels, value) in samples {
            let row = &CATALOGUE[place];
            if row.levels.contains(&scopes()[scope].level()) && value.is_finite() {
                let labels: Vec<_> = labels.into_iter().take(row.labels.len()).collect();
                series.insert((scope, place, labels), value);
            }
        }
        let sample = |((scope, place, labels), value): ((usize, usize, Vec<String>), f64)| {
            let labels = labels.into_iter().map(Label::Owned).collect();
            (scope, Sample { measure: CATALOGUE[place].measure, labels, value, holds_until: None })
        };
        series.into_iter().map(sample).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_read_back_is_what_is_known_in_every_format_and_coding(samples in samples()) {
        let setup = Setup::new();
        let mut wanted = Vec::new();
        for (place, scope) in scopes().into_iter().enumerate() {
            let of_scope: Vec<_> = samples.iter().filter(|(of, _)| *of == place).map(|(_, sample)| sample.clone()).collect();
            if !of_scope.is_empty() {
                wanted.extend(of_scope.iter().map(|sample| expected(scope, sample)));
                wanted.push(last_success(scope, &setup));
                setup.put(scope, |reading| reading.samples = of_scope);
            }
        }
        wanted.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let (metrics, _renderer) = setup.metrics();
        for format in Format::ALL {
            for encoding in [Encoding::Gzip, Encoding::Identity] {
                let read = parsed(&scrape(&metrics, format, encoding, &Filter::default()), format);
                prop_assert_eq!(&read, &wanted, "{:?} {:?}", format, encoding);
            }
        }
    }

    #[test]
    fn a_part_is_what_the_filter_leaves_of_the_whole(
        samples in samples(),
        groups in proptest::sample::subsequence(Group::ALL.to_vec(), 0..=4),
        instances in proptest::sample::subsequence(vec![1_u8, 2], 0..=2),
    ) {
        let setup = Setup::new();
        for (place, scope) in scopes().into_iter().enumerate() {
            setup.put(scope, |reading| {
                reading.samples = samples.iter().filter(|(of, _)| *of == place).map(|(_, sample)| sample.clone()).collect();
            });
        }
        let (metrics, _renderer) = setup.metrics();
        let ids: Vec<_> = instances.iter().map(|number| id(*number).to_string()).collect();
        let groups: Vec<_> = groups.into_iter().map(Group::as_str).collect();
        let parameters = groups.iter().map(|group| ("collect[]", *group));
        let filter = Filter::parse(parameters.chain(ids.iter().map(|id| ("instance_id", id.as_str())))).unwrap();
        let whole = parsed(&scrape(&metrics, Format::OpenMetrics, Encoding::Identity, &Filter::default()), Format::OpenMetrics);
        let is_wanted = |(name, labels, _): &Series| {
            let is_in_group = groups.iter().any(|group| name.starts_with(&format!("losant_{group}_")));
            (groups.is_empty() || is_in_group) && (ids.is_empty() || ids.contains(&labels["instance_id"]))
        };
        let wanted: Vec<_> = whole.into_iter().filter(is_wanted).collect();
        for encoding in [Encoding::Gzip, Encoding::Identity] {
            let part = scrape(&metrics, Format::OpenMetrics, encoding, &filter);
            prop_assert_eq!(&parsed(&part, Format::OpenMetrics), &wanted);
            // No heading without series.
            let text = text_of(&part);
            let headings = text.lines().filter_map(|line| line.strip_prefix("# TYPE losant_"));
            for family in headings.filter_map(|line| line.split(' ').next()).filter(|name| !name.starts_with("exporter_")) {
                prop_assert!(text.contains(&format!("\nlosant_{family}{{")), "{}", family);
            }
        }
    }
}

#[test]
fn an_instance_of_which_there_is_nothing_is_refused() {
    let setup = Setup::new();
    setup.put(Scope::Instance { instance: id(1) }, |reading| reading.add(Measure::Devices, [], 1.0));
    let (metrics, _renderer) = setup.metrics();
    let stranger = id(9).to_string();
    let filter = Filter::parse([("instance_id", stranger.as_str())]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(metrics.scrape(Format::Text, Encoding::Gzip, &filter));
    let refused = InvalidFilter::Instance { id: id(9), known: vec![id(1)] };
    assert_eq!(answer.err(), Some(ScrapeError::Filter(refused)));
}

#[test]
fn a_page_tells_how_large_it_is_compressed() {
    let setup = Setup::new();
    setup.put(Scope::Instance { instance: id(1) }, |reading| reading.add(Measure::Devices, [], 1.0));
    let (metrics, _renderer) = setup.metrics();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(metrics.scrape(Format::Text, Encoding::Gzip, &Filter::default())).unwrap();
    let chunks: Vec<_> = answer.chunks.collect();
    // Behind the header, and before what is not of the page: the last block and the checksum.
    let page: usize = chunks[1..chunks.len() - 2].iter().map(Bytes::len).sum();
    let text = text_of(&scrape(&metrics, Format::Text, Encoding::Identity, &Filter::default()));
    assert!(text.contains(&format!("\nlosant_exporter_page_bytes {page}\n")), "{page} {text}");
}

#[test]
fn a_family_of_orgs_and_sandboxes_is_whole_where_both_fill_blocks() {
    let setup = Setup::new();
    for number in 0..1_000_u32 {
        let owner = format!("{number:024x}").parse().unwrap();
        for scope in
            [Scope::Org { instance: id(1), org: owner }, Scope::Sandbox { instance: id(1), sandbox: owner }]
        {
            setup.put(scope, |reading| {
                reading.add(Measure::ApplicationDevices, [owner.to_string().into()], f64::from(number));
            });
        }
    }
    let text = setup.text();
    let mut lines: Vec<_> =
        text.lines().filter(|line| line.starts_with("losant_application_devices{")).collect();
    assert!(lines.iter().map(|line| line.len()).sum::<usize>() > 2 * 128 * 1024, "{}", text.len());
    assert_eq!(lines.len(), 2_000);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 2_000, "some are there twice");
}

/// A large number of orgs: more text than is kept, in many blocks.
#[test]
fn a_large_page_reads_the_same_in_both_codings() {
    let setup = Setup::new();
    for number in 0..20_000_u32 {
        let org = format!("{number:024x}").parse().unwrap();
        setup.put(Scope::Org { instance: id(1), org }, |reading| {
            for payload_type in ["timer", "webhook", "mqttIn", "deviceState", "flowError"] {
                reading.add(Measure::PayloadsPeriod, [payload_type.into(), "flow".into()], f64::from(number));
            }
        });
    }
    let (metrics, _renderer) = setup.metrics();
    let body = |encoding, filter| scrape(&metrics, Format::Text, encoding, filter);
    let everything = Filter::default();
    let plain = body(Encoding::Identity, &everything);
    assert!(plain.len() > 16 * 1024 * 1024, "{}", plain.len());
    assert!(plain == body(Encoding::Gzip, &everything), "the codings differ");
    let orgs = Filter::parse([("collect[]", "org")]).unwrap();
    assert!(body(Encoding::Identity, &orgs) == body(Encoding::Gzip, &orgs), "the codings of a part differ");
    assert_eq!(text_of(&plain).matches("\nlosant_org_payloads_period{").count(), 100_000);
}
