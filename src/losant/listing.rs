//! Whole lists, page after page.
//!
//! A list tells what exists, and what is missing from it may be taken for deleted. So a list knows whether it is whole, and
//! a server that goes round in circles is an error.

use std::collections::HashSet;

use super::wire::{HistoricalSummary, Instance, Listed, Org, Page, ResourceType, Sandbox};
use jiff::Timestamp;

use super::{Action, Call, Client, Error, OrgsPage, SandboxesPage, SummaryFilter};
use crate::usage::Id;

/// More pages than any instance has: a million owners at the usual page size.
pub(super) const MOST_PAGES: u32 = 10_000;

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

impl Client {
    /// All instances that the token can see.
    pub async fn all_instances(&self) -> Result<Listing<Instance>, Error> {
        let mut walk = Walk::new(self.page_size());
        for number in 0..MOST_PAGES {
            let page = self.instances(number).await?;
            if walk.add_numbered(page, number).map_err(|problem| endless(Call::list_instances(), &problem))? {
                return Ok(walk.finish());
            }
        }
        Err(endless(Call::list_instances(), &"too many pages"))
    }

    /// All orgs of an instance.
    pub async fn all_orgs(&self, instance: Id, summary_include: &[&str]) -> Result<Listing<Org>, Error> {
        let call = Call::of_instance(Action::InstanceOrgsGet, instance);
        let per_page = self.page_size();
        let mut walk = Walk::new(per_page);
        for page in 0..MOST_PAGES {
            let read = self.orgs(instance, OrgsPage { page, per_page, summary_include }).await?;
            if walk.add_numbered(read, page).map_err(|problem| endless(call, &problem))? {
                return Ok(walk.finish());
            }
        }
        Err(endless(call, &"too many pages"))
    }

    /// All sandboxes of an instance.
    pub async fn all_sandboxes(
        &self,
        instance: Id,
        summary_include: &[&str],
    ) -> Result<Listing<Sandbox>, Error> {
        let call = Call::of_instance(Action::InstanceSandboxesGet, instance);
        let limit = self.page_size();
        let mut walk = Walk::new(limit);
        let mut starting_after = None;
        for _ in 0..MOST_PAGES {
            let page =
                self.sandboxes(instance, SandboxesPage { limit, starting_after, summary_include }).await?;
            starting_after =
                walk.add_after(page, starting_after).map_err(|problem| endless(call, &problem))?;
            if starting_after.is_none() {
                return Ok(walk.finish());
            }
        }
        Err(endless(call, &"too many pages"))
    }

    /// All historical summaries of an instance for the month that `month` lies in, of resources of one type.
    pub async fn all_historical_summaries(
        &self,
        instance: Id,
        month: Timestamp,
        resource_type: ResourceType,
    ) -> Result<Listing<HistoricalSummary>, Error> {
        let call = Call::of_instance(Action::InstanceHistoricalSummaries, instance);
        let filter = SummaryFilter { resource_type: Some(resource_type) };
        let mut walk = Walk::new(self.page_size());
        for number in 0..MOST_PAGES {
            let page = self.historical_summaries(instance, month, &filter, number).await?;
            if walk.add_numbered(page, number).map_err(|problem| endless(call, &problem))? {
                return Ok(walk.finish());
            }
        }
        Err(endless(call, &"too many pages"))
    }
}

fn endless(call: Call, problem: &impl std::fmt::Display) -> Error {
    Error::malformed(call, problem)
}

/// A list on the way.
struct Walk<T: Listed> {
    items: Vec<T>,
    seen: HashSet<T::Key>,
    cursors: HashSet<Id>,
    /// Items that came, readable or not, repeated or not.
    received: u64,
    skipped: usize,
    pages: u32,
    asked_size: u64,
    total: Option<u64>,
    complete: bool,
}

impl<T: Listed> Walk<T> {
    fn new(asked_size: u32) -> Self {
        Self {
            items: Vec::new(),
            seen: HashSet::new(),
            cursors: HashSet::new(),
            received: 0,
            skipped: 0,
            pages: 0,
            asked_size: u64::from(asked_size),
            total: None,
            complete: true,
        }
    }

    /// Adds page `number`; says whether it was the last.
    fn add_numbered(&mut self, page: Page<T>, number: u32) -> Result<bool, String> {
        let number = u64::from(number);
        if let Some(echo) = page.page
            && echo != number
        {
            return Err(format!("asked for page {number}, got page {echo}"));
        }
        if self.pages > 0 && page.total_count != self.total {
            // Something came or went while we read, and an item may have slipped from a page to come to a page we had.
            self.complete = false;
        }
        self.total = page.total_count;
        let size = page.size.filter(|size| *size > 0);
        let came = self.take(page)?;
        let last = match (self.total, size) {
            _ if came == 0 => true,
            (Some(total), Some(size)) => number.saturating_mul(size).saturating_add(came) >= total,
            (Some(total), None) => self.received >= total,
            (None, size) => came < size.unwrap_or(self.asked_size),
        };
        if last {
            self.complete &= match self.total {
                Some(total) => self.items.len() as u64 >= total,
                // Without a total nothing tells whether the list moved between two pages.
                None => self.pages == 1,
            };
        }
        Ok(last)
    }

    /// Adds the page after `cursor`; says where to go on, if there is more.
    fn add_after(&mut self, page: Page<T>, cursor: Option<Id>) -> Result<Option<Id>, String> {
        let (has_more, size, last_id) = (page.has_more, page.size.filter(|size| *size > 0), page.last_id);
        let came = self.take(page)?;
        if came == 0 {
            self.complete &= has_more != Some(true);
            return Ok(None);
        }
        if !has_more.unwrap_or(came >= size.unwrap_or(self.asked_size)) {
            return Ok(None);
        }
        let next = last_id.ok_or("a page with more to come, and no id to go on from")?;
        self.cursors.extend(cursor);
        if self.cursors.contains(&next) {
            return Err(format!("the page after {next} leads back to it"));
        }
        Ok(Some(next))
    }

    /// Takes the items that are new; says how many came.
    fn take(&mut self, page: Page<T>) -> Result<u64, String> {
        let came = page.len() as u64;
        let known = self.items.len();
        let skipped = page.skipped.len();
        self.items.extend(page.items.into_iter().filter(|item| self.seen.insert(item.key())));
        if came > 0 && skipped == 0 && self.items.len() == known {
            return Err("a page repeats what came before".to_owned());
        }
        self.skipped += skipped;
        self.complete &= skipped == 0;
        self.received += came;
        self.pages += 1;
        Ok(came)
    }

    fn finish(self) -> Listing<T> {
        Listing { items: self.items, complete: self.complete, skipped: self.skipped }
    }
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
