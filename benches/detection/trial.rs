//! A trial of the shipped rules: a world with incidents in it, what an exporter would have shown of it, and what the rules said.
//!
//! Owns: the size of a trial and its course from the world to the verdict. The rules are the files in `deploy/prometheus/rules`,
//! evaluated by Prometheus' own rule engine through `promtool test rules`: with the markers of series that end, with `for`,
//! group by group. Nothing here knows an expression of theirs.
//! Must not: depend on anything but its seed.

mod chance;
mod course;
mod exporter;
mod incident;
pub mod judge;
mod notation;
mod ordinary;
pub mod promtool;
pub mod rules;
mod scenario;
mod tenant;
pub mod time;

use std::path::Path;

use time::HOUR;

pub use course::Course;
pub use incident::{Incident, Kind};
pub use tenant::Tenant;

/// Orgs whose evaluation is worth a process of its own.
const LEAST_IN_PART: usize = 15;

/// How large a trial is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The same seed gives the same trial.
    pub seed: u64,
    /// Orgs that are known from the beginning.
    pub orgs: usize,
    /// Orgs that appear later, so that there are no three weeks to compare with.
    pub newcomers: usize,
    /// Weeks in all; of the first three only the hours are known, as `backfill` writes them.
    pub weeks: usize,
    /// Bursts, of 2 to 50 times the usual and 15 minutes to 6 hours.
    pub bursts: usize,
    /// Bursts that go on until the limit of the billing period is used up, or for three days.
    pub runaways: usize,
    /// Times in which hardly anything comes.
    pub silences: usize,
    /// Bursts of newcomers; not among the others.
    pub newcomer_bursts: usize,
    /// Minutes between scrapes, and between evaluations of the rules.
    pub step: usize,
    /// Whether clocks change in the sixth week, for every org whose rhythm is that of people.
    pub clocks_change: bool,
}

impl Size {
    /// Minutes in all.
    pub fn minutes(&self) -> usize {
        self.weeks * time::WEEK
    }

    /// Orgs of both kinds.
    pub fn tenants(&self) -> usize {
        self.orgs + self.newcomers
    }
}

/// A world, and what happened in it.
pub struct Trial {
    size: Size,
    tenants: Vec<Tenant>,
    /// What there is to find.
    pub incidents: Vec<Incident>,
    courses: Vec<Course>,
    ordinary: Vec<ordinary::Ordinary>,
}

impl Trial {
    /// Lets the weeks pass.
    pub fn new(size: Size) -> Self {
        let tenants = tenant::all(&size);
        let mut incidents = incident::plan(&size, &tenants);
        let ordinary = ordinary::plan(&size, &tenants, &incidents);
        let courses = tenants
            .iter()
            .enumerate()
            .map(|(index, tenant)| {
                let own: Vec<_> = incidents.iter_mut().filter(|incident| incident.tenant == index).collect();
                Course::run(&size, index, tenant, own, &ordinary)
            })
            .collect();
        Self { size, tenants, incidents, courses, ordinary }
    }

    /// What the rules said: the firing alerts, a sample each.
    pub fn evaluate(&self, promtool: &Path, folder: &Path) -> Vec<promtool::Firing> {
        let rules = rules::write(folder);
        let mut parts = Vec::new();
        // A rule takes its time even where there is hardly anybody, so small trials stay in one piece.
        let most = self.tenants.len().div_ceil(LEAST_IN_PART);
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(most);
        for part in 0..count {
            let members = (part..self.tenants.len()).step_by(count);
            let members: Vec<_> =
                members.map(|index| (index, &self.tenants[index], &self.courses[index])).collect();
            let file = folder.join(format!("part{part}.yaml"));
            scenario::write(&file, &self.size, &rules, &members);
            parts.push(file);
        }
        promtool::run(promtool, &parts)
    }

    /// An incident in words.
    pub fn describe(&self, incident: &Incident) -> String {
        format!(
            "org {} {} {:?} of {:.2} for {} min{}; {}",
            incident.tenant,
            time::in_words(incident.start),
            incident.kind,
            incident.factor,
            incident.duration(),
            if incident.is_newcomer { ", newcomer" } else { "" },
            self.circumstances(incident.tenant, incident.start, incident.end),
        )
    }

    /// An episode in words.
    pub fn describe_episode(&self, episode: &judge::Episode) -> String {
        format!(
            "org {} {} for {} min: {}; {}",
            episode.tenant,
            time::in_words(episode.start),
            episode.end - episode.start,
            episode.alerts.join(", "),
            self.circumstances(episode.tenant, episode.start, episode.end),
        )
    }

    /// What really went on around a stretch of time: times the usual, at most, and who it was.
    fn circumstances(&self, tenant: usize, start: usize, end: usize) -> String {
        let (course, own) = (&self.courses[tenant], &self.tenants[tenant]);
        let (from, to) = (start.saturating_sub(HOUR), end.min(self.size.minutes() - HOUR));
        let most = |length: usize| {
            let times = (from..to.max(from + 1)).map(|at| {
                tenant::number(course.billable(at, at + length)) / own.usual(at, at + length).max(1.0)
            });
            times.fold(0.0, f64::max)
        };
        let is_busy =
            self.ordinary.iter().any(|change| change.concerns(tenant) && change.factor(start) > 1.0);
        format!(
            "at most {:.2} times the usual in an hour, {:.2} in a quarter; usual {:.0} an hour, sigma {:.2}{}{}",
            most(HOUR),
            most(HOUR / 4),
            own.usual(start.saturating_sub(30), start + 30),
            own.sigma,
            if is_busy { ", busier" } else { "" },
            own.rhythm(),
        )
    }

    /// How large it is.
    pub fn size(&self) -> &Size {
        &self.size
    }
}
