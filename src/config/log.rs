//! Section `[log]`: what is logged, and how.

use serde::{Deserialize, Serialize};

use super::as_text;
use crate::logging::{Level, LogFormat};

/// What is logged, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// The least severe level that is logged.
    #[serde(with = "as_text")]
    pub level: Level,
    /// How a line looks.
    #[serde(with = "as_text")]
    pub format: LogFormat,
}
