use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::losant::wire::Instance;

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

/// What a walk came to.
#[derive(Debug)]
struct Walked {
    items: Vec<Instance>,
    complete: bool,
    requests: u32,
}

fn by_page(asked: u32) -> Walk<Instance> {
    Walk::new(Paging::ByPage, asked)
}

fn by_cursor(asked: u32) -> Walk<Instance> {
    Walk::new(Paging::ByCursor, asked)
}

/// Walks a list to its end; `change` is made after each page.
fn walk(
    server: &mut FakeServer,
    asked: u32,
    mut walk: Walk<Instance>,
    mut change: impl FnMut(&mut FakeServer, u32),
) -> Walked {
    let (mut items, mut requests) = (Vec::new(), 0);
    while let Some(place) = walk.next() {
        let page = match place {
            Place::Number(number) => server.numbered(number, asked),
            Place::After(cursor) => server.after(cursor, asked),
        };
        items.extend(walk.add(page).unwrap());
        change(server, requests);
        requests += 1;
        assert!(requests < 1_000, "endless");
    }
    Walked { items, complete: walk.is_complete(), requests }
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
        let listing = walk(&mut server, asked, by_page(asked), |_, _| ());
        prop_assert!(listing.complete);
        prop_assert_eq!(listing.items.len() as u64, count);
        prop_assert_eq!(u64::from(listing.requests), count.div_ceil(size).max(1));
        if says_size || says_has_more || u64::from(asked) == size {
            let listing = walk(&mut server, asked, by_cursor(asked), |_, _| ());
            prop_assert!(listing.complete);
            prop_assert_eq!(listing.items.len() as u64, count);
            prop_assert!(u64::from(listing.requests) <= count.div_ceil(size).max(1) + u64::from(!says_has_more));
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
        let listing = walk(&mut server, size, by_page(size), |server, number| {
            if moved > 0 { return; }
            match changes.next() {
                Some((true, which)) if server.ids.remove(&which) => { always.remove(&which); moved += 1; }
                Some((false, _)) => { server.ids.insert(1_000 + u64::from(number)); moved += 1; }
                _ => {}
            }
        });
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
        let listing = walk(&mut server, size, by_cursor(size), |server, number| match changes.next() {
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
        for mut walk in [by_page(5), by_cursor(5)] {
            let mut failed = false;
            for (ids, more) in &pages {
                let items: Vec<_> = ids.iter().map(|n| json!({ "id": id(*n) })).collect();
                let body = json!({ "items": items, "totalCount": 1_000_000, "hasMore": more });
                failed |= walk.add(page(&body)).is_err();
            }
            // Thirty ids are there to be brought, so thirty pages at most can bring one.
            prop_assert_eq!(walk.next(), None);
            prop_assert!(!(failed && walk.is_complete()));
        }
    }
}

/// The number of new items, or the problem.
fn add(walk: &mut Walk<Instance>, body: &serde_json::Value) -> Result<usize, String> {
    walk.add(page(body)).map(|items| items.len())
}

#[test]
fn a_server_that_repeats_itself_is_an_error_and_the_end() {
    let body = json!({ "items": [{ "id": id(1) }, { "id": id(2) }], "totalCount": 9, "perPage": 2, "hasMore": true });
    let mut walk = by_page(2);
    assert_eq!(add(&mut walk, &body), Ok(2));
    assert_eq!(add(&mut walk, &body), Err("a page repeats what came before".to_owned()));
    assert_eq!((walk.next(), walk.is_complete()), (None, false));

    let mut other = body.clone();
    other["page"] = json!(1);
    assert_eq!(add(&mut by_page(2), &other), Err("asked for page 0, got page 1".to_owned()));

    let mut walk = by_cursor(2);
    assert_eq!(add(&mut walk, &body), Ok(2));
    assert_eq!(walk.next(), Some(Place::After(Some(id(2)))));
    let stuck = json!({ "items": [{ "id": id(3) }, { "id": id(2) }], "hasMore": true });
    assert!(add(&mut walk, &stuck).is_err());
    assert_eq!((walk.next(), walk.is_complete()), (None, false));
    let nowhere = json!({ "items": [{ "name": "no id" }], "hasMore": true });
    assert!(add(&mut by_cursor(2), &nowhere).is_err());
}

#[test]
fn a_page_brings_only_what_did_not_come_before() {
    let first = json!({ "items": [{ "id": id(1) }, { "id": id(2) }], "totalCount": 3, "perPage": 2 });
    let second = json!({ "items": [{ "id": id(2) }, { "id": id(3) }], "totalCount": 3, "perPage": 2 });
    let mut walk = by_page(2);
    assert_eq!(add(&mut walk, &first), Ok(2));
    let items = walk.add(page(&second)).unwrap();
    assert_eq!(items.iter().map(|item| item.id).collect::<Vec<_>>(), [id(3)]);
    assert!(walk.is_complete());
}

#[test]
fn a_list_with_an_unreadable_item_is_not_complete() {
    let body = json!({ "items": [{ "id": id(1) }, { "id": "?" }], "totalCount": 2, "perPage": 100, "hasMore": false });
    for mut walk in [by_page(100), by_cursor(100)] {
        assert_eq!(add(&mut walk, &body), Ok(1));
        assert_eq!((walk.next(), walk.skipped(), walk.is_complete()), (None, 1, false));
    }
}

#[test]
fn an_empty_page_ends_a_list_and_a_promise_of_more_makes_it_incomplete() {
    let two = json!({ "items": [{ "id": id(1) }, { "id": id(2) }], "totalCount": 9, "perPage": 2, "hasMore": true });
    let none = json!({ "items": [], "totalCount": 9, "perPage": 2, "hasMore": true });
    for mut walk in [by_page(2), by_cursor(2)] {
        assert_eq!(add(&mut walk, &two), Ok(2));
        assert!(!walk.is_complete());
        assert_eq!(add(&mut walk, &none), Ok(0));
        assert_eq!((walk.next(), walk.is_complete()), (None, false));
    }
}

#[test]
fn without_a_total_only_a_single_page_is_surely_complete() {
    let mut server = FakeServer { says_total: false, ..FakeServer::of(0..5, 100) };
    assert!(walk(&mut server, 10, by_page(10), |_, _| ()).complete);
    let walked = walk(&mut server, 2, by_page(2), |_, _| ());
    assert_eq!((walked.items.len(), walked.complete, walked.requests), (5, false, 3));
}

#[test]
fn a_list_without_end_is_given_up() {
    let mut walk = by_cursor(1);
    let result = (0..u64::from(MOST_PAGES)).try_for_each(|number| {
        let body = json!({ "items": [{ "id": id(number) }], "hasMore": true });
        walk.add(page(&body)).map(drop)
    });
    assert_eq!(result, Err("too many pages".to_owned()));
    assert_eq!((walk.next(), walk.is_complete()), (None, false));
}
