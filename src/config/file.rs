//! A configuration file that has been read.
//!
//! Owns: that it is read once, and is TOML.
//! Must not: know what its values mean.

use std::path::Path;

use figment::value::{Dict, Map};
use figment::{Metadata, Profile, Provider};

use super::{ConfigError, Fingerprint};

/// A file with what it held when it was read: once, so that what is parsed is what is known to have been there. Figment
/// would also take a file that cannot be read for an empty one.
pub(super) struct ReadFile<'a> {
    file: &'a Path,
    content: String,
}

impl<'a> ReadFile<'a> {
    pub(super) fn new(file: &'a Path) -> Result<Self, ConfigError> {
        let refuse = |problem: String| ConfigError::File { file: file.display().to_string(), problem };
        let content = std::fs::read(file).map_err(|error| refuse(error.to_string()))?;
        let content = String::from_utf8(content).map_err(|error| {
            refuse(format!("is not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
        })?;
        Ok(Self { file, content })
    }

    /// What stands for what it held.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.content.as_bytes())
    }
}

impl Provider for ReadFile<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::from("TOML file", self.file)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let values: Dict = toml::from_str(&self.content).map_err(|error| error.to_string())?;
        Ok(Profile::Default.collect(values))
    }
}
