//! What goes wrong, and when: all of it drawn from the seed.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use losant_exporter::simulator::{
    EdgeBuckets, Ends, ErrorBodies, Fault, FaultId, FaultKind, Gzip, ObjectId, Owner, RetryAfter, Route,
    Simulator, SummaryInclude, SummaryWithoutInclude, Switches, UnknownSummaryField, ZeroBuckets,
};

use crate::actions::ACTIONS;
use crate::possible::Who;

/// Lists, and what leads to them.
const LISTS: [&str; 4] = ["instances.get", "instance.get", "instanceOrgs.get", "instanceSandboxes.get"];

/// Whom a fault keeps from being read.
#[derive(Clone, Debug)]
enum Reach {
    Everyone,
    /// Those whom the requests are about.
    Route(Route),
}

/// A time in which something was wrong.
#[derive(Clone, Debug)]
struct Affliction {
    reach: Reach,
    until: Option<Duration>,
}

/// A fault that is on.
#[derive(Debug)]
struct Active {
    id: FaultId,
    kind: FaultKind,
    route: Route,
    /// The step at which it is switched off.
    ends: u64,
    affliction: Option<usize>,
}

/// Everything that is wrong, and has been.
#[derive(Debug)]
pub struct Storm {
    instance: ObjectId,
    active: Vec<Active>,
    afflictions: Vec<Affliction>,
    /// How many requests each kind of fault has hit.
    fired: BTreeMap<String, u64>,
    /// The step at which the token is accepted again, while it is not.
    token_returns: Option<(u64, usize)>,
}

impl Storm {
    pub fn new(instance: ObjectId) -> Self {
        let (active, afflictions) = (Vec::new(), Vec::new());
        Self { instance, active, afflictions, fired: BTreeMap::new(), token_returns: None }
    }

    /// Ends what is over at `step`, and begins what is drawn.
    pub fn step(&mut self, rng: &mut Rng, step: u64, simulator: &Simulator, now: Duration) {
        self.end(simulator, now, |active| active.ends <= step);
        if let Some((returns, affliction)) = self.token_returns
            && returns <= step
        {
            simulator.accept_token(simulator.token());
            self.afflictions[affliction].until = Some(now);
            self.token_returns = None;
        }
        // About one hour in three everything may go wrong at once. In the others it can be seen who recovers. By step and not
        // by the clock, so that the draws follow from the seed alone.
        let is_wild = step / 20 % 3 == 1;
        if rng.f64() < 0.5 {
            self.begin(rng, step, simulator, is_wild);
        }
        if is_wild && self.token_returns.is_none() && rng.f64() < 0.05 {
            let token = simulator.token().to_owned();
            simulator.revoke_token(&token);
            self.token_returns = Some((step + rng.u64(1..=4), self.afflictions.len()));
            self.afflictions.push(Affliction { reach: Reach::Everyone, until: None });
        }
        if rng.f64() < 0.2 {
            let switches = draw_switch(rng, simulator.switches());
            simulator.set_switches(switches);
        }
    }

    fn begin(&mut self, rng: &mut Rng, step: u64, simulator: &Simulator, is_wild: bool) {
        let examples = FaultKind::all_examples();
        let kind = examples[rng.usize(..examples.len())].clone();
        // Of these one at a time: hanging takes real time, a pause has to be told from others, and delays add up.
        let same = |other: &FaultKind| std::mem::discriminant(other) == std::mem::discriminant(&kind);
        let is_rationed = matches!(kind, FaultKind::Hang | FaultKind::Throttle { .. } | FaultKind::Delay(_));
        let route = self.draw_route(rng, simulator, is_wild);
        let rate = [1.0, 0.5, 0.2][rng.usize(..3)];
        let steps = if rng.f64() < 0.05 { rng.u64(25..=35) } else { rng.u64(1..=8) };
        let steps = if route == Route::everything() { steps.min(6) } else { steps };
        let times = match kind {
            FaultKind::DeleteListed => Some(1),
            FaultKind::Hang => Some(rng.u32(1..=3)),
            FaultKind::Throttle { .. } => Some(rng.u32(1..=8)),
            _ => rng.bool().then(|| rng.u32(1..=30)),
        };
        if is_rationed && self.active.iter().any(|active| same(&active.kind)) {
            return;
        }
        let affliction = self.reach(&kind, &route).map(|reach| {
            self.afflictions.push(Affliction { reach, until: None });
            self.afflictions.len() - 1
        });
        let id = simulator.faults().inject(Fault { route: route.clone(), kind: kind.clone(), times, rate });
        self.active.push(Active { id, kind, route, ends: step + steps, affliction });
    }

