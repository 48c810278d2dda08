//! Other settings for a poller that is running.
//!
//! Owns: what each setting changes in what is known and in what is due. Whatever is known stays, and goes only when the next
//! sweep, which begins at once, says that nobody wants it any more.
//! Must not: decide whether the settings are good; whoever hands them over has made sure of that.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::errand::Errand;
use super::job::Job;
use super::poller::{Poller, WAITING_PAGES};
use super::poller_config::PollerConfig;
use super::schedule::{Lane, next_slot};
use crate::losant::Client;
use crate::usage::Collector;

/// What a poller is told to go on with.
#[derive(Debug)]
pub struct Reconfiguration {
    /// Its settings. The account is the same.
    pub config: PollerConfig,
    /// Who asks from now on.
    pub client: Client,
}

impl Poller {
    pub(super) fn reconfigure(&mut self, to: Reconfiguration) {
        let Reconfiguration { config, client } = to;
        self.recall();
        let (found, pages) = mpsc::channel(WAITING_PAGES);
        self.pages = pages;
        self.errand = Errand::new(&config, client, self.clock.clone(), found);
        let before = std::mem::replace(&mut self.config, config);
        // They count how often each pattern fitted, and the patterns may be others now.
        self.tallies.clear();
        self.unmatched.clear();
        self.change_instances(&before);
        self.change_collectors(&before);
        self.move_jobs(&before);
        let now = self.clock.uptime();
        for discovery in
            self.schedule.jobs().filter(|job| job.collector() == Collector::Discovery).collect::<Vec<_>>()
        {
            self.schedule.hurry(discovery, now);
        }
    }

    /// Drops what is under way: it asks by the settings before, and nothing of it may be taken in any more.
    fn recall(&mut self) {
        self.tasks = JoinSet::new();
        self.jobs.clear();
        self.schedule.recall();
        for cycle in &mut self.cycles {
            cycle.recall();
        }
    }

    fn change_instances(&mut self, before: &PollerConfig) {
        let (was_listing, lists) = (before.instances.is_empty(), self.config.instances.is_empty());
        let wanted: Vec<_> = if lists {
            // Those that are known stay until the list says otherwise.
            let left = &self.config.left_to_others;
            self.instances.keys().copied().filter(|instance| !left.contains(instance)).collect()
        } else {
            self.config.instances.clone()
        };
        self.forget_instances_but(&wanted);
        if lists {
            self.foreign.retain(|instance| !self.config.left_to_others.contains(instance));
        } else {
            self.foreign.retain(|instance| wanted.contains(instance));
        }
        if lists && !was_listing {
            self.schedule.add(Job::Instances, Lane::Brisk, self.clock.uptime());
        }
        if was_listing && !lists {
            self.drop_jobs_but(|job| *job != Job::Instances);
            // The list is not asked for any more, so it cannot fail either.
            (self.instances_known, self.listing_problem, self.failed_listings) = (true, None, 0);
        }
        self.claim_configured();
        self.tell_account_up();
    }

    fn change_collectors(&mut self, before: &PollerConfig) {
        let (was, is) = (&before.polling, self.config.polling.clone());
        let scopes: Vec<_> = self.fleet.members().map(|(scope, _)| scope).collect();
        let of_all = || Collector::ALL.into_iter();
        let off: Vec<_> = of_all().filter(|one| was.is_enabled(*one) && !is.is_enabled(*one)).collect();
        for &collector in &off {
            for &scope in &scopes {
                self.store.forget_part(scope, collector);
            }
            self.undealt.forget_collector(collector);
            for state in self.instances.values_mut() {
                state.failing.remove(&collector);
            }
        }
        if !off.is_empty() {
            self.drop_jobs_but(|job| !off.contains(&job.collector()));
            for instance in self.instances.keys().copied().collect::<Vec<_>>() {
                self.tell_up(instance);
            }
        }
        // What was read before has other labels or lacks numbers, so it is read again. It is shown until it has been.
        let mut anew: Vec<_> = of_all().filter(|one| !was.is_enabled(*one) && is.is_enabled(*one)).collect();
        if before.source_label != self.config.source_label {
            anew.extend([Collector::PayloadCounts, Collector::PayloadBytes]);
        }
        let bytes = Collector::PayloadBytes;
        if was.is_enabled(bytes) != is.is_enabled(bytes) {
            anew.push(Collector::PayloadCountsBreakdown);
        }
        if anew.is_empty() {
            return;
        }
        // There may be as many as there are scopes.
        let newcomers: BTreeSet<_> = self.newcomers.iter().copied().collect();
        for scope in scopes {
            if let Some(member) = self.fleet.get_mut(scope) {
                for &collector in &anew {
                    member.forget(collector);
                }
            }
            // Whoever has no place yet gets one when the sweep ends.
            if !newcomers.contains(&scope) {
                self.schedule_newcomer(scope);
            }
            for &collector in anew.iter().filter(|one| Collector::of(scope.level()).contains(one)) {
                let job = Job::Poll(scope, collector);
                let (lane, due) = self.due(job, self.standing(scope, collector));
                self.schedule.move_due(job, lane, due);
            }
        }
    }

