//! What the poller of an account is told, when it starts and when the configuration has changed.

use std::collections::BTreeSet;

use crate::config::PollingConfig;
use crate::selection::Selection;
use crate::usage::{Id, Shard};

/// What a poller is told.
#[derive(Clone, Debug)]
pub struct PollerConfig {
    /// Name of the account, for logs.
    pub account: String,
    /// The instances to poll; empty means whatever the token may list.
    pub instances: Vec<Id>,
    /// Instances that other accounts name: they are left to those, whatever the token may list.
    pub left_to_others: BTreeSet<Id>,
    /// Intervals and delays.
    pub polling: PollingConfig,
    /// Whether e-mail addresses of sandbox users are read.
    pub sandbox_email: bool,
    /// Whether payloads of one type are told apart by source.
    pub source_label: bool,
    /// Which orgs and sandboxes are polled.
    pub selection: Selection,
    /// The part of them that is this process's.
    pub shard: Shard,
    /// How many jobs may run at the same time.
    pub concurrency: usize,
    /// Requests a second that the budget allows.
    pub requests_per_second: f64,
    /// Requests that the budget allows at once after a pause.
    pub burst: u32,
    /// Rows that a page of a list has.
    pub page_size: u32,
}
