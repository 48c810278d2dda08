//! `config.toml` is the reference: every key, every default.

use std::collections::BTreeSet;
use std::path::Path;

use losant_exporter::config::{self, AccountConfig, Config, Flags, ShardingConfig};

fn reference() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml")).expect("config.toml")
}

fn keys(prefix: &str, value: &toml::Value, into: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                keys(&format!("{prefix}.{key}"), value, into);
            }
        }
        _ => {
            into.insert(prefix.trim_start_matches('.').to_owned());
        }
    }
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
    let mut defaults = Config::default();
    let account = AccountConfig {
        token_file: Some("file".into()),
        token_env: Some("VARIABLE".to_owned()),
        min_requests_per_second: Some(1.0),
        ..AccountConfig::default()
    };
    defaults.accounts.insert("default".to_owned(), account);
    defaults.exposition.max_series = Some(1);
    defaults.web.config_file = Some("file".into());
    defaults.sharding = ShardingConfig { shard: Some(0), ..ShardingConfig::default() };
    let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
    keys("", &toml::Value::try_from(defaults).expect("a table"), &mut wanted);
    // A key without a default stands behind a comment sign, as it would be written.
    let uncommented: Vec<_> = reference()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    keys("", &uncommented.join("\n").parse::<toml::Table>().expect("TOML").into(), &mut found);
    assert!(wanted.len() > 20);
    assert_eq!(found, wanted);
}
