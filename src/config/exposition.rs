//! Section `[exposition]`: what is shown of what is known.

use serde::{Deserialize, Serialize};

/// What is shown of what is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpositionConfig {
    /// Whether `losant_sandbox_info` carries the user's e-mail address. Personal data: off by default.
    pub sandbox_email: bool,
    /// Whether payloads of the billing period carry the label `source`. Without it they are summed over their sources,
    /// which saves series.
    pub source_label: bool,
}

impl Default for ExpositionConfig {
    fn default() -> Self {
        Self { sandbox_email: false, source_label: true }
    }
}
