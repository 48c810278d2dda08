//! What is made of the settings, and made anew where they change.
//!
//! Owns: the pollers and what pages are made by, as the settings in force have them. Settings are made into parts first, which
//! may fail, and then put in force, which cannot.
//! Must not: read a configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;

use super::board::Board;
use super::crew::{Crew, PollerDied};
use super::status::Shown;
use super::{Account, AccountError, Settings, gate, open_gate};
use crate::clock::Clock;
use crate::losant::{Client, ClientMetrics};
use crate::metrics::Metrics;
use crate::poll::{PollMetrics, Poller, Reconfiguration};
use crate::store::Store;
use crate::usage::Id;
use crate::web::{Gate, Readiness};

/// The pollers of the settings in force, and what they work with.
pub(super) struct Engine {
    pub(super) in_force: Settings,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) client_metrics: ClientMetrics,
    pub(super) poll_metrics: PollMetrics,
    pub(super) metrics: Arc<Metrics>,
    pub(super) readiness: Readiness,
    pub(super) board: Board,
    pub(super) crew: Crew,
    pub(super) shown: watch::Sender<Shown>,
}

/// Settings that can be put in force.
pub(super) struct Draft {
    settings: Settings,
    /// Who asks for accounts whose own settings have changed, or that are new.
    clients: BTreeMap<String, Client>,
}

/// Makes drafts. It reads token files and certificates, which a file system may let hang: not on a thread that others need.
pub(super) struct Drafting {
    in_force: Settings,
    board: Board,
    clock: Clock,
    client_metrics: ClientMetrics,
}

impl Drafting {
    /// The settings that are in force meanwhile.
    pub(super) const fn in_force(&self) -> &Settings {
        &self.in_force
    }

    /// Makes of `settings` whatever may fail. Nothing changes by it.
    pub(super) fn draft(&self, settings: Settings) -> Result<Draft, AccountError> {
        let mut clients = BTreeMap::new();
        let stays = |one: &&Account| settings.accounts.iter().any(|account| account.name == one.name);
        let mut leaving: Vec<_> = self.in_force.accounts.iter().filter(|one| !stays(one)).collect();
        for account in &settings.accounts {
            let before = match self.board.client(&account.name) {
                Some(_) if self.in_force.accounts.contains(account) => continue,
                Some(before) => Some(before),
                // Under another name Losant would be asked by the same token: what that has used up stays used.
                None => leaving
                    .iter()
                    .position(|one| one.asks_as(account))
                    .and_then(|place| self.board.client(&leaving.swap_remove(place).name)),
            };
            let client = match before {
                Some(before) => account.clone().successor(&before)?,
                None => account.clone().client(self.clock.clone(), self.client_metrics.clone())?,
            };
            clients.insert(account.name.clone(), client);
        }
        Ok(Draft { settings, clients })
    }
}

impl Engine {
    /// Starts the pollers that were made for the settings in force.
    pub(super) fn start(&mut self, pollers: Vec<(String, Poller)>) {
        for (account, poller) in pollers {
            self.start_gated(&account, poller);
        }
    }

    /// What makes a draft, as things stand. Nothing changes them meanwhile but [`Engine::put_in_force`].
    pub(super) fn drafting(&self) -> Drafting {
        Drafting {
            in_force: self.in_force.clone(),
            board: self.board.clone(),
            clock: self.clock.clone(),
            client_metrics: self.client_metrics.clone(),
        }
    }

