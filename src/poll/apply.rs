//! What the outcome of a job changes.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{info, warn};

use super::discovery::{Discovered, Found, FoundAll};
use super::errand::{Outcome, Read};
use super::fleet::Known;
use super::historical_summaries::Dealt;
use super::job::Job;
use super::poller::{Poller, Undealt, discovery_of};
use crate::losant::wire::Instance;
use crate::losant::{Error, Listing};
use crate::usage::{Collector, Id, Level, Reading, Scope};

/// The collectors whose figures begin with the billing period.
const OF_THE_PERIOD: [Collector; 3] =
    [Collector::PayloadCounts, Collector::PayloadCountsBreakdown, Collector::NotebookMinuteCounts];

/// Why a job failed, in a word.
type Why = &'static str;

impl Poller {
    /// Takes in what a job brought that asked at uptime `asked_at`. Returns whether it succeeded.
    pub(super) fn apply(&mut self, job: Job, outcome: Outcome, asked_at: Duration) -> bool {
        let done = match outcome {
            Outcome::Instances(listed) => self.apply_instances(job, listed),
            Outcome::Discovered { instance, discovered, took } => {
                self.metrics.swept(took);
                self.apply_discovered(job, instance, *discovered, asked_at)
            }
            Outcome::Dealt { instance, collector, dealt } => {
                self.apply_dealt(job, instance, collector, dealt, asked_at)
            }
            Outcome::Read { scope, collector, read } => {
                self.apply_read(job, scope, collector, read, asked_at)
            }
        };
        self.metrics.ended(job.collector(), done.err().unwrap_or("success"));
        done.is_ok()
    }

    fn apply_instances(&mut self, job: Job, listed: Result<Listing<Instance>, Error>) -> Result<(), Why> {
        let done = match listed {
            Ok(listed) if listed.items.is_empty() => {
                let why = "no_instances";
                self.failures.failed(&self.config.account, job, why, &"the token lists no instance");
                Err(why)
            }
            Ok(listed) => {
                self.failures.succeeded(&self.config.account, job);
                self.instances_known = true;
                let instances: Vec<_> = listed.items.iter().map(|instance| instance.id).collect();
                if listed.complete {
                    self.forget_instances_but(&instances);
                }
                for instance in instances {
                    self.add_instance(instance);
                }
                Ok(())
            }
            Err(error) => {
                if matches!(error, Error::Unauthorized { .. }) && self.instances.is_empty() {
                    self.refuse(&error);
                } else {
                    let hint = if matches!(error, Error::Forbidden { .. }) {
                        "; an instance API token cannot list instances: name them in `instances` of the account"
                    } else {
                        ""
                    };
                    self.failures.failed(&self.config.account, job, error.label(), &format!("{error}{hint}"));
                }
                Err(error.label())
            }
        };
        let discoveries: Vec<_> = self.instances.keys().copied().map(discovery_of).collect();
        self.hurry_in_cycles(job, &discoveries);
        if done.is_ok() {
            self.failed_listings = 0;
            self.accept_if_no_instance_is_refused();
            self.put_back(job);
        } else {
            self.failed_listings = self.failed_listings.saturating_add(1);
            self.put_back_discovery(job, self.failed_listings);
        }
        self.tell_account_up();
        done
    }

    fn forget_instances_but(&mut self, listed: &[Id]) {
        let gone: Vec<_> = self.instances.keys().copied().filter(|known| !listed.contains(known)).collect();
        for instance in gone {
            info!(account = self.config.account, %instance, "instance is gone");
            self.instances.remove(&instance);
            self.fleet.forget_instance(instance);
            self.undealt.retain(|(of, _), _| *of != instance);
            self.store.forget_instance(instance);
            self.drop_jobs(|scope| scope.instance() == instance);
        }
    }

