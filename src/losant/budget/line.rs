//! Who waits for leave, and in which order.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::Urgency;

/// So many sweeps in a row pass while a detail waits; then it is the detail's turn. At a low pace a sweep takes hours, and
/// what lists do not tell must not stand still as long.
const SWEEPS_IN_A_ROW: u32 = 3;

/// Those who wait: two queues, of which the one for details gives way to the other, but for every fourth leave.
#[derive(Debug, Default)]
pub(super) struct Line {
    joined: u64,
    /// Sweeps that have passed in a row while a detail waited.
    sweeps_in_a_row: u32,
    sweeps: VecDeque<Place>,
    details: VecDeque<Place>,
}

/// A place in line. Clones are the same place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    urgency: Urgency,
    /// Counts those who joined: places in a queue are in order of their numbers.
    number: u64,
    call: Arc<Notify>,
}

impl Place {
    /// Waits to be called, or remembers that it was.
    pub(super) async fn called(&self) {
        self.call.notified().await;
    }
}

impl Line {
    /// Takes the last place among those who are as urgent.
    pub(super) fn join(&mut self, urgency: Urgency) -> Place {
        let place = Place { urgency, number: self.joined, call: Arc::default() };
        self.joined += 1;
        self.queue(urgency).push_back(place.clone());
        place
    }

    /// Gives up `place`.
    pub(super) fn leave(&mut self, place: &Place) {
        let queue = self.queue(place.urgency);
        if let Ok(index) = queue.binary_search_by_key(&place.number, |waiting| waiting.number) {
            queue.remove(index);
        }
    }

    /// Takes note that `place`, which is the first, has got its leave. It has to leave the line as well.
    pub(super) fn pass(&mut self, place: &Place) {
        self.sweeps_in_a_row = match place.urgency {
            Urgency::Sweep if !self.details.is_empty() => self.sweeps_in_a_row.saturating_add(1),
            Urgency::Sweep | Urgency::Detail => 0,
        };
    }

    /// Whether nobody is ahead of `place`.
    pub(super) fn is_first(&self, place: &Place) -> bool {
        self.first().is_some_and(|first| first.number == place.number)
    }

    /// Has the first in line look whether there is leave.
    pub(super) fn call_first(&self) {
        if let Some(first) = self.first() {
            first.call.notify_one();
        }
    }

    fn first(&self) -> Option<&Place> {
        let (sweep, detail) = (self.sweeps.front(), self.details.front());
        if self.sweeps_in_a_row < SWEEPS_IN_A_ROW { sweep.or(detail) } else { detail.or(sweep) }
    }

    fn queue(&mut self, urgency: Urgency) -> &mut VecDeque<Place> {
        match urgency {
            Urgency::Sweep => &mut self.sweeps,
            Urgency::Detail => &mut self.details,
        }
    }
}