    fn draw_route(&self, rng: &mut Rng, simulator: &Simulator, is_wild: bool) -> Route {
        let world = simulator.world();
        let owner = |rng: &mut Rng| {
            let (orgs, users) = (world.orgs(), world.sandboxes());
            match rng.usize(..orgs.len() + users.len()) {
                place if place < orgs.len() => orgs[place].id(),
                place => users[place - orgs.len()].id(),
            }
        };
        let action = |rng: &mut Rng| ACTIONS[rng.usize(..ACTIONS.len())];
        match rng.u32(..100) {
            0..20 if is_wild => Route::everything(),
            20..25 if is_wild => Route::owner(self.instance),
            0..45 => Route::action(action(rng)),
            45..60 => {
                let owner = owner(rng);
                Route::action(action(rng)).of(owner)
            }
            _ => Route::owner(owner(rng)),
        }
    }

    /// Whom a fault keeps from being read. None where numbers come all the same.
    fn reach(&self, kind: &FaultKind, route: &Route) -> Option<Reach> {
        let is_of_lists = self.is_of_lists(route);
        match kind {
            FaultKind::Delay(_)
            | FaultKind::UnknownPayloadTypes
            | FaultKind::NumbersAsFloats
            | FaultKind::NoSummary
            | FaultKind::DeleteListed => None,
            // The pause is for the whole account.
            FaultKind::Throttle { .. } => Some(Reach::Everyone),
            // Without lists there is no telling whether the token is good for anything.
            FaultKind::Status { status: 401, .. } if is_of_lists => Some(Reach::Everyone),
            _ if *route == Route::everything() => Some(Reach::Everyone),
            _ => Some(Reach::Route(route.clone())),
        }
    }

    fn is_of_lists(&self, route: &Route) -> bool {
        route.action.as_deref().is_none_or(|action| LISTS.contains(&action))
            && route.owner.is_none_or(|owner| owner == self.instance)
    }

    fn end(&mut self, simulator: &Simulator, now: Duration, is_over: impl Fn(&Active) -> bool) {
        for over in self.active.extract_if(.., |active| is_over(active)) {
            simulator.faults().clear(over.id);
            let hits = simulator.faults().fired(over.id);
            *self.fired.entry(over.kind.to_string()).or_default() += hits;
            if let Some(affliction) = over.affliction {
                self.afflictions[affliction].until = Some(now);
            }
        }
    }

    /// Ends everything.
    pub fn calm(&mut self, simulator: &Simulator, now: Duration) {
        self.end(simulator, now, |_| true);
        if let Some((_, affliction)) = self.token_returns.take() {
            simulator.accept_token(simulator.token());
            self.afflictions[affliction].until = Some(now);
        }
        simulator.set_switches(Switches::default());
    }

    /// Whether nothing stands in the way of lists, nor makes them other than they are.
    pub fn leaves_lists_alone(&self) -> bool {
        self.token_returns.is_none() && !self.active.iter().any(|active| self.is_of_lists(&active.route))
    }

    /// The pause that a refused request is told, as far as one is.
    pub fn pause(&self) -> Option<Duration> {
        self.active.iter().find_map(|active| match active.kind {
            FaultKind::Throttle { retry_after: Some(RetryAfter::Seconds(seconds)) } => {
                Some(Duration::from_secs(seconds))
            }
            // Dates have no fractions of a second.
            FaultKind::Throttle { retry_after: Some(RetryAfter::HttpDate(from_now)) } => {
                Some(from_now.saturating_sub(Duration::from_secs(1)))
            }
            _ => None,
        })
    }

    /// How much later than usual requests are answered.
    pub fn delay(&self) -> Duration {
        let delay = |active: &Active| match active.kind {
            FaultKind::Delay(delay) => delay,
            _ => Duration::ZERO,
        };
        self.active.iter().map(delay).sum()
    }

