use super::super::logged::Log;
use super::super::schedule::next_slot;
use super::super::stand::{MINUTE, Stand, id, instance, org, sandbox, unavailable, used, used_type, whole};
use super::super::sweep_mode::SweepMode;
use super::*;
use crate::losant::Unavailable;
use crate::losant::wire::Summary;
use crate::selection::{Candidate, Effect, Pattern, Rule, Selection};
use crate::usage::Reading;

fn orgs(numbers: std::ops::Range<u8>) -> Vec<(Scope, Summary)> {
    numbers.map(|number| (org(number), used(5.0))).collect()
}

fn known(stand: &Stand) -> Vec<Scope> {
    let snapshot = stand.poller.store.snapshot();
    let stored: Vec<_> = snapshot.scopes().iter().map(|(scope, _)| *scope).collect();
    let members: Vec<_> = stand.poller.fleet.members().map(|(scope, _)| scope).collect();
    assert_eq!(stored, members);
    members
}

/// A sweep whose list of orgs breaks off after those of `found`.
fn broken_off(stand: &mut Stand, found: &[(Scope, Summary)]) {
    let found = found.iter().map(|(scope, summary)| stand.found(*scope, Some(summary))).collect();
    stand.sweep_of(found, |discovered| {
        discovered.orgs.as_mut().map(|walked| walked.complete = false).unwrap();
    });
}

#[test]
fn whoever_is_not_on_a_whole_list_is_gone_with_all_that_was_known() {
    let (mut stand, log) = (Stand::new(), Log::listen());
    let others = [(sandbox(7), used(5.0))];
    stand.sweep(&[&orgs(2..3)[..], &others].concat());
    assert_eq!(log.count("scopes=org new=1 gone=0 listed=1"), 1);
    stand.sweep(&[&orgs(2..4)[..], &others].concat());
    assert_eq!(log.count("scopes=org new=1 gone=0 listed=2"), 1);
    stand.poll_all(org(3), 5.0);
    stand.sweep(&[&orgs(2..3)[..], &others].concat());
    assert_eq!(known(&stand), [whole(), org(2), sandbox(7)]);
    assert_eq!(stand.due(org(3), Collector::DeviceCounts), None);
    assert_eq!(log.count("new=0 gone=1 listed=1"), 1);
    stand.sweep(&[&orgs(2..3)[..], &others].concat());
    assert_eq!(log.count("discovered"), 0, "nothing is new");
}

#[test]
fn scopes_that_another_account_had_polled_before_are_gone_as_well() {
    let mut stand = Stand::new();
    let (reading, uptime) = (Reading::at(stand.now()), stand.uptime());
    stand.poller.store.put(org(9), Collector::Discovery, reading.clone(), uptime);
    stand.poller.store.put(sandbox(9), Collector::Discovery, reading, uptime);
    stand.sweep_of(Vec::new(), |discovered| discovered.sandboxes = Err(unavailable(Unavailable::Timeout)));
    let left: Vec<_> = stand.poller.store.snapshot().scopes().iter().map(|(scope, _)| *scope).collect();
    assert_eq!(left, [whole(), sandbox(9)], "of sandboxes there was no list");
}

#[test]
fn on_a_list_that_breaks_off_the_others_may_still_be_there() {
    let mut stand = Stand::new();
    stand.sweep(&orgs(2..4));
    broken_off(&mut stand, &orgs(2..3));
    assert_eq!(known(&stand), [whole(), org(2), org(3)]);
    assert!(
        stand.is_failing(org(3), Collector::Discovery) && !stand.is_failing(org(2), Collector::Discovery)
    );
    assert_eq!(stand.poller.unlisted, BTreeSet::from([org(3)]));
    stand.sweep(&orgs(2..4));
    assert!(!stand.is_failing(org(3), Collector::Discovery));
    assert!(stand.poller.unlisted.is_empty());
}

#[test]
fn those_on_a_list_that_fails_stay_and_are_asked_in_turn_when_that_lasts() {
    let mut stand = Stand::new();
    stand.sweep(&orgs(2..3));
    stand.poll_all(org(2), 5.0);
    let down = unavailable(Unavailable::Status(503));
    let is_due = |stand: &Stand| stand.due(org(2), Collector::DeviceCounts) <= Some(stand.uptime());
    for (minutes, due) in [(5, false), (10, true)] {
        stand.pass(minutes * MINUTE);
        stand.sweep_of(Vec::new(), |discovered| discovered.orgs = Err(down.clone()));
        assert!(stand.is_failing(org(2), Collector::Discovery));
        assert_eq!(is_due(&stand), due);
    }
    assert_eq!(known(&stand), [whole(), org(2)]);
    assert!(stand.poller.unlisted.is_empty(), "an error says nothing of them");
    // The same where lists break off again and again before they come to them.
    let mut stand = Stand::new();
    stand.sweep(&orgs(2..3));
    stand.poll_all(org(2), 5.0);
    stand.pass(15 * MINUTE);
    broken_off(&mut stand, &[]);
    assert!(is_due(&stand));
}

