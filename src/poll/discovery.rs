//! Collector `discovery`: which orgs and sandboxes there are, and what Losant says of them besides usage.

use jiff::Timestamp;

use super::resources;
use crate::losant::wire::{self, DisabledAt};
use crate::losant::{Client, Error, Listing};
use crate::usage::{BillingPeriod, Id, Label, Measure, Reading, Scope};

/// What discovery found of one scope.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) scope: Scope,
    pub(super) period: Option<BillingPeriod>,
    /// How many devices the summary counts.
    pub(super) devices: Option<f64>,
    pub(super) reading: Reading,
}

/// What discovery found of an instance. Each part stands or falls by itself.
#[derive(Debug)]
pub(super) struct Discovered {
    pub(super) instance: Result<Found, Error>,
    pub(super) orgs: Result<FoundAll, Error>,
    pub(super) sandboxes: Result<FoundAll, Error>,
}

/// What a list call found.
#[derive(Debug)]
pub(super) struct FoundAll {
    pub(super) found: Vec<Found>,
    /// Whether the list is known to hold every scope: only then may the others be forgotten.
    pub(super) complete: bool,
}

impl Discovered {
    /// The first error, if any part failed.
    pub(super) fn error(&self) -> Option<&Error> {
        self.instance.as_ref().err().or(self.orgs.as_ref().err()).or(self.sandboxes.as_ref().err())
    }
}

impl Discovered {
    /// Whether Losant told all that it is willing to tell: the instance, and the lists or a final no to them. A token may
    /// be good for orgs and not for sandboxes, and an older installation may not have them.
    pub(super) fn is_answered(&self) -> bool {
        let answered = |listed: &Result<FoundAll, Error>| {
            listed.as_ref().err().is_none_or(|error| {
                matches!(error, Error::Forbidden { .. } | Error::NotFound { .. } | Error::Rejected { .. })
            })
        };
        self.instance.is_ok() && answered(&self.orgs) && answered(&self.sandboxes)
    }
}

/// Asks for an instance, its orgs and its sandboxes.
pub(super) async fn discover(client: &Client, instance: Id, emails: bool, now: Timestamp) -> Discovered {
    let itself = client.instance(instance).await;
    if let Err(error @ Error::Unauthorized { .. }) = itself {
        // The lists would be refused too: spare Losant the requests.
        return Discovered { instance: Err(error.clone()), orgs: Err(error.clone()), sandboxes: Err(error) };
    }
    Discovered {
        instance: itself.map(|found| of_instance(instance, &found, now)),
        orgs: client
            .all_orgs(instance, &resources::org_summary_fields())
            .await
            .map(|orgs| all(&orgs, |org| of_org(instance, org, now))),
        sandboxes: client
            .all_sandboxes(instance, &resources::sandbox_summary_fields())
            .await
            .map(|sandboxes| all(&sandboxes, |sandbox| of_sandbox(instance, sandbox, emails, now))),
    }
}

/// Asks for one scope alone, whose billing period may have turned over since it was listed.
pub(super) async fn rediscover(
    client: &Client,
    scope: Scope,
    emails: bool,
    now: Timestamp,
) -> Result<Found, Error> {
    match scope {
        Scope::Instance { instance } => Ok(of_instance(instance, &client.instance(instance).await?, now)),
        Scope::Org { instance, org } => {
            let found = client.org(instance, org, &resources::org_summary_fields()).await?;
            Ok(of_org(instance, &found, now))
        }
        Scope::Sandbox { instance, sandbox } => {
            let found = client.sandbox(instance, sandbox, &resources::sandbox_summary_fields()).await?;
            Ok(of_sandbox(instance, &found, emails, now))
        }
    }
}

fn all<T>(listing: &Listing<T>, found: impl Fn(&T) -> Found) -> FoundAll {
    FoundAll { complete: listing.complete, found: listing.items.iter().map(found).collect() }
}

fn of_instance(instance: Id, found: &wire::Instance, now: Timestamp) -> Found {
    let mut reading = Reading::at(now);
    reading.add(Measure::InstanceInfo, [label(found.name.as_ref())], 1.0);
    if let Some(limits) = &found.limits {
        resources::add_limits(&mut reading, limits);
    }
    // An instance reports no billing period; its figures are shown by calendar month.
    let period = Some(BillingPeriod::calendar_month(now));
    add_period(&mut reading, period);
    Found { scope: Scope::Instance { instance }, period, devices: None, reading }
}

