//! Any list as a whole, as it comes.
//!
//! The typed lists are in the file beside this one; this is for who wants to see everything that Losant says.

use std::collections::HashSet;

use serde_json::Value;

use super::request::Read;
use super::walk::MOST_PAGES;
use super::{Answer, Client, Error, Paging};

impl Client {
    /// Makes the request, as often as it takes.
    pub async fn call(&self, read: &Read) -> Result<Answer, Error> {
        self.send(read.prepared()).await
    }

    /// Makes the request and those for the pages that follow. The answer is that of the first page, with the items of
    /// all. Without paging it is the same as [`Client::call`].
    pub async fn call_all(&self, read: &Read) -> Result<Answer, Error> {
        let first = self.call(read).await?;
        if read.paging() == Paging::None {
            return Ok(first);
        }
        let call = read.prepared().call;
        let mut whole = Whole::new(first.body).map_err(|problem| Error::malformed(call, &problem))?;
        let mut read = read.clone();
        for number in 1..MOST_PAGES {
            let (name, value) = match whole.next(&read, number) {
                Ok(Some(next)) => next,
                Ok(None) => return Ok(Answer { status: first.status, body: whole.finish() }),
                Err(problem) => return Err(Error::malformed(call, &problem)),
            };
            read = read.with(name, value);
            let page = self.call(&read).await?;
            whole.add(page.body).map_err(|problem| Error::malformed(call, &problem))?;
        }
        Err(Error::malformed(call, &"too many pages"))
    }
}

/// A list on the way.
struct Whole {
    /// The first page but for its items.
    envelope: Value,
    items: Vec<Value>,
    latest: Page,
    cursors: HashSet<String>,
}

/// What the latest page said of itself.
#[derive(Default)]
struct Page {
    came: u64,
    size: Option<u64>,
    total: Option<u64>,
    has_more: Option<bool>,
    last_id: Option<String>,
}

impl Page {
    fn take(body: &mut Value) -> Result<(Self, Vec<Value>), &'static str> {
        let Some(Value::Array(items)) = body.get_mut("items").map(Value::take) else {
            return Err("items: expected a list");
        };
        let number = |key: &str| body.get(key).and_then(Value::as_f64).map(whole_number);
        let page = Self {
            came: items.len() as u64,
            size: number("perPage").or_else(|| number("limit")).filter(|size| *size > 0),
            total: number("totalCount"),
            has_more: body.get("hasMore").and_then(Value::as_bool),
            last_id: items
                .iter()
                .rev()
                .find_map(|item| item.get("id").and_then(Value::as_str).map(str::to_owned)),
        };
        Ok((page, items))
    }
}

fn whole_number(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates"
    )]
    let whole = number as u64;
    whole
}

impl Whole {
    fn new(mut first: Value) -> Result<Self, &'static str> {
        let (latest, items) = Page::take(&mut first)?;
        Ok(Self { envelope: first, items, latest, cursors: HashSet::new() })
    }

    fn add(&mut self, mut body: Value) -> Result<(), &'static str> {
        let (page, items) = Page::take(&mut body)?;
        // A server that does not know the parameter sends the same page for ever.
        if !items.is_empty() && self.items.ends_with(&items) {
            return Err("a page repeats what came before");
        }
        self.items.extend(items);
        self.latest = page;
        Ok(())
    }

    /// The parameter that leads to page `number`, if there is one.
    fn next(&mut self, read: &Read, number: u32) -> Result<Option<(&'static str, String)>, &'static str> {
        let Page { came, size, total, has_more, last_id } = &self.latest;
        if *came == 0 {
            return Ok(None);
        }
        let asked = |name| read.prepared().parameter(name).and_then(|text| text.parse().ok());
        match read.paging() {
            Paging::None => Ok(None),
            Paging::ByPage => {
                let all = self.items.len() as u64;
                let more = match total {
                    Some(total) => all < *total,
                    None => *came >= size.or_else(|| asked("perPage")).unwrap_or(100),
                };
                Ok(more.then(|| ("page", number.to_string())))
            }
            Paging::ByCursor => {
                let full = || *came >= size.or_else(|| asked("limit")).unwrap_or(100);
                if !has_more.unwrap_or_else(full) {
                    return Ok(None);
                }
                let last = last_id.clone().ok_or("more to come, and no id to go on from")?;
                if !self.cursors.insert(last.clone()) {
                    return Err("the pages lead round in a circle");
                }
                Ok(Some(("startingAfterId", last)))
            }
        }
    }

    fn finish(mut self) -> Value {
        if let Value::Object(envelope) = &mut self.envelope {
            envelope.insert("count".to_owned(), self.items.len().into());
            envelope.insert("items".to_owned(), Value::Array(self.items));
            if envelope.contains_key("hasMore") {
                envelope.insert("hasMore".to_owned(), false.into());
            }
        }
        self.envelope
    }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
