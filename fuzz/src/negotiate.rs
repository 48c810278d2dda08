//! `Accept` and `Accept-Encoding`.
//!
//! Whatever a client sends, it gets what it named or what everything can read. Well-formed headers are made up as well, and for
//! these a second reading of RFC 9110 says what the answer is.

use std::fmt::Write as _;

use arbitrary::{Arbitrary, Unstructured};
use losant_exporter::metrics::encoding::Encoding;
use losant_exporter::metrics::negotiate::Format;

/// Checks a text as header lines, and its bytes as a plan for a header.
pub fn check(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        any(text);
    }
    let mut plan = Unstructured::new(data);
    if let (Ok(ranges), Ok(spelling)) = (Vec::<Range>::arbitrary(&mut plan), Spelling::arbitrary(&mut plan)) {
        well_formed(&ranges, &spelling);
    }
}

/// What holds of any text.
fn any(text: &str) {
    let lines: Vec<_> = text.lines().collect();
    let (format, encoding) = (Format::negotiate(lines.clone()), Encoding::negotiate(lines.clone()));
    let lower = text.to_ascii_lowercase();
    if format == Format::OpenMetrics {
        assert!(lower.contains("application/openmetrics-text"), "OpenMetrics for whoever did not name it");
    }
    if encoding == Encoding::Gzip {
        assert!(lower.contains("gzip") || lower.contains('*'), "gzip for whoever did not name it");
    }
    let backwards = || lines.iter().rev().copied();
    assert_eq!(Format::negotiate(backwards()), format, "the order of the lines matters");
    assert_eq!(Encoding::negotiate(backwards()), encoding, "the order of the lines matters");
    let with_others = || lines.iter().copied().chain(["image/png;q=0.9, br;q=0.9"]);
    assert_eq!(Format::negotiate(with_others()), format, "what is not served matters");
    assert_eq!(Encoding::negotiate(with_others()), encoding, "what is not served matters");
}

/// An element of a header: what it names, and how urgently, in thousandths.
#[derive(Arbitrary, Debug)]
struct Range {
    name: Name,
    version: Option<Version>,
    thousandths: Option<u16>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    OpenMetrics,
    Text,
    AnyText,
    Anything,
    Png,
    Gzip,
    XGzip,
    Identity,
    Star,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V0_0_1,
    V0_0_4,
    V1_0_0,
    V2_0_0,
}

/// What must not matter.
#[derive(Arbitrary, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that may be so or not")]
struct Spelling {
    upper: bool,
    quoted: bool,
    spaces: u8,
    lines: bool,
    extra: bool,
}

impl Range {
    fn quality(&self) -> u32 {
        self.thousandths.map_or(1_000, |thousandths| u32::from(thousandths % 1_001))
    }

    fn write(&self, spelling: &Spelling) -> String {
        let name = match self.name {
            Name::OpenMetrics => "application/openmetrics-text",
            Name::Text => "text/plain",
            Name::AnyText => "text/*",
            Name::Anything => "*/*",
            Name::Png => "image/png",
            Name::Gzip => "gzip",
            Name::XGzip => "x-gzip",
            Name::Identity => "identity",
            Name::Star => "*",
        };
        let space = " ".repeat(usize::from(spelling.spaces % 3));
        let mut text = format!("{space}{name}");
        if spelling.extra {
            let _ = write!(text, "{space};{space}charset=\"a,b;\\\"q=0\"");
        }
        if let Some(version) = self.version {
            let version = match version {
                Version::V0_0_1 => "0.0.1",
                Version::V0_0_4 => "0.0.4",
                Version::V1_0_0 => "1.0.0",
                Version::V2_0_0 => "2.0.0",
            };
            let quote = if spelling.quoted { "\"" } else { "" };
            let _ = write!(text, "{space};{space}version={quote}{version}{quote}");
        }
        if self.thousandths.is_some() {
            let quality = self.quality();
            let _ = write!(text, "{space};{space}q={}.{:03}", quality / 1_000, quality % 1_000);
        }
        if spelling.upper { text.to_ascii_uppercase() } else { text }
    }

    /// How closely it means OpenMetrics, if it does.
    fn openmetrics(&self) -> Option<u8> {
        match (self.name, self.version) {
            (Name::OpenMetrics, Some(Version::V1_0_0)) => Some(3),
            (Name::OpenMetrics, None) => Some(2),
            (Name::OpenMetrics, Some(Version::V0_0_1)) => Some(1),
            _ => None,
        }
    }

    fn text(&self) -> Option<u8> {
        match (self.name, self.version) {
            (Name::Text, Some(Version::V0_0_4)) => Some(5),
            (Name::Text, None) => Some(4),
            (Name::Text, Some(Version::V1_0_0)) => Some(3),
            (Name::AnyText, None) => Some(2),
            (Name::Anything, None) => Some(1),
            _ => None,
        }
    }

    fn gzip(&self) -> Option<u8> {
        match self.name {
            Name::Gzip | Name::XGzip => Some(2),
            Name::Star => Some(1),
            _ => None,
        }
    }

    fn identity(&self) -> Option<u8> {
        (self.name == Name::Identity).then_some(1)
    }
}

/// Of the elements that mean something most closely, the most urgent counts; zero where there is none.
fn wish(ranges: &[Range], closeness: fn(&Range) -> Option<u8>) -> u32 {
    let meant = ranges.iter().filter_map(|range| Some((closeness(range)?, range.quality())));
    meant.max().map_or(0, |(_, quality)| quality)
}

fn well_formed(ranges: &[Range], spelling: &Spelling) {
    let elements: Vec<_> = ranges.iter().map(|range| range.write(spelling)).collect();
    let lines = if spelling.lines { elements } else { vec![elements.join(",")] };
    let lines = || lines.iter().map(String::as_str);
    let (openmetrics, text) = (wish(ranges, Range::openmetrics), wish(ranges, Range::text));
    let expected = if openmetrics > 0 && openmetrics >= text { Format::OpenMetrics } else { Format::Text };
    assert_eq!(Format::negotiate(lines()), expected, "{ranges:?} {spelling:?}");
    let (gzip, identity) = (wish(ranges, Range::gzip), wish(ranges, Range::identity));
    let expected = if gzip > 0 && gzip >= identity { Encoding::Gzip } else { Encoding::Identity };
    assert_eq!(Encoding::negotiate(lines()), expected, "{ranges:?} {spelling:?}");
}