    /// Puts a draft in force. What is still wanted stays on the page all the time.
    pub(super) async fn put_in_force(&mut self, draft: Draft) {
        let Draft { settings, mut clients } = draft;
        let before = std::mem::replace(&mut self.in_force, settings);
        let named: BTreeSet<Id> = self.in_force.named_instances().collect();
        let is_left = |account: &&Account| !self.in_force.accounts.iter().any(|one| one.name == account.name);
        let left: Vec<_> = before.accounts.iter().filter(is_left).collect();
        let is_new = |account: &&Account| !before.accounts.iter().any(|one| one.name == account.name);
        let (new, old): (Vec<_>, Vec<_>) =
            self.in_force.accounts.clone().iter().cloned().partition(|account| is_new(&account));
        // An account under another name may list what one that is gone had listed.
        let heir = new
            .iter()
            .find(|account| account.config.instances.is_empty())
            .map(|account| account.name.clone());
        let was_ready = self.readiness.waits().is_empty();
        if !was_ready {
            // Before anybody goes: whoever is waited for may only be called otherwise from now on.
            for account in &new {
                self.readiness.set(&gate(&account.name), Gate::Waiting(String::new()));
            }
        }
        let mut inherited = Vec::new();
        for account in left {
            inherited.extend(self.let_go(&account.name, &named, heir.is_some()).await);
        }
        for account in old {
            let client = clients.remove(&account.name);
            if client.is_some() || !self.in_force.polls_alike(&before, &account) {
                self.change(&account, client).await;
            }
        }
        for account in new {
            if let Some(client) = clients.remove(&account.name) {
                let inherits = heir.as_ref() == Some(&account.name);
                let inherited = if inherits { std::mem::take(&mut inherited) } else { Vec::new() };
                self.add(&account, client, inherited, was_ready);
            }
        }
        for handle in self.board.handles() {
            handle.claim_again().await;
        }
        self.metrics.reconfigure(self.in_force.rendering());
        self.shown.send_replace(self.in_force.shown());
    }

    /// Stops polling an account. Returns the instances whose numbers stay for an heir to go on with.
    async fn let_go(&mut self, account: &str, named: &BTreeSet<Id>, has_heir: bool) -> Vec<Id> {
        self.crew.stop(account).await;
        self.board.clear(account);
        self.poll_metrics.forget_account(account);
        self.readiness.remove(&gate(account));
        let mut inherited = Vec::new();
        for instance in self.store.claimed_by(account) {
            if named.contains(&instance) {
                self.store.release(instance);
            } else if has_heir {
                self.store.release(instance);
                inherited.push(instance);
            } else {
                self.store.forget_instance(instance);
            }
        }
        inherited
    }

    async fn change(&self, account: &Account, client: Option<Client>) {
        let (Some(handle), Some(before)) =
            (self.board.handle(&account.name), self.board.client(&account.name))
        else {
            return;
        };
        let client = client.unwrap_or(before);
        client.take_over();
        self.board.seat(&account.name, client.clone(), handle.clone());
        let config = self.in_force.poller(account);
        handle.reconfigure(Reconfiguration { config, client }).await;
    }

    fn add(&mut self, account: &Account, client: Client, inherited: Vec<Id>, is_ready: bool) {
        client.take_over();
        let (config, clock) = (self.in_force.poller(account), self.clock.clone());
        let (mut poller, handle) =
            Poller::new(config, client.clone(), clock, self.store.clone(), self.poll_metrics.clone());
        poller.inherit(inherited);
        self.board.seat(&account.name, client, handle);
        if is_ready {
            // A process that is of use stays so.
            self.crew.start(&account.name, poller, |_| {}, std::future::ready(()));
        } else {
            self.start_gated(&account.name, poller);
        }
    }

    /// Starts a poller that readiness waits for.
    fn start_gated(&mut self, account: &str, poller: Poller) {
        let (told, heard) = watch::channel(Err(String::new()));
        let progress = move |progress| {
            told.send_modify(|so_far| *so_far = progress);
        };
        let opened = open_gate(heard, self.readiness.clone(), gate(account), Arc::clone(&self.metrics));
        self.crew.start(account, poller, progress, opened);
    }

    /// Waits until a poller dies.
    pub(super) async fn died(&mut self) -> PollerDied {
        self.crew.died().await
    }
}
