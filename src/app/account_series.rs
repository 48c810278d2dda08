//! What each account's client says of itself on each scrape.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::board::Board;
use crate::losant::Client;

#[derive(Debug)]
struct AccountSeries(Board);

/// Registers the series of those who ask, by the name of their account.
pub(super) fn register(registry: &mut Registry, board: Board) {
    registry.register_collector(Box::new(AccountSeries(board)));
}

impl Collector for AccountSeries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.gauge(
            &mut encoder,
            "losant_exporter_api_budget_requests_per_second",
            "Requests a second that the account may make now: the configured rate, or less after Losant throttled.",
            |client| Some(client.budget_rate()),
        )?;
        self.gauge(
            &mut encoder,
            "losant_exporter_token_accepted",
            "Whether Losant accepted the API token of the account when it last answered; absent before the first answer.",
            |client| client.token_accepted().map(|accepted| f64::from(u8::from(accepted))),
        )?;
        self.gauge(
            &mut encoder,
            "losant_exporter_token_expiry_timestamp_seconds",
            "When the API token of the account expires, as a Unix time; absent for a token that does not say.",
            |client| client.token_expires_at().map(|at| at.as_duration().as_secs_f64()),
        )
    }
}

impl AccountSeries {
    /// Writes a gauge for each account that has a value. A family without series is not written at all: some parsers
    /// refuse one.
    fn gauge(
        &self,
        encoder: &mut DescriptorEncoder,
        name: &str,
        help: &str,
        value: impl Fn(&Client) -> Option<f64>,
    ) -> fmt::Result {
        let clients = self.0.clients();
        let values: Vec<_> =
            clients.iter().filter_map(|(account, client)| Some((account, value(client)?))).collect();
        if values.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (account, value) in values {
            family.encode_family(&[("account", account.as_str())])?.encode_gauge(&value)?;
        }
        Ok(())
    }
}
