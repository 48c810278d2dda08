//! What the shipped rules make of samples that a Prometheus was given with times of the past.
//!
//! Rules are evaluated one after another, as within a group, for a stretch of time at once.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use losant_exporter::rules::{Kind, Rule, RuleFile, SHIPPED};

use super::recorder::{Recorder, Source};
use crate::prometheus::{Found, Labels, Prometheus};

/// The shipped rules, and what each knows from before.
pub(super) struct Rules(Vec<Evaluated>);

struct Evaluated {
    rule: Rule,
    source: Source,
    /// The alerts that are pending or firing, and since when their condition holds.
    active: HashMap<Labels, i64>,
}

impl Rules {
    pub(super) fn shipped() -> Self {
        let files = SHIPPED.iter().map(|file| RuleFile::read(file.name, file.text).expect("a rule file"));
        let evaluated = |rule| Evaluated { rule, source: Source::default(), active: HashMap::new() };
        Self(files.flat_map(|file| file.rules).map(evaluated).collect())
    }

    /// Evaluates all of them at these times, which are `every` apart.
    pub(super) async fn evaluate(
        &mut self,
        prometheus: &Prometheus,
        recorder: &Recorder,
        times: &[Timestamp],
        every: Duration,
    ) {
        let (Some(start), Some(end)) = (times.first(), times.last()) else { return };
        for Evaluated { rule, source, active } in &mut self.0 {
            let found = prometheus.range(&rule.expr.to_string(), (*start, *end), every).await;
            let found = found.unwrap_or_else(|error| panic!("{}: {error}", rule.name));
            let series = match rule.kind {
                Kind::Record => {
                    found.into_iter().map(|(labels, s)| (named(&rule.name, labels, rule), s)).collect()
                }
                Kind::Alert => alerts(rule, active, times, &found),
            };
            recorder.write(source, times, series).await;
        }
    }
}

fn named(name: &str, mut labels: Labels, rule: &Rule) -> Labels {
    labels.insert("__name__".to_owned(), name.to_owned());
    labels.extend(rule.labels.clone());
    labels
}

/// The series that tell which alerts are pending, which fire, and since when.
fn alerts(
    rule: &Rule,
    active: &mut HashMap<Labels, i64>,
    times: &[Timestamp],
    found: &Found<Vec<(i64, f64)>>,
) -> Found<Vec<(i64, f64)>> {
    let holds_for = rule.holds_for.as_deref().map_or(Duration::ZERO, |text| {
        humantime::parse_duration(text).unwrap_or_else(|error| panic!("{}: {error}", rule.name))
    });
    let holds_for = i64::try_from(holds_for.as_millis()).expect("not that long");
    let mut series: HashMap<Labels, Vec<(i64, f64)>> = HashMap::new();
    let mut still = HashMap::new();
    for (labels, samples) in found {
        let mut labels = labels.clone();
        labels.remove("__name__");
        let mut labels = named("ALERTS_FOR_STATE", labels, rule);
        labels.insert("alertname".to_owned(), rule.name.clone());
        let mut since = active.get(&labels).copied();
        let mut samples = samples.iter().peekable();
        for time in times.iter().map(|time| time.as_millisecond()) {
            if samples.next_if(|(at, _)| *at == time).is_none() {
                since = None;
                continue;
            }
            let began = *since.get_or_insert(time);
            let state = if time - began >= holds_for { "firing" } else { "pending" };
            let mut alert = labels.clone();
            alert.insert("__name__".to_owned(), "ALERTS".to_owned());
            alert.insert("alertstate".to_owned(), state.to_owned());
            series.entry(alert).or_default().push((time, 1.0));
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time stay below 2^53")]
            let began = began as f64 / 1_000.0;
            series.entry(labels.clone()).or_default().push((time, began));
        }
        still.extend(since.map(|since| (labels, since)));
    }
    *active = still;
    series.into_iter().collect()
}
