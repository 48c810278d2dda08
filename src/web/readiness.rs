//! Whether the process is of use yet.
//!
//! Owns: the gates that have to open before the exporter counts as ready, and that a process which is ending never
//! counts as ready again.
//! Must not: know who opens a gate, or why.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

/// A handle over the gates. Cheap to clone; all clones speak of the same gates.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<State>>);

/// Whether a gate is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing is waited for any more.
    Ready,
    /// Still closed; the text says why, if anything is known.
    Waiting(String),
}

#[derive(Debug)]
struct State {
    gates: BTreeMap<String, Gate>,
    draining: bool,
}

impl Readiness {
    /// Closed gates, by the name of what is waited for (`first cycle of account default`). Without any, ready at once.
    pub fn waiting_for<N: Into<String>>(gates: impl IntoIterator<Item = N>) -> Self {
        let gates = gates.into_iter().map(|name| (name.into(), Gate::Waiting(String::new()))).collect();
        Self(Arc::new(watch::Sender::new(State { gates, draining: false })))
    }

    /// Opens or closes a gate. A name that is new adds one.
    pub fn set(&self, gate: &str, to: Gate) {
        self.0.send_if_modified(|state| match state.gates.get_mut(gate) {
            Some(current) if *current == to => false,
            Some(current) => {
                *current = to;
                true
            }
            None => {
                state.gates.insert(gate.to_owned(), to);
                true
            }
        });
    }

    /// Takes a gate away: what it waited for is not wanted any more.
    pub fn remove(&self, gate: &str) {
        self.0.send_if_modified(|state| state.gates.remove(gate).is_some());
    }

    /// Ends being ready, for good: the process is shutting down.
    pub fn drain(&self) {
        self.0.send_modify(|state| state.draining = true);
    }

    /// What is still waited for, a line each. Nothing means ready.
    pub fn waits(&self) -> Vec<String> {
        self.0.borrow().waits()
    }

    /// Waits until ready. After [`Readiness::drain`], that is forever.
    pub async fn ready(&self) {
        // The sender lives in `self`, so waiting can only end by being ready.
        let _ = self.0.subscribe().wait_for(|state| state.waits().is_empty()).await;
    }
}

impl State {
    fn waits(&self) -> Vec<String> {
        if self.draining {
            return vec!["shutting down".to_owned()];
        }
        let line = |(name, gate): (&String, &Gate)| match gate {
            Gate::Ready => None,
            Gate::Waiting(reason) if reason.is_empty() => Some(name.clone()),
            Gate::Waiting(reason) => Some(format!("{name}: {reason}")),
        };
        self.gates.iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "first cycle of account default";

    #[test]
    fn every_closed_gate_is_named_with_its_reason() {
        let readiness = Readiness::waiting_for([FIRST, "first render"]);
        assert_eq!(readiness.waits(), [FIRST, "first render"]);
        readiness.set(FIRST, Gate::Waiting("the token was refused".to_owned()));
        assert_eq!(
            readiness.waits(),
            ["first cycle of account default: the token was refused", "first render"]
        );
        readiness.set(FIRST, Gate::Ready);
        readiness.set("first render", Gate::Ready);
        assert!(readiness.waits().is_empty());
    }

    #[test]
    fn a_gate_can_be_added_and_closed_again() {
        let readiness = Readiness::waiting_for([FIRST]);
        readiness.set(FIRST, Gate::Ready);
        readiness.set("first cycle of account second", Gate::Waiting(String::new()));
        assert_eq!(readiness.waits(), ["first cycle of account second"]);
    }

    #[test]
    fn without_gates_it_is_ready() {
        assert!(Readiness::waiting_for::<String>([]).waits().is_empty());
    }

    #[test]
    fn draining_is_for_good() {
        let readiness = Readiness::waiting_for([FIRST]);
        readiness.drain();
        readiness.set(FIRST, Gate::Ready);
        assert_eq!(readiness.waits(), ["shutting down"]);
    }

    #[tokio::test]
    async fn whoever_waits_wakes_when_the_last_gate_opens() {
        let readiness = Readiness::waiting_for([FIRST, "first render"]);
        let waiting = readiness.ready();
        let mut waiting = std::pin::pin!(waiting);
        readiness.set(FIRST, Gate::Ready);
        let early =
            tokio::select! { biased; () = &mut waiting => true, () = std::future::ready(()) => false };
        assert!(!early);
        readiness.set("first render", Gate::Ready);
        waiting.await;
    }
}
