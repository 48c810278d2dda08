//! Losant's answers, decoded.
//!
//! Any JSON goes to every decoder. What comes out is what stands in the answer: no number is negative, infinite or made up, nothing
//! that is there is lost without a word, and neither an unknown field nor a `null` makes a difference.

use std::fmt::Debug;

use losant_exporter::losant::wire::{
    HistoricalSummary, Instance, Limits, Listed, Org, Page, PayloadStats, Sandbox, Series, Summary,
    Unexpected, payload_stats,
};
use losant_exporter::usage::Id;
use serde_json::{Map, Value, json};

/// Nobody's id: an answer about somebody else has to be refused.
const NOBODY: &str = "0123456789abcdef01234567";

/// The names under which Losant repeats the id of an object.
const ID_FIELDS: [&str; 4] = ["id", "instanceId", "orgId", "instanceSandboxId"];

/// A million of these still do not add up to infinity.
const LARGEST: f64 = 18_446_744_073_709_551_616.0;

/// Checks all that is claimed of an answer.
pub fn check(data: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(data) else { return };
    owner(&answer, Instance::decode, |instance| limits(instance.limits.as_ref()));
    owner(&answer, Org::decode, |org| [limits(org.limits.as_ref()), summary(org.summary.as_ref())].concat());
    owner(&answer, Sandbox::decode, |user| {
        let own = [user.failed_login_count];
        [known(own), limits(user.limits.as_ref()), summary(user.summary.as_ref())].concat()
    });
    indifferent(&answer, HistoricalSummary::decode);
    if let Ok(month) = HistoricalSummary::decode(&answer) {
        assert_counts(&of_month(&month));
    }
    page(&answer, Instance::decode);
    page(&answer, Org::decode);
    page(&answer, Sandbox::decode);
    page(&answer, |item, _| HistoricalSummary::decode(item));
    series(&answer, Series::payloads, |hour| known([hour.value]));
    series(&answer, Series::devices, |day| known([day.created, day.deleted, day.total]));
    series(&answer, Series::notebooks, |day| {
        known([day.minutes, day.completed, day.canceled, day.errored, day.timeout])
    });
    stats(&answer);
}

/// An object with an id.
fn owner<T: Debug + PartialEq>(
    answer: &Value,
    decode: fn(&Value, Option<Id>) -> Result<T, Unexpected>,
    numbers: impl Fn(&T) -> Vec<f64>,
) {
    indifferent(answer, |answer| decode(answer, None));
    let Ok(read) = decode(answer, None) else { return };
    assert_counts(&numbers(&read));
    let nobody: Id = NOBODY.parse().expect("an id");
    let is_nobody = ID_FIELDS.iter().any(|field| answer[field] == NOBODY);
    assert!(is_nobody || decode(answer, Some(nobody)).is_err(), "an answer about somebody else is taken");
}

/// Unknown fields and fields that are `null` change nothing.
fn indifferent<T: Debug + PartialEq>(answer: &Value, decode: impl Fn(&Value) -> Result<T, Unexpected>) {
    let Some(object) = answer.as_object() else {
        assert!(decode(answer).is_err(), "read without an object");
        return;
    };
    let read = decode(answer);
    let mut more = object.clone();
    more.insert("aFieldThatLosantMayAdd".to_owned(), json!({ "items": [-1] }));
    assert_eq!(decode(&Value::Object(more)), read, "an unknown field changes what is read");
    let less: Map<_, _> = object.clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
    assert_eq!(decode(&Value::Object(less)), read, "null is not the same as absent");
}