#[test]
fn a_list_that_is_suddenly_empty_has_to_be_so_twice() {
    let (mut stand, log) = (Stand::new(), Log::listen());
    stand.sweep(&[]);
    assert_eq!(log.count("the list is empty"), 0, "there was nobody before");
    for _ in 0..2 {
        stand.sweep(&orgs(2..4));
        stand.sweep(&[]);
        assert_eq!(known(&stand), [whole(), org(2), org(3)]);
        assert_eq!(log.count("the list is empty"), 1);
    }
    stand.sweep(&[]);
    assert_eq!(known(&stand), [whole()]);
}

#[test]
fn an_empty_list_of_orgs_says_nothing_of_sandboxes() {
    let mut stand = Stand::new();
    let sandboxes = |stand: &Stand| vec![stand.found(sandbox(7), None)];
    let found = [vec![stand.found(org(2), None)], sandboxes(&stand)].into_iter().flatten().collect();
    stand.sweep_of(found, |_| ());
    let found = sandboxes(&stand);
    stand.sweep_of(found, |_| ());
    stand.sweep(&[]);
    assert_eq!(known(&stand), [whole(), sandbox(7)]);
}

#[test]
fn newcomers_get_their_places_when_the_sweep_has_ended() {
    let mut stand = Stand::new();
    let found = vec![stand.found(org(2), Some(&used(5.0)))];
    stand.hand_in(found);
    assert_eq!(stand.due(org(2), Collector::DeviceCounts), None);
    stand.sweep(&orgs(2..3));
    assert_eq!(stand.due(org(2), Collector::DeviceCounts), Some(stand.uptime()));
    assert!(stand.poller.newcomers.is_empty());
    // One that was gone again before.
    let found = vec![stand.found(org(3), Some(&used(5.0)))];
    stand.hand_in(found);
    stand.sweep(&orgs(2..3));
    stand.sweep(&orgs(2..3));
    assert_eq!(stand.due(org(3), Collector::DeviceCounts), None);
}

#[test]
fn a_newcomer_that_is_silent_rests_at_once() {
    let mut stand = Stand::new().trusting();
    stand.sweep(&[(org(2), used_type("event", 1.0, true)), (org(3), used_type("timer", 0.0, false))]);
    for collector in [Collector::PayloadBytes, Collector::PayloadCountsBreakdown] {
        let job = Job::Poll(org(3), collector);
        let refresh = stand.poller.config.polling.refresh_interval.get();
        assert_eq!(stand.poller.schedule.due(job), Some(next_slot(job, MINUTE, refresh)));
        assert!(stand.last_success(org(3), collector).is_some());
    }
    assert!(stand.due(org(2), Collector::PayloadBytes) <= Some(stand.uptime()));
}

#[test]
fn whoever_gets_places_for_further_collectors_keeps_those_for_the_others() {
    let mut stand = Stand::new();
    stand.sweep(&[]);
    stand.poller.put_back(Job::Poll(whole(), Collector::PreviousPeriod));
    let due = stand.due(whole(), Collector::PreviousPeriod);
    assert!(due > Some(stand.uptime()));
    stand.poller.schedule_newcomer(whole());
    assert_eq!(stand.due(whole(), Collector::PreviousPeriod), due);
}

#[test]
fn first_looks_at_quiet_scopes_are_spread_where_they_take_longer_than_a_sweep() {
    let spread = |requests_per_second, number: u8| {
        let mut stand = Stand::with(|config| config.requests_per_second = requests_per_second);
        stand.sweep(&orgs(2..2 + number));
        let job = Job::Poll(org(2), Collector::DeviceCounts);
        let due = stand.poller.schedule.due(job).unwrap();
        let expected = if stand.poller.spread.is_zero() {
            Duration::ZERO
        } else {
            next_slot(job, Duration::ZERO, stand.poller.spread)
        };
        assert_eq!(due, expected);
        stand.poller.spread.as_secs()
    };
    // Four requests for each, the instance included: with two orgs at one in 25 seconds, five minutes.
    assert_eq!(spread(0.04, 1), 0);
    assert_eq!(spread(0.04, 2), 300);
    assert_eq!(spread(0.04, 5), 600);
    assert_eq!(spread(0.0001, 2), 12 * 3_600, "and no longer than until everybody is asked anyhow");
}

fn rule(level: Level, effect: Effect, key: &str, name: &str) -> Rule {
    Rule { level, effect, key: key.to_owned(), pattern: Pattern::glob(name).unwrap() }
}

