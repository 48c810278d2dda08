//! The figures of a trial, printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::limits::{print_figure, print_title};
use crate::trial::judge::{Found, Verdict, share};
use crate::trial::time::{self, WEEK};
use crate::trial::{Incident, Kind, Trial};

/// Bursts by factor: words, from, to.
const FACTORS: [(&str, f64, f64); 5] = [
    ("2 to 3", 2.0, 3.0),
    ("3 to 4", 3.0, 4.0),
    ("4 to 8", 4.0, 8.0),
    ("8 to 50", 8.0, f64::MAX),
    ("4 and more", LARGE, f64::MAX),
];
/// From which factor on a burst has to be found.
const LARGE: f64 = 4.0;
/// Bursts by minutes: words, from, to.
const DURATIONS: [(&str, usize, usize); 4] =
    [("15-30 min", 0, 30), ("30-60 min", 30, 60), ("1-2 h", 60, 120), ("2-6 h", 120, usize::MAX)];

/// How many there are, and how many of them are below the floors.
pub fn incidents(trial: &Trial) -> String {
    let of = |kind| trial.incidents.iter().filter(move |incident| incident.kind == kind);
    let words = [(Kind::Burst, "bursts"), (Kind::Runaway, "runaways"), (Kind::Silence, "silences")].map(
        |(kind, words)| {
            let small = of(kind).filter(|incident| incident.is_small).count();
            format!("{} {words} ({small})", of(kind).count())
        },
    );
    words.join(", ")
}

/// Everything about one set of alerts.
pub fn print_verdict(name: &str, verdict: &Verdict) {
    print_episodes(name, verdict);
    for (words, low, high) in FACTORS {
        let found = chosen(verdict, |incident| {
            incident.kind == Kind::Burst && is_ours(incident) && (low..high).contains(&incident.factor)
        });
        if found.is_empty() {
            continue;
        }
        let mut line = format!("{:17}", recall(&found));
        for (words, short, long) in DURATIONS {
            let class: Vec<_> =
                found.iter().filter(|found| (short..long).contains(&found.0.duration())).copied().collect();
            let (hit, all) = hits(&class);
            write!(line, "  {words} {hit}/{all}").expect("memory");
        }
        print_figure(&format!("recall, bursts of {words}"), line);
        print_figure("    time to detect", delay(&found));
    }
    print_kind(verdict, "bursts of 4 and more, small ones too", |incident| {
        incident.kind == Kind::Burst && incident.factor >= LARGE && !incident.is_newcomer
    });
    print_kind(verdict, "runaways", |incident| incident.kind == Kind::Runaway);
    print_kind(verdict, "silences", |incident| incident.kind == Kind::Silence && !incident.is_small);
    print_kind(verdict, "silences, small ones too", |incident| incident.kind == Kind::Silence);
    print_kind(verdict, "bursts of 4 and more at newcomers", |incident| {
        incident.kind == Kind::Burst && incident.factor >= LARGE && incident.is_newcomer && !incident.is_small
    });
    if verdict.newcomer_episodes > 0 {
        let words = format!("{}, {}", verdict.newcomer_episodes, verdict.newcomer_wrong.len());
        print_figure("episodes of newcomers, about nothing", words);
    }
}

/// How many alerts there were.
pub fn print_episodes(name: &str, verdict: &Verdict) {
    print_title(name);
    let words = format!(
        "{:.3}: {} episodes, {} about nothing",
        verdict.precision(),
        verdict.episodes,
        verdict.wrong.len()
    );
    print_figure("precision", words);
}

/// One set of alerts in a line.
pub fn print_line(name: &str, verdict: &Verdict) {
    let of = |low: f64, high: f64| {
        chosen(verdict, |incident| {
            incident.kind == Kind::Burst && is_ours(incident) && (low..high).contains(&incident.factor)
        })
    };
    let words = format!(
        "precision {:.3} ({} about nothing)  recall 2-3 {:.3}  3-4 {:.3}  4- {:.3}  median {} min",
        verdict.precision(),
        verdict.wrong.len(),
        share_of(&of(2.0, 3.0)),
        share_of(&of(3.0, LARGE)),
        share_of(&of(LARGE, f64::MAX)),
        percentile(&delays(&of(LARGE, f64::MAX)), 50),
    );
    print_figure(name, words);
}

