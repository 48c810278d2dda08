//! Handing history to a server by remote write.

use super::history::History;
use crate::remote_write::{Label, PushError, Pusher, Sample, TimeSeries, WriteRequest};

/// How many samples are sent at once, at most: what Prometheus itself sends.
const MOST_SAMPLES: usize = 2_000;

/// Sends all of one scope, series by series and each in order of time. Returns when the server has taken it.
pub(super) async fn push(pusher: &Pusher, history: &History) -> Result<(), PushError> {
    for request in requests(history) {
        pusher.push(&request).await?;
    }
    Ok(())
}

fn requests(history: &History) -> impl Iterator<Item = WriteRequest> {
    let mut parts = history.series.iter().flat_map(|series| {
        let labels = labels(history, series);
        series.samples.chunks(MOST_SAMPLES).map(move |chunk| TimeSeries {
            labels: labels.clone(),
            samples: chunk
                .iter()
                .map(|sample| Sample { value: sample.value, timestamp: sample.millisecond })
                .collect(),
        })
    });
    let mut next = parts.next();
    std::iter::from_fn(move || {
        let mut request = WriteRequest { timeseries: vec![next.take()?] };
        let mut samples = request.timeseries.iter().map(|series| series.samples.len()).sum::<usize>();
        for part in parts.by_ref() {
            samples += part.samples.len();
            if samples > MOST_SAMPLES {
                next = Some(part);
                break;
            }
            request.timeseries.push(part);
        }
        Some(request)
    })
}

/// The labels of a series, by name, as receivers expect them.
fn labels(history: &History, series: &super::history::Series) -> Vec<Label> {
    let name = ("__name__", history.family(series).name());
    let extra = series.label.map(|(name, value)| (name, value.to_owned()));
    let all = std::iter::once(name).chain(history.ids()).chain(extra);
    let mut labels: Vec<_> = all.map(|(name, value)| Label { name: name.to_owned(), value }).collect();
    labels.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    labels
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::backfill::figure::Figure;
    use crate::usage::Scope;

    #[test]
    fn requests_hold_so_many_samples_and_every_sample_once_in_order() {
        let id = |digit: &str| digit.repeat(24).parse().unwrap();
        let mut history = History::of(Scope::Sandbox { instance: id("a"), sandbox: id("b") });
        let start: Timestamp = "2026-03-01T00:10:00Z".parse().unwrap();
        let hours = |count: i32| {
            (0..count).map(move |hour| (start + SignedDuration::from_hours(hour.into()), Some(hour.into())))
        };
        history.add(Figure::PayloadsLastHour, Some(("billable", "true")), hours(4_500));
        history.add(Figure::PayloadsLastHour, Some(("billable", "false")), hours(700));
        history.add(Figure::Devices, None, hours(30));
        let requests: Vec<_> = requests(&history).collect();
        let sizes = requests.iter().map(|request| request.timeseries.iter().map(|s| s.samples.len()).sum());
        assert_eq!(sizes.collect::<Vec<usize>>(), [2_000, 2_000, 1_230]);
        let all = requests.iter().flat_map(|request| &request.timeseries).flat_map(|series| &series.samples);
        let values: Vec<_> = all.map(|sample| sample.value).collect();
        let expected = (0..4_500).chain(0..700).chain(0..30).map(f64::from);
        assert_eq!(values, expected.collect::<Vec<_>>());
        let names: Vec<_> =
            requests[0].timeseries[0].labels.iter().map(|label| label.name.as_str()).collect();
        assert_eq!(names, ["__name__", "billable", "instance_id", "sandbox_id"]);
    }
}
