//! What the parsers of others make of a page of more than a hundred thousand series.

use std::fs::File;
use std::process::Command;
use std::sync::LazyLock;

use super::decoders::{flate2, source};
use super::page::{OPENMETRICS, TEXT, exporter};
use crate::components;

/// A page as it was decoded.
struct Huge {
    body: String,
    samples: usize,
}

/// Both formats of the same page.
fn huge() -> &'static [Huge; 2] {
    static HUGE: LazyLock<[Huge; 2]> = LazyLock::new(|| {
        let exporter = exporter(320, 320);
        let url = format!("{}/metrics", exporter.url);
        [TEXT, OPENMETRICS].map(|accept| {
            let read = flate2()(&url, accept).expect("a page");
            assert_eq!(read.encoding, "gzip");
            let samples = read.body.lines().filter(|line| !line.starts_with('#')).count();
            assert!(samples > 100_000, "{samples}");
            Huge { body: read.body, samples }
        })
    });
    &HUGE
}

fn text() -> &'static Huge {
    &huge()[0]
}

fn openmetrics() -> &'static Huge {
    &huge()[1]
}

/// Runs a program on a body. Returns what it printed, which is an error unless it succeeds.
fn feed(command: &mut Command, body: &str) -> String {
    // A file, not a pipe: whoever writes to a program that writes meanwhile may wait for ever.
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), body).expect("a file");
    let input = File::open(file.path()).expect("a file");
    let output = command.stdin(input).output().expect("it starts");
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{printed}");
    printed
}

/// How many samples Python's `prometheus_client` finds.
fn samples_by_python(format: &str, body: &str) -> Option<usize> {
    let python = components::python()?;
    let printed = feed(Command::new(python).arg(source("parse.py")).arg(format), body);
    Some(printed.trim().parse().expect("a number of samples"))
}

#[test]
fn openmetrics_parser_accepts_openmetrics_of_a_hundred_thousand_series() {
    let page = openmetrics();
    let read = openmetrics_parser::openmetrics::parse_openmetrics(&page.body).expect("it accepts the page");
    let samples: usize = read.families.values().map(|family| family.iter_samples().count()).sum();
    assert!(samples > 100_000, "{samples}");
}

#[test]
fn openmetrics_parser_accepts_text_of_a_hundred_thousand_series() {
    let page = text();
    let read = openmetrics_parser::prometheus::parse_prometheus(&page.body).expect("it accepts the page");
    let samples: usize = read.families.values().map(|family| family.iter_samples().count()).sum();
    assert!(samples > 100_000, "{samples}");
}

#[test]
fn prometheus_client_for_python_accepts_openmetrics_of_a_hundred_thousand_series() {
    let page = openmetrics();
    if let Some(samples) = samples_by_python("openmetrics", &page.body) {
        assert_eq!(samples, page.samples);
    }
}

#[test]
fn prometheus_client_for_python_accepts_text_of_a_hundred_thousand_series() {
    let page = text();
    if let Some(samples) = samples_by_python("text", &page.body) {
        assert_eq!(samples, page.samples);
    }
}

#[test]
fn promtool_finds_nothing_wrong_with_a_hundred_thousand_series() {
    let Some(promtool) = components::program("promtool") else { return };
    assert_eq!(feed(Command::new(promtool).args(["check", "metrics"]), &text().body), "");
}
