//! Accounts that are called otherwise, name what they had listed, or give up an instance to another one that names it.

use std::io::Write as _;
use std::time::Duration;

use losant_exporter::config::Config;
use losant_exporter::simulator::{Fault, FaultKind, Route, World, WorldConfig};
use losant_exporter::usage::Id;

use super::{NOW, account, names, settled};
use crate::test_app::{Setup, TestApp, within_patience};

const ANOTHER_TOKEN: &str = "another.token";

fn token_file(token: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(token.as_bytes()).expect("a token");
    file
}

/// Calls the account `default` otherwise.
fn rename(config: &mut Config) {
    let renamed = config.accounts.remove("default").expect("the account");
    config.accounts.insert("renamed".to_owned(), renamed);
}

fn instances(app: &TestApp) -> Vec<Id> {
    let world = app.simulator.world();
    world.instances().iter().map(|instance| instance.id().to_string().parse().expect("an id")).collect()
}

async fn up(app: &TestApp, instance: Id) -> Option<f64> {
    app.scrape().await.value(&format!("losant_up{{instance_id=\"{instance}\"}}"))
}

#[tokio::test]
async fn whoever_is_not_ready_does_not_become_so_by_another_name() {
    let file = token_file("not.the.token");
    let mut setup = Setup::at(NOW);
    setup.account.token_file = Some(file.path().to_owned());
    let app = setup.start_unready().await;
    within_patience("what is due", app.control.idle()).await;
    let ready = async || app.get("/-/ready", "*/*").await;
    assert_eq!(ready().await.0, 503);

    app.reload(rename).await.expect("a reload");
    assert_eq!(ready().await.0, 503, "at once");
    within_patience("what is due", app.control.idle()).await;
    let (status, _, words) = ready().await;
    assert_eq!(status, 503);
    assert!(words.contains("first cycle of account renamed") && !words.contains("default"), "{words}");

    std::fs::write(file.path(), app.simulator.token()).expect("a token");
    app.while_time_passes(app.control.ready()).await;
    assert_eq!(ready().await.0, 200);
}

#[tokio::test]
async fn an_account_that_names_what_it_could_not_list_is_up() {
    let app = Setup::at(NOW).start_unready().await;
    let forbidden = FaultKind::Status { status: 403, kind: "Forbidden".to_owned(), message: "no".to_owned() };
    app.simulator.faults().inject(Fault::always(Route::action("instances.get"), forbidden));
    let up = "losant_exporter_account_up{account=\"default\"}";
    assert_eq!(settled(&app).await.value(up), Some(0.0));
    let named = instances(&app);
    app.reload(|config| account(config).instances = named).await.expect("a reload");
    assert_eq!(settled(&app).await.value(up), Some(1.0));
}

#[tokio::test]
async fn what_an_account_has_used_up_stays_used_under_another_name() {
    let app = Setup::at(NOW).start().await;
    let rate = async |account: &str| {
        let series = format!("losant_exporter_api_budget_requests_per_second{{account=\"{account}\"}}");
        app.scrape().await.value(&series).expect("a rate")
    };
    let full = rate("default").await;
    let throttled = FaultKind::Throttle { retry_after: None };
    app.simulator.faults().inject(Fault::always(Route::everything(), throttled));
    app.while_time_passes(app.control.poll_now()).await.expect("a running poller");
    let slow = rate("default").await;
    assert!(slow < full, "{slow} of {full}");
    app.reload(rename).await.expect("a reload");
    let renamed = rate("renamed").await;
    assert!(renamed <= slow, "{renamed} after {slow}");
}

/// An account that lists has two instances, one of which another account names from a reload on. Before, it named `named` of
/// the two itself.
async fn assert_hands_over(named: impl Fn(&[Id]) -> Vec<Id>) {
    let mut setup = Setup::at(NOW);
    setup.world = World::new(WorldConfig { instances: 2, ..WorldConfig::default() });
    let world = setup.world.instances().iter();
    let ids: Vec<Id> = world.map(|instance| instance.id().to_string().parse().expect("an id")).collect();
    setup.account.instances = named(&ids);
    let app = setup.start().await;
    let all = names(&settled(&app).await);
    let file = token_file(ANOTHER_TOKEN);
    app.simulator.accept_token(ANOTHER_TOKEN);
    app.reload(|config| {
        account(config).instances = Vec::new();
        let mut other = account(config).clone();
        (other.instances, other.token_file) = (vec![ids[0]], Some(file.path().to_owned()));
        config.accounts.insert("other".to_owned(), other);
    })
    .await
    .expect("a reload");
    let missing = async || {
        let now = names(&app.scrape().await);
        all.difference(&now).cloned().collect::<Vec<_>>()
    };
    assert_eq!(missing().await, Vec::<String>::new(), "at once");
    // The list names both instances again and again.
    for _ in 0..3 {
        app.let_pass(Duration::from_secs(300)).await;
        assert_eq!(missing().await, Vec::<String>::new());
    }
    for account in ["default", "other"] {
        let up = format!("losant_exporter_account_up{{account=\"{account}\"}}");
        assert_eq!(app.scrape().await.value(&up), Some(1.0), "{account}");
    }
    // Each is asked about by its own account.
    let token = app.simulator.token().to_owned();
    app.simulator.revoke_token(&token);
    app.poll_failing().await;
    assert_eq!((up(&app, ids[0]).await, up(&app, ids[1]).await), (Some(1.0), Some(0.0)));
}

#[tokio::test]
async fn an_instance_that_another_account_names_is_left_to_it_by_one_that_lists() {
    assert_hands_over(|_| Vec::new()).await;
}

#[tokio::test]
async fn an_instance_that_another_account_names_is_left_to_it_by_one_that_lists_from_then_on() {
    assert_hands_over(<[Id]>::to_vec).await;
}
