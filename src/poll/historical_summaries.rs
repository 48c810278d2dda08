//! Collectors `applications` and `previous_period`: what Losant's monthly summaries say.
//!
//! One list call tells of every application, or org, of an instance; what it says is dealt out to the orgs and sandboxes
//! that own them. Summaries go by UTC calendar months, and are refreshed by Losant at a pace that nobody states.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;

use crate::losant::wire::{HistoricalSummary, OwnerType, ResourceType};
use crate::losant::{Client, Error};
use crate::usage::{Collector, Id, Label, Measure, Reading, Scope, Window};

/// Losant's sizes are in Mb, without a word on what that is. Taken for megabytes as everywhere in billing.
const BYTES_PER_MB: f64 = 1_000_000.0;

const SECONDS_PER_MINUTE: f64 = 60.0;

/// What lists say, by the org or sandbox that it is about.
///
/// A reading is made of it when its owner's turn comes. Those of thousands at once would be a hundred thousand small pieces of memory, and
/// what is kept of each would lie among what the others have given back.
#[derive(Debug)]
pub(super) struct Dealt {
    pub(super) read_at: Timestamp,
    /// Whether the lists held everything: only then has an owner whom they do not tell of nothing.
    pub(super) complete: bool,
    /// By owner.
    told: Vec<(Scope, Told)>,
}

/// A row, and what it is taken for.
#[derive(Debug)]
pub(super) enum Told {
    /// What an application has had this month.
    Application(HistoricalSummary),
    /// What an org had in the month before.
    Previous(HistoricalSummary),
    /// What an application had in the month before.
    PreviousApplication(HistoricalSummary),
}

/// Reads the summaries that `collector` is about.
pub(super) async fn read(
    client: &Client,
    instance: Id,
    collector: Collector,
    now: Timestamp,
) -> Result<Dealt, Error> {
    let this_month = Window::month(now);
    let (mut told, mut complete) = (Vec::new(), true);
    let mut list = async |kind, month, within| {
        let (rows, whole) = resources(client, (instance, kind), month, within).await?;
        complete &= whole;
        Ok::<_, Error>(rows.into_values())
    };
    let (organization, application) = (ResourceType::Organization, ResourceType::Application);
    if collector == Collector::PreviousPeriod {
        let previous = Window::month(Window::last_millisecond(this_month.start));
        let within = Window::last_millisecond(previous.end);
        let rows = list(organization, previous, within).await?;
        told.extend(rows.map(|row| (Scope::Org { instance, org: row.resource_id }, Told::Previous(row))));
        let rows = list(application, previous, within).await?;
        told.reserve(rows.len());
        told.extend(rows.filter_map(|row| Some((owner(instance, &row)?, Told::PreviousApplication(row)))));
    } else {
        let rows = list(application, this_month, now).await?;
        told.reserve(rows.len());
        told.extend(rows.filter_map(|row| Some((owner(instance, &row)?, Told::Application(row)))));
    }
    Ok(Dealt::new(now, told, complete))
}

/// One row for each resource of a kind, and whether the list held all of them. Pages are taken in as they come: a hundred
/// thousand owners have too many rows to keep them whole.
async fn resources(
    client: &Client,
    (instance, kind): (Id, ResourceType),
    month: Window,
    within: Timestamp,
) -> Result<(BTreeMap<Id, HistoricalSummary>, bool), Error> {
    let mut resources = BTreeMap::new();
    let mut walk = client.walk_historical_summaries(instance, within, kind.clone());
    while let Some(page) = walk.next().await? {
        for row in page.items.into_iter().filter(|row| is_of(row, &kind, month)) {
            add_row(&mut resources, row);
        }
    }
    Ok((resources, walk.is_complete()))
}

