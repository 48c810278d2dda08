//! In which content coding a scraper gets an answer.
//!
//! Owns: reading `Accept-Encoding` headers (RFC 9110, section 12.5.3). It never refuses: whoever wants no coding that
//! is served gets the answer as it is, which everything can read.
//! Must not: compress anything.

use super::preference::{Wish, elements};

/// A content coding in which answers are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Compressed with gzip.
    Gzip,
    /// As it is.
    Identity,
}

impl Encoding {
    /// The coding as a label value, and as the value of `Content-Encoding`, which `identity` never is.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }

    /// Chooses the coding by the values of all `Accept-Encoding` headers of a request.
    ///
    /// gzip has to be asked for, by either of its names or by a wildcard, and at least as urgently as `identity` is,
    /// where that is named. A request without the header could be answered in any coding, but who does not speak of
    /// codings may not know any: it is answered without. So is one that excludes `identity` and leaves nothing that is
    /// served: the alternative is an error, of which a scraper has less than of a page it did not want.
    pub fn negotiate<'a>(headers: impl IntoIterator<Item = &'a str>) -> Self {
        let mut gzip = Wish::default();
        let mut identity = Wish::default();
        for element in elements(headers) {
            let names = |name: &str| element.name.eq_ignore_ascii_case(name);
            let covers_gzip =
                if names("gzip") || names("x-gzip") { Some(1) } else { names("*").then_some(0) };
            gzip.hear(covers_gzip, element.quality);
            identity.hear(names("identity").then_some(0), element.quality);
        }
        if gzip.quality() > 0.0 && gzip.quality() >= identity.quality() { Self::Gzip } else { Self::Identity }
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding::{Gzip, Identity};
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(accept_encoding: &str, expected: Encoding) {
        assert_eq!(Encoding::negotiate([accept_encoding]), expected, "{accept_encoding}");
    }

    #[test]
    fn whoever_does_not_ask_for_gzip_gets_none() {
        assert_eq!(Encoding::negotiate([]), Identity);
        check("", Identity);
        check("identity", Identity);
        check("deflate, br, zstd, compress", Identity);
    }

    #[test]
    fn gzip_goes_by_two_names_and_by_the_wildcard() {
        check("gzip", Gzip);
        check("x-gzip", Gzip);
        check("*", Gzip);
        check("br, *;q=0.1", Gzip);
        check("compress, gzip", Gzip);
    }

    #[test]
    fn gzip_wins_a_tie_with_identity_but_not_against_a_higher_quality() {
        check("identity, gzip", Gzip);
        check("gzip;q=0.5, identity;q=0.5", Gzip);
        check("gzip;q=0.5, identity;q=0.6", Identity);
        check("identity;q=0.5, *;q=0.4", Identity);
        check("gzip;q=0.001", Gzip);
    }

    #[test]
    fn a_wildcard_says_nothing_of_a_coding_that_is_named() {
        check("gzip;q=0, *", Identity);
        check("*, gzip;q=0", Identity);
        check("*;q=0, gzip", Gzip);
        check("gzip;q=0.5, *", Gzip);
    }

    #[test]
    fn of_a_coding_that_is_named_twice_the_higher_quality_counts() {
        check("gzip;q=0, x-gzip", Gzip);
        check("x-gzip, gzip;q=0", Gzip);
    }

    #[test]
    fn a_quality_of_zero_excludes() {
        check("gzip;q=0", Identity);
        check("gzip;q=0.000, identity;q=0", Identity);
        check("*;q=0", Identity);
        check("identity;q=0, gzip;q=0.1", Gzip);
        check("identity;q=0, *", Gzip);
    }

    #[test]
    fn nobody_is_refused() {
        check("identity;q=0", Identity);
        check("br, identity;q=0", Identity);
        check("identity;q=0, *;q=0", Identity);
    }

    #[test]
    fn case_and_space_do_not_matter() {
        check(" GZip ;\tQ=1.0 , deflate", Gzip);
        check("gzip;q = 0", Identity);
        check(",, X-GZIP,", Gzip);
        check("Identity;q=1,gzip;q=0.9", Identity);
    }

    #[test]
    fn all_headers_of_a_request_are_read() {
        assert_eq!(Encoding::negotiate(["deflate", "gzip"]), Gzip);
        assert_eq!(Encoding::negotiate(["gzip;q=0.1", "identity"]), Identity);
    }

    #[test]
    fn nonsense_is_no_wish() {
        for nonsense in [
            ",",
            ";;;",
            ";q=1",
            "gzip deflate",
            "gzipped",
            "\"gzip\"",
            "gzip/1",
            "gzip;q=x",
            "gzip;q=7",
            "gzip;q=-1",
        ] {
            check(nonsense, Identity);
        }
        check("nonsense;;;=, gzip;nonsense;level=9", Gzip);
        check("a backslash outside of quotes\\, gzip", Gzip);
    }

    #[test]
    fn labels_are_the_names_of_the_codings() {
        assert_eq!([Gzip.label(), Identity.label()], ["gzip", "identity"]);
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(first: String, second: String) {
            Encoding::negotiate([first.as_str(), second.as_str()]);
        }

        #[test]
        fn nobody_gets_gzip_unasked(header in "[a-z*;,=\" q.01-]{0,60}") {
            let asked = header.contains("gzip") || header.contains('*');
            prop_assert!(asked || Encoding::negotiate([header.as_str()]) == Identity);
        }

        #[test]
        fn whoever_asks_for_nothing_but_gzip_gets_it(
            others in "([a-fh-z]{1,8}(;q=0\\.[0-9]{1,3})?, ){0,4}",
            thousandths in 1..=1000_u16,
        ) {
            prop_assume!(!others.contains("identity"));
            let header = format!("{others}gzip;q={}", f64::from(thousandths) / 1000.0);
            prop_assert_eq!(Encoding::negotiate([header.as_str()]), Gzip);
        }
    }
}
