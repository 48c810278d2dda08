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

/// Readings by the org or sandbox that they belong to.
#[derive(Debug)]
pub(super) struct Dealt {
    pub(super) read_at: Timestamp,
    pub(super) readings: BTreeMap<Scope, Reading>,
    /// Whether the lists held everything: only then has an owner without a reading nothing.
    pub(super) complete: bool,
}

/// Reads the summaries that `collector` is about.
pub(super) async fn read(
    client: &Client,
    instance: Id,
    collector: Collector,
    now: Timestamp,
) -> Result<Dealt, Error> {
    let mut dealt = Dealt { read_at: now, readings: BTreeMap::new(), complete: true };
    let this_month = Window::month(now);
    let mut list = async |kind, month, within| {
        let (rows, complete) = resources(client, (instance, kind), month, within).await?;
        dealt.complete &= complete;
        Ok::<_, Error>(rows)
    };
    let (organization, application) = (ResourceType::Organization, ResourceType::Application);
    if collector == Collector::PreviousPeriod {
        let previous = Window::month(Window::last_millisecond(this_month.start));
        let within = Window::last_millisecond(previous.end);
        let orgs = list(organization, previous, within).await?;
        let applications = list(application, previous, within).await?;
        for row in orgs.values() {
            dealt.add_previous(instance, row, this_month);
        }
        for row in applications.values() {
            dealt.add_previous_application(instance, row, this_month);
        }
    } else {
        for row in list(application, this_month, now).await?.values() {
            dealt.add_application(instance, row, this_month);
        }
    }
    Ok(dealt)
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
    fn reading(&mut self, scope: Scope) -> &mut Reading {
        let read_at = self.read_at;
        self.readings.entry(scope).or_insert_with(|| Reading::at(read_at))
    }

    fn add_application(&mut self, instance: Id, row: &HistoricalSummary, month: Window) {
        let Some((scope, id)) = owned(instance, row) else { return };
        let until = Some(month.end);
        let reading = self.reading(scope);
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

    fn add_previous(&mut self, instance: Id, row: &HistoricalSummary, this_month: Window) {
        let until = Some(this_month.end);
        let reading = self.reading(Scope::Org { instance, org: row.resource_id });
        add(reading, Measure::OrgBillablePayloadsPrevious, [], row.payload_billable_count, until);
        add(
            reading,
            Measure::OrgBillablePayloadBytesPrevious,
            [],
            bytes(row.payload_billable_size_mb),
            until,
        );
        add(reading, Measure::OrgNotebookRunTimePrevious, [], run_time(row), until);
        add(reading, Measure::OrgDevicesPrevious, [], row.device_count, until);
    }

    fn add_previous_application(&mut self, instance: Id, row: &HistoricalSummary, this_month: Window) {
        let Some((scope, id)) = owned(instance, row) else { return };
        let until = Some(this_month.end);
        let reading = self.reading(scope);
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

/// The owner of an application, and the application's id as a label. `None` for an owner of an unknown kind.
fn owned(instance: Id, row: &HistoricalSummary) -> Option<(Scope, Label)> {
    let owner = row.owner_id?;
    let scope = match row.owner_type.as_ref()? {
        OwnerType::Organization => Scope::Org { instance, org: owner },
        OwnerType::User => Scope::Sandbox { instance, sandbox: owner },
        OwnerType::Other(_) => return None,
    };
    Some((scope, row.resource_id.to_string().into()))
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
