//! What there is to find.

use fastrand::Rng;

use super::time::{DAY, HOUR, LIVE};
use super::{Size, Tenant, chance};

/// Between two incidents of one org, so that each alert has one to belong to.
const APART: usize = 8 * HOUR;
/// What a trial may draw until an incident has found its place.
const MOST_DRAWS: usize = 10_000;

/// The stated floors: payloads in an hour, and in fifteen minutes, below which nothing is a spike or a burst, and payloads that
/// have to be usual in an hour for a silence.
const SPIKE_FLOOR: f64 = 1_000.0;
const BURST_FLOOR: f64 = 500.0;
const SILENCE_FLOOR: f64 = 500.0;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Burst,
    Runaway,
    Silence,
}

/// Something that an alert should tell of.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Place among the orgs.
    pub tenant: usize,
    /// Whether the org has no three weeks of history at the time.
    pub is_newcomer: bool,
    pub kind: Kind,
    /// First minute.
    pub start: usize,
    /// First minute after it.
    pub end: usize,
    /// Times the usual rate of that org at that time.
    pub factor: f64,
    /// Whether it stays below the floors that the rules state.
    pub is_small: bool,
}

impl Incident {
    /// Minutes.
    pub fn duration(&self) -> usize {
        self.end - self.start
    }
}

/// Draws all incidents, in order of time.
pub fn plan(size: &Size, tenants: &[Tenant]) -> Vec<Incident> {
    let kinds = [
        (Kind::Runaway, size.runaways, false),
        (Kind::Silence, size.silences, false),
        (Kind::Burst, size.bursts, false),
        (Kind::Burst, size.newcomer_bursts, true),
    ];
    let mut incidents: Vec<Incident> = Vec::new();
    for (kind, count, newcomers) in kinds {
        let mut rng = chance::of(size.seed, if newcomers { "newcomer" } else { "incident" }, kind as usize);
        for _ in 0..count {
            let place = (0..MOST_DRAWS).find_map(|_| {
                let drawn = draw(&mut rng, size, tenants, kind, newcomers);
                let is_free = |other: &Incident| {
                    other.tenant != drawn.tenant
                        || drawn.end + APART < other.start
                        || other.end + APART < drawn.start
                };
                (drawn.end + 4 * HOUR < size.minutes() && incidents.iter().all(is_free)).then_some(drawn)
            });
            incidents.push(place.expect("a trial has room for its incidents"));
        }
    }
    incidents.sort_by_key(|incident| (incident.start, incident.tenant));
    incidents
}

fn draw(rng: &mut Rng, size: &Size, tenants: &[Tenant], kind: Kind, newcomers: bool) -> Incident {
    let tenant = if newcomers { rng.usize(size.orgs..size.tenants()) } else { rng.usize(0..size.orgs) };
    // A newcomer has a day at least, in which it becomes known.
    let earliest = if newcomers { LIVE.max(tenants[tenant].founded) + DAY + 2 * HOUR } else { LIVE + HOUR };
    let start = rng.usize(earliest..size.minutes().max(earliest + 1));
    let (factor, minutes) = match kind {
        Kind::Burst => (chance::log_between(rng, 2.0, 50.0), chance::log_between(rng, 15.0, 360.0)),
        // Until the limit is used up, as its course shows.
        Kind::Runaway => (chance::log_between(rng, 10.0, 50.0), 3.0 * 1_440.0),
        Kind::Silence => (chance::between(rng, 0.0, 0.05), chance::log_between(rng, 120.0, 1_440.0)),
    };
    let end = start + usize::try_from(chance::whole(minutes)).expect("days");
    let mut incident = Incident { tenant, is_newcomer: newcomers, kind, start, end, factor, is_small: false };
    if end < size.minutes() {
        incident.is_small = is_small(&incident, &tenants[tenant], size);
    }
    incident
}

fn is_small(incident: &Incident, tenant: &Tenant, size: &Size) -> bool {
    let Incident { start, end, factor, .. } = *incident;
    let hours =
        (start / HOUR..=end / HOUR).map(|hour| (hour * HOUR, ((hour + 1) * HOUR).min(size.minutes())));
    if incident.kind == Kind::Silence {
        let mut whole = hours.filter(|(from, to)| start <= *from && *to <= end);
        return !whole.any(|(from, to)| tenant.usual(from, to) > SILENCE_FLOOR);
    }
    let with_incident = |from: usize, to: usize| {
        tenant.usual(from, to)
            + (factor - 1.0) * tenant.usual(from.max(start), to.min(end).max(start.max(from)))
    };
    let mut quarters = (start..=end.saturating_sub(15)).step_by(5);
    let is_burst = quarters.any(|from| with_incident(from, from + 15) > BURST_FLOOR);
    !is_burst && !hours.into_iter().any(|(from, to)| with_incident(from, to) > SPIKE_FLOOR)
}
