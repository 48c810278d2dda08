//! Promise 3: few API calls. Cost follows what changed, and every number is true of the moment it speaks of.

use std::time::Duration;

use jiff::SignedDuration;
use losant_exporter::simulator::{World, WorldConfig};

use crate::freshness::{self, Report};
use crate::test_app::{Setup, TestApp};
use crate::truth::Side;

const NOW: &str = "2026-03-17T14:23:45.250Z";

/// A fleet of which one in twenty moves.
pub fn fleet(now: &str, orgs: usize, sandboxes: usize) -> World {
    let now = now.parse().expect("a time");
    let config =
        WorldConfig { orgs, sandboxes, active: Some(0.05), quiet_from: Some(now), ..WorldConfig::default() };
    World::new(config)
}

/// Compares everything that is shown with the truth of the moment that it speaks of.
pub async fn assert_fresh(app: &TestApp) -> Report {
    let report = freshness::compare(
        &app.simulator.world(),
        &app.scrape().await,
        app.clock.now(),
        Side::True,
        SignedDuration::from_mins(60),
    );
    assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
    report
}

/// What it would take to ask everybody at every interval, in an hour: 1 request for payloads by type and 1 for their bytes, 5
/// for hours and days, 1 each for devices and notebooks.
pub fn requests_without_sweeps(scopes: usize) -> u64 {
    let an_hour = 12 + 4 + 12 * 5 + 4 + 4;
    u64::try_from(scopes).expect("few") * an_hour
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "figures that whoever runs it wants to see")]
async fn an_hour_of_a_mostly_quiet_fleet_takes_a_tenth_of_the_requests_and_no_number_is_wrong_or_old() {
    let (orgs, sandboxes) = (100, 100);
    let mut setup = Setup::at(NOW);
    setup.world = fleet(NOW, orgs, sandboxes);
    // So little that first looks at quiet ones are spread over half an hour, as they are where there are many. The burst
    // makes up for it: time stands still while this test polls.
    setup.account.requests_per_second = 0.5;
    let app = setup.start_unready().await;
    let mut compared = 0;
    let mut oldest = std::collections::BTreeMap::new();
    for minute in 1..=60 {
        app.let_pass(Duration::from_secs(60)).await;
        if minute % 5 == 0 {
            let report = assert_fresh(&app).await;
            assert!(minute < 45 || report.unknown.is_empty(), "{:?}", report.unknown);
            compared += report.compared;
            for (collector, age) in report.oldest {
                let oldest = oldest.entry(collector).or_insert(SignedDuration::ZERO);
                *oldest = (*oldest).max(age);
            }
        }
    }
    let requests = app.simulator.request_count();
    let without = requests_without_sweeps(orgs + sandboxes);
    println!("{requests} requests, {without} without sweeps; compared {compared}; oldest {oldest:?}");
    assert!(requests * 10 <= without, "{requests} requests instead of {without}");
    // A sweep shows a change, and then its turn comes within an interval of its own.
    for (collector, minutes) in [
        ("discovery", 5),
        ("payload_counts", 5),
        ("payload_bytes", 20),
        ("payload_counts_breakdown", 10),
        ("device_counts", 20),
        ("notebook_minute_counts", 20),
    ] {
        let (age, most) = (oldest[collector], SignedDuration::from_mins(minutes + 1));
        assert!(age <= most, "{collector}: {age:#}");
    }
}
