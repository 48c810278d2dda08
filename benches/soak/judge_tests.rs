use super::*;
use std::fmt::Write as _;

use crate::possible::written;
use crate::truth::{self, Row, Side};

const NOW: &str = "2026-03-17T14:23:45.250Z";

const BOUNDS: Bounds = Bounds {
    expire_after: SignedDuration::from_secs(60),
    page_age: SignedDuration::from_secs(40),
    unlisted_after: SignedDuration::from_secs(35),
    refresh: SignedDuration::from_mins(10),
};

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

/// How many there are of whom lists tell.
fn scopes(world: &World) -> usize {
    everybody(world).iter().filter(|who| who.gone.is_none()).count()
}

/// What an exporter shows that has read everything at `read`.
fn page_of(world: &World, read: Timestamp) -> String {
    let mut families: BTreeMap<String, String> = BTreeMap::new();
    for who in everybody(world).into_iter().filter(|who| who.since <= read && who.gone.is_none()) {
        let mut add = |stem: &str, labels: &str, value: f64| {
            let family = format!("losant_{}_{stem}", who.level);
            let comma = if labels.is_empty() { "" } else { "," };
            let lines = families.entry(family.clone()).or_default();
            writeln!(lines, "{family}{{{}{comma}{labels}}} {value}", who.ids).unwrap();
        };
        let rows: Vec<Row> = truth::rows(world, Side::Shown, who.owner, &who.limits, read);
        for (stem, labels, value) in rows {
            add(&stem, &written(&labels), value);
        }
        for collector in COLLECTORS {
            add(LAST_SUCCESS, &format!("collector=\"{collector}\""), read.as_duration().as_secs_f64());
        }
    }
    families
        .into_iter()
        .fold(String::new(), |page, (family, lines)| page + &format!("# TYPE {family} gauge\n{lines}"))
}

