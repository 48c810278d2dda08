//! One run, from the first process to the last figure.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use losant_exporter::clock::Clock;
use losant_exporter::simulator::{self, Simulator, World, WorldConfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::browser::Browser;
use crate::certificates::Authority;
use crate::checker::Checker;
use crate::exporter::{Exporter, Losant, PASSWORD};
use crate::form::{ACTIVE, FIRST_LOOK, Form, ORGS, SANDBOXES};
use crate::ledger::{Ledger, Promise};
use crate::mistake::Mistake;
use crate::prometheus::{self, Prometheus};
use crate::readiness::{self, Phase};
use crate::resources::Resources;
use crate::scrapers::{Durations, Visitor, scrape};
use crate::stage::Stage;
use crate::storm::Storm;
use crate::upkeep::{LeftOut, Upkeep};

/// How long the program may take to end once it was told to.
const ENDING: Duration = Duration::from_secs(20);
/// Rows that the list of the status page has.
const ROWS: u32 = 100;

/// Runs, unless a signal ends it before. Whatever was started ends with it.
pub async fn run(form: Form, seed: u64) -> ExitCode {
    // Whoever was first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ended = async |kind| signal(kind).expect("signals").recv().await;
    tokio::select! {
        verdict = whole(form, seed) => verdict,
        _ = ended(SignalKind::interrupt()) => ExitCode::from(130),
        _ = ended(SignalKind::terminate()) => ExitCode::from(143),
    }
}

async fn whole(form: Form, seed: u64) -> ExitCode {
    let (clock, ledger, mistakes) = (Clock::system(), Ledger::default(), Mistake::ordered());
    println!("soak {}: SOAK_SEED={seed}, from {}; mistakes on purpose: {mistakes:?}", form.name, clock.now());
    let folder = tempfile::tempdir().expect("a folder");
    let (simulator, losant, _tasks) = losant(seed, &form, &clock).await;
    let (storm, left_out) = (Arc::<Mutex<Storm>>::default(), LeftOut::default());
    let authority = Arc::new(Authority::new("soak"));
    let exporter = Exporter::start(folder.path(), losant, simulator.token(), &authority).await;
    let exporter = Arc::new(exporter);

    let (end, ended) = watch::channel(false);
    let (phase, phases) = watch::channel(Phase::Starting);
    let (ready, mut is_ready) = watch::channel(false);
    let (pages, latest) = watch::channel(None);
    let by = (clock.clone(), ledger.clone());
    let (keeping, opening) = (Durations::default(), Durations::default());
    let checker = Checker::new(
        by.clone(),
        simulator.clone(),
        Arc::clone(&storm),
        Arc::clone(&left_out),
        form.expire_after,
        mistakes.clone(),
    );
    let errs = |mistake| mistakes.contains(&mistake);

    let visitor = |keeps, password| Visitor::new(&authority.pem(), keeps, password);
    let (mut all, mut readiness) = (JoinSet::new(), JoinSet::new());
    let url = exporter.url("/metrics");
    all.spawn(scrape(
        visitor(true, PASSWORD),
        url.clone(),
        by.clone(),
        keeping.clone(),
        Some(pages),
        ended.clone(),
    ));
    let password = if errs(Mistake::Password) { "wrong" } else { PASSWORD };
    all.spawn(scrape(visitor(false, password), url, by.clone(), opening.clone(), None, ended.clone()));
    all.spawn(checker.clone().follow(ended.clone()));
    all.spawn(checker.clone().judge_pages(latest.clone(), ended.clone()));
    readiness.spawn(readiness::watch(
        visitor(true, PASSWORD),
        exporter.url("/-/ready"),
        by.clone(),
        phases,
        ready,
    ));
    let watchers = watchers(&exporter, &form).await;
    let rows = if errs(Mistake::Browser) { ROWS + 1 } else { ROWS };

    let mut stage = Stage {
        form,
        seed,
        clock: clock.clone(),
        ledger: ledger.clone(),
        simulator,
        storm,
        checker,
        mistakes: mistakes.clone(),
        latest,
        resources: Resources::default(),
    };
    // What is returned is looked at here: kept, it would hold up whoever says once more that it is ready, for ever.
    let waiting = tokio::time::timeout(FIRST_LOOK, is_ready.wait_for(|ready| *ready)).await;
    let is_ready = waiting.is_ok_and(|ready| ready.is_ok());
    ledger.check(Promise::ReadinessTruthful, is_ready, || format!("not ready within {FIRST_LOOK:?}"));
    println!("ready after {:.1?}", clock.uptime());
    phase.send_replace(Phase::Running);
    stage.is_complete(&exporter, &visitor(true, PASSWORD)).await;
    let browser = Browser::open(&exporter.url(""), rows, ledger.clone());

    let upkeep = Upkeep {
        clock: clock.clone(),
        ledger: ledger.clone(),
        visitor: visitor(true, PASSWORD),
        simulator: stage.simulator.clone(),
        storm: Arc::clone(&stage.storm),
        exporter: Arc::clone(&exporter),
        left_out,
        mistakes: mistakes.clone(),
    };
    keep_up_with(&mut stage, upkeep, &exporter, authority).await;
    stage.calm_down().await;

    println!("\nFigures");
    if let Some(browser) = browser {
        browser.close(&clock, &ledger).await;
    } else {
        stage.left_out("the browser: node, chromium, or tests/browser/node_modules");
    }
    if watchers.is_empty() {
        stage.left_out("Prometheus");
    }
    for watcher in &watchers {
        watcher.report(&ledger).await;
    }
    end.send_replace(true);
    have_ended(all).await;
    drop(watchers);
    phase.send_replace(Phase::Ending);
    let log = ended_log(exporter, &clock, &ledger).await;
    have_ended(readiness).await;
    stage.figures(&[("kept", &keeping), ("new each time", &opening)], &log);
    ledger.verdict()
}

/// A simulated Losant, served in this process.
async fn losant(seed: u64, form: &Form, clock: &Clock) -> (Simulator, Losant, JoinSet<()>) {
    let config = WorldConfig {
        seed,
        orgs: ORGS,
        sandboxes: SANDBOXES,
        active: Some(ACTIVE),
        quiet_from: Some(clock.now()),
        ..WorldConfig::default()
    };
    let simulator = Simulator::new(World::new(config), clock.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let instance = simulator.world().instances()[0].id();
    let (mut tasks, served) = (JoinSet::new(), simulator.clone());
    tasks.spawn(async move {
        simulator::serve(served, listener, std::future::pending()).await.expect("a server that goes on");
    });
    (simulator, Losant { url, instance, expire_after: form.expire_after }, tasks)
}

/// Two Prometheus, where one is installed.
async fn watchers(exporter: &Exporter, form: &Form) -> Vec<Prometheus> {
    let mut watchers = Vec::new();
    if let Some(program) = prometheus::program() {
        for name in ["one", "two"] {
            watchers.push(Prometheus::start(&program, name, exporter, form).await);
        }
    }
    watchers
}

/// Everything goes wrong, while operators do what they do.
async fn keep_up_with(stage: &mut Stage, upkeep: Upkeep, exporter: &Exporter, authority: Arc<Authority>) {
    let (calm, calms) = watch::channel(false);
    let (form, mut upkeeps) = (stage.form, JoinSet::new());
    upkeeps.spawn(upkeep.clone().reload(form.reload_every, calms.clone()));
    upkeeps.spawn(upkeep.clone().rotate(form.rotate_every, calms.clone()));
    upkeeps.spawn(upkeep.certify(form.certify_every, authority, calms));
    stage.rage(exporter).await;
    calm.send_replace(true);
    have_ended(upkeeps).await;
}

/// Waits for parts of the run to end. A panic of one is one of the run.
async fn have_ended(mut parts: JoinSet<()>) {
    while let Some(ended) = parts.join_next().await {
        ended.expect("a part without a panic");
    }
}

/// Has the exporter end by itself. Returns its log.
async fn ended_log(exporter: Arc<Exporter>, clock: &Clock, ledger: &Ledger) -> String {
    exporter.signal("TERM");
    let mut exporter = Arc::into_inner(exporter).expect("nobody else has it");
    let end = exporter.has_ended_well(clock, ENDING).await;
    let log = exporter.process.log();
    ledger.check(Promise::RunIsWorthIt, end.is_ok(), || format!("the exporter {end:?}: {log}"));
    log
}
