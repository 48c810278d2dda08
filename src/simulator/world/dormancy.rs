//! Which owners of a world still live, and since when the others do not.
//!
//! Real accounts are like that: most of those who signed up are silent. Owns: the choice, which follows from seed and
//! index alone.

use jiff::Timestamp;

use super::WorldConfig;
use crate::simulator::calendar::{self, DAY};
use crate::simulator::chance;

/// 2025-12-01: when everybody is quiet in a world that does not say.
const LONG_AGO: i64 = 20_423 * DAY;
/// Whoever never comes up in figures has been silent for so many days: longer than two billing periods.
const FORGOTTEN: u64 = 70;
/// Whoever fell silent did so within so many days.
const RECENT: i64 = 30;

/// What becomes of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Fate {
    /// It is one of a world in which nobody was chosen.
    Usual,
    /// It lives, and not by a payload now and then.
    Active,
    /// It lived until then.
    Quiet(Timestamp),
    /// Nothing was ever there.
    NeverUsed,
}

/// The fate of the org or sandbox with this index; `kind` tells the two apart.
pub(in crate::simulator) fn fate(config: &WorldConfig, kind: u64, index: usize, population: usize) -> Fate {
    let Some(share) = config.active else { return Fate::Usual };
    let (index, population) = (number(index), number(population));
    // Who joins later has come to do something.
    if index >= population {
        return Fate::Active;
    }
    let rank = rank(config.seed, kind, index, population);
    let active = chosen(share, population);
    let Some(rank) = rank.checked_sub(active) else { return Fate::Active };
    let draw = |what, low, high| chance::between(low, high, &[config.seed, kind, index, 90, what]);
    let quiet = config.quiet_from.or(config.story).map_or(LONG_AGO, Timestamp::as_second);
    let fell_silent = |seconds: u64| Fate::Quiet(calendar::moment(quiet - seconds.cast_signed()));
    match rank % 4 {
        0 | 2 => fell_silent(draw(1, 0, (RECENT * DAY).unsigned_abs())),
        1 => fell_silent(draw(2, FORGOTTEN, 400) * DAY.unsigned_abs()),
        _ => Fate::NeverUsed,
    }
}

/// A share of a number, to the nearest whole; a share that is none is that of nobody.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "between 0 and the number, which is far below 2^53"
)]
fn chosen(share: f64, population: u64) -> u64 {
    (population as f64 * share.clamp(0.0, 1.0)).round() as u64
}

/// The place of an index in a queue in which neighbours stand far apart. A different one for each.
fn rank(seed: u64, kind: u64, index: u64, population: u64) -> u64 {
    let golden = population / 1_000 * 618 + population % 1_000 * 618 / 1_000;
    let step = (golden.max(1)..=population.max(1))
        .find(|step| has_no_common_divisor(*step, population))
        .unwrap_or(1);
    let start = chance::draw(&[seed, kind, 91]) % population.max(1);
    let rank = (u128::from(index) * u128::from(step) + u128::from(start)) % u128::from(population.max(1));
    u64::try_from(rank).unwrap_or(0)
}

