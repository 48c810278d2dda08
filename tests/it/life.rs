//! The life of a scope: it appears, is renamed, disabled, deleted, comes back; and nothing that fails on the way takes away
//! what is still true.

use std::time::Duration;

use jiff::SignedDuration;
use losant_exporter::config::Interval;
use losant_exporter::simulator::{Fault, FaultKind, ObjectId, RecordedRequest, Route, Switches};

use crate::freshness::{self, Report};
use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp, within_patience};
use crate::truth::{Series, Side, assert_same, usage, usage_of};

const NOW: &str = "2026-03-17T14:23:45.250Z";
const MINUTE: Duration = Duration::from_secs(60);
const SWEEP: Duration = Duration::from_secs(300);

/// Compares everything that is shown with the truth of the moment that it says it speaks of.
async fn assert_true(app: &TestApp) -> Report {
    assert_true_for(app, 60).await
}

/// The same where numbers are shown for so many minutes.
async fn assert_true_for(app: &TestApp, minutes: i64) -> Report {
    let (world, now) = (app.simulator.world(), app.clock.now());
    let expire_after = SignedDuration::from_mins(minutes);
    let report = freshness::compare(&world, &app.scrape().await, now, Side::True, expire_after);
    assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
    report
}

async fn assert_true_and_whole(app: &TestApp) {
    let report = assert_true(app).await;
    assert!(report.unknown.is_empty(), "{:?}", report.unknown);
}

/// Reads everything anew and compares it with the truth of this moment.
async fn assert_exact(app: &TestApp) {
    app.poll_now().await;
    assert_same(&usage_of(&app.scrape().await.series), &usage(&app.simulator.world(), app.clock.now()));
}

/// The series of a scope, without their values.
fn series_of(scrape: &Scrape, id: ObjectId) -> Vec<String> {
    let id = id.to_string();
    scrape.series.keys().filter(|series| series.contains(&id)).cloned().collect()
}

/// Series about Losant, without their values.
fn about_losant(scrape: &Scrape) -> Vec<String> {
    let is_own = |series: &str| series.starts_with("losant_exporter_") || series.starts_with("process_");
    scrape.series.keys().filter(|series| !is_own(series)).cloned().collect()
}

fn missing<'a>(from: &'a [String], of: &[String]) -> Vec<&'a String> {
    from.iter().filter(|series| !of.contains(series)).collect()
}

/// How many scopes of all levels are fresh, stale and failing.
fn states(scrape: &Scrape) -> [f64; 3] {
    ["fresh", "stale", "failing"].map(|state| {
        let label = format!("state=\"{state}\"");
        let family = scrape.family("losant_exporter_scopes");
        family.iter().filter(|(series, _)| series.contains(&label)).map(|(_, count)| count).sum()
    })
}

/// An instance, twelve orgs, and the seven sandbox users who are not marked for deletion.
const EVERYBODY: f64 = 20.0;

/// Usage that is not about a month that is over: that goes with the month and not with its age.
fn perishable(scrape: &Scrape) -> Series {
    let mut series = usage_of(&scrape.series);
    let applications = scrape.family("losant_application_devices");
    series.extend(applications.into_iter().map(|(series, value)| (series.to_owned(), value)));
    series
}

#[tokio::test]
async fn a_scope_that_appears_has_all_its_numbers_at_the_next_sweep() {
    let app = Setup::at(NOW).start().await;
    app.let_pass(SWEEP).await;
    let now = app.clock.now();
    let mut added = Vec::new();
    app.simulator.change_world(|world| {
        let instance = world.instances()[0].id();
        added.push(world.add_org(instance, "Newcomer", now));
        added.push(world.add_sandbox(instance, "new@example.com", now));
    });
    app.let_pass(SWEEP).await;
    assert_true_and_whole(&app).await;
    let scrape = app.scrape().await;
    assert_eq!(scrape.value_where("losant_org_info", "name=\"Newcomer\""), Some(1.0));
    assert_eq!(states(&scrape), [EVERYBODY + 2.0, 0.0, 0.0]);
    for id in &added {
        assert!(series_of(&scrape, *id).len() > 40, "{:#?}", series_of(&scrape, *id));
    }
    for _ in 0..12 {
        app.let_pass(SWEEP).await;
        assert_true_and_whole(&app).await;
    }
    // Their applications come with the next monthly summary.
    let scrape = app.scrape().await;
    for id in &added {
        assert!(scrape.family("losant_application_info").keys().any(|name| name.contains(&id.to_string())));
    }
}

