//! What each account's client says of itself on each scrape.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::losant::Client;

#[derive(Debug)]
struct AccountSeries {
    clients: Vec<(String, Client)>,
}

/// Registers the series of `clients`, by the name of their account.
pub(super) fn register(registry: &mut Registry, clients: Vec<(String, Client)>) {
    registry.register_collector(Box::new(AccountSeries { clients }));
}

impl Collector for AccountSeries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let rates = self.clients.iter().map(|(account, client)| (account, client.budget_rate()));
        encode_gauges(
            &mut encoder,
            "losant_exporter_api_budget_requests_per_second",
            "Requests a second that the account may make now: the configured rate, or less after Losant throttled.",
            &rates.collect::<Vec<_>>(),
        )?;
        let expiry =
            |(account, client): &'_ (String, Client)| Some((account.clone(), client.token_expires_at()?));
        let expiries: Vec<_> = self.clients.iter().filter_map(expiry).collect();
        let expiries: Vec<_> =
            expiries.iter().map(|(account, at)| (account, at.as_duration().as_secs_f64())).collect();
        encode_gauges(
            &mut encoder,
            "losant_exporter_token_expiry_timestamp_seconds",
            "When the API token of the account expires, as a Unix time; absent for a token that does not say.",
            &expiries,
        )
    }
}

/// Writes a gauge for each account. A family without series is not written at all: some parsers refuse one.
fn encode_gauges(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    values: &[(&String, f64)],
) -> fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (account, value) in values {
        family.encode_family(&[("account", account.as_str())])?.encode_gauge(value)?;
    }
    Ok(())
}
