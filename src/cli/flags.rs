//! Flags that several subcommands share, named as Prometheus exporters name theirs.

use std::path::PathBuf;

use clap::Args;

use crate::config::Flags;
use crate::logging::{Level, LogFormat};
use crate::web::{InvalidTelemetryPath, ListenAddress, check_telemetry_path};

/// Where the configuration stands.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ConfigFlags {
    /// Configuration file [default: config.toml, if there is one]
    #[arg(long = "config.file", value_name = "FILE")]
    config_file: Option<PathBuf>,
}

/// What is served where.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct WebFlags {
    /// Address to listen on; can be given several times [default: 127.0.0.1:10066]
    #[arg(long = "web.listen-address", value_name = "HOST:PORT")]
    listen_addresses: Vec<ListenAddress>,
    /// Path of the metrics [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH", value_parser = telemetry_path)]
    telemetry_path: Option<String>,
    /// Have a plain landing page in the place of the status page, and neither /status.json nor /config
    #[arg(long = "web.disable-status")]
    disable_status: bool,
    /// Web configuration file of the Prometheus exporter-toolkit: TLS, users, headers, rate limit
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config_file: Option<PathBuf>,
    /// Most requests that are answered at the same time; 0 for any number [default: 40]
    #[arg(long = "web.max-requests", value_name = "NUMBER")]
    max_requests: Option<usize>,
    /// Listen on the sockets that systemd hands in, instead of on addresses
    #[arg(long = "web.systemd-socket")]
    systemd_socket: bool,
}

impl WebFlags {
    /// Whether no address stands on the command line.
    pub(super) fn is_silent_on_addresses(&self) -> bool {
        self.listen_addresses.is_empty()
    }
}

fn telemetry_path(text: &str) -> Result<String, InvalidTelemetryPath> {
    check_telemetry_path(text).map(|()| text.to_owned())
}

/// What may be told to the process over HTTP.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct LifecycleFlags {
    // Not a doc comment: paths would need backticks there.
    #[arg(
        long = "web.enable-lifecycle",
        help = "Let /-/reload read the configuration anew and /-/log-level change the log level"
    )]
    pub(super) enable_lifecycle: bool,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct LogFlags {
    /// Least severe level to log: error, warn, info, debug or trace [default: info, in a demo warn]
    #[arg(long = "log.level", value_name = "LEVEL")]
    pub(super) log_level: Option<Level>,
    /// How a log line looks: logfmt or json [default: logfmt]
    #[arg(long = "log.format", value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
}

/// Which part of everything is read.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct ShardFlags {
    // Not a doc comment: the variable would need backticks there, which help does not show well.
    #[arg(
        long = "shard",
        value_name = "NUMBER",
        help = "Number of this process among several that share the work, from 0 [default: what POD_NAME ends in]"
    )]
    shard: Option<u32>,
    /// How many processes share the work [default: 1]
    #[arg(long = "shards", value_name = "NUMBER")]
    shards: Option<u32>,
}

/// Flags as the configuration takes them.
pub(super) fn merge(config: ConfigFlags, web: WebFlags, shard: ShardFlags, log: LogFlags) -> Flags {
    let ConfigFlags { config_file } = config;
    let WebFlags {
        listen_addresses,
        telemetry_path,
        disable_status,
        web_config_file,
        max_requests,
        systemd_socket,
    } = web;
    let ShardFlags { shard, shards } = shard;
    let LogFlags { log_level, log_format } = log;
    Flags {
        config_file,
        listen_addresses,
        telemetry_path,
        enable_lifecycle: false,
        disable_status,
        max_requests,
        web_config_file,
        systemd_socket,
        log_level,
        log_format,
        shard,
        shards,
    }
}
