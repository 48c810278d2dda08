//! The orgs of a trial, and what is usual at them.

use losant_exporter::simulator::{Org, Owner, Rhythm, World, WorldConfig};

use super::time::{self, HOUR, WEEK};
use super::{Size, chance};

/// The simulator's orgs are small beside the floors of the rules, and a trial is not about floors: each is made so many
/// times larger.
const LARGER: (f64, f64) = (2.0, 20.0);

/// By how much the hours of an org differ from what is usual, as the standard deviation of the logarithm.
const SIGMA: (f64, f64) = (0.08, 0.25);

/// An org.
pub struct Tenant {
    pub instance: String,
    pub id: String,
    /// Payloads a minute that are billed, for each hour of the trial, as the simulated world has them.
    pub billable: Vec<f64>,
    /// The others.
    pub other: Vec<f64>,
    /// Billable payloads a billing period.
    pub limit: u64,
    pub sigma: f64,
    /// Whether its rhythm is that of people.
    pub keeps_office_hours: bool,
    /// Whether it does its work in a few hours of the night.
    pub is_batch: bool,
    /// The minute in which it is founded; 0 for those that have always been there.
    pub founded: usize,
}

/// All orgs of a trial, newcomers last.
pub fn all(size: &Size) -> Vec<Tenant> {
    let config = WorldConfig {
        seed: size.seed,
        orgs: size.tenants(),
        sandboxes: 0,
        active: Some(1.0),
        ..WorldConfig::default()
    };
    let mut world = World::new(config);
    let ids: Vec<_> = world.orgs().iter().map(Org::id).collect();
    for id in &ids {
        world.org_mut(*id).expect("an org of this world").disabled_at = None;
    }
    ids.into_iter()
        .enumerate()
        .map(|(index, id)| tenant(size, index, &world, world.org(id).expect("an org of this world")))
        .collect()
}

fn tenant(size: &Size, index: usize, world: &World, org: &Org) -> Tenant {
    let mut rng = chance::of(size.seed, "tenant", index);
    let larger = chance::log_between(&mut rng, LARGER.0, LARGER.1);
    let sigma = chance::between(&mut rng, SIGMA.0, SIGMA.1);
    let hourly = |billable_only| -> Vec<f64> {
        let hours = 0..size.weeks * WEEK / HOUR;
        let total = |hour: usize| {
            let (start, end) = (time::moment(hour * HOUR), time::moment((hour + 1) * HOUR));
            number(world.payload_total(Owner::Org(org.id()), start, end, billable_only, false))
        };
        hours.map(|hour| total(hour) * larger / 60.0).collect()
    };
    let (billable, all) = (hourly(true), hourly(false));
    let other = all.iter().zip(&billable).map(|(all, billable)| all - billable).collect();
    let is_newcomer = index >= size.orgs;
    let latest = size.weeks.saturating_sub(2).max(3) * WEEK;
    let has = |rhythm| {
        let main = org.activity.streams.iter().max_by_key(|stream| stream.thousandths_per_day);
        main.is_some_and(|stream| stream.rhythm == rhythm)
    };
    Tenant {
        instance: org.instance().to_string(),
        id: org.id().to_string(),
        billable,
        other,
        limit: chance::whole(number(org.limits.payload.unwrap_or(0)) * larger),
        sigma,
        keeps_office_hours: has(Rhythm::OfficeHours),
        is_batch: has(Rhythm::NightlyBatch),
        founded: if is_newcomer { rng.usize(2 * WEEK..latest) } else { 0 },
    }
}

/// A count, for reckoning.
#[expect(clippy::cast_precision_loss, reason = "counts of weeks stay far below 2^53")]
pub fn number(count: u64) -> f64 {
    count as f64
}

impl Tenant {
    /// Billable payloads that are usual in `[from, to)`.
    pub fn usual(&self, from: usize, to: usize) -> f64 {
        (from..to).map(|minute| self.billable[minute / HOUR]).sum()
    }

    /// In words, where it is not that of machines.
    pub fn rhythm(&self) -> &'static str {
        match (self.keeps_office_hours, self.is_batch) {
            (true, _) => ", office hours",
            (_, true) => ", nightly batch",
            _ => "",
        }
    }
}
