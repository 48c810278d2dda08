//! What changes at Losant meanwhile: orgs and users come and go, are renamed and disabled, and hours are counted late or anew.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;
use losant_exporter::simulator::{Org, Owner, Restatement, Sandbox, World};

use super::Run;

/// A time in which payloads are counted late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    by: Duration,
    /// Until this step counting stands still. Nothing that was shown is taken back: what lists showed before could come up
    /// again otherwise, as it was, and with it what was read in between.
    stands_still_until: u64,
    /// The step at which all is made up for.
    pub(super) ends: u64,
}

impl Run {
    /// Has something happen, or nothing.
    pub(super) fn change_world(&mut self, rng: &mut Rng) {
        let (simulator, now) = (self.app.simulator.clone(), self.app.clock.now());
        let world = simulator.world();
        let (instance, uptime) = (world.instances()[0].id(), self.app.clock.uptime());
        let orgs: Vec<_> = world.orgs().iter().filter(|org| org.exists(now)).map(Org::id).collect();
        let users: Vec<_> =
            world.sandboxes().iter().filter(|user| user.exists(now)).map(Sandbox::id).collect();
        let (org, user) = (rng.usize(..orgs.len()), rng.usize(..users.len()));
        let (org, user) = (orgs[org], users[user]);
        let (draw, number, amount) = (rng.u32(..100), self.tally.steps, rng.u64(..));
        match draw {
            0..6 if orgs.len() < 18 => {
                simulator.change_world(|world| {
                    world.add_org(instance, &format!("Org {number}"), now);
                });
            }
            6..12 if orgs.len() > 8 => {
                simulator.change_world(|world| world.org_mut(org).expect("an org").deleted_at = Some(now));
            }
            12..16 if users.len() < 14 => {
                let email = format!("user{number}.{draw}@example.com");
                simulator.change_world(|world| {
                    world.add_sandbox(instance, &email, now);
                });
            }
            16..19 if users.len() > 5 => {
                simulator
                    .change_world(|world| world.sandbox_mut(user).expect("a user").deleted_at = Some(now));
            }
            19..24 => simulator.change_world(|world| {
                let user = world.sandbox_mut(user).expect("a user");
                if !user.is_marked(now) {
                    user.marked_for_deletion_at = Some(now);
                }
            }),
            24..28 => {
                let marked = world.sandboxes().iter().find(|user| user.exists(now) && user.is_marked(now));
                if let Some(marked) = marked.map(Sandbox::id) {
                    simulator.change_world(|world| world.sandbox_mut(marked).expect("a user").undelete(now));
                    self.departed.retain(|id| *id != marked);
                    self.returned.push((marked, uptime));
                }
            }
            28..33 => simulator.change_world(|world| {
                world.org_mut(org).expect("an org").name = format!("Renamed \"{number}\" \\ 北");
            }),
            33..39 => simulator.change_world(|world| {
                let org = world.org_mut(org).expect("an org");
                let is_disabled = org.disabled_at.is_some_and(|at| at <= now);
                org.disable((!is_disabled).then_some(now), now);
            }),
            39..43 => self.restate(&world, Owner::Org(org), amount),
            43..45 => self.restate(&world, Owner::Sandbox(user), amount),
            45..48 if self.late.is_none() => {
                let stands_still_until = number + 1 + amount % 2;
                let ends = stands_still_until + 1 + amount / 2 % 8;
                self.late = Some(Late { by: Duration::ZERO, stands_still_until, ends });
            }
            _ => {}
        }
    }

    /// Moves the clock, and what is counted by then.
    pub(super) fn advance(&mut self, duration: Duration) {
        let before = self.app.clock.now();
        self.app.hand.advance(duration);
        let Some(late) = &mut self.late else { return };
        if self.tally.steps < late.stands_still_until {
            late.by += duration;
        } else if self.tally.steps >= late.ends {
            late.by = Duration::ZERO;
        } else {
            return;
        }
        let by = SignedDuration::try_from(late.by).expect("a while");
        if by.is_zero() {
            self.late = None;
        }
        self.past.keep(self.app.simulator.world(), before);
        self.app.simulator.change_world(|world| world.count_late(by));
    }

    /// Restates some hours of the billing period, if that changes what the period shows: of a restatement that does not,
    /// the lists say nothing, and it is found when the scope is refreshed.
    fn restate(&mut self, world: &Arc<World>, owner: Owner, amount: u64) {
        // Once: of two that overlap the simulator makes different sums by the hour and by the day.
        if self.restated.contains(&owner) {
            return;
        }
        let now = self.app.clock.now();
        let hours = |hours: u64| SignedDuration::from_hours(i64::try_from(hours).expect("few"));
        let start = now - hours(3 + amount % 6);
        let restatement = Restatement {
            owner,
            start,
            end: start + hours(1 + amount % 3),
            thousandths: [500, 900, 1_200, 2_000][usize::try_from(amount / 7 % 4).expect("few")],
            known_from: now,
        };
        let period = |world: &World| world.shown(now).payloads(owner, world.period(owner, now).0, now);
        let mut restated = World::clone(world);
        restated.restate(restatement);
        let (before, after): (u64, u64) = (period(world).values().sum(), period(&restated).values().sum());
        // Fewer payloads than before could be made up for by new ones until the next list comes, and would not show either.
        if before.abs_diff(after) > 50 {
            self.past.keep(Arc::clone(world), now);
            self.restated.push(owner);
            self.app.simulator.change_world(|world| world.restate(restatement));
        }
    }
}
