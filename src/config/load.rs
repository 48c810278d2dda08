//! Reading the configuration from where it may stand.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Env, Serialized};
use figment::{Figment, Metadata, Source};

use super::environment::{ENV_PREFIX, ENV_SEPARATOR, refuse_misspelt, variable_of};
use super::error::{mistaken, one_line};
use super::file::ReadFile;
use super::{AccountConfig, Config, ConfigError, Fingerprint, LogConfig, ShardingConfig, WebConfig};
use crate::usage::Shard;

/// The file that is read when no flag names one. It may be missing.
pub const DEFAULT_FILE: &str = "config.toml";

/// The account that there is when none is configured.
const DEFAULT_ACCOUNT: &str = "default";

/// Keys that a flag can say, and the flag.
pub const FLAGS: [(&str, &str); 11] = [
    ("web.listen_addresses", "--web.listen-address"),
    ("web.telemetry_path", "--web.telemetry-path"),
    ("web.enable_lifecycle", "--web.enable-lifecycle"),
    ("web.disable_status", "--web.disable-status"),
    ("web.max_requests", "--web.max-requests"),
    ("web.config_file", "--web.config.file"),
    ("web.systemd_socket", "--web.systemd-socket"),
    ("log.level", "--log.level"),
    ("log.format", "--log.format"),
    ("sharding.shard", "--shard"),
    ("sharding.shards", "--shards"),
];

/// Settings that stand on the command line. Those that are absent leave the configuration alone.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config.file`
    pub config_file: Option<PathBuf>,
    /// `--web.listen-address`
    pub listen_addresses: Vec<crate::web::ListenAddress>,
    /// `--web.telemetry-path`
    pub telemetry_path: Option<String>,
    /// `--web.enable-lifecycle`
    pub enable_lifecycle: bool,
    /// `--web.disable-status`
    pub disable_status: bool,
    /// `--web.max-requests`
    pub max_requests: Option<usize>,
    /// `--web.config.file`
    pub web_config_file: Option<PathBuf>,
    /// `--web.systemd-socket`
    pub systemd_socket: bool,
    /// `--log.level`
    pub log_level: Option<crate::logging::Level>,
    /// `--log.format`
    pub log_format: Option<crate::logging::LogFormat>,
    /// `--shard`
    pub shard: Option<u32>,
    /// `--shards`
    pub shards: Option<u32>,
}

impl Flags {
    /// The flag that says the value of `key`, if one does. Only of keys that are refused beyond what each flag checks
    /// by itself.
    fn origin_of(&self, key: &str) -> Option<String> {
        let flag = match key {
            "sharding.shard" => self.shard.map(|_| "--shard"),
            "sharding.shards" => self.shards.map(|_| "--shards"),
            _ => None,
        };
        flag.map(|flag| format!("flag {flag}"))
    }
}

/// A configuration, and where its values came from.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
    /// What stands for what it held then.
    pub held: Option<Fingerprint>,
    figment: Figment,
    flags: Flags,
}

impl Loaded {
    /// Where the value of `key` came from: a file or an environment variable. `None` for a default or a flag.
    pub fn origin_of(&self, key: &str) -> Option<String> {
        origin_of(&self.figment, key)
    }

