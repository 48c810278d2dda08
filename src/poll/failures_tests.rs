use proptest::prelude::*;

use super::super::logged::Log;
use super::*;
use crate::usage::{Collector, Id, Scope};

const ACCOUNT: &str = "default";

fn org(number: usize) -> Job {
    let id = |text: String| text.parse::<Id>().unwrap();
    let scope = Scope::Org { instance: id("a".repeat(24)), org: id(format!("{number:024x}")) };
    Job::Poll(scope, Collector::PayloadCounts)
}

/// Failures, and the log that is written of them on this thread.
struct Bench {
    failures: Failures,
    log: Log,
}

impl Bench {
    fn new() -> Self {
        Self { failures: Failures::default(), log: Log::listen() }
    }

    fn fail(&mut self, number: usize, why: &'static str) {
        self.failures.failed(ACCOUNT, org(number), why, &why);
    }

    fn succeed(&mut self, number: usize) {
        self.failures.succeeded(ACCOUNT, org(number));
    }

    /// Takes what was logged above `debug`.
    fn take(&self) -> Vec<String> {
        self.log.take()
    }
}

#[test]
fn what_went_wrong_last_is_told_while_it_does() {
    let mut bench = Bench::new();
    bench.fail(1, "timeout");
    bench.failures.explain(org(1), "no complete answer in time");
    bench.fail(2, "died");
    assert_eq!(bench.failures.last(org(1)), Some(("no complete answer in time", 1)));
    assert_eq!(bench.failures.last(org(2)), Some(("died", 1)));
    bench.succeed(1);
    assert_eq!(bench.failures.last(org(1)), None);
}

#[test]
fn equal_explanations_are_held_once_and_no_more_of_them_than_a_thousand() {
    let mut bench = Bench::new();
    for number in 0..3 * EXPLANATIONS {
        bench.fail(number, "rejected");
        bench.failures.explain(org(number), if number % 2 == 0 { "the same" } else { "the other" });
    }
    assert_eq!(bench.failures.explanations.len(), 2);
    for number in 0..3 * EXPLANATIONS {
        bench.failures.explain(org(number), &format!("reason {number}"));
    }
    assert!(bench.failures.explanations.len() <= EXPLANATIONS);
    assert_eq!(bench.failures.last(org(0)), Some(("reason 0", 1)));
    assert_eq!(bench.failures.last(org(2 * EXPLANATIONS)), Some(("rejected", 1)));
    // Who has recovered leaves room for others.
    for number in 0..EXPLANATIONS {
        bench.succeed(number);
    }
    bench.fail(0, "rejected");
    bench.failures.explain(org(0), "a new one");
    assert_eq!(bench.failures.last(org(0)), Some(("a new one", 1)));
}

#[test]
fn a_failure_is_logged_when_it_begins_when_its_reason_changes_and_when_it_ends() {
    let mut bench = Bench::new();
    bench.fail(1, "timeout");
    bench.fail(1, "timeout");
    bench.fail(1, "server_error");
    assert_eq!(bench.failures.in_a_row(org(1)), 3);
    bench.succeed(1);
    bench.succeed(1);
    let lines = bench.take();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].starts_with("WARN") && lines[0].contains("error=timeout"), "{lines:#?}");
    assert!(lines[1].starts_with("WARN") && lines[1].contains("error=server_error"), "{lines:#?}");
    assert!(lines[2].starts_with("INFO") && lines[2].contains("works again"), "{lines:#?}");
}

#[test]
fn what_goes_on_failing_is_told_of_once_an_hour_with_how_many_and_how_often() {
    let mut bench = Bench::new();
    let minute = |minute: u64| Duration::from_secs(60 * minute);
    for at in (0..150).step_by(5) {
        bench.fail(1, "timeout");
        if at >= 100 {
            bench.fail(2, "server_error");
        }
        bench.failures.remind(ACCOUNT, minute(at));
    }
    let lines = bench.take();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(
        lines[1].contains("polls still fail") && lines[1].contains("failing=1 in_a_row=13"),
        "{lines:#?}"
    );
    assert!(lines[3].contains("failing=2 in_a_row=25 reason=\"timeout\""), "{lines:#?}");
    bench.succeed(1);
    bench.succeed(2);
    bench.failures.remind(ACCOUNT, minute(600));
    assert_eq!(bench.take().len(), 2, "only that they work again");
    bench.fail(1, "timeout");
    bench.failures.remind(ACCOUNT, minute(700));
    assert_eq!(bench.take().len(), 1, "one that begins anew has its hour before it");
}