fn page<T: Debug + PartialEq + Listed>(
    answer: &Value,
    decode: impl Fn(&Value, Option<Id>) -> Result<T, Unexpected>,
) {
    indifferent(answer, |answer| Page::decode(answer, &decode));
    let Ok(page) = Page::decode(answer, &decode) else { return };
    let items = answer["items"].as_array().expect("a page has items");
    assert_eq!(page.items.len() + page.skipped.len(), items.len(), "an item is lost without a word");
    let mut read = page.items.iter();
    for (place, item) in items.iter().enumerate() {
        if let Some(skipped) = page.skipped.iter().find(|skipped| skipped.position == place) {
            assert_eq!(decode(item, None).as_ref().err(), Some(&skipped.problem));
        } else {
            assert_eq!(decode(item, None).as_ref().ok(), read.next());
        }
    }
    for (field, number) in [("page", page.page), ("totalCount", page.total_count)] {
        assert_eq!(number.is_some(), !answer[field].is_null(), "{field} is made up or lost");
    }
    assert_eq!(page.has_more, answer["hasMore"].as_bool());
}

fn series<T: Debug + PartialEq>(
    answer: &Value,
    decode: fn(&Value) -> Result<Series<T>, Unexpected>,
    numbers: impl Fn(&T) -> Vec<f64>,
) {
    indifferent(answer, decode);
    let Ok(series) = decode(answer) else { return };
    let buckets = answer["counts"].as_array().expect("a series has buckets");
    assert_eq!(series.counts.len(), buckets.len(), "a bucket is lost");
    for (bucket, read) in buckets.iter().zip(&series.counts) {
        let numbers = numbers(read);
        assert_counts(&numbers);
        let told: Vec<_> = bucket.as_object().into_iter().flat_map(Map::values).filter_map(number).collect();
        assert!(numbers.iter().all(|number| told.contains(number)), "a number is made up: {numbers:?}");
    }
    assert_eq!(series.start.is_some(), !answer["start"].is_null());
    assert_eq!(series.end.is_some(), !answer["end"].is_null());
}

/// Payloads by type and source: every number of the answer, and no other.
fn stats(answer: &Value) {
    let Ok(read) = payload_stats(answer) else { return };
    let mut told = PayloadStats::new();
    for (payload_type, sources) in answer.as_object().expect("stats are an object") {
        let Some(sources) = sources.as_object() else { continue };
        let counts = sources.iter().filter_map(|(source, count)| Some((source.clone(), number(count)?)));
        told.insert(payload_type.clone(), counts.collect());
    }
    assert_eq!(read, told);
    assert_counts(&of_stats(&read));
}

/// A JSON number as it has to be read: `-0` is `0`.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().map(|number| number + 0.0)
}

fn assert_counts(numbers: &[f64]) {
    for number in numbers {
        let is_count = number.is_sign_positive() && *number <= LARGEST;
        assert!(is_count, "{number} is no count");
    }
}

fn known<const N: usize>(numbers: [Option<f64>; N]) -> Vec<f64> {
    numbers.into_iter().flatten().collect()
}

fn limits(limits: Option<&Limits>) -> Vec<f64> {
    limits.into_iter().flat_map(Limits::values).copied().collect()
}

fn of_stats(stats: &PayloadStats) -> Vec<f64> {
    stats.values().flat_map(|sources| sources.values().copied()).collect()
}

fn summary(summary: Option<&Summary>) -> Vec<f64> {
    let Some(Summary { counts, payloads, storage, notebooks }) = summary else { return Vec::new() };
    let mut numbers: Vec<_> = counts.values().copied().collect();
    numbers.extend(payloads.iter().flat_map(of_stats));
    numbers.extend(storage.iter().flat_map(|storage| known([storage.count, storage.size])));
    numbers.extend(notebooks.iter().flat_map(|notebooks| {
        known([notebooks.awaiting_completion, notebooks.minutes_this_period, notebooks.runs_this_period])
    }));
    numbers
}

fn of_month(month: &HistoricalSummary) -> Vec<f64> {
    known([
        month.resource_proration,
        month.payload_billable_count,
        month.payload_nonbillable_count,
        month.payload_billable_size_mb,
        month.payload_nonbillable_size_mb,
        month.device_count,
        month.device_count_prorated,
        month.notebook_count,
        month.notebook_run_count,
        month.notebook_minutes_count,
    ])
}
