//! Some orgs and sandboxes only: who is wanted is shown as ever, and of the others there is no trace.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use losant_exporter::config::SelectionConfig;
use losant_exporter::logging::{self, Level, LogFormat};
use losant_exporter::simulator::{Fault, FaultKind, ObjectId, Org, Route, Sandbox, World};
use losant_exporter::usage::Collector;

use crate::freshness;
use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp};
use crate::truth::{Series, Side, assert_same, usage, usage_of};

const NOW: &str = "2026-03-17T14:23:45.250Z";
const SWEEP: Duration = Duration::from_secs(300);

fn selection(toml: &str) -> SelectionConfig {
    toml::from_str(toml).expect("a selection")
}

/// What a scrape says of Losant: all that is not about the exporter.
fn of_losant(scrape: &Scrape) -> Series {
    let is_own = |series: &str| series.starts_with("losant_exporter_") || series.starts_with("process_");
    let all = scrape.series.iter().filter(|(series, _)| !is_own(series));
    all.map(|(series, value)| (series.clone(), *value)).collect()
}

fn without(series: &Series, ids: &[String]) -> Series {
    let is_theirs = |series: &str| ids.iter().any(|id| series.contains(id));
    let kept = series.iter().filter(|(series, _)| !is_theirs(series));
    kept.map(|(series, value)| (series.clone(), *value)).collect()
}

fn excluded(scrape: &Scrape, level: &str) -> Option<f64> {
    let labels = format!("level=\"{level}\",state=\"excluded\"");
    scrape.value_where("losant_exporter_scopes", &labels)
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("few"))
}

fn has_tag(org: &Org, key: &str, value: &str) -> bool {
    org.tags.iter().any(|tag| tag.key == key && tag.value == value)
}

fn full_name(user: &Sandbox) -> String {
    format!("{} {}", user.first_name, user.last_name)
}

/// Starts an exporter with a selection and holds what it shows against one without, and against the truth. Whom it should
/// show is told by the two functions.
async fn assert_shows_only(
    toml: &str,
    wants_org: impl Fn(&Org) -> bool,
    wants_sandbox: impl Fn(&Sandbox) -> bool,
) {
    let everybody = Setup::at(NOW).start().await;
    let mut setup = Setup::at(NOW);
    setup.config.selection = selection(toml);
    let app = setup.start().await;
    for now in [NOW, "2026-03-18T00:10:00.250Z"] {
        for app in [&everybody, &app] {
            app.hand.advance_to(now.parse().expect("a time"));
            app.poll_now().await;
        }
        let (world, now) = (app.simulator.world(), app.clock.now());
        let orgs: Vec<_> = world
            .orgs()
            .iter()
            .filter(|org| org.exists(now) && !wants_org(org))
            .map(|org| org.id().to_string())
            .collect();
        let listed = world.sandboxes().iter().filter(|user| user.exists(now) && !user.is_marked(now));
        let sandboxes: Vec<_> =
            listed.filter(|user| !wants_sandbox(user)).map(|user| user.id().to_string()).collect();
        assert!(orgs.len() < 12 && sandboxes.len() < 7, "{toml}: nobody is left");
        assert!(!orgs.is_empty() || !sandboxes.is_empty(), "{toml}: nobody is left out");

        let scrape = app.scrape().await;
        assert_eq!(excluded(&scrape, "org"), Some(number(orgs.len())), "{toml}");
        assert_eq!(excluded(&scrape, "sandbox"), Some(number(sandboxes.len())), "{toml}");
        let left_out = [orgs, sandboxes].concat();
        // Of applications, of the month before and of the instance too: Losant's own totals count everybody.
        let all = of_losant(&everybody.scrape().await);
        assert_same(&of_losant(&scrape), &without(&all, &left_out));
        assert_same(&usage_of(&scrape.series), &without(&usage(&world, now), &left_out));
    }
    let asked = app.simulator.requests();
    let everybody = everybody.simulator.requests();
    assert!(asked.len() < everybody.len(), "{} requests instead of {}", asked.len(), everybody.len());
}

#[tokio::test]
async fn orgs_are_included_by_tag() {
    let toml = "[orgs.include]\ntags = [\"tier=gold\", \"nobody-has-this\"]";
    assert_shows_only(toml, |org| has_tag(org, "tier", "gold"), |_| true).await;
}

