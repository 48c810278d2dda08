use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn id(number: u64) -> Id {
    format!("{number:024x}").parse().unwrap()
}

/// A server with a list that changes between requests, and that holds pages down to its own maximum.
struct FakeServer {
    ids: BTreeSet<u64>,
    max_size: usize,
    says_total: bool,
    says_size: bool,
    says_has_more: bool,
}

impl FakeServer {
    fn of(ids: impl IntoIterator<Item = u64>, max_size: usize) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            max_size,
            says_total: true,
            says_size: true,
            says_has_more: true,
        }
    }

    fn numbered(&self, page: u32, asked: u32) -> Page<Instance> {
        let size = (asked as usize).min(self.max_size);
        let items = self.ids.iter().skip(page as usize * size).take(size);
        let mut body =
            json!({ "page": page, "items": items.map(|n| json!({ "id": id(*n) })).collect::<Vec<_>>() });
        if self.says_total {
            body["totalCount"] = json!(self.ids.len());
        }
        if self.says_size {
            body["perPage"] = json!(size);
        }
        Page::decode(&body, Instance::decode).unwrap()
    }

    fn after(&self, cursor: Option<Id>, asked: u32) -> Page<Instance> {
        let size = (asked as usize).min(self.max_size);
        let left: Vec<_> =
            self.ids.iter().map(|n| id(*n)).filter(|id| cursor.is_none_or(|c| *id > c)).collect();
        let items: Vec<_> = left.iter().take(size).map(|id| json!({ "id": id })).collect();
        let mut body = json!({ "items": items });
        if self.says_has_more {
            body["hasMore"] = json!(left.len() > size);
        }
        if self.says_size {
            body["limit"] = json!(size);
        }
        Page::decode(&body, Instance::decode).unwrap()
    }
}

/// Walks a list by page; `change` is made after each page. Returns the listing and the number of requests.
fn walk(
    server: &mut FakeServer,
    asked: u32,
    mut change: impl FnMut(&mut FakeServer, u32),
) -> Result<(Listing<Instance>, u32), String> {
    let mut walk = Walk::new(asked);
    for page in 0..1_000 {
        if walk.add_numbered(server.numbered(page, asked), page)? {
            return Ok((walk.finish(), page + 1));
        }
        change(server, page);
    }
    panic!("endless");
}

fn walk_cursor(
    server: &mut FakeServer,
    asked: u32,
    mut change: impl FnMut(&mut FakeServer, u32),
) -> (Listing<Instance>, u32) {
    let mut walk = Walk::new(asked);
    let mut cursor = None;
    for request in 0..1_000 {
        cursor = walk.add_after(server.after(cursor, asked), cursor).unwrap();
        if cursor.is_none() {
            return (walk.finish(), request + 1);
        }
        change(server, request);
    }
    panic!("endless");
}

fn page(body: &serde_json::Value) -> Page<Instance> {
    Page::decode(body, Instance::decode).unwrap()
}

proptest! {
    #[test]
    fn a_list_that_stands_still_is_read_whole_with_no_request_too_many(
        count in 0u64..300, max_size in 1usize..120, asked in 1u32..150, says_size: bool, says_has_more: bool,
    ) {
        let mut server = FakeServer { says_size, says_has_more, ..FakeServer::of(0..count, max_size) };
        let size = u64::try_from(max_size).unwrap().min(u64::from(asked));
        let (listing, requests) = walk(&mut server, asked, |_, _| ()).unwrap();
        prop_assert!(listing.complete);
        prop_assert_eq!(listing.items.len() as u64, count);
        prop_assert_eq!(u64::from(requests), count.div_ceil(size).max(1));
        if says_size || says_has_more || u64::from(asked) == size {
            let (listing, requests) = walk_cursor(&mut server, asked, |_, _| ());
            prop_assert!(listing.complete);
            prop_assert_eq!(listing.items.len() as u64, count);
            prop_assert!(u64::from(requests) <= count.div_ceil(size).max(1) + u64::from(!says_has_more));
        }
    }

    #[test]
    fn a_list_that_shrinks_or_grows_while_it_is_read_is_never_called_complete_with_an_item_missing(
        count in 1u64..200, size in 1u32..40,
        changes in proptest::collection::vec((any::<bool>(), 0u64..200), 0..20),
    ) {
        // At most one change between two pages: a deletion and an addition at once leave no trace.
        let mut changes = changes.into_iter();
        let mut always: BTreeSet<u64> = (0..count).collect();
        let mut server = FakeServer::of(0..count, 1_000);
        let mut moved = 0;
        let (listing, _) = walk(&mut server, size, |server, number| {
            if moved > 0 { return; }
            match changes.next() {
                Some((true, which)) if server.ids.remove(&which) => { always.remove(&which); moved += 1; }
                Some((false, _)) => { server.ids.insert(1_000 + u64::from(number)); moved += 1; }
                _ => {}
            }
        }).unwrap();
        let read: BTreeSet<Id> = listing.items.iter().map(|item| item.id).collect();
        prop_assert_eq!(read.len(), listing.items.len(), "an item twice");
        if listing.complete {
            for number in always {
                prop_assert!(read.contains(&id(number)), "{number} is missing");
            }
        }
    }

    #[test]
    fn a_cursor_misses_nobody_who_was_there_all_the_time(
        count in 1u64..200, size in 1u32..40,
        changes in proptest::collection::vec((any::<bool>(), 0u64..200), 0..20),
    ) {
        let mut changes = changes.into_iter();
        let mut always: BTreeSet<u64> = (0..count).collect();
        let mut server = FakeServer::of(0..count, 1_000);
        let (listing, _) = walk_cursor(&mut server, size, |server, number| match changes.next() {
            Some((true, which)) => { server.ids.remove(&which); always.remove(&which); }
            Some((false, _)) => { server.ids.insert(1_000 + u64::from(number)); }
            None => {}
        });
        prop_assert!(listing.complete);
        let read: BTreeSet<Id> = listing.items.iter().map(|item| item.id).collect();
        for number in always {
            prop_assert!(read.contains(&id(number)), "{number} is missing");
        }
    }

    #[test]
    fn no_answers_keep_a_walk_going_without_bringing_anything_new(
        pages in proptest::collection::vec((proptest::collection::vec(0u64..30, 0..6), any::<bool>()), 60),
    ) {
        let mut numbered = Walk::new(5);
        let mut cursor_walk = Walk::new(5);
        let (mut cursor, mut numbered_over, mut cursor_over) = (None, false, false);
        for (number, (ids, more)) in (0..).zip(&pages) {
            let items: Vec<_> = ids.iter().map(|n| json!({ "id": id(*n) })).collect();
            let body = json!({ "items": items, "totalCount": 1_000_000, "hasMore": more });
            numbered_over = numbered_over
                || numbered.add_numbered(page(&body), number).unwrap_or(true);
            if !cursor_over {
                match cursor_walk.add_after(page(&body), cursor) {
                    Ok(Some(next)) => cursor = Some(next),
                    _ => cursor_over = true,
                }
            }
        }
        // Thirty ids are there to be brought, so thirty pages at most can bring one.
        prop_assert!(numbered_over && cursor_over);
    }
}