    fn apply_discovered(
        &mut self,
        job: Job,
        instance: Id,
        discovered: Discovered,
        asked_at: Duration,
    ) -> Result<(), Why> {
        let error = discovered.error().cloned();
        let answered = discovered.is_answered();
        let Discovered { instance: itself, orgs, sandboxes } = discovered;
        match itself {
            Ok(found) => self.adopt(found, asked_at),
            Err(_) => self.store.fail(Scope::Instance { instance }, Collector::Discovery),
        }
        self.adopt_listed(instance, Level::Org, orgs, asked_at);
        self.adopt_listed(instance, Level::Sandbox, sandboxes, asked_at);
        let refused = matches!(error, Some(Error::Unauthorized { .. }));
        let state = self.instances.entry(instance).or_default();
        state.discovered = Some(error.is_none());
        state.known |= answered;
        state.refused = refused;
        state.failures_in_a_row = if error.is_none() { 0 } else { state.failures_in_a_row.saturating_add(1) };
        let failures_in_a_row = state.failures_in_a_row;
        let recovered = error.is_none() && self.failures.in_a_row(job) > 0 || self.refused && !refused;
        match &error {
            None => self.failures.succeeded(&self.config.account, job),
            Some(error) if refused && self.instances.values().all(|state| state.refused) => {
                self.refuse(error);
            }
            Some(error) => self.failures.failed(&self.config.account, job, error.label(), error),
        }
        self.accept_if_no_instance_is_refused();
        self.clear_suspects(instance, error.as_ref());
        if error.is_none() {
            self.put_back(job);
        } else {
            self.put_back_discovery(job, failures_in_a_row);
        }
        if recovered {
            self.hurry_failed(instance);
        }
        self.tell_up(instance);
        self.tell_account_up();
        if !self.refused {
            let details: Vec<_> = self.schedule.jobs().filter(|job| is_detail_of(*job, instance)).collect();
            self.hurry_in_cycles(job, &details);
        }
        error.map_or(Ok(()), |error| Err(error.label()))
    }

    /// Takes in a scope as discovery found it, and schedules its polls if it is new.
    fn adopt(&mut self, found: Found, asked_at: Duration) {
        let Found { scope, period, devices, reading } = found;
        let before = self.fleet.known(Some(scope));
        if before.read_at > reading.read_at {
            // A question that took long to be answered: what is known is newer.
            return;
        }
        self.fleet.insert(scope, Known { period, devices, read_at: reading.read_at });
        self.unlisted.remove(&scope);
        self.store.put(scope, Collector::Discovery, reading, asked_at);
        let now = self.clock.uptime();
        for &collector in Collector::of(scope.level()) {
            self.schedule.add(Job::Poll(scope, collector), now);
        }
        if before.read_at == Known::nothing().read_at {
            self.deal_to(scope);
        }
        let start = |period: Option<crate::usage::BillingPeriod>| period.map(|period| period.start);
        if before.period.is_some() && start(before.period) != start(period) {
            // A new period has begun: its first figures should not wait for their turn.
            for collector in OF_THE_PERIOD {
                self.schedule.hurry(Job::Poll(scope, collector), now);
            }
        }
    }

    fn adopt_listed(
        &mut self,
        instance: Id,
        level: Level,
        listed: Result<FoundAll, Error>,
        asked_at: Duration,
    ) {
        let Ok(FoundAll { found, complete }) = listed else {
            for scope in self.fleet.scopes(instance, level) {
                self.store.fail(scope, Collector::Discovery);
            }
            return;
        };
        let known: BTreeSet<_> = self.fleet.scopes(instance, level).collect();
        let listed: BTreeSet<_> = found.iter().map(|found| found.scope).collect();
        for found in found {
            self.adopt(found, asked_at);
        }
        let missing: BTreeSet<_> = known.difference(&listed).copied().collect();
        let gone = if self.may_forget(instance, level, complete, listed.is_empty(), missing.is_empty()) {
            self.forget(&missing);
            missing.len()
        } else {
            for scope in &missing {
                self.store.fail(*scope, Collector::Discovery);
            }
            if !complete {
                self.unlisted.extend(missing);
            }
            0
        };
        let new = listed.difference(&known).count();
        if new > 0 || gone > 0 {
            info!(account = self.config.account, %instance, scopes = %level, new, gone, known = listed.len(), "discovered");
        }
    }

    /// Whether scopes that a list does not hold are gone. Not when the list is not whole; and a list that is suddenly empty
    /// has to be so twice.
    fn may_forget(
        &mut self,
        instance: Id,
        level: Level,
        complete: bool,
        is_empty: bool,
        none_missing: bool,
    ) -> bool {
        let suspicious = is_empty && !none_missing && self.emptied.insert((instance, level));
        if suspicious {
            warn!(account = self.config.account, %instance, scopes = %level, "the list is empty: waiting for the next one");
        }
        if !is_empty {
            self.emptied.remove(&(instance, level));
        }
        complete && !suspicious
    }

    /// Forgets scopes: all their series go at once.
    pub(super) fn forget(&mut self, gone: &BTreeSet<Scope>) {
        if gone.is_empty() {
            return;
        }
        for &scope in gone {
            self.fleet.remove(scope);
            self.store.forget(scope);
            self.unlisted.remove(&scope);
        }
        self.drop_jobs(|scope| gone.contains(&scope));
    }

