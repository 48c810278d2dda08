//! What really came at an org, minute by minute.
//!
//! The simulated world says what is usual: rhythm, growth, days that differ by an eighth. It is even within its hours, so noise
//! comes on top: hours differ by a factor whose logarithm is normal, five-minute stretches within them too, and every minute's
//! count is drawn around its mean. Hours that are busier for an ordinary reason are as busy as that reason says.

use super::ordinary::Ordinary;
use super::tenant::Tenant;
use super::time::{self, HOUR, LIVE, WEEK};
use super::{Incident, Kind, Size, chance};

/// Standard deviation of the logarithm of five-minute stretches within an hour.
const WITHIN_HOUR: f64 = 0.1;

/// Payloads up to the start of each minute.
pub struct Course {
    billable: Vec<u64>,
    other: Vec<u64>,
}

impl Course {
    /// Lets the weeks of an org pass. A runaway ends when it has used up the limit.
    pub fn run(
        size: &Size,
        index: usize,
        tenant: &Tenant,
        mut incidents: Vec<&mut Incident>,
        ordinary: &[Ordinary],
    ) -> Self {
        let mut rng = chance::of(size.seed, "course", index);
        let ordinary: Vec<_> = ordinary.iter().filter(|change| change.concerns(index)).collect();
        let mut course = Self { billable: vec![0], other: vec![0] };
        let (mut of_hour, mut of_stretch) = (1.0, 1.0);
        for minute in 0..size.minutes() {
            if minute % HOUR == 0 {
                of_hour = chance::factor(&mut rng, tenant.sigma);
            }
            if minute % 5 == 0 {
                of_stretch = chance::factor(&mut rng, WITHIN_HOUR);
            }
            let hour = hour_of(size, tenant, minute);
            let usual: f64 = ordinary.iter().map(|change| change.factor(minute)).product();
            let of_hour = if ordinary.iter().any(|change| change.is_busy(minute)) { 1.0 } else { of_hour };
            let present = if minute < tenant.founded { 0.0 } else { usual * of_hour * of_stretch };
            let incident = incidents.iter_mut().find(|own| (own.start..own.end).contains(&minute));
            let (times, extra) = match incident {
                Some(incident) if incident.kind == Kind::Silence => (incident.factor, 0.0),
                Some(incident) => {
                    let used = course.billable(time::period_start(minute), minute);
                    if incident.kind == Kind::Runaway && used >= tenant.limit {
                        incident.end = minute;
                    }
                    (1.0, (incident.factor - 1.0) * usual)
                }
                None => (1.0, 0.0),
            };
            let billable = tenant.billable[hour] * (present * times + extra);
            let other = tenant.other[hour] * present * times;
            push(&mut course.billable, chance::poisson(&mut rng, billable));
            push(&mut course.other, chance::poisson(&mut rng, other));
        }
        course
    }

    /// So many billable payloads in each of so many minutes, and no others.
    #[cfg(test)]
    pub fn steady(each: u64, minutes: usize) -> Self {
        Self {
            billable: (0..=minutes as u64).map(|minute| minute * each).collect(),
            other: vec![0; minutes + 1],
        }
    }

    /// Billable payloads in `[from, to)`.
    pub fn billable(&self, from: usize, to: usize) -> u64 {
        self.billable[to] - self.billable[from]
    }

    /// Other payloads in `[from, to)`.
    pub fn other(&self, from: usize, to: usize) -> u64 {
        self.other[to] - self.other[from]
    }

    /// All payloads in `[from, to)`.
    pub fn all(&self, from: usize, to: usize) -> u64 {
        self.billable(from, to) + self.other(from, to)
    }
}

fn push(counts: &mut Vec<u64>, count: u64) {
    let last = counts.last().copied().unwrap_or(0);
    counts.push(last + count);
}

/// The hour whose usual rate holds at a minute: where clocks have changed, people come an hour earlier by UTC.
fn hour_of(size: &Size, tenant: &Tenant, minute: usize) -> usize {
    let hour = minute / HOUR;
    let keeps_local_time = tenant.keeps_office_hours || tenant.is_batch;
    if size.clocks_change && keeps_local_time && minute >= LIVE + 2 * WEEK {
        return (hour + 1).min(tenant.billable.len() - 1);
    }
    hour
}
