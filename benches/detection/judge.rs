//! Which alerts were right, what they missed, and how long they took.

use std::collections::BTreeMap;

use super::promtool::Firing;
use super::time::{self, DAY, HOUR};
use super::{Incident, Kind, Trial};

/// How long after an incident an alert may still be about it: an alert about an hour lasts until the next one has settled and
/// has been read, and is kept for ten minutes more.
pub const AFTERWARDS: usize = 2 * HOUR + 15;
/// An alert that comes back within so many minutes is still the same one.
const SAME: usize = 15;

/// Alerts that one asks the same question.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    pub name: &'static str,
    pub alerts: &'static [&'static str],
    /// What they are right about.
    pub about: &'static [Kind],
    /// Whether they tell of what is used up rather than of what is going on: then they are right until the day after the
    /// billing period.
    pub of_limits: bool,
}

const TOO_MUCH: &[Kind] = &[Kind::Burst, Kind::Runaway];

impl Judged {
    /// Whoever gets these alerts is told of too much.
    pub const SHIPPED: Self = Self::of(
        "shipped rules",
        &[
            "LosantOrgPayloadSpike",
            "LosantOrgPayloadBurst",
            "LosantNewOrgPayloadSpike",
            "LosantOrgPayloadRunaway",
        ],
    );
    /// Whoever gets this one is told of too little.
    pub const SILENCE: Self =
        Self { about: &[Kind::Silence], ..Self::of("LosantOrgSilent", &["LosantOrgSilent"]) };
    /// Each alert about limits.
    pub const LIMITS: [Self; 4] = [
        Self::of_limits("LosantOrgLimitNear", &["LosantOrgLimitNear"]),
        Self::of_limits("LosantOrgLimitReached", &["LosantOrgLimitReached"]),
        Self::of_limits("LosantOrgLimitProjected", &["LosantOrgLimitProjected"]),
        Self::of_limits("LosantOrgPayloadFastBurn", &["LosantOrgPayloadFastBurn"]),
    ];

    /// Alerts about too much.
    pub const fn of(name: &'static str, alerts: &'static [&'static str]) -> Self {
        Self { name, alerts, about: TOO_MUCH, of_limits: false }
    }

    const fn of_limits(name: &'static str, alerts: &'static [&'static str]) -> Self {
        Self { of_limits: true, ..Self::of(name, alerts) }
    }

    /// The last minute at which an alert may be about an incident.
    fn last_minute(self, incident: &Incident) -> usize {
        if self.of_limits { time::period_end(incident.end) + DAY } else { incident.end + AFTERWARDS }
    }
}

/// A stretch of time in which an org had an alert.
#[derive(Clone, Debug)]
pub struct Episode {
    pub tenant: usize,
    pub start: usize,
    pub end: usize,
    /// The alerts that fired in it, in the order in which they came.
    pub alerts: Vec<String>,
}

/// An incident and the first alert about it: the minute, and its name.
pub type Found = (Incident, Option<(usize, String)>);

/// What came out.
pub struct Verdict {
    pub found: Vec<Found>,
    /// Of orgs with history.
    pub episodes: usize,
    /// Those about nothing.
    pub wrong: Vec<Episode>,
    /// The same of newcomers.
    pub newcomer_episodes: usize,
    pub newcomer_wrong: Vec<Episode>,
}

impl Verdict {
    /// Share of the episodes that were about something.
    pub fn precision(&self) -> f64 {
        share(self.episodes - self.wrong.len(), self.episodes)
    }
}

/// Of a whole. Of nothing, all.
#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
pub fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// Looks at what some alerts said.
pub fn judge(trial: &Trial, firing: &[Firing], judged: Judged) -> Verdict {
    let places: BTreeMap<&str, usize> =
        trial.tenants.iter().enumerate().map(|(index, tenant)| (tenant.id.as_str(), index)).collect();
    let mut minutes: Vec<_> = firing
        .iter()
        .filter(|firing| judged.alerts.contains(&firing.alert.as_str()))
        .map(|firing| (places[firing.org.as_str()], firing.minute, firing.alert.as_str()))
        .collect();
    minutes.sort_unstable();
    let about: Vec<_> =
        trial.incidents.iter().filter(|incident| judged.about.contains(&incident.kind)).collect();

    let found = about
        .iter()
        .map(|incident| {
            let from = minutes.partition_point(|firing| *firing < (incident.tenant, incident.start, ""));
            let first = minutes.get(from).filter(|(tenant, minute, _)| {
                *tenant == incident.tenant && *minute <= judged.last_minute(incident)
            });
            ((*incident).clone(), first.map(|(_, minute, alert)| (*minute, (*alert).to_owned())))
        })
        .collect();
    let is_wrong = |episode: &Episode| {
        !about.iter().any(|incident| {
            incident.tenant == episode.tenant
                && incident.start <= episode.end
                && episode.start <= judged.last_minute(incident)
        })
    };
    let is_newcomer = |episode: &Episode| episode.tenant >= trial.size.orgs;
    let (newcomers, others): (Vec<_>, Vec<_>) =
        episodes(&minutes, trial.size.step).into_iter().partition(is_newcomer);
    let wrong = |episodes: &[Episode]| episodes.iter().filter(|&one| is_wrong(one)).cloned().collect();
    Verdict {
        found,
        episodes: others.len(),
        wrong: wrong(&others),
        newcomer_episodes: newcomers.len(),
        newcomer_wrong: wrong(&newcomers),
    }
}

fn episodes(minutes: &[(usize, usize, &str)], step: usize) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    for (tenant, minute, alert) in minutes {
        let last = episodes.last_mut();
        match last.filter(|last| last.tenant == *tenant && *minute <= last.end + SAME.max(step)) {
            Some(last) => {
                last.end = *minute;
                if !last.alerts.iter().any(|known| known == alert) {
                    last.alerts.push((*alert).to_owned());
                }
            }
            None => episodes.push(Episode {
                tenant: *tenant,
                start: *minute,
                end: *minute,
                alerts: vec![(*alert).to_owned()],
            }),
        }
    }
    episodes
}