    /// The shard of this process; see [`ShardingConfig::resolve`]. The error also says where the value came from.
    pub fn shard(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Shard, ConfigError> {
        let refuse = |error: ConfigError| {
            error.found_by(|key| self.flags.origin_of(key).or_else(|| self.origin_of(key)))
        };
        self.config.sharding.resolve(variable).map_err(refuse)
    }
}

/// Reads and checks the configuration. The error says in one line which file or variable and which key is wrong.
pub fn load(flags: &Flags) -> Result<Loaded, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    let file = flags.config_file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    let mut held = None;
    if flags.config_file.is_some() || file.exists() {
        let read = ReadFile::new(file)?;
        held = Some(read.fingerprint());
        figment = figment.merge(read);
    }
    // Those that are no text are not called as a setting either.
    refuse_misspelt(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
    figment = figment.merge(Env::prefixed(ENV_PREFIX).split(ENV_SEPARATOR));
    let config: Config = figment.extract().map_err(|error| refuse(&error))?;
    let mut config = with_flags(flags, config);
    if config.accounts.is_empty() {
        // A token in the environment is all that the usual account needs.
        config.accounts.insert(DEFAULT_ACCOUNT.to_owned(), AccountConfig::default());
    }
    let refuse =
        |error: ConfigError| error.found_by(|key| flags.origin_of(key).or_else(|| origin_of(&figment, key)));
    config.validate().map_err(refuse)?;
    let file = held.is_some().then(|| file.to_owned());
    Ok(Loaded { config, file, held, figment, flags: flags.clone() })
}

/// The configuration with what the flags say: flags win.
pub fn with_flags(flags: &Flags, mut config: Config) -> Config {
    // Destructured whole, so that a new flag cannot be forgotten here.
    let Flags {
        config_file: _,
        listen_addresses,
        telemetry_path,
        enable_lifecycle,
        disable_status,
        max_requests: requests,
        web_config_file,
        systemd_socket: is_socket_wanted,
        log_level,
        log_format,
        shard: number,
        shards: count,
    } = flags.clone();
    if !listen_addresses.is_empty() {
        config.web.listen_addresses = listen_addresses;
    }
    let WebConfig {
        listen_addresses: _,
        telemetry_path: path,
        write_timeout: _,
        enable_lifecycle: lifecycle,
        disable_status: without_status,
        max_requests,
        config_file,
        systemd_socket,
    } = &mut config.web;
    replace(path, telemetry_path);
    replace(max_requests, requests);
    *config_file = web_config_file.or(config_file.take());
    *systemd_socket |= is_socket_wanted;
    *lifecycle |= enable_lifecycle;
    *without_status |= disable_status;
    let LogConfig { level, format } = &mut config.log;
    replace(level, log_level);
    replace(format, log_format);
    let ShardingConfig { shard, shards } = &mut config.sharding;
    *shard = number.or(*shard);
    replace(shards, count);
    config
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Says what figment found in one line: where, which key, what is wrong.
fn refuse(error: &figment::Error) -> ConfigError {
    let mut path = error.path.clone();
    let problem = match &error.kind {
        Kind::UnknownField(name, allowed) => {
            path.push(name.clone());
            // A flattened path may already end in the field.
            path.dedup();
            format!("there is no such key here; known keys: {}", allowed.join(", "))
        }
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            one_line(&mistaken(found, expected))
        }
        kind => {
            // The parser of TOML draws the line at fault, which may hold a token that stands in a wrong place.
            let text = kind.to_string();
            let without_excerpt: Vec<_> = text.lines().filter(|line| !line.contains('|')).collect();
            one_line(&without_excerpt.join(" "))
        }
    };
    let key = path.join(".");
    let origin = error.metadata.as_ref().and_then(|metadata| origin(metadata, &key));
    if path.is_empty() {
        // Not TOML at all: the message holds line and column.
        return ConfigError::File { file: origin.unwrap_or_else(|| "configuration".to_owned()), problem };
    }
    ConfigError::Key { origin, key, problem }
}

fn origin_of(figment: &Figment, key: &str) -> Option<String> {
    let metadata = figment.find_metadata(key).or_else(|| within_account(figment, key))?;
    origin(metadata, key)
}

/// Where the value of an account came from whose name may hold dots: a key is looked up by what stands between them.
fn within_account<'a>(figment: &'a Figment, key: &str) -> Option<&'a Metadata> {
    let key = key.strip_prefix("accounts.")?;
    let accounts = figment.find_value("accounts").ok()?.into_dict()?;
    let value = accounts.iter().find_map(|(name, account)| {
        let within = key.strip_prefix(name.as_str())?.strip_prefix('.')?;
        account.find_ref(within)
    });
    figment.get_metadata(value?.tag())
}

fn origin(metadata: &Metadata, key: &str) -> Option<String> {
    match &metadata.source {
        Some(Source::File(path)) => Some(path.display().to_string()),
        // The defaults stand in the code.
        Some(Source::Code(_)) => None,
        _ => Some(format!("environment variable {}", variable_of(key))),
    }
}
