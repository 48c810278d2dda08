//! What happens at orgs all the time and is no incident: an alert about it is a false one.

use super::time::{DAY, HOUR, LIVE, WEEK};
use super::{Incident, Size, Tenant, chance};

/// A stretch of time in which more or less comes than usual, for ordinary reasons.
#[derive(Clone, Copy, Debug)]
pub struct Ordinary {
    tenant: usize,
    start: usize,
    end: usize,
    /// Times the usual, at its end.
    factor: f64,
    /// Whether it grows to that from 1, and stays there.
    lasts: bool,
}

impl Ordinary {
    /// Whether it happens at this org.
    pub fn concerns(&self, tenant: usize) -> bool {
        self.tenant == tenant
    }

    /// Whether it makes an hour the busy one that it is said to be, whatever hours are else.
    pub fn is_busy(&self, minute: usize) -> bool {
        !self.lasts && self.factor > 1.0 && (self.start..self.end).contains(&minute)
    }

    /// Times the usual at a minute.
    pub fn factor(&self, minute: usize) -> f64 {
        if minute < self.start {
            return 1.0;
        }
        if minute >= self.end {
            return if self.lasts { self.factor } else { 1.0 };
        }
        if !self.lasts {
            return self.factor;
        }
        1.0 + (self.factor - 1.0) * part(minute - self.start, self.end - self.start)
    }
}

#[expect(clippy::cast_precision_loss, reason = "minutes of weeks")]
fn part(of: usize, whole: usize) -> f64 {
    of as f64 / whole.max(1) as f64
}

/// Draws what is ordinary. Each thing comes alone: where there is an incident, there is no busy hour, and no org changes twice.
pub fn plan(size: &Size, tenants: &[Tenant], incidents: &[Incident]) -> Vec<Ordinary> {
    let mut rng = chance::of(size.seed, "ordinary", 0);
    let mut all: Vec<Ordinary> = Vec::new();
    // One org in ten grows by a fifth within a week; one in twenty takes on as many devices again as three fifths of its fleet.
    let mut others: Vec<_> = (0..size.orgs).collect();
    rng.shuffle(&mut others);
    let mut others = others.into_iter();
    for (share, factor, length) in [(10, 1.2, WEEK), (20, 1.6, 2 * HOUR)] {
        for tenant in others.by_ref().take(size.orgs / share) {
            let start = rng.usize(LIVE..size.minutes() - WEEK / 2);
            all.push(Ordinary { tenant, start, end: start + length, factor, lasts: true });
        }
    }
    // Three busy stretches for each two orgs: one to three hours, up to twice the usual.
    for _ in 0..size.orgs * 3 / 2 {
        let (tenant, start) = (rng.usize(0..size.orgs), rng.usize(LIVE..size.minutes()));
        let end = start + rng.usize(HOUR..3 * HOUR);
        let is_near = |incident: &Incident| {
            incident.tenant == tenant && start < incident.end + 3 * HOUR && incident.start < end + 3 * HOUR
        };
        let is_free = !all.iter().any(|other| other.tenant == tenant) && !incidents.iter().any(is_near);
        let factor = chance::between(&mut rng, 1.3, 1.9);
        if is_free {
            all.push(Ordinary { tenant, start, end, factor, lasts: false });
        }
    }
    // A holiday in the fifth week, on which offices are as quiet as at weekends.
    let day = LIVE + WEEK + 3 * DAY;
    let offices = tenants.iter().enumerate().filter(|(_, tenant)| tenant.keeps_office_hours);
    all.extend(offices.map(|(tenant, _)| Ordinary {
        tenant,
        start: day,
        end: day + DAY,
        factor: 0.25,
        lasts: false,
    }));
    all
}
