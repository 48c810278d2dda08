//! What those send who mean harm.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use losant_exporter::web::raise_open_files;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::test_app::{Setup, TestApp, http, within_patience};

const NOW: &str = "2026-03-17T14:23:45.250Z";

fn address_of(app: &TestApp) -> SocketAddr {
    app.url.trim_start_matches("http://").parse().expect("an address")
}

/// Everything that is answered to `request`, after which nothing more is sent.
async fn answers(address: SocketAddr, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    // It may be closed before all has been sent.
    let _ = connection.write_all(request).await;
    let _ = connection.shutdown().await;
    let mut answers = Vec::new();
    let _ = within_patience("the end", connection.read_to_end(&mut answers)).await;
    String::from_utf8_lossy(&answers).into_owned()
}

#[tokio::test]
async fn a_request_that_is_hidden_in_another_is_not_answered() {
    let app = Setup::at(NOW).start().await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = hidden.len();
    for (name, head, body) in [
        ("length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("chunks alone", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("chunks before another coding", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n", ""),
        ("codings on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n"),
        ("a blank before the colon", "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("a tab before the coding", "Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 7\r\n", ""),
        ("a list of lengths", "Content-Length: 0, 7\r\n", ""),
        ("a length with a sign", "Content-Length: +0\r\n", ""),
        ("a negative length", "Content-Length: -1\r\n", ""),
        ("a length in hexadecimal", "Content-Length: 0x0\r\n", ""),
        ("a length beyond all numbers", "Content-Length: 99999999999999999999999\r\n", ""),
        ("a folded line", "X: y\r\n Content-Length: 0\r\n", ""),
        ("a zero byte in a name", "X\0: y\r\n", ""),
        ("a lone carriage return", "X: y\rContent-Length: 0\r\n", ""),
        ("the length of the hidden one", &format!("Content-Length: {length}\r\n"), ""),
    ] {
        for method in ["GET /metrics", "POST /metrics", "GET /-/healthy"] {
            let request = format!("{method} HTTP/1.1\r\nHost: x\r\n{head}\r\n{body}{hidden}");
            let answered = answers(address_of(&app), request.as_bytes()).await;
            assert!(answered.matches("HTTP/1.1 ").count() <= 1, "{name}, {method}: {answered}");
            assert!(!answered.contains("404 Not Found"), "{name}, {method}: {answered}");
        }
    }
    // Two requests that stand openly one after the other are two.
    let open = answers(address_of(&app), hidden.repeat(2).as_bytes()).await;
    assert_eq!(open.matches("HTTP/1.1 404").count(), 2, "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_is_answered_at_once_while_a_thousand_clients_send_slowly() {
    raise_open_files();
    let app = Setup::at(NOW).start().await;
    let mut slow = Vec::new();
    for _ in 0..1_000 {
        let mut connection = TcpStream::connect(address_of(&app)).await.expect("a connection");
        connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ").await.expect("a beginning");
        slow.push(connection);
    }
    let client = http();
    let mut times = Vec::new();
    for _ in 0..20 {
        for connection in &mut slow {
            connection.write_all(b"y").await.expect("one more byte");
        }
        #[expect(clippy::disallowed_methods, reason = "how long real scrapers wait")]
        let begin = Instant::now();
        let answer = client.get(format!("{}/metrics", app.url)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.expect("a page").contains("losant_up"));
        times.push(begin.elapsed());
    }
    // Other tests want the same cores: the quickest is the one that tells.
    assert!(times.iter().min().is_some_and(|time| *time < Duration::from_millis(100)), "{times:?}");
    // Nobody keeps a connection for longer by sending slowly.
    app.hand.advance(Duration::from_secs(31));
    for connection in &mut slow {
        let mut rest = Vec::new();
        let _ = within_patience("the end of a connection", connection.read_to_end(&mut rest)).await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_head_of_ten_megabytes_is_refused() {
    let app = Setup::at(NOW).start().await;
    let long = "a".repeat(10 * 1024 * 1024);
    let many = "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(250_000);
    for (name, request) in [
        ("a long value", format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n")),
        ("a long name", format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{long}: x\r\n\r\n")),
        ("many lines", format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{many}\r\n")),
        ("a long path", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a long query", format!("GET /metrics?collect[]={long} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a long method", format!("{long} /metrics HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a long password", format!("GET /metrics HTTP/1.1\r\nAuthorization: Basic {long}\r\n\r\n")),
    ] {
        let answered = answers(address_of(&app), request.as_bytes()).await;
        // Whoever still sends when the connection is closed may not get to read why.
        let refused = answered.is_empty() || answered.starts_with("HTTP/1.1 4");
        assert!(refused, "{name}: {}", answered.get(..200).unwrap_or(&answered));
    }
    // What browsers and proxies add is no trouble.
    let usual = format!("GET /-/healthy HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "a".repeat(30_000));
    assert!(answers(address_of(&app), usual.as_bytes()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_is_not_waited_for() {
    let app = Setup::at(NOW).start().await;
    let mut connection = TcpStream::connect(address_of(&app)).await.expect("a connection");
    let request = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n";
    connection.write_all(request).await.expect("a request");
    let mut answer = Vec::new();
    let _ = within_patience("an answer and the end", connection.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

const TRICKS: [&str; 21] = [
    "//metrics",
    "/metrics/",
    "/./metrics",
    "/x/../metrics",
    "/metrics/..",
    "/%6detrics",
    "/%2e%2e/metrics",
    "/..%2fmetrics",
    "/metrics%00",
    "/metrics%20",
    "/metrics;a=b",
    "/METRICS",
    "/\\metrics",
    "/-/../metrics",
    "/-//healthy",
    "/-/healthy/",
    "/-/healthy%2f",
    "/../../etc/passwd",
    "/..%c0%af..%c0%afetc/passwd",
    "/{*rest}",
    "/metrics\u{e4}",
];

#[tokio::test]
async fn a_page_has_one_path() {
    let app = Setup::at(NOW).start().await;
    for path in TRICKS {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answered = answers(address_of(&app), request.as_bytes()).await;
        let code = answered.split(' ').nth(1).unwrap_or_default();
        assert!(["404", "400"].contains(&code), "{path}: {answered}");
        assert!(!answered.contains("losant_up"), "{path}");
    }
}

#[tokio::test]
async fn no_path_leads_around_the_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.yml");
    let hash = bcrypt::hash("right", 4).expect("a hash");
    std::fs::write(&file, format!("basic_auth_users:\n  prometheus: {hash}\n")).expect("a file");
    let mut setup = Setup::at(NOW);
    setup.config.web.config_file = Some(file);
    let app = setup.start().await;
    let plain = ["/", "/metrics", "/-/healthy", "/-/ready", "http://localhost/metrics", "*"];
    for path in plain.into_iter().chain(TRICKS) {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "FOO"] {
            for more in ["", "X-Original-URL: /metrics\r\n", "X-Forwarded-For: 127.0.0.1\r\n"] {
                let request =
                    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{more}Connection: close\r\n\r\n");
                let answered = answers(address_of(&app), request.as_bytes()).await;
                let code = answered.split(' ').nth(1).unwrap_or_default();
                assert!(["401", "400"].contains(&code), "{method} {path}: {answered}");
            }
        }
    }
}
