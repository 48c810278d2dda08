//! Changing things at Losant.
//!
//! A type of its own, made from settings and never from a [`Client`]: whoever holds a client can only read, whatever the
//! client is asked. The daemon holds clients.

use super::client::Outgoing;
use super::request::Write;
use super::{Answer, Client, ClientConfig, ClientMetrics, ConfigError, Error};
use crate::clock::Clock;

/// A writer to one Losant account.
#[derive(Debug)]
pub struct Writer(Client);

impl Writer {
    /// Sets up a writer. Reads the token and the machine's certificates, and asks Losant nothing yet.
    pub fn new(config: ClientConfig, clock: Clock, metrics: ClientMetrics) -> Result<Self, ConfigError> {
        Client::new(config, clock, metrics).map(Self)
    }

    /// Does what `write` says, in one attempt. After [`Error::Unavailable`] or [`Error::Malformed`] nobody knows whether
    /// it was done: look before trying again.
    pub async fn call(&self, write: &Write) -> Result<Answer, Error> {
        self.0.send_once(&Outgoing::prepared(write.prepared(), &self.0)).await
    }
}
