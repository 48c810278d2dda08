//! What polling an account takes: counted from its lists.

use tracing::{info, warn};

use super::plan::CallPlan;
use super::poller::{InstanceState, Poller};
use crate::usage::{Collector, Level, sum};

impl Poller {
    /// Lists everybody once, asks nothing else, and says what polling them will take. The error says in words what went
    /// wrong.
    pub async fn survey(mut self) -> Result<CallPlan, String> {
        self.schedule_instances();
        loop {
            let problems = self.instances.values().filter_map(|state| state.problem.clone());
            if let Some(problem) = self.listing_problem.clone().into_iter().chain(problems).next() {
                return Err(problem);
            }
            let listed = |state: &InstanceState| state.discovered == Some(true);
            if self.instances_known && self.instances.values().all(listed) {
                let unmatched = [Level::Org, Level::Sandbox].map(|level| self.unmatched_patterns(level));
                let unmatched = unmatched.iter().flatten().flatten().map(ToString::to_string).collect();
                return Ok(CallPlan { unmatched, ..self.plan() });
            }
            while let Some(job) =
                self.schedule.pop_due(self.clock.uptime(), |collector| collector == Collector::Discovery)
            {
                self.start(job);
            }
            if self.tasks.is_empty() {
                return Err("the lists could not be read: see the log".to_owned());
            }
            tokio::select! {
                Some(page) = self.pages.recv() => self.apply_page(page),
                Some(ended) = self.tasks.join_next_with_id() => self.take_in(ended),
            }
        }
    }

    /// What polling the account takes, going by the last lists.
    fn plan(&self) -> CallPlan {
        let count = |level| self.fleet.members().filter(|(scope, _)| scope.level() == level).count();
        let told = self.fleet.members().filter(|(_, member)| member.figures.tell_payloads()).count();
        let listing = u32::from(self.config.instances.is_empty());
        let pages = self.instances.values().map(|state| 1 + state.sweep_requests).sum::<u32>();
        CallPlan {
            instances: self.instances.len(),
            orgs: count(Level::Org),
            sandboxes: count(Level::Sandbox),
            excluded: self.excluded.values().sum(),
            // While polling they are told of whenever they change.
            unmatched: Vec::new(),
            told,
            sweep_requests: listing + pages,
            applications_requests: self.applications_requests(),
            requests_per_second: self.config.requests_per_second,
            burst: self.config.burst,
            polling: self.config.polling.clone(),
        }
    }

    /// Requests that the monthly summaries of applications take.
    fn applications_requests(&self) -> f64 {
        if !self.config.polling.is_enabled(Collector::Applications) {
            return 0.0;
        }
        let rows = sum(self.fleet.members().map(|(_, member)| member.figures.applications()));
        (rows / f64::from(self.config.page_size)).ceil()
    }

    /// Logs what polling will take.
    pub(super) fn tell_plan(&self) {
        let (account, plan) = (&self.config.account, self.plan());
        info!(account, "call plan: {plan}");
        for warning in plan.warnings() {
            warn!(account, "call plan: {warning}");
        }
    }
}