    /// Whether something has kept `collector` from reading `who` since `since`. `by_lists`: whether lists are needed for it,
    /// since it is not known yet who there is.
    pub fn has_kept_from(&self, who: &Who, collector: &str, by_lists: bool, since: Duration) -> bool {
        let lately = self.afflictions.iter().filter(|past| past.until.is_none_or(|until| until >= since));
        lately.into_iter().any(|affliction| match &affliction.reach {
            Reach::Everyone => true,
            Reach::Route(route) => self.concerns(route, who, collector, by_lists),
        })
    }

    fn concerns(&self, route: &Route, who: &Who, collector: &str, by_lists: bool) -> bool {
        let of_lists = self.is_of_lists(route);
        let Some(action) = route.action.as_deref() else {
            return route.owner == Some(who.id) || of_lists && (by_lists || collector == "discovery");
        };
        if of_lists {
            let (level, own) = match action {
                "instance.get" => ("instance", "instance"),
                "instanceOrgs.get" => ("org", "org"),
                "instanceSandboxes.get" => ("sandbox", "sandbox"),
                _ => ("", ""),
            };
            let is_its_list = who.level == level || own.is_empty();
            return is_its_list && (by_lists || collector == "discovery") && (by_lists || !own.is_empty());
        }
        let level = match who.owner {
            Owner::Instance(_) => "instance",
            Owner::Org(_) => "instanceOrg",
            Owner::Sandbox(_) => "instanceSandbox",
        };
        let asks = match collector {
            "payload_counts" | "payload_bytes" => "payloadCounts",
            "payload_counts_breakdown" => "payloadCountsBreakdown",
            "device_counts" => "deviceCounts",
            "notebook_minute_counts" => "notebookMinuteCounts",
            _ => return false,
        };
        let (of, what) = action.split_once('.').unwrap_or_default();
        of == level && (what == asks || what == "get") && route.owner.is_none_or(|owner| owner == who.id)
    }

    /// How many requests each kind of fault has hit.
    pub fn fired(&self) -> &BTreeMap<String, u64> {
        &self.fired
    }
}

/// One more question answered in the other way, in a way that may change from one day to the next: how answers are written.
///
/// What numbers mean (which payloads and which span `payloadCount` covers, what is billed, how far summaries lag) does not
/// change while an exporter runs: where lists were right before it has no reason to ask. `exactness` tells of those. And
/// limits that are absent, and period ends half a day early, are shown as Losant says them, which is not the truth that is
/// compared with here.
fn draw_switch(rng: &mut Rng, now: Switches) -> Switches {
    let turned = rng.bool();
    match rng.u32(..14) {
        0 => Switches { ends: if turned { Ends::Exclusive } else { Ends::Inclusive }, ..now },
        1 => {
            Switches { zero_buckets: if turned { ZeroBuckets::Absent } else { ZeroBuckets::Present }, ..now }
        }
        2 => Switches { edge_buckets: if turned { EdgeBuckets::Whole } else { EdgeBuckets::Partial }, ..now },
        3 => Switches {
            summary_without_include: if turned {
                SummaryWithoutInclude::Empty
            } else {
                SummaryWithoutInclude::Everything
            },
            ..now
        },
        4 => Switches { summaries: !turned, ..now },
        5 => Switches { page_size_cap: if turned { 5 } else { 1_000 }, ..now },
        6 => Switches { numbers_as_floats: turned, ..now },
        7 => Switches { unknown_fields: turned, ..now },
        8 => Switches { summary_payload_count: !turned, ..now },
        9 => Switches {
            summary_include: if turned { SummaryInclude::InAddition } else { SummaryInclude::Only },
            ..now
        },
        10 => Switches {
            unknown_summary_field: if turned {
                UnknownSummaryField::Reject
            } else {
                UnknownSummaryField::Ignore
            },
            ..now
        },
        11 => Switches {
            error_bodies: [ErrorBodies::Json, ErrorBodies::Html, ErrorBodies::Empty][rng.usize(..3)],
            ..now
        },
        12 => Switches { gzip: if turned { Gzip::WhenAsked } else { Gzip::Never }, ..now },
        _ => Switches {
            running_month: !turned,
            sandbox_applications: !turned,
            hourly_range_cap: if turned { 2 } else { 0 },
            ..now
        },
    }
}
