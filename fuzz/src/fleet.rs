//! Made-up scopes with made-up readings, and the series that they have to become.

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use jiff::Timestamp;
use losant_exporter::clock::Clock;
use losant_exporter::metrics::catalogue::{self, CATALOGUE, Row};
use losant_exporter::store::Store;
use losant_exporter::usage::{Collector, Id, Label, MAX_LABEL_BYTES, Reading, Scope};

use crate::samples::Labels;

/// Scopes of an instance, and numbers of a scope.
const MOST_SCOPES: u8 = 6;
const MOST_NUMBERS: u8 = 12;

/// Numbers of a scope, by measure and label values.
type Numbers = BTreeMap<(usize, Vec<String>), f64>;

/// What a store was filled with.
pub(crate) struct Fleet {
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) instances: Vec<Id>,
    /// What a page has to show of them, by name and labels.
    pub(crate) series: BTreeMap<(String, Labels), f64>,
}

impl Fleet {
    /// Makes a fleet of whatever comes in; of nothing, one of nobody.
    pub(crate) fn arbitrary(input: &mut Unstructured<'_>) -> Result<Self> {
        let now: Timestamp = "2026-03-17T14:23:45.250Z".parse().expect("a time");
        let (clock, _) = Clock::manual(now);
        let mut fleet = Self { clock, store: Store::new(), instances: Vec::new(), series: BTreeMap::new() };
        for number in 1..=input.int_in_range(1..=2)? {
            let instance = id(number);
            fleet.instances.push(instance);
            fleet.store.set_up(instance, input.arbitrary()?);
            let mut scopes: BTreeMap<Scope, Numbers> = BTreeMap::new();
            for place in 0..input.int_in_range(0..=MOST_SCOPES)? {
                let own = id(16 * number + place);
                let scope = match input.int_in_range(0..=2)? {
                    0 => Scope::Instance { instance },
                    1 => Scope::Org { instance, org: own },
                    _ => Scope::Sandbox { instance, sandbox: own },
                };
                let numbers = scopes.entry(scope).or_default();
                for _ in 0..input.int_in_range(0..=MOST_NUMBERS)? {
                    let measure = input.choose_index(CATALOGUE.len())?;
                    let labels = CATALOGUE[measure].labels.iter().map(|_| text(input));
                    numbers.insert((measure, labels.collect::<Result<_>>()?), value(input)?);
                }
            }
            for (scope, numbers) in scopes {
                fleet.read(scope, *input.choose(&Collector::ALL)?, numbers, now);
            }
        }
        Ok(fleet)
    }

    fn read(&mut self, scope: Scope, collector: Collector, numbers: Numbers, now: Timestamp) {
        let mut reading = Reading::at(now);
        for ((measure, labels), value) in numbers {
            add(&mut reading, &CATALOGUE[measure], labels, value);
        }
        let level = scope.level();
        for sample in &reading.samples {
            let row = Row::of(sample.measure);
            if row.levels.contains(&level) {
                let mut labels = own_labels(scope);
                let values = sample.labels.iter().map(|label| label.clone().into_owned());
                labels.extend(row.labels.iter().map(|name| (*name).to_owned()).zip(values));
                labels.retain(|_, value| !value.is_empty());
                self.series.insert((row.family(level), labels), sample.value);
            }
        }
        if Collector::concerning(level).any(|concerning| concerning == collector) {
            let mut labels = own_labels(scope);
            labels.insert("collector".to_owned(), collector.to_string());
            let at = now.as_duration().as_secs_f64();
            self.series.insert((catalogue::last_success_family(level), labels), at);
        }
        self.store.put(scope, collector, reading, Duration::ZERO);
    }
}

/// Adds a number with as many labels as its row has. Those that are too long are cut, and none is lost.
fn add(reading: &mut Reading, row: &Row, labels: Vec<String>, value: f64) {
    let lengths: Vec<_> = labels.iter().map(String::len).collect();
    let mut labels = labels.into_iter().map(Label::Owned);
    let mut next = || labels.next().expect("a value for each label");
    match row.labels.len() {
        0 => reading.add(row.measure, [], value),
        1 => reading.add(row.measure, [next()], value),
        2 => reading.add(row.measure, [next(), next()], value),
        3 => reading.add(row.measure, [next(), next(), next()], value),
        4 => reading.add(row.measure, [next(), next(), next(), next()], value),
        more => panic!("{more} labels: this reading knows four"),
    }
    let kept = &reading.samples.last().expect("the one that was added").labels;
    for (length, kept) in lengths.into_iter().zip(kept) {
        assert!(kept.len() <= MAX_LABEL_BYTES && (length > MAX_LABEL_BYTES || kept.len() == length));
    }
}

fn own_labels(scope: Scope) -> Labels {
    let mut labels = Labels::from([("instance_id".to_owned(), scope.instance().to_string())]);
    match scope {
        Scope::Instance { .. } => {}
        Scope::Org { org, .. } => drop(labels.insert("org_id".to_owned(), org.to_string())),
        Scope::Sandbox { sandbox, .. } => drop(labels.insert("sandbox_id".to_owned(), sandbox.to_string())),
    }
    debug_assert_eq!(labels.len(), catalogue::id_labels(scope.level()).len());
    labels
}

fn id(number: u8) -> Id {
    format!("{number:024x}").parse().expect("an id")
}

/// A text as people choose it, or as nobody would.
pub(crate) fn text(input: &mut Unstructured<'_>) -> Result<String> {
    const WORDS: [&str; 12] = [
        "",
        "flow",
        "Acme",
        "Zoë \"Z\"",
        "a\\b",
        "\\",
        "\"",
        "line\nfeed",
        "{}#,= ",
        "<b>&amp;",
        "\u{0}\r\u{2028}",
        "# EOF",
    ];
    Ok(match input.int_in_range(0..=3)? {
        0 => (*input.choose(&WORDS)?).to_owned(),
        1 => input.arbitrary()?,
        2 => format!("{}{}", *input.choose(&WORDS)?, *input.choose(&WORDS)?),
        _ => (*input.choose(&WORDS)?).repeat(input.int_in_range(0..=80)?),
    })
}

/// A number as an answer can hold it.
fn value(input: &mut Unstructured<'_>) -> Result<f64> {
    Ok(match input.int_in_range(0..=3)? {
        0 => f64::from(input.arbitrary::<u32>()?),
        1 => f64::from(input.arbitrary::<u32>()?) / 1_024.0,
        2 => 9_007_199_254_740_992.0 + f64::from(input.arbitrary::<i8>()?),
        _ => {
            let value = input.arbitrary::<f64>()?.abs();
            if value <= MOST { value } else { 0.0 }
        }
    })
}

/// No answer may tell of more.
const MOST: f64 = 18_446_744_073_709_551_616.0;
