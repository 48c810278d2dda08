//! The poller of one account: a loop that hands out due jobs and takes in what they bring.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id as TaskId, JoinError, JoinSet};
use tracing::{error, info, warn};

use super::cycle::Cycle;
use super::discovery::FoundPage;
use super::errand::{Errand, Outcome};
use super::failures::Failures;
use super::fleet::{Fleet, Poll};
use super::handle::{Command, PollerHandle};
use super::job::Job;
use super::metrics::{LagBoard, PollMetrics};
use super::poller_config::PollerConfig;
use super::schedule::{Lane, Schedule};
use super::sweep_mode::SweepMode;
use super::trust::Trust;
use super::undealt::Undealt;
use crate::clock::Clock;
use crate::losant::{Client, Error};
use crate::selection::Tally;
use crate::store::Store;
use crate::usage::{Collector, Id, Level, Scope};

/// Pages of a sweep that may wait to be taken in.
pub(super) const WAITING_PAGES: usize = 2;

/// What a poller still waits for before its first full cycle has ended, if anything.
pub type Progress = Result<(), String>;

/// Polls one account until it is told to stop.
pub struct Poller {
    pub(super) config: PollerConfig,
    pub(super) errand: Errand,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) metrics: PollMetrics,
    pub(super) schedule: Schedule,
    pub(super) fleet: Fleet,
    pub(super) failures: Failures,
    pub(super) instances: BTreeMap<Id, InstanceState>,
    /// Instances of another account that is no more: they are polled until the list says that they are not this one's.
    pub(super) inherited: Vec<Id>,
    /// Whether it is known which instances there are.
    pub(super) instances_known: bool,
    /// Listings of instances that failed in a row.
    pub(super) failed_listings: u32,
    /// What summaries said of owners that discovery has not found.
    pub(super) undealt: Undealt,
    /// Scopes that a list was not whole enough to tell whether they still exist.
    pub(super) unlisted: BTreeSet<Scope>,
    /// Lists that came back empty where there had been scopes, and have to do so once more to be believed.
    pub(super) emptied: BTreeSet<(Id, Level)>,
    pub(super) cycles: Vec<Cycle>,
    /// Whether Losant refuses the token: then only discovery runs, to notice when it is accepted again.
    pub(super) refused: bool,
    /// Jobs that were refused or not answered while it is not clear yet whether that is so for all or for them alone.
    pub(super) suspects: BTreeMap<Job, Error>,
    /// Scopes that a sweep under way has found and that have no place in the schedule yet.
    pub(super) newcomers: Vec<Scope>,
    /// Instances on this account's list that another account polls.
    pub(super) foreign: BTreeSet<Id>,
    /// Keys of patterns of the selection that fitted nobody, which has been said.
    pub(super) unmatched: BTreeSet<(Level, String)>,
    /// Which patterns fitted somebody on the last complete list.
    pub(super) tallies: BTreeMap<(Id, Level), Tally>,
    pub(super) trust: Trust,
    pub(super) sweep_mode: Option<SweepMode>,
    /// Over which time quiet scopes are asked.
    pub(super) spread: Duration,
    /// Sweeps begun so far.
    sweeps: u64,
    /// Uptime at which everybody had been listed once.
    listed_once: Option<Duration>,
    /// How many scopes left out there are, by instance and level.
    pub(super) excluded: BTreeMap<(Id, Level), usize>,
    /// Why the instances could not be listed, if they could not.
    pub(super) listing_problem: Option<String>,
    lag: LagBoard,
    pub(super) pages: mpsc::Receiver<FoundPage>,
    pub(super) tasks: JoinSet<Outcome>,
    pub(super) jobs: HashMap<TaskId, Running>,
    idle_waiters: Vec<oneshot::Sender<()>>,
    commands: mpsc::Receiver<Command>,
}

/// A job under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    job: Job,
    begun: Poll,
}

/// How an instance itself is doing.
#[derive(Debug, Default)]
pub(super) struct InstanceState {
    /// Whether the last discovery succeeded; `None` before the first.
    pub(super) discovered: Option<bool>,
    /// Whether Losant has ever told all it is willing to tell of the instance and who belongs to it.
    pub(super) known: bool,
    /// Whether the last discovery was refused for the token.
    pub(super) refused: bool,
    /// Discoveries that failed in a row.
    pub(super) failures_in_a_row: u32,
    /// Why the last discovery failed, if it did.
    pub(super) problem: Option<String>,
    /// How long the last sweep took.
    pub(super) took: Duration,
    /// Pages of lists that the last sweep asked for.
    pub(super) sweep_requests: u32,
    /// Collectors whose last poll of the instance itself failed.
    pub(super) failing: BTreeSet<Collector>,
}