#[tokio::test]
async fn a_renamed_org_changes_its_info_and_nothing_else() {
    let app = Setup::at(NOW).start().await;
    let before = about_losant(&app.scrape().await);
    let org = app.simulator.world().orgs()[3].id();
    app.simulator.change_world(|world| {
        let org = world.org_mut(org).expect("an org");
        "Another name".clone_into(&mut org.name);
        "platinum".clone_into(&mut org.tags[0].value);
    });
    app.hand.advance(Duration::from_millis(1));
    app.poll_now().await;
    let after = about_losant(&app.scrape().await);
    let (gone, new) = (missing(&before, &after), missing(&after, &before));
    assert_eq!((gone.len(), new.len()), (2, 2), "gone {gone:#?} new {new:#?}");
    let id = org.to_string();
    for (series, family) in gone.iter().zip(["losant_org_info{", "losant_org_tag{"]) {
        assert!(series.starts_with(family) && series.contains(&id), "{series}");
    }
    assert!(new[0].contains(&id) && new[0].contains("name=\"Another name\""), "{new:?}");
    assert!(new[1].contains(&id) && new[1].contains("key=\"tier\",value=\"platinum\""), "{new:?}");
    assert_exact(&app).await;
}

#[tokio::test]
async fn a_disabled_org_is_shown_as_such_and_its_numbers_stay_true() {
    let app = Setup::at(NOW).start().await;
    let org = app.simulator.world().orgs()[3].id();
    let shown = |scrape: &Scrape| scrape.value_where("losant_org_disabled", &org.to_string());
    assert_eq!(shown(&app.scrape().await), Some(0.0));
    for disabled in [true, false] {
        let now = app.clock.now();
        app.simulator.change_world(|world| {
            world.org_mut(org).expect("an org").disable(disabled.then_some(now), now);
        });
        for _ in 0..13 {
            app.let_pass(SWEEP).await;
            assert_true_and_whole(&app).await;
            assert_eq!(shown(&app.scrape().await), Some(f64::from(u8::from(disabled))));
        }
        assert_exact(&app).await;
    }
}

#[tokio::test]
async fn a_deleted_scope_keeps_its_series_until_a_list_is_whole_again_and_loses_them_then() {
    let app = Setup::at(NOW).start().await;
    app.let_pass(SWEEP).await;
    let now = app.clock.now();
    let (org, sandbox) = (app.simulator.world().orgs()[2].id(), app.simulator.world().sandboxes()[0].id());
    app.simulator.change_world(|world| {
        world.org_mut(org).expect("an org").deleted_at = Some(now);
        world.sandbox_mut(sandbox).expect("a user").deleted_at = Some(now);
    });
    let route = Route::action("instanceOrgs.get");
    app.simulator.faults().inject(Fault::always(route, FaultKind::HtmlError(502)));
    app.let_pass(SWEEP).await;
    let scrape = app.scrape().await;
    assert!(!series_of(&scrape, org).is_empty(), "no list has said that it is gone");
    assert_eq!(series_of(&scrape, sandbox), Vec::<String>::new(), "the other list has");
    app.simulator.faults().clear_all();
    app.let_pass(SWEEP).await;
    let scrape = app.scrape().await;
    assert_eq!(series_of(&scrape, org), Vec::<String>::new());
    assert_eq!(states(&scrape), [EVERYBODY - 2.0, 0.0, 0.0]);
    assert_true_and_whole(&app).await;
    // Nothing that was under way or is asked later brings it back.
    for _ in 0..12 {
        app.let_pass(SWEEP).await;
    }
    assert_eq!(series_of(&app.scrape().await, org), Vec::<String>::new());
    assert_exact(&app).await;
}

#[tokio::test]
async fn a_sandbox_that_is_marked_for_deletion_goes_and_comes_back_whole_when_it_is_restored() {
    let app = Setup::at(NOW).start().await;
    let sandbox = app.simulator.world().sandboxes()[0].id();
    let before = series_of(&app.scrape().await, sandbox);
    for family in ["losant_sandbox_devices{", "losant_application_devices{"] {
        assert!(before.iter().any(|series| series.starts_with(family)), "{family}");
    }
    let now = app.clock.now();
    app.simulator.change_world(|world| {
        world.sandbox_mut(sandbox).expect("a user").marked_for_deletion_at = Some(now);
    });
    app.let_pass(SWEEP).await;
    assert_eq!(series_of(&app.scrape().await, sandbox), Vec::<String>::new());
    assert_true_and_whole(&app).await;
    let now = app.clock.now();
    app.simulator.change_world(|world| world.sandbox_mut(sandbox).expect("a user").undelete(now));
    app.let_pass(SWEEP).await;
    assert_true_and_whole(&app).await;
    let after = series_of(&app.scrape().await, sandbox);
    assert_eq!(missing(&before, &after), Vec::<&String>::new(), "all it had");
    assert_exact(&app).await;
}

