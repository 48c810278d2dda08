//! The web configuration file as it is written.
//!
//! Owns: the keys that there are, and reading them strictly: a key that nobody knows is refused, since a protection would be
//! missing in silence.
//! Must not: know what values mean. Holds secrets, so nothing here can be printed.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_saphyr::UserMessageFormatter;

use super::GuardError;

/// The whole file. A section that is there and empty is the same as one that is absent.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    pub(super) tls_server_config: Option<TlsDocument>,
    pub(super) http_server_config: Option<HttpDocument>,
    pub(super) basic_auth_users: Option<BTreeMap<String, String>>,
    pub(super) rate_limit: Option<RateLimitDocument>,
}

/// Section `tls_server_config`. An empty text is the same as an absent one, but for versions.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsDocument {
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
    pub(super) client_ca: Option<String>,
    pub(super) cert_file: Option<String>,
    pub(super) key_file: Option<String>,
    pub(super) client_ca_file: Option<String>,
    pub(super) client_auth_type: Option<String>,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) cipher_suites: Option<Vec<String>>,
    pub(super) curve_preferences: Option<Vec<String>>,
    pub(super) min_version: Option<String>,
    pub(super) max_version: Option<String>,
    pub(super) prefer_server_cipher_suites: Option<bool>,
}

/// Section `http_server_config`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpDocument {
    pub(super) http2: Option<bool>,
    pub(super) headers: Option<BTreeMap<String, String>>,
}

/// Section `rate_limit`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateLimitDocument {
    pub(super) interval: Option<String>,
    pub(super) burst: Option<u32>,
}

impl Document {
    pub(super) fn parse(file: &Path, content: &[u8]) -> Result<Self, GuardError> {
        let text = std::str::from_utf8(content).map_err(|error| {
            GuardError::new(file, format!("is not UTF-8 from byte {} on", error.valid_up_to()))
        })?;
        let document: Option<Self> = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            GuardError::new(file, format!("line {line}: {}", in_one_line(&error)))
        })?;
        // A file that is just being written is empty, too, and must not let everybody in.
        document.ok_or_else(|| GuardError::new(file, "is empty; write {} for no rules"))
    }
}

/// What the parser has to say, without the lines that it draws, which may hold a key, and the place, which is said already.
fn in_one_line(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().render_with_formatter(&UserMessageFormatter);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem).to_owned()
}