impl Poller {
    /// A poller that has not started yet, and the handle to it.
    pub fn new(
        config: PollerConfig,
        client: Client,
        clock: Clock,
        store: Store,
        metrics: PollMetrics,
    ) -> (Self, PollerHandle) {
        let (sender, commands) = mpsc::channel(8);
        let (found, pages) = mpsc::channel(WAITING_PAGES);
        let errand = Errand::new(&config, client, clock.clone(), found);
        let poller = Self {
            lag: metrics.lag_board(),
            config,
            errand,
            clock,
            store,
            metrics,
            schedule: Schedule::default(),
            fleet: Fleet::default(),
            failures: Failures::default(),
            instances: BTreeMap::new(),
            inherited: Vec::new(),
            instances_known: false,
            failed_listings: 0,
            undealt: Undealt::default(),
            unlisted: BTreeSet::new(),
            emptied: BTreeSet::new(),
            cycles: Vec::new(),
            refused: false,
            suspects: BTreeMap::new(),
            newcomers: Vec::new(),
            foreign: BTreeSet::new(),
            unmatched: BTreeSet::new(),
            tallies: BTreeMap::new(),
            trust: Trust::default(),
            sweep_mode: None,
            spread: Duration::ZERO,
            sweeps: 0,
            listed_once: None,
            excluded: BTreeMap::new(),
            listing_problem: None,
            pages,
            tasks: JoinSet::new(),
            jobs: HashMap::new(),
            idle_waiters: Vec::new(),
            commands,
        };
        (poller, PollerHandle { commands: sender })
    }

    /// Polls until `shutdown` ends. Tells `progress` after every poll until the first full cycle has ended.
    ///
    /// Polls under way are dropped at the end: they only read.
    pub async fn run(mut self, progress: impl Fn(Progress), shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut ready = false;
        self.schedule_instances();
        self.metrics.account_up(&self.config.account, false);
        loop {
            if !ready {
                let state = self.progress();
                ready = state.is_ok();
                if ready {
                    info!(account = self.config.account, "everything has been polled once");
                }
                progress(state);
            }
            self.start_due_jobs();
            self.lag.write(self.schedule.earliest_due());
            let clock = self.clock.clone();
            let next_due = self.schedule.next_due(self.may_run());
            let ready_at = if ready { None } else { self.ready_at() };
            if self.tasks.is_empty() {
                for waiter in self.idle_waiters.drain(..) {
                    // Whoever asked may have gone away.
                    let _ = waiter.send(());
                }
            }
            let has_room = self.tasks.len() < self.config.concurrency;
            tokio::select! {
                () = &mut shutdown => return,
                Some(command) = self.commands.recv() => self.obey(command),
                Some(page) = self.pages.recv() => self.apply_page(page),
                Some(ended) = self.tasks.join_next_with_id() => self.take_in(ended),
                () = clock.sleep_until(next_due.unwrap_or(Duration::MAX)), if has_room && next_due.is_some() => {}
                () = clock.sleep_until(ready_at.unwrap_or(Duration::MAX)), if ready_at.is_some() => {}
            }
        }
    }

    pub(super) fn schedule_instances(&mut self) {
        self.instances_known = !self.config.instances.is_empty();
        if !self.instances_known {
            self.schedule.add(Job::Instances, Lane::Brisk, self.clock.uptime());
        }
        for instance in self.config.instances.iter().chain(&self.inherited).copied().collect::<Vec<_>>() {
            self.add_instance(instance);
        }
    }

    /// Goes on with instances of an account that is no more, so that they are not gone until the list has come.
    pub fn inherit(&mut self, instances: Vec<Id>) {
        self.inherited = instances;
    }

    pub(super) fn add_instance(&mut self, instance: Id) {
        if !self.store.claim(instance, &self.config.account) {
            if self.foreign.insert(instance) {
                warn!(account = self.config.account, %instance, "another account polls this instance: it is left to that one");
            }
            return;
        }
        self.foreign.remove(&instance);
        self.instances.entry(instance).or_default();
        self.schedule.add(discovery_of(instance), Lane::Brisk, self.clock.uptime());
    }

    fn start_due_jobs(&mut self) {
        // One place more than the rest have is kept for discovery.
        while self.tasks.len() <= self.config.concurrency {
            let (may_run, full) = (self.may_run(), self.tasks.len() == self.config.concurrency);
            let may_run = |collector| may_run(collector) && (!full || collector == Collector::Discovery);
            let Some(job) = self.schedule.pop_due(self.clock.uptime(), may_run) else { break };
            self.start(job);
        }
    }

