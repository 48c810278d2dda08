//! Lists.

use std::fmt;
use std::hash::Hash;

use serde_json::Value;

use super::fields::{Fields, Unexpected};
use super::org::Org;
use crate::usage::Id;

/// One page of a list. Lists by page say `page` and `total_count`, lists by cursor say `has_more`.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items that could be read.
    pub items: Vec<T>,
    /// The items that could not: one spoilt item must not hide the others.
    pub skipped: Vec<Skipped>,
    /// The page size that the server used (`perPage`, `limit`); maybe not the one asked for.
    pub size: Option<u64>,
    /// The number of this page, from zero.
    pub page: Option<u64>,
    /// How many items the whole list has.
    pub total_count: Option<u64>,
    /// Whether there are more items after this page.
    pub has_more: Option<bool>,
    /// The last id on the page, to go on from.
    pub last_id: Option<Id>,
}

/// An item that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where on the page, from zero.
    pub position: usize,
    /// What is wrong with it.
    pub problem: Unexpected,
}

/// Something that is listed once.
pub trait Listed {
    /// What tells it from the others.
    type Key: Eq + Hash + fmt::Debug + Send + Sync;

    /// Its key.
    fn key(&self) -> Self::Key;
}

impl Page<Org> {
    /// Reads the body of an answer to `instanceOrgs.get`. An error says which field is not as the API describes it.
    pub fn read(body: &[u8]) -> Result<Self, Unexpected> {
        let value = serde_json::from_slice(body).map_err(|error| Unexpected::new(error.to_string()))?;
        Self::decode(&value, Org::decode)
    }
}

impl<T> Page<T> {
    /// Reads a page of what `item` reads one of.
    pub fn decode(
        value: &Value,
        item: impl Fn(&Value, Option<Id>) -> Result<T, Unexpected>,
    ) -> Result<Self, Unexpected> {
        let fields = Fields::of(value)?;
        let list = fields.list("items")?.ok_or_else(|| Unexpected::new("missing").within("items"))?;
        let mut page = Self {
            items: Vec::with_capacity(list.len()),
            skipped: Vec::new(),
            size: match fields.whole("perPage")? {
                None => fields.whole("limit")?,
                size => size,
            },
            page: fields.whole("page")?,
            total_count: fields.whole("totalCount")?,
            has_more: fields.flag("hasMore")?,
            last_id: list.iter().rev().find_map(|item| Fields::of(item).ok()?.id("id").ok()?),
        };
        for (position, value) in list.iter().enumerate() {
            match item(value, None) {
                Ok(item) => page.items.push(item),
                Err(problem) => page.skipped.push(Skipped { position, problem }),
            }
        }
        Ok(page)
    }

    /// How many items came, readable or not.
    pub(in crate::losant) fn len(&self) -> usize {
        self.items.len() + self.skipped.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losant::wire::{Instance, Org};
    use serde_json::json;

    fn id(digit: &str) -> String {
        digit.repeat(24)
    }

    #[test]
    fn a_spoilt_item_is_skipped_and_the_others_are_read() {
        let body = json!({ "count": 4, "totalCount": 9, "page": 2, "perPage": 4, "sortField": "id", "items": [
            { "id": id("a"), "name": "A" },
            { "id": "nonsense" },
            { "id": id("b"), "summary": { "deviceCount": -1 } },
            { "id": id("c"), "tags": [] },
            "nonsense",
        ]});
        let page = Page::decode(&body, Org::decode).unwrap();
        assert_eq!(page.items.iter().map(|org| org.id.to_string()).collect::<Vec<_>>(), [id("a"), id("c")]);
        let skipped: Vec<_> =
            page.skipped.iter().map(|item| (item.position, item.problem.to_string())).collect();
        assert_eq!(
            skipped,
            [
                (1, "id: not an id of 24 hexadecimal digits".to_owned()),
                (2, "summary.deviceCount: expected a count, found -1".to_owned()),
                (4, "expected an object, found a text".to_owned()),
            ]
        );
        assert_eq!((page.size, page.page, page.total_count, page.len()), (Some(4), Some(2), Some(9), 5));
        assert_eq!(page.last_id.unwrap().to_string(), id("c"));
    }

    #[test]
    fn the_envelope_may_be_bare_but_not_without_items() {
        let page = Page::decode(&json!({ "items": [] }), Instance::decode).unwrap();
        assert_eq!((page.size, page.page, page.total_count, page.has_more), (None, None, None, None));
        let page = Page::decode(&json!({ "items": [], "limit": 100, "hasMore": false }), Instance::decode);
        assert_eq!(page.map(|page| (page.size, page.has_more)), Ok((Some(100), Some(false))));
        assert!(Page::decode(&json!({}), Instance::decode).is_err());
        assert!(Page::decode(&json!([]), Instance::decode).is_err());
    }
}