/// Adds a row. A resource may have two periods in a month, whose figures add up, while devices are what the newer one says.
fn add_row(resources: &mut BTreeMap<Id, HistoricalSummary>, row: HistoricalSummary) {
    match resources.entry(row.resource_id) {
        Entry::Vacant(place) => {
            place.insert(row);
        }
        Entry::Occupied(mut place) => {
            let known = place.get();
            let (older, mut newer) = if known.current_period_start <= row.current_period_start {
                (known.clone(), row)
            } else {
                (row, known.clone())
            };
            let sum = |newer: &mut Option<f64>, older: Option<f64>| {
                *newer = newer.zip(older).map(|(a, b)| a + b);
            };
            sum(&mut newer.payload_billable_count, older.payload_billable_count);
            sum(&mut newer.payload_nonbillable_count, older.payload_nonbillable_count);
            sum(&mut newer.payload_billable_size_mb, older.payload_billable_size_mb);
            sum(&mut newer.payload_nonbillable_size_mb, older.payload_nonbillable_size_mb);
            sum(&mut newer.notebook_minutes_count, older.notebook_minutes_count);
            place.insert(newer);
        }
    }
}

/// Whether a row says nothing that contradicts the question: another kind of resource, or a period of another month.
fn is_of(row: &HistoricalSummary, kind: &ResourceType, month: Window) -> bool {
    let right_kind = row.resource_type.as_ref().is_none_or(|found| found == kind);
    let begins_in_time = row.current_period_start.is_none_or(|start| start < month.end);
    let ends_in_time = row.current_period_end.is_none_or(|end| end >= month.start);
    right_kind && begins_in_time && ends_in_time
}

impl Dealt {
    /// What was read at `read_at`.
    pub(super) fn new(read_at: Timestamp, mut told: Vec<(Scope, Told)>, complete: bool) -> Self {
        // Stable: rows of an owner stay in the order of the lists.
        told.sort_by_key(|(owner, _)| *owner);
        Self { read_at, complete, told }
    }

    /// The owners whom the lists tell of.
    pub(super) fn owners(&self) -> impl Iterator<Item = Scope> {
        self.told.chunk_by(|(one, _), (next, _)| one == next).filter_map(|of_one| Some(of_one.first()?.0))
    }

    /// What the lists tell of an owner; nothing where they do not.
    pub(super) fn reading(&self, owner: Scope) -> Reading {
        let start = self.told.partition_point(|(of, _)| *of < owner);
        let own = self.told.iter().skip(start).take_while(|(of, _)| *of == owner);
        let mut reading = Reading::at(self.read_at);
        // Up to then it is this month, and the one before is the one before.
        let until = Window::month(self.read_at).end;
        for (_, told) in own {
            told.add_to(&mut reading, until);
        }
        reading
    }
}

impl Told {
    /// Adds the numbers. Those of a month end at `until`.
    fn add_to(&self, reading: &mut Reading, until: Timestamp) {
        let until = Some(until);
        match self {
            Self::Application(row) => {
                let id = label(row);
                let name = row.resource_name.clone().unwrap_or_default();
                reading.add(Measure::ApplicationInfo, [id.clone(), name.into()], 1.0);
                for (billable, payloads, mb) in [
                    ("true", row.payload_billable_count, row.payload_billable_size_mb),
                    ("false", row.payload_nonbillable_count, row.payload_nonbillable_size_mb),
                ] {
                    let labels = || [id.clone(), billable.into()];
                    add(reading, Measure::ApplicationPayloadsPeriod, labels(), payloads, until);
                    add(reading, Measure::ApplicationPayloadBytesPeriod, labels(), bytes(mb), until);
                }
                add(reading, Measure::ApplicationDevices, [id.clone()], row.device_count, until);
                add(reading, Measure::ApplicationNotebookRunTimePeriod, [id], run_time(row), until);
            }
            Self::Previous(row) => {
                for (measure, value) in [
                    (Measure::OrgBillablePayloadsPrevious, row.payload_billable_count),
                    (Measure::OrgBillablePayloadBytesPrevious, bytes(row.payload_billable_size_mb)),
                    (Measure::OrgNotebookRunTimePrevious, run_time(row)),
                    (Measure::OrgDevicesPrevious, row.device_count),
                ] {
                    add(reading, measure, [], value, until);
                }
            }
            Self::PreviousApplication(row) => {
                let id = label(row);
                for (measure, value) in [
                    (Measure::ApplicationBillablePayloadsPrevious, row.payload_billable_count),
                    (Measure::ApplicationBillablePayloadBytesPrevious, bytes(row.payload_billable_size_mb)),
                    (Measure::ApplicationNotebookRunTimePrevious, run_time(row)),
                    (Measure::ApplicationDevicesPrevious, row.device_count),
                ] {
                    add(reading, measure, [id.clone()], value, until);
                }
            }
        }
    }
}