    fn apply_read(
        &mut self,
        job: Job,
        scope: Scope,
        collector: Collector,
        read: Result<Box<Read>, Error>,
        asked_at: Duration,
    ) -> Result<(), Why> {
        let mut is_well = true;
        let done = match read {
            Ok(read) => {
                let Read { reading, found } = *read;
                if let Some(found) = found {
                    self.adopt(found, asked_at);
                }
                self.store.put(scope, collector, reading, asked_at);
                self.failures.succeeded(&self.config.account, job);
                Ok(())
            }
            Err(error) => {
                self.store.fail(scope, collector);
                self.detail_failed(job, scope, &error);
                // An older installation may have no summaries, a token no scope for them: no reason to call the instance
                // down.
                let is_optional = matches!(collector, Collector::Applications | Collector::PreviousPeriod);
                is_well = is_optional && is_a_final_no(&error);
                Err(error.label())
            }
        };
        self.note_own_poll(scope, collector, is_well);
        self.put_back(job);
        done
    }

    /// Takes in what lists said of many owners at once.
    fn apply_dealt(
        &mut self,
        job: Job,
        instance: Id,
        collector: Collector,
        dealt: Result<Box<Dealt>, Error>,
        asked_at: Duration,
    ) -> Result<(), Why> {
        let scope = Scope::Instance { instance };
        let dealt = match dealt {
            Ok(dealt) => *dealt,
            // Of the owners nothing is marked: what else is known of them came from elsewhere.
            Err(error) => return self.apply_read(job, scope, collector, Err(error), asked_at),
        };
        let Dealt { read_at, mut readings, complete } = dealt;
        for level in [Level::Org, Level::Sandbox] {
            for owner in self.fleet.scopes(instance, level) {
                let reading = readings.remove(&owner).unwrap_or_else(|| Reading::at(read_at));
                // What a list that is not whole leaves out may still be there.
                if complete || reading.samples.len() >= self.store.size_of(owner, collector) {
                    self.store.put(owner, collector, reading, asked_at);
                }
            }
        }
        // Some may belong to owners that discovery has not found yet.
        self.undealt.insert((instance, collector), Undealt { asked_at, readings });
        if !complete {
            let why = "incomplete";
            self.store.fail(scope, collector);
            self.failures.failed(&self.config.account, job, why, &"a list was not whole");
            self.put_back(job);
            return Err(why);
        }
        let own = Read { reading: Reading::at(read_at), found: None };
        self.apply_read(job, scope, collector, Ok(Box::new(own)), asked_at)
    }

    /// Hands a newly discovered owner what lists that were read before said of it.
    fn deal_to(&mut self, owner: Scope) {
        for ((instance, collector), undealt) in &mut self.undealt {
            if *instance == owner.instance()
                && let Some(reading) = undealt.readings.remove(&owner)
            {
                self.store.put(owner, *collector, reading, undealt.asked_at);
            }
        }
    }

    /// Notes how a poll of an instance itself went; of other scopes there is nothing to note.
    pub(super) fn note_own_poll(&mut self, scope: Scope, collector: Collector, success: bool) {
        if let Scope::Instance { instance } = scope {
            let failing = &mut self.instances.entry(instance).or_default().failing;
            if success {
                failing.remove(&collector)
            } else {
                failing.insert(collector)
            };
            self.tell_up(instance);
        }
    }

    /// Has the cycles that wait for `first` wait for the jobs that it made known as well, and makes those due at once.
    fn hurry_in_cycles(&mut self, first: Job, then: &[Job]) {
        let now = self.clock.uptime();
        for cycle in self.cycles.iter_mut().filter(|cycle| cycle.awaits(first)) {
            for &job in then {
                cycle.expect(job, self.schedule.hurry(job, now));
            }
        }
    }

    fn drop_jobs(&mut self, gone: impl Fn(Scope) -> bool) {
        let keep = |job: &Job| !job.scope().is_some_and(&gone);
        self.schedule.retain(keep);
        self.failures.retain(keep);
        self.suspects.retain(|job, _| keep(job));
        for cycle in &mut self.cycles {
            cycle.give_up(false, keep);
        }
    }
}

/// Whether Losant will say the same again to the same question.
const fn is_a_final_no(error: &Error) -> bool {
    matches!(error, Error::Forbidden { .. } | Error::NotFound { .. } | Error::Rejected { .. })
}

pub(super) fn is_detail_of(job: Job, instance: Id) -> bool {
    job.collector() != Collector::Discovery && job.scope().is_some_and(|scope| scope.instance() == instance)
}
