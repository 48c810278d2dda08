//! Made-up names for orgs and people.

use super::chance;

/// Name, tier, team and character of a company.
pub(super) struct Company {
    pub(super) name: &'static str,
    pub(super) tier: &'static str,
    pub(super) team: &'static str,
    pub(super) character: Character,
}

/// What kind of life an owner leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Character {
    /// Many devices, day and night.
    Busy,
    /// Machines that report around the clock.
    AlwaysOn,
    /// People press buttons, forms come in, on weekdays.
    OfficeHours,
    /// One large job in the small hours.
    NightlyBatch,
    /// A payload now and then.
    Quiet,
    /// Signed up and never came back.
    Silent,
}

const fn company(
    name: &'static str,
    tier: &'static str,
    team: &'static str,
    character: Character,
) -> Company {
    Company { name, tier, team, character }
}

pub(super) const COMPANIES: [Company; 16] = [
    company("Northwind Cold Chain", "gold", "logistics", Character::Busy),
    company("Harbor Lane Breweries", "silver", "food", Character::OfficeHours),
    company("Pinecrest Water District", "gold", "utilities", Character::AlwaysOn),
    company("Old Mill Bakeries", "bronze", "food", Character::NightlyBatch),
    company("Vantage Elevators", "gold", "buildings", Character::AlwaysOn),
    company("Juniper Greenhouses", "silver", "agriculture", Character::AlwaysOn),
    company("Bluefin Fleet Services", "gold", "logistics", Character::Busy),
    company("Sandstone Facilities", "silver", "buildings", Character::OfficeHours),
    company("Quarry Ridge Aggregates", "bronze", "industry", Character::OfficeHours),
    company("Lumen Street Lighting", "silver", "utilities", Character::NightlyBatch),
    company("Tidewater Pumps", "bronze", "industry", Character::AlwaysOn),
    company("Café Zürich Roasters", "bronze", "food", Character::Quiet),
    company("Kestrel Wind Partners", "gold", "energy", Character::Busy),
    company("Maple & Finch Dairy", "silver", "agriculture", Character::OfficeHours),
    company("Aurora Pilot Project", "trial", "energy", Character::Quiet),
    company("Copperfield Training Lab", "trial", "education", Character::Silent),
];

const FIRST_WORDS: [&str; 12] = [
    "Amber", "Birch", "Cedar", "Delta", "Ember", "Falcon", "Granite", "Heron", "Iron", "Jade", "Keystone",
    "Lark",
];
const SECOND_WORDS: [&str; 10] = [
    "Controls",
    "Farms",
    "Logistics",
    "Manufacturing",
    "Metering",
    "Mobility",
    "Power",
    "Robotics",
    "Systems",
    "Works",
];
const TIERS: [&str; 4] = ["gold", "silver", "bronze", "trial"];
const TEAMS: [&str; 6] = ["agriculture", "buildings", "energy", "industry", "logistics", "utilities"];

const FIRST_NAMES: [&str; 10] =
    ["Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ivan", "Júlia"];
const LAST_NAMES: [&str; 11] = [
    "Abbott",
    "Bergström",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fontana",
    "Gupta",
    "Hoffmann",
    "Ito",
    "Jansen",
    "Kowalski",
];

/// The company of an index: lifelike for the first, numbered for the rest.
pub(super) struct Signboard {
    pub(super) name: String,
    pub(super) tier: &'static str,
    pub(super) team: &'static str,
    pub(super) character: Character,
}

/// Name and character of the org with this index.
pub(super) fn signboard(seed: u64, index: usize) -> Signboard {
    if let Some(company) = COMPANIES.get(index) {
        let Company { name, tier, team, character } = *company;
        return Signboard { name: name.to_owned(), tier, team, character };
    }
    let keys = [seed, u64::try_from(index).unwrap_or(0)];
    let word = |list: &'static [&'static str], what| {
        chance::pick(list, &[seed, keys[1], what]).copied().unwrap_or_default()
    };
    let character = match chance::between(0, 99, &keys) {
        0..4 => Character::Busy,
        4..20 => Character::AlwaysOn,
        20..45 => Character::OfficeHours,
        45..55 => Character::NightlyBatch,
        55..85 => Character::Quiet,
        _ => Character::Silent,
    };
    let name = format!("{} {} {index}", word(&FIRST_WORDS, 1), word(&SECOND_WORDS, 2));
    Signboard { name, tier: word(&TIERS, 3), team: word(&TEAMS, 4), character }
}

/// First and last name of the sandbox user with this index.
pub(super) fn person(index: usize) -> (&'static str, &'static str) {
    // The lengths have no common divisor, so the first 110 people have different names.
    let first = FIRST_NAMES.get(index % FIRST_NAMES.len()).copied().unwrap_or_default();
    let last = LAST_NAMES.get(index % LAST_NAMES.len()).copied().unwrap_or_default();
    (first, last)
}

/// An address that can never be somebody's.
pub(super) fn email(first: &str, last: &str, index: usize) -> String {
    let plain = |name: &str| {
        name.to_lowercase()
            .chars()
            .map(|letter| match letter {
                'ö' => 'o',
                'ú' => 'u',
                other => other,
            })
            .collect::<String>()
    };
    let number = if index < FIRST_NAMES.len() * LAST_NAMES.len() { String::new() } else { index.to_string() };
    format!("{}.{}{number}@example.com", plain(first), plain(last))
}
