//! The usage series, collected from a snapshot of the store on each scrape.
//!
//! Owns: how a sample becomes a line. State is collected here and never set into a `Family`, which forgets nothing:
//! a deleted org would be exported for ever.
//! Must not: wait for anything; a scrape costs a walk through memory.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::MetricType;

use super::catalogue::{self, CATALOGUE, Row};
use crate::clock::Clock;
use crate::store::{Freshness, ScopeState, Snapshot, Store};
use crate::usage::{Level, Sample, Scope};

/// Collects usage, its age and the state of the scopes.
#[derive(Debug)]
pub(super) struct UsageSeries {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) expire_after: Duration,
    pub(super) freshness: Freshness,
}

impl Collector for UsageSeries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let snapshot = self.store.snapshot();
        let families = Families::group(&snapshot, &self.clock, self.expire_after);
        let mut sizes = families.encode(&mut encoder)?;
        sizes.extend(encode_last_successes(&mut encoder, &snapshot)?);
        sizes.extend(encode_up(&mut encoder, &snapshot)?);
        encode_scopes(&mut encoder, &snapshot, self.clock.uptime(), self.freshness)?;
        encode_sizes(&mut encoder, &sizes)
    }
}

/// Samples by family. A family without series is not written at all: some parsers refuse one. Exposition formats want all series of a family together.
struct Families<'a> {
    groups: Vec<Vec<(Scope, &'a Sample)>>,
}

impl<'a> Families<'a> {
    fn group(snapshot: &'a Snapshot, clock: &Clock, expire_after: Duration) -> Self {
        let mut groups = vec![Vec::new(); CATALOGUE.len() * Level::ALL.len()];
        for (scope, sample) in snapshot.samples(clock.now(), clock.uptime(), expire_after) {
            groups[Self::place(Row::of(sample.measure), scope.level())].push((scope, sample));
        }
        Self { groups }
    }

    /// A family of applications holds those of orgs and those of sandboxes.
    fn place(row: &Row, level: Level) -> usize {
        let level = if row.subject.is_some() { row.levels.first().copied().unwrap_or(level) } else { level };
        row.measure as usize * Level::ALL.len() + level as usize
    }

    /// Writes every family that has a series. Returns their names and how many series each has.
    fn encode(&self, encoder: &mut DescriptorEncoder) -> Result<Vec<(String, usize)>, fmt::Error> {
        let mut sizes = Vec::new();
        for row in CATALOGUE {
            for &level in row.family_levels() {
                let samples = &self.groups[Self::place(row, level)];
                if samples.is_empty() {
                    continue;
                }
                let name = row.family(level);
                let help = row.help(level);
                let mut family = encoder.encode_descriptor(&name, &help, None, MetricType::Gauge)?;
                let shape = Shape::of(row.labels, samples);
                for (scope, sample) in samples {
                    let labels = SeriesLabels { shape: &shape, scope: *scope, values: &sample.labels };
                    encode_value(family.encode_family(&labels)?, sample.value)?;
                }
                sizes.push((name, samples.len()));
            }
        }
        Ok(sizes)
    }
}

/// The labels of a family. To Prometheus an empty label and no label are the same, but some parsers want all series of a
/// family to have the same ones: so a label is written for all of them, or for none.
#[derive(Debug)]
struct Shape<'a> {
    ids: Vec<&'static str>,
    names: &'a [&'static str],
    /// Whether any series has a value for the name at this place.
    used: Vec<bool>,
}

impl<'a> Shape<'a> {
    fn of(names: &'a [&'static str], samples: &[(Scope, &Sample)]) -> Self {
        let mut shape = Self { ids: Vec::new(), names, used: vec![false; names.len()] };
        for (scope, sample) in samples {
            for id in catalogue::id_labels(scope.level()) {
                if !shape.ids.contains(id) {
                    shape.ids.push(id);
                }
            }
            for (used, value) in shape.used.iter_mut().zip(&sample.labels) {
                *used |= !value.is_empty();
            }
        }
        shape
    }
}

/// The ids of a scope, and what else tells series of one family apart.
#[derive(Debug)]
struct SeriesLabels<'a, V> {
    shape: &'a Shape<'a>,
    scope: Scope,
    values: &'a [V],
}

