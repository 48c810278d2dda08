//! What the outcome of a job changes.

use tracing::info;

use super::errand::{self, Outcome, Read};
use super::fleet::{Finding, Moment, Poll};
use super::historical_summaries::Dealt;
use super::job::Job;
use super::payload_counts;
use super::poller::{Poller, discovery_of};
use super::trust::Answered;
use crate::losant::wire::Instance;
use crate::losant::{Error, Listing};
use crate::usage::{Collector, Id, Level, Reading, Scope};

/// Why a job failed, in a word.
pub(super) type Why = &'static str;

impl Poller {
    /// Takes in what a job brought that began as `begun` says. Returns whether it succeeded.
    pub(super) fn apply(&mut self, job: Job, outcome: Outcome, begun: Poll) -> bool {
        let done = match outcome {
            Outcome::Instances(listed) => self.apply_instances(job, listed),
            Outcome::Discovered { instance, discovered, took } => {
                self.metrics.swept(took);
                self.instances.entry(instance).or_default().took = took;
                self.apply_discovered(job, instance, *discovered)
            }
            Outcome::Dealt { instance, collector, dealt } => {
                self.apply_dealt(job, instance, collector, dealt, begun)
            }
            Outcome::Read { scope, collector, read } => self.apply_read(job, scope, collector, read, begun),
        };
        self.metrics.ended(job.collector(), done.err().unwrap_or("success"));
        done.is_ok()
    }

