//! What the outcome of a job changes.

use std::collections::BTreeSet;

use tracing::{error, info, warn};

use super::discovery::{Discovered, Found, FoundAll};
use super::errand::{Outcome, Read};
use super::fleet::Known;
use super::job::Job;
use super::poller::{Poller, discovery_of};
use crate::losant::wire::Instance;
use crate::losant::{Error, Listing};
use crate::usage::{Collector, Id, Level, Scope};

impl Poller {
    /// Takes in what a job brought. Returns whether it succeeded.
    pub(super) fn apply(&mut self, job: Job, outcome: Outcome) -> bool {
        let error = match outcome {
            Outcome::Instances(listed) => self.apply_instances(job, listed),
            Outcome::Discovered { instance, discovered, took } => {
                self.metrics.swept(took);
                self.apply_discovered(job, instance, *discovered)
            }
            Outcome::Read { scope, collector, read } => self.apply_read(job, scope, collector, read),
        };
        self.metrics.ended(job.collector(), error.as_ref().map_or("success", Error::label));
        error.is_none()
    }

    fn apply_instances(&mut self, job: Job, listed: Result<Listing<Instance>, Error>) -> Option<Error> {
        match listed {
            Ok(listed) => {
                let instances: Vec<_> = listed.items.iter().map(|instance| instance.id).collect();
                self.failures.succeeded(&self.config.account, job);
                self.token_accepted();
                if instances.is_empty() {
                    warn!(account = self.config.account, "the token lists no instance: nothing to poll");
                }
                self.instances_known = true;
                if listed.complete {
                    self.forget_instances_but(&instances);
                }
                for instance in instances {
                    self.add_instance(instance);
                    self.hurry_in_cycles(job, &[discovery_of(instance)]);
                }
                self.put_back(job);
                None
            }
            Err(error) => {
                self.discovery_failed(job, &error);
                // Which failures came before does not matter: nothing else of this account runs either.
                self.put_back_discovery(job, 1);
                Some(error)
            }
        }
    }

    fn forget_instances_but(&mut self, listed: &[Id]) {
        let gone: Vec<_> = self.instances.keys().copied().filter(|known| !listed.contains(known)).collect();
        for instance in gone {
            info!(account = self.config.account, %instance, "instance is gone");
            self.instances.remove(&instance);
            self.fleet.forget_instance(instance);
            self.store.forget_instance(instance);
            self.drop_jobs(|scope| scope.instance() == instance);
        }
    }

    fn apply_discovered(&mut self, job: Job, instance: Id, discovered: Discovered) -> Option<Error> {
        let error = discovered.error().cloned();
        let Discovered { instance: itself, orgs, sandboxes } = discovered;
        let scope = Scope::Instance { instance };
        match itself {
            Ok(found) => self.adopt(found),
            Err(_) => self.store.fail(scope, Collector::Discovery),
        }
        self.adopt_listed(instance, Level::Org, orgs);
        self.adopt_listed(instance, Level::Sandbox, sandboxes);
        let state = self.instances.entry(instance).or_default();
        state.discovered = Some(error.is_none());
        state.known |= error.is_none();
        state.failures_in_a_row = if error.is_none() { 0 } else { state.failures_in_a_row.saturating_add(1) };
        let failures_in_a_row = state.failures_in_a_row;
        match &error {
            None => {
                self.failures.succeeded(&self.config.account, job);
                self.token_accepted();
                self.put_back(job);
            }
            Some(error) => {
                self.discovery_failed(job, error);
                self.put_back_discovery(job, failures_in_a_row);
            }
        }
        self.tell_up(instance);
        if !self.refused {
            let details: Vec<_> = self.schedule.jobs().filter(|job| is_detail_of(*job, instance)).collect();
            self.hurry_in_cycles(job, &details);
        }
        error
    }

    /// Takes in a scope as discovery found it, and schedules its polls if it is new.
    fn adopt(&mut self, found: Found) {
        let Found { scope, period, reading } = found;
        self.fleet.insert(scope, Known { period, read_at: reading.read_at });
        self.store.put(scope, Collector::Discovery, reading);
        for collector in Collector::DETAIL {
            self.schedule.add(Job::Poll(scope, collector), self.clock.uptime());
        }
    }