#[test]
fn a_server_that_repeats_itself_is_an_error() {
    let body = json!({ "items": [{ "id": id(1) }, { "id": id(2) }], "totalCount": 9, "perPage": 2, "hasMore": true });
    let mut walk = Walk::new(2);
    assert_eq!(walk.add_numbered(page(&body), 0), Ok(false));
    assert_eq!(walk.add_numbered(page(&body), 1), Err("a page repeats what came before".to_owned()));

    let mut first = body.clone();
    first["page"] = json!(0);
    assert_eq!(Walk::new(2).add_numbered(page(&first), 1), Err("asked for page 1, got page 0".to_owned()));

    let mut walk = Walk::new(2);
    assert_eq!(walk.add_after(page(&body), None), Ok(Some(id(2))));
    let stuck = json!({ "items": [{ "id": id(3) }, { "id": id(2) }], "hasMore": true });
    assert!(walk.add_after(page(&stuck), Some(id(2))).is_err());
    let nowhere = json!({ "items": [{ "name": "no id" }], "hasMore": true });
    assert!(Walk::new(2).add_after(page(&nowhere), None).is_err());
}

#[test]
fn a_list_with_an_unreadable_item_is_not_complete() {
    let body = json!({ "items": [{ "id": id(1) }, { "id": "?" }], "totalCount": 2, "perPage": 100, "hasMore": false });
    let mut walk = Walk::new(100);
    assert_eq!(walk.add_numbered(page(&body), 0), Ok(true));
    let listing = walk.finish();
    assert_eq!((listing.items.len(), listing.skipped, listing.complete), (1, 1, false));
    let mut walk = Walk::new(100);
    assert_eq!(walk.add_after(page(&body), None), Ok(None));
    assert!(!walk.finish().complete);
}

#[test]
fn an_empty_page_ends_a_list_and_a_promise_of_more_makes_it_incomplete() {
    let mut walk = Walk::new(2);
    let two = json!({ "items": [{ "id": id(1) }, { "id": id(2) }], "totalCount": 9, "perPage": 2, "hasMore": true });
    let none = json!({ "items": [], "totalCount": 9, "perPage": 2, "hasMore": true });
    assert_eq!(walk.add_numbered(page(&two), 0), Ok(false));
    assert_eq!(walk.add_numbered(page(&none), 1), Ok(true));
    assert!(!walk.finish().complete);
    let mut walk = Walk::new(2);
    assert_eq!(walk.add_after(page(&none), None), Ok(None));
    assert!(!walk.finish().complete);
}

#[test]
fn without_a_total_only_a_single_page_is_surely_complete() {
    let mut server = FakeServer { says_total: false, ..FakeServer::of(0..5, 100) };
    assert!(walk(&mut server, 10, |_, _| ()).unwrap().0.complete);
    let (listing, requests) = walk(&mut server, 2, |_, _| ()).unwrap();
    assert_eq!((listing.items.len(), listing.complete, requests), (5, false, 3));
}
