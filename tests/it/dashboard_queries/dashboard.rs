//! The questions that the dashboards ask, with their variables filled in as Grafana does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;

use crate::prometheus::Prometheus;

/// How often Grafana is told that Prometheus scrapes, and what it makes of that for rates.
const SCRAPES: &str = "1m";
const RATE_INTERVAL: &str = "4m";

/// How many points a panel asks for.
const POINTS: u64 = 500;

/// A dashboard.
pub struct Dashboard(Value);

/// One question of a panel or an annotation.
pub struct Question<'a> {
    pub dashboard: &'a str,
    /// The title of the panel, or the name of the annotation.
    pub panel: &'a str,
    /// What its answer is called: the legend, or else the letter.
    pub name: &'a str,
    expr: &'a str,
    /// How far it looks back, and at which steps; one that is asked for now looks back in its expression only.
    over_time: Option<(Duration, Duration)>,
}

/// How many values are chosen of each variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    One,
    Several,
    All,
}

/// What is chosen, as it is written into expressions, by name.
pub type Chosen = BTreeMap<String, String>;

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// The dashboards that are shipped.
pub fn shipped() -> Vec<Dashboard> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards");
    let files = std::fs::read_dir(folder).expect("dashboards");
    let mut dashboards: Vec<_> = files
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a dashboard"))
        .map(|text| Dashboard(serde_json::from_str(&text).expect("JSON")))
        .collect();
    dashboards.sort_by(|a, b| a.uid().cmp(b.uid()));
    dashboards
}

impl Dashboard {
    pub fn uid(&self) -> &str {
        text(&self.0, "uid")
    }

    /// How far it looks back at first.
    pub fn span(&self) -> Duration {
        let from = self.0["time"]["from"].as_str().and_then(|from| from.strip_prefix("now-"));
        humantime::parse_duration(from.expect("relative to now")).expect("a duration")
    }

    /// What its panels ask.
    pub fn questions(&self) -> Vec<Question<'_>> {
        let panels = items(&self.0, "/panels");
        panels.flat_map(|panel| items(panel, "/targets").map(|target| self.question(panel, target))).collect()
    }

    fn question<'a>(&'a self, panel: &'a Value, target: &'a Value) -> Question<'a> {
        let legend = text(target, "legendFormat");
        let name = if legend.is_empty() { text(target, "refId") } else { legend };
        let smallest = [text(target, "interval"), text(panel, "interval"), SCRAPES];
        let smallest = smallest.into_iter().find(|interval| !interval.is_empty()).unwrap_or(SCRAPES);
        let step = humantime::parse_duration(smallest).expect("a duration");
        let own = panel["timeFrom"].as_str().map(|span| humantime::parse_duration(span).expect("a duration"));
        let span = own.unwrap_or_else(|| self.span());
        let wanted = Duration::from_secs(span.as_secs().div_ceil(POINTS * 60) * 60);
        Question {
            dashboard: self.uid(),
            panel: text(panel, "title"),
            name,
            expr: text(target, "expr"),
            over_time: (target["instant"] != true).then_some((span, step.max(wanted))),
        }
    }

    /// What its annotations ask.
    pub fn annotations(&self) -> Vec<Question<'_>> {
        let annotation = |it| Question {
            dashboard: self.uid(),
            panel: text(it, "name"),
            name: "",
            expr: text(&it["target"], "expr"),
            over_time: Some((self.span(), Duration::from_secs(60))),
        };
        items(&self.0, "/annotations/list").map(annotation).collect()
    }

    /// Whether several values of a variable can be chosen.
    pub fn takes_several(&self) -> bool {
        items(&self.0, "/templating/list")
            .any(|variable| variable["multi"] == true && text(variable, "name") != "job")
    }

    /// Asks which values variables have, and chooses some: those first that come first in `preferred`.
    pub async fn choose(
        &self,
        prometheus: &Prometheus,
        at: Timestamp,
        choice: Choice,
        preferred: &[String],
    ) -> Chosen {
        let mut chosen = Chosen::new();
        for variable in items(&self.0, "/templating/list") {
            let name = text(variable, "name");
            let written = match text(variable, "type") {
                "datasource" => continue,
                "query" => {
                    let mut values = self.values(prometheus, at, variable, &chosen).await;
                    assert!(!values.is_empty(), "{}: ${name} has no values", self.uid());
                    values.sort_by_key(|value| {
                        preferred.iter().position(|it| it == value).unwrap_or(usize::MAX)
                    });
                    written(variable, &values, choice)
                }
                "textbox" => "25".to_owned(),
                _ => variable["current"]["value"].as_str().expect("a value").to_owned(),
            };
            chosen.insert(name.to_owned(), written);
        }
        chosen
    }

    async fn values(
        &self,
        prometheus: &Prometheus,
        at: Timestamp,
        variable: &Value,
        chosen: &Chosen,
    ) -> Vec<String> {
        let query = filled(variable["query"]["query"].as_str().expect("a query"), chosen);
        let of_labels = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let of_result = query.strip_prefix("query_result(").and_then(|rest| rest.strip_suffix(')'));
        let label = of_labels.and_then(|inner| inner.rsplit_once(", "));
        let (expr, label) = match (label, of_result) {
            (Some((selector, label)), _) => (format!("count by ({label}) ({selector})"), Some(label)),
            (None, Some(expr)) => (expr.to_owned(), None),
            (None, None) => panic!("{}: {query}", self.uid()),
        };
        let found = prometheus.instant(&expr, at).await;
        let found = found.unwrap_or_else(|error| panic!("{}: {expr}: {error}", self.uid()));
        if let Some(label) = label {
            return found.into_iter().filter_map(|(mut labels, _)| labels.remove(label)).collect();
        }
        let pattern = text(variable, "regex").trim_matches('/').replace("\\{", "[{]").replace("\\}", "[}]");
        let pattern = Regex::new(&pattern).expect("a pattern");
        let value = |(labels, value)| {
            let mut row = String::from("{");
            for (label, value) in &labels {
                let _ = write!(row, "{}{label}=\"{value}\"", if row.len() == 1 { "" } else { "," });
            }
            let _ = write!(row, "}} {value} {}", at.as_millisecond());
            let found = pattern.captures(&row).unwrap_or_else(|| panic!("{pattern} does not match {row}"));
            assert!(!found["text"].is_empty(), "{row} has no name");
            found["value"].to_owned()
        };
        found.into_iter().map(value).collect()
    }
}