    fn adopt_listed(&mut self, instance: Id, level: Level, listed: Result<FoundAll, Error>) {
        let Ok(FoundAll { found, complete }) = listed else {
            for scope in self.fleet.scopes(instance, level) {
                self.store.fail(scope, Collector::Discovery);
            }
            return;
        };
        let listed: BTreeSet<_> = found.iter().map(|found| found.scope).collect();
        let new = listed.iter().filter(|scope| !self.fleet.contains(**scope)).count();
        for found in found {
            self.adopt(found);
        }
        let gone = if complete { self.fleet.retain(instance, level, &listed) } else { 0 };
        if gone > 0 {
            self.store.retain(instance, level, &listed);
            self.drop_jobs(|scope| {
                scope.instance() == instance && scope.level() == level && !listed.contains(&scope)
            });
        }
        if new > 0 || gone > 0 {
            info!(account = self.config.account, %instance, %level, new, gone, known = listed.len(), "discovered");
        }
    }

    fn apply_read(
        &mut self,
        job: Job,
        scope: Scope,
        collector: Collector,
        read: Result<Box<Read>, Error>,
    ) -> Option<Error> {
        let error = match read {
            Ok(read) => {
                let Read { reading, found } = *read;
                if let Some(found) = found {
                    self.adopt(found);
                }
                self.store.put(scope, collector, reading);
                self.failures.succeeded(&self.config.account, job);
                None
            }
            Err(error) => {
                self.store.fail(scope, collector);
                self.detail_failed(job, scope, &error);
                Some(error)
            }
        };
        if let Scope::Instance { instance } = scope {
            let failing = &mut self.instances.entry(instance).or_default().failing;
            if error.is_none() {
                failing.remove(&collector)
            } else {
                failing.insert(collector)
            };
            self.tell_up(instance);
        }
        self.put_back(job);
        error
    }

    /// A refused poll says nothing yet: the token may be gone for all, or for this one action only. Discovery tells,
    /// and logs it once instead of once for each scope.
    fn detail_failed(&mut self, job: Job, scope: Scope, error: &Error) {
        if !matches!(error, Error::Unauthorized { .. }) {
            self.failures.failed(&self.config.account, job, error.label(), error);
        } else if !self.refused {
            if self.suspects.is_empty() {
                self.schedule.hurry(discovery_of(scope.instance()), self.clock.uptime());
            }
            self.suspects.push((job, error.to_string()));
        }
    }

    fn discovery_failed(&mut self, job: Job, error: &Error) {
        if !matches!(error, Error::Unauthorized { .. }) {
            self.failures.failed(&self.config.account, job, error.label(), error);
            return;
        }
        self.suspects.clear();
        if !std::mem::replace(&mut self.refused, true) {
            error!(
                account = self.config.account,
                %error,
                "Losant does not accept the token: this account is not polled until it does"
            );
        }
        for cycle in &mut self.cycles {
            cycle.give_up(true, |job| job.collector() == Collector::Discovery);
        }
        for state in self.instances.values_mut() {
            state.discovered = Some(false);
        }
        for instance in self.instances.keys().copied().collect::<Vec<_>>() {
            self.tell_up(instance);
        }
    }

    fn token_accepted(&mut self) {
        if std::mem::replace(&mut self.refused, false) {
            info!(account = self.config.account, "Losant accepts the token again");
        }
        for (job, error) in std::mem::take(&mut self.suspects) {
            self.failures.failed(&self.config.account, job, "unauthorized", &error);
        }
    }

    fn tell_up(&self, instance: Id) {
        if let Some(state) = self.instances.get(&instance)
            && let Some(discovered) = state.discovered
        {
            self.store.set_up(instance, discovered && state.failing.is_empty());
        }
    }

    /// Has the cycles that wait for `first` wait for the jobs that it made known as well, and makes those due at once.
    fn hurry_in_cycles(&mut self, first: Job, then: &[Job]) {
        let now = self.clock.uptime();
        for cycle in self.cycles.iter_mut().filter(|cycle| cycle.awaits(first)) {
            cycle.expect(then.iter().copied());
            for &job in then {
                self.schedule.hurry(job, now);
            }
        }
    }

    fn drop_jobs(&mut self, gone: impl Fn(Scope) -> bool) {
        let keep = |job: &Job| !job.scope().is_some_and(&gone);
        self.schedule.retain(keep);
        self.failures.retain(keep);
        for cycle in &mut self.cycles {
            cycle.give_up(false, keep);
        }
    }
}

fn is_detail_of(job: Job, instance: Id) -> bool {
    job.collector() != Collector::Discovery && job.scope().is_some_and(|scope| scope.instance() == instance)
}
