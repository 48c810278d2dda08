//! The page of metrics.
//!
//! Whatever names and labels people choose, both formats show exactly the series that were read, to two readers that share nothing
//! with the writer; gzip unpacks to the same bytes; a part of the page is a part of the page; and where there are too many series,
//! those that are left are true, and the others are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use arbitrary::Unstructured;
use flate2::read::MultiGzDecoder;
use losant_exporter::metrics::encoding::Encoding;
use losant_exporter::metrics::negotiate::Format;
use losant_exporter::metrics::{Filter, Group, Metrics, RenderConfig, ScrapeError};
use losant_exporter::rules::Page;
use losant_exporter::store::Freshness;
use losant_exporter::usage::Collector;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::fleet::{self, Fleet};
use crate::samples::{self, Labels, Sample};

/// Checks the pages of a fleet.
pub fn check(data: &[u8]) {
    // Too little input makes nobody.
    let _ = pages(&mut Unstructured::new(data));
}

fn pages(input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let groups: Vec<Group> = Group::ALL.into_iter().filter(|_| input.arbitrary().unwrap_or(false)).collect();
    let max_series = input.arbitrary::<Option<u8>>()?.map(usize::from);
    let own = fleet::text(input)?;
    let fleet = Fleet::arbitrary(input)?;
    let config = RenderConfig {
        expire_after: Duration::from_secs(3_600),
        freshness: Freshness([Some(Duration::from_secs(900)); Collector::ALL.len()]),
        render_interval: Duration::ZERO,
        max_series,
        instances: BTreeSet::new(),
        listing_accounts: Vec::new(),
    };
    let (metrics, _) = Metrics::new(config, own_metrics(&own), fleet.store.clone(), fleet.clock.clone());
    let everything = Filter::default();
    let openmetrics = scraped(&metrics, Format::OpenMetrics, &everything);
    let text = scraped(&metrics, Format::Text, &everything);
    let samples = samples::all(&text);
    assert!(openmetrics.ends_with("\n# EOF\n") && !text.contains("\n# EOF\n"));
    assert_eq!(samples::all(&openmetrics), samples, "the formats differ");
    accepted(&openmetrics, &text, &samples);
    if max_series.is_none() {
        assert_eq!(usage(&samples), fleet.series);
    } else {
        true_and_counted(&samples, &fleet.series);
    }
    let own_values = samples.iter().filter_map(|sample| sample.labels.get("account"));
    assert!(own_values.clone().all(|value| *value == own) && (own.is_empty() || own_values.count() > 2));
    part(&metrics, &groups, &fleet, &samples);
    Ok(())
}

/// Metrics of all kinds, with a value of a label that somebody chose.
fn own_metrics(account: &str) -> Registry {
    let mut registry = Registry::default();
    let labels = vec![("account".to_owned(), account.to_owned())];
    let requests = Family::<Vec<(String, String)>, Counter>::default();
    registry.register("fuzz_requests", "Requests", requests.clone());
    requests.get_or_create(&labels).inc_by(7);
    let durations =
        Family::<Vec<(String, String)>, Histogram>::new_with_constructor(|| Histogram::new([0.5, 5.0]));
    registry.register("fuzz_duration_seconds", "Durations", durations.clone());
    durations.get_or_create(&labels).observe(0.7);
    registry
}

/// A page, as it is and unpacked.
fn scraped(metrics: &Metrics, format: Format, filter: &Filter) -> String {
    let body = |encoding| {
        let body = ready(metrics.scrape(format, encoding, filter)).expect("a page");
        let bytes: Vec<u8> = body.chunks.flatten().collect();
        assert_eq!(bytes.len() as u64, body.length, "the length is wrong");
        bytes
    };
    let plain = body(Encoding::Identity);
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(&*body(Encoding::Gzip)).read_to_end(&mut unpacked).expect("gzip");
    assert!(unpacked == plain, "gzip holds another page");
    String::from_utf8(plain).expect("text")
}

/// What is ready at once, as a scrape is.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("a scrape waits"),
    }
}

