//! How long the questions of the dashboards take with a thousand orgs, and how much they find: `make bench`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use losant_exporter::clock::Clock;
use losant_exporter::config::AccountConfig;
use losant_exporter::simulator::{World, WorldConfig};

use super::MOST_SERIES;
use super::dashboard::{self, Choice};
use crate::components;
use crate::test_app::Setup;
use crate::watched::Watch;

const ORGS: usize = 1_000;
const SANDBOXES: usize = 100;

/// Nobody waits longer for a panel.
const LONGEST: Duration = Duration::from_secs(1);

/// Of so many answers the fastest counts, and of that the time that Prometheus worked where it waited for longer: the machine
/// has other things to do as well.
const TRIES: usize = 3;

const SLOWEST: usize = 10;

const BEGIN: &str = "2026-03-17T14:15:00Z";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make bench"]
async fn a_thousand_orgs_with_three_weeks_are_shown_within_a_second() {
    let programs = ["prometheus", "promtool"].map(components::program);
    let [Some(prometheus), Some(promtool)] = programs else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut setup = Setup::at(BEGIN);
    let config = WorldConfig { orgs: ORGS, sandboxes: SANDBOXES, ..WorldConfig::demo(setup.now) };
    setup.world = World::new(config);
    setup.account = AccountConfig { max_in_flight: 32, ..setup.account };
    let minute = Duration::from_secs(60);
    let watch = Watch { setup, span: 8 * minute, every: minute, history: "-21d", faults: &[] };
    let watched = watch.with(&prometheus, &promtool, folder.path()).await;

    let machine = Clock::system();
    let mut times = Vec::new();
    let mut problems = Vec::new();
    for dashboard in dashboard::shipped() {
        let choice = if dashboard.takes_several() { Choice::All } else { Choice::One };
        let chosen = dashboard.choose(&watched.prometheus, watched.now, choice, &[]).await;
        let mut series: BTreeMap<&str, usize> = BTreeMap::new();
        let (questions, annotations) = (dashboard.questions(), dashboard.annotations());
        for question in questions.iter().chain(&annotations) {
            let mut fastest = (Duration::MAX, Duration::MAX);
            let mut found = 0;
            for _ in 0..TRIES {
                let (began, busy) = (machine.uptime(), watched.prometheus.cpu_time().await);
                let answer = question.ask(&watched.prometheus, watched.now, &chosen).await;
                let took = machine.uptime().saturating_sub(began);
                let busy = watched.prometheus.cpu_time().await.saturating_sub(busy);
                fastest = fastest.min((took, busy));
                found = answer.unwrap_or_else(|error| panic!("{}: {error}", question.place())).len();
            }
            *series.entry(question.panel).or_default() += found;
            times.push((fastest, question.place()));
        }
        let too_many = series.into_iter().filter(|(_, series)| *series > MOST_SERIES);
        problems.extend(too_many.map(|(panel, n)| format!("{} / {panel}: {n} series", dashboard.uid())));
    }
    times.sort();
    // Past the harness, which keeps what is printed to itself.
    let mut out = std::io::stderr();
    let _ = writeln!(out, "{} questions; the slowest:", times.len());
    for ((took, busy), place) in times.iter().rev().take(SLOWEST) {
        let _ = writeln!(out, "{:5} ms, of CPU {:5} ms  {place}", took.as_millis(), busy.as_millis());
    }
    let slow = times.iter().filter(|((took, busy), _)| (*took).min(*busy) > LONGEST);
    problems.extend(slow.map(|((took, _), place)| format!("{place}: {took:?}")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
