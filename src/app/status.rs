//! What the status page is made from: the store, the pollers, the accounts and the configuration.
//!
//! Owns: that making it takes one thread at most, however many look, and that a poller that does not answer is not waited for.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use super::ABOUT;
use super::board::Board;
use super::status_thread::StatusThread;
use crate::clock::Clock;
use crate::poll::{Inquiry, PollerHandle, PollerReport};
use crate::status::{self, Account, Exporter, Listing, Query, Rules, Selected, View};
use crate::store::{Moment, Store};
use crate::usage::{Scope, Shard};
use crate::web::{Readiness, Status, StatusError, StatusForm};

/// How long a poller may take to answer. One that reviews a hundred thousand scopes takes a second or so.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the status page is made from.
#[derive(Debug)]
pub(super) struct StatusSource {
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) readiness: Readiness,
    pub(super) shard: Shard,
    pub(super) board: Board,
    /// Path of the metrics.
    pub(super) telemetry_path: String,
    /// Of the settings in force.
    pub(super) in_force: watch::Receiver<Shown>,
    pub(super) thread: StatusThread,
}

/// What the page says of the settings in force.
#[derive(Debug)]
pub(super) struct Shown {
    /// By which numbers are shown.
    pub(super) rules: Rules,
    /// The configuration, as TOML.
    pub(super) configuration: String,
    /// The configured requests a second, by account.
    pub(super) paces: BTreeMap<String, f64>,
}

impl Status for StatusSource {
    fn show<'a>(
        &'a self,
        form: StatusForm,
        parameters: &'a [(String, String)],
    ) -> Pin<Box<dyn Future<Output = Result<String, StatusError>> + Send + 'a>> {
        Box::pin(async move {
            let parameters = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let query =
                Query::parse(parameters).map_err(|refused| StatusError::Query(refused.to_string()))?;
            let view = self.view(query).await?;
            match form {
                StatusForm::Html => Ok(status::html(&view)),
                StatusForm::Json => view.json().map_err(|error| StatusError::Failed(error.to_string())),
            }
        })
    }

    fn content_security_policy(&self) -> &'static str {
        status::CONTENT_SECURITY_POLICY
    }

    fn configuration(&self) -> String {
        self.in_force.borrow().configuration.clone()
    }
}

impl StatusSource {
    async fn view(&self, query: Query) -> Result<View, StatusError> {
        let selected = self.select(query).await?;
        let known = selected.scopes().map(|(scope, known_until)| Inquiry { scope, known_until });
        let inquiries: Vec<_> = known.collect();
        let mut accounts = Vec::new();
        for (name, client, poller) in self.board.seats() {
            // Of an instance that another shard shows, the rows say nothing, but the account may be down for it.
            let own = self.store.claimed_by(&name).into_iter();
            let own = own.map(|instance| Inquiry { scope: Scope::Instance { instance }, known_until: None });
            let inquiries: Vec<_> = own.chain(inquiries.iter().copied()).collect();
            let pace = self.in_force.borrow().paces.get(&name).copied();
            accounts.push(Account {
                token_accepted: client.token_accepted(),
                token_expires_at: client.token_expires_at(),
                requests_per_second: client.budget_rate(),
                configured_requests_per_second: pace.unwrap_or_else(|| client.budget_rate()),
                report: ask(&poller, inquiries).await,
                name,
            });
        }
        let exporter = Exporter {
            name: ABOUT.name,
            version: ABOUT.version,
            waits_for: self.readiness.waits(),
            shard: (self.shard.of() > 1).then(|| self.shard.to_string()),
            metrics: self.telemetry_path.trim_start_matches('/').to_owned(),
        };
        Ok(View::new(exporter, &accounts, selected))
    }

    /// Goes through all scopes, on a thread of its own and one at a time.
    async fn select(&self, query: Query) -> Result<Selected, StatusError> {
        let (store, rules, clock) = (self.store.clone(), self.in_force.borrow().rules, self.clock.clone());
        let select = move || {
            let moment = Moment { now: clock.now(), uptime: clock.uptime() };
            Listing::new(&store.snapshot(), moment, &rules).select(query)
        };
        self.thread.run(select).await.map_err(|error| StatusError::Failed(error.to_string()))
    }
}

/// What a poller says; nothing where it does not answer in time, or has ended.
async fn ask(poller: &PollerHandle, inquiries: Vec<Inquiry>) -> Option<PollerReport> {
    tokio::time::timeout(PATIENCE, poller.report(inquiries)).await.ok().flatten()
}
