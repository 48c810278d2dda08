//! The words of a check.

use std::fmt::Write as _;

use super::super::{columns, suggest};
use crate::rules::{Check, Problem, RuleFile, SHIPPED, Standing, Tally, Verdict};

/// What was found, a line for each rule that lacks something or has nothing to work on, and a sum. All rules with their series if
/// `verbose`.
pub(super) fn of(check: &Check<'_>, verdicts: &[Verdict<'_>], verbose: bool) -> String {
    let mut report = String::new();
    for verdict in verdicts {
        let remarks = remarks(check, verdict);
        if remarks.is_empty() && !verbose {
            continue;
        }
        let rule = verdict.rule;
        let remarks = if remarks.is_empty() { "ok".to_owned() } else { remarks.join("; ") };
        let line = format!("{}:{}: {}: {remarks}", rule.file, rule.line, rule.name);
        let _ = writeln!(report, "{}", columns::visible(&line));
        for (series, standing) in verdict.series.iter().filter(|_| verbose) {
            let line = format!("    {series}: {}", words(standing));
            let _ = writeln!(report, "{}", columns::visible(&line));
        }
    }
    report + &sum(Tally::of(verdicts))
}

/// What there is to say of a rule: what it lacks; and if that is nothing, what there is none of at the moment.
fn remarks(check: &Check<'_>, verdict: &Verdict<'_>) -> Vec<String> {
    let mut remarks: Vec<_> = verdict.problems.iter().map(problem).collect();
    for (series, standing) in &verdict.series {
        match standing {
            Standing::UnknownFamily => {
                remarks.push(format!("unknown family {}{}", name(series), did_you_mean(check, series)));
            }
            Standing::NotRecorded => {
                let shipped = shipped_in(name(series)).map(|file| format!("; the shipped {file} does"));
                let hint = shipped.unwrap_or_else(|| did_you_mean(check, series));
                remarks.push(format!("not recorded: no rule records {}{hint}", name(series)));
            }
            _ => {}
        }
    }
    if remarks.is_empty() {
        for (series, standing) in &verdict.series {
            if standing.is_none_now() {
                remarks.push(format!("no series now: {series}: {}", words(standing)));
            } else if *standing == Standing::Foreign {
                let hint = did_you_mean(check, series);
                remarks.push(format!("not checked: {} is {}{hint}", name(series), words(standing)));
            }
        }
    }
    remarks
}

fn problem(problem: &Problem) -> String {
    match problem {
        Problem::MissingLabel { label, series, .. } if series.is_empty() => {
            format!("missing label {label}: the expression drops it where it is needed")
        }
        Problem::MissingLabel { label, series, setting } => {
            let setting = setting.map(|setting| format!(" (it takes {setting})")).unwrap_or_default();
            format!("missing label {label} on {}{setting}", series.join(" or "))
        }
        Problem::NeverMatched { series, label, values } => {
            format!("never any series: {series}: {label} is {}", values.join(" or "))
        }
    }
}

fn words(standing: &Standing) -> String {
    match standing {
        Standing::Shown(1) => "1 series".to_owned(),
        Standing::Shown(count) => format!("{count} series"),
        Standing::RecordedBy(files) => format!("recorded by {}", files.join(" and ")),
        Standing::OfPrometheus => "made by Prometheus".to_owned(),
        Standing::Foreign => "not of this exporter".to_owned(),
        Standing::NoneNow => "none at the moment".to_owned(),
        Standing::NoneFitNow => "none with these labels at the moment".to_owned(),
        Standing::UnknownFamily => "unknown family".to_owned(),
        Standing::NotRecorded => "not recorded".to_owned(),
    }
}

fn sum(tally: Tally) -> String {
    let Tally { rules, failed, series, none_now } = tally;
    let found = match failed {
        0 if none_now == 0 => "all there".to_owned(),
        0 => format!("all known; of {none_now} there are none at the moment"),
        1 => "1 rule lacks something".to_owned(),
        _ => format!("{failed} rules lack something"),
    };
    match rules {
        1 => format!("1 rule, {series} series it needs: {found}.\n"),
        _ => format!("{rules} rules, {series} series they need: {found}.\n"),
    }
}

/// The name in a selector.
fn name(selector: &str) -> &str {
    selector.split('{').next().unwrap_or_default()
}

fn did_you_mean(check: &Check<'_>, selector: &str) -> String {
    suggest::nearest(name(selector), check.known_names())
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default()
}

/// The shipped file that records series of a name.
fn shipped_in(name: &str) -> Option<&'static str> {
    let records = |text: &str| {
        RuleFile::read("", text).is_ok_and(|file| {
            file.rules.iter().any(|rule| rule.kind == crate::rules::Kind::Record && rule.name == name)
        })
    };
    SHIPPED.iter().find(|file| records(file.text)).map(|file| file.name)
}
