//! Every question that a dashboard asks, put to a real Prometheus that has a month of history and has watched an exporter:
//! each is understood, finds something, and finds no more than a panel can show; and what some of them find is the truth.

mod dashboard;
mod scale;
mod truth;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use losant_exporter::simulator::{ObjectId, Owner, World, WorldConfig};

use crate::components;
use crate::test_app::Setup;
use crate::watched::{Watch, Watched};
use dashboard::{Choice, Chosen, Dashboard, Question};
use truth::Truth;

/// More lines than this nobody can tell apart.
const MOST_SERIES: usize = 100;

/// When watching begins, in the middle of a month and of a day: all windows have something in them.
const BEGIN: &str = "2026-03-17T13:00:00Z";
const SPAN: Duration = Duration::from_secs(84 * 60);
/// As far as any panel looks back, and a day more.
const HISTORY: &str = "-31d";
const EVERY: Duration = Duration::from_secs(120);

/// What finds nothing in this world, and why: dashboard, panel, question.
const EMPTY: [(&str, &str, &str, &str); 3] = [
    (
        "losant-exporter",
        "Token left",
        "Token left",
        "the token of a simulated Losant does not say when it ends",
    ),
    ("losant-exporter", "Firing alerts", "", "nothing is wrong with the exporter"),
    ("losant-sandbox", "Deletion", "Deletion", "the user who is shown is not marked for deletion"),
];

/// What goes wrong meanwhile, so that panels about it have something to show: some answers do, and at first all of one action that is
/// asked rarely, so that polls fail whatever chance has it.
const FAULTS: [&str; 2] = ["*=status:502@0.02", "instanceOrg.notebookMinuteCounts=status:500#12"];

fn world() -> World {
    World::new(WorldConfig::demo("2026-03-17T14:23:00Z".parse().expect("a time")))
}

async fn watched(folder: &std::path::Path) -> Option<Watched> {
    let programs = ["prometheus", "promtool"].map(components::program);
    let [Some(prometheus), Some(promtool)] = programs else { return None };
    let mut setup = Setup::at(BEGIN);
    setup.world = world();
    setup.account.max_attempts = 2;
    // What is said of a web configuration file is there while there is one.
    setup.config.web.config_file = Some(folder.join("web.yml"));
    std::fs::write(folder.join("web.yml"), "{}").expect("a file");
    let watch = Watch { setup, span: SPAN, every: EVERY, history: HISTORY, faults: &FAULTS };
    let mut watched = watch.with(&prometheus, &promtool, folder).await;
    watched.poll_and_look().await;
    Some(watched)
}

