//! Why a page is one member: the same text as several ones is valid gzip, and readers in wide use lose most of it.

use std::io::Write as _;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::decoders::{self, Reader};
use super::page::{RUNTIME, difference};

const PARTS: usize = 8;

/// Parts of a page, each of some ten kilobytes.
fn parts() -> Vec<String> {
    let line =
        |part: usize, line: usize| format!("losant_org_payloads{{part=\"{part}\",line=\"{line}\"}} 1\n");
    (0..PARTS).map(|part| (0..300).map(|number| line(part, number)).collect()).collect()
}

/// One member, with a flush behind every part.
fn one_member(parts: &[String]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for part in parts {
        encoder.write_all(part.as_bytes()).expect("memory");
        encoder.flush().expect("memory");
    }
    encoder.finish().expect("memory")
}

/// A member for every part.
fn several_members(parts: &[String]) -> Vec<u8> {
    parts.iter().flat_map(|part| one_member(std::slice::from_ref(part))).collect()
}

/// Serves both until the set is dropped. Returns the base URL.
fn serve(parts: &[String], serving: &mut JoinSet<std::io::Result<()>>) -> String {
    let page = |body: Vec<u8>| get(move || async { ([(header::CONTENT_ENCODING, "gzip")], body) });
    let router =
        Router::new().route("/one", page(one_member(parts))).route("/several", page(several_members(parts)));
    RUNTIME.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        serving.spawn(axum::serve(listener, router).into_future());
        url
    })
}

#[test]
fn several_members_would_be_cut_off() {
    let parts = parts();
    let whole = parts.concat();
    let mut serving = JoinSet::new();
    let url = serve(&parts, &mut serving);
    // Most say nothing and take the first member for all there is.
    let readers: [(&str, Option<Reader>); 5] = [
        ("curl", decoders::curl()),
        ("wget", decoders::wget()),
        ("httpx", decoders::python("httpx")),
        ("reqwest", Some(decoders::reqwest())),
        ("a decoder of a single member", Some(decoders::flate2())),
    ];
    for (name, reader) in readers {
        let Some(reader) = reader else { continue };
        let one =
            reader(&format!("{url}/one"), "text/plain").unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(one.encoding, "gzip", "{name}");
        assert_eq!(difference(&whole, &one.body), None, "{name}");
        if let Ok(several) = reader(&format!("{url}/several"), "text/plain") {
            let cut = difference(&whole, &several.body);
            assert!(cut.is_some(), "{name} reads several members: this test proves nothing any more");
        }
    }
}
