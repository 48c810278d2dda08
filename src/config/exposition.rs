//! Section `[exposition]`: what is shown of what is known.

use serde::{Deserialize, Serialize};

/// What is shown of what is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpositionConfig {
    /// Whether `losant_sandbox_info` carries the user's e-mail address. Personal data: off by default.
    pub sandbox_email: bool,
}
