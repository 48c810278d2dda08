//! A stand-in for the Losant instance API.
//!
//! Owns: a [`World`] of instances, orgs and sandboxes, the HTTP interface to it, switches for what is not known about
//! the real API, and faults on order. It is a library with knobs: tests ask the world for the truth and the HTTP
//! interface for what Losant would say.
//! Must not: share anything with the rest of the crate but the [`Clock`]. It reads the API's contract on its own, so that
//! a misread field cannot pass on both sides.

mod action;
mod alterations;
mod answer;
mod bodies;
mod body_rules;
mod calendar;
mod chance;
mod control;
mod counts;
mod devices;
mod faults;
mod founding;
mod history;
mod http;
mod id;
mod limits;
mod lists;
mod names;
mod notebooks;
mod org_query;
mod owner;
mod query;
mod refusal;
mod reports;
mod requests;
mod rhythm;
mod rules;
mod settings;
mod stream;
mod summary;
mod switches;
mod token;
mod transport;
mod wire;
pub mod world;
mod writes;

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;

pub use calendar::BillingAnchor;
pub use control::serve_control;
pub use devices::{DeviceDay, Fleet};
pub use faults::{Fault, FaultId, FaultKind, Faults, InvalidFault, RetryAfter, Route};
pub use http::serve;
pub use id::{InvalidObjectId, ObjectId};
pub use notebooks::{NotebookDay, NotebookHabit};
pub use owner::{Activity, Instance, Limits, Org, Owner, Sandbox, Tag};
pub use requests::{Arrival, Arrivals, RecordedRequest};
pub use rhythm::Rhythm;
pub use settings::{Banner, Member, MfaMode, ReportConfig, ResourceRole};
pub use stream::{Burst, Stream};
pub use switches::{
    AbsentLimits, AcceptVersion, EdgeBuckets, Ends, ErrorBodies, Gzip, InvalidSwitch, NewOrg, PageBeyondCap,
    PayloadCounts, SummaryInclude, SummaryRange, SummaryWithoutInclude, Switches, UnknownSummaryField,
    ZeroBuckets,
};
pub use token::made_up_token;
pub use world::{Amount, Application, ApplicationUsage, Restatement, View, World, WorldConfig};

/// The simulated API. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Simulator(Arc<Parts>);

struct Parts {
    world: watch::Sender<Arc<World>>,
    switches: watch::Sender<Switches>,
    faults: Faults,
    requests: requests::RequestLog,
    tokens: token::Tokens,
    reports: reports::Reports,
    clock: Clock,
}

impl Simulator {
    /// Puts an API in front of `world`. What it tells is true at the `clock`'s wall time.
    pub fn new(world: World, clock: Clock) -> Self {
        let faults = Faults::new(world.config().seed);
        Self(Arc::new(Parts {
            world: watch::Sender::new(Arc::new(world)),
            switches: watch::Sender::new(Switches::default()),
            faults,
            requests: requests::RequestLog::new(),
            tokens: token::Tokens::new(),
            reports: reports::Reports::default(),
            clock,
        }))
    }

    /// The bearer token that is accepted.
    pub fn token(&self) -> &str {
        self.0.tokens.own()
    }

    /// Accepts one more token, for everything an instance token may do. If it is a JWT with `exp`, until then.
    pub fn accept_token(&self, token: impl Into<String>) {
        self.accept_token_with_scopes(token, &[token::ALL_OF_INSTANCE]);
    }

    /// Accepts one more token, for what these scopes allow: `all.Instance.read`, `instanceOrg.*`, `instances.get`, …
    /// Everything else is 403.
    pub fn accept_token_with_scopes(&self, token: impl Into<String>, scopes: &[&str]) {
        self.0.tokens.accept(token.into(), scopes);
    }

    /// From now on answers 401 to this token.
    pub fn revoke_token(&self, token: &str) {
        self.0.tokens.revoke(token);
    }

    /// The world as it is now.
    pub fn world(&self) -> Arc<World> {
        Arc::clone(&self.0.world.borrow())
    }

    /// Changes the world; the next request sees it.
    pub fn change_world(&self, change: impl FnOnce(&mut World)) {
        self.0.world.send_modify(|world| change(Arc::make_mut(world)));
    }

    /// What can go wrong.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// How the open questions are answered now.
    pub fn switches(&self) -> Switches {
        *self.0.switches.borrow()
    }

    /// Answers the open questions in another way. What is true of the world follows.
    pub fn set_switches(&self, switches: Switches) {
        let billed = switches.unlisted_types_billable;
        if self.world().bills_unlisted_types() != billed {
            self.change_world(|world| world.bill_unlisted_types(billed));
        }
        self.0.switches.send_replace(switches);
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.0.requests.latest()
    }

    /// How many requests have ever arrived.
    pub fn request_count(&self) -> u64 {
        self.0.requests.count()
    }

    /// Notes every arrival from now on, for as long as the recorder is kept.
    pub fn watch_arrivals(&self) -> Arrivals {
        self.0.requests.watch()
    }

    /// Waits until the latest requests, with their answers, are as `predicate` wants them.
    pub async fn wait_for_requests(&self, predicate: impl Fn(&[RecordedRequest]) -> bool) {
        self.0.requests.wait_for(predicate).await;
    }

    /// The API as routes, for a server of one's own. Faults that break connections need [`serve`].
    pub fn router(&self) -> axum::Router {
        http::router(self.clone())
    }
}

#[cfg(test)]
mod tests;
