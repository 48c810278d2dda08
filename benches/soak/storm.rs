//! What goes wrong at Losant, who comes and who goes: all of it drawn from the seed, a step at a time.
//!
//! What is drawn is the same every time; which requests a fault hits depends on their order, which two runs may not share.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{
    Fault, FaultId, FaultKind, ObjectId, Org, RetryAfter, Route, Sandbox, Simulator,
};

use crate::actions::ACTIONS;
use crate::form::{ORGS, SANDBOXES};

/// How much later an answer comes than usual.
const DELAY: Duration = Duration::from_millis(1_500);
/// How long Losant asks for a pause: the account rests as a whole meanwhile.
const PAUSES: [RetryAfter; 2] = [RetryAfter::Seconds(2), RetryAfter::HttpDate(Duration::from_secs(4))];

/// So many orgs cannot be read from the beginning of the storm to its end: their numbers are seen to expire.
const LOST: usize = 3;
/// By how many the number of orgs, and of sandboxes, may differ from that of the start.
const COMING_AND_GOING: usize = 50;

/// A fault that is on.
#[derive(Debug)]
struct Active {
    id: FaultId,
    kind: FaultKind,
    is_of_lists: bool,
    /// The step at which it is switched off.
    ends: u64,
}

/// Everything that is wrong, and what it has done.
#[derive(Debug, Default)]
pub struct Storm {
    active: Vec<Active>,
    fired: BTreeMap<String, u64>,
    /// Those who cannot be read.
    pub lost: Vec<ObjectId>,
    /// Until when lists were kept away last, and whether they still are.
    lists: Option<Timestamp>,
    /// Until when answers were late.
    slow: Option<Timestamp>,
    /// Until when 404 was answered about somebody who is there.
    not_found: Option<Timestamp>,
    /// Who has come, and who has gone.
    pub arrived: u64,
    pub departed: u64,
}

impl Storm {
    /// Begins: from now on some orgs cannot be read at all.
    pub fn begin(&mut self, simulator: &Simulator) {
        let world = simulator.world();
        let lives = |org: &&Org| org.quiet_since.is_none() && !org.activity.streams.is_empty();
        self.lost = world.orgs().iter().filter(lives).map(Org::id).take(LOST).collect();
        for id in &self.lost {
            let kind = FaultKind::Status {
                status: 500,
                kind: "InternalServerError".to_owned(),
                message: "Out of order".to_owned(),
            };
            let fault = simulator.faults().inject(Fault::always(Route::owner(*id), kind.clone()));
            self.active.push(Active { id: fault, kind, is_of_lists: false, ends: u64::MAX });
        }
    }

