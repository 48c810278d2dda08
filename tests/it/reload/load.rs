//! A hundred scrapes a second while the configuration is read anew fifty times, every other time a broken one.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use losant_exporter::config::{Config, Interval};
use losant_exporter::simulator::{World, WorldConfig};
use tokio::task::JoinSet;

use super::{NOW, SUCCESSFUL, account, names, settled};
use crate::test_app::{Setup, http, within_patience};

const RELOADS: u32 = 50;
/// Scrapes that have come in before the next reload begins: with one every ten milliseconds, a tenth of a second.
const SCRAPES_BETWEEN: u64 = 10;
const PACE: Duration = Duration::from_millis(10);
/// On a machine that cannot keep up, scrapes wait for one another.
const MOST_UNDER_WAY: usize = 20;

/// Changes that are wrong, each in its way.
const BROKEN: [fn(&mut Config); 4] = [
    |config| config.polling.expire_after = Interval::minutes(1),
    |config| config.selection.orgs.include.names = vec!["[".to_owned()],
    |config| account(config).burst = 0,
    |config| account(config).token_file = Some("/nowhere/token".into()),
];

/// The series that a line is about.
fn series_of(line: &str) -> Option<&str> {
    Some(line.rsplit_once(' ')?.0)
}

/// Changes that are right. None of them concerns those whose series are looked for.
fn change(number: u32, org: &str, config: &mut Config) {
    let first = (number / 6).is_multiple_of(2);
    match number % 6 {
        0 | 3 => {
            let excluded = &mut config.selection.orgs.exclude.ids;
            if excluded.is_empty() { excluded.push(org.to_owned()) } else { excluded.clear() }
        }
        1 => config.polling.sweep_interval = Interval::seconds(if first { 60 } else { 120 }),
        2 => {
            let account = account(config);
            (account.burst, account.max_in_flight) = (account.burst - 1, 4 + account.max_in_flight % 5);
        }
        4 => {
            config.exposition.render_interval =
                Interval::from(Duration::from_millis(if first { 100 } else { 500 }));
        }
        _ => {
            let (from, to) = if first { ("other", "another") } else { ("another", "other") };
            let account = config.accounts.remove(from).expect("an account");
            config.accounts.insert(to.to_owned(), account);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_hundred_scrapes_a_second_no_reload_costs_a_scrape_or_a_series() {
    let mut setup = Setup::at(NOW);
    setup.others = vec![("other".to_owned(), World::new(WorldConfig { seed: 77, ..WorldConfig::default() }))];
    let app = setup.start().await;
    let org = app.simulator.world().orgs()[0].id().to_string();
    let all = names(&settled(&app).await);
    // As they are written, so that a scrape is looked at quickly.
    let (_, _, body) = app.get("/metrics", "text/plain;version=0.0.4").await;
    let is_wanted = |line: &&str| {
        !line.starts_with(['#', 'p']) && !line.starts_with("losant_exporter_") && !line.contains(&org)
    };
    let wanted: Vec<_> = body.lines().filter(is_wanted).filter_map(series_of).map(str::to_owned).collect();
    assert!(wanted.len() > 1_000);
    let wanted = Arc::new(wanted);

    let (url, served) = (format!("{}/metrics", app.url), Arc::new(AtomicU64::new(0)));
    let mut scrapers = JoinSet::new();
    let (client, count, looked_for) = (http(), Arc::clone(&served), Arc::clone(&wanted));
    scrapers.spawn(async move {
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                _ = pace.tick(), if under_way.len() < MOST_UNDER_WAY => {
                    let (request, count) = (client.get(&url).send(), Arc::clone(&count));
                    let looked_for = Arc::clone(&looked_for);
                    under_way.spawn(async move {
                        let answer = request.await.expect("an answer");
                        assert_eq!(answer.status(), 200);
                        let body = answer.text().await.expect("a body");
                        let shown: HashSet<_> = body.lines().filter_map(series_of).collect();
                        let missing: Vec<_> =
                            looked_for.iter().filter(|series| !shown.contains(series.as_str())).collect();
                        assert!(missing.is_empty(), "{} lack, such as {:#?}", missing.len(), missing.get(..8));
                        count.fetch_add(1, Ordering::SeqCst);
                    });
                }
                Some(ended) = under_way.join_next() => ended.expect("a scrape that lacks nothing"),
            }
        }
    });
    let more_scrapes = async |than: u64| {
        while served.load(Ordering::SeqCst) < than {
            tokio::task::yield_now().await;
        }
    };

    for number in 0..RELOADS {
        let before = served.load(Ordering::SeqCst);
        let good = app.next.lock().expect("a configuration").clone().expect("a good one");
        let is_broken = number.is_multiple_of(2);
        let done = if is_broken {
            let broken = BROKEN[(number / 2 % 4) as usize];
            let done = app.reload(broken).await;
            *app.next.lock().expect("a configuration") = Ok(good);
            done
        } else {
            app.reload(|config| change(number / 2, &org, config)).await
        };
        assert_eq!(done.is_err(), is_broken, "{done:?}");
        assert!(done.map_or_else(|error| error.contains("key "), |done| !done.changed.is_empty()));
        app.hand.advance(Duration::from_secs(1));
        let scrape = app.scrape().await;
        assert_eq!(scrape.value(SUCCESSFUL), Some(if is_broken { 0.0 } else { 1.0 }), "reload {number}");
        let enough = within_patience("scrapes", more_scrapes(before + SCRAPES_BETWEEN));
        tokio::select! {
            () = enough => {}
            Some(ended) = scrapers.join_next() => ended.expect("scrapes that lack nothing"),
        }
    }
    app.reload(|config| config.selection.orgs.exclude.ids.clear()).await.expect("a reload");
    app.hand.advance(Duration::from_secs(1));
    assert_eq!(names(&settled(&app).await), all);
}