#[test]
fn five_failures_are_logged_one_by_one_and_a_hundred_more_in_one_line() {
    let mut bench = Bench::new();
    (0..5).for_each(|number| bench.fail(number, "server_error"));
    let lines = bench.take();
    assert!(lines.len() == 5 && lines.iter().all(|line| line.contains("failed")), "{lines:#?}");
    for _ in 0..3 {
        (5..105).for_each(|number| bench.fail(number, "timeout"));
    }
    // Another reason of one that was named is no news within an outage.
    bench.fail(0, "timeout");
    insta::assert_snapshot!(
        bench.take().join("\n"),
        @r#"WARN many polls fail, the others are not logged one by one account="default" failing=6 last_error=timeout"#
    );

    (5..105).for_each(|number| bench.succeed(number));
    assert_eq!(bench.take(), Vec::<String>::new());
    (0..5).for_each(|number| bench.succeed(number));
    let lines = bench.take();
    let of = |words: &str| lines.iter().filter(|line| line.contains(words)).collect::<Vec<_>>();
    assert_eq!((lines.len(), of("payload_counts of").len()), (6, 5), "{lines:#?}");
    assert_eq!(
        of("polls work again"),
        [r#"INFO polls work again account="default" recovered=100 failing=2"#]
    );
    assert_eq!(bench.failures.jobs().count(), 0);

    // And all over again.
    (0..6).for_each(|number| bench.fail(number, "timeout"));
    assert_eq!(bench.take().len(), 6);
}

#[test]
fn what_still_fails_after_an_outage_is_named_at_its_next_failure() {
    let mut bench = Bench::new();
    (0..9).for_each(|number| bench.fail(number, "timeout"));
    (0..7).for_each(|number| bench.succeed(number));
    assert!(bench.take().last().unwrap().ends_with("recovered=2 failing=2"));
    bench.fail(8, "timeout");
    bench.fail(8, "timeout");
    let lines = bench.take();
    assert!(lines.len() == 1 && lines[0].contains(&org(8).to_string()), "{lines:#?}");
}

#[test]
fn a_failure_that_something_larger_explains_takes_no_part() {
    let mut bench = Bench::new();
    for number in 0..100 {
        bench.failures.explained(ACCOUNT, org(number), "unauthorized", &"refused");
    }
    assert_eq!((bench.failures.jobs().count(), bench.failures.in_a_row(org(0))), (100, 1), "but they failed");
    (0..100).for_each(|number| bench.succeed(number));
    assert_eq!(bench.take(), Vec::<String>::new());
}

#[test]
fn a_failure_that_is_told_of_later_counts_like_any_other() {
    let mut bench = Bench::new();
    for number in 0..50 {
        bench.failures.note(org(number), "timeout", false);
    }
    assert_eq!(bench.take(), Vec::<String>::new());
    for number in 0..50 {
        bench.failures.tell(ACCOUNT, org(number), &"timeout");
    }
    let lines = bench.take();
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert!(lines[5].contains("many polls fail"), "{lines:#?}");
}

#[test]
fn an_outage_ends_with_the_jobs_that_are_forgotten() {
    let mut bench = Bench::new();
    (0..20).for_each(|number| bench.fail(number, "timeout"));
    bench.take();
    bench.failures.retain(|job| *job == org(1));
    assert_eq!(bench.take(), [r#"INFO polls work again account="default" recovered=0 failing=1"#]);
    bench.fail(30, "timeout");
    assert_eq!(bench.take().len(), 1);
}

proptest! {
    #[test]
    fn whatever_happens_the_numbers_of_failing_jobs_are_those_of_a_recount(
        events in proptest::collection::vec((0..8_u8, 0..12_usize), 0..80),
    ) {
        let mut bench = Bench::new();
        for (event, number) in events {
            let (failures, job) = (&mut bench.failures, org(number));
            match event {
                0 | 1 => failures.failed(ACCOUNT, job, "timeout", &"timeout"),
                2 => failures.failed(ACCOUNT, job, "malformed", &"malformed"),
                3 => failures.explained(ACCOUNT, job, "unauthorized", &"refused"),
                4 => failures.note(job, "died", true),
                5 => failures.tell(ACCOUNT, job, &"timeout"),
                6 => failures.succeeded(ACCOUNT, job),
                _ => failures.retain(|job| *job > org(number)),
            }
            for logged in [Logged::Nowhere, Logged::ByItself, Logged::WithOthers] {
                let counted = failures.failing.iter().filter(|(_, failing)| failing.logged() == logged).count();
                prop_assert_eq!(failures.failing.count(logged), counted, "{:?}", logged);
            }
            let all = failures.failing.count(Logged::Nowhere) + failures.failing.count_logged();
            prop_assert_eq!(all, failures.failing.len());
        }
    }
}