    pub(super) fn start(&mut self, job: Job) {
        let member = job.scope().and_then(|scope| self.fleet.get(scope));
        let mark = member.and_then(|member| member.figures.mark(job.collector()));
        let begun = Poll { asked_at: self.clock.uptime(), mark };
        let known = self.fleet.known(job.scope());
        self.sweeps += u64::from(job.collector() == Collector::Discovery);
        let task = self.tasks.spawn(self.errand.clone().run(job, known, self.sweeps));
        self.jobs.insert(task.id(), Running { job, begun });
    }

    fn may_run(&self) -> impl Fn(Collector) -> bool + use<> {
        let refused = self.refused;
        move |collector| !refused || collector == Collector::Discovery
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::PollNow(reply) => {
                let now = self.clock.uptime();
                let mut cycle = Cycle::new(reply);
                // The list of instances leads to their discovery, and that to all else.
                let first: Vec<_> = if self.schedule.contains(Job::Instances) {
                    vec![Job::Instances]
                } else {
                    self.instances.keys().copied().map(discovery_of).collect()
                };
                for job in first {
                    cycle.expect(job, self.schedule.hurry(job, now));
                }
                self.cycles.push(cycle);
                self.finish_cycles();
            }
            Command::Idle(reply) => self.idle_waiters.push(reply),
            Command::Reconfigure(to, reply) => {
                self.reconfigure(*to);
                // Whoever asked may have gone away.
                let _ = reply.send(());
            }
            Command::ClaimAgain => self.claim_again(),
            Command::Report(inquiries, reply) => {
                // Whoever asked may have gone away.
                let _ = reply.send(self.report(&inquiries));
            }
        }
    }

    pub(super) fn take_in(&mut self, ended: Result<(TaskId, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Ok(outcome)),
            // The process is ending, and ends its tasks in whatever order.
            Err(error) if error.is_cancelled() => return,
            Err(error) => (error.id(), Err(error)),
        };
        let Some(Running { job, begun }) = self.jobs.remove(&id) else { return };
        // What a sweep handed in comes before its end.
        while let Ok(page) = self.pages.try_recv() {
            self.apply_page(page);
        }
        let success = match outcome {
            // Taken out while it ran: what it brought is about somebody who is gone.
            _ if !self.schedule.contains(job) => true,
            Ok(outcome) => self.apply(job, outcome, begun),
            Err(error) => self.died(job, &error),
        };
        self.failures.remind(&self.config.account, self.clock.uptime());
        for cycle in &mut self.cycles {
            cycle.ended(job, success);
        }
        self.finish_cycles();
    }

    /// A poll that panicked is a bug of ours; it must not take the other scopes with it.
    fn died(&mut self, job: Job, error: &JoinError) -> bool {
        error!(account = self.config.account, %error, "{job} died");
        if let Job::Poll(scope, collector) = job
            && collector != Collector::Discovery
            && self.owns(scope)
        {
            self.store.fail(scope, collector);
            self.note_own_poll(scope, collector, false);
        }
        self.failures.note(job, "died", true);
        self.metrics.ended(job.collector(), "died");
        self.put_back(job);
        false
    }

    pub(super) fn finish_cycles(&mut self) {
        self.cycles = std::mem::take(&mut self.cycles).into_iter().filter_map(Cycle::finish).collect();
    }

    /// What the first full cycle still waits for.
    fn progress(&mut self) -> Progress {
        if self.refused {
            return Err("Losant does not accept the token".to_owned());
        }
        if !self.instances_known {
            return Err("the list of instances".to_owned());
        }
        if let Some((instance, state)) = self.instances.iter().find(|(_, state)| !state.known) {
            let problem = state.problem.as_ref().map(|problem| format!(", which failed: {problem}"));
            return Err(format!("discovery of instance {instance}{}", problem.unwrap_or_default()));
        }
        let now = self.clock.uptime();
        if self.listed_once.is_none() {
            self.listed_once = Some(now);
            self.tell_plan();
        }
        let listed_once = self.listed_once.unwrap_or(now);
        match self.schedule.never_attempted() {
            0 => Ok(()),
            _ if now.saturating_sub(listed_once) >= self.config.polling.ready_after.get() => Ok(()),
            polls => Err(format!("{polls} polls that have not been tried yet")),
        }
    }

    /// Until when readiness waits for polls that have not been tried.
    fn ready_at(&self) -> Option<Duration> {
        Some(self.listed_once?.saturating_add(self.config.polling.ready_after.get()))
    }
}

/// The discovery job of an instance.
pub(super) fn discovery_of(instance: Id) -> Job {
    Job::Poll(Scope::Instance { instance }, Collector::Discovery)
}
