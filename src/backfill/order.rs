//! What is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::span::{Span, SpanError};
use crate::losant::read_time;
use crate::selection::Selection;
use crate::usage::{Collector, Id, Level, Shard};

/// What is asked for, as flags and configuration say it.
#[derive(Clone, Debug)]
pub struct Order {
    /// The account, by its name.
    pub account: String,
    /// Its instances; none for those that the token lists.
    pub instances: Vec<Id>,
    /// Whose history is wanted.
    pub levels: Vec<Level>,
    /// From when, as [`read_time`] reads it.
    pub from: String,
    /// Up to when.
    pub to: String,
    /// How long after its end an hour or a day has settled.
    pub settle_delay: Duration,
    /// What is read at all.
    pub collectors: Vec<Collector>,
    /// Which orgs and sandboxes are wanted.
    pub selection: Selection,
    /// The same as text, to tell whether it has changed.
    pub selection_text: String,
    /// Which part of them is read.
    pub shard: Shard,
}

/// What was asked for, by flag or key. Times are kept beside it, since they may be relative.
pub(super) type Asked = BTreeMap<String, String>;

impl Order {
    /// The span that is asked for, with relative times counted from `now`.
    pub(super) fn span(&self, now: Timestamp) -> Result<Span, String> {
        let (from, to) = self.times(now)?;
        Span::new((from, to), now, self.settle_delay).map_err(|error: SpanError| error.to_string())
    }

    /// From when to when.
    pub(super) fn times(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), String> {
        let read =
            |flag: &str, text: &str| read_time(text, now).map_err(|problem| format!("{flag}: {problem}"));
        Ok((read("--from", &self.from)?, read("--to", &self.to)?))
    }

    /// What is compared when a run goes on. `target` is where the history goes.
    pub(super) fn asked(&self, target: Option<&str>) -> Asked {
        let Self { account, instances, levels, settle_delay, collectors, selection_text, shard, .. } = self;
        let list = |words: Vec<String>| words.join(",");
        let disabled = Collector::ALL.into_iter().filter(|collector| !collectors.contains(collector));
        let mut asked: Asked = [
            ("--account", account.clone()),
            ("--level", list(levels.iter().map(Level::to_string).collect())),
            ("--shard", shard.to_string()),
            ("polling.settle_delay", humantime::format_duration(*settle_delay).to_string()),
            ("polling.disabled_collectors", list(disabled.map(|collector| collector.to_string()).collect())),
            // Patterns may hold addresses of people.
            ("selection", checksum(selection_text)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        let instances = list(instances.iter().map(Id::to_string).collect());
        asked.insert(format!("accounts.{account}.instances"), instances);
        // A URL may hold a secret.
        asked.extend(target.map(|target| ("--remote-write".to_owned(), checksum(target))));
        asked
    }
}

fn checksum(text: &str) -> String {
    format!("checksum {:08x}", crc32fast::hash(text.as_bytes()))
}

/// The first flag or key that says something else now than it did then.
pub(super) fn difference<'a>(then: &'a Asked, now: &'a Asked) -> Option<&'a str> {
    let keys = then.keys().chain(now.keys());
    keys.map(String::as_str).find(|key| then.get(*key) != now.get(*key))
}
