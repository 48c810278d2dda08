//! What the parts are made of: the configuration, with everything in it resolved.

use std::collections::BTreeSet;

use super::status::Shown;
use super::{Account, Wanted};
use crate::config::{AccountConfig, Config, ExpositionConfig, PollingConfig};
use crate::metrics::RenderConfig;
use crate::poll::PollerConfig;
use crate::status::Rules;
use crate::store::Freshness;
use crate::usage::{Collector, Id};

/// How often a collector may miss its interval before its scope counts as stale.
const STALE_AFTER_INTERVALS: u32 = 3;

/// A configuration that has been checked, with its accounts and whom it wants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What was configured.
    pub config: Config,
    /// Accounts with their tokens.
    pub accounts: Vec<Account>,
    /// Whom this process is about.
    pub wanted: Wanted,
}

impl Settings {
    /// What the poller of an account is told.
    pub(super) fn poller(&self, account: &Account) -> PollerConfig {
        let AccountConfig { instances, requests_per_second, burst, max_in_flight, page_size, .. } =
            account.config.clone();
        let ExpositionConfig { sandbox_email, source_label, render_interval: _, max_series: _ } =
            self.config.exposition;
        PollerConfig {
            account: account.name.clone(),
            instances,
            left_to_others: self.left_to_others(account),
            polling: self.config.polling.clone(),
            sandbox_email,
            source_label,
            selection: self.wanted.selection.clone(),
            shard: self.wanted.shard,
            concurrency: max_in_flight,
            requests_per_second,
            burst,
            page_size,
        }
    }

    /// Instances that accounts name.
    pub(super) fn named_instances(&self) -> impl Iterator<Item = Id> {
        self.accounts.iter().flat_map(|account| account.config.instances.iter().copied())
    }

    /// Instances that other accounts name and this one does not.
    fn left_to_others(&self, account: &Account) -> BTreeSet<Id> {
        self.named_instances().filter(|instance| !account.config.instances.contains(instance)).collect()
    }

    /// Whether both tell the poller of an account the same, where the settings of the account itself are the same.
    pub(super) fn polls_alike(&self, other: &Self, account: &Account) -> bool {
        let told = |settings: &Self| {
            let Config { web: _, log: _, polling, selection, sharding: _, exposition, accounts: _ } =
                settings.config.clone();
            (polling, selection, exposition.sandbox_email, exposition.source_label)
        };
        // Whoever names instances polls those, whatever others name.
        let is_left_alike = !account.config.instances.is_empty()
            || self.left_to_others(account) == other.left_to_others(account);
        is_left_alike && told(self) == told(other)
    }

    /// What pages are made by.
    pub(super) fn rendering(&self) -> RenderConfig {
        let ExpositionConfig { sandbox_email: _, source_label: _, render_interval, max_series } =
            self.config.exposition;
        let listing = self.accounts.iter().filter(|account| account.config.instances.is_empty());
        RenderConfig {
            expire_after: self.config.polling.expire_after.get(),
            freshness: freshness(&self.config.polling),
            render_interval: render_interval.get(),
            max_series,
            instances: self.named_instances().collect(),
            listing_accounts: listing.map(|account| account.name.clone()).collect(),
        }
    }

    /// What the status page says of them.
    pub(super) fn shown(&self) -> Shown {
        let paces = self.accounts.iter();
        let paces = paces.map(|account| (account.name.clone(), account.config.requests_per_second));
        Shown {
            rules: Rules {
                expire_after: self.config.polling.expire_after.get(),
                freshness: freshness(&self.config.polling),
            },
            configuration: self.config.as_toml(),
            paces: paces.collect(),
        }
    }
}

fn freshness(polling: &PollingConfig) -> Freshness {
    Freshness(Collector::ALL.map(|collector| {
        polling.is_enabled(collector).then(|| polling.interval(collector) * STALE_AFTER_INTERVALS)
    }))
}
