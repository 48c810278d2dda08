//! What an answer looks like from the outside: versions that are accepted, bodies of errors, compression.
//!
//! Owns: what the switches say about it. The compression stores and does not shrink: a client cannot
//! tell, and it needs no library.

use axum::http::StatusCode;
use serde_json::Value;

use super::refusal::Refusal;
use super::switches::{AcceptVersion, ErrorBodies, Switches};

pub(super) const JSON: &str = "application/json";
pub(super) const HTML: &str = "text/html";

/// A proxy's error page.
pub(super) const ERROR_PAGE: &str =
    "<html><head><title>Error</title></head><body><h1>Error</h1></body></html>\n";
/// Longest block that can be stored.
const BLOCK: usize = 0xffff;

/// The body of an error, and its content type.
pub(super) fn error(switches: &Switches, status: StatusCode, envelope: &Value) -> (String, &'static str) {
    let is_open = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
    match switches.error_bodies {
        ErrorBodies::Html if is_open.contains(&status) => (ERROR_PAGE.to_owned(), HTML),
        ErrorBodies::Empty if is_open.contains(&status) => (String::new(), JSON),
        _ => (envelope.to_string(), JSON),
    }
}

/// Refuses an `Accept-Version` that is no range of versions, if so switched.
pub(super) fn check_version(switches: &Switches, version: Option<&str>) -> Result<(), Refusal> {
    let strange = version.filter(|version| !is_range(version));
    match (strange, switches.accept_version) {
        (Some(version), AcceptVersion::RejectsUnknown) => {
            Err(Refusal::Validation(format!("Accept-Version must be a range of versions, not {version:?}")))
        }
        _ => Ok(()),
    }
}

/// Whether it could be a range such as `^1.30.0`, `>=1.2 <2`, `1.x || 2.*` or `1.0.0 - 2.0.0`.
fn is_range(text: &str) -> bool {
    let is_version = |word: &str| {
        let bare = word.trim_start_matches(['^', '~', '<', '>', '=']);
        let bare = bare.strip_prefix('v').unwrap_or(bare);
        let core = bare.split(['-', '+']).next().unwrap_or_default();
        let parts: Vec<_> = core.split('.').collect();
        let is_part = |part: &&str| {
            matches!(*part, "x" | "X" | "*")
                || (!part.is_empty() && part.len() <= 9 && part.bytes().all(|digit| digit.is_ascii_digit()))
        };
        parts.len() <= 3 && parts.iter().all(is_part)
    };
    text.split("||").all(|range| {
        let mut words = range.split_whitespace().filter(|word| *word != "-").peekable();
        words.peek().is_some() && words.all(is_version)
    })
}

/// Whether an `Accept-Encoding` asks for gzip.
pub(super) fn asks_for_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let refused =
            quality.trim().strip_prefix("q=").and_then(|quality| quality.parse::<f64>().ok()) == Some(0.0);
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}

/// `body` as gzip, in blocks that are stored as they are.
pub(super) fn gzipped(body: &[u8]) -> Vec<u8> {
    // Magic number, deflate, no flags, no time, no extras, an unknown system.
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks = body.len().div_ceil(BLOCK).max(1);
    for index in 0..blocks {
        let start = index * BLOCK;
        let block = body.get(start..body.len().min(start + BLOCK)).unwrap_or_default();
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(u8::from(index + 1 == blocks));
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    packed.extend(checksum(body).to_le_bytes());
    // The length is told modulo 2^32.
    packed.extend(u32::try_from(body.len() & 0xffff_ffff).unwrap_or(0).to_le_bytes());
    packed
}

/// The CRC-32 of gzip.
fn checksum(body: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        let mut byte: u32 = 0;
        while index < 256 {
            let mut sum = byte;
            let mut bit = 0;
            while bit < 8 {
                sum = if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
                bit += 1;
            }
            table[index] = sum;
            index += 1;
            byte += 1;
        }
        table
    };
    let step = |sum: u32, byte: &u8| {
        let [low, ..] = sum.to_le_bytes();
        TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ (sum >> 8)
    };
    !body.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_versions_are_told_from_anything_else() {
        for text in
            ["^1.30.0", "1", "~1.2", ">=1.2.3 <2", "1.x || 2.*", "1.0.0 - 2.0.0", "*", "v1.2.3-rc.1+5"]
        {
            assert!(is_range(text), "{text}");
        }
        for text in ["", "latest", "^", "1.2.3.4", "one", "1..2", "1 ||", "^abc", "99999999999"] {
            assert!(!is_range(text), "{text}");
        }
    }

    #[test]
    fn gzip_is_asked_for_by_name_or_star_and_refused_by_a_quality_of_zero() {
        assert!(asks_for_gzip("deflate, gzip") && asks_for_gzip("*") && asks_for_gzip("gzip;q=0.5"));
        assert!(!asks_for_gzip("br") && !asks_for_gzip("gzip;q=0") && !asks_for_gzip(""));
    }

    #[test]
    fn the_checksum_is_the_one_of_gzip() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
        assert_eq!(gzipped(b"").len(), 10 + 5 + 8);
        assert_eq!(gzipped(&vec![7; 70_000]).len(), 10 + 2 * 5 + 70_000 + 8);
    }
}