/// Values of a variable as Grafana writes them into an expression.
fn written(variable: &Value, values: &[String], choice: Choice) -> String {
    let escaped = |value: &String| regex::escape(value).replace('\\', "\\\\");
    match choice {
        Choice::All if variable["includeAll"] == true => {
            variable["allValue"].as_str().expect("what stands for all").to_owned()
        }
        Choice::Several if variable["multi"] == true && values.len() > 1 => {
            let some: Vec<_> = values.iter().take(3).map(escaped).collect();
            format!("({})", some.join("|"))
        }
        _ if variable["multi"] == true => escaped(&values[0]),
        _ => values[0].clone(),
    }
}

fn filled(expr: &str, chosen: &Chosen) -> String {
    let mut expr = expr.replace("$__rate_interval", RATE_INTERVAL);
    for (name, value) in chosen {
        expr = expr.replace(&format!("${name}"), value);
    }
    expr
}

impl Question<'_> {
    /// How many windows of this length it looks back at.
    pub fn windows(&self, length: Duration) -> u64 {
        self.over_time.map_or(0, |(span, _)| span.as_secs() / length.as_secs())
    }

    /// Where it stands.
    pub fn place(&self) -> String {
        format!("{} / {} / {}", self.dashboard, self.panel, self.name)
    }

    /// The expression, with variables filled in.
    pub fn expression(&self, chosen: &Chosen) -> String {
        let expr = filled(self.expr, chosen);
        assert!(
            !without_quoted(&expr).contains('$'),
            "{}: a variable that nobody knows: {expr}",
            self.place()
        );
        expr
    }

    /// Its answer as of `at`: series by labels, each with its samples.
    pub async fn ask(
        &self,
        prometheus: &Prometheus,
        at: Timestamp,
        chosen: &Chosen,
    ) -> Result<Vec<(BTreeMap<String, String>, Vec<(i64, f64)>)>, String> {
        let expr = self.expression(chosen);
        let Some((span, step)) = self.over_time else {
            let found = prometheus.instant(&expr, at).await?;
            let single = |(labels, value)| (labels, vec![(at.as_millisecond(), value)]);
            return Ok(found.into_iter().map(single).collect());
        };
        let seconds = i64::try_from(step.as_secs()).expect("a small step");
        let aligned = |at: Timestamp| {
            Timestamp::from_second(at.as_second().div_euclid(seconds) * seconds).expect("a time")
        };
        prometheus.range(&expr, (aligned(at - span), aligned(at)), step).await
    }
}

/// An expression without what stands in quotes, where `$1` is a group of a match.
fn without_quoted(expr: &str) -> String {
    expr.split('"').step_by(2).collect()
}
