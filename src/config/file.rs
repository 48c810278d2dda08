//! A configuration file that has been read.
//!
//! Owns: that it is TOML, and from where its paths lead: from its folder, wherever the program was started, as in the files of
//! Prometheus.
//! Must not: know what its values mean, beyond which of them are paths.

use std::path::Path;

use figment::value::{Dict, Map, Value};
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
        let mut values: Dict = toml::from_str(&self.content).map_err(|error| error.to_string())?;
        let folder = self.file.parent().unwrap_or(Path::new(""));
        if let Some(web) = values.get_mut("web").and_then(section) {
            lead_from(folder, web, "config_file")?;
        }
        let accounts = values.get_mut("accounts").and_then(section).into_iter().flat_map(Dict::values_mut);
        for account in accounts.filter_map(section) {
            lead_from(folder, account, "token_file")?;
        }
        Ok(Profile::Default.collect(values))
    }
}

fn section(value: &mut Value) -> Option<&mut Dict> {
    // Whatever else it is will be refused where its type is known.
    if let Value::Dict(_, section) = value { Some(section) } else { None }
}

/// Has the path of a key begin in `folder`, unless it is absolute.
fn lead_from(folder: &Path, section: &mut Dict, key: &str) -> Result<(), String> {
    let Some(Value::String(_, path)) = section.get_mut(key) else { return Ok(()) };
    if path.is_empty() || Path::new(path).is_absolute() {
        return Ok(());
    }
    let whole = folder.join(&*path).into_os_string().into_string();
    *path = whole
        .map_err(|_| format!("{key}: must be an absolute path, because that of this file is not UTF-8"))?;
    Ok(())
}
