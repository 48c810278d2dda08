//! The pages that are read, and what they say undecoded.

use std::fmt;
use std::sync::LazyLock;

use losant_exporter::simulator::{World, WorldConfig};
use tokio::runtime::Runtime;

use super::decoders::sent;
use crate::test_app::{Setup, TestApp};

pub const TEXT: &str = "text/plain;version=0.0.4";
pub const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";

/// What holds still for as long as nobody polls: no number of these depends on who reads the page, or when.
const USAGE: [&str; 4] = ["losant_instance_", "losant_org_", "losant_sandbox_", "losant_application_"];

/// Whatever serves or asks in this module. It outlives every test, and so do the exporters of [`all`].
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A page in one format.
pub struct Page {
    pub url: String,
    pub accept: &'static str,
    plain: String,
    /// How many series of usage there are at least.
    least: usize,
}

struct Pages {
    pages: Vec<Page>,
    _exporters: [TestApp; 2],
}

/// A page without an org, one of several megabytes, and the part of it that is about orgs; each in both formats.
pub fn all() -> &'static [Page] {
    static PAGES: LazyLock<Pages> = LazyLock::new(|| {
        let (tiny, large) = (exporter(0, 0), exporter(150, 30));
        let addresses = [
            (format!("{}/metrics", tiny.url), 50),
            (format!("{}/metrics", large.url), 25_000),
            (format!("{}/metrics?collect%5B%5D=org", large.url), 15_000),
        ];
        let kinds = addresses.iter().flat_map(|kind| [(kind, TEXT), (kind, OPENMETRICS)]);
        for ((url, _), accept) in kinds.clone() {
            // Some series are there from the first time on that something happens: here it is.
            sent(url, accept, "identity").expect("an answer");
            sent(url, accept, "gzip").expect("an answer");
        }
        for exporter in [&tiny, &large] {
            // What the exporter says of itself is a second old otherwise, or older where the clock stands still.
            RUNTIME.block_on(exporter.control.rendered());
        }
        let pages = kinds.map(|((url, least), accept)| {
            let plain = sent(url, accept, "identity").expect("an answer");
            assert_eq!(plain.encoding, "", "{url}");
            let plain = String::from_utf8(plain.body).expect("text");
            Page { url: url.clone(), accept, plain, least: *least }
        });
        Pages { pages: pages.collect(), _exporters: [tiny, large] }
    });
    &PAGES.pages
}

/// An exporter that has read all of a world of this size, and whose clock stands still.
pub fn exporter(orgs: usize, sandboxes: usize) -> TestApp {
    let mut setup = Setup::at("2026-03-17T14:23:45.250Z");
    let config = WorldConfig { orgs, sandboxes, active: Some(1.0), ..WorldConfig::default() };
    setup.world = World::new(config);
    RUNTIME.block_on(setup.start())
}

impl Page {
    /// Whether it is several megabytes long.
    pub fn is_large(&self) -> bool {
        self.plain.len() > 3_000_000
    }

    /// Fails unless `read` is this page to its end: usage byte for byte, and of what the exporter says of itself everything
    /// but the values, which move.
    pub fn assert_is(&self, read: &str) {
        assert_eq!(difference(&self.plain, read), None, "{self}");
        let usage = self.plain.lines().filter(|line| is_usage(line)).count();
        assert!(usage >= self.least, "{self}: {usage} series of usage");
        if self.accept == OPENMETRICS {
            assert!(read.ends_with("\n# EOF\n"), "{self}");
        }
        let ends = usize::from(self.accept == OPENMETRICS);
        assert_eq!(read.matches("# EOF").count(), ends, "{self}");
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.url, self.accept)
    }
}

/// Where two pages part, if they do. Pages are far too long to be shown.
pub fn difference(plain: &str, read: &str) -> Option<String> {
    let (mut expected, mut found) = (plain.split_inclusive('\n'), read.split_inclusive('\n'));
    for number in 1.. {
        let (expected, found) = (expected.next(), found.next());
        if expected.is_none() && found.is_none() {
            break;
        }
        if expected.map(what_stays) != found.map(what_stays) {
            return Some(format!("line {number}: {found:?} instead of {expected:?}"));
        }
    }
    None
}

/// The part of a line that is the same at every scrape.
fn what_stays(line: &str) -> &str {
    if line.starts_with('#') || is_usage(line) {
        return line;
    }
    line.rsplit_once(' ').map_or(line, |(series, _)| series)
}

fn is_usage(line: &str) -> bool {
    USAGE.iter().any(|prefix| line.starts_with(prefix))
}
