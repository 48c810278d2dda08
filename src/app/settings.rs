//! What the parts are made of: the configuration, with everything in it resolved.

use super::status::Shown;
use super::{Account, Wanted};
use crate::config::{AccountConfig, Config, ExpositionConfig, PollingConfig};
use crate::metrics::RenderConfig;
use crate::poll::PollerConfig;
use crate::status::Rules;
use crate::store::Freshness;
use crate::usage::Collector;

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

    /// Whether the poller of an account is told the same by both.
    pub(super) fn polls_alike(&self, other: &Self) -> bool {
        let told = |settings: &Self| {
            let Config { web: _, log: _, polling, selection, sharding: _, exposition, accounts: _ } =
                settings.config.clone();
            (polling, selection, exposition.sandbox_email, exposition.source_label)
        };
        told(self) == told(other)
    }

    /// What pages are made by.
    pub(super) fn rendering(&self) -> RenderConfig {
        let ExpositionConfig { sandbox_email: _, source_label: _, render_interval, max_series } =
            self.config.exposition;
        let instances = self.accounts.iter().flat_map(|account| account.config.instances.iter().copied());
        let listing = self.accounts.iter().filter(|account| account.config.instances.is_empty());
        RenderConfig {
            expire_after: self.config.polling.expire_after.get(),
            freshness: freshness(&self.config.polling),
            render_interval: render_interval.get(),
            max_series,
            instances: instances.collect(),
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
