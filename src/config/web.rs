//! Section `[web]`: listeners and paths.

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::web::{ListenAddress, check_telemetry_path};

/// The port of the daemon where nothing else is said. The range that Prometheus keeps a list of is full.
const DEFAULT_LISTEN_ADDRESS: &str = "127.0.0.1:10066";

/// Listeners and paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebConfig {
    /// Where to listen, `host:port` or `:port` for every interface.
    pub listen_addresses: Vec<ListenAddress>,
    /// Path of the metrics.
    pub telemetry_path: String,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen_addresses: DEFAULT_LISTEN_ADDRESS.parse().into_iter().collect(),
            telemetry_path: "/metrics".to_owned(),
        }
    }
}

impl WebConfig {
    /// Checks the telemetry path, and that there is an address.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.listen_addresses.is_empty() {
            return Err(ConfigError::key("web.listen_addresses", "at least one address is needed"));
        }
        check_telemetry_path(&self.telemetry_path).map_err(|problem| {
            ConfigError::key("web.telemetry_path", format!("{:?}: {problem}", self.telemetry_path))
        })
    }
}