/// Sweeps while the second page of a list goes wrong. Returns how many polls failed.
async fn sweep_with_broken_second_page(app: &TestApp, action: &str, kind: FaultKind) -> usize {
    const A_SECOND: Duration = Duration::from_secs(1);
    let before = app.simulator.request_count();
    let is_page = |request: &&RecordedRequest| request.number > before && request.action == Some(action);
    let pages = |requests: &[RecordedRequest]| requests.iter().filter(is_page).count();
    // The first page is on its way, and meets nothing but a delay, when the fault comes.
    let route = Route::action(action);
    app.simulator.faults().inject(Fault::always(route.clone(), FaultKind::Delay(A_SECOND)));
    let break_the_second = async {
        app.simulator.wait_for_requests(|requests| pages(requests) == 1).await;
        app.simulator.faults().inject(Fault::always(route, kind.clone()));
        app.hand.advance(A_SECOND);
        app.simulator.wait_for_requests(|requests| pages(requests) == 2).await;
        app.hand.advance(A_SECOND);
    };
    let (failed, ()) = tokio::join!(app.poll_failing(), within_patience("two pages", break_the_second));
    let requests = app.simulator.requests();
    let statuses: Vec<_> = requests.iter().filter(is_page).map(|request| request.status).collect();
    assert_eq!(statuses.len(), 2, "{action} {kind:?}: one page and the one that fails");
    assert_eq!(statuses[0], Some(200), "{action} {kind:?}");
    app.simulator.faults().clear_all();
    failed
}

#[tokio::test]
async fn a_list_that_breaks_off_after_its_first_page_removes_nothing() {
    let status = FaultKind::Status { status: 500, kind: "InternalError".to_owned(), message: String::new() };
    for action in ["instanceOrgs.get", "instanceSandboxes.get"] {
        for kind in [status.clone(), FaultKind::CutBody] {
            let app = Setup::at(NOW).start_unready().await;
            app.simulator.set_switches(Switches { page_size_cap: 3, ..Switches::default() });
            app.poll_now().await;
            let before = about_losant(&app.scrape().await);
            assert_eq!(sweep_with_broken_second_page(&app, action, kind.clone()).await, 1, "{action}");
            let scrape = app.scrape().await;
            let after = about_losant(&scrape);
            assert_eq!(missing(&before, &after), Vec::<&String>::new(), "{action} {kind:?}");
            assert_eq!(scrape.family("losant_up").into_values().collect::<Vec<_>>(), [0.0]);
            // Whom the list did not come to is marked.
            let [fresh, stale, failing] = states(&scrape);
            let listed = if action == "instanceOrgs.get" { 12.0 } else { 7.0 };
            assert_eq!((stale, failing), (0.0, listed - 3.0), "{action} {kind:?}");
            assert_eq!(fresh + failing, EVERYBODY);
            assert_exact(&app).await;
            assert_eq!(states(&app.scrape().await), [EVERYBODY, 0.0, 0.0]);
        }
    }
}

#[tokio::test]
async fn numbers_go_after_their_time_while_everything_fails_and_come_back_after_it() {
    let app = Setup::at(NOW).start().await;
    let start = app.clock.now();
    assert_eq!(states(&app.scrape().await), [EVERYBODY, 0.0, 0.0]);
    app.simulator.faults().inject(Fault::always(Route::everything(), FaultKind::HtmlError(503)));
    for minute in 1..=70_u32 {
        app.let_pass(MINUTE).await;
        let scrape = app.scrape().await;
        let is_shown = !perishable(&scrape).is_empty();
        assert_eq!(is_shown, minute <= 60, "minute {minute}");
        // The sweep has failed by then, and with it everybody on its lists; and three intervals later numbers are old.
        if (5..15).contains(&minute) {
            assert_eq!(states(&scrape), [0.0, 0.0, EVERYBODY], "minute {minute}");
        } else if minute >= 20 {
            assert_eq!(states(&scrape), [0.0, EVERYBODY, 0.0], "minute {minute}");
        }
        if is_shown {
            assert_true(&app).await;
        }
    }
    let scrape = app.scrape().await;
    let ages = scrape.family("losant_org_last_success_timestamp_seconds");
    assert_eq!(ages.len(), 12 * 6);
    let oldest = start.as_duration().as_secs_f64() + 300.0;
    assert!(ages.values().all(|at| *at <= oldest), "{ages:?}");
    assert!(!scrape.family("losant_org_devices_previous_period").is_empty(), "that month is over");

    app.simulator.faults().clear_all();
    app.let_pass(SWEEP).await;
    assert_true_and_whole(&app).await;
    let scrape = app.scrape().await;
    assert_eq!(states(&scrape), [EVERYBODY, 0.0, 0.0]);
    assert!(!scrape.family("losant_application_devices").is_empty());
    assert_exact(&app).await;
}