#[tokio::test]
async fn orgs_are_included_by_glob_on_the_whole_name() {
    let toml = "[orgs.include]\nnames = [\"*Water*\", \"Juniper Greenhouse?\", \"Pumps\", \"[O-S]* *i*\"]";
    let begins = |org: &Org| org.name.starts_with(['O', 'P', 'Q', 'R', 'S']);
    let wants = |org: &Org| {
        let (_, rest) = org.name.split_once(' ').expect("two words");
        org.name.contains("Water") || org.name == "Juniper Greenhouses" || begins(org) && rest.contains('i')
    };
    assert_shows_only(toml, wants, |_| true).await;
}

#[tokio::test]
async fn orgs_and_sandboxes_are_included_by_regular_expression() {
    let toml = "[orgs.include]\nname_regexes = [\"^(Old|Vantage) \", \"ing$\"]\n\
                [sandboxes.include]\nname_regexes = [\"^[ab]\", \" Gupta$\"]";
    let wants_org = |org: &Org| {
        org.name.starts_with("Old ") || org.name.starts_with("Vantage ") || org.name.ends_with("ing")
    };
    let wants_sandbox =
        |user: &Sandbox| user.email.starts_with(['a', 'b']) || full_name(user).ends_with(" Gupta");
    assert_shows_only(toml, wants_org, wants_sandbox).await;
}

#[tokio::test]
async fn orgs_and_sandboxes_are_included_by_id() {
    let world = World::default();
    let (orgs, sandboxes) = (world.orgs(), world.sandboxes());
    let orgs = [orgs[1].id(), orgs[7].id()];
    let now: Timestamp = NOW.parse().expect("a time");
    let sandbox = sandboxes.iter().find(|user| !user.is_marked(now)).expect("a sandbox").id();
    let toml = format!(
        "[orgs.include]\nids = [\"{}\", \"{}\"]\n[sandboxes.include]\nids = [\"{sandbox}\"]",
        orgs[0], orgs[1]
    );
    assert_shows_only(&toml, |org| orgs.contains(&org.id()), |user| user.id() == sandbox).await;
}

#[tokio::test]
async fn what_is_excluded_is_left_out_whatever_includes_it() {
    let toml = "[orgs.include]\ntags = [\"tier\"]\nnames = [\"Vantage*\"]\n\
                [orgs.exclude]\ntags = [\"team=logistics\"]\nnames = [\"Vantage Elevators\"]\n\
                [sandboxes.include]\nnames = [\"*@example.com\"]\n\
                [sandboxes.exclude]\nnames = [\"Ada *\", \"bruno.*@example.com\"]";
    let wants_org = |org: &Org| !has_tag(org, "team", "logistics") && org.name != "Vantage Elevators";
    let wants_sandbox = |user: &Sandbox| user.first_name != "Ada" && !user.email.starts_with("bruno.");
    assert_shows_only(toml, wants_org, wants_sandbox).await;
}

fn rename(app: &TestApp, org: ObjectId, name: &str) {
    app.simulator.change_world(|world| name.clone_into(&mut world.org_mut(org).expect("an org").name));
}

fn series_of(scrape: &Scrape, id: ObjectId) -> Vec<String> {
    let id = id.to_string();
    scrape.series.keys().filter(|series| series.contains(&id)).cloned().collect()
}

/// Families of which an org has a series.
fn families_of(scrape: &Scrape, id: ObjectId) -> std::collections::BTreeSet<String> {
    let families = series_of(scrape, id);
    families.iter().filter_map(|series| Some(series.split_once('{')?.0.to_owned())).collect()
}

#[tokio::test]
async fn an_org_that_is_renamed_out_of_the_selection_or_into_it_follows_at_the_next_sweep() {
    let mut setup = Setup::at(NOW);
    setup.config.selection = selection("[orgs.include]\nnames = [\"Acme *\"]");
    let (first, second) = (setup.world.orgs()[2].id(), setup.world.orgs()[5].id());
    "Acme One".clone_into(&mut setup.world.org_mut(first).expect("an org").name);
    let app = setup.start().await;
    let families = families_of(&app.scrape().await, first);
    for family in ["losant_org_info", "losant_application_devices", "losant_org_devices_previous_period"] {
        assert!(families.contains(family), "{family} of {families:?}");
    }

    // Back and forth: whoever comes back has all it had.
    for (out, into) in [(first, second), (second, first), (first, second)] {
        rename(&app, out, "Somebody else");
        rename(&app, into, "Acme Two");
        app.let_pass(SWEEP).await;
        let scrape = app.scrape().await;
        assert_eq!(series_of(&scrape, out), Vec::<String>::new());
        assert_eq!(excluded(&scrape, "org"), Some(11.0));
        assert!(scrape.value_where("losant_org_info", "name=\"Acme Two\"").is_some());
        assert_eq!(families_of(&scrape, into), families);
        let (world, now) = (app.simulator.world(), app.clock.now());
        let report = freshness::compare(&world, &scrape, now, Side::True, SignedDuration::from_mins(60));
        assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
        // Of those who are left out nothing is known, of all others everything.
        assert!(report.unknown.values().all(|unknown| *unknown == 11), "{:?}", report.unknown);
    }
}

