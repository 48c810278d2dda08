//! Promise 4, for accounts: a token that is rotated is followed, and one that is revoked stops nobody else.

use std::path::Path;
use std::time::Duration;

use losant_exporter::clock::Clock;
use losant_exporter::simulator::{Simulator, World, WorldConfig};

use crate::test_app::{Setup, TestApp};
use crate::truth::{assert_same, usage, usage_of};

const NOW: &str = "2026-03-17T14:23:45.250Z";
const NEW_TOKEN: &str = "the-new-token";

/// The ordinary account, with its token in a file.
async fn start_with(file: &Path) -> TestApp {
    let mut setup = Setup::at(NOW);
    let (clock, _hand) = Clock::manual(setup.now);
    std::fs::write(file, Simulator::new(World::default(), clock).token()).expect("a token file");
    setup.account.token_file = Some(file.to_owned());
    setup.start().await
}

fn token_file() -> tempfile::NamedTempFile {
    tempfile::NamedTempFile::new().expect("a temporary file")
}

/// Puts another file in the place of the token file, as Kubernetes and careful people do.
fn replace(file: &Path) {
    let other = file.with_extension("new");
    std::fs::write(&other, format!("{NEW_TOKEN}\n")).expect("a file beside");
    std::fs::rename(other, file).expect("a file in its place");
}

fn refused(simulator: &Simulator) -> Vec<Duration> {
    let requests = simulator.requests();
    requests.iter().filter(|request| request.status == Some(401)).map(|request| request.uptime).collect()
}

async fn assert_true(app: &TestApp) {
    assert_same(&usage_of(&app.scrape().await.series), &usage(&app.simulator.world(), app.clock.now()));
}

async fn token_accepted(app: &TestApp, account: &str) -> Option<f64> {
    app.scrape().await.value(&format!("losant_exporter_token_accepted{{account=\"{account}\"}}"))
}

#[tokio::test]
async fn a_token_file_that_is_replaced_is_used_within_ten_seconds_and_nothing_is_refused() {
    let file = token_file();
    let app = start_with(file.path()).await;
    // Both are good for a while: that is how a token is rotated.
    app.simulator.accept_token(NEW_TOKEN);
    replace(file.path());
    app.let_pass(Duration::from_secs(10)).await;
    let old = app.simulator.token().to_owned();
    app.simulator.revoke_token(&old);
    app.poll_now().await;
    assert_true(&app).await;
    assert_eq!(refused(&app.simulator), Vec::<Duration>::new());
    assert_eq!(token_accepted(&app, "default").await, Some(1.0));
}

#[tokio::test]
async fn a_token_that_is_replaced_after_it_was_refused_is_used_at_once() {
    let file = token_file();
    let app = start_with(file.path()).await;
    let old = app.simulator.token().to_owned();
    app.simulator.revoke_token(&old);
    assert!(app.poll_failing().await > 0);
    assert_eq!(token_accepted(&app, "default").await, Some(0.0));
    let refused_before = refused(&app.simulator).len();

    // Time stands still: only the refusal makes anybody look at the file.
    app.simulator.accept_token(NEW_TOKEN);
    replace(file.path());
    app.poll_now().await;
    assert_true(&app).await;
    assert_eq!(token_accepted(&app, "default").await, Some(1.0));
    let refused_since = refused(&app.simulator).len() - refused_before;
    assert!((1..=8).contains(&refused_since), "{refused_since} refused, of 8 at once");
}

#[tokio::test]
async fn an_account_whose_token_is_revoked_asks_ever_more_rarely_and_the_other_one_stays_exact() {
    let mut setup = Setup::at(NOW);
    let world = World::new(WorldConfig { seed: 2, orgs: 5, sandboxes: 3, ..WorldConfig::default() });
    setup.others.push(("revoked".to_owned(), world));
    let app = setup.start().await;
    let revoked = &app.others[0];
    let token = revoked.token().to_owned();
    revoked.revoke_token(&token);
    let start = app.clock.uptime();
    for _ in 0..60 {
        app.let_pass(Duration::from_secs(60)).await;
    }
    let refused = refused(revoked);
    let within = |from: u64, to: u64| {
        let (from, to) = (start + Duration::from_secs(from * 60), start + Duration::from_secs(to * 60));
        refused.iter().filter(|at| **at > from && **at <= to).count()
    };
    let by_third = [within(0, 20), within(20, 40), within(40, 60)];
    assert!(by_third.is_sorted_by(|earlier, later| earlier >= later), "{by_third:?}");
    assert!(by_third[2] < by_third[0] && by_third[2] > 0, "{by_third:?}");

    app.poll_failing().await;
    let scrape = app.scrape().await;
    let instance = |simulator: &Simulator| simulator.world().instances()[0].id().to_string();
    assert_eq!(scrape.value_where("losant_up", &instance(revoked)), Some(0.0));
    assert_eq!(token_accepted(&app, "revoked").await, Some(0.0));
    assert_eq!(scrape.value_where("losant_up", &instance(&app.simulator)), Some(1.0));
    assert_eq!(token_accepted(&app, "default").await, Some(1.0));
    // What is shown of the two is told apart by their instances.
    let mut shown = usage_of(&scrape.series);
    shown.retain(|series, _| series.contains(&instance(&app.simulator)));
    assert_same(&shown, &usage(&app.simulator.world(), app.clock.now()));
    assert!(app.simulator.requests().iter().all(|request| request.status == Some(200)));
}