fn of_org(instance: Id, found: &wire::Org, now: Timestamp) -> Found {
    let mut reading = Reading::at(now);
    let labels = [&found.name, &found.plan_id, &found.subscription_status, &found.referral_id]
        .map(|text| label(text.as_ref()));
    reading.add(Measure::OrgInfo, labels, 1.0);
    let mut tags: Vec<_> = found
        .tags
        .iter()
        .flatten()
        .map(|tag| (Label::from(tag.key.clone()), Label::from(tag.value.clone())))
        .collect();
    tags.sort_unstable();
    tags.dedup();
    for (key, value) in tags {
        reading.add(Measure::OrgTag, [key, value], 1.0);
    }
    let disabled = found.disabled_at.map(|at| match at {
        DisabledAt::Never => false,
        DisabledAt::Since(since) => since <= now,
    });
    add_flag(&mut reading, Measure::OrgDisabled, disabled);
    add_flag(&mut reading, Measure::OrgReadOnly, found.is_read_only);
    if let Some(limits) = &found.limits {
        resources::add_limits(&mut reading, limits);
    }
    if let Some(summary) = &found.summary {
        add_summary(&mut reading, summary);
        add_number(&mut reading, Measure::OrgMembers, summary.counts.get("memberCount").copied());
        add_number(
            &mut reading,
            Measure::OrgPendingInvites,
            summary.counts.get("pendingInviteCount").copied(),
        );
    }
    let period = found.billing_period();
    add_period(&mut reading, period);
    let devices = devices(found.summary.as_ref());
    Found { scope: Scope::Org { instance, org: found.id }, period, devices, reading }
}

fn of_sandbox(instance: Id, found: &wire::Sandbox, emails: bool, now: Timestamp) -> Found {
    let mut reading = Reading::at(now);
    let email = if emails { label(found.email.as_ref()) } else { Label::default() };
    reading.add(Measure::SandboxInfo, [email], 1.0);
    add_time(&mut reading, Measure::SandboxLastLogin, found.last_successful_login);
    add_number(&mut reading, Measure::SandboxFailedLogins, found.failed_login_count);
    add_flag(&mut reading, Measure::SandboxTwoFactor, found.two_factor_auth_enabled);
    add_time(&mut reading, Measure::SandboxDeletion, found.permanent_deletion.or(found.data_deletion));
    if let Some(limits) = &found.limits {
        resources::add_limits(&mut reading, limits);
    }
    if let Some(summary) = &found.summary {
        add_summary(&mut reading, summary);
    }
    let period = found.billing_period();
    add_period(&mut reading, period);
    let devices = devices(found.summary.as_ref());
    Found { scope: Scope::Sandbox { instance, sandbox: found.id }, period, devices, reading }
}

fn devices(summary: Option<&wire::Summary>) -> Option<f64> {
    summary?.counts.get("deviceCount").copied()
}

fn add_summary(reading: &mut Reading, summary: &wire::Summary) {
    resources::add_resources(reading, &summary.counts);
    add_number(reading, Measure::Storage, summary.storage.as_ref().and_then(|storage| storage.size));
}

fn add_period(reading: &mut Reading, period: Option<BillingPeriod>) {
    let until = period.map(|period| period.holds_until(reading.read_at));
    for (measure, at) in [
        (Measure::PeriodStart, period.map(|period| period.start)),
        (Measure::PeriodEnd, period.and_then(|period| period.end)),
    ] {
        if let Some(at) = at {
            reading.add_until(measure, [], seconds(at), until);
        }
    }
}

fn add_time(reading: &mut Reading, measure: Measure, at: Option<Timestamp>) {
    add_number(reading, measure, at.map(seconds));
}

fn add_flag(reading: &mut Reading, measure: Measure, flag: Option<bool>) {
    add_number(reading, measure, flag.map(|flag| if flag { 1.0 } else { 0.0 }));
}

fn add_number(reading: &mut Reading, measure: Measure, number: Option<f64>) {
    if let Some(number) = number {
        reading.add(measure, [], number);
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

fn label(text: Option<&String>) -> Label {
    text.cloned().unwrap_or_default().into()
}
