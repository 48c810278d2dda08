//! What the simulator was asked.
//!
//! Owns: the record of the latest requests, waiting for one to come, and recorders of all arrivals.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// Most requests kept. When there are more, the oldest tenth is forgotten.
const KEPT: usize = 10_000;

/// One request as it arrived, and the status it was answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// Counts from 1 over the life of the simulator.
    pub number: u64,
    /// `GET`, …
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// Query pairs, decoded, in the order they were sent.
    pub query: Vec<(String, String)>,
    /// Headers in the order they came, names in lower case; without `authorization`.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
    /// Scope name of the action, such as `instanceOrgs.get`; none when the path leads nowhere.
    pub action: Option<&'static str>,
    /// None while it is not answered. A broken answer has the status its first bytes promise; one that was
    /// cut before them has 0.
    pub status: Option<u16>,
    /// Uptime of the clock at arrival.
    pub uptime: Duration,
    /// Wall clock at arrival.
    pub at: Timestamp,
}

impl RecordedRequest {
    /// A query value by its name.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// When a request arrived, and what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Uptime of the clock.
    pub uptime: Duration,
    /// Scope name of the action; none when the path leads nowhere.
    pub action: Option<&'static str>,
}

/// Notes every arrival, without end, from the moment it was asked for until it is dropped.
#[derive(Debug)]
pub struct Arrivals(Arc<Mutex<Vec<Arrival>>>);

impl Arrivals {
    /// What has arrived so far, in that order.
    pub fn so_far(&self) -> Vec<Arrival> {
        locked(&self.0).clone()
    }

    /// How many have arrived so far.
    pub fn count(&self) -> usize {
        locked(&self.0).len()
    }
}

/// Nothing that is done under such a lock can stop half way.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct RequestLog {
    entries: watch::Sender<Entries>,
    watchers: Mutex<Vec<Weak<Mutex<Vec<Arrival>>>>>,
}

struct Entries {
    latest: Vec<RecordedRequest>,
    arrived: u64,
}

impl RequestLog {
    pub(super) fn new() -> Self {
        let entries = watch::Sender::new(Entries { latest: Vec::new(), arrived: 0 });
        Self { entries, watchers: Mutex::default() }
    }

    /// Notes arrivals from now on.
    pub(super) fn watch(&self) -> Arrivals {
        let arrivals = Arc::default();
        locked(&self.watchers).push(Arc::downgrade(&arrivals));
        Arrivals(arrivals)
    }

    /// How many have arrived, the forgotten ones too.
    pub(super) fn count(&self) -> u64 {
        self.entries.borrow().arrived
    }

    /// Writes down a request and gives it its number.
    pub(super) fn arrive(&self, request: RecordedRequest) -> u64 {
        let arrival = Arrival { uptime: request.uptime, action: request.action };
        locked(&self.watchers).retain(|watcher| {
            let watcher = watcher.upgrade();
            watcher.map(|arrivals| locked(&arrivals).push(arrival)).is_some()
        });
        let mut number = 0;
        self.entries.send_modify(|entries| {
            if entries.latest.len() >= KEPT {
                entries.latest.drain(..KEPT / 10);
            }
            entries.arrived += 1;
            number = entries.arrived;
            entries.latest.push(RecordedRequest { number, ..request });
        });
        number
    }

    /// Writes down how a request was answered.
    pub(super) fn answered(&self, number: u64, status: u16) {
        self.entries.send_modify(|entries| {
            if let Ok(index) = entries.latest.binary_search_by_key(&number, |request| request.number)
                && let Some(request) = entries.latest.get_mut(index)
            {
                request.status = Some(status);
            }
        });
    }

    pub(super) fn latest(&self) -> Vec<RecordedRequest> {
        self.entries.borrow().latest.clone()
    }

    pub(super) async fn wait_for(&self, predicate: impl Fn(&[RecordedRequest]) -> bool) {
        // The sender lives in `self`, so waiting can only end by the predicate.
        let _ = self.entries.subscribe().wait_for(|entries| predicate(&entries.latest)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RecordedRequest {
        RecordedRequest {
            number: 0,
            method: "GET".to_owned(),
            path: "/instances".to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: String::new(),
            action: None,
            status: None,
            uptime: Duration::ZERO,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_oldest_requests_are_forgotten_and_the_rest_can_still_be_answered() {
        let log = RequestLog::new();
        for _ in 0..KEPT + 50 {
            log.arrive(request());
        }
        let last = u64::try_from(KEPT).unwrap() + 50;
        log.answered(last, 200);
        log.answered(1, 500);
        assert_eq!(log.count(), last);
        let latest = log.latest();
        assert!(latest.len() <= KEPT);
        assert_eq!(latest.last().unwrap().status, Some(200));
        assert_eq!(latest.iter().filter(|request| request.status.is_some()).count(), 1);
    }

    #[test]
    fn arrivals_are_noted_without_end_from_the_first_after_asking() {
        let log = RequestLog::new();
        log.arrive(request());
        let arrivals = log.watch();
        let asked = RecordedRequest { action: Some("instance.get"), ..request() };
        for second in 0..2 * u64::try_from(KEPT).unwrap() {
            log.arrive(RecordedRequest { uptime: Duration::from_secs(second), ..asked.clone() });
        }
        let all = arrivals.so_far();
        assert_eq!((all.len(), arrivals.count()), (2 * KEPT, 2 * KEPT));
        assert_eq!(all[7], Arrival { uptime: Duration::from_secs(7), action: Some("instance.get") });
        drop(arrivals);
        log.arrive(request());
        assert!(locked(&log.watchers).is_empty());
    }

    #[tokio::test]
    async fn waiting_ends_when_the_awaited_request_is_there() {
        let log = RequestLog::new();
        let waiting = log.wait_for(|requests| requests.iter().any(|request| request.status == Some(200)));
        let arriving = async {
            let number = log.arrive(request());
            log.answered(number, 200);
        };
        tokio::join!(waiting, arriving);
    }
}