/// The ids of owners, those first of whose payload limit most is used.
fn by_share(
    world: &World,
    owners: impl Iterator<Item = (ObjectId, Owner, Option<u64>)>,
    now: Timestamp,
) -> Vec<ObjectId> {
    let share = |(id, owner, limit): (ObjectId, Owner, Option<u64>)| {
        let used = world.payload_total(owner, world.period(owner, now).0, now, true, false);
        (id, used * 1_000_000 / limit.unwrap_or(u64::MAX))
    };
    let mut shares: Vec<_> = owners.map(share).collect();
    shares.sort_by_key(|(_, share)| std::cmp::Reverse(*share));
    shares.into_iter().map(|(id, _)| id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_question_of_the_dashboards_is_understood_and_finds_the_truth() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(watched) = watched(folder.path()).await else { return };
    let (world, now) = (watched.app.simulator.world(), watched.now);
    let orgs = world.orgs().iter().map(|org| (org.id(), Owner::Org(org.id()), org.limits.payload));
    let orgs = by_share(&world, orgs, now);
    let listed = world.sandboxes().iter().filter(|user| !user.is_marked(now));
    let sandboxes = listed.map(|user| (user.id(), Owner::Sandbox(user.id()), user.limits.payload));
    let sandboxes = by_share(&world, sandboxes, now);
    let truth = Truth { world: &world, now, org: orgs[0], sandbox: sandboxes[0] };

    // And a limit of which all are told when it will be reached.
    let ids = orgs.iter().chain(&sandboxes).map(ToString::to_string);
    let preferred: Vec<_> = ids.chain(["payload".to_owned()]).collect();

    let mut problems = String::new();
    for dashboard in dashboard::shipped() {
        for choice in [Choice::One, Choice::Several, Choice::All] {
            if choice == Choice::One || dashboard.takes_several() {
                let chosen = dashboard.choose(&watched.prometheus, now, choice, &preferred).await;
                check(&watched, &dashboard, choice, &chosen, &mut problems).await;
                if (choice == Choice::All) == dashboard.takes_several() {
                    compare(&watched, &dashboard, &chosen, &truth, &mut problems).await;
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

/// Whether every question is understood and finds something, and no panel too much.
async fn check(
    watched: &Watched,
    dashboard: &Dashboard,
    choice: Choice,
    chosen: &Chosen,
    problems: &mut String,
) {
    let mut series: BTreeMap<&str, usize> = BTreeMap::new();
    let (questions, annotations) = (dashboard.questions(), dashboard.annotations());
    for question in questions.iter().chain(&annotations) {
        let place = question.place();
        match question.ask(&watched.prometheus, watched.now, chosen).await {
            Err(error) => _ = writeln!(problems, "{place}, {choice:?}: {error}"),
            Ok(found) if found.is_empty() != is_expected_to_be_empty(question) => {
                _ = writeln!(problems, "{place}, {choice:?}: {} series", found.len());
            }
            Ok(found) => *series.entry(question.panel).or_default() += found.len(),
        }
    }
    for (panel, series) in series.into_iter().filter(|(_, series)| *series > MOST_SERIES) {
        let _ = writeln!(problems, "{} / {panel}, {choice:?}: {series} series", dashboard.uid());
    }
}

fn is_expected_to_be_empty(question: &Question<'_>) -> bool {
    let place = (question.dashboard, question.panel, question.name);
    EMPTY.iter().any(|(dashboard, panel, name, _)| place == (*dashboard, *panel, *name))
}

/// Whether what is found is what the simulated world knows.
async fn compare(
    watched: &Watched,
    dashboard: &Dashboard,
    chosen: &Chosen,
    truth: &Truth<'_>,
    problems: &mut String,
) {
    let questions = dashboard.questions();
    let mut question = |place: (&str, &str, &str)| {
        let found = questions.iter().find(|it| place == (it.dashboard, it.panel, it.name));
        if found.is_none() && place.0 == dashboard.uid() {
            let _ = writeln!(problems, "{place:?} is not there");
        }
        found
    };
    let numbers: Vec<_> = truth.numbers().into_iter().map(|(place, it)| (question(place), it)).collect();
    let over_time: Vec<_> =
        truth.over_time().into_iter().map(|(place, length, it)| (question(place), length, it)).collect();
    let ask = async |question: &Question<'_>| {
        question.ask(&watched.prometheus, watched.now, chosen).await.expect("an answer")
    };
    for (question, expected) in numbers {
        let Some(question) = question else { continue };
        let found = ask(question).await;
        let found: f64 = found.iter().flat_map(|(_, samples)| samples).map(|(_, value)| value).sum();
        if (found - expected).abs() > expected.abs() * 1e-9 {
            let _ = writeln!(problems, "{}: {found}, and {expected} is true", question.place());
        }
    }
    for (question, length, expected) in over_time {
        let Some(question) = question else { continue };
        let found = ask(question).await;
        let [(_, samples)] = found.as_slice() else { panic!("{}: {} series", question.place(), found.len()) };
        let windows = question.windows(length);
        // The running one is missing, and the one before may be.
        if (samples.len() as u64) + 2 < windows {
            let _ = writeln!(problems, "{}: {} of {windows} windows", question.place(), samples.len());
        }
        for (at, found) in samples {
            let expected = expected(Timestamp::from_millisecond(*at).expect("a time"));
            if *found != expected {
                let _ = writeln!(problems, "{} at {at}: {found}, and {expected} is true", question.place());
            }
        }
    }
}