    /// Has jobs done when the intervals that hold now say so.
    fn move_jobs(&mut self, before: &PollerConfig) {
        if before.polling == self.config.polling {
            return;
        }
        let now = self.clock.uptime();
        for job in self.schedule.jobs().collect::<Vec<_>>() {
            let Job::Poll(scope, collector) = job else { continue };
            let interval = self.config.polling.interval(collector);
            if self.failures.in_a_row(job) > 0 || collector.tells_of_owners() {
                // Never later than was said before: when they were asked last is not known here.
                self.schedule.want(job, Lane::Brisk, next_slot(job, now, interval));
            } else if self.fleet.get(scope).is_some_and(|member| member.last_poll(collector).is_some()) {
                let (lane, due) = self.due(job, self.standing(scope, collector));
                self.schedule.move_due(job, lane, due);
            }
        }
    }

    /// Takes the instances that the account names, unless another one still has them.
    pub(super) fn claim_configured(&mut self) {
        let named = self.config.instances.iter().copied();
        let missing: Vec<_> = named.filter(|instance| !self.instances.contains_key(instance)).collect();
        for instance in missing {
            self.add_instance(instance);
        }
    }

    /// Takes over instances that were another account's and have been given up by it.
    pub(super) fn claim_again(&mut self) {
        self.claim_configured();
        if self.config.instances.is_empty() && !self.foreign.is_empty() {
            self.schedule.hurry(Job::Instances, self.clock.uptime());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::errand::Outcome;
    use super::super::fleet::Poll;
    use super::super::stand::{MINUTE, Stand, id, org, used};
    use super::*;
    use crate::losant::Listing;
    use crate::losant::wire::Instance;

    #[test]
    fn a_collector_that_comes_on_gets_places_of_those_who_have_places_and_later_of_newcomers() {
        let devices = Collector::DeviceCounts;
        let mut stand = Stand::with(|config| config.polling.disabled_collectors = vec![devices]);
        stand.sweep(&[(org(2), used(5.0))]);
        let found = vec![stand.found(org(2), Some(&used(5.0))), stand.found(org(3), Some(&used(5.0)))];
        stand.hand_in(found);
        let mut config = stand.poller.config.clone();
        config.polling.disabled_collectors.clear();
        let client = stand.poller.errand.client.clone();
        stand.poller.reconfigure(Reconfiguration { config, client });
        let has_place = |stand: &Stand, scope| stand.due(scope, devices).is_some();
        assert!(has_place(&stand, org(2)) && !has_place(&stand, org(3)));
        stand.sweep(&[(org(2), used(5.0)), (org(3), used(5.0))]);
        assert!(has_place(&stand, org(3)));
    }

    #[test]
    fn an_instance_that_is_gone_from_the_list_is_not_looked_for_when_another_account_gives_it_up() {
        let mut stand = Stand::with(|config| config.instances.clear());
        assert!(stand.poller.store.claim(id(5), "another"));
        // The list has come, and whether it is asked for again when the other account gives something up.
        let is_asked_for_after = |stand: &mut Stand, numbers: &[u8], complete| {
            stand.pass(MINUTE);
            let item = |number| Instance { id: id(number), name: None, created_at: None, limits: None };
            let items = numbers.iter().copied().map(item).collect();
            stand
                .poller
                .schedule
                .pop_due(stand.uptime(), |collector| collector == Job::Instances.collector());
            let outcome = Outcome::Instances(Ok(Listing { items, complete, skipped: 0 }));
            let begun = Poll { asked_at: stand.uptime(), mark: None };
            assert!(stand.poller.apply(Job::Instances, outcome, begun));
            stand.poller.claim_again();
            stand.poller.schedule.due(Job::Instances) <= Some(stand.uptime())
        };
        assert!(is_asked_for_after(&mut stand, &[1, 5], true));
        assert!(is_asked_for_after(&mut stand, &[1], false), "the list broke off");
        assert!(!is_asked_for_after(&mut stand, &[1], true));
    }
}
