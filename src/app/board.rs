//! Who is at work for each account at the moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::losant::Client;
use crate::poll::PollerHandle;

/// The accounts that are polled, by name. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Board(Arc<Mutex<BTreeMap<String, Seat>>>);

#[derive(Clone, Debug)]
struct Seat {
    client: Client,
    handle: PollerHandle,
}

impl Board {
    /// Notes who asks for an account, and how to reach its poller.
    pub(super) fn seat(&self, account: &str, client: Client, handle: PollerHandle) {
        self.lock().insert(account.to_owned(), Seat { client, handle });
    }

    /// Notes that an account is polled no more.
    pub(super) fn clear(&self, account: &str) {
        self.lock().remove(account);
    }

    /// Who asks for an account.
    pub(super) fn client(&self, account: &str) -> Option<Client> {
        self.lock().get(account).map(|seat| seat.client.clone())
    }

    /// How to reach the poller of an account.
    pub(super) fn handle(&self, account: &str) -> Option<PollerHandle> {
        self.lock().get(account).map(|seat| seat.handle.clone())
    }

    /// Everybody who asks, by account.
    pub(super) fn clients(&self) -> Vec<(String, Client)> {
        self.lock().iter().map(|(account, seat)| (account.clone(), seat.client.clone())).collect()
    }

    /// Everybody who asks, and how to reach the pollers, by account.
    pub(super) fn seats(&self) -> Vec<(String, Client, PollerHandle)> {
        let seat =
            |(account, seat): (&String, &Seat)| (account.clone(), seat.client.clone(), seat.handle.clone());
        self.lock().iter().map(seat).collect()
    }

    /// How to reach every poller.
    pub(super) fn handles(&self) -> Vec<PollerHandle> {
        self.lock().values().map(|seat| seat.handle.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Seat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
