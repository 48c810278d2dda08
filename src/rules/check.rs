//! Whether what rules need is there.
//!
//! Owns: the verdict on each rule. A family that has no series now is not missing: an instance may have no sandboxes.
//! Must not: say it in words.

use std::collections::{BTreeMap, HashSet};

use promql_parser::label::Matcher;
use promql_parser::parser::VectorSelector;

use super::needs::{Needs, Selector};
use super::origin::Origin;
use super::verdict::{Problem, Standing, Verdict};
use super::{Page, Rule};
use crate::metrics::vocabulary::{self, SWITCHED_LABELS, TARGET_LABELS};

/// Series that Prometheus makes itself.
const OF_PROMETHEUS: [&str; 7] = [
    "up",
    "ALERTS",
    "ALERTS_FOR_STATE",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Labels that Prometheus puts on what it makes.
const LABELS_OF_PROMETHEUS: [&str; 3] = ["__name__", "alertname", "alertstate"];

/// What the names of the exporter's series begin with. Others come from elsewhere.
const PREFIXES: [&str; 2] = ["losant_", "process_"];

/// Labels of families that hold what orgs and sandboxes own: only those of whom there are some now are written.
const OWNER_LABELS: [&str; 2] = ["org_id", "sandbox_id"];

/// Compares a set of rules with a page.
#[derive(Debug)]
pub struct Check<'a> {
    rules: &'a [Rule],
    page: &'a Page<'a>,
    /// Names of series that the exporter may have, and their labels.
    names: BTreeMap<String, Vec<&'static str>>,
    /// Names of recorded series, and the rules that record them.
    recorded: BTreeMap<&'a str, Vec<&'a Rule>>,
}

/// Where a label of some series comes from. The first that applies counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// A rule makes it, or somebody of whom nothing is known here: it may have any value.
    Rule,
    /// The exporter: it has the values that the exporter gives it.
    Exporter,
    /// Nobody.
    None,
}

impl<'a> Check<'a> {
    /// A check of `rules`, which are all that there are, against `page`.
    pub fn new(rules: &'a [Rule], page: &'a Page<'a>) -> Self {
        let mut recorded: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
        for rule in rules.iter().filter(|rule| rule.kind == super::Kind::Record) {
            recorded.entry(&rule.name).or_default().push(rule);
        }
        Self { rules, page, names: vocabulary::series_names(), recorded }
    }

