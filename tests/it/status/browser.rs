//! The status page in a real browser: headless Chromium, driven by `tests/browser/status.mjs`.

use std::process::Command;
use std::time::Duration;

use losant_exporter::simulator::{Fault, FaultKind, Route, World, WorldConfig};

use super::{NOW, UNSHOWN};
use crate::components;
use crate::test_app::Setup;

/// Names that would run a script, were they taken for markup. It would set `window.hacked`.
pub const HOSTILE_NAMES: [&str; 6] = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=\"window.hacked=1\">",
    "\"><svg onload=window.hacked=1>",
    "' onmouseover='window.hacked=1' autofocus onfocus='window.hacked=1'",
    "</style></title><script>window.hacked=1</script><iframe srcdoc='<script>parent.hacked=1</script>'>",
    "javascript:alert(1)//--><!-- {{constructor.constructor('window.hacked=1')()}}",
];

/// A dozen pages, on a machine that may have much else to do.
const BROWSING: Duration = Duration::from_secs(480);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_runs_no_name_and_axe_finds_nothing_serious_with_and_without_scripts() {
    let Some(driver) = components::browser() else { return };
    let mut setup = Setup::at(NOW);
    setup.world = World::new(WorldConfig { orgs: 130, sandboxes: 5, ..WorldConfig::default() });
    setup.config.polling.disabled_collectors = UNSHOWN.to_vec();
    let app = setup.start().await;
    app.simulator.change_world(|world| {
        for (org, name) in HOSTILE_NAMES.iter().enumerate() {
            let id = world.orgs()[org].id();
            (*name).clone_into(&mut world.org_mut(id).expect("an org").name);
        }
    });
    // Something has to be wrong as well, so that it can be looked at.
    let failing = app.simulator.world().orgs()[9].id();
    let route = Route { owner: Some(failing), ..Route::action("instanceOrg.deviceCounts") };
    app.simulator.faults().inject(Fault::always(route, FaultKind::HtmlError(502)));
    app.poll_failing().await;
    let mut browser = Command::new("node");
    browser.arg(driver).arg(&app.url);
    let run = tokio::task::spawn_blocking(move || browser.output());
    let output =
        tokio::time::timeout(BROWSING, run).await.expect("in time").expect("no panic").expect("node");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.ends_with("all is well\n"), "{said}");
}

/// Names the folder for pictures.
const PICTURES: &str = "LOSANT_EXPORTER_PICTURES";

/// Late in the day, when polls tell of nearly two days, and in the second half of a month.
const MOMENT: &str = "2026-03-19T22:40:00Z";

/// An org of the demo that has used up most of its limit.
const ON_TOP: &str = "Vantage Elevators";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes pictures and checks nothing: make status-pictures"]
async fn pictures_of_a_demo() {
    let folder = std::env::var_os(PICTURES).expect("LOSANT_EXPORTER_PICTURES names a folder");
    let Some(driver) = components::browser() else { return };
    let mut setup = Setup::at(MOMENT);
    setup.world = World::new(WorldConfig { orgs: 40, ..WorldConfig::demo(setup.now) });
    setup.config.polling.disabled_collectors = UNSHOWN.to_vec();
    // Nothing but the pace is shown of this, and time stands still while it is used up.
    setup.account.requests_per_second = 5.0;
    let app = setup.start().await;
    let world = app.simulator.world();
    let failing = world.orgs().iter().find(|org| org.name == ON_TOP).expect("an org of the demo").id();
    let route = Route { owner: Some(failing), ..Route::action("instanceOrg.deviceCounts") };
    app.simulator.faults().inject(Fault::always(route, FaultKind::HtmlError(502)));
    app.poll_failing().await;
    app.poll_failing().await;
    app.let_pass(Duration::from_secs(40)).await;
    let mut pictures = Command::new("node");
    pictures.arg(driver.with_file_name("pictures.mjs")).arg(&app.url).arg(folder);
    let run = tokio::task::spawn_blocking(move || pictures.status());
    let status =
        tokio::time::timeout(BROWSING, run).await.expect("in time").expect("no panic").expect("node");
    assert!(status.success());
}
