//! Collector `discovery`: which orgs and sandboxes there are, what Losant says of them besides usage, and how much they
//! have used in their billing period.
//!
//! Owns: walking the lists and telling whom of them this process is about. Every page is handed in as it comes: a sweep over
//! a hundred thousand scopes takes minutes, and what the first page said should not wait for the last.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::figures::Figures;
use super::resources;
use crate::clock::Clock;
use crate::losant::wire::{self, DisabledAt, PayloadStats};
use crate::losant::{Client, Error, ListWalk, ListedPage, Pages, Unavailable};
use crate::selection::{Candidate, Selection, Tally};
use crate::usage::{BillingPeriod, Id, Label, Level, Measure, Reading, Scope, Shard};

/// Whom discovery is about.
#[derive(Clone, Debug)]
pub(super) struct Discovery {
    /// Whether e-mail addresses of sandbox users are kept.
    pub(super) emails: bool,
    pub(super) selection: Selection,
    pub(super) shard: Shard,
}

/// What discovery found of one scope.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) scope: Scope,
    pub(super) period: Option<BillingPeriod>,
    /// How many devices the summary counts.
    pub(super) devices: Option<f64>,
    pub(super) figures: Figures,
    /// Payloads of the billing period, where they were told.
    pub(super) payloads: Option<PayloadStats>,
    pub(super) reading: Reading,
}

/// Some of the scopes of an instance, as soon as they are known.
#[derive(Debug)]
pub(super) struct FoundPage {
    /// The sweep that it belongs to.
    pub(super) sweep: u64,
    /// Uptime at which was asked.
    pub(super) asked_at: Duration,
    pub(super) found: Vec<Found>,
}

/// What became of a sweep. Each part stands or falls by itself.
#[derive(Debug)]
pub(super) struct Discovered {
    pub(super) sweep: u64,
    pub(super) instance: Result<(), Error>,
    pub(super) orgs: Result<Walked, Error>,
    pub(super) sandboxes: Result<Walked, Error>,
}

/// What became of a list.
#[derive(Debug)]
pub(super) struct Walked {
    /// Whether the list is known to hold every scope: only then may the others be forgotten.
    pub(super) complete: bool,
    /// How many scopes it holds, those that nobody wants included.
    pub(super) listed: usize,
    /// How many of them the selection leaves out.
    pub(super) excluded: usize,
    /// Pages that were asked for.
    pub(super) requests: u32,
    /// Which patterns of the selection fit somebody on it.
    pub(super) tally: Tally,
}

impl Discovered {
    /// The first error, if any part failed.
    pub(super) fn error(&self) -> Option<&Error> {
        self.instance.as_ref().err().or(self.orgs.as_ref().err()).or(self.sandboxes.as_ref().err())
    }

    /// Whether Losant told all that it is willing to tell: the instance, and the lists or a final no to them. A token may
    /// be good for orgs and not for sandboxes, and an older installation may not have them.
    pub(super) fn is_answered(&self) -> bool {
        let answered = |listed: &Result<Walked, Error>| {
            listed.as_ref().err().is_none_or(|error| {
                matches!(error, Error::Forbidden { .. } | Error::NotFound { .. } | Error::Rejected { .. })
            })
        };
        self.instance.is_ok() && answered(&self.orgs) && answered(&self.sandboxes)
    }
}

impl Found {
    fn nothing(scope: Scope, now: Timestamp) -> Self {
        let (figures, reading) = (Figures::default(), Reading::at(now));
        Self { scope, period: None, devices: None, figures, payloads: None, reading }
    }
}

impl Discovery {
    /// Asks for an instance, its orgs and its sandboxes, and hands in those that are wanted, page by page.
    pub(super) async fn discover(
        &self,
        client: &Client,
        clock: &Clock,
        (instance, sweep): (Id, u64),
        pages: &mpsc::Sender<FoundPage>,
    ) -> Discovered {
        let (asked_at, now) = (clock.uptime(), clock.now());
        let itself = match client.instance(instance).await {
            Ok(found) => {
                let found = vec![of_instance(instance, &found, now)];
                // Fails only when the poller is gone, and then nobody waits for the outcome either.
                let _ = pages.send(FoundPage { sweep, asked_at, found }).await;
                Ok(())
            }
            // The lists would come to the same: spare Losant the requests, and whoever is on call the time until that is known.
            Err(
                error
                @ (Error::Unauthorized { .. } | Error::Unavailable { reason: Unavailable::Connect, .. }),
            ) => {
                let (orgs, sandboxes) = (Err(error.clone()), Err(error.clone()));
                return Discovered { sweep, instance: Err(error), orgs, sandboxes };
            }
            Err(error) => Err(error),
        };
        Discovered {
            sweep,
            instance: itself,
            orgs: self.orgs(client, instance, sweep, pages).await,
            sandboxes: self.sandboxes(client, instance, sweep, pages).await,
        }
    }

