//! What can be read, one function for each action.
//!
//! All of them come back with the errors that [`Error`] lists; throttling and passing trouble have been retried before.

use jiff::Timestamp;

use super::wire::{
    DeviceDay, HistoricalSummary, Instance, NotebookDay, Org, Page, PayloadBucket, PayloadStats,
    ResourceType, Sandbox, Series, payload_stats,
};
use super::{Action, Call, Client, Count, Error};
use crate::usage::{Id, Scope};

/// Which page of the orgs of an instance.
#[derive(Clone, Copy, Debug)]
pub struct OrgsPage<'a> {
    /// The page, from zero.
    pub page: u32,
    /// How many orgs to a page. The server may give fewer, and says so.
    pub per_page: u32,
    /// The fields of `summary` to compute; others are not reported.
    pub summary_include: &'a [&'a str],
}

/// Which part of the sandboxes of an instance.
#[derive(Clone, Copy, Debug)]
pub struct SandboxesPage<'a> {
    /// How many sandboxes. The server may give fewer, and says so.
    pub limit: u32,
    /// Begin after this one.
    pub starting_after: Option<Id>,
    /// The fields of `summary` to compute; others are not reported.
    pub summary_include: &'a [&'a str],
}

/// Which historical summaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryFilter {
    /// Those of resources of this type; `None` for all.
    pub resource_type: Option<ResourceType>,
}

/// What payload counts count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Payloads.
    Payloads,
    /// Their bytes.
    Bytes,
}

/// How wide the buckets of a breakdown are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// UTC hours.
    Hour,
    /// UTC days.
    Day,
}

/// Which payloads a breakdown counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Billing {
    /// Those that count against the limit.
    BillableOnly,
    /// All of them.
    All,
}

