//! Section `[web]`: listeners and paths.

use serde::{Deserialize, Serialize};

use std::path::PathBuf;
use std::time::Duration;

use super::{ConfigError, Interval};
use crate::web::{ListenAddress, check_telemetry_path};

/// The port of the daemon where nothing else is said. The range that Prometheus keeps a list of is full.
const DEFAULT_LISTEN_ADDRESS: &str = "127.0.0.1:10066";

/// Less would cut off whoever reads a large page at once.
const SHORTEST_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longer, and whoever never reads keeps an old page in memory as good as for ever.
const LONGEST_WRITE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// As in the `node_exporter`.
const DEFAULT_MAX_REQUESTS: usize = 40;

/// Listeners and paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebConfig {
    /// Where to listen, `host:port` or `:port` for every interface.
    pub listen_addresses: Vec<ListenAddress>,
    /// Path of the metrics.
    pub telemetry_path: String,
    /// How long an answer may take to be read by whoever asked for it, before the connection is closed.
    pub write_timeout: Interval,
    /// Whether `/-/reload` and `/-/log-level` may be used.
    pub enable_lifecycle: bool,
    /// Whether there is a plain landing page in the place of the status page, and neither `/status.json` nor `/config`.
    pub disable_status: bool,
    /// How many requests are answered at the same time, those for health and readiness aside; 0 for any number.
    pub max_requests: usize,
    /// Web configuration file, as the Prometheus exporter-toolkit has it: TLS, users, headers and a rate limit.
    pub config_file: Option<PathBuf>,
    /// Whether to listen on the sockets that systemd hands in, instead of on addresses.
    pub systemd_socket: bool,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen_addresses: DEFAULT_LISTEN_ADDRESS.parse().into_iter().collect(),
            telemetry_path: "/metrics".to_owned(),
            write_timeout: Interval::minutes(1),
            enable_lifecycle: false,
            disable_status: false,
            max_requests: DEFAULT_MAX_REQUESTS,
            config_file: None,
            systemd_socket: false,
        }
    }
}

impl WebConfig {
    /// Checks the telemetry path, and that there is an address.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.listen_addresses.is_empty() {
            return Err(ConfigError::key("web.listen_addresses", "at least one address is needed"));
        }
        if !(SHORTEST_WRITE_TIMEOUT..=LONGEST_WRITE_TIMEOUT).contains(&self.write_timeout.get()) {
            return Err(ConfigError::key("web.write_timeout", "must be between 1s and 1h"));
        }
        check_telemetry_path(&self.telemetry_path).map_err(|problem| {
            ConfigError::key("web.telemetry_path", format!("{:?}: {problem}", self.telemetry_path))
        })
    }
}