impl<V: AsRef<str> + fmt::Debug> EncodeLabelSet for SeriesLabels<'_, V> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        let own = catalogue::id_labels(self.scope.level());
        let ids = [self.scope.instance(), self.scope.id()];
        for name in &self.shape.ids {
            match own.iter().position(|own| own == name).and_then(|place| ids.get(place)) {
                Some(id) => (*name, id.to_string().as_str()).encode(encoder.encode_label())?,
                None => (*name, "").encode(encoder.encode_label())?,
            }
        }
        for ((name, used), value) in self.shape.names.iter().zip(&self.shape.used).zip(self.values) {
            if *used {
                (*name, value.as_ref()).encode(encoder.encode_label())?;
            }
        }
        Ok(())
    }
}

/// Whole numbers up to 2^53 are exact in a double, and read better without a decimal point.
fn encode_value(mut encoder: prometheus_client::encoding::MetricEncoder, value: f64) -> fmt::Result {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53: the cast is exact")]
        encoder.encode_gauge(&(value as i64))
    } else {
        encoder.encode_gauge(&value)
    }
}

fn encode_last_successes(
    encoder: &mut DescriptorEncoder,
    snapshot: &Snapshot,
) -> Result<Vec<(String, usize)>, fmt::Error> {
    let mut sizes = Vec::new();
    for level in Level::ALL {
        let successes: Vec<_> =
            snapshot.last_successes().filter(|(scope, ..)| scope.level() == level).collect();
        if successes.is_empty() {
            continue;
        }
        let name = catalogue::last_success_family(level);
        let help = catalogue::last_success_help(level);
        let mut family = encoder.encode_descriptor(&name, &help, None, MetricType::Gauge)?;
        let ids = catalogue::id_labels(level).to_vec();
        let shape = Shape { ids, names: &["collector"], used: vec![true] };
        for (scope, collector, at) in &successes {
            let labels = SeriesLabels { shape: &shape, scope: *scope, values: &[collector.as_str()] };
            encode_value(family.encode_family(&labels)?, at.as_duration().as_secs_f64())?;
        }
        sizes.push((name, successes.len()));
    }
    Ok(sizes)
}

fn encode_up(
    encoder: &mut DescriptorEncoder,
    snapshot: &Snapshot,
) -> Result<Option<(String, usize)>, fmt::Error> {
    const NAME: &str = "losant_up";
    let instances: Vec<_> = snapshot.up().collect();
    if instances.is_empty() {
        return Ok(None);
    }
    let mut family = encoder.encode_descriptor(NAME, catalogue::UP_HELP, None, MetricType::Gauge)?;
    for (instance, up) in &instances {
        let labels = [("instance_id", instance.to_string())];
        family.encode_family(&labels)?.encode_gauge(&i64::from(*up))?;
    }
    Ok(Some((NAME.to_owned(), instances.len())))
}

fn encode_scopes(
    encoder: &mut DescriptorEncoder,
    snapshot: &Snapshot,
    uptime: Duration,
    freshness: Freshness,
) -> fmt::Result {
    let counts = snapshot.scope_states(uptime, freshness);
    let help = "Instances, orgs and sandboxes by how well they are known: fresh, stale (numbers are missing or older than \
                three intervals), failing (last attempt failed, numbers are not old yet), excluded (by the configuration).";
    let mut family = encoder.encode_descriptor("losant_exporter_scopes", help, None, MetricType::Gauge)?;
    for level in Level::ALL {
        for state in ScopeState::ALL {
            let count = counts.get(&(level, state)).copied().unwrap_or_default();
            let labels = [("level", level.as_str()), ("state", state.as_str())];
            family.encode_family(&labels)?.encode_gauge(&count)?;
        }
    }
    Ok(())
}

fn encode_sizes(encoder: &mut DescriptorEncoder, sizes: &[(String, usize)]) -> fmt::Result {
    if sizes.is_empty() {
        return Ok(());
    }
    let help = "Series of each usage family in this exposition.";
    let mut family = encoder.encode_descriptor("losant_exporter_series", help, None, MetricType::Gauge)?;
    for (name, series) in sizes {
        let labels = [("family", name.as_str())];
        family.encode_family(&labels)?.encode_gauge(series)?;
    }
    Ok(())
}