/// What is logged on this thread: each test polls on its own.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Listens until the guards are dropped.
    fn listen(&self) -> (tracing::dispatcher::DefaultGuard, tracing::Dispatch) {
        let writer = self.clone();
        let log = logging::dispatch(Level::Warn, LogFormat::Logfmt, move || writer.clone());
        // While there is only one log, a line that is first come by on another thread would be silenced on all of them.
        let other = logging::dispatch(Level::Warn, LogFormat::Logfmt, io::sink);
        (tracing::dispatcher::set_default(&log), other)
    }

    /// Takes the lines about patterns of the selection.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().expect("a log"));
        let log = String::from_utf8(bytes).expect("text");
        log.lines().filter(|line| line.contains("matches no")).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a log").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_pattern_that_fits_nobody_is_told_of_once_with_the_names_that_it_was_held_against() {
    let log = Log::default();
    let _listening = log.listen();
    let mut setup = Setup::at(NOW);
    setup.config.selection = selection(
        "[orgs.include]\nnames = [\"Acme *\", \"Northwind*\"]\ntags = [\"tier=platinum\"]\n\
         [sandboxes.exclude]\nnames = [\"*@nowhere.example\"]",
    );
    let org = setup.world.orgs()[4].id();
    let app = setup.start().await;
    for _ in 0..3 {
        app.let_pass(SWEEP).await;
    }
    let lines = log.take();
    let of_key = |key: &str| {
        let found: Vec<_> = lines.iter().filter(|line| line.contains(key)).collect();
        assert_eq!(found.len(), 1, "{key}: {lines:#?}");
        found[0].clone()
    };
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let names = of_key("selection.orgs.include.names[0]");
    assert!(names.contains("Acme *") && names.contains("and 2 more"), "{names}");
    let world = app.simulator.world();
    let told = world.orgs().iter().filter(|org| names.contains(&org.name)).count();
    assert_eq!(told, 10, "{names}");
    let tags = of_key("selection.orgs.include.tags[0]");
    assert!(tags.contains("tier=platinum") && tags.contains("with tags such as"), "{tags}");
    let sandboxes = of_key("selection.sandboxes.exclude.names[0]");
    assert!(sandboxes.contains("their names are not logged"), "{sandboxes}");
    assert!(!sandboxes.contains("nowhere.example"), "{sandboxes}");
    for user in world.sandboxes() {
        assert!(!sandboxes.contains(&user.id().to_string()), "{sandboxes}");
        for personal in [&user.email, &user.last_name, &user.first_name] {
            assert!(lines.iter().all(|line| !line.contains(personal.as_str())), "{personal}: {lines:#?}");
        }
    }

    // One that came to fit somebody and does so no longer is worth another word.
    rename(&app, org, "Acme One");
    app.let_pass(SWEEP).await;
    assert_eq!(log.take(), Vec::<String>::new());
    rename(&app, org, "Somebody else");
    app.let_pass(SWEEP).await;
    app.let_pass(SWEEP).await;
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("selection.orgs.include.names[0]"), "{lines:#?}");
}

#[tokio::test]
async fn a_pattern_is_not_called_useless_while_a_list_is_not_whole() {
    let log = Log::default();
    let _listening = log.listen();
    let mut setup = Setup::at(NOW);
    setup.config.selection = selection("[orgs.include]\nnames = [\"Nobody *\"]");
    let app = setup.start_unready().await;
    let route = Route::action("instanceOrgs.get");
    app.simulator.faults().inject(Fault::always(route, FaultKind::HtmlError(502)));
    app.poll_failing().await;
    assert_eq!(log.take(), Vec::<String>::new());
    app.simulator.faults().clear_all();
    app.poll_now().await;
    assert_eq!(log.take().len(), 1);
}

