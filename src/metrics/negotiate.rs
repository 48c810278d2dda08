//! Which exposition format a scraper gets.
//!
//! Owns: reading `Accept` headers (RFC 9110, section 12.5.1) and the content types of the answers. It never refuses:
//! whoever asks for something that is not served gets the text format, which everything can read.
//! Must not: know how a format is written.

/// A format in which metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenMetrics text 1.0.0.
    OpenMetrics,
    /// Prometheus text 0.0.4.
    Text,
}

impl Format {
    /// Every format, for whoever keeps something for each.
    pub const ALL: [Self; 2] = [Self::OpenMetrics, Self::Text];

    /// The format as a label value.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OpenMetrics => "openmetrics",
            Self::Text => "text",
        }
    }

    /// The `Content-Type` of an answer in this format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Chooses the format by the values of all `Accept` headers of a request.
    ///
    /// OpenMetrics has to be asked for by name, at least as urgently as text: a wildcard means that anything will do,
    /// and what anything can read is text.
    pub fn negotiate<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let mut openmetrics = Wish::default();
        let mut text = Wish::default();
        for range in accept.into_iter().flat_map(|header| split(header, ',')).filter_map(MediaRange::parse) {
            openmetrics.hear(range.names_openmetrics(), range.quality);
            text.hear(range.covers_text(), range.quality);
        }
        if openmetrics.quality > 0.0 && openmetrics.quality >= text.quality {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// How much a format is wanted: the quality of the most specific range that covers it.
#[derive(Default)]
struct Wish {
    specificity: Option<u8>,
    quality: f64,
}

impl Wish {
    fn hear(&mut self, specificity: Option<u8>, quality: f64) {
        if specificity.is_none() || specificity < self.specificity {
            return;
        }
        let more_specific = specificity > self.specificity;
        self.quality = if more_specific { quality } else { self.quality.max(quality) };
        self.specificity = specificity;
    }
}

/// One element of an `Accept` header. Only the parameters that matter here are kept.
struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    version: Option<String>,
    quality: f64,
}

impl<'a> MediaRange<'a> {
    /// Nothing, when the element is not a media range: it cannot be a wish for anything.
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = split(element, ';');
        let (kind, subtype) = parts.next()?.trim().split_once('/')?;
        let mut range = Self { kind, subtype, version: None, quality: 1.0 };
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let (name, value) = (name.trim(), unquote(value.trim()));
            if name.eq_ignore_ascii_case("q") {
                range.quality = quality(&value)?;
            } else if name.eq_ignore_ascii_case("version") {
                range.version = Some(value);
            }
        }
        Some(range)
    }

    fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// How specifically the range means our OpenMetrics. Version 0.0.1 was the draft of 1.0.0, which its readers read.
    fn names_openmetrics(&self) -> Option<u8> {
        if !self.is("application", "openmetrics-text") {
            return None;
        }
        match self.version.as_deref() {
            Some("1.0.0") => Some(2),
            None => Some(1),
            Some("0.0.1") => Some(0),
            Some(_) => None,
        }
    }

    /// How specifically the range covers our text format.
    fn covers_text(&self) -> Option<u8> {
        match self.version.as_deref() {
            Some("0.0.4") if self.is("text", "plain") => Some(3),
            None if self.is("text", "plain") => Some(2),
            None if self.is("text", "*") => Some(1),
            None if self.is("*", "*") => Some(0),
            Some(_) | None => None,
        }
    }
}

fn quality(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|quality| plain && (0.0..=1.0).contains(quality))
}

/// Splits at `separator`, except inside quoted strings.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return character == separator && !quoted,
        }
        false
    })
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    let keep = |character: &char| {
        escaped = *character == '\\' && !escaped;
        !escaped
    };
    inner.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::Format::{OpenMetrics, Text};
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(accept: &str, expected: Format) {
        assert_eq!(Format::negotiate([accept]), expected, "{accept}");
    }

    #[test]
    fn prometheus_gets_openmetrics() {
        // 2.42
        check(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OpenMetrics,
        );
        // 3, without and with native histograms
        check(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            OpenMetrics,
        );
        check(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            OpenMetrics,
        );
    }

    #[test]
    fn whoever_does_not_name_openmetrics_gets_text() {
        assert_eq!(Format::negotiate([]), Text);
        // curl
        check("*/*", Text);
        // Firefox and Chromium
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Text);
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
            Text,
        );
        // Prometheus 1 and 2.0, which knew no OpenMetrics
        check(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            Text,
        );
        check("application/*", Text);
        check("application/json", Text);
    }

    #[test]
    fn the_higher_quality_wins_and_openmetrics_wins_a_tie() {
        check("application/openmetrics-text;q=0.5,text/plain;q=0.5", OpenMetrics);
        check("text/plain,application/openmetrics-text", OpenMetrics);
        check("application/openmetrics-text;q=0.4,text/plain;q=0.5", Text);
        check("application/openmetrics-text;q=0.4,*/*;q=0.5", Text);
        check("application/openmetrics-text;q=0.4,*/*;q=0.5,text/*;q=0.1", OpenMetrics);
        check("application/openmetrics-text;q=0.4,text/*;q=0.1,text/plain;q=0.5", Text);
    }

    #[test]
    fn a_quality_of_zero_excludes() {
        check("application/openmetrics-text;q=0", Text);
        check("application/openmetrics-text;q=0.000,*/*;q=0", Text);
        check("application/openmetrics-text;version=1.0.0;q=0,application/openmetrics-text;q=1", Text);
        check("application/openmetrics-text;q=0.1,text/plain;q=0,*/*", OpenMetrics);
    }

    #[test]
    fn only_known_versions_count() {
        check("application/openmetrics-text", OpenMetrics);
        check("application/openmetrics-text;version=0.0.1", OpenMetrics);
        check("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", OpenMetrics);
        check("application/openmetrics-text;version=2.0.0", Text);
        check("application/openmetrics-text;version=", Text);
    }

    #[test]
    fn case_space_and_quoted_separators_do_not_matter() {
        check(" Application/OpenMetrics-Text ;\tVersion=1.0.0 ; Q=1.0 ", OpenMetrics);
        check("text/plain;x=\"a,application/openmetrics-text;b\"", Text);
        check(
            "text/plain;q=0.1;x=\"a\\\",\\\\\",application/openmetrics-text;version=\"1\\.0.0\"",
            OpenMetrics,
        );
    }

    #[test]
    fn all_accept_headers_of_a_request_are_read() {
        assert_eq!(
            Format::negotiate(["text/plain;q=0.5", "application/openmetrics-text;version=1.0.0"]),
            OpenMetrics
        );
    }

    #[test]
    fn nonsense_is_no_wish() {
        for nonsense in
            ["", ",", ";;;", "application", "openmetrics", "/", "\"", "application/openmetrics-text;q=x"]
        {
            check(nonsense, Text);
        }
        check("application/openmetrics-text;q=7", Text);
        check("application/openmetrics-text;q=-1", Text);
        check("application/openmetrics-text;q=NaN", Text);
        check("nonsense,application/openmetrics-text;nonsense", OpenMetrics);
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(first: String, second: String) {
            Format::negotiate([first.as_str(), second.as_str()]);
        }

        #[test]
        fn no_header_of_the_right_letters_breaks_it(header in "[a-z/*;,=\"\\\\q.01 -]{0,80}") {
            Format::negotiate([header.as_str()]);
        }
    }
}
