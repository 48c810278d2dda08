//! Environment variables that settings come from.
//!
//! Owns: how they are called, and that one which is nearly called so is refused: it would be left out in silence.
//! Must not: read a value.

use serde_json::Value;

use super::{AccountConfig, Config, ConfigError};

/// Prefix of environment variables. Two underscores, because Kubernetes sets `LOSANT_EXPORTER_PORT` and the like for a
/// Service of that name.
pub const ENV_PREFIX: &str = "LOSANT_EXPORTER__";

/// Between the parts of a key in an environment variable.
pub(super) const ENV_SEPARATOR: &str = "__";

/// What those begin with that may be meant for a setting.
const NEARLY: &str = "LOSANT_EXPORTER_";

/// What stands before the name of a port in a variable that Kubernetes makes of a Service.
const NAMED_PORT: &str = "service_port";

/// What stands for the name of an account in [`keys`].
const ANY: &str = "NAME";

/// The variable that `key` is read from.
pub(super) fn variable_of(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.to_uppercase().replace('.', ENV_SEPARATOR))
}

/// Refuses a variable that would be that of a key, had it two underscores where it has one, or one where it has two. What Kubernetes
/// makes of a Service ends as a key does only where a port is called so, and is let pass.
pub(super) fn refuse_misspelt(names: impl Iterator<Item = String>) -> Result<(), ConfigError> {
    let keys = keys()?;
    for name in names.filter(|name| name.to_uppercase().starts_with(NEARLY)) {
        // Of an account `x_min`, a key may look like another one of an account `x`.
        let meant = || keys.iter().filter_map(|key| meant(&name, key));
        if meant().any(|key| variable_of(&key) == name.to_uppercase()) {
            continue;
        }
        if let Some(key) = meant().next() {
            let problem = format!("a variable of this name is not read; it is called {}", variable_of(&key));
            return Err(ConfigError::Key {
                origin: Some(format!("environment variable {name}")),
                key,
                problem,
            });
        }
    }
    Ok(())
}

/// The key that `name` is meant for, if it is `key`, or one of an account as `key` is.
fn meant(name: &str, key: &str) -> Option<String> {
    let words = name.get(NEARLY.len()..)?.to_lowercase();
    let words = words.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
    let Some((before, after)) = key.split_once(ANY) else {
        return (words == key.replace('.', "_")).then(|| key.to_owned());
    };
    let account = words.strip_prefix(&before.replace('.', "_"))?.strip_suffix(&after.replace('.', "_"))?;
    (!account.is_empty() && !account.ends_with(NAMED_PORT)).then(|| format!("{before}{account}{after}"))
}

/// Every key that there can be.
fn keys() -> Result<Vec<String>, ConfigError> {
    let mut config = Config::default();
    config.accounts.insert(ANY.to_owned(), AccountConfig::default());
    let config =
        serde_json::to_value(config).map_err(|error| ConfigError::key("config", error.to_string()))?;
    let mut keys = Vec::new();
    collect("", &config, &mut keys);
    Ok(keys)
}

fn collect(path: &str, value: &Value, keys: &mut Vec<String>) {
    let Value::Object(table) = value else { return keys.push(path.to_owned()) };
    for (key, value) in table {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        collect(&path, value, keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str) -> Option<String> {
        refuse_misspelt(std::iter::once(name.to_owned())).err().map(|error| error.to_string())
    }

    #[test]
    fn one_underscore_where_there_are_two_is_refused_with_the_right_name() {
        insta::assert_snapshot!(
            refused("LOSANT_EXPORTER_POLLING_SETTLE_DELAY").unwrap(),
            @"environment variable LOSANT_EXPORTER_POLLING_SETTLE_DELAY: key polling.settle_delay: a variable of this name is not read; it is called LOSANT_EXPORTER__POLLING__SETTLE_DELAY"
        );
        insta::assert_snapshot!(
            refused("losant_exporter_accounts__acme__TOKEN_FILE").unwrap(),
            @"environment variable losant_exporter_accounts__acme__TOKEN_FILE: key accounts.acme.token_file: a variable of this name is not read; it is called LOSANT_EXPORTER__ACCOUNTS__ACME__TOKEN_FILE"
        );
        insta::assert_snapshot!(
            refused("LOSANT_EXPORTER__LOG_LEVEL").unwrap(),
            @"environment variable LOSANT_EXPORTER__LOG_LEVEL: key log.level: a variable of this name is not read; it is called LOSANT_EXPORTER__LOG__LEVEL"
        );
        assert!(refused("LOSANT_EXPORTER__POLLING__SETTLE__DELAY").is_some());
        assert!(refused("LOSANT_EXPORTER__ACCOUNTS__ACME_TOKEN_FILE").is_some());
        // Keys without a default are keys as well.
        assert!(refused("LOSANT_EXPORTER_WEB_CONFIG_FILE").is_some());
    }

    #[test]
    fn what_kubernetes_makes_of_a_service_and_what_is_called_rightly_is_let_pass() {
        for name in [
            "LOSANT_EXPORTER_PORT",
            "LOSANT_EXPORTER_PORT_10066_TCP_ADDR",
            "LOSANT_EXPORTER_SERVICE_HOST",
            "LOSANT_EXPORTER_WEB_SERVICE_PORT_METRICS",
            "LOSANT_EXPORTER_ACCOUNTS_PORT_80_TCP_PROTO",
            "LOSANT_EXPORTER_ACCOUNTS_SERVICE_PORT_INSTANCES",
            "LOSANT_EXPORTER_ACCOUNTS_ACME_SERVICE_PORT_BASE_URL",
            "LOSANT_EXPORTER_ACCOUNTS_TOKEN_FILE",
            "LOSANT_EXPORTER__LOG__LEVEL",
            "losant_exporter__log__level",
            "LOSANT_EXPORTER__ACCOUNTS__ACME_EAST__TOKEN_FILE",
            "LOSANT_EXPORTER__ACCOUNTS__ACME_MIN__REQUESTS_PER_SECOND",
            "LOSANT_API_TOKEN",
            "PATH",
        ] {
            assert_eq!(refused(name), None, "{name}");
        }
    }
}