#[test]
fn patterns_that_fit_nobody_are_told_of_once_when_all_lists_have_been_walked() {
    let rules = vec![
        rule(Level::Org, Effect::Include, "include[0]", "acme"),
        rule(Level::Org, Effect::Include, "include[1]", "globex"),
        rule(Level::Sandbox, Effect::Exclude, "exclude[0]", "nobody"),
    ];
    let (log, selection) = (Log::listen(), Selection::new(rules));
    let mut stand = Stand::with(|config| config.selection = selection);
    assert_eq!(stand.poller.unmatched_patterns(Level::Org).map(|unmatched| unmatched.len()), None);
    let mut walk = |name: &str| {
        stand.sweep_of(Vec::new(), |discovered| {
            let walked = discovered.orgs.as_mut().unwrap();
            walked.tally.look_at(Level::Org, &Candidate { id: id(2), names: &[name], tags: &[] });
        });
        let lines = log.take();
        let told = |key: &str| lines.iter().any(|line| line.starts_with("WARN") && line.contains(key));
        ["include[0]", "include[1]", "exclude[0]"].map(told)
    };
    assert_eq!(walk("acme"), [false, true, true]);
    assert_eq!(walk("acme"), [false, false, false], "that has been said");
    assert_eq!(walk("globex"), [true, false, false]);
    assert_eq!(walk("acme"), [false, true, false], "it fitted somebody in between");
    let unmatched = stand.poller.unmatched_patterns(Level::Org).unwrap();
    assert_eq!(unmatched.iter().map(|unmatched| unmatched.key.as_str()).collect::<Vec<_>>(), ["include[1]"]);
    stand.poller.add_instance(id(9));
    assert!(stand.poller.unmatched_patterns(Level::Org).is_none(), "its list has not come");
}

#[test]
fn a_list_that_is_not_whole_says_nothing_of_patterns() {
    let log = Log::listen();
    let rules = vec![rule(Level::Org, Effect::Exclude, "exclude[0]", "nobody")];
    let mut stand = Stand::with(|config| config.selection = Selection::new(rules));
    broken_off(&mut stand, &[]);
    assert_eq!(log.count("exclude[0]"), 0);
    stand.sweep(&[]);
    assert_eq!(log.count("exclude[0]"), 1);
}

#[test]
fn it_is_said_when_lists_turn_out_to_be_exact_and_when_not() {
    let log = Log::listen();
    let mut stand = Stand::new().trusting();
    assert_eq!(log.count("exactly, and these are shown"), 1);
    stand.sweep(&[(org(99), used(4.0))]);
    assert_eq!(log.count("exactly"), 0);
    stand.poll(org(99), Collector::PayloadCounts, 9.0);
    stand.pass(MINUTE);
    stand.sweep(&[(org(99), used(4.0))]);
    assert_eq!(log.count("do not tell payloads of the billing period exactly"), 1);
}

#[test]
fn what_lists_are_good_for_is_said_in_a_word_when_it_changes() {
    let (mut stand, log) = (Stand::new(), Log::listen());
    let mut mode = |told: u8, untold: u8| {
        let scopes = (2..2 + told + untold).map(org).enumerate();
        let found = scopes.map(|(place, scope)| {
            let summary = used(5.0);
            stand.found(scope, (place < usize::from(told)).then_some(&summary))
        });
        let found = found.collect();
        stand.sweep_of(found, |_| ());
        let lines = log.take();
        let lines = lines.iter().filter(|line| line.contains("what has been used")).count();
        let shown = |mode: SweepMode| {
            stand.has_metric(&format!(
                "losant_exporter_sweep_mode{{account=\"default\",mode=\"{}\"}} 1",
                mode.as_str()
            ))
        };
        assert_eq!(
            SweepMode::ALL.into_iter().filter(|mode| shown(*mode)).collect::<Vec<_>>(),
            stand.poller.sweep_mode.into_iter().collect::<Vec<_>>()
        );
        (stand.poller.sweep_mode, lines)
    };
    assert_eq!(mode(0, 0), (None, 0), "nobody is listed");
    assert_eq!(mode(0, 1), (Some(SweepMode::Scopes), 1));
    assert_eq!(mode(0, 2), (Some(SweepMode::Scopes), 0));
    assert_eq!(mode(1, 1), (Some(SweepMode::Mixed), 1));
    assert_eq!(mode(99, 1), (Some(SweepMode::Mixed), 0));
    assert_eq!(mode(100, 1), (Some(SweepMode::Summaries), 1), "one that is missing now and then");
    assert_eq!(mode(98, 1), (Some(SweepMode::Mixed), 1));
    assert_eq!(SweepMode::ALL.map(SweepMode::as_str), ["summaries", "scopes", "mixed"]);
}

#[test]
fn lists_of_an_instance_say_nothing_of_another() {
    let mut stand = Stand::new();
    stand.sweep(&orgs(2..3));
    let stranger = Scope::Org { instance: id(9), org: id(2) };
    let found = stand.found(stranger, None);
    stand.poller.add_instance(id(9));
    stand.hand_in(vec![found]);
    stand.sweep(&orgs(2..3));
    stand.sweep(&orgs(2..3));
    assert!(stand.poller.fleet.get(stranger).is_some());
    assert_ne!(stranger.instance(), instance());
}