#[tokio::test]
async fn scopes_are_stale_while_no_answer_comes_and_nothing_has_failed() {
    let mut setup = Setup::at(NOW);
    setup.config.polling.expire_after = Interval::minutes(40);
    let app = setup.start().await;
    // Answers take 45 minutes of the clock that the test moves, and no time that a client could measure.
    let delay = FaultKind::Delay(45 * MINUTE);
    app.simulator.faults().inject(Fault::always(Route::everything(), delay));
    for minute in 1..=44_u32 {
        app.hand.advance(MINUTE);
        let scrape = app.scrape().await;
        // Three times the shortest interval.
        let expected = if minute <= 15 { [EVERYBODY, 0.0, 0.0] } else { [0.0, EVERYBODY, 0.0] };
        assert_eq!(states(&scrape), expected, "minute {minute}");
        assert_eq!(perishable(&scrape).is_empty(), minute > 40, "minute {minute}");
        assert_true_for(&app, 40).await;
    }
    app.simulator.faults().clear_all();
    app.hand.advance(MINUTE);
    assert_exact(&app).await;
    assert_eq!(states(&app.scrape().await), [EVERYBODY, 0.0, 0.0]);
}

fn mode(scrape: &Scrape, mode: &str) -> Option<f64> {
    scrape.value(&format!("losant_exporter_sweep_mode{{account=\"default\",mode=\"{mode}\"}}"))
}

#[tokio::test]
async fn where_lists_do_not_tell_what_was_used_everybody_is_asked_in_turn_until_they_do() {
    let usual = Switches::default();
    for switches in
        [Switches { summaries: false, ..usual }, Switches { summary_payload_count: false, ..usual }]
    {
        let app = Setup::at(NOW).start_unready().await;
        app.simulator.set_switches(switches);
        app.poll_now().await;
        assert_eq!(mode(&app.scrape().await, "scopes"), Some(1.0));
        assert_eq!(mode(&app.scrape().await, "summaries"), Some(0.0));
        let mut compared = 0;
        let mut requests = [app.simulator.request_count(), 0, 0];
        for minute in 1..=60 {
            app.let_pass(MINUTE).await;
            let report = assert_true(&app).await;
            assert!(report.unknown.is_empty(), "minute {minute}: {:?}", report.unknown);
            compared += report.compared;
            for (collector, minutes) in [
                ("discovery", 5),
                ("payload_counts", 5),
                ("payload_bytes", 15),
                ("payload_counts_breakdown", 5),
                ("device_counts", 15),
                ("notebook_minute_counts", 15),
            ] {
                let (age, most) = (report.oldest[collector], SignedDuration::from_mins(minutes));
                assert!(age <= most, "minute {minute}: {collector} is {age:#} old");
            }
        }
        requests[1] = app.simulator.request_count();
        app.simulator.set_switches(usual);
        for _ in 0..60 {
            app.let_pass(MINUTE).await;
            assert_true_and_whole(&app).await;
        }
        requests[2] = app.simulator.request_count();
        let scrape = app.scrape().await;
        assert_eq!((mode(&scrape, "scopes"), mode(&scrape, "summaries")), (Some(0.0), Some(1.0)));
        let (in_turn, by_sweeps) = (requests[1] - requests[0], requests[2] - requests[1]);
        eprintln!("{in_turn} requests in an hour, then {by_sweeps}; compared {compared}");
        assert!(by_sweeps < in_turn, "{in_turn} requests in an hour, then {by_sweeps}");
        assert_exact(&app).await;
    }
}
