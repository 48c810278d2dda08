//! The notation of `tests/rules/*.test.yaml`: promtool's own, and lines that stand for many of its lines.
//!
//! Owns: what these lines mean. Whatever else a file holds goes to promtool as it is.
//!
//! - `{clock STEP, now TIME, for TIME}`, first: the interval of samples and evaluations, when the present begins, how long it lasts.
//!   All other times count from `now`. `; without FILE` leaves a rule file out.
//! - `{gauge NAME FAMILY SAMPLES}`: a series `losant_{L}_FAMILY` of NAME as it is scraped. FAMILY may have labels. SAMPLES are a
//!   number that stays, a time that stays (`@3d`), or samples in the notation of promtool.
//! - `{usual NAME UNIT NUMBER…}`: an hourly history as `backfill` writes it; the numbers take turns. `; week1 NUMBER` is for all
//!   hours of the oldest of three weeks, `; hour1 NUMBER` for the same hour of each week as the one that begins at 1:00. `_` is none.
//!   `; billable false` is what is not billed.
//! - `{hours NAME UNIT NUMBER…}`: the hour before now, and those of the present: `_this_hour`, `_last_hour`, its end, and when it was
//!   read. `; settles MINUTE`; `; restated TIME NUMBER`: from then on its hour has another total; `; frozen TIME`: the last poll.
//! - `{read NAME COLLECTOR}`: it is read all the time; `; frozen TIME`: until then.
//! - `{scraped FAMILY SAMPLES}`: a series by its whole name.
//! - `; on b`, `; restart TIME, gap TIME`, `; job NAME`: what is scraped of a second exporter, of one that is restarted, by another job.
//! - `{firing ALERT SEVERITY at TIME: ITEM…; not NAME…}`: exactly these fire. An ITEM is a NAME with labels behind commas, or
//!   labels, or `-` for none. With `from TIME to TIME`: exactly these fire, at each evaluation. `{silent ALERT SEVERITY …}`: none fires.
//! - `{value EXPRESSION at TIME: NUMBER}`: an expression without labels; nothing comes out where there is no number.
//! - `{messages at TIME}`: promtool shows all alerts of the last rule file that fire then, by finding fault with each of them.
//! - `{past}` within samples: none until now; `{id NAME}` within labels: the ids of NAME.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::hours::Hours;
use super::samples::{Clock, Restart, Sample, minutes, seconds};
use super::template::{self, Level};

/// A test file for promtool.
#[derive(Default)]
pub struct TestFile {
    pub text: String,
    /// Alerts of which a case says that they fire, and of which one says that they do not.
    pub firing: BTreeSet<String>,
    pub silent: BTreeSet<String>,
}

/// A rule file that is loaded for a test: its groups and alerts.
pub struct RuleFile {
    pub path: PathBuf,
    pub groups: Vec<String>,
    pub alerts: Vec<String>,
}

/// The test file that a template makes for a level, or for alerts of the exporter.
pub fn expand(template: &str, level: Option<&Level>, rules: &[RuleFile]) -> TestFile {
    let text = level.map_or_else(|| template.to_owned(), |level| template::fill_blocks(template, level));
    let mut expansion = Expansion { level, clock: None, names: BTreeSet::new(), file: TestFile::default() };
    for line in text.lines() {
        expansion.line(line, rules).unwrap_or_else(|| panic!("not understood: {line}"));
    }
    expansion.file
}

struct Expansion<'a> {
    level: Option<&'a Level>,
    clock: Option<Clock>,
    /// Of whom there are series in the file.
    names: BTreeSet<String>,
    file: TestFile,
}