type Query = Vec<(&'static str, String)>;

impl Client {
    /// A page of the instances that the token can see. Instance tokens cannot list: configure the id instead.
    pub async fn instances(&self, page: u32) -> Result<Page<Instance>, Error> {
        let mut query = by_id();
        query.extend([("page", page.to_string()), ("perPage", self.page_size().to_string())]);
        let call = Call::list_instances();
        let page = self.read(call, &query, |body| Page::decode(body, Instance::decode)).await?;
        Ok(report_skipped(call, page))
    }

    /// An instance.
    pub async fn instance(&self, instance: Id) -> Result<Instance, Error> {
        let call = Call::of_instance(Action::InstanceGet, instance);
        self.read(call, &[], |body| Instance::decode(body, Some(instance))).await
    }

    /// A page of the orgs of an instance, by id.
    pub async fn orgs(&self, instance: Id, page: OrgsPage<'_>) -> Result<Page<Org>, Error> {
        let mut query = by_id();
        query.extend([("page", page.page.to_string()), ("perPage", page.per_page.to_string())]);
        query.extend(including(page.summary_include));
        let call = Call::of_instance(Action::InstanceOrgsGet, instance);
        let page = self.read(call, &query, |body| Page::decode(body, Org::decode)).await?;
        Ok(report_skipped(call, page))
    }

    /// An org.
    pub async fn org(&self, instance: Id, org: Id, summary_include: &[&str]) -> Result<Org, Error> {
        let call = Call::of(Action::InstanceOrgGet, Scope::Org { instance, org });
        let query: Query = including(summary_include).collect();
        self.read(call, &query, |body| Org::decode(body, Some(org))).await
    }

    /// A part of the sandboxes of an instance, by id. Users marked for deletion are not among them.
    pub async fn sandboxes(&self, instance: Id, page: SandboxesPage<'_>) -> Result<Page<Sandbox>, Error> {
        let mut query = by_id();
        query.push(("limit", page.limit.to_string()));
        query.extend(page.starting_after.map(|id| ("startingAfterId", id.to_string())));
        query.extend(including(page.summary_include));
        let call = Call::of_instance(Action::InstanceSandboxesGet, instance);
        let page = self.read(call, &query, |body| Page::decode(body, Sandbox::decode)).await?;
        Ok(report_skipped(call, page))
    }

    /// A sandbox.
    pub async fn sandbox(
        &self,
        instance: Id,
        sandbox: Id,
        summary_include: &[&str],
    ) -> Result<Sandbox, Error> {
        let call = Call::of(Action::InstanceSandboxGet, Scope::Sandbox { instance, sandbox });
        let query: Query = including(summary_include).collect();
        self.read(call, &query, |body| Sandbox::decode(body, Some(sandbox))).await
    }

    /// Payloads, or their bytes, by type and source from `start` to `end`. Billable or not is not told apart.
    pub async fn payload_counts(
        &self,
        scope: Scope,
        start: Timestamp,
        end: Timestamp,
        unit: Unit,
    ) -> Result<PayloadStats, Error> {
        let mut query = range(start, end);
        query.push(("asBytes", (unit == Unit::Bytes).to_string()));
        self.read(count_of(scope, Count::Payloads), &query, payload_stats).await
    }

    /// Payloads, or their bytes, by hour or day from `start` to `end`.
    pub async fn payload_counts_breakdown(
        &self,
        scope: Scope,
        start: Timestamp,
        end: Timestamp,
        resolution: Resolution,
        unit: Unit,
        billing: Billing,
    ) -> Result<Series<PayloadBucket>, Error> {
        let width = match resolution {
            Resolution::Hour => "3600000",
            Resolution::Day => "86400000",
        };
        let mut query = range(start, end);
        query.extend([
            ("resolution", width.to_owned()),
            ("asBytes", (unit == Unit::Bytes).to_string()),
            ("includeNonBillable", (billing == Billing::All).to_string()),
        ]);
        self.read(count_of(scope, Count::PayloadsBreakdown), &query, Series::payloads).await
    }

    /// Devices by day from `start` to `end`.
    pub async fn device_counts(
        &self,
        scope: Scope,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Series<DeviceDay>, Error> {
        self.read(count_of(scope, Count::Devices), &range(start, end), Series::devices).await
    }

    /// Notebook runs and minutes by day from `start` to `end`.
    pub async fn notebook_minute_counts(
        &self,
        scope: Scope,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Series<NotebookDay>, Error> {
        self.read(count_of(scope, Count::NotebookMinutes), &range(start, end), Series::notebooks).await
    }

    /// A page of what each org or application had and used in the month that `month` lies in, by id.
    pub async fn historical_summaries(
        &self,
        instance: Id,
        month: Timestamp,
        filter: &SummaryFilter,
        page: u32,
    ) -> Result<Page<HistoricalSummary>, Error> {
        let SummaryFilter { resource_type } = filter;
        let mut query = vec![
            ("month", month.as_millisecond().to_string()),
            ("sortField", "resourceId".to_owned()),
            ("sortDirection", "asc".to_owned()),
            ("page", page.to_string()),
            ("perPage", self.page_size().to_string()),
        ];
        if let Some(resource_type) = resource_type {
            query.push(("filterField", "resourceType".to_owned()));
            query.push(("filter", resource_type.as_str().to_owned()));
        }
        let call = Call::of_instance(Action::InstanceHistoricalSummaries, instance);
        let page =
            self.read(call, &query, |body| Page::decode(body, |item, _| HistoricalSummary::decode(item)));
        Ok(report_skipped(call, page.await?))
    }
}

fn count_of(scope: Scope, count: Count) -> Call {
    Call::of(Action::count(scope.level(), count), scope)
}

/// Both ends, always, and absolute: what Losant takes for a default is not documented.
fn range(start: Timestamp, end: Timestamp) -> Query {
    vec![("start", start.as_millisecond().to_string()), ("end", end.as_millisecond().to_string())]
}

/// By id, pages shift as little as they can: a new owner gets an id after all others.
fn by_id() -> Query {
    vec![("sortField", "id".to_owned()), ("sortDirection", "asc".to_owned())]
}

fn including(fields: &[&str]) -> impl Iterator<Item = (&'static str, String)> + use<> {
    (!fields.is_empty()).then(|| ("summaryInclude", fields.join(","))).into_iter()
}

fn report_skipped<T>(call: Call, page: Page<T>) -> Page<T> {
    for skipped in &page.skipped {
        let (page, position) = (page.page, skipped.position);
        tracing::warn!(%call, page, position, problem = %skipped.problem, "skipped an item that makes no sense");
    }
    page
}
