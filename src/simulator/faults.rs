//! What can go wrong between the exporter and Losant, on order.
//!
//! Owns: which faults are switched on, which requests they hit, and how often they did.
//! Must not: know how a fault looks on the wire (`http` does).

mod text;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::chance;
use super::id::ObjectId;

pub use text::InvalidFault;

/// Which requests a fault hits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Scope name of an action, such as `instanceOrg.payloadCounts`; none for all, and for paths that lead nowhere.
    pub action: Option<String>,
    /// The owner that the request is about: the last id of the path; none for all.
    pub owner: Option<ObjectId>,
}

impl Route {
    /// Every request.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Requests for one action.
    pub fn action(name: impl Into<String>) -> Self {
        Self { action: Some(name.into()), owner: None }
    }

    /// Requests about one owner.
    pub fn owner(id: ObjectId) -> Self {
        Self { action: None, owner: Some(id) }
    }

    /// Narrows it down to one owner.
    #[must_use]
    pub fn of(self, id: ObjectId) -> Self {
        Self { owner: Some(id), ..self }
    }

    fn matches(&self, action: Option<&str>, owner: Option<ObjectId>) -> bool {
        self.action.as_deref().is_none_or(|wanted| action == Some(wanted))
            && self.owner.is_none_or(|wanted| owner == Some(wanted))
    }
}

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An error in the API's own envelope.
    Status {
        /// HTTP status.
        status: u16,
        /// Machine name of the error, `type` in the body.
        kind: String,
        /// Prose.
        message: String,
    },
    /// A proxy's error page with this status.
    HtmlError(u16),
    /// This status without a body.
    EmptyBody(u16),
    /// 429.
    Throttle {
        /// Whether, and how, the answer says when to come back.
        retry_after: Option<RetryAfter>,
    },
    /// The answer, but later, on the simulator's clock. Other faults come on top.
    Delay(Duration),
    /// No answer, ever.
    Hang,
    /// The connection is closed without an answer.
    Reset,
    /// Status and headers of an answer, half of its body, then the connection is closed.
    CutBody,
    /// 200 with a body that is no JSON.
    NotJson,
    /// 200 with this many bytes of body, nearly all of them spaces.
    HugeBody(u64),
    /// The answer, with payloads of types that nobody has heard of.
    UnknownPayloadTypes,
    /// The answer, with a fraction on every number.
    NumbersAsFloats,
    /// The answer, without any `summary`.
    NoSummary,
    /// The answer, and when it is a list, its last org or sandbox user is gone as soon as it is written.
    DeleteListed,
}

impl FaultKind {
    /// Every kind at least once, in every form that a client can tell from the others: for tests that draw at random.
    pub fn all_examples() -> Vec<Self> {
        let throttle = |retry_after| Self::Throttle { retry_after };
        let mut examples: Vec<_> = [400, 401, 403, 404, 500, 503].map(Self::of_status).into();
        examples.extend([
            Self::HtmlError(502),
            Self::EmptyBody(413),
            throttle(None),
            throttle(Some(RetryAfter::Seconds(7))),
            throttle(Some(RetryAfter::HttpDate(Duration::from_secs(30)))),
            Self::Delay(Duration::from_secs(3)),
            Self::Hang,
            Self::Reset,
            Self::CutBody,
            Self::NotJson,
            Self::HugeBody(100_000),
            Self::UnknownPayloadTypes,
            Self::NumbersAsFloats,
            Self::NoSummary,
            Self::DeleteListed,
        ]);
        examples
    }

    /// Whether there is an answer all the same, so that other faults come on top.
    fn leaves_an_answer(&self) -> bool {
        matches!(self, Self::Delay(_)) || self.is_alteration()
    }

    /// Whether it changes the answer and nothing else.
    pub(super) fn is_alteration(&self) -> bool {
        matches!(
            self,
            Self::UnknownPayloadTypes | Self::NumbersAsFloats | Self::NoSummary | Self::DeleteListed
        )
    }
}

/// The two forms of `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// `Retry-After: 7`.
    Seconds(u64),
    /// A date, this long after the answer.
    HttpDate(Duration),
}

/// A fault on order.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Which requests it may hit.
    pub route: Route,
    /// What happens to them.
    pub kind: FaultKind,
    /// How often; none for no end.
    pub times: Option<u32>,
    /// Share of the matching requests that is hit, 0 to 1. Which ones follows from the seed and their number.
    pub rate: f64,
}

impl Fault {
    /// A fault that hits every matching request.
    pub fn always(route: Route, kind: FaultKind) -> Self {
        Self { route, kind, times: None, rate: 1.0 }
    }

    /// A fault that hits the next matching request only.
    pub fn once(route: Route, kind: FaultKind) -> Self {
        Self { times: Some(1), ..Self::always(route, kind) }
    }
}

/// Names a fault that is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(pub(super) u64);

