//! An hour of a fleet of which one in twenty moves, from nothing: how much is asked, and whether all that is shown is true.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use losant_exporter::clock::Clock;
use losant_exporter::config::PollingConfig;
use losant_exporter::usage::Collector;

use crate::freshness::{self, COLLECTORS};
use crate::machine::{Taken, in_words, number};
use crate::sweeps::{fleet, requests_without_sweeps};
use crate::test_app::Setup;
use crate::truth::Side;
use crate::{Limits, print_figure, print_title};

const NOW: &str = "2026-03-17T14:23:45.250Z";
const ORGS: usize = 10_000;
const SANDBOXES: usize = 10_000;

/// Time passes in steps of this.
const STEP: Duration = Duration::from_secs(60);

/// The steps after which is scraped: every ten minutes or so, and at each minute of the five from sweep to sweep.
const SCRAPES: [u32; 6] = [10, 21, 32, 43, 54, 60];

/// How many times fewer requests there must be than it takes to ask everybody at every interval.
const LEAST_RATIO: f64 = 10.0;

pub async fn run(limits: &mut Limits) {
    print_title(&format!("An hour of {ORGS} orgs and {SANDBOXES} sandboxes, 5 % active, from a cold start"));
    let machine = Clock::system();
    let mut setup = Setup::at(NOW);
    setup.world = fleet(NOW, ORGS, SANDBOXES);
    // First looks at quiet scopes are spread by this, over half an hour. The burst makes up for it: time stands still while
    // there is something to do.
    setup.account.requests_per_second = 50.0;
    let polling = PollingConfig::default();
    let expire_after = SignedDuration::try_from(polling.expire_after.get()).expect("a short time");
    let app = setup.start_unready().await;
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut oldest: BTreeMap<String, SignedDuration> = BTreeMap::new();
    let mut unknown = BTreeMap::new();
    for step in 1..=60 {
        app.let_pass(STEP).await;
        if !SCRAPES.contains(&step) {
            continue;
        }
        let (scrape, world, now) = (app.scrape().await, app.simulator.world(), app.clock.now());
        let report = freshness::compare(&world, &scrape, now, Side::True, expire_after);
        compared += report.compared;
        wrong.extend(report.wrong);
        unknown = report.unknown;
        for (collector, age) in report.oldest {
            let oldest = oldest.entry(collector).or_default();
            *oldest = (*oldest).max(age);
        }
        let waiting: usize = unknown.values().sum();
        print_figure(
            &format!("minute {step}: requests so far"),
            format!(
                "{}, {} values compared, {waiting} not read yet",
                app.simulator.request_count(),
                report.compared
            ),
        );
    }
    let (requests, without) = (app.simulator.request_count(), requests_without_sweeps(ORGS + SANDBOXES));
    let ratio = number(without) / number(requests);
    print_figure("requests", requests);
    print_figure("requests to ask everybody every interval", without);
    limits.check(
        "times fewer",
        format!("{ratio:.1}"),
        &format!("at least {LEAST_RATIO}"),
        ratio >= LEAST_RATIO,
    );
    print_figure("values compared", compared);
    limits.check("values that are wrong", wrong.len(), "0", wrong.is_empty());
    for wrong in wrong.iter().take(20) {
        print_figure("", wrong);
    }
    for collector in Collector::ALL.into_iter().filter(|collector| COLLECTORS.contains(&collector.as_str())) {
        let age = oldest.get(collector.as_str()).copied().unwrap_or_default();
        let own = if collector == Collector::Discovery {
            Duration::ZERO
        } else {
            // A sweep shows a change, and then its turn comes within an interval of its own.
            polling.interval(collector)
        };
        let most = polling.sweep_interval.get() + own + STEP;
        let most = SignedDuration::try_from(most).expect("a short time");
        let name = format!("largest age of {collector}");
        limits.check(&name, format!("{age:#}"), &format!("at most {most:#}"), age <= most);
    }
    let unknown: usize = unknown.values().sum();
    limits.check("not read yet at the end", unknown, "0", unknown == 0);
    let taken = Taken::by(std::process::id());
    print_figure("wall time", format!("{:.1?}", machine.uptime()));
    print_figure("CPU, simulator and comparison included", format!("{:.1?}", taken.cpu));
    print_figure("peak memory, simulator and comparison included", in_words(taken.peak));
}
