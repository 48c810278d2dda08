//! Whole lists, and lists page by page.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::walk::{Place, Walk};
use super::wire::{HistoricalSummary, Instance, Listed, Org, Page, ResourceType, Sandbox};
use super::{Action, Call, Client, Error, OrgsPage, SandboxesPage, SummaryFilter};
use crate::usage::Id;

/// All items of a list, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether these are all there are. If not, an item that is missing may still exist.
    pub complete: bool,
    /// How many items could not be read.
    pub skipped: usize,
}

/// One page of a list on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedPage<T> {
    /// The items that did not come before.
    pub items: Vec<T>,
    /// When the page was asked for, as uptime of the client's clock: before the first attempt, so that nothing on the page
    /// can be older.
    pub asked_at: Duration,
    /// The same moment on the wall clock, UTC.
    pub at: Timestamp,
    /// How many items the whole list has, if Losant says so.
    pub total: Option<u64>,
}

/// What a list is made of, and how a page of it is asked for.
pub trait Pages {
    /// What is listed.
    type Item: Listed + fmt::Debug;

    /// What is asked.
    fn call(&self) -> Call;

    /// Asks for the page at `place`.
    fn read(
        &self,
        client: &Client,
        place: Place,
    ) -> impl Future<Output = Result<Page<Self::Item>, Error>> + Send;
}

/// A list that is asked for page by page, by whoever wants each page as soon as it comes.
#[derive(Debug)]
pub struct ListWalk<P: Pages> {
    client: Client,
    pages: P,
    walk: Walk<P::Item>,
    requests: u32,
}

/// The orgs of an instance, page by page.
pub type OrgWalk<'a> = ListWalk<OrgPages<'a>>;

/// The sandboxes of an instance, page by page.
pub type SandboxWalk<'a> = ListWalk<SandboxPages<'a>>;

/// The historical summaries of an instance, page by page.
pub type SummaryWalk = ListWalk<SummaryPages>;

impl<P: Pages> ListWalk<P> {
    fn new(client: &Client, pages: P) -> Self {
        let walk = Walk::new(pages.call().action.paging(), client.page_size());
        Self { client: client.clone(), pages, walk, requests: 0 }
    }

    /// Asks for the next page; `None` after the last one.
    ///
    /// After a failure to get the page, the same page is asked for again. After an answer that makes no sense as a page
    /// of the list ([`Error::Malformed`]) the walk may be over, and is then not complete.
    pub async fn next(&mut self) -> Result<Option<ListedPage<P::Item>>, Error> {
        let Some(place) = self.walk.next() else { return Ok(None) };
        let (asked_at, at) = (self.client.clock().uptime(), self.client.clock().now());
        self.requests = self.requests.saturating_add(1);
        let page = self.pages.read(&self.client, place).await?;
        let total = page.total_count;
        let items = self.walk.add(page).map_err(|problem| Error::malformed(self.pages.call(), &problem))?;
        Ok(Some(ListedPage { items, asked_at, at, total }))
    }

    /// Whether the end was reached and all items there are have come. If not, one that is missing may still exist.
    pub fn is_complete(&self) -> bool {
        self.walk.is_complete()
    }

    /// How many items could not be read so far.
    pub fn skipped(&self) -> usize {
        self.walk.skipped()
    }

    /// How many pages have been asked for so far.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Walks to the end.
    pub(super) async fn collect(mut self) -> Result<Listing<P::Item>, Error> {
        let mut items = Vec::new();
        while let Some(page) = self.next().await? {
            items.extend(page.items);
        }
        Ok(Listing { items, complete: self.is_complete(), skipped: self.skipped() })
    }
}

impl Client {
    /// The orgs of an instance page by page, with these fields of `summary`.
    pub fn walk_orgs<'a>(&self, instance: Id, summary_include: &[&'a str]) -> OrgWalk<'a> {
        ListWalk::new(self, OrgPages { instance, summary_include: summary_include.to_vec() })
    }

    /// The sandboxes of an instance page by page, with these fields of `summary`.
    pub fn walk_sandboxes<'a>(&self, instance: Id, summary_include: &[&'a str]) -> SandboxWalk<'a> {
        ListWalk::new(self, SandboxPages { instance, summary_include: summary_include.to_vec() })
    }

    /// All instances that the token can see.
    pub async fn all_instances(&self) -> Result<Listing<Instance>, Error> {
        ListWalk::new(self, InstancePages).collect().await
    }

    /// The historical summaries of an instance for the month that `month` lies in, of resources of one type, page by page.
    pub fn walk_historical_summaries(
        &self,
        instance: Id,
        month: Timestamp,
        resource_type: ResourceType,
    ) -> SummaryWalk {
        let filter = SummaryFilter { resource_type: Some(resource_type) };
        ListWalk::new(self, SummaryPages { instance, month, filter })
    }
}

/// Pages of the orgs of an instance.
#[derive(Clone, Debug)]
pub struct OrgPages<'a> {
    instance: Id,
    summary_include: Vec<&'a str>,
}

impl Pages for OrgPages<'_> {
    type Item = Org;

    fn call(&self) -> Call {
        Call::of_instance(Action::InstanceOrgsGet, self.instance)
    }

    async fn read(&self, client: &Client, place: Place) -> Result<Page<Org>, Error> {
        let (page, per_page) = (place.number(), client.page_size());
        let summary_include = &self.summary_include;
        client.orgs(self.instance, OrgsPage { page, per_page, summary_include }).await
    }
}

/// Pages of the sandboxes of an instance.
#[derive(Clone, Debug)]
pub struct SandboxPages<'a> {
    instance: Id,
    summary_include: Vec<&'a str>,
}

impl Pages for SandboxPages<'_> {
    type Item = Sandbox;

    fn call(&self) -> Call {
        Call::of_instance(Action::InstanceSandboxesGet, self.instance)
    }

    async fn read(&self, client: &Client, place: Place) -> Result<Page<Sandbox>, Error> {
        let (limit, starting_after) = (client.page_size(), place.cursor());
        let summary_include = &self.summary_include;
        client.sandboxes(self.instance, SandboxesPage { limit, starting_after, summary_include }).await
    }
}

#[derive(Debug)]
struct InstancePages;

impl Pages for InstancePages {
    type Item = Instance;

    fn call(&self) -> Call {
        Call::list_instances()
    }

    async fn read(&self, client: &Client, place: Place) -> Result<Page<Instance>, Error> {
        client.instances(place.number()).await
    }
}

/// Pages of the historical summaries of an instance.
#[derive(Clone, Debug)]
pub struct SummaryPages {
    instance: Id,
    month: Timestamp,
    filter: SummaryFilter,
}

impl Pages for SummaryPages {
    type Item = HistoricalSummary;

    fn call(&self) -> Call {
        Call::of_instance(Action::InstanceHistoricalSummaries, self.instance)
    }

    async fn read(&self, client: &Client, place: Place) -> Result<Page<HistoricalSummary>, Error> {
        client.historical_summaries(self.instance, self.month, &self.filter, place.number()).await
    }
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
