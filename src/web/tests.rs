mod connections;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use reqwest::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::*;
use crate::clock::ClockHand;
use crate::lifecycle::{Ending, Shutdown, SignalSender, Signals, TaskDied, Tasks};

/// Says what it was asked for, unless it is broken. What is large comes after it.
#[derive(Default)]
struct Pages {
    broken: AtomicBool,
    large: AtomicBool,
}

/// More than sockets take before anybody reads.
const LARGE: usize = 64 * 1024 * 1024;
const CHUNK: usize = 1024 * 1024;

impl Exposition for Pages {
    fn scrape<'a>(
        &'a self,
        format: Format,
        encoding: Encoding,
        filter: &'a Filter,
    ) -> Pin<Box<dyn Future<Output = Result<ScrapeBody, ScrapeError>> + Send + 'a>> {
        let body = if self.broken.load(Ordering::SeqCst) {
            Err(ScrapeError::Write(std::fmt::Error))
        } else {
            let part = if filter.is_everything() { "" } else { "part of " };
            let words = format!("{part}{}", format.label());
            let coded = if encoding == Encoding::Gzip { format!("gzip of {words}") } else { words };
            let more = if self.large.load(Ordering::SeqCst) { LARGE / CHUNK } else { 0 };
            let length = (coded.len() + more * CHUNK) as u64;
            let more = std::iter::repeat_n(Bytes::from(vec![0; CHUNK]), more);
            let chunks = std::iter::once(Bytes::from(coded)).chain(more);
            Ok(ScrapeBody { length, chunks: Box::new(chunks) })
        };
        Box::pin(std::future::ready(body))
    }
}

const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// A server on a port of its own, and a client.
struct Served {
    addresses: Vec<SocketAddr>,
    client: reqwest::Client,
    signals: SignalSender,
    ended: JoinSet<Result<Ending, TaskDied>>,
    readiness: Readiness,
    registry: Registry,
    pages: Arc<Pages>,
    hand: ClockHand,
}

impl Served {
    async fn start() -> Self {
        Self::start_with(0, |router| router).await
    }

    async fn start_with(max_requests: usize, change: impl FnOnce(Router) -> Router) -> Self {
        let mut registry = Registry::default();
        let readiness = Readiness::waiting_for(["first cycle of account default"]);
        let pages = Arc::new(Pages::default());
        let state = WebState {
            telemetry_path: "/metrics".to_owned(),
            exposition: Arc::<Pages>::clone(&pages),
            status: None,
            readiness: readiness.clone(),
            about: About { name: "losant-exporter", version: "0.1.0", description: "Usage as metrics." },
            orders: None,
            metrics: WebMetrics::register(&mut registry),
            guard: Guard::open(),
            max_requests,
            clock: Clock::system(),
        };
        let address: ListenAddress = "127.0.0.1:0".parse().unwrap();
        let listeners = bind(&[address.clone(), address]).await.unwrap();
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let (clock, hand) = Clock::manual("2026-03-17T14:23:45.250Z".parse().unwrap());
        let (signals, receiver) = Signals::manual();
        let shutdown = Shutdown::new(receiver, Clock::system(), Duration::from_secs(60));
        let mut tasks = Tasks::new();
        let router = change(router(state));
        let server = serve(listeners, router, Guard::open(), clock, WRITE_TIMEOUT, shutdown.drain());
        tasks.spawn("web", server);
        let mut ended = JoinSet::new();
        ended.spawn(tasks.run_until(shutdown));
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_gzip().build().unwrap();
        Self { addresses, client, signals, ended, readiness, registry, pages, hand }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses[0])
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn scrape(&self, accept: &str) -> Response {
        self.client.get(self.url("/metrics")).header("accept", accept).send().await.unwrap()
    }