fn found(world: &World, text: &str, change: impl FnOnce(&mut Circumstances<'_>)) -> Findings {
    found_after(&mut Memory::default(), world, text, change)
}

/// The same, after pages that are remembered.
fn found_after(
    memory: &mut Memory,
    world: &World,
    text: &str,
    change: impl FnOnce(&mut Circumstances<'_>),
) -> Findings {
    let (asked, nobody) = (Asked::default(), HashMap::new());
    let mut around = Circumstances {
        asked: &asked,
        slow: seconds(1),
        lists_whole_since: Some(now() - seconds(3_600)),
        left_out: &nobody,
        wanted_since: &nobody,
        not_found: None,
        scraped: (now(), now()),
    };
    change(&mut around);
    look(world, &Page::read(text).unwrap(), &BOUNDS, &around, memory)
}

/// The first number of a family, one more than it is.
fn one_more(text: &str, family: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(&format!("{family}{{"))).unwrap();
    let (series, value) = line.rsplit_once(' ').unwrap();
    text.replacen(line, &format!("{series} {}", value.parse::<f64>().unwrap() + 1.0), 1)
}

fn without(text: &str, marks: &[&str]) -> String {
    let is_kept = |line: &&str| !marks.iter().all(|mark| line.contains(mark));
    text.lines().filter(is_kept).fold(String::new(), |kept, line| kept + line + "\n")
}

#[test]
fn a_true_page_has_nothing_wrong_and_nothing_missing() {
    let world = World::default();
    let findings = found(&world, &page_of(&world, now() - seconds(9)), |_| {});
    assert_eq!((findings.wrong, findings.stale), (Vec::<String>::new(), Vec::new()));
    assert!(findings.missing.is_empty() && findings.compared.all > 1_000, "{:?}", findings.compared);
    assert_eq!(findings.wanted, scopes(&world) * COLLECTORS.len());
}

#[test]
fn a_number_that_is_one_too_many_is_wrong() {
    let world = World::default();
    let text = page_of(&world, now() - seconds(9));
    for family in
        ["losant_org_devices", "losant_sandbox_payloads_last_day", "losant_instance_notebook_runs_period"]
    {
        let findings = found(&world, &one_more(&text, family), |_| {});
        assert_eq!(findings.wrong.len(), 1, "{family}: {:?}", findings.wrong);
    }
}

#[test]
fn a_number_that_lacks_stands_twice_or_claims_no_moment_is_wrong() {
    let world = World::default();
    let (text, org) = (page_of(&world, now() - seconds(9)), world.orgs()[3].id().to_string());
    let lacking = without(&text, &["payloads_last_hour{", &org, "billable=\"true\""]);
    assert!(found(&world, &lacking, |_| {}).wrong[0].contains("is missing"));
    let line = text.lines().find(|line| line.starts_with("losant_org_devices{")).unwrap();
    let twice = text.replacen(line, &format!("{line}\n{line}"), 1);
    assert!(found(&world, &twice, |_| {}).wrong[0].contains("twice"));
    let silent = without(&text, &[LAST_SUCCESS, &org, "device_counts"]);
    assert!(found(&world, &silent, |_| {}).wrong[0].contains("without a success"));
    let nobody = text.replace(&org, "5ff89ff825013dc6c2856188");
    let findings = found(&world, &nobody, |_| {});
    assert!(findings.wrong.iter().any(|wrong| wrong.contains("whom nobody knows")), "{:?}", findings.wrong);
    assert_eq!(findings.missing.len(), COLLECTORS.len());
}

#[test]
fn numbers_that_are_shown_for_longer_than_their_bound_are_stale() {
    let world = World::default();
    let age = |count| found(&world, &page_of(&world, now() - seconds(count)), |_| {});
    let (fresh, old) = (age(100), age(101));
    assert_eq!((fresh.stale.len(), fresh.wrong), (0, Vec::new()));
    // Whoever has no payloads shows nothing that could be too old.
    assert_eq!(old.stale.len() + old.missing.len(), scopes(&world) * COLLECTORS.len());
    assert!(old.missing.len() < 10, "{:?}", old.missing);
}

#[test]
fn an_org_that_went_must_be_off_the_page_when_lists_have_told_of_it_or_its_numbers_have_expired() {
    let mut world = World::default();
    let text = page_of(&world, now() - seconds(90));
    let (org, went) = (world.orgs()[3].id(), now() - seconds(80));
    world.org_mut(org).unwrap().deleted_at = Some(went);
    let findings = found(&world, &text, |_| {});
    assert!(
        findings.stale.len() == 1 && findings.stale[0].contains("lists can be read"),
        "{:?}",
        findings.stale
    );
    let kept_away = found(&world, &text, |around| around.lists_whole_since = None);
    assert_eq!((kept_away.stale, kept_away.wrong), (Vec::<String>::new(), Vec::new()));

    let mut world = World::default();
    world.org_mut(org).unwrap().deleted_at = Some(now() - seconds(110));
    let expired = found(&world, &text, |around| around.lists_whole_since = None);
    assert!(expired.stale[0].contains("still shown"), "{:?}", expired.stale);
    // And nobody can have read anything of it after that.
    assert!(expired.wrong.iter().any(|wrong| wrong.contains("gone at")), "{:?}", expired.wrong);
}

#[test]
fn an_org_that_is_left_out_must_be_off_the_page_when_lists_have_told_of_it() {
    let world = World::default();
    let text = page_of(&world, now() - seconds(9));
    let left_out = |age| HashMap::from([(world.orgs()[3].id(), now() - seconds(age))]);
    for (age, stale) in [(70, 0), (80, 1)] {
        let left_out = left_out(age);
        let (asked, nobody, whole) = (Asked::default(), HashMap::new(), Some(now() - seconds(3_600)));
        let around = Circumstances {
            asked: &asked,
            slow: seconds(1),
            lists_whole_since: whole,
            left_out: &left_out,
            wanted_since: &nobody,
            not_found: None,
            scraped: (now(), now()),
        };
        let findings = look(&world, &Page::read(&text).unwrap(), &BOUNDS, &around, &mut Memory::default());
        assert_eq!(findings.stale.len(), stale);
    }
}

#[test]
fn an_org_that_vanishes_from_one_page_to_the_next_is_wrong_unless_there_is_a_reason() {
    let world = World::default();
    let (text, org) = (page_of(&world, now() - seconds(9)), world.orgs()[3].id());
    let lacking = without(&text, &[&org.to_string()]);
    let a_second_later = (now() + seconds(1), now() + seconds(1));
    // The page before had it, or whatever `first` says.
    let second = |world: &World, first: &str, second: &str, change: &dyn Fn(&mut Circumstances<'_>)| {
        let mut memory = Memory::default();
        found_after(&mut memory, world, first, |_| {});
        let findings = found_after(&mut memory, world, second, |around| {
            around.scraped = a_second_later;
            change(around);
        });
        findings.wrong
    };
    let wrong = second(&world, &text, &lacking, &|_| {});
    assert_eq!(wrong.len(), COLLECTORS.len(), "{wrong:?}");
    assert!(wrong.iter().all(|wrong| wrong.contains(&org.to_string()) && wrong.contains("vanished")));
    // One part of it is enough.
    let parts = [LAST_SUCCESS, "device_counts"].map(str::to_owned);
    let silent =
        without(&without(&text, &[&parts[0], &org.to_string(), &parts[1]]), &["_devices", &org.to_string()]);
    assert_eq!(second(&world, &text, &silent, &|_| {}).len(), 1);

    let none = Vec::<String>::new();
    // It has not been there before, or is there again.
    assert_eq!(second(&world, &lacking, &lacking, &|_| {}), none);
    assert_eq!(second(&world, &lacking, &text, &|_| {}), none);
    // It is too long ago that it was read.
    let old = page_of(&world, now() - seconds(59));
    assert_eq!(second(&world, &old, &without(&old, &[&org.to_string()]), &|_| {}), none);
    // The configuration leaves it out, or has done so after it was read.
    for since in [Timestamp::MAX, now() - seconds(8)] {
        let wanted_since = HashMap::from([(org, since)]);
        let mut memory = Memory::default();
        found_after(&mut memory, &world, &text, |_| {});
        let (asked, nobody) = (Asked::default(), HashMap::new());
        let around = Circumstances {
            asked: &asked,
            slow: seconds(1),
            lists_whole_since: None,
            left_out: &nobody,
            wanted_since: &wanted_since,
            not_found: None,
            scraped: a_second_later,
        };
        let findings = look(&world, &Page::read(&lacking).unwrap(), &BOUNDS, &around, &mut memory);
        assert_eq!(findings.wrong, none);
    }
    // Losant has said that it is not to be found, lately.
    let said = |ago: i64| move |around: &mut Circumstances<'_>| around.not_found = Some(now() - seconds(ago));
    assert_eq!(second(&world, &text, &lacking, &said(39)), none);
    assert_eq!(second(&world, &text, &lacking, &said(41)).len(), COLLECTORS.len());
    // The page before came after this one was asked for.
    let overtaken = |around: &mut Circumstances<'_>| around.scraped.0 = now() - seconds(1);
    assert_eq!(second(&world, &text, &lacking, &overtaken), none);
    // It is gone.
    let mut world = world;
    world.org_mut(org).unwrap().deleted_at = Some(now() + seconds(1));
    assert_eq!(second(&world, &text, &lacking, &|_| {}), none);
}