    /// The verdict on each rule, in their order.
    pub fn verdicts(&self) -> Vec<Verdict<'a>> {
        self.rules.iter().map(|rule| self.verdict(rule)).collect()
    }

    /// Every name that a series may have: of the exporter, of its page, or recorded.
    pub fn known_names(&self) -> impl Iterator<Item = &str> {
        let of_page = self.page.names();
        self.names.keys().map(String::as_str).chain(of_page).chain(self.recorded.keys().copied())
    }

    fn verdict(&self, rule: &'a Rule) -> Verdict<'a> {
        let needs = Needs::of(&rule.expr);
        let series = needs.selectors.iter().map(|selector| (selector.to_string(), self.standing(*selector)));
        let mut problems = Vec::new();
        for (label, origin) in &needs.labels {
            if let Origin::Series(series) = origin
                && !is_of_prometheus(label)
                && !series.iter().any(|series| self.source_of(label, series) != Source::None)
            {
                problems.push(self.missing_label(label, series));
            }
        }
        for selector in &needs.selectors {
            problems.extend(selector.matchers().filter_map(|matcher| self.never_matched(*selector, matcher)));
        }
        let mut seen = Vec::new();
        problems.retain(|problem| {
            let is_new = !seen.contains(problem);
            seen.push(problem.clone());
            is_new
        });
        Verdict { rule, series: series.collect(), problems }
    }

    fn standing(&self, selector: Selector<'_>) -> Standing {
        let matchers: Vec<_> =
            selector.matchers().filter(|matcher| !is_of_prometheus(&matcher.name)).collect();
        let Some(name) = selector.name() else {
            let names = self.page.names().filter(|name| selector.fits_name(name));
            return match names.map(|name| self.page.count(name, &matchers)).sum() {
                0 => Standing::NoneFitNow,
                count => Standing::Shown(count),
            };
        };
        if let Some(rules) = self.recorded.get(name) {
            let mut files: Vec<_> = rules.iter().map(|rule| rule.file.clone()).collect();
            files.dedup();
            return Standing::RecordedBy(files);
        }
        if OF_PROMETHEUS.contains(&name) {
            Standing::OfPrometheus
        } else if name.contains(':') {
            Standing::NotRecorded
        } else if self.page.has(name) {
            match self.page.count(name, &matchers) {
                0 => Standing::NoneFitNow,
                count => Standing::Shown(count),
            }
        } else if self.names.contains_key(name) {
            Standing::NoneNow
        } else if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            Standing::UnknownFamily
        } else {
            Standing::Foreign
        }
    }

    /// Who gives the series of a selector `label`.
    fn source_of(&self, label: &str, selector: &'a VectorSelector) -> Source {
        self.source(label, Selector::new(selector), &mut HashSet::new())
    }

    /// The same, but for series that have been `visited`: a rule may read what it records.
    fn source(&self, label: &str, selector: Selector<'a>, visited: &mut HashSet<&'a str>) -> Source {
        let Some(name) = selector.name() else { return Source::Rule };
        let Some(rules) = self.recorded.get(name) else { return self.source_on_page(label, name) };
        if !visited.insert(name) {
            return Source::None;
        }
        let of_rule = |rule: &&'a Rule| {
            if rule.labels.contains_key(label) {
                return Source::Rule;
            }
            match Origin::of(label, &rule.expr) {
                Origin::Made => Source::Rule,
                Origin::Series(series) => {
                    let sources =
                        series.into_iter().map(|series| self.source(label, Selector::new(series), visited));
                    sources.min().unwrap_or(Source::None)
                }
            }
        };
        rules.iter().map(of_rule).min().unwrap_or(Source::None)
    }

    fn source_on_page(&self, label: &str, name: &str) -> Source {
        let is_known = self.is_label_of(label, name);
        let is_there = if !self.page.has(name) {
            if !self.names.contains_key(name) {
                // What there is nothing of is complained of as such.
                return Source::Rule;
            }
            is_known
        } else if setting_of(label).is_some() {
            self.page.has_value(name, label)
        } else {
            self.page.has_label(name, label) || is_known && OWNER_LABELS.contains(&label)
        };
        if is_there { Source::Exporter } else { Source::None }
    }

    fn is_label_of(&self, label: &str, name: &str) -> bool {
        self.names.get(name).is_some_and(|labels| labels.contains(&label))
    }

    fn missing_label(&self, label: &str, series: &[&'a VectorSelector]) -> Problem {
        let mut named: Vec<_> = series.iter().filter_map(|series| Selector::new(series).name()).collect();
        named.sort_unstable();
        named.dedup();
        let is_known = named.iter().any(|name| self.is_label_of(label, name));
        Problem::MissingLabel {
            label: label.to_owned(),
            series: named.into_iter().map(str::to_owned).collect(),
            setting: setting_of(label).filter(|_| is_known),
        }
    }

    /// What is wrong with a matcher that no value of its label will ever match.
    fn never_matched(&self, selector: Selector<'a>, matcher: &Matcher) -> Option<Problem> {
        let values = vocabulary::values_of(&matcher.name)?;
        let is_possible = matcher.is_match("") || values.iter().any(|value| matcher.is_match(value));
        if is_possible || self.source(&matcher.name, selector, &mut HashSet::new()) != Source::Exporter {
            return None;
        }
        Some(Problem::NeverMatched { series: selector.to_string(), label: matcher.name.clone(), values })
    }
}

fn is_of_prometheus(label: &str) -> bool {
    TARGET_LABELS.contains(&label) || LABELS_OF_PROMETHEUS.contains(&label)
}

fn setting_of(label: &str) -> Option<&'static str> {
    SWITCHED_LABELS.iter().find(|(name, _)| *name == label).map(|(_, setting)| *setting)
}