/// The owner of an application. `None` for one of an unknown kind.
fn owner(instance: Id, row: &HistoricalSummary) -> Option<Scope> {
    let owner = row.owner_id?;
    Some(match row.owner_type.as_ref()? {
        OwnerType::Organization => Scope::Org { instance, org: owner },
        OwnerType::User => Scope::Sandbox { instance, sandbox: owner },
        OwnerType::Other(_) => return None,
    })
}

/// The id of an application as a label.
fn label(row: &HistoricalSummary) -> Label {
    row.resource_id.to_string().into()
}

fn bytes(mb: Option<f64>) -> Option<f64> {
    // Whole bytes: a fraction of one is what is left of the division into megabytes.
    mb.map(|mb| (mb * BYTES_PER_MB).round())
}

fn run_time(row: &HistoricalSummary) -> Option<f64> {
    row.notebook_minutes_count.map(|minutes| minutes * SECONDS_PER_MINUTE)
}

fn add<const N: usize>(
    reading: &mut Reading,
    measure: Measure,
    labels: [Label; N],
    value: Option<f64>,
    until: Option<Timestamp>,
) {
    if let Some(value) = value {
        reading.add_until(measure, labels, value, until);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::stand::{id, instance, org, sandbox};
    use super::*;

    const NOW: &str = "2026-03-17T14:23:45Z";

    fn row(number: u8, owner: u8, owner_type: &str, devices: u32) -> HistoricalSummary {
        let (resource, owner) = (id(number).to_string(), id(owner).to_string());
        let row = json!({
            "resourceId": resource, "ownerId": owner, "ownerType": owner_type, "deviceCount": devices,
        });
        HistoricalSummary::decode(&row).unwrap()
    }

    /// Devices of each application, as told of an owner.
    fn devices(dealt: &Dealt, owner: Scope) -> Vec<(String, f64)> {
        let reading = dealt.reading(owner);
        assert_eq!(reading.read_at, NOW.parse().unwrap());
        let samples = reading.samples.into_iter();
        let devices = samples.filter(|sample| sample.measure == Measure::ApplicationDevices);
        devices.map(|sample| (sample.labels[0].to_string(), sample.value)).collect()
    }

    #[test]
    fn an_owner_is_told_of_all_that_is_its_own_and_of_nothing_else_wherever_it_stands_on_the_lists() {
        let rows = [
            row(21, 3, "organization", 1),
            row(22, 2, "user", 2),
            row(23, 2, "organization", 3),
            row(24, 3, "organization", 4),
            row(25, 4, "company", 5),
        ];
        let told = rows.map(|row| Some((owner(instance(), &row)?, Told::Application(row))));
        let dealt = Dealt::new(NOW.parse().unwrap(), told.into_iter().flatten().collect(), true);
        assert_eq!(dealt.owners().collect::<Vec<_>>(), [org(2), org(3), sandbox(2)]);
        let application = |number| id(number).to_string();
        assert_eq!(devices(&dealt, org(2)), [(application(23), 3.0)]);
        assert_eq!(devices(&dealt, org(3)), [(application(21), 1.0), (application(24), 4.0)]);
        assert_eq!(devices(&dealt, sandbox(2)), [(application(22), 2.0)]);
        assert_eq!(dealt.reading(org(4)).samples, []);
    }

    #[test]
    fn what_was_this_month_and_the_month_before_is_over_when_this_month_ends() {
        let told = [Told::Application, Told::PreviousApplication, Told::Previous].map(|told| {
            let dealt =
                Dealt::new(NOW.parse().unwrap(), vec![(org(2), told(row(21, 2, "organization", 1)))], true);
            let samples = dealt.reading(org(2)).samples.into_iter();
            samples.map(|sample| (sample.measure, sample.holds_until)).collect::<Vec<_>>()
        });
        let end = Some("2026-04-01T00:00:00Z".parse().unwrap());
        assert_eq!(
            told,
            [
                vec![(Measure::ApplicationInfo, None), (Measure::ApplicationDevices, end)],
                vec![(Measure::ApplicationDevicesPrevious, end)],
                vec![(Measure::OrgDevicesPrevious, end)],
            ]
        );
    }
}