/// The faults of one simulator.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    active: BTreeMap<FaultId, Fault>,
    fired: BTreeMap<FaultId, u64>,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, state: Mutex::default() }
    }

    /// Switches a fault on. When several hit one request, the oldest wins.
    pub fn inject(&self, fault: Fault) -> FaultId {
        let mut state = self.state();
        let id = FaultId(state.next);
        state.next += 1;
        state.active.insert(id, fault);
        id
    }

    /// Switches a fault off. How often it fired stays known.
    pub fn clear(&self, id: FaultId) {
        self.state().active.remove(&id);
    }

    /// Switches all faults off.
    pub fn clear_all(&self) {
        self.state().active.clear();
    }

    /// The faults that are switched on, and how often each has hit.
    pub fn active(&self) -> Vec<(FaultId, Fault, u64)> {
        let state = self.state();
        let fired = |id| state.fired.get(id).copied().unwrap_or(0);
        state.active.iter().map(|(id, fault)| (*id, fault.clone(), fired(id))).collect()
    }

    /// How many requests a fault has hit.
    pub fn fired(&self, id: FaultId) -> u64 {
        self.state().fired.get(&id).copied().unwrap_or(0)
    }

    /// What happens to this request: delays and alterations, then at most one fault that takes the place of the answer.
    pub(super) fn due(&self, action: Option<&str>, owner: Option<ObjectId>, request: u64) -> Vec<FaultKind> {
        let State { active, fired, .. } = &mut *self.state();
        let mut due = Vec::new();
        for (id, fault) in active {
            let hit = fault.route.matches(action, owner)
                && fault.times != Some(0)
                && self.draw(request, *id) < fault.rate;
            if hit {
                fault.times = fault.times.map(|left| left - 1);
                *fired.entry(*id).or_default() += 1;
                due.push(fault.kind.clone());
                if !fault.kind.leaves_an_answer() {
                    break;
                }
            }
        }
        due
    }

    /// From 0 up to, but not including, 1.
    fn draw(&self, request: u64, id: FaultId) -> f64 {
        let draw = chance::draw(&[self.seed, request, id.0]) >> 32;
        u32::try_from(draw).map_or(0.0, |draw| f64::from(draw) / (f64::from(u32::MAX) + 1.0))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can stop half way, so what a panicking test thread leaves behind is sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: u64) -> ObjectId {
        ObjectId::minted(digit, 0)
    }

    #[test]
    fn a_route_narrows_down_to_action_and_owner() {
        let faults = Faults::new(1);
        faults.inject(Fault::always(Route::action("instance.get").of(id(1)), FaultKind::Reset));
        assert_eq!(faults.due(Some("instance.get"), Some(id(1)), 1), [FaultKind::Reset]);
        assert!(faults.due(Some("instance.get"), Some(id(2)), 2).is_empty());
        assert!(faults.due(Some("instanceOrg.get"), Some(id(1)), 3).is_empty());
        assert!(faults.due(None, None, 4).is_empty());
    }

    #[test]
    fn a_fault_with_a_number_of_times_stops_after_them() {
        let faults = Faults::new(1);
        let fault =
            faults.inject(Fault { times: Some(2), ..Fault::always(Route::everything(), FaultKind::NotJson) });
        let hits = (0..5).filter(|request| !faults.due(None, None, *request).is_empty()).count();
        assert_eq!(hits, 2);
        assert_eq!(faults.fired(fault), 2);
    }

    #[test]
    fn a_rate_hits_its_share_and_the_same_requests_every_time() {
        let hits = || {
            let faults = Faults::new(9);
            faults.inject(Fault { rate: 0.25, ..Fault::always(Route::everything(), FaultKind::Hang) });
            (0..1_000).filter(|request| !faults.due(None, None, *request).is_empty()).collect::<Vec<u64>>()
        };
        assert_eq!(hits(), hits());
        assert!((200..300).contains(&hits().len()));
    }

    #[test]
    fn there_is_an_example_of_every_kind() {
        // A new kind does not compile here. Give it the next number, and an example.
        let number = |kind: &FaultKind| match kind {
            FaultKind::Status { .. } => 0,
            FaultKind::HtmlError(_) => 1,
            FaultKind::EmptyBody(_) => 2,
            FaultKind::Throttle { .. } => 3,
            FaultKind::Delay(_) => 4,
            FaultKind::Hang => 5,
            FaultKind::Reset => 6,
            FaultKind::CutBody => 7,
            FaultKind::NotJson => 8,
            FaultKind::HugeBody(_) => 9,
            FaultKind::UnknownPayloadTypes => 10,
            FaultKind::NumbersAsFloats => 11,
            FaultKind::NoSummary => 12,
            FaultKind::DeleteListed => 13,
        };
        let kinds: std::collections::BTreeSet<_> = FaultKind::all_examples().iter().map(number).collect();
        assert_eq!(kinds, (0..14).collect());
        // And every form that can be written is among them.
        let names: std::collections::BTreeSet<_> =
            FaultKind::all_examples().iter().map(|kind| form(&kind.to_string())).collect();
        assert_eq!(names, text::KINDS.split(", ").map(form).collect());
    }

    /// The name of a form, and whether it takes an argument.
    fn form(text: &str) -> (String, bool) {
        let name = text.split(':').next().unwrap_or_default();
        (name.to_owned(), text.contains(':'))
    }

    #[test]
    fn delays_add_to_the_fault_that_follows() {
        let faults = Faults::new(1);
        let delay = FaultKind::Delay(Duration::from_secs(3));
        faults.inject(Fault::always(Route::everything(), delay.clone()));
        let reset = faults.inject(Fault::always(Route::everything(), FaultKind::Reset));
        assert_eq!(faults.due(None, None, 1), [delay.clone(), FaultKind::Reset]);
        faults.clear(reset);
        assert_eq!(faults.due(None, None, 2), [delay]);
        faults.clear_all();
        assert!(faults.due(None, None, 3).is_empty());
    }
}
