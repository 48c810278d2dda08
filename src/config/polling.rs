//! Section `[polling]`: when what is polled.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Interval};
use crate::usage::{Collector, Level};

/// No interval may be shorter: a poll is an API request, and Losant's counts do not move faster.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Nothing is waited for longer than this, and sums of such spans cannot overflow.
const LONGEST_INTERVAL: Duration = Duration::from_secs(366 * 86_400);

/// An hour that takes longer than a day to settle would fall out of what is read.
const LONGEST_SETTLE_DELAY: Duration = Duration::from_secs(86_400);

/// When what is polled, and for how long it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PollingConfig {
    /// How often instances, orgs and sandboxes are listed, with what they have and used.
    pub sweep_interval: Interval,
    /// How often payloads by type and source are read of each scope.
    pub payload_counts_interval: Interval,
    /// How often payloads by type and source are read of each scope in bytes.
    pub payload_bytes_interval: Interval,
    /// How often payloads by hour and day are read of each scope.
    pub payload_counts_breakdown_interval: Interval,
    /// How often device counts are read of each scope.
    pub device_counts_interval: Interval,
    /// How often notebook runs and minutes are read of each scope.
    pub notebook_minute_counts_interval: Interval,
    /// How often the monthly summaries of applications are read of each instance.
    pub applications_interval: Interval,
    /// How often the summaries of the month before are read of each instance.
    pub previous_period_interval: Interval,
    /// How often a scope is read anew whose use does not change, as far as lists show.
    pub refresh_interval: Interval,
    /// What is not read at all.
    pub disabled_collectors: Vec<Collector>,
    /// How long readiness waits, after everybody has been listed once, for everything else to be read once.
    pub ready_after: Interval,
    /// How long after its end an hour still counts as unsettled.
    pub settle_delay: Interval,
    /// How long a number is shown when it cannot be read again.
    pub expire_after: Interval,
}

impl Default for PollingConfig {
    fn default() -> Self {
        Self {
            sweep_interval: Interval::minutes(5),
            payload_counts_interval: Interval::minutes(5),
            payload_bytes_interval: Interval::minutes(15),
            payload_counts_breakdown_interval: Interval::minutes(5),
            device_counts_interval: Interval::minutes(15),
            notebook_minute_counts_interval: Interval::minutes(15),
            applications_interval: Interval::minutes(15),
            previous_period_interval: Interval::minutes(24 * 60),
            refresh_interval: Interval::minutes(12 * 60),
            disabled_collectors: Vec::new(),
            ready_after: Interval::minutes(5),
            settle_delay: Interval::minutes(10),
            expire_after: Interval::minutes(60),
        }
    }
}

impl PollingConfig {
    /// How often a collector runs.
    pub fn interval(&self, collector: Collector) -> Duration {
        match collector {
            Collector::Discovery => self.sweep_interval,
            Collector::PayloadCounts => self.payload_counts_interval,
            Collector::PayloadBytes => self.payload_bytes_interval,
            Collector::PayloadCountsBreakdown => self.payload_counts_breakdown_interval,
            Collector::DeviceCounts => self.device_counts_interval,
            Collector::NotebookMinuteCounts => self.notebook_minute_counts_interval,
            Collector::Applications => self.applications_interval,
            Collector::PreviousPeriod => self.previous_period_interval,
        }
        .get()
    }

    /// Whether a collector runs.
    pub fn is_enabled(&self, collector: Collector) -> bool {
        !self.disabled_collectors.contains(&collector)
    }

    /// The collectors of a level that run.
    pub fn collectors_of(&self, level: Level) -> impl Iterator<Item = Collector> {
        Collector::of(level).iter().copied().filter(|collector| self.is_enabled(*collector))
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.expire_after.get() > LONGEST_INTERVAL {
            return Err(ConfigError::key("polling.expire_after", "must be at most 1year"));
        }
        for collector in Collector::ALL {
            let key = format!("polling.{}", interval_key(collector));
            let interval = self.interval(collector);
            if interval < SHORTEST_INTERVAL {
                return Err(ConfigError::key(key, "must be at least 1s"));
            }
            if interval > LONGEST_INTERVAL {
                return Err(ConfigError::key(key, "must be at most 1year"));
            }
            if collector.expires() && interval >= self.expire_after.get() {
                let problem = format!(
                    "{} is not shorter than polling.expire_after ({}): every number would expire before it is read \
                     again",
                    Interval::from(interval),
                    self.expire_after
                );
                return Err(ConfigError::key(key, problem));
            }
        }
        if self.refresh_interval.get() < self.sweep_interval.get() {
            let problem =
                format!("must not be shorter than polling.sweep_interval ({})", self.sweep_interval);
            return Err(ConfigError::key("polling.refresh_interval", problem));
        }
        if self.refresh_interval.get() > LONGEST_INTERVAL {
            return Err(ConfigError::key("polling.refresh_interval", "must be at most 1year"));
        }
        if self.ready_after.get() > LONGEST_INTERVAL {
            return Err(ConfigError::key("polling.ready_after", "must be at most 1year"));
        }
        if self.disabled_collectors.contains(&Collector::Discovery) {
            return Err(ConfigError::key(
                "polling.disabled_collectors",
                "discovery cannot be disabled: it finds everybody that the others ask about",
            ));
        }
        if self.settle_delay.get() > LONGEST_SETTLE_DELAY {
            return Err(ConfigError::key("polling.settle_delay", "must be at most 1day"));
        }
        Ok(())
    }
}

/// The configuration key of a collector's interval.
fn interval_key(collector: Collector) -> String {
    match collector {
        // Discovery is what sweeps do besides.
        Collector::Discovery => "sweep_interval".to_owned(),
        collector => format!("{collector}_interval"),
    }
}
