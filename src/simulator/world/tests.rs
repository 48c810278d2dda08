use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::simulator::{BillingAnchor, Burst, DeviceDay, Stream};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Made once: every law holds for every owner of it.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::default)
}

fn everyone(world: &World) -> Vec<Owner> {
    let instances = world.instances().iter().map(|instance| Owner::Instance(instance.id()));
    let orgs = world.orgs().iter().map(|org| Owner::Org(org.id()));
    let sandboxes = world.sandboxes().iter().map(|sandbox| Owner::Sandbox(sandbox.id()));
    instances.chain(orgs).chain(sandboxes).collect()
}

fn owners() -> impl Strategy<Value = Owner> {
    proptest::sample::select(everyone(world()))
}

/// Moments of 2025 and 2026, to the millisecond.
fn moments() -> impl Strategy<Value = Timestamp> {
    (1_735_689_600_000i64..1_798_761_600_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

fn limited_sandbox(world: &World) -> &Sandbox {
    world.sandboxes().iter().min_by_key(|sandbox| sandbox.limits.payload).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let figures = |seed| {
        let world = World::new(WorldConfig { seed, ..WorldConfig::default() });
        let (start, end) = (at("2026-03-01T00:00:00Z"), at("2026-03-08T00:00:00Z"));
        everyone(&world).iter().map(|owner| world.payloads(*owner, start, end)).collect::<Vec<_>>()
    };
    assert_eq!(figures(5), figures(5));
    assert_ne!(figures(5), figures(6));
}

#[test]
fn ids_are_different_and_every_owner_is_found_by_its_id() {
    let world = World::new(WorldConfig { orgs: 3_000, sandboxes: 500, ..WorldConfig::default() });
    let ids: std::collections::BTreeSet<_> = world.orgs().iter().map(Org::id).collect();
    assert_eq!(ids.len(), 3_000);
    assert!(world.orgs().iter().all(|org| world.org(org.id()).is_some()));
    let emails: std::collections::BTreeSet<_> = world.sandboxes().iter().map(|user| &user.email).collect();
    assert_eq!(emails.len(), 500);
}

#[test]
fn hours_sum_to_the_day() {
    let day = at("2026-03-04T00:00:00Z");
    for owner in everyone(world()) {
        let hours: u64 = (0..24)
            .map(|hour| {
                let start = day + SignedDuration::from_hours(hour);
                world().payload_total(owner, start, start + SignedDuration::from_hours(1), false, true)
            })
            .sum();
        let whole = world().payload_total(owner, day, day + SignedDuration::from_hours(24), false, true);
        assert_eq!(hours, whole);
    }
}

#[test]
fn a_sandbox_stops_at_its_limit_and_starts_anew_with_the_period() {
    let sandbox = limited_sandbox(world());
    let limit = sandbox.limits.payload.unwrap();
    let owner = Owner::Sandbox(sandbox.id());
    let used = |end| world().payload_total(owner, at("2026-03-01T00:00:00Z"), at(end), true, false);
    let at_end = used("2026-04-01T00:00:00Z");
    assert!(at_end >= limit && at_end < limit + 5, "{at_end} of {limit}");
    assert_eq!(used("2026-03-31T00:00:00Z"), at_end);
    let all = |end| world().payload_total(owner, at("2026-03-31T00:00:00Z"), at(end), false, false);
    assert_eq!(all("2026-04-01T00:00:00Z"), 0);
    assert!(all("2026-04-02T00:00:00Z") > 0);
}

#[test]
fn an_undeleted_sandbox_goes_on_and_what_it_missed_stays_missed() {
    let mut world = World::default();
    let id = limited_sandbox(&world).id();
    world.sandbox_mut(id).unwrap().limits.payload = None;
    let count =
        |world: &World, from, to| world.payload_total(Owner::Sandbox(id), at(from), at(to), false, false);
    let [monday, tuesday, wednesday, thursday] =
        ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z"];
    let before = count(&world, monday, tuesday);
    let after = count(&world, wednesday, thursday);
    let sandbox = world.sandbox_mut(id).unwrap();
    sandbox.marked_for_deletion_at = Some(at(tuesday));
    sandbox.undelete(at(wednesday));
    assert_eq!(count(&world, monday, thursday), before + after);
    assert_eq!(count(&world, tuesday, wednesday), 0);
}

#[test]
fn a_limit_of_zero_lets_nothing_through() {
    let mut world = World::default();
    let id = limited_sandbox(&world).id();
    world.sandbox_mut(id).unwrap().limits.payload = Some(0);
    let total = world.payload_total(
        Owner::Sandbox(id),
        at("2026-03-01T00:00:00Z"),
        at("2026-04-01T00:00:00Z"),
        false,
        false,
    );
    assert_eq!(total, 0);
}

#[test]
fn a_deleted_org_counts_until_then_and_no_longer() {
    let mut world = World::default();
    let id = world.orgs()[0].id();
    let (start, middle, end) =
        (at("2026-03-01T00:00:00Z"), at("2026-03-04T12:00:00Z"), at("2026-03-08T00:00:00Z"));
    let before = world.payloads(Owner::Org(id), start, middle);
    world.org_mut(id).unwrap().deleted_at = Some(middle);
    assert_eq!(world.payloads(Owner::Org(id), start, end), before);
    assert_eq!(world.devices(Owner::Org(id), end).total, 0);
    assert!(world.org(id).unwrap().exists(start) && !world.org(id).unwrap().exists(middle));
}

#[test]
fn billable_is_less_than_all_and_lacks_events() {
    let owner = Owner::Instance(world().instances()[0].id());
    let (start, end) = (at("2026-03-01T00:00:00Z"), at("2026-03-08T00:00:00Z"));
    let events: u64 = world()
        .payloads(owner, start, end)
        .into_iter()
        .filter(|((kind, _), _)| {
            ["event", "dataTable", "deviceCreate", "flowError", "notebook"].contains(&kind.as_str())
        })
        .map(|(_, count)| count)
        .sum();
    let all = world().payload_total(owner, start, end, false, false);
    assert!(events > 0);
    assert_eq!(world().payload_total(owner, start, end, true, false), all - events);
}

#[test]
fn an_extra_stream_of_an_unknown_type_is_counted_and_not_billed() {
    let mut world = World::default();
    let id = world.orgs()[0].id();
    world.org_mut(id).unwrap().activity.streams.push(Stream::new("quantumState", "satellite", 1_000, 7));
    let (start, end) = (at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));
    let count =
        world.payloads(Owner::Org(id), start, end)[&("quantumState".to_owned(), "satellite".to_owned())];
    assert!((800..1_300).contains(&count));
    assert_eq!(
        world.payload_bytes(Owner::Org(id), start, end)[&("quantumState".to_owned(), "satellite".to_owned())],
        count * 7
    );
}

#[test]
fn an_added_org_is_part_of_the_instance_from_its_creation() {
    let mut world = World::default();
    let instance = world.instances()[0].id();
    let created = at("2026-03-04T00:00:00Z");
    let id = world.add_org(instance, "Late Comer", created);
    world.org_mut(id).unwrap().activity.streams = vec![Stream::new("timer", "timer.flow", 10_000, 1)];
    let count = |end| world.payload_total(Owner::Org(id), at("2026-03-01T00:00:00Z"), end, true, false);
    assert_eq!(count(created), 0);
    assert!(count(at("2026-03-05T00:00:00Z")) > 0);
}

#[test]
fn the_demo_has_its_story() {
    let now = at("2026-11-22T15:00:00Z");
    let world = World::new(WorldConfig::demo(now));
    assert!(world.orgs().len() >= 14 && world.sandboxes().len() >= 9);
    let running = |burst: &Burst| burst.start < now && now < burst.end;
    let in_burst = |org: &&Org| org.activity.streams.iter().any(|stream| stream.bursts.iter().any(running));
    assert_eq!(world.orgs().iter().filter(in_burst).count(), 1);
    assert_eq!(world.orgs().iter().filter(|org| org.disabled_at.is_some()).count(), 1);
    assert_eq!(world.orgs().iter().filter(|org| org.is_read_only).count(), 1);
    assert_eq!(world.sandboxes().iter().filter(|sandbox| sandbox.is_marked(now)).count(), 1);
    let near = |owner, limit: Option<u64>| {
        let (start, _) = world.period(owner, now);
        let percent = world.payload_total(owner, start, now, true, false) * 100 / limit.unwrap();
        (90..100).contains(&percent)
    };
    assert_eq!(world.orgs().iter().filter(|org| near(Owner::Org(org.id()), org.limits.payload)).count(), 1);
    let sandboxes = world.sandboxes().iter();
    assert_eq!(sandboxes.filter(|user| near(Owner::Sandbox(user.id()), user.limits.payload)).count(), 1);
}

#[test]
fn a_window_up_to_a_fraction_of_a_second_is_the_same_with_its_end_included() {
    let (start, end) = (at("2026-03-04T10:00:00Z"), at("2026-03-04T10:59:59.250Z"));
    for owner in everyone(world()) {
        let exclusive = world().payloads(owner, start, end);
        assert_eq!(exclusive, world().payloads(owner, start, end + SignedDuration::from_millis(1)));
    }
}

/// Applications of an owner, and what they used.
fn shares(world: &World, owner: Owner, start: Timestamp, end: Timestamp) -> Vec<ApplicationUsage> {
    world.applications(owner).iter().map(|own| world.application_usage(own, start, end)).collect()
}

#[test]
fn applications_have_ids_of_their_own_and_the_same_in_every_world_of_the_seed() {
    let all: Vec<_> = everyone(world())
        .into_iter()
        .filter(|owner| !matches!(owner, Owner::Instance(_)))
        .flat_map(|owner| world().applications(owner))
        .collect();
    let ids: std::collections::BTreeSet<_> = all.iter().map(|application| application.id).collect();
    assert_eq!(ids.len(), all.len());
    assert!(all.len() > everyone(world()).len());
    let again = World::default();
    assert!(all.iter().all(|application| again.applications(application.owner).contains(application)));
    let instance = Owner::Instance(world().instances()[0].id());
    let of_orgs = all.iter().filter(|application| matches!(application.owner, Owner::Org(_))).count();
    assert_eq!(world().applications(instance).len(), of_orgs);
}

#[test]
fn late_payloads_are_true_at_once_and_shown_after_the_delay() {
    let mut world = World::default();
    let owner = Owner::Org(world.orgs()[0].id());
    let (start, now) = (at("2026-03-04T10:00:00Z"), at("2026-03-04T12:00:00Z"));
    let truth = world.payloads(owner, start, now);
    assert_eq!(world.shown(now).payloads(owner, start, now), truth);
    world.count_late(SignedDuration::from_mins(30));
    assert_eq!(world.payloads(owner, start, now), truth);
    let half_past = at("2026-03-04T11:30:00Z");
    assert_eq!(world.shown(now).payloads(owner, start, now), world.payloads(owner, start, half_past));
    let later = now + SignedDuration::from_mins(30);
    assert_eq!(world.shown(later).payloads(owner, start, now), truth);
}

#[test]
fn a_restated_hour_is_shown_as_it_was_first_counted_until_the_second_count_is_known() {
    let mut world = World::default();
    let owner = Owner::Org(world.orgs()[0].id());
    let instance = Owner::Instance(world.instances()[0].id());
    let (start, end) = (at("2026-03-04T10:00:00Z"), at("2026-03-04T11:00:00Z"));
    let known_from = at("2026-03-04T15:00:00Z");
    let total = |world: &World, owner, from, to| world.payload_total(owner, from, to, false, false);
    let (first, all) = (total(&world, owner, start, end), total(&world, instance, start, end));
    world.restate(Restatement { owner, start, end, thousandths: 1_500, known_from });
    let second = total(&world, owner, start, end);
    assert!(second > first + first / 3 && second <= first + first / 2);
    assert_eq!(total(&world, instance, start, end), all + second - first);
    let shown = |now, from, to| world.shown(now).payload_total(owner, from, to, false, false);
    assert_eq!(shown(at("2026-03-04T14:59:59Z"), start, end), first);
    assert_eq!(shown(known_from, start, end), second);
    // Windows still add up, and the neighbours are as they were.
    let middle = at("2026-03-04T10:17:00Z");
    assert_eq!(total(&world, owner, start, middle) + total(&world, owner, middle, end), second);
    let after = at("2026-03-04T12:00:00Z");
    assert_eq!(shown(known_from, end, after), shown(at("2026-03-04T14:00:00Z"), end, after));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn windows_add_up_and_never_shrink(owner in owners(), mut cuts in proptest::array::uniform3(moments())) {
        cuts.sort_unstable();
        let [start, middle, end] = cuts;
        // A quarter of a year at most.
        let start = start.max(end - SignedDuration::from_hours(24 * 90));
        let middle = middle.max(start);
        for (billable, bytes) in [(true, false), (false, true)] {
            let total = |from, to| world().payload_total(owner, from, to, billable, bytes);
            prop_assert_eq!(total(start, end), total(start, middle) + total(middle, end));
        }
        let runs = |from, to| world().notebooks_between(owner, from, to);
        prop_assert_eq!(runs(start, end), runs(start, middle).plus(runs(middle, end)));
    }

    #[test]
    fn an_instance_is_the_sum_of_its_orgs(start in moments(), hours in 1i64..200) {
        let end = start + SignedDuration::from_hours(hours);
        let instance = Owner::Instance(world().instances()[0].id());
        let orgs = || world().orgs().iter().map(|org| Owner::Org(org.id()));
        let mut sum = BTreeMap::new();
        for (key, count) in orgs().flat_map(|org| world().payloads(org, start, end)) {
            *sum.entry(key).or_insert(0) += count;
        }
        prop_assert_eq!(world().payloads(instance, start, end), sum);
        let devices = orgs().map(|org| world().devices(org, end)).fold(DeviceDay::default(), DeviceDay::plus);
        prop_assert_eq!(world().devices(instance, end), devices);
    }

    #[test]
    fn device_totals_follow_from_the_day_before(owner in owners(), now in moments()) {
        let today = calendar::moment(calendar::day(now.as_second()) * DAY);
        let yesterday = world().devices_on(owner, today - SignedDuration::from_hours(24), today);
        let so_far = world().devices(owner, now);
        prop_assert_eq!(yesterday.total + so_far.created, so_far.total + so_far.deleted);
    }

    #[test]
    fn the_billing_period_contains_its_moment(now in moments(), day in 1u8..=31, hour in 0u8..24) {
        let mut world = world().clone();
        let id = world.orgs()[0].id();
        world.org_mut(id).unwrap().billing = BillingAnchor { day, hour };
        let (start, end) = world.period(Owner::Org(id), now);
        prop_assert!(start <= now && now <= end.max(now - SignedDuration::from_millis(1)));
        let next = calendar::after_millisecond(end);
        prop_assert_eq!(world.period(Owner::Org(id), next).0, next);
    }

    #[test]
    fn applications_sum_to_their_owner_and_add_up_over_time(
        owner in owners(), mut cuts in proptest::array::uniform3(moments()),
    ) {
        prop_assume!(!matches!(owner, Owner::Instance(_)));
        cuts.sort_unstable();
        let [start, middle, end] = cuts;
        let start = start.max(end - SignedDuration::from_hours(24 * 90));
        let middle = middle.max(start);
        let whole = shares(world(), owner, start, end);
        let mut sums = BTreeMap::new();
        for ((kind, source), amount) in whole.iter().flat_map(|usage| usage.by_source.clone()) {
            *sums.entry((kind, source)).or_insert(0) += amount.payloads;
        }
        prop_assert_eq!(sums, world().payloads(owner, start, end));
        let bytes: u64 = whole.iter().map(|usage| usage.billable.bytes).sum();
        prop_assert_eq!(bytes, world().payload_total(owner, start, end, true, true));
        let notebooks = world().notebooks_between(owner, start, end);
        prop_assert_eq!(whole.iter().map(|usage| usage.notebook_runs).sum::<u64>(), notebooks.runs());
        prop_assert_eq!(whole.iter().map(|usage| usage.notebook_minutes).sum::<u64>(), notebooks.minutes);
        let devices: u64 = whole.iter().map(|usage| usage.devices).sum();
        let day = calendar::moment(calendar::day(calendar::second_from(end) - 1) * DAY);
        prop_assert_eq!(devices, world().devices_on(owner, day, end).total);
        let (first, second) = (shares(world(), owner, start, middle), shares(world(), owner, middle, end));
        for ((whole, first), second) in whole.iter().zip(first).zip(second) {
            let sum = first.billable.payloads + second.billable.payloads;
            prop_assert_eq!(whole.billable.payloads, sum);
            prop_assert_eq!(whole.nonbillable.bytes, first.nonbillable.bytes + second.nonbillable.bytes);
        }
    }
}
