//! The way through a list, page after page, without asking anybody.
//!
//! A list tells what exists, and what is missing from it may be taken for deleted. So a walk knows whether it has seen the
//! whole list, and a server that goes round in circles is an error.

use std::collections::HashSet;

use super::Paging;
use super::wire::{Listed, Page};
use crate::usage::Id;

/// More pages than any instance has: a million owners at the usual page size.
pub(super) const MOST_PAGES: u32 = 10_000;

/// Where a page is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the page of this number, from zero.
    Number(u32),
    /// It begins after this id, or is the first.
    After(Option<Id>),
}

impl Place {
    /// The number of the page; the first for a list that does not count pages.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::After(_) => 0,
        }
    }

    /// The id that the page begins after; none for a list that counts pages.
    pub(super) fn cursor(self) -> Option<Id> {
        match self {
            Self::Number(_) => None,
            Self::After(cursor) => cursor,
        }
    }
}

/// A walk through a list of `T`.
#[derive(Debug)]
pub(super) struct Walk<T: Listed> {
    next: Option<Place>,
    seen: HashSet<T::Key>,
    cursors: HashSet<Id>,
    /// Items that came, readable or not, repeated or not.
    received: u64,
    skipped: usize,
    pages: u32,
    asked_size: u64,
    total: Option<u64>,
    unbroken: bool,
}

impl<T: Listed> Walk<T> {
    /// A walk from the beginning of a list that is paged in this way, `asked_size` items at a time.
    pub(super) fn new(paging: Paging, asked_size: u32) -> Self {
        Self {
            next: match paging {
                Paging::ByCursor => Some(Place::After(None)),
                Paging::ByPage | Paging::None => Some(Place::Number(0)),
            },
            seen: HashSet::new(),
            cursors: HashSet::new(),
            received: 0,
            skipped: 0,
            pages: 0,
            asked_size: u64::from(asked_size),
            total: None,
            unbroken: true,
        }
    }

    /// Where the next page is; `None` at the end.
    pub(super) fn next(&self) -> Option<Place> {
        self.next
    }

    /// Whether the end was reached and every item that exists was seen. If not, one that is missing may still exist.
    pub(super) fn is_complete(&self) -> bool {
        self.next.is_none() && self.unbroken
    }

    /// How many items could not be read.
    pub(super) fn skipped(&self) -> usize {
        self.skipped
    }

    /// Adds the next page. Gives back its new items. A problem ends the walk.
    pub(super) fn add(&mut self, page: Page<T>) -> Result<Vec<T>, String> {
        let (place, items) = match self.next.take() {
            Some(Place::Number(number)) => self.add_numbered(page, number),
            Some(Place::After(cursor)) => self.add_after(page, cursor),
            None => return Ok(Vec::new()),
        }
        .inspect_err(|_| self.unbroken = false)?;
        if place.is_some() && self.pages >= MOST_PAGES {
            self.unbroken = false;
            return Err("too many pages".to_owned());
        }
        self.next = place;
        Ok(items)
    }

    fn add_numbered(&mut self, page: Page<T>, number: u32) -> Result<(Option<Place>, Vec<T>), String> {
        let index = u64::from(number);
        if let Some(echo) = page.page
            && echo != index
        {
            return Err(format!("asked for page {number}, got page {echo}"));
        }
        if self.pages > 0 && page.total_count != self.total {
            // Something came or went while we read, and an item may have slipped from a page to come to a page we had.
            self.unbroken = false;
        }
        self.total = page.total_count;
        let size = page.size.filter(|size| *size > 0);
        let (came, items) = self.take(page)?;
        let last = match (self.total, size) {
            _ if came == 0 => true,
            (Some(total), Some(size)) => index.saturating_mul(size).saturating_add(came) >= total,
            (Some(total), None) => self.received >= total,
            (None, size) => came < size.unwrap_or(self.asked_size),
        };
        if last {
            self.unbroken &= match self.total {
                Some(total) => self.seen.len() as u64 >= total,
                // Without a total nothing tells whether the list moved between two pages.
                None => self.pages == 1,
            };
        }
        Ok(((!last).then(|| Place::Number(number.saturating_add(1))), items))
    }

    fn add_after(&mut self, page: Page<T>, cursor: Option<Id>) -> Result<(Option<Place>, Vec<T>), String> {
        let (has_more, size, last_id) = (page.has_more, page.size.filter(|size| *size > 0), page.last_id);
        let (came, items) = self.take(page)?;
        if came == 0 {
            self.unbroken &= has_more != Some(true);
            return Ok((None, items));
        }
        if !has_more.unwrap_or(came >= size.unwrap_or(self.asked_size)) {
            return Ok((None, items));
        }
        let next = last_id.ok_or("a page with more to come, and no id to go on from")?;
        self.cursors.extend(cursor);
        if self.cursors.contains(&next) {
            return Err(format!("the page after {next} leads back to it"));
        }
        Ok((Some(Place::After(Some(next))), items))
    }

    /// Takes the items that are new; says how many came in all.
    fn take(&mut self, page: Page<T>) -> Result<(u64, Vec<T>), String> {
        let came = page.len() as u64;
        let skipped = page.skipped.len();
        let mut items = page.items;
        items.retain(|item| self.seen.insert(item.key()));
        if came > 0 && skipped == 0 && items.is_empty() {
            return Err("a page repeats what came before".to_owned());
        }
        self.skipped += skipped;
        self.unbroken &= skipped == 0;
        self.received += came;
        self.pages += 1;
        Ok((came, items))
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