    async fn orgs(
        &self,
        client: &Client,
        instance: Id,
        sweep: u64,
        pages: &mpsc::Sender<FoundPage>,
    ) -> Result<Walked, Error> {
        let begin = |fields: &[&'static str]| client.walk_orgs(instance, fields);
        let (mut walk, mut next) = first_page(begin, &resources::org_summary_fields()).await?;
        let mut sieve = Sieve::new(self, Level::Org);
        while let Some(page) = next {
            let wanted = page.items.iter().filter(|org| {
                let tags: Vec<_> =
                    org.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
                let names: Vec<_> = org.name.as_deref().into_iter().collect();
                sieve.keeps(&Candidate { id: org.id, names: &names, tags: &tags })
            });
            let found = wanted.map(|org| of_org(instance, org, page.at)).collect();
            let _ = pages.send(FoundPage { sweep, asked_at: page.asked_at, found }).await;
            next = walk.next().await?;
        }
        Ok(sieve.walked(walk.is_complete(), walk.requests()))
    }

    async fn sandboxes(
        &self,
        client: &Client,
        instance: Id,
        sweep: u64,
        pages: &mpsc::Sender<FoundPage>,
    ) -> Result<Walked, Error> {
        let begin = |fields: &[&'static str]| client.walk_sandboxes(instance, fields);
        let (mut walk, mut next) = first_page(begin, &resources::sandbox_summary_fields()).await?;
        let mut sieve = Sieve::new(self, Level::Sandbox);
        while let Some(page) = next {
            let wanted = page.items.iter().filter(|user| {
                let names = [&user.email, &user.full_name];
                let names: Vec<_> = names.into_iter().filter_map(Option::as_deref).collect();
                sieve.keeps(&Candidate { id: user.id, names: &names, tags: &[] })
            });
            let found = wanted.map(|user| of_sandbox(instance, user, self.emails, page.at)).collect();
            let _ = pages.send(FoundPage { sweep, asked_at: page.asked_at, found }).await;
            next = walk.next().await?;
        }
        Ok(sieve.walked(walk.is_complete(), walk.requests()))
    }
}

/// Begins a list, with its first page. Nothing public says which names of summary fields Losant accepts, and when all of
/// them are refused for the sake of one, a list without is better than none.
async fn first_page<P: Pages>(
    begin: impl Fn(&[&'static str]) -> ListWalk<P>,
    fields: &[&'static str],
) -> Result<(ListWalk<P>, Option<ListedPage<P::Item>>), Error> {
    let mut walk = begin(fields);
    match walk.next().await {
        Err(Error::Rejected { .. }) => {
            let mut walk = begin(&[]);
            let first = walk.next().await?;
            Ok((walk, first))
        }
        first => Ok((walk, first?)),
    }
}

/// Lets through whom this process is about, and counts the others.
struct Sieve {
    level: Level,
    shard: Shard,
    walked: Walked,
}

impl Sieve {
    fn new(discovery: &Discovery, level: Level) -> Self {
        let tally = discovery.selection.tally();
        let walked = Walked { complete: false, listed: 0, excluded: 0, requests: 0, tally };
        Self { level, shard: discovery.shard, walked }
    }

    fn keeps(&mut self, candidate: &Candidate<'_>) -> bool {
        self.walked.listed += 1;
        let wanted = self.walked.tally.look_at(self.level, candidate);
        // Of several shards each counts its own.
        let own = self.shard.owns(&candidate.id);
        self.walked.excluded += usize::from(own && !wanted);
        own && wanted
    }

    fn walked(self, complete: bool, requests: u32) -> Walked {
        Walked { complete, requests, ..self.walked }
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
            let found = match client.org(instance, org, &resources::org_summary_fields()).await {
                Err(Error::Rejected { .. }) => client.org(instance, org, &[]).await?,
                found => found?,
            };
            Ok(of_org(instance, &found, now))
        }
        Scope::Sandbox { instance, sandbox } => {
            let fields = resources::sandbox_summary_fields();
            let found = match client.sandbox(instance, sandbox, &fields).await {
                Err(Error::Rejected { .. }) => client.sandbox(instance, sandbox, &[]).await?,
                found => found?,
            };
            Ok(of_sandbox(instance, &found, emails, now))
        }
    }
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
    Found { period, reading, ..Found::nothing(Scope::Instance { instance }, now) }
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
    let scope = Scope::Org { instance, org: found.id };
    with_summary(Found { period, reading, ..Found::nothing(scope, now) }, found.summary.as_ref())
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
    let scope = Scope::Sandbox { instance, sandbox: found.id };
    with_summary(Found { period, reading, ..Found::nothing(scope, now) }, found.summary.as_ref())
}

fn with_summary(found: Found, summary: Option<&wire::Summary>) -> Found {
    Found {
        devices: summary.and_then(|summary| summary.counts.get("deviceCount").copied()),
        figures: Figures::of(found.period, summary),
        payloads: summary.and_then(|summary| summary.payloads.clone()),
        ..found
    }
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