    /// Ends what is over at `step`, and begins what is drawn for it.
    pub fn step(&mut self, seed: u64, step: u64, simulator: &Simulator, now: Timestamp) {
        // Each step draws for itself, so that nothing depends on how many draws another one took.
        let mut rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(step));
        self.end(simulator, now, |active| active.ends <= step);
        for _ in 0..2 {
            if rng.f64() < 0.6 {
                self.break_something(&mut rng, step, simulator);
            }
            self.change_world(&mut rng, step, simulator, now);
        }
        self.note(now);
    }

    fn break_something(&mut self, rng: &mut Rng, step: u64, simulator: &Simulator) {
        let kind = draw_kind(rng);
        let is_rationed = matches!(kind, FaultKind::Hang | FaultKind::Throttle { .. } | FaultKind::Delay(_));
        let same = |other: &Active| std::mem::discriminant(&other.kind) == std::mem::discriminant(&kind);
        let (route, rate) = draw_route(rng, simulator);
        let (steps, times) = (rng.u64(1..=4), rng.u32(1..=60));
        if is_rationed && self.active.iter().any(same) {
            return;
        }
        let times = match kind {
            FaultKind::DeleteListed => Some(1),
            FaultKind::Hang => Some(times % 4 + 1),
            FaultKind::Throttle { .. } => Some(times % 6 + 1),
            _ => rng.bool().then_some(times),
        };
        // A pause is for the whole account, a refused token may be, and lists that hold less than usual have everybody asked.
        let is_of_lists = route.owner.is_none()
            && route.action.as_deref().is_none_or(|action| !action.contains("Counts"))
            || matches!(kind, FaultKind::Throttle { .. } | FaultKind::Hang);
        let id = simulator.faults().inject(Fault { route, kind: kind.clone(), times, rate });
        self.active.push(Active { id, kind, is_of_lists, ends: step + steps });
    }

    fn change_world(&mut self, rng: &mut Rng, step: u64, simulator: &Simulator, now: Timestamp) {
        let world = simulator.world();
        let instance = world.instances()[0].id();
        let orgs: Vec<_> = world.orgs().iter().filter(|org| org.exists(now)).map(Org::id).collect();
        let users = world.sandboxes().iter().filter(|user| user.exists(now) && !user.is_marked(now));
        let users: Vec<_> = users.map(Sandbox::id).collect();
        // Drawn as shares: how many there are depends on which requests a fault has hit.
        let (org, user, draw, number) = (rng.f64(), rng.f64(), rng.u32(..100), rng.u32(..));
        let (org, user) = (chosen(&orgs, org), chosen(&users, user));
        drop(world);
        match draw {
            0..20 if orgs.len() < ORGS + COMING_AND_GOING => {
                simulator.change_world(|world| {
                    world.add_org(instance, &format!("Org {step}-{number}"), now);
                });
                self.arrived += 1;
            }
            20..40 if orgs.len() + COMING_AND_GOING > ORGS && !self.lost.contains(&org) => {
                simulator.change_world(|world| world.org_mut(org).expect("an org").deleted_at = Some(now));
                self.departed += 1;
            }
            40..55 if users.len() < SANDBOXES + COMING_AND_GOING => {
                let email = format!("user{step}.{number}@example.com");
                simulator.change_world(|world| {
                    world.add_sandbox(instance, &email, now);
                });
                self.arrived += 1;
            }
            55..65 if users.len() + COMING_AND_GOING > SANDBOXES => {
                simulator
                    .change_world(|world| world.sandbox_mut(user).expect("a user").deleted_at = Some(now));
                self.departed += 1;
            }
            65..70 if users.len() + COMING_AND_GOING > SANDBOXES => {
                simulator.change_world(|world| {
                    world.sandbox_mut(user).expect("a user").marked_for_deletion_at = Some(now);
                });
                self.departed += 1;
            }
            70..80 => simulator.change_world(|world| {
                world.org_mut(org).expect("an org").name = format!("Renamed \"{number}\" \\ 北");
            }),
            80..90 => simulator.change_world(|world| {
                let org = world.org_mut(org).expect("an org");
                let is_disabled = org.disabled_at.is_some_and(|at| at <= now);
                org.disable((!is_disabled).then_some(now), now);
            }),
            _ => {}
        }
    }

    fn end(&mut self, simulator: &Simulator, now: Timestamp, is_over: impl Fn(&Active) -> bool) {
        self.note(now);
        for over in self.active.extract_if(.., |active| is_over(active)) {
            simulator.faults().clear(over.id);
            *self.fired.entry(over.kind.to_string()).or_default() += simulator.faults().fired(over.id);
        }
    }

    fn note(&mut self, now: Timestamp) {
        if self.active.iter().any(|active| active.is_of_lists) {
            self.lists = Some(now);
        }
        if self.active.iter().any(|active| matches!(active.kind, FaultKind::Delay(_) | FaultKind::Hang)) {
            self.slow = Some(now);
        }
        if self.is_not_found() {
            self.not_found = Some(now);
        }
    }

    fn is_not_found(&self) -> bool {
        self.active.iter().any(|active| matches!(active.kind, FaultKind::Status { status: 404, .. }))
    }

    /// Until when Losant said of some that they are not to be found although they are.
    pub fn not_found_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_not_found() { Some(now) } else { self.not_found }
    }

    /// Ends everything.
    pub fn calm(&mut self, simulator: &Simulator, now: Timestamp) {
        self.end(simulator, now, |_| true);
    }

    /// Notes that lists cannot be read at the moment for another reason.
    pub fn lists_are_kept_away(&mut self, now: Timestamp) {
        self.lists = self.lists.max(Some(now));
    }

    /// Since when nothing has stood in the way of lists. `start` is when the run began.
    pub fn lists_whole_since(&self, start: Timestamp) -> Option<Timestamp> {
        let stands = self.active.iter().any(|active| active.is_of_lists);
        (!stands).then(|| self.lists.unwrap_or(start).max(start))
    }

    /// How much later than their arrival requests may have been answered that have been answered lately.
    pub fn slowness(&self, now: Timestamp) -> SignedDuration {
        // A second is what a moment of the simulated world lasts.
        let a_moment = SignedDuration::from_secs(1);
        let lately = self.slow.is_some_and(|slow| now.duration_since(slow) < SignedDuration::from_mins(2));
        if lately { a_moment + SignedDuration::try_from(DELAY).expect("short") } else { a_moment }
    }

    /// How many requests each kind of fault has hit.
    pub fn fired(&self) -> &BTreeMap<String, u64> {
        &self.fired
    }
}

fn chosen(ids: &[ObjectId], share: f64) -> ObjectId {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place among some thousand"
    )]
    let place = (share * ids.len() as f64) as usize;
    ids[place.min(ids.len() - 1)]
}

fn draw_kind(rng: &mut Rng) -> FaultKind {
    let examples = FaultKind::all_examples();
    match examples[rng.usize(..examples.len())].clone() {
        FaultKind::Delay(_) => FaultKind::Delay(DELAY),
        FaultKind::Throttle { retry_after: Some(RetryAfter::Seconds(_)) } => {
            FaultKind::Throttle { retry_after: Some(PAUSES[0]) }
        }
        FaultKind::Throttle { retry_after: Some(RetryAfter::HttpDate(_)) } => {
            FaultKind::Throttle { retry_after: Some(PAUSES[1]) }
        }
        kind => kind,
    }
}

/// Where a fault strikes, and what share of the requests there.
fn draw_route(rng: &mut Rng, simulator: &Simulator) -> (Route, f64) {
    let world = simulator.world();
    let (draw, place, share) = (rng.u32(..100), rng.f64(), [1.0, 0.5, 0.2][rng.usize(..3)]);
    // The instance is named: nobody asks which there are.
    let asked = &ACTIONS[1..];
    let action = asked[rng.usize(..asked.len())];
    let ids: Vec<_> = world.orgs().iter().map(Org::id).collect();
    match draw {
        0..25 => (Route::everything(), share * 0.2),
        25..80 => (Route::action(action), share),
        80..90 => (Route::action(action).of(chosen(&ids, place)), share),
        _ => (Route::owner(chosen(&ids, place)), share),
    }
}