/// Whether a series comes from a collector that can be disabled.
fn comes_from(collector: Collector, series: &str) -> bool {
    let family = series.split('{').next().unwrap_or_default();
    let stem = family.splitn(3, '_').nth(2).unwrap_or_default();
    let age = format!("collector=\"{collector}\"");
    if stem == "last_success_timestamp_seconds" {
        return series.contains(&age);
    }
    if stem.ends_with("_previous_period") {
        return collector == Collector::PreviousPeriod;
    }
    if family.starts_with("losant_application_") {
        return collector == Collector::Applications;
    }
    match collector {
        Collector::PayloadCounts => stem == "payloads_period",
        // Without it no bytes are asked for, by hour and day neither.
        Collector::PayloadBytes => stem.starts_with("payload_bytes_"),
        Collector::PayloadCountsBreakdown => {
            let windows = ["_this_hour", "_last_hour", "_today", "_last_day"];
            stem.starts_with("payload") && windows.iter().any(|window| stem.ends_with(window))
                || stem == "billable_payloads_period"
                || stem == "last_hour_end_timestamp_seconds"
        }
        Collector::DeviceCounts => stem.starts_with("devices"),
        Collector::NotebookMinuteCounts => {
            stem.starts_with("notebook_run") && stem != "notebook_run_limit_seconds"
        }
        Collector::Discovery | Collector::Applications | Collector::PreviousPeriod => false,
    }
}

#[tokio::test]
async fn a_disabled_collector_has_no_series_asks_nothing_and_makes_no_scope_stale() {
    use Collector::{
        Applications, DeviceCounts, NotebookMinuteCounts, PayloadBytes, PayloadCounts,
        PayloadCountsBreakdown, PreviousPeriod,
    };
    let cases: [(&[Collector], &str); 7] = [
        (&[PayloadBytes], ""),
        (&[PayloadCounts], ""),
        (&[PayloadCounts, PayloadBytes], "payloadCounts"),
        (&[PayloadCountsBreakdown], "payloadCountsBreakdown"),
        (&[DeviceCounts], "deviceCounts"),
        (&[NotebookMinuteCounts], "notebookMinuteCounts"),
        (&[Applications, PreviousPeriod], "historicalSummaries"),
    ];
    let whole = Setup::at(NOW).start().await;
    for _ in 0..12 {
        whole.let_pass(SWEEP).await;
    }
    whole.poll_now().await;
    let all = of_losant(&whole.scrape().await);
    let asks_bytes = |app: &TestApp| {
        app.simulator.requests().iter().any(|request| request.query_value("asBytes") == Some("true"))
    };
    assert!(asks_bytes(&whole));
    for (disabled, action) in cases {
        let mut setup = Setup::at(NOW);
        setup.config.polling.disabled_collectors = disabled.to_vec();
        let app = setup.start().await;
        for _ in 0..12 {
            app.let_pass(SWEEP).await;
        }
        let scrape = app.scrape().await;
        for state in ["stale", "failing"] {
            let of_state = scrape.family("losant_exporter_scopes");
            let label = format!("\"{state}\"");
            let count: f64 =
                of_state.iter().filter(|(name, _)| name.contains(&label)).map(|(_, value)| value).sum();
            assert_eq!(count, 0.0, "{disabled:?} {state}");
        }
        app.poll_now().await;
        let mut expected = all.clone();
        expected.retain(|series, _| !disabled.iter().any(|collector| comes_from(*collector, series)));
        assert!(expected.len() < all.len(), "{disabled:?}");
        assert_same(&of_losant(&app.scrape().await), &expected);
        for request in app.simulator.requests() {
            let name = request.action.and_then(|action| action.split('.').nth(1)).unwrap_or_default();
            assert!(action.is_empty() || name != action, "{disabled:?}: {request:?}");
        }
        assert_eq!(asks_bytes(&app), !disabled.contains(&PayloadBytes), "{disabled:?}");
    }
}

#[tokio::test]
async fn without_the_source_label_payloads_of_a_type_are_one_sum() {
    let mut setup = Setup::at(NOW);
    setup.config.exposition.source_label = false;
    let app = setup.start().await;
    // From answers about each, and then from lists.
    for _ in 0..4 {
        let mut expected = Series::new();
        for (series, value) in usage(&app.simulator.world(), app.clock.now()) {
            let series = match series.split_once(",source=") {
                Some((rest, _)) => format!("{rest}}}"),
                None => series,
            };
            *expected.entry(series).or_default() += value;
        }
        let shown = usage_of(&app.scrape().await.series);
        assert!(shown.keys().all(|series| !series.contains("source=")));
        assert_same(&shown, &expected);
        app.let_pass(SWEEP).await;
        app.poll_now().await;
    }
}
