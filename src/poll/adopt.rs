//! What discovery changes: whom there is to ask, and what of them is known already.
//!
//! Owns: taking in the pages of a sweep as they come, and telling at its end who is new and who is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{info, warn};

use super::apply::{Why, is_detail_of};
use super::discovery::{Discovered, Found, FoundPage, Walked};
use super::fleet::{Known, Moment};
use super::job::Job;
use super::payload_counts;
use super::poller::Poller;
use super::review::Standing;
use super::schedule::Lane;
use super::trust;
use crate::losant::{Error, Unit};
use crate::selection::Unmatched;
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
        if let Some(answered) = member.answered
            && answered.asked_at < asked_at
            && let Some(total) = figures.total_in(answered.period_start)
        {
            let finding = answered.compare(total);
            self.trust.note(&answered, finding, asked_at, self.config.polling.sweep_interval.get());
            member.suspicious = finding == trust::Finding::Overstates;
            // One that lags is held against the next list as well, until it knows.
            member.answered = member.answered.filter(|_| finding == trust::Finding::Lags);
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
        if !self.refused && self.cycles.iter().any(|cycle| cycle.awaits(job)) {
            let details: Vec<_> = self.schedule.jobs().filter(|job| is_detail_of(*job, instance)).collect();
            self.hurry_in_cycles(job, &details);
        }
        error.map_or(Ok(()), |error| Err(error.label()))
    }

    fn end_list(&mut self, instance: Id, level: Level, sweep: u64, walked: Result<Walked, Error>) {
        let members = self.fleet.members();
        let own = members.filter(|(scope, _)| scope.instance() == instance && scope.level() == level);
        let missing: BTreeSet<_> =
            own.filter(|(_, member)| member.sweep != sweep).map(|(scope, _)| scope).collect();
        let Ok(Walked { complete, listed, excluded: _, requests: _, tally }) = walked else {
            for scope in &missing {
                self.store.fail(*scope, Collector::Discovery);
            }
            self.ask_in_turn(&missing.into_iter().collect::<Vec<_>>());
            return;
        };
        if complete {
            self.tallies.insert((instance, level), tally);
            self.tell_unmatched(level);
        }
        let own = |scope: &&Scope| scope.level() == level && scope.instance() == instance;
        let new = self.newcomers.iter().filter(own).count();
        let gone = if self.may_forget(instance, level, complete, listed == 0, missing.is_empty()) {
            self.forget(&missing);
            missing.len()
        } else {
            for scope in &missing {
                self.store.fail(*scope, Collector::Discovery);
            }
            self.ask_in_turn(&missing.iter().copied().collect::<Vec<_>>());
            if !complete {
                self.unlisted.extend(missing);
            }
            0
        };
        if new > 0 || gone > 0 {
            info!(account = self.config.account, %instance, scopes = %level, new, gone, listed, "discovered");
        }
    }

    /// The patterns of the selection that fit nobody. `None` until every list of the account has been walked.
    pub(super) fn unmatched_patterns(&self, level: Level) -> Option<Vec<Unmatched>> {
        let mut all = self.errand.discovery.selection.tally();
        for instance in self.instances.keys() {
            all.absorb(self.tallies.get(&(*instance, level))?.clone());
        }
        Some(all.unmatched(level))
    }

    /// Says which patterns fit nobody, once.
    fn tell_unmatched(&mut self, level: Level) {
        let Some(unmatched) = self.unmatched_patterns(level) else { return };
        // One that fits somebody after all may be told of again.
        let still = |key: &String| unmatched.iter().any(|unmatched| unmatched.key == *key);
        self.unmatched.retain(|(of, key)| *of != level || still(key));
        for unmatched in &unmatched {
            if self.unmatched.insert((level, unmatched.key.clone())) {
                warn!(account = self.config.account, "{unmatched}");
            }
        }
    }

    /// Weighs what the sweep has shown of lists, and gives newcomers their places.
    fn end_sweep(&mut self) {
        self.spread = self.spread_of_calm();
        for scope in std::mem::take(&mut self.newcomers) {
            self.schedule_newcomer(scope);
        }
        if self.trust.weigh(self.clock.uptime()) {
            let account = &self.config.account;
            if self.trust.is_exact() {
                info!(
                    account,
                    "lists tell payloads of the billing period exactly, and these are shown as they tell them"
                );
            } else {
                info!(
                    account,
                    "lists do not tell payloads of the billing period exactly: whoever moves is asked for them"
                );
            }
            self.review_all();
        }
        self.tell_sweep_mode();
    }

    fn schedule_newcomer(&mut self, scope: Scope) {
        if self.fleet.get(scope).is_none() {
            return;
        }
        for &collector in Collector::of(scope.level()) {
            // Of an instance that belongs to another shard, only what tells of others is asked for.
            let is_ours = self.owns(scope) || collector.tells_of_owners();
            if !is_ours || !self.config.polling.is_enabled(collector) {
                continue;
            }
            let job = Job::Poll(scope, collector);
            let standing = self.standing(scope, collector);
            let (lane, due) = match standing {
                // What lists told has been shown before there was a place for it.
                Standing::Known | Standing::Silent(_) => (Lane::Calm, self.clock.uptime()),
                Standing::Changed | Standing::Untold => self.due(job, standing),
            };
            self.schedule.add(job, lane, due);
        }
        if self.fleet.get(scope).is_some_and(|member| member.sweep > 0) {
            self.review(scope);
        }
    }

    /// Over which time quiet scopes are asked: at once where that is soon done, else without holding up those that are
    /// not quiet.
    fn spread_of_calm(&self) -> Duration {
        /// About what the first look at a quiet scope costs.
        const REQUESTS: f64 = 4.0;
        let polling = &self.config.polling;
        let scopes = u32::try_from(self.fleet.len()).unwrap_or(u32::MAX);
        let seconds = f64::from(scopes) * REQUESTS / self.config.requests_per_second;
        let spread = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        if spread < polling.sweep_interval.get() {
            return Duration::ZERO;
        }
        spread.min(polling.refresh_interval.get())
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
            self.take_back(scope);
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

    /// Says whether lists tell enough to know whom to ask.
    fn tell_sweep_mode(&mut self) {
        let listed = self.fleet.members().filter(|(_, member)| member.sweep > 0);
        let (mut told, mut untold) = (0_usize, 0_usize);
        for (_, member) in listed {
            *(if member.figures.tell_payloads() { &mut told } else { &mut untold }) += 1;
        }
        let mode = match (told, untold) {
            (0, 0) => return,
            // A summary that is missing now and then is nothing to write about.
            (told, untold) if untold * 100 <= told => SweepMode::Summaries,
            (0, _) => SweepMode::Scopes,
            (_, _) => SweepMode::Mixed,
        };
        if self.sweep_mode.replace(mode) == Some(mode) {
            return;
        }
        self.metrics.sweep_mode(&self.config.account, mode);
        let account = &self.config.account;
        match mode {
            SweepMode::Summaries => {
                info!(
                    account,
                    orgs_and_sandboxes = told,
                    "lists tell what has been used: only those that move are asked"
                );
            }
            SweepMode::Scopes => warn!(
                account,
                orgs_and_sandboxes = untold,
                "lists do not tell what has been used: everybody is asked in turn, which takes many more requests"
            ),
            SweepMode::Mixed => warn!(
                account,
                told,
                untold,
                "lists do not tell of everybody what has been used: the others are asked in turn"
            ),
        }
    }
}

/// What lists are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SweepMode {
    /// They tell use, so only what moves is asked about.
    Summaries,
    /// They do not, so everybody is asked in turn.
    Scopes,
    /// They tell the use of some.
    Mixed,
}

impl SweepMode {
    /// Every mode.
    pub(super) const ALL: [Self; 3] = [Self::Summaries, Self::Scopes, Self::Mixed];

    /// The label value.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Summaries => "summaries",
            Self::Scopes => "scopes",
            Self::Mixed => "mixed",
        }
    }
}
