//! Who waits for leave, and in which order.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::Urgency;

/// Those who wait: two queues, of which the one for details stands still while anybody is in the other.
#[derive(Debug, Default)]
pub(super) struct Line {
    joined: u64,
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
        self.sweeps.front().or_else(|| self.details.front())
    }

    fn queue(&mut self, urgency: Urgency) -> &mut VecDeque<Place> {
        match urgency {
            Urgency::Sweep => &mut self.sweeps,
            Urgency::Detail => &mut self.details,
        }
    }
}
