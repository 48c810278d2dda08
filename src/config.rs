//! Configuration: defaults < file < environment < flags.
//!
//! Owns: the keys, their defaults and units, where values may come from, and the words in which a wrong one is refused.
//! A key a section, a file a section; each part of the program takes its own section, never the whole.
//! Must not: hold a secret (only where to find one), or correct a wrong value in silence.

mod accounts;
mod as_text;
mod difference;
mod duration;
mod environment;
mod error;
mod exposition;
mod file;
mod fingerprint;
mod load;
mod log;
mod polling;
mod selection;
mod sharding;
mod web;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use accounts::{AccountConfig, DEFAULT_TOKEN_VARIABLE};
pub use difference::needs_restart;
pub use duration::Interval;
pub use environment::ENV_PREFIX;
pub use error::ConfigError;
pub use exposition::ExpositionConfig;
pub use fingerprint::Fingerprint;
pub use load::{DEFAULT_FILE, FLAGS, Flags, Loaded, load, with_flags};
pub use log::LogConfig;
pub use polling::PollingConfig;
pub use selection::{Choice, OrgPatterns, SandboxPatterns, SelectionConfig};
pub use sharding::{POD_NAME_VARIABLE, ShardingConfig};
pub use web::WebConfig;

/// All settings of the daemon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Listeners and paths.
    pub web: WebConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// When what is polled.
    pub polling: PollingConfig,
    /// Which orgs and sandboxes are wanted.
    pub selection: SelectionConfig,
    /// Which part of everything this process reads.
    pub sharding: ShardingConfig,
    /// What is shown of what is known.
    pub exposition: ExpositionConfig,
    /// Losant accounts by a name of the user's choice, which is the value of the label `account`.
    pub accounts: BTreeMap<String, AccountConfig>,
}

impl Config {
    /// All settings as a file could say them, with a word on what that is. They hold no secret, only where to find one.
    pub fn as_toml(&self) -> String {
        let heading = "# The configuration in force: defaults, file, environment and flags. Tokens are never part of it.\n";
        match toml::to_string(self) {
            Ok(settings) => format!("{heading}\n{settings}"),
            Err(error) => format!("{heading}# It cannot be shown: {}\n", error::one_line(&error.to_string())),
        }
    }

    /// Checks what types cannot: ranges, and settings that contradict each other. The error names the key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.web.validate()?;
        self.polling.validate()?;
        self.selection.compile()?;
        self.sharding.validate()?;
        self.exposition.validate()?;
        let mut owners = BTreeMap::new();
        for (name, account) in &self.accounts {
            if name.is_empty() {
                return Err(ConfigError::key("accounts", "the name of an account is empty"));
            }
            account.validate(name)?;
            for instance in &account.instances {
                if let Some(other) = owners.insert(*instance, name) {
                    let problem =
                        format!("{instance} stands in account {other} already: polling it twice costs twice");
                    return Err(ConfigError::key(format!("accounts.{name}.instances"), problem));
                }
            }
        }
        Ok(())
    }
}
