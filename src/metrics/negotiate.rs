//! Which exposition format a scraper gets.
//!
//! Owns: reading `Accept` headers (RFC 9110, section 12.5.1) and the content types of the answers. It never refuses:
//! whoever asks for something that is not served gets the text format, which everything can read.
//! Must not: know how a format is written.

use super::preference::{Element, Wish, elements};

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
    ///
    /// `escaping` says what to do with names that are not `[a-zA-Z_:][a-zA-Z0-9_:]*`. There are none, so whatever it
    /// says is done already.
    pub fn negotiate<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let mut openmetrics = Wish::default();
        let mut text = Wish::default();
        for element in elements(accept) {
            let Some(range) = MediaRange::of(&element) else { continue };
            openmetrics.hear(range.names_openmetrics(), element.quality);
            text.hear(range.covers_text(), element.quality);
        }
        if openmetrics.quality() > 0.0 && openmetrics.quality() >= text.quality() {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// One element of an `Accept` header. Of its parameters only the version matters here.
struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    version: Option<&'a str>,
}

impl<'a> MediaRange<'a> {
    /// Nothing, when the element is not a media range: it cannot be a wish for anything.
    fn of(element: &'a Element<'_>) -> Option<Self> {
        let (kind, subtype) = element.name.split_once('/')?;
        let mut versions = element.parameters.iter().filter(|(name, _)| name.eq_ignore_ascii_case("version"));
        Some(Self { kind, subtype, version: versions.next_back().map(|(_, version)| version.as_str()) })
    }

    fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// How specifically the range means our OpenMetrics. Version 0.0.1 was the draft of 1.0.0, which its readers read.
    fn names_openmetrics(&self) -> Option<u8> {
        if !self.is("application", "openmetrics-text") {
            return None;
        }
        match self.version {
            Some("1.0.0") => Some(2),
            None => Some(1),
            Some("0.0.1") => Some(0),
            Some(_) => None,
        }
    }

    /// How specifically the range covers our text format. Text 1.0.0 is 0.0.4 and quoted names: with plain names every
    /// page of 0.0.4 is one of 1.0.0.
    fn covers_text(&self) -> Option<u8> {
        match self.version {
            Some("0.0.4") if self.is("text", "plain") => Some(4),
            None if self.is("text", "plain") => Some(3),
            Some("1.0.0") if self.is("text", "plain") => Some(2),
            None if self.is("text", "*") => Some(1),
            None if self.is("*", "*") => Some(0),
            Some(_) | None => None,
        }
    }
}

#[cfg(test)]
#[path = "negotiate/clients_tests.rs"]
mod clients_tests;

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
    fn whoever_does_not_name_openmetrics_gets_text() {
        assert_eq!(Format::negotiate([]), Text);
        check("*/*", Text);
        check("application/*", Text);
        check("application/json", Text);
        check("application/openmetrics-protobuf;version=1.0.0", Text);
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
    fn other_types_are_no_wish_for_text_whatever_their_version() {
        for other in
            ["application/json", "text/html", "application/json;version=0.0.4", "text/html;version=1.0.0"]
        {
            check(&format!("{other},application/openmetrics-text;q=0.5"), OpenMetrics);
        }
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
    fn openmetrics_2_is_not_served_but_may_be_asked_for_next_to_what_is() {
        check("application/openmetrics-text;version=2.0.0", Text);
        check("application/openmetrics-text;version=2.0.0,*/*;q=0.1", Text);
        let with_its_forerunner = "application/openmetrics-text;version=2.0.0;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5";
        check(with_its_forerunner, OpenMetrics);
        check("application/openmetrics-text;version=2.0.0;q=0.6,text/plain;version=0.0.4;q=0.5", Text);
    }

    #[test]
    fn text_1_0_0_is_wanted_as_much_as_the_text_that_is_served() {
        check("text/plain;version=1.0.0", Text);
        check("text/plain;version=1.0.0;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5", Text);
        check("text/plain;version=1.0.0;q=0.4,application/openmetrics-text;version=1.0.0;q=0.5", OpenMetrics);
        let less_as_0_0_4 =
            "text/plain;version=1.0.0,application/openmetrics-text;q=0.5,text/plain;version=0.0.4;q=0.4";
        check(less_as_0_0_4, OpenMetrics);
        check("text/plain;version=2.0.0;q=0.6,application/openmetrics-text;q=0.5", OpenMetrics);
    }

    #[test]
    fn no_escaping_of_names_changes_the_format() {
        for escaping in ["allow-utf-8", "underscores", "dots", "values", "unheard-of", "\"dots\"", ""] {
            check(
                &format!("application/openmetrics-text;version=1.0.0;escaping={escaping};q=0.5"),
                OpenMetrics,
            );
            check(&format!("application/openmetrics-text;escaping={escaping};version=1.0.0"), OpenMetrics);
            check(&format!("text/plain;version=1.0.0;escaping={escaping}"), Text);
            check(&format!("text/plain;version=0.0.4;escaping={escaping};escaping={escaping}"), Text);
        }
    }

    #[test]
    fn readers_are_told_the_format_by_its_content_type() {
        let told = Format::ALL.map(|format| (format.label(), format.content_type()));
        let expected = [
            ("openmetrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            ("text", "text/plain; version=0.0.4; charset=utf-8"),
        ];
        assert_eq!(told, expected);
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
