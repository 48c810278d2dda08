//! What discovery changes: whom there is to ask, and what of them is known already.
//!
//! Owns: taking in the pages of a sweep as they come, and what its end says of the instance. Who is new then and who is
//! gone is in `sweep_end`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::apply::{Why, is_detail_of};
use super::discovery::{Discovered, Found, FoundPage};
use super::fleet::{Known, Moment};
use super::job::Job;
use super::payload_counts;
use super::poller::Poller;
use super::trust::{self, Answered};
use crate::losant::{Error, Unit};
use crate::usage::{BillingPeriod, Collector, Id, Level, Scope};

/// The collectors whose figures begin with the billing period.
const OF_THE_PERIOD: [Collector; 4] = [
    Collector::PayloadCounts,
    Collector::PayloadBytes,
    Collector::PayloadCountsBreakdown,
    Collector::NotebookMinuteCounts,
];

impl Poller {
    /// Takes in a part of what a sweep finds.
    pub(super) fn apply_page(&mut self, page: FoundPage) {
        let FoundPage { sweep, asked_at, found } = page;
        for found in found {
            // An instance that was forgotten while it was being swept.
            if !self.instances.contains_key(&found.scope.instance()) {
                continue;
            }
            if found.scope.level() == Level::Instance {
                self.adopt(found, asked_at);
            } else {
                self.adopt_listed(found, sweep, asked_at);
            }
        }
    }

    /// Takes in a scope as it was asked for, and schedules its polls if it is new. Returns whether what is known of it is not
    /// newer.
    pub(super) fn adopt(&mut self, found: Found, asked_at: Duration) -> bool {
        let Found { scope, period, devices, reading, .. } = found;
        let before = self.fleet.known(Some(scope));
        if before.asked_at > asked_at {
            // A question that took long to be answered.
            return false;
        }
        let now = self.clock.uptime();
        let known = Known { period, devices, read_at: reading.read_at, asked_at };
        if self.fleet.insert(scope, known, asked_at) {
            self.deal_to(scope);
            // Whom it is among, and what lists are worth, is known when the sweep ends. Until then nothing gets in its way.
            self.newcomers.push(scope);
        }
        self.unlisted.remove(&scope);
        if self.owns(scope) {
            self.store.put(scope, Collector::Discovery, reading, asked_at);
        }
        let start = |period: Option<BillingPeriod>| period.map(|period| period.start);
        let has_turned = before.period.is_some() && start(before.period) != start(period);
        if has_turned && !self.fleet.get(scope).is_some_and(|member| member.figures.tell_payloads()) {
            // A new period has begun: its first figures should not wait for their turn.
            for collector in OF_THE_PERIOD {
                self.schedule.hurry(Job::Poll(scope, collector), now);
            }
        }
        true
    }

    /// Takes in a scope as a list told of it.
    fn adopt_listed(&mut self, mut found: Found, sweep: u64, asked_at: Duration) {
        let (scope, period, figures) = (found.scope, found.period, found.figures);
        let listed = Moment { at: found.reading.read_at, uptime: asked_at };
        let payloads = found.payloads.take();
        let is_news = self.adopt(found, asked_at);
        let Some(member) = self.fleet.get_mut(scope) else { return };
        let was_listed = member.sweep > 0;
        member.sweep = sweep;
        if !is_news {
            return;
        }
        if was_listed && figures != member.figures {
            member.changed_at = Some(asked_at);
        }
        member.moves = was_listed && figures.have_moved_since(&member.figures);
        (member.figures, member.listed, member.shown_from) = (figures, listed, None);
        member.listed_by = self.clock.uptime();
        if let Some(answered) = member.answered
            && answered.came_at < asked_at
            && let Some(total) = figures.total_in(answered.period_start)
        {
            let finding = answered.compare(total);
            self.trust.note(&answered, finding, asked_at, self.config.polling.sweep_interval.get());
            let lags = finding == trust::Finding::Lags;
            member.suspicious = lags || finding == trust::Finding::Overstates;
            // It is held against the next list as well, until one knows.
            member.answered = lags.then_some(Answered { lagged: true, ..answered });
        }
        if let Some(payloads) = payloads {
            self.trust.listed(&payloads);
            let is_shown = self.config.polling.is_enabled(Collector::PayloadCounts);
            let is_exact = |period: &BillingPeriod| {
                is_shown && self.trust.is_exact_about(period.start) && period.is_usable(listed.at)
            };
            if let Some(period) = period.filter(is_exact) {
                let sources = self.errand.sources;
                let reading = payload_counts::reading(&payloads, period, Unit::Payloads, sources, listed.at);
                self.store.show(scope, Collector::PayloadCounts, reading, asked_at);
                member.shown_from = Some(asked_at);
            }
        }
        self.review(scope);
    }

    /// Ends a sweep: whoever was not found is gone, and whoever is new gets a place in the schedule.
    pub(super) fn apply_discovered(
        &mut self,
        job: Job,
        instance: Id,
        discovered: Discovered,
    ) -> Result<(), Why> {
        let error = discovered.error().cloned();
        let answered = discovered.is_answered();
        let Discovered { sweep, instance: itself, orgs, sandboxes } = discovered;
        let scope = Scope::Instance { instance };
        if itself.is_err() && self.owns(scope) {
            self.store.fail(scope, Collector::Discovery);
        }
        let mut sweep_requests = 0;
        for (level, walked) in [(Level::Org, orgs), (Level::Sandbox, sandboxes)] {
            if let Ok(walked) = &walked {
                sweep_requests += walked.requests;
                self.excluded.insert((instance, level), walked.excluded);
                self.store.set_excluded(instance, level, walked.excluded);
            }
            self.end_list(instance, level, sweep, walked);
        }
        self.end_sweep();
        let refused = matches!(error, Some(Error::Unauthorized { .. }));
        let state = self.instances.entry(instance).or_default();
        state.discovered = Some(error.is_none());
        state.problem = error.as_ref().map(ToString::to_string);
        state.sweep_requests = sweep_requests;
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
        self.claim_configured();
        if !self.refused && self.cycles.iter().any(|cycle| cycle.awaits(job)) {
            let details: Vec<_> = self.schedule.jobs().filter(|job| is_detail_of(*job, instance)).collect();
            self.hurry_in_cycles(job, &details);
        }
        error.map_or(Ok(()), |error| Err(error.label()))
    }

    /// Forgets scopes: all their series go at once.
    pub(super) fn forget(&mut self, gone: &BTreeSet<Scope>) {
        if gone.is_empty() {
            return;
        }
        for &scope in gone {
            self.undealt.take_back(scope, |collector| self.store.last_read(scope, collector));
            self.fleet.remove(scope);
            self.store.forget(scope);
            self.unlisted.remove(&scope);
        }
        self.drop_jobs(|scope| gone.contains(&scope));
    }

    /// Whether the series of a scope are this process's to show. Another shard may own the instance of an org.
    pub(super) fn owns(&self, scope: Scope) -> bool {
        scope.level() != Level::Instance || self.errand.discovery.shard.owns(&scope.id())
    }
}

#[cfg(test)]
#[path = "adopt_tests.rs"]
mod tests;