    fn counts(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        let mut samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        samples.sort_unstable();
        samples.join("\n")
    }
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_scraper_gets_the_format_that_it_asks_for() {
    let served = Served::start().await;
    let openmetrics = served.scrape("application/openmetrics-text;version=1.0.0,*/*;q=0.1").await;
    assert_eq!(openmetrics.status(), 200);
    assert_eq!(header_of(&openmetrics, "content-type"), Format::OpenMetrics.content_type());
    assert_eq!(header_of(&openmetrics, "vary"), "Accept, Accept-Encoding");
    assert_eq!(openmetrics.text().await.unwrap(), "openmetrics");
    let text = served.scrape("*/*").await;
    assert_eq!(header_of(&text, "content-type"), Format::Text.content_type());
    assert_eq!(header_of(&text, "vary"), "Accept, Accept-Encoding");
    assert_eq!(text.text().await.unwrap(), "text");
}

#[tokio::test]
async fn a_scraper_gets_the_coding_that_it_asks_for() {
    let served = Served::start().await;
    let request = served.client.get(served.url("/metrics")).header("accept-encoding", "deflate, gzip");
    let gzip = request.send().await.unwrap();
    assert_eq!(header_of(&gzip, "content-encoding"), "gzip");
    assert_eq!(header_of(&gzip, "content-length"), "12");
    assert_eq!(header_of(&gzip, "vary"), "Accept, Accept-Encoding");
    assert_eq!(gzip.text().await.unwrap(), "gzip of text");
    let plain = served.scrape("*/*").await;
    assert_eq!(header_of(&plain, "content-encoding"), "");
    assert_eq!(header_of(&plain, "content-length"), "4");
}

#[tokio::test]
async fn a_scrape_may_want_part_of_the_page_and_a_wrong_wish_is_refused_in_words() {
    let served = Served::start().await;
    let part = served.get("/metrics?collect[]=org&collect%5B%5D=instance").await;
    assert_eq!(part.text().await.unwrap(), "part of text");
    let refused = served.get("/metrics?collect[]=user").await;
    assert_eq!(refused.status(), 400);
    assert_eq!(
        refused.text().await.unwrap(),
        "collect[]=\"user\": there are instance, org, sandbox, application\n"
    );
    assert!(served.counts().contains(r#"losant_exporter_scrapes_total{format="text"} 1"#));
}

#[tokio::test]
async fn beyond_the_most_requests_at_a_time_one_is_told_to_come_again() {
    let served = Served::start_with(1, |router| router).await;
    served.pages.large.store(true, Ordering::SeqCst);
    let mut connection = TcpStream::connect(served.addresses[0]).await.unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    connection.read_exact(&mut [0; 64]).await.unwrap();
    for path in ["/metrics", "/"] {
        let refused = served.get(path).await;
        assert_eq!(refused.status(), 503, "{path}");
        assert_eq!(header_of(&refused, "retry-after"), "1");
        assert_eq!(
            refused.text().await.unwrap(),
            "Limit of concurrent requests reached (1), try again later.\n"
        );
    }
    assert_eq!(served.get("/-/healthy").await.status(), 200);
    assert_eq!(served.get("/-/ready").await.text().await.unwrap(), "first cycle of account default\n");
    // The place is free as soon as the client has gone.
    drop(connection);
    while served.get("/").await.status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let served = Served::start().await;
    let head = served.client.head(served.url("/metrics")).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(header_of(&head, "content-type"), Format::Text.content_type());
    assert_eq!(header_of(&head, "content-length"), "4");
    assert_eq!(head.text().await.unwrap(), "");
}

#[tokio::test]
async fn metrics_that_cannot_be_written_are_an_error_and_no_scrape() {
    let served = Served::start().await;
    served.pages.broken.store(true, Ordering::SeqCst);
    assert_eq!(served.get("/metrics").await.status(), 500);
    assert!(served.counts().contains(r#"losant_exporter_scrapes_total{format="text"} 0"#));
}

#[tokio::test]
async fn requests_and_scrapes_are_counted_and_made_up_paths_add_no_series() {
    let served = Served::start().await;
    served.scrape("application/openmetrics-text").await;
    served.scrape("*/*").await;
    served.client.head(served.url("/metrics")).send().await.unwrap();
    for path in ["/", "/-/healthy", "/-/ready", "/a", "/b?c", "/metrics/"] {
        served.get(path).await;
    }
    insta::assert_snapshot!(served.counts(), @r#"
    losant_exporter_http_requests_total{handler="healthy",code="200"} 1
    losant_exporter_http_requests_total{handler="landing",code="200"} 1
    losant_exporter_http_requests_total{handler="metrics",code="200"} 3
    losant_exporter_http_requests_total{handler="other",code="404"} 3
    losant_exporter_http_requests_total{handler="ready",code="503"} 1
    losant_exporter_scrapes_total{format="openmetrics"} 1
    losant_exporter_scrapes_total{format="text"} 1
    "#);
}

#[tokio::test]
async fn it_is_healthy_from_the_first_moment() {
    let served = Served::start().await;
    let healthy = served.get("/-/healthy").await;
    assert_eq!(healthy.status(), 200);
    assert_eq!(healthy.text().await.unwrap(), "Healthy\n");
}

#[tokio::test]
async fn it_is_ready_between_the_last_gate_and_the_drain() {
    let served = Served::start().await;
    served.readiness.set("first render", Gate::Waiting("no data".to_owned()));
    let waiting = served.get("/-/ready").await;
    assert_eq!(waiting.status(), 503);
    assert_eq!(waiting.text().await.unwrap(), "first cycle of account default\nfirst render: no data\n");
    served.readiness.set("first cycle of account default", Gate::Ready);
    served.readiness.set("first render", Gate::Ready);
    let ready = served.get("/-/ready").await;
    assert_eq!(ready.status(), 200);
    assert_eq!(ready.text().await.unwrap(), "Ready\n");
    served.readiness.drain();
    let draining = served.get("/-/ready").await;
    assert_eq!(draining.status(), 503);
    assert_eq!(draining.text().await.unwrap(), "shutting down\n");
}

#[tokio::test]
async fn the_landing_page_may_load_nothing() {
    let served = Served::start().await;
    let landing = served.get("/").await;
    assert_eq!(landing.status(), 200);
    assert_eq!(header_of(&landing, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header_of(&landing, "x-content-type-options"), "nosniff");
    assert!(header_of(&landing, "content-security-policy").starts_with("default-src 'none'; "));
    assert!(landing.text().await.unwrap().contains("<li>first cycle of account default</li>"));
}

#[tokio::test]
async fn other_paths_are_not_found_and_other_methods_not_allowed() {
    let served = Served::start().await;
    let missing = served.get("/metric").await;
    assert_eq!(missing.status(), 404);
    assert_eq!(header_of(&missing, "content-type"), "text/plain; charset=utf-8");
    for path in ["/", "/metrics", "/-/healthy", "/-/ready"] {
        let posted = served.client.post(served.url(path)).body("x").send().await.unwrap();
        assert_eq!(posted.status(), 405, "{path}");
        assert_eq!(header_of(&posted, "allow"), "GET,HEAD", "{path}");
    }
}
