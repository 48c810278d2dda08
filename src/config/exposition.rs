//! Section `[exposition]`: what is shown of what is known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Interval};

/// Pages may be made as often as this; nobody scrapes more often.
const SHORTEST_RENDER_INTERVAL: Duration = Duration::from_millis(100);

/// A page that is older than this says nothing.
const LONGEST_RENDER_INTERVAL: Duration = Duration::from_secs(3_600);

/// What is shown of what is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpositionConfig {
    /// Whether `losant_sandbox_info` carries the user's e-mail address. Personal data: off by default.
    pub sandbox_email: bool,
    /// Whether payloads of the billing period carry the label `source`. Without it they are summed over their sources,
    /// which saves series.
    pub source_label: bool,
    /// How often the page of metrics is made anew at most, when numbers have changed.
    pub render_interval: Interval,
    /// How many usage series there may be. Where there would be more, detail is left out. Not set: no limit.
    pub max_series: Option<usize>,
}

impl Default for ExpositionConfig {
    fn default() -> Self {
        Self {
            sandbox_email: false,
            source_label: true,
            render_interval: Interval::seconds(1),
            max_series: None,
        }
    }
}

impl ExpositionConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let render_interval = self.render_interval.get();
        if !(SHORTEST_RENDER_INTERVAL..=LONGEST_RENDER_INTERVAL).contains(&render_interval) {
            return Err(ConfigError::key("exposition.render_interval", "must be between 100ms and 1h"));
        }
        if self.max_series == Some(0) {
            return Err(ConfigError::key(
                "exposition.max_series",
                "must be at least 1; leave it out for no limit",
            ));
        }
        Ok(())
    }
}
