//! The Prometheus that the pictures of the dashboards are drawn from: a demo after a day, with a month of history before.
//! `make dashboards-preview` names a folder for it.

use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::config::AccountConfig;
use losant_exporter::simulator::{World, WorldConfig};

use crate::components;
use crate::test_app::Setup;
use crate::watched::Watch;

/// Names the folder.
const FOLDER: &str = "LOSANT_EXPORTER_PREVIEW";

/// The moment of the pictures: always the same one, so that they change with the dashboards only. In the middle of a month and of
/// an afternoon, when all windows have something in them.
const NOW: &str = "2026-03-17T14:23:00Z";

const SPAN: Duration = Duration::from_secs(24 * 3_600);
const EVERY: Duration = Duration::from_secs(120);

/// A Losant like any other: most answers take a moment, some take longer, and a few go wrong.
const FAULTS: [&str; 4] = ["*=status:502@0.01", "*=throttle@0.002", "*=delay:400ms@0.1", "*=delay:90ms"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and checks nothing: make dashboards-preview"]
async fn a_day_of_a_demo_for_the_pictures() {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from).expect("LOSANT_EXPORTER_PREVIEW names a folder");
    let programs = ["prometheus", "promtool"].map(components::program);
    let [Some(prometheus), Some(promtool)] = programs else { return };
    let now: Timestamp = NOW.parse().expect("a time");
    let begin = now - SignedDuration::try_from(SPAN).expect("a day");
    let mut setup = Setup::at(&begin.to_string());
    setup.world = World::new(WorldConfig::demo(now));
    setup.account = AccountConfig { burst: 50, max_in_flight: 8, ..AccountConfig::default() };
    let watch = Watch { setup, span: SPAN, every: EVERY, history: "-31d", faults: &FAULTS };
    let watched = watch.with(&prometheus, &promtool, &folder).await;
    let moment = format!(r#"{{"now": {}, "every": {}}}"#, watched.now.as_second(), EVERY.as_secs());
    std::fs::write(folder.join("moment.json"), moment).expect("the moment");
}