/// Parsers of others, and our own, find as much.
fn accepted(openmetrics: &str, text: &str, samples: &[Sample]) {
    let names: BTreeSet<_> = samples.iter().map(|sample| sample.name.as_str()).collect();
    for page in [openmetrics, text] {
        let page = Page::read(page).expect("a page");
        assert_eq!(page.names().collect::<BTreeSet<_>>(), names);
    }
    // A carriage return is a letter of a label in both formats, and no letter to this parser.
    if text.contains('\r') {
        return;
    }
    let read = openmetrics_parser::openmetrics::parse_openmetrics(openmetrics).expect("OpenMetrics");
    let families = read.families.len();
    let read = openmetrics_parser::prometheus::parse_prometheus(text).expect("text 0.0.4");
    assert_eq!(read.families.len(), families);
}

fn number(sample: &Sample) -> f64 {
    sample.value.parse().expect("a number")
}

/// The series of usage, each of which is there once.
fn usage(samples: &[Sample]) -> BTreeMap<(String, Labels), f64> {
    let mut series = BTreeMap::new();
    for sample in samples {
        let of_usage = ["losant_instance_", "losant_org_", "losant_sandbox_", "losant_application_"];
        if of_usage.iter().any(|prefix| sample.name.starts_with(prefix)) {
            let key = (sample.name.clone(), sample.labels.clone());
            assert!(series.insert(key, number(sample)).is_none(), "there twice: {sample:?}");
        }
    }
    series
}

/// Of a page with too many series: what is shown is what was read, or the sum over its sources, and what is not shown is counted.
fn true_and_counted(samples: &[Sample], read: &BTreeMap<(String, Labels), f64>) {
    let shown = usage(samples);
    for ((name, labels), value) in &shown {
        let without_source = |(of, others): &(String, Labels)| {
            let mut others = others.clone();
            others.remove("source");
            of == name && others == *labels
        };
        let sum =
            || read.iter().filter(|(key, _)| without_source(key)).fold(0.0, |sum, (_, value)| sum + value);
        let is_true = read.get(&(name.clone(), labels.clone())) == Some(value) || sum() == *value;
        assert!(is_true, "{name}{labels:?} is {value}");
    }
    let count = |of: &str, family: &str| {
        let of_family = |sample: &&Sample| {
            sample.name == of && sample.labels.get("family").is_some_and(|label| label == family)
        };
        samples.iter().find(of_family).map_or(0.0, number)
    };
    let of_family = |series: &BTreeMap<(String, Labels), f64>, family: &str| {
        f64::from(u32::try_from(series.keys().filter(|(name, _)| name == family).count()).expect("few"))
    };
    for (family, _) in read.keys() {
        let (now, all) = (of_family(&shown, family), of_family(read, family));
        assert_eq!(count("losant_exporter_series", family), now, "{family}");
        assert_eq!(now + count("losant_exporter_series_dropped", family), all, "{family}");
    }
}

/// A part has the series of what was asked for, and nothing else of usage.
fn part(metrics: &Metrics, groups: &[Group], fleet: &Fleet, samples: &[Sample]) {
    let instance = fleet.instances[0].to_string();
    let mut parameters: Vec<_> = groups.iter().map(|group| ("collect[]", group.as_str())).collect();
    parameters.push(("instance_id", &instance));
    let filter = Filter::parse(parameters).expect("parameters that there are");
    if matches!(ready(metrics.scrape(Format::Text, Encoding::Identity, &filter)), Err(ScrapeError::Filter(_)))
    {
        return;
    }
    let part = samples::all(&scraped(metrics, Format::Text, &filter));
    let wanted = |sample: &&Sample| {
        let group = groups.is_empty()
            || groups.iter().any(|group| sample.name.starts_with(&format!("losant_{}_", group.as_str())));
        group && sample.labels.get("instance_id") == Some(&instance)
    };
    let all = usage(&samples.iter().filter(wanted).cloned().collect::<Vec<_>>());
    assert_eq!(usage(&part), all, "a part has other series than the page");
}
