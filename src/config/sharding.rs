//! Section `[sharding]`: which part of everything this process reads.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::usage::{InvalidShard, Shard};

/// The environment variable that a pod of a Kubernetes `StatefulSet` is told its name by.
pub const POD_NAME_VARIABLE: &str = "POD_NAME";

/// Which part of everything this process reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShardingConfig {
    /// The number of this process among `shards`, from 0. Without it, the ordinal that `POD_NAME` ends in.
    pub shard: Option<u32>,
    /// How many processes share the work.
    pub shards: u32,
}

impl Default for ShardingConfig {
    fn default() -> Self {
        Self { shard: None, shards: 1 }
    }
}

impl ShardingConfig {
    /// The shard of this process. `variable` reads an environment variable; it is asked only where there are several
    /// shards and no number is set. The error names the key, and the variable where that is at fault.
    pub fn resolve(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Shard, ConfigError> {
        self.validate()?;
        let Self { shard, shards } = *self;
        match shard {
            Some(number) => Shard::new(number, shards).map_err(refusal),
            None if shards == 1 => Ok(Shard::whole()),
            None => {
                let name = variable(POD_NAME_VARIABLE);
                let name = name.as_ref().map(|name| name.to_string_lossy());
                let number = match &name {
                    Some(name) => ordinal(name).ok_or_else(|| {
                        format!(
                            "{POD_NAME_VARIABLE} is {name:?}, which does not end in the number of a shard"
                        )
                    }),
                    None => Err(format!("{POD_NAME_VARIABLE} is not set either")),
                };
                let number = number.map_err(|problem| {
                    let problem = format!(
                        "not set, and environment variable {problem}: with {shards} shards, each needs its number \
                         from --shard, from sharding.shard, or from the end of {POD_NAME_VARIABLE} as a StatefulSet \
                         numbers its pods (losant-exporter-2)"
                    );
                    ConfigError::key("sharding.shard", problem)
                })?;
                Shard::new(number, shards).map_err(|problem| {
                    let name = name.unwrap_or_default();
                    let problem = format!("environment variable {POD_NAME_VARIABLE} is {name:?}: {problem}");
                    ConfigError::key("sharding.shards", problem)
                })
            }
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        // Whether the environment knows a number is asked by those commands that need one.
        Shard::new(self.shard.unwrap_or(0), self.shards).map(drop).map_err(refusal)
    }
}

fn refusal(problem: InvalidShard) -> ConfigError {
    let key = match problem {
        InvalidShard::None | InvalidShard::TooMany => "sharding.shards",
        InvalidShard::OutOfRange { .. } => "sharding.shard",
    };
    ConfigError::key(key, problem.to_string())
}

/// The number behind the last hyphen of a pod's name.
fn ordinal(pod: &str) -> Option<u32> {
    let (_, digits) = pod.rsplit_once('-')?;
    // `parse` would take a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(shard: Option<u32>, shards: u32, pod: Option<&str>) -> Result<Shard, String> {
        let variable = |name: &str| pod.filter(|_| name == "POD_NAME").map(OsString::from);
        ShardingConfig { shard, shards }.resolve(variable).map_err(|error| error.to_string())
    }

    #[test]
    fn one_shard_is_the_whole_whatever_the_pod_is_called() {
        assert_eq!(resolve(None, 1, Some("losant-exporter-2")), Ok(Shard::whole()));
        assert_eq!(resolve(Some(0), 1, None), Ok(Shard::whole()));
    }

    #[test]
    fn the_pod_tells_the_number_where_nothing_else_does() {
        assert_eq!(resolve(None, 3, Some("losant-exporter-2")), Ok(Shard::new(2, 3).unwrap()));
        assert_eq!(resolve(Some(1), 3, Some("losant-exporter-2")), Ok(Shard::new(1, 3).unwrap()));
        assert_eq!(resolve(None, 12, Some("exporter-eu-11")), Ok(Shard::new(11, 12).unwrap()));
    }

    #[test]
    fn a_pod_that_is_not_of_a_stateful_set_tells_no_number() {
        for pod in [
            "losant-exporter-7d4b9c6f5-x2x4z",
            "losant-exporter-99999999999",
            "losant-exporter-+1",
            "losant-exporter-",
            "losant-exporter-٣",
            "2",
            "",
        ] {
            let refusal = resolve(None, 3, Some(pod)).unwrap_err();
            assert!(refusal.contains("does not end in the number of a shard"), "{refusal}");
        }
        // Five digits may be all that the name of a Deployment's pod ends in: more than there can be shards.
        assert!(resolve(None, Shard::MOST, Some("losant-exporter-7d4b9c6f5-24567")).is_err());
    }

    #[test]
    fn a_number_that_cannot_be_is_refused_by_key() {
        let refusals = [
            resolve(Some(3), 3, None),
            resolve(Some(1), 1, None),
            resolve(None, 0, None),
            resolve(Some(0), 1_000_000, None),
            resolve(None, 3, None),
            resolve(None, 3, Some("losant-exporter")),
            resolve(None, 3, Some("losant-exporter-3")),
        ];
        insta::assert_snapshot!(refusals.map(|refusal| refusal.unwrap_err() + "\n").concat(), @r#"
        key sharding.shard: 3 must be less than the number of shards, which is 3: the first is 0
        key sharding.shard: 1 must be less than the number of shards, which is 1: the first is 0
        key sharding.shards: must be at least 1
        key sharding.shards: must be at most 1000
        key sharding.shard: not set, and environment variable POD_NAME is not set either: with 3 shards, each needs its number from --shard, from sharding.shard, or from the end of POD_NAME as a StatefulSet numbers its pods (losant-exporter-2)
        key sharding.shard: not set, and environment variable POD_NAME is "losant-exporter", which does not end in the number of a shard: with 3 shards, each needs its number from --shard, from sharding.shard, or from the end of POD_NAME as a StatefulSet numbers its pods (losant-exporter-2)
        key sharding.shards: environment variable POD_NAME is "losant-exporter-3": 3 must be less than the number of shards, which is 3: the first is 0
        "#);
    }
}
