//! The end of a sweep: who is gone, who is new, and when those that are new are asked.
//!
//! Owns: what a whole list means for those that it does not hold, which patterns of the selection fit nobody, and the places
//! that newcomers get in the schedule.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{info, warn};

use super::apply::is_a_final_no;
use super::discovery::Walked;
use super::job::Job;
use super::poller::Poller;
use super::review::Standing;
use super::schedule::Lane;
use crate::losant::Error;
use crate::selection::Unmatched;
use crate::usage::{Collector, Id, Level, Scope};

impl Poller {
    /// Takes in what became of a list: whoever was not found on a whole one is gone.
    pub(super) fn end_list(&mut self, instance: Id, level: Level, sweep: u64, walked: Result<Walked, Error>) {
        let members = self.fleet.members();
        let own = members.filter(|(scope, _)| scope.instance() == instance && scope.level() == level);
        let missing: BTreeSet<_> =
            own.filter(|(_, member)| member.sweep != sweep).map(|(scope, _)| scope).collect();
        if walked.as_ref().is_err_and(is_a_final_no) {
            self.undealt.answered(instance, level);
        }
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
            if listed > 0 {
                self.undealt.answered(instance, level);
            }
            self.forget(&missing);
            // Of those whom another account had polled before, nobody here knew.
            self.store.keep_only(instance, level, |scope| self.fleet.get(*scope).is_some());
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
    pub(super) fn end_sweep(&mut self) {
        self.spread = self.spread_of_calm();
        let newcomers = std::mem::take(&mut self.newcomers);
        self.read_summaries_again(&newcomers);
        for scope in newcomers {
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

    /// Has summaries read again that told of newcomers when nobody waited for them.
    fn read_summaries_again(&mut self, newcomers: &[Scope]) {
        let of = |owner: &Scope| {
            let whole = Scope::Instance { instance: owner.instance() };
            self.undealt.dropped(*owner).map(move |collector| Job::Poll(whole, collector))
        };
        let jobs: BTreeSet<_> = newcomers.iter().flat_map(of).collect();
        for job in jobs {
            self.schedule.hurry(job, self.clock.uptime());
        }
    }

    pub(super) fn schedule_newcomer(&mut self, scope: Scope) {
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
}

#[cfg(test)]
#[path = "sweep_end_tests.rs"]
mod tests;