/// What follows the first part of a line: `; KEY VALUE`.
struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    fn split(text: &'a str) -> (&'a str, Self) {
        let mut parts = text.split("; ");
        let first = parts.next().unwrap_or_default();
        (first, Self(parts.map(|part| part.split_once(' ').unwrap_or((part, ""))).collect()))
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

impl Expansion<'_> {
    /// `None` where the line is not understood.
    fn line(&mut self, line: &str, rules: &[RuleFile]) -> Option<()> {
        let trimmed = line.trim();
        let Some(order) = trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            let line = self.words(line);
            self.file.text += &line;
            self.file.text.push('\n');
            return Some(());
        };
        let (verb, rest) = order.split_once(' ')?;
        match verb {
            "clock" => self.clock(rest, rules),
            "gauge" => self.gauge(rest),
            "scraped" => self.plain(rest),
            "usual" => self.usual(rest),
            "hours" => self.hours(rest),
            "read" => self.read(rest),
            "firing" | "silent" => self.cases(rest),
            "value" => self.value(rest),
            "messages" => self.messages(rest, &rules.last()?.alerts),
            _ => None,
        }
    }

    /// The line with `{past}` and `{id NAME}` filled in.
    fn words(&mut self, line: &str) -> String {
        let mut line = line.to_owned();
        if let Some(clock) = self.clock {
            line = line.replace("{past}", &clock.series(&[]));
        }
        while let Some((before, rest)) = line.split_once("{id ") {
            let (name, after) = rest.split_once('}').expect("the end of {id NAME}");
            line = [before, &self.ids(name), after].concat();
        }
        line
    }

    fn ids(&mut self, name: &str) -> String {
        self.names.insert(name.to_owned());
        match self.level.map(|level| level.name) {
            None | Some("instance") => format!(r#"instance_id="{name}""#),
            Some(level) => format!(r#"instance_id="i",{level}_id="{name}""#),
        }
    }

    fn clock(&mut self, text: &str, rules: &[RuleFile]) -> Option<()> {
        let (text, options) = Options::split(text);
        let clock = Clock::parse(text)?;
        self.clock = Some(clock);
        let is_wanted =
            |file: &&RuleFile| options.get("without").is_none_or(|name| !file.path.ends_with(name));
        let rules: Vec<_> = rules.iter().filter(is_wanted).collect();
        let files: Vec<_> = rules.iter().map(|file| file.path.display().to_string()).collect();
        let groups: Vec<_> = rules.iter().flat_map(|file| file.groups.clone()).collect();
        let _ = write!(
            self.file.text,
            "rule_files: [{}]\nevaluation_interval: {}m\ngroup_eval_order: [{}]\ntests:\n",
            files.join(", "),
            clock.step,
            groups.join(", ")
        );
        Some(())
    }

    fn gauge(&mut self, text: &str) -> Option<()> {
        let (text, options) = Options::split(text);
        let mut parts = text.splitn(3, ' ');
        let (name, family, samples) = (parts.next()?, parts.next()?, parts.next()?);
        let (family, labels) = family.split_once('{').unwrap_or((family, ""));
        let samples = self.clock?.samples(samples)?;
        self.usage(name, family, labels.trim_end_matches('}'), &samples, &options)
    }

    fn plain(&mut self, text: &str) -> Option<()> {
        let (text, options) = Options::split(text);
        let (family, samples) = text.split_once(' ')?;
        let (family, labels) = family.split_once('{').unwrap_or((family, ""));
        let samples = self.clock?.samples(samples)?;
        self.scraped(family, labels.trim_end_matches('}'), &samples, &options)
    }

    /// A usage family of NAME.
    fn usage(
        &mut self,
        name: &str,
        family: &str,
        labels: &str,
        samples: &[Sample],
        options: &Options,
    ) -> Option<()> {
        let family = format!("losant_{}_{family}", self.level?.name);
        let separator = if labels.is_empty() { "" } else { "," };
        let labels = [&self.ids(name), separator, labels].concat();
        self.scraped(&family, &labels, samples, options)
    }

    /// Series of an exporter's page: of one that runs through, or of one that is restarted.
    fn scraped(&mut self, family: &str, labels: &str, samples: &[Sample], options: &Options) -> Option<()> {
        let clock = self.clock?;
        let (job, target) = (options.get("job").unwrap_or("losant"), options.get("on").unwrap_or("a"));
        let parts = match options.get("restart") {
            None => vec![(target.to_owned(), samples.to_vec())],
            Some(restart) => {
                let (before, after) = Restart::parse(restart)?.split(clock, samples);
                vec![(target.to_owned(), before), (format!("{target}2"), after)]
            }
        };
        let separator = if labels.is_empty() { "" } else { "," };
        for (target, samples) in parts {
            let series = format!(r#"{family}{{job="{job}",instance="{target}"{separator}{labels}}}"#);
            self.series(&series, &clock.series(&samples));
        }
        Some(())
    }

    fn series(&mut self, series: &str, values: &str) {
        let _ = write!(self.file.text, "  - series: '{series}'\n    values: '{values}'\n");
    }

    fn usual(&mut self, text: &str) -> Option<()> {
        let (text, options) = Options::split(text);
        let mut words = text.split_whitespace();
        let (name, unit) = (words.next()?, words.next()?);
        let numbers: Vec<_> = words.collect();
        let billable = options.get("billable").unwrap_or("true");
        let values = super::hours::history(self.clock?, &numbers, &options.0);
        let (level, ids) = (self.level?.name, self.ids(name));
        self.series(
            &format!(r#"losant_{level}:{unit}_last_hour:max{{{ids},billable="{billable}"}}"#),
            &values,
        );
        Some(())
    }

    fn hours(&mut self, text: &str) -> Option<()> {
        let (text, options) = Options::split(text);
        let mut words = text.split_whitespace();
        let (name, unit) = (words.next()?, words.next()?);
        let hours = Hours {
            totals: words.map(str::parse).collect::<Result<_, _>>().ok()?,
            settles: options.get("settles").map_or(Some(15), |minute| minute.parse().ok())?,
            restated: match options.get("restated") {
                Some(text) => {
                    let (time, total) = text.split_once(' ')?;
                    Some((minutes(time)?, total.parse().ok()?))
                }
                None => None,
            },
            frozen: options.get("frozen").map_or(Some(i64::MAX), minutes)?,
        };
        let clock = self.clock?;
        let billable = r#"billable="true""#;
        let (this, last) = (hours.this_hour(clock), hours.last_hour(clock));
        self.usage(name, &format!("{unit}_this_hour"), billable, &this, &options)?;
        self.usage(name, &format!("{unit}_last_hour"), billable, &last, &options)?;
        if unit == "payloads" {
            self.usage(name, "last_hour_end_timestamp_seconds", "", &hours.last_hour_end(clock), &options)?;
            self.success(name, "payload_counts_breakdown", &options)?;
        }
        Some(())
    }

    fn read(&mut self, text: &str) -> Option<()> {
        let (text, options) = Options::split(text);
        let (name, collector) = text.split_once(' ')?;
        self.success(name, collector, &options)
    }

    fn success(&mut self, name: &str, collector: &str, options: &Options) -> Option<()> {
        let clock = self.clock?;
        let frozen = options.get("frozen").map_or(Some(i64::MAX), minutes)?;
        let samples: Vec<_> =
            clock.times().map(|time| Sample::Value(seconds(clock.now + time.min(frozen)))).collect();
        let labels = format!(r#"collector="{collector}""#);
        self.usage(name, "last_success_timestamp_seconds", &labels, &samples, options)
    }

    fn value(&mut self, text: &str) -> Option<()> {
        let (expr, time) = text.rsplit_once(" at ")?;
        let (time, number) = time.split_once(": ").unwrap_or((time, ""));
        let (expr, at) = (self.words(expr), (self.clock?.now + minutes(time)?) * 60);
        let samples = match number {
            "" => " []".to_owned(),
            number => format!("\n    - labels: '{{}}'\n      value: {number}"),
        };
        let _ =
            writeln!(self.file.text, "  - expr: '{expr}'\n    eval_time: {at}s\n    exp_samples:{samples}");
        Some(())
    }

    fn messages(&mut self, text: &str, alerts: &[String]) -> Option<()> {
        let time = self.clock?.now + minutes(text.strip_prefix("at ")?)?;
        self.file.text += "  alert_rule_test:\n";
        for alert in alerts {
            let _ = write!(
                self.file.text,
                "  - alertname: {alert}\n    eval_time: {time}m\n    exp_alerts: []\n"
            );
        }
        Some(())
    }

    fn cases(&mut self, text: &str) -> Option<()> {
        let clock = self.clock?;
        let (head, items) = text.split_once(": ").unwrap_or((text, ""));
        let (items, silent) = items.split_once("; not ").unwrap_or((items, ""));
        let (head, items) = (head.trim_end_matches(':'), items.trim());
        let (alert, rest) = head.split_once(' ')?;
        let (severity, when) = rest.split_once(' ')?;
        let selector = format!(r#"ALERTS{{alertname="{alert}",alertstate="firing"}}"#);
        let (expr, name, to, value) = if let Some(time) = when.strip_prefix("at ") {
            (selector, "ALERTS", minutes(time)?, 1)
        } else {
            let (from, to) = when.strip_prefix("from ")?.split_once(" to ")?;
            let (from, to) = (minutes(from)?, minutes(to)?);
            // Half a step more: whether a range includes its start differs between versions of Prometheus.
            let range = (to - from) * 60 + clock.step * 30;
            (format!("count_over_time({selector}[{range}s])"), "", to, (to - from) / clock.step + 1)
        };
        for name in silent.split_whitespace() {
            let is_known = self.file.text.contains(&format!("\"{name}\""));
            assert!(is_known, "{alert}: there are no series of {name}");
        }
        let items: Vec<_> = items.split_whitespace().collect();
        let samples = if items.is_empty() { " []" } else { "" };
        let at = (clock.now + to) * 60;
        let _ =
            write!(self.file.text, "  - expr: '{expr}'\n    eval_time: {at}s\n    exp_samples:{samples}\n");
        for item in &items {
            let labels: Vec<_> = item.split(',').map(|part| self.label(part)).collect();
            let labels = format!(
                r#"{name}{{alertname="{alert}",alertstate="firing",severity="{severity}",{}}}"#,
                labels.join(",")
            );
            let _ = write!(self.file.text, "    - labels: '{labels}'\n      value: {value}\n");
        }
        if !items.is_empty() {
            self.file.firing.insert(alert.to_owned());
        }
        if items.is_empty() || !silent.is_empty() {
            self.file.silent.insert(alert.to_owned());
        }
        Some(())
    }

    /// `KEY=VALUE`, or the ids of a name of which there are series.
    fn label(&mut self, part: &str) -> String {
        if part == "-" {
            return String::new();
        }
        if let Some((key, value)) = part.split_once('=') {
            return format!(r#"{key}="{value}""#);
        }
        assert!(self.names.contains(part), "there are no series of {part}");
        self.ids(part)
    }
}
