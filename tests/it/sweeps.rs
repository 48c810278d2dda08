//! Promise 3: few API calls. Cost follows what changed, and every number is true of the moment it speaks of.

use std::time::Duration;

use jiff::SignedDuration;
use losant_exporter::simulator::{Activity, Burst, Fleet, ObjectId, Org, Stream, World, WorldConfig};

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
    assert_true_since(app, SignedDuration::from_mins(60)).await
}

/// The same where numbers may be as old as that, going by a wall clock that may have been set.
async fn assert_true_since(app: &TestApp, age: SignedDuration) -> Report {
    let (world, scrape) = (app.simulator.world(), app.scrape().await);
    let report = freshness::compare(&world, &scrape, app.clock.now(), Side::True, age);
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

/// A world in which nobody does anything, but one org in a burst of three minutes that begins at `start`. Others have sent
/// something this month, else lists could not prove what they are worth.
fn one_burst(now: &str, start: &str) -> (World, ObjectId) {
    let mut world = fleet(now, 6, 4);
    let ids: Vec<_> = world.orgs().iter().map(Org::id).collect();
    for id in &ids {
        let org = world.org_mut(*id).expect("an org");
        let mut before = Stream::new("deviceState", "device.mqtt", 0, 100);
        let at = |text: &str| text.parse().expect("a time");
        let seconds = |seconds| SignedDuration::from_secs(seconds);
        let early: jiff::Timestamp = at("2026-03-05T10:00:00Z");
        before.bursts.push(Burst { start: early, end: early + seconds(60), per_second: 3 });
        if *id == ids[2] {
            let start: jiff::Timestamp = at(start);
            before.bursts.push(Burst { start, end: start + seconds(180), per_second: 7 });
        }
        let event = Stream { bursts: before.bursts.clone(), ..Stream::new("event", "flow.flow", 0, 50) };
        org.activity = Activity { streams: vec![before, event], fleet: Fleet::default(), notebooks: None };
        (org.disabled_at, org.quiet_since) = (None, None);
    }
    (world, ids[2])
}

#[tokio::test]
async fn an_org_that_sends_for_three_minutes_is_asked_until_that_has_settled_and_then_no_more() {
    let mut setup = Setup::at(NOW);
    let (world, org) = one_burst(NOW, "2026-03-17T14:51:07Z");
    setup.world = world;
    let app = setup.start().await;
    let mut asked = Vec::new();
    for minute in 1..=90_u32 {
        app.let_pass(Duration::from_secs(60)).await;
        assert_fresh(&app).await;
        let requests = app.simulator.requests();
        let count = requests.iter().filter(|request| {
            request.action == Some("instanceOrg.payloadCountsBreakdown")
                && request.path.contains(&org.to_string())
                && request.query_value("resolution") == Some("86400000")
        });
        asked.push((minute, count.count()));
    }
    asked.dedup_by_key(|(_, count)| *count);
    // Once at the start; when the burst was first seen; perhaps in the middle of it; and when all of it has settled.
    let minutes: Vec<_> = asked.iter().map(|(minute, _)| *minute).collect();
    assert!((3..=5).contains(&minutes.len()), "{minutes:?}");
    let last = *minutes.last().expect("some");
    // The burst ends in minute 31. A sweep sees the last of it by minute 36, and ten minutes later it has settled.
    assert!((38..=52).contains(&last), "{minutes:?}");
}

#[tokio::test]
async fn a_wall_clock_that_is_set_makes_no_number_up() {
    let mut setup = Setup::at(NOW);
    setup.world = fleet(NOW, 30, 20);
    let app = setup.start().await;
    for _ in 0..3 {
        app.let_pass(Duration::from_secs(300)).await;
    }
    for (jump, by) in [("forward", 3 * 3_600), ("back", -2 * 3_600), ("on by a day", 86_400)] {
        let now = app.clock.now();
        app.hand.jump_to(now + SignedDuration::from_secs(by));
        // Until all have been asked again, numbers may be missing; none may be wrong.
        for _ in 0..5 {
            app.let_pass(Duration::from_secs(300)).await;
            assert_true_since(&app, SignedDuration::from_hours(48)).await;
        }
        let report = assert_fresh(&app).await;
        assert!(report.unknown.is_empty(), "{jump}: {:?}", report.unknown);
    }
}
