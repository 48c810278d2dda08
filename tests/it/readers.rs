//! What real readers make of a compressed page: all of it, whatever they decode it with.
//!
//! A page is one gzip member of many blocks. Readers differ in what they do behind the end of a member: some stop there
//! without a word (see `members`), so each of them is asked.

mod decoders;
mod members;
mod page;
mod parsers;
mod relay;

use crate::components;
use crate::prometheus::Prometheus;
use crate::test_app::{http_without_gzip, within_patience};
use decoders::Reader;
use page::Page;
use relay::Relay;

/// Reads every page. A reader that is missing here reads none; `components` has said so.
fn assert_decodes(reader: Option<Reader>) {
    let Some(reader) = reader else { return };
    for page in page::all() {
        let read = reader(&page.url, page.accept).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert_eq!(read.encoding, "gzip", "{page}");
        page.assert_is(&read.body);
    }
}

#[test]
fn curl_decodes_the_whole_page() {
    assert_decodes(decoders::curl());
}

#[test]
fn wget_decodes_the_whole_page() {
    assert_decodes(decoders::wget());
}

#[test]
fn gzip_decodes_what_wget_saves_undecoded() {
    assert_decodes(decoders::wget_and_gzip());
}

#[test]
fn gzip_finds_nothing_wrong_with_a_saved_body_and_decodes_it() {
    assert_decodes(decoders::gzip());
}

#[test]
fn a_decoder_of_a_single_member_reads_the_whole_page_and_leaves_nothing_behind() {
    assert_decodes(Some(decoders::flate2()));
}

#[test]
fn reqwest_decodes_the_whole_page() {
    assert_decodes(Some(decoders::reqwest()));
}

#[test]
fn pythons_requests_decodes_the_whole_page() {
    assert_decodes(decoders::python("requests"));
}

#[test]
fn pythons_httpx_decodes_the_whole_page() {
    assert_decodes(decoders::python("httpx"));
}

#[test]
fn pythons_gzip_module_decodes_the_whole_page() {
    assert_decodes(decoders::python("gzip"));
}

#[test]
fn nodes_fetch_decodes_the_whole_page() {
    assert_decodes(decoders::node("fetch"));
}

#[test]
fn nodes_zlib_decodes_the_whole_page() {
    assert_decodes(decoders::node("http"));
}

#[test]
fn gos_transport_decodes_the_whole_page() {
    assert_decodes(decoders::go("transport"));
}

#[test]
fn gos_gzip_package_decodes_the_whole_page() {
    assert_decodes(decoders::go("gzip"));
}

#[test]
fn a_large_page_is_one_member_of_several_blocks() {
    // What a flush leaves behind: a stored block without content, from the next whole byte on.
    const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
    let large: Vec<_> = page::all().iter().filter(|page| page.is_large()).collect();
    assert!(large.len() >= 2, "both formats of the whole page: {}", large.len());
    for page in large {
        let sent = decoders::sent(&page.url, page.accept, "gzip").expect("an answer");
        assert_eq!(sent.encoding, "gzip", "{page}");
        let blocks = sent.body.windows(FLUSHED.len()).filter(|bytes| *bytes == FLUSHED).count();
        assert!(blocks > 3, "{page}: {blocks} flushes");
    }
}

#[test]
fn a_body_is_as_long_as_its_head_says_whether_compressed_or_not() {
    for page in page::all() {
        for (accepted, encoding) in [("gzip", "gzip"), ("identity", "")] {
            let sent = decoders::sent(&page.url, page.accept, accepted).expect("an answer");
            assert_eq!(sent.encoding, encoding, "{page}");
            assert_eq!(sent.promised, Some(sent.body.len()), "{page}, {accepted}");
        }
    }
}

#[test]
fn a_real_prometheus_scrapes_every_sample_of_a_compressed_page() {
    let Some(program) = components::program("prometheus") else { return };
    // The first of the large ones is a whole page.
    let page = page::all().iter().find(|page| page.is_large() && page.accept == page::OPENMETRICS).unwrap();
    page::RUNTIME.block_on(assert_scraped(&program, page));
}

#[expect(clippy::cast_precision_loss, reason = "a page has some ten thousand samples")]
async fn assert_scraped(program: &std::path::Path, page: &Page) {
    let relay = Relay::start(&page.url).await;
    let folder = tempfile::tempdir().expect("a folder");
    let target = relay.url.trim_start_matches("http://").split('/').next().unwrap();
    let prometheus = Prometheus::start(program, folder.path(), target).await;
    let stored = within_patience("the first scrape", async {
        loop {
            if let Some(samples) = prometheus.query("scrape_samples_scraped").await {
                return samples;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(relay.encoding(), "gzip");
    let plain = http_without_gzip().get(&page.url).header("accept", page.accept).send().await.unwrap();
    let plain = plain.text().await.unwrap();
    let samples = plain.lines().filter(|line| !line.starts_with('#')).count();
    assert!(samples > 20_000, "{samples}");
    assert_eq!(stored, samples as f64);
    assert_eq!(prometheus.query("up").await, Some(1.0));
}
