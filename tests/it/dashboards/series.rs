//! Which series there are for dashboards to ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use losant_exporter::metrics::catalogue::{self, CATALOGUE};
use losant_exporter::usage::Level;

/// What Prometheus makes itself.
const OF_PROMETHEUS: [&str; 4] = ["ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "up"];

/// Names of series, and what they are.
pub struct Known {
    /// What the exporter shows.
    scraped: BTreeSet<String>,
    /// What recording rules make.
    recorded: BTreeSet<String>,
    counters: BTreeSet<String>,
    /// What alerts compare with, by the name of the series.
    pub thresholds: BTreeMap<String, f64>,
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Known {
    /// Reads the catalogue, the generated documentation for what the exporter says of itself, and the rules.
    pub fn read() -> Self {
        let mut known = Self {
            scraped: usage_families(),
            recorded: BTreeSet::new(),
            counters: BTreeSet::new(),
            thresholds: BTreeMap::new(),
        };
        let documentation = std::fs::read_to_string(project("docs/metrics.md")).expect("docs/metrics.md");
        let own = documentation.split_once("## The exporter itself").expect("a section").1;
        for row in own.lines().filter_map(|line| line.strip_prefix("| `")) {
            let (name, rest) = row.split_once("` | ").expect("a family");
            known.scraped.insert(name.to_owned());
            if rest.starts_with("counter") {
                known.counters.insert(name.to_owned());
            }
            if rest.starts_with("histogram") {
                for suffix in ["_bucket", "_count", "_sum"] {
                    known.counters.insert(format!("{name}{suffix}"));
                }
            }
        }
        known.scraped.extend(known.counters.iter().cloned());
        for entry in std::fs::read_dir(project("deploy/prometheus/rules")).expect("rules") {
            let rules = std::fs::read_to_string(entry.expect("a file").path()).expect("rules");
            known.read_rules(&rules);
        }
        assert!(!known.recorded.is_empty() && !known.thresholds.is_empty() && !known.counters.is_empty());
        known
    }

    fn read_rules(&mut self, rules: &str) {
        let mut lines = rules.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(name) = line.trim().strip_prefix("- record: ") else { continue };
            self.recorded.insert(name.to_owned());
            let constant = lines.peek().and_then(|line| line.trim().strip_prefix("expr: vector("));
            if let Some(number) = constant.and_then(|rest| rest.strip_suffix(')')) {
                self.thresholds.insert(name.to_owned(), number.parse().expect("a number"));
            }
        }
    }

    pub fn is_threshold(&self, value: f64) -> bool {
        self.thresholds.values().any(|threshold| threshold.total_cmp(&value).is_eq())
    }

    pub fn is_series(&self, name: &str) -> bool {
        self.scraped.contains(name) || self.recorded.contains(name) || OF_PROMETHEUS.contains(&name)
    }

    pub fn is_scraped(&self, name: &str) -> bool {
        self.scraped.contains(name)
    }

    pub fn is_counter(&self, name: &str) -> bool {
        self.counters.contains(name)
    }

    /// A rule that records a family: `losant_org:devices:max` for `losant_org_devices`.
    pub fn record_of(&self, family: &str) -> Option<&str> {
        let family = family.trim_end_matches("_total");
        let is_of = |record: &&String| {
            record.rsplit_once(':').is_some_and(|(what, _)| what.replacen(':', "_", 1) == family)
        };
        self.recorded.iter().find(is_of).map(String::as_str)
    }
}

fn usage_families() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for level in Level::ALL {
        names.insert(catalogue::last_success_family(level));
        let rows = CATALOGUE.iter().filter(|row| row.levels.contains(&level));
        names.extend(rows.map(|row| row.family(level)));
    }
    names
}