fn has_no_common_divisor(mut a: u64, mut b: u64) -> bool {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

fn number(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::simulator::{Org, Owner, Sandbox, World};

    const QUIET: &str = "2026-03-04T12:34:56.250Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn world(active: f64) -> World {
        let quiet_from = Some(at(QUIET));
        World::new(WorldConfig {
            active: Some(active),
            quiet_from,
            orgs: 400,
            sandboxes: 200,
            instances: 4,
            ..WorldConfig::default()
        })
    }

    fn lives(quiet_since: Option<Timestamp>, streams: usize) -> bool {
        quiet_since.is_none() && streams > 0
    }

    fn living_orgs(world: &World) -> Vec<&Org> {
        world.orgs().iter().filter(|org| lives(org.quiet_since, org.activity.streams.len())).collect()
    }

    fn living_sandboxes(world: &World) -> Vec<&Sandbox> {
        world.sandboxes().iter().filter(|user| lives(user.quiet_since, user.activity.streams.len())).collect()
    }

    #[test]
    fn exactly_the_share_lives_evenly_among_the_instances_and_another_seed_chooses_others() {
        let world = world(0.05);
        assert_eq!((living_orgs(&world).len(), living_sandboxes(&world).len()), (20, 10));
        for instance in world.instances() {
            let here = living_orgs(&world).iter().filter(|org| org.instance() == instance.id()).count();
            assert!((3..=7).contains(&here), "{here}");
        }
        let chosen = |seed| {
            let config = WorldConfig { seed, active: Some(0.05), orgs: 400, ..WorldConfig::default() };
            (0..400).filter(|index| fate(&config, 2, *index, 400) == Fate::Active).collect::<Vec<_>>()
        };
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
        for share in [f64::NAN, -1.0, 0.0] {
            let config = WorldConfig { active: Some(share), ..WorldConfig::default() };
            assert!((0..12).all(|index| fate(&config, 2, index, 12) != Fate::Active));
        }
        let config = WorldConfig { active: Some(2.0), ..WorldConfig::default() };
        assert!((0..13).all(|index| fate(&config, 2, index, 12) == Fate::Active));
    }

    #[test]
    fn who_lives_has_payloads_every_day_and_who_joins_later_lives() {
        let mut world = world(0.05);
        let (start, end) = (at("2026-03-04T00:00:00Z"), at("2026-03-05T00:00:00Z"));
        for org in living_orgs(&world) {
            assert!(
                world.payload_total(Owner::Org(org.id()), start, end, true, false) > 100
                    || org.disabled_at.is_some()
            );
        }
        let instance = world.instances()[0].id();
        let id = world.add_org(instance, "Late Comer", start);
        assert!(world.payload_total(Owner::Org(id), start, end, true, false) > 100);
    }

    #[test]
    fn of_the_others_half_fell_silent_in_the_last_month_and_half_long_before() {
        let world = world(0.05);
        let (quiet, month) = (at(QUIET), SignedDuration::from_hours(24 * 30));
        let (mut recent, mut forgotten) = (0, 0);
        for org in world.orgs() {
            let used = world.payload_total(Owner::Org(org.id()), quiet - month * 2, quiet, false, false);
            match org.quiet_since {
                Some(since) if since >= quiet - month - SignedDuration::from_secs(1) => {
                    assert!(since <= quiet);
                    assert!(used > 0 || org.disabled_at.is_some());
                    recent += 1;
                }
                None if !org.activity.streams.is_empty() => {}
                _ => {
                    assert_eq!(used, 0);
                    forgotten += 1;
                }
            }
        }
        assert_eq!((recent, forgotten), (190, 190));
    }

    #[test]
    fn nothing_changes_at_a_quiet_owner_once_it_is_quiet() {
        let world = world(0.05);
        let (quiet, later) = (at(QUIET), at("2026-04-20T01:02:03Z"));
        let orgs = world.orgs().iter().map(|org| (Owner::Org(org.id()), org.quiet_since));
        let users = world.sandboxes().iter().map(|user| (Owner::Sandbox(user.id()), user.quiet_since));
        let mut kept_devices = 0;
        for (owner, since) in orgs.chain(users) {
            let Some(since) = since else { continue };
            assert_eq!(world.payload_total(owner, quiet, later, false, false), 0);
            assert_eq!(world.notebooks_between(owner, quiet, later).runs(), 0);
            let at_once = world.devices(owner, since);
            let first = world.devices(owner, quiet).total;
            assert_eq!(first, at_once.total);
            kept_devices += first;
            // The day in which it fell silent ends as it was at that moment.
            let day = calendar::moment(calendar::day(since.as_second()) * DAY);
            assert_eq!(world.devices_on(owner, day, later), at_once);
            for days in 1..40 {
                let devices = world.devices(owner, quiet + SignedDuration::from_hours(24 * days));
                assert_eq!((devices.created, devices.deleted, devices.total), (0, 0, first));
            }
        }
        assert!(kept_devices > 1_000);
    }

    #[test]
    fn without_a_share_everybody_is_as_ever() {
        let plain = World::default();
        let everybody = World::new(WorldConfig { quiet_from: Some(at(QUIET)), ..WorldConfig::default() });
        assert!(plain.orgs().iter().all(|org| org.quiet_since.is_none()));
        let names =
            |world: &World| world.orgs().iter().map(|org| org.activity.streams.len()).collect::<Vec<_>>();
        assert_eq!(names(&plain), names(&everybody));
    }
}
