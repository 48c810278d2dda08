//! Whom the page before told of: whoever is on one page is on the next as well, unless there is a reason.
//!
//! Owns: what was claimed last of each scope and collector, and which reasons there are to claim nothing any more.
//! Must not: judge a number.

use std::collections::HashMap;

use jiff::Timestamp;
use losant_exporter::simulator::ObjectId;

use super::judge::{Bounds, Circumstances};

/// A scope and a collector.
pub type Part = (ObjectId, &'static str);

/// What the page before claimed.
#[derive(Debug, Default)]
pub struct Memory {
    /// When that page was asked for, and when it had come.
    scraped: Option<(Timestamp, Timestamp)>,
    claims: HashMap<Part, Timestamp>,
}

impl Memory {
    /// Takes in what a page claims. `missing` are the parts of those who were there all the time that it claims nothing of.
    /// Returns which of these it should have, with the claim of the page before.
    pub fn take(
        &mut self,
        claims: HashMap<Part, Timestamp>,
        missing: &[Part],
        bounds: &Bounds,
        around: &Circumstances<'_>,
    ) -> Vec<(Part, Timestamp)> {
        let (asked_for, came) = around.scraped;
        // Of two pages that were on their way at the same time, either may be the older one.
        if self.scraped.is_some_and(|(_, before)| asked_for < before) {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.claims, claims);
        let Some((seen, _)) = self.scraped.replace(around.scraped) else { return Vec::new() };
        // Whoever is not on a list that was not whole, and is not to be found either, counts as gone until the next list.
        let said_to_be_gone = around.not_found.is_some_and(|until| until >= seen - bounds.page_age);
        if said_to_be_gone {
            return Vec::new();
        }
        let vanished = missing.iter().filter_map(|part| {
            let at = *before.get(part)?;
            let is_young = came.duration_since(at) < bounds.expire_after;
            let was_wanted = around.wanted_since.get(&part.0).is_none_or(|since| at > *since);
            (is_young && was_wanted).then_some((*part, at))
        });
        vanished.collect()
    }
}
