//! What differs between two configurations, and which of it takes a restart.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Config, ConfigError};

/// Sections that are read at the start only. Sockets are bound then, and which part of everything is whose has to be the same for
/// all shards.
const AT_START: [&str; 2] = ["web", "sharding"];

/// Whether a change of `key` comes into force with a restart only.
pub fn needs_restart(key: &str) -> bool {
    AT_START.iter().any(|section| key.split('.').next() == Some(section))
}

impl Config {
    /// The keys whose values differ, in order.
    pub fn changed_keys(&self, other: &Self) -> Result<Vec<String>, ConfigError> {
        let value = |config: &Self| {
            serde_json::to_value(config).map_err(|error| ConfigError::key("config", error.to_string()))
        };
        let mut keys = Vec::new();
        compare("", &value(self)?, &value(other)?, &mut keys);
        Ok(keys)
    }
}

fn compare(path: &str, one: &Value, other: &Value, keys: &mut Vec<String>) {
    let (Value::Object(ours), Value::Object(theirs)) = (one, other) else {
        if one != other {
            keys.push(path.to_owned());
        }
        return;
    };
    for key in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        compare(&path, ours.get(key).unwrap_or(&Value::Null), theirs.get(key).unwrap_or(&Value::Null), keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AccountConfig, Interval};

    #[test]
    fn keys_that_differ_are_named_and_those_that_need_a_restart_are_known() {
        let mut before = Config::default();
        before.accounts.insert("a".to_owned(), AccountConfig::default());
        let mut after = before.clone();
        assert_eq!(before.changed_keys(&after).unwrap(), Vec::<String>::new());
        after.polling.sweep_interval = Interval::minutes(1);
        after.accounts.entry("a".to_owned()).and_modify(|account| account.burst = 1);
        after.accounts.insert("b".to_owned(), AccountConfig::default());
        after.web.telemetry_path = "/m".to_owned();
        after.exposition.max_series = Some(1);
        let keys = before.changed_keys(&after).unwrap();
        assert_eq!(
            keys,
            [
                "accounts.a.burst",
                "accounts.b",
                "exposition.max_series",
                "polling.sweep_interval",
                "web.telemetry_path"
            ]
        );
        assert_eq!(
            keys.into_iter().filter(|key| needs_restart(key)).collect::<Vec<_>>(),
            ["web.telemetry_path"]
        );
    }
}