/// Which alert was the first one.
pub fn print_first_alerts(verdict: &Verdict) {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, alert) in verdict.found.iter().filter_map(|(_, first)| first.as_ref()) {
        *first.entry(alert).or_default() += 1;
    }
    for (alert, times) in first {
        print_figure(&format!("the first one was {alert}"), times);
    }
}

/// Episodes by week, of a trial without incidents.
pub fn print_by_week(name: &str, trial: &Trial, verdict: &Verdict) {
    print_title(name);
    let orgs: BTreeMap<usize, usize> = verdict.wrong.iter().fold(BTreeMap::new(), |mut orgs, episode| {
        *orgs.entry(episode.tenant).or_default() += 1;
        orgs
    });
    for week in time::LIVE / WEEK..trial.size().weeks {
        let episodes = verdict.wrong.iter().filter(|episode| episode.start / WEEK == week).count();
        print_figure(&format!("episodes of week {}", week + 1), episodes);
    }
    print_figure("orgs that have any", format!("{} of {}", orgs.len(), trial.size().tenants()));
}

/// What was missed, and what was about nothing.
pub fn print_details(trial: &Trial, verdict: &Verdict) {
    let missed =
        chosen(verdict, |incident| !incident.is_small && (incident.factor >= 3.0 || incident.factor < 1.0));
    for (incident, _) in missed.into_iter().filter(|(_, first)| first.is_none()) {
        println!("    missed: {}", trial.describe(incident));
    }
    for episode in verdict.wrong.iter().chain(&verdict.newcomer_wrong) {
        println!("    about nothing: {}", trial.describe_episode(episode));
    }
}

fn print_kind(verdict: &Verdict, name: &str, is_wanted: impl Fn(&Incident) -> bool) {
    let found = chosen(verdict, is_wanted);
    if !found.is_empty() {
        print_figure(&format!("recall, {name}"), recall(&found));
        print_figure("    time to detect", delay(&found));
    }
}

/// Recall that has a limit.
pub fn recall_of_large(verdict: &Verdict) -> f64 {
    share_of(&chosen(verdict, |incident| {
        incident.kind == Kind::Burst && is_ours(incident) && incident.factor >= LARGE
    }))
}

/// Large enough for the stated floors, and at an org with history.
fn is_ours(incident: &Incident) -> bool {
    !incident.is_small && !incident.is_newcomer
}

fn chosen(verdict: &Verdict, is_wanted: impl Fn(&Incident) -> bool) -> Vec<&Found> {
    verdict.found.iter().filter(|found| is_wanted(&found.0)).collect()
}

fn hits(found: &[&Found]) -> (usize, usize) {
    (found.iter().filter(|found| found.1.is_some()).count(), found.len())
}

fn share_of(found: &[&Found]) -> f64 {
    let (hit, all) = hits(found);
    share(hit, all)
}

fn recall(found: &[&Found]) -> String {
    let (hit, all) = hits(found);
    format!("{:.3} = {hit}/{all}", share(hit, all))
}

/// Minutes from the start of each to its first alert, in order.
fn delays(found: &[&Found]) -> Vec<usize> {
    let delay = |(incident, first): &&Found| first.as_ref().map(|(minute, _)| minute - incident.start);
    let mut delays: Vec<_> = found.iter().filter_map(delay).collect();
    delays.sort_unstable();
    delays
}

fn delay(found: &[&Found]) -> String {
    let delays = delays(found);
    let [median, late] = [50, 90].map(|hundredths| percentile(&delays, hundredths));
    format!(
        "median {median} min = {median} scrapes = {} polls, p90 {late} min = {} polls",
        median.div_ceil(5),
        late.div_ceil(5)
    )
}

/// The value below which so many hundredths lie.
fn percentile(sorted: &[usize], hundredths: usize) -> usize {
    let place = (sorted.len().max(1) - 1) * hundredths / 100;
    sorted.get(place).copied().unwrap_or(0)
}
