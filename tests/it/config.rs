//! `config.toml` is the reference: every key, every default.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use losant_exporter::config::{self, AccountConfig, Config, Flags, ShardingConfig};

fn reference() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml")).expect("config.toml")
}

/// The defaults with an account, and a value for every key that has none. A key without a default is added here.
pub fn with_every_key(account: &str) -> Config {
    let mut config = Config::default();
    let set = AccountConfig {
        token_file: Some("file".into()),
        token_env: Some("VARIABLE".to_owned()),
        min_requests_per_second: Some(1.0),
        ..AccountConfig::default()
    };
    config.accounts.insert(account.to_owned(), set);
    config.exposition.max_series = Some(1);
    config.web.config_file = Some("file".into());
    config.sharding = ShardingConfig { shard: Some(0), ..ShardingConfig::default() };
    config
}

/// Every key of a configuration, with its value.
pub fn leaves(config: &toml::Value) -> BTreeMap<String, toml::Value> {
    fn walk(prefix: &str, value: &toml::Value, into: &mut BTreeMap<String, toml::Value>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    walk(&format!("{prefix}.{key}"), value, into);
                }
            }
            other => {
                into.insert(prefix.trim_start_matches('.').to_owned(), other.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk("", config, &mut found);
    found
}

fn keys(config: &toml::Value) -> BTreeSet<String> {
    leaves(config).into_keys().collect()
}

#[test]
fn the_reference_holds_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let flags = Flags { config_file: Some(path), ..Flags::default() };
    let loaded = config::load(&flags).expect("it loads").config;
    let mut defaults = Config::default();
    defaults.accounts.insert("default".to_owned(), AccountConfig::default());
    assert_eq!(loaded, defaults);
}

#[test]
fn the_reference_names_every_key() {
    let wanted = keys(&toml::Value::try_from(with_every_key("default")).expect("a table"));
    // A key without a default stands behind a comment sign, as it would be written.
    let uncommented: Vec<_> = reference()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    let found = keys(&uncommented.join("\n").parse::<toml::Table>().expect("TOML").into());
    assert!(wanted.len() > 20);
    assert_eq!(found, wanted);
}