    fn apply_instances(&mut self, job: Job, listed: Result<Listing<Instance>, Error>) -> Result<(), Why> {
        let done = match listed {
            Ok(listed) if listed.items.is_empty() => {
                let (why, problem) = ("no_instances", "the token lists no instance");
                self.failures.failed(&self.config.account, job, why, &problem);
                self.listing_problem = Some(problem.to_owned());
                Err(why)
            }
            Ok(listed) => {
                self.failures.succeeded(&self.config.account, job);
                self.instances_known = true;
                self.listing_problem = None;
                let instances = listed.items.iter().map(|instance| instance.id);
                let left = &self.config.left_to_others;
                let instances: Vec<_> = instances.filter(|instance| !left.contains(instance)).collect();
                if listed.complete {
                    self.forget_instances_but(&instances);
                    // Nor is there anything to take over of one that is not this account's any more.
                    self.foreign.retain(|instance| instances.contains(instance));
                }
                for instance in instances {
                    self.add_instance(instance);
                }
                Ok(())
            }
            Err(error) => {
                let hint = if matches!(error, Error::Forbidden { .. }) {
                    "; an instance API token cannot list instances: name them in `instances` of the account"
                } else {
                    ""
                };
                let problem = format!("{error}{hint}");
                if matches!(error, Error::Unauthorized { .. }) && self.instances.is_empty() {
                    self.refuse(&error);
                } else {
                    self.failures.failed(&self.config.account, job, error.label(), &problem);
                }
                self.listing_problem = Some(problem);
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

    /// Forgets instances that are not among `wanted`. What is known of those that are left to other accounts stays, for
    /// those to go on with.
    pub(super) fn forget_instances_but(&mut self, wanted: &[Id]) {
        let gone: Vec<_> = self.instances.keys().copied().filter(|known| !wanted.contains(known)).collect();
        for instance in gone {
            let is_left = self.config.left_to_others.contains(&instance);
            let what = if is_left { "instance is left to another account" } else { "instance is gone" };
            info!(account = self.config.account, %instance, "{what}");
            self.instances.remove(&instance);
            self.fleet.forget_instance(instance);
            self.undealt.forget_instance(instance);
            self.excluded.retain(|(of, _), _| *of != instance);
            self.tallies.retain(|(of, _), _| *of != instance);
            self.newcomers.retain(|scope| scope.instance() != instance);
            self.unlisted.retain(|scope| scope.instance() != instance);
            self.emptied.retain(|(of, _)| *of != instance);
            if is_left {
                self.store.release(instance);
            } else {
                self.store.forget_instance(instance);
            }
            self.drop_jobs(|scope| scope.instance() == instance);
        }
    }

    fn apply_read(
        &mut self,
        job: Job,
        scope: Scope,
        collector: Collector,
        read: Result<Box<Read>, Error>,
        begun: Poll,
    ) -> Result<(), Why> {
        match read {
            Ok(read) => {
                let Read { reading, findings, found } = *read;
                if let Some(found) = found {
                    self.adopt(found, begun.asked_at);
                }
                let asked = Moment { at: reading.read_at, uptime: begun.asked_at };
                self.keep(scope, collector, findings, asked, begun);
                self.store.put(scope, collector, reading, begun.asked_at);
                self.succeeded(job, scope, collector);
                Ok(())
            }
            Err(error) => Err(self.poll_failed(job, scope, collector, &error)),
        }
    }

    fn succeeded(&mut self, job: Job, scope: Scope, collector: Collector) {
        self.failures.succeeded(&self.config.account, job);
        self.note_own_poll(scope, collector, true);
        self.put_back(job);
    }

    fn poll_failed(&mut self, job: Job, scope: Scope, collector: Collector, error: &Error) -> Why {
        if self.owns(scope) {
            self.store.fail(scope, collector);
        }
        self.detail_failed(job, scope, error);
        // An older installation may have no summaries, a token no scope for them: no reason to call the instance down.
        let is_optional = matches!(collector, Collector::Applications | Collector::PreviousPeriod);
        self.note_own_poll(scope, collector, is_optional && is_a_final_no(error));
        self.put_back(job);
        error.label()
    }

    /// Keeps what a poll found, to tell later whether it still holds.
    fn keep(
        &mut self,
        scope: Scope,
        collector: Collector,
        findings: errand::Findings,
        asked: Moment,
        begun: Poll,
    ) {
        let Some(member) = self.fleet.get_mut(scope) else { return };
        member.polled(collector, begun);
        match findings {
            errand::Findings::Payloads(Some((period, stats))) => {
                let listed = member.figures.total_in(period.start);
                let answered = Answered {
                    asked_at: begun.asked_at,
                    came_at: self.clock.uptime(),
                    period_start: period.start,
                    total: payload_counts::total(&stats),
                    listed_before: listed.filter(|_| member.listed_by <= begun.asked_at),
                    lagged: false,
                };
                member.answered = Some(answered.or_earlier(member.answered));
                member.suspicious |= answered.excess() > 0.0;
            }
            errand::Findings::Payloads(None) | errand::Findings::Bytes => {}
            errand::Findings::Hours(found) => {
                member.note_hours(&found);
                member.findings.hours = Some(Box::new(Finding::new(found, asked)));
            }
            errand::Findings::Devices(found) => {
                member.findings.devices = Some(Box::new(Finding::new(found, asked)));
            }
            errand::Findings::Notebooks(found) => {
                member.findings.notebooks = Some(Box::new(Finding::new(found, asked)));
            }
        }
    }

    /// Takes in what lists said of many owners at once.
    fn apply_dealt(
        &mut self,
        job: Job,
        instance: Id,
        collector: Collector,
        dealt: Result<Box<Dealt>, Error>,
        begun: Poll,
    ) -> Result<(), Why> {
        let scope = Scope::Instance { instance };
        let dealt = match dealt {
            Ok(dealt) => *dealt,
            // Of the owners nothing is marked: what else is known of them came from elsewhere.
            Err(error) => return Err(self.poll_failed(job, scope, collector, &error)),
        };
        for level in [Level::Org, Level::Sandbox] {
            for owner in self.fleet.scopes(instance, level) {
                let reading = dealt.reading(owner);
                // What a list that is not whole leaves out may still be there.
                if dealt.complete || reading.samples.len() >= self.store.size_of(owner, collector) {
                    self.store.put(owner, collector, reading, begun.asked_at);
                }
            }
        }
        // Some may belong to owners that discovery has not found yet; others are another shard's to show.
        let shard = self.errand.discovery.shard;
        let unknown = |owner: &Scope| shard.owns(&owner.id()) && self.fleet.get(*owner).is_none();
        let rest = dealt.owners().filter(unknown);
        self.undealt.keep(instance, collector, begun.asked_at, rest, |owner| dealt.reading(owner));
        if !dealt.complete {
            let why = "incomplete";
            if self.owns(scope) {
                self.store.fail(scope, collector);
            }
            let problem = "a list was not whole";
            self.failures.failed(&self.config.account, job, why, &problem);
            self.failures.explain(job, problem);
            self.put_back(job);
            return Err(why);
        }
        if self.owns(scope) {
            self.store.put(scope, collector, Reading::at(dealt.read_at), begun.asked_at);
        }
        self.succeeded(job, scope, collector);
        Ok(())
    }

    /// Hands a newly discovered owner what lists that were read before said of it.
    pub(super) fn deal_to(&mut self, owner: Scope) {
        for (collector, reading, asked_at) in self.undealt.take(owner) {
            self.store.put(owner, collector, reading, asked_at);
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
    pub(super) fn hurry_in_cycles(&mut self, first: Job, then: &[Job]) {
        let now = self.clock.uptime();
        for cycle in self.cycles.iter_mut().filter(|cycle| cycle.awaits(first)) {
            for &job in then {
                cycle.expect(job, self.schedule.hurry(job, now));
            }
        }
    }

    pub(super) fn drop_jobs(&mut self, gone: impl Fn(Scope) -> bool) {
        self.drop_jobs_but(|job| !job.scope().is_some_and(&gone));
    }

    /// Takes out jobs for which `keep` says no.
    pub(super) fn drop_jobs_but(&mut self, keep: impl Fn(&Job) -> bool) {
        let keep = |job: &Job| keep(job);
        self.schedule.retain(keep);
        self.failures.retain(keep);
        self.suspects.retain(|job, _| keep(job));
        for cycle in &mut self.cycles {
            cycle.give_up(false, keep);
        }
    }
}

/// Whether Losant will say the same again to the same question.
pub(super) const fn is_a_final_no(error: &Error) -> bool {
    matches!(error, Error::Forbidden { .. } | Error::NotFound { .. } | Error::Rejected { .. })
}

pub(super) fn is_detail_of(job: Job, instance: Id) -> bool {
    job.collector() != Collector::Discovery && job.scope().is_some_and(|scope| scope.instance() == instance)
}
