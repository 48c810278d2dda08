//! Samples with times of their own, written into a Prometheus as it writes itself what it scrapes and records: where a series
//! ends, it says so.

use std::collections::HashSet;

use jiff::Timestamp;
use losant_exporter::clock::Clock;
use losant_exporter::remote_write::{Credentials, Label, Pusher, Sample, TimeSeries, WriteRequest};

use crate::prometheus::{Found, Labels, Prometheus};

/// A NaN of its own by which Prometheus knows that a series has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Series in one request.
const SERIES: usize = 500;

/// Sends samples to a Prometheus.
pub(super) struct Recorder(Pusher);

/// Where series come from: a target, or a rule. Those that were there when it was last looked at.
#[derive(Default)]
pub(super) struct Source(HashSet<Labels>);

impl Recorder {
    pub(super) fn new(prometheus: &Prometheus) -> Self {
        let endpoint = format!("{}/api/v1/write", prometheus.url()).parse().expect("a URL");
        Self(Pusher::new(endpoint, Credentials::none(), Clock::system()).expect("a client"))
    }

    /// Writes what a source had at these times.
    pub(super) async fn write(
        &self,
        source: &mut Source,
        times: &[Timestamp],
        found: Found<Vec<(i64, f64)>>,
    ) {
        let times: Vec<_> = times.iter().map(|at| at.as_millisecond()).collect();
        let before = std::mem::take(&mut source.0);
        let mut series = Vec::new();
        let there: HashSet<_> = found.iter().map(|(labels, _)| labels).collect();
        let ended = before.iter().filter(|labels| !there.contains(labels));
        series.extend(ended.map(|labels| (labels.clone(), vec![(times[0], f64::from_bits(STALE))])));
        for (labels, samples) in found {
            let (samples, is_open) = with_ends(&times, before.contains(&labels), &samples);
            if is_open {
                source.0.insert(labels.clone());
            }
            series.push((labels, samples));
        }
        for series in series.chunks(SERIES) {
            let timeseries = series.iter().map(|(labels, samples)| TimeSeries {
                labels: labels.iter().map(label).collect(),
                samples: samples
                    .iter()
                    .map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp })
                    .collect(),
            });
            self.0.push(&WriteRequest { timeseries: timeseries.collect() }).await.expect("it is taken");
        }
    }
}

/// The samples with a mark wherever the series ends, and whether it is there at the last time.
fn with_ends(times: &[i64], mut is_there: bool, samples: &[(i64, f64)]) -> (Vec<(i64, f64)>, bool) {
    let mut samples = samples.iter().copied().peekable();
    let mut marked = Vec::new();
    for time in times {
        let sample = samples.next_if(|(at, _)| at == time);
        match sample {
            Some(sample) => marked.push(sample),
            None if is_there => marked.push((*time, f64::from_bits(STALE))),
            None => {}
        }
        is_there = sample.is_some();
    }
    assert_eq!(samples.next(), None, "all samples are of these times");
    (marked, is_there)
}

fn label((name, value): (&String, &String)) -> Label {
    Label { name: name.clone(), value: value.clone() }
}
