//! Reading Prometheus text 0.0.4, strictly.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Series by name and labels as they are written: `name{label="value"}`.
#[derive(Debug, Default)]
pub struct Scrape {
    pub series: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads a body. Fails the test on a line that is not one, a series that stands twice, or a family in two places.
    pub fn parse(body: &str) -> Self {
        let mut scrape = Self::default();
        let mut finished: Vec<String> = Vec::new();
        let mut current = String::new();
        for line in without_empty_labels(body).lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (kind, family) = (words.next().unwrap(), words.next().unwrap());
                assert!(matches!(kind, "HELP" | "TYPE"), "{line}");
                if family != current {
                    assert!(!finished.iter().any(|name| name == family), "{family} stands in two places");
                    finished.push(std::mem::replace(&mut current, family.to_owned()));
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(value.is_finite(), "{line}");
            assert!(series.starts_with(&current), "{line} stands under {current}");
            assert!(scrape.series.insert(series.to_owned(), value).is_none(), "twice: {series}");
        }
        scrape
    }

    /// The value of a series.
    pub fn value(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }

    /// All series of a family.
    pub fn family(&self, name: &str) -> BTreeMap<&str, f64> {
        let of_family = |series: &&str| series.split('{').next() == Some(name);
        self.series
            .iter()
            .map(|(series, value)| (series.as_str(), *value))
            .filter(|(s, _)| of_family(s))
            .collect()
    }

    /// The value of the only series of a family whose labels hold `label`.
    pub fn value_where(&self, family: &str, label: &str) -> Option<f64> {
        let mut found = self.family(family).into_iter().filter(|(series, _)| series.contains(label));
        let value = found.next().map(|(_, value)| value);
        assert!(found.next().is_none(), "several {family} with {label}");
        value
    }
}

/// A body without labels that have no value: to Prometheus they are not there. Within a value a quote is always escaped, so
/// `=""` stands for nothing else.
pub fn without_empty_labels(body: &str) -> String {
    let mut rest = body;
    let mut kept = String::with_capacity(body.len());
    while let Some(place) = rest.find("=\"\"") {
        let (before, after) = rest.split_at(place);
        let after = &after[3..];
        let start = before.rfind(['{', ',']).expect("a label begins somewhere");
        kept += &before[..start];
        // Either the comma before it goes, or the one behind.
        if before[start..].starts_with('{') {
            kept.push('{');
            rest = after.strip_prefix(',').unwrap_or(after);
        } else {
            rest = after;
        }
    }
    kept + rest
}

/// A series as it is written.
pub fn series(name: &str, labels: &[(&str, &str)]) -> String {
    let mut written = String::from(name);
    let labels: Vec<_> = labels.iter().filter(|(_, value)| !value.is_empty()).collect();
    for (index, (label, value)) in labels.iter().enumerate() {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(written, "{}{label}=\"{value}\"", if index == 0 { '{' } else { ',' });
    }
    if !labels.is_empty() {
        written.push('}');
    }
    written
}
