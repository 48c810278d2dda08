use std::pin::pin;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prometheus_client::registry::Registry;

use super::*;
use crate::clock::ClockHand;
use crate::losant::server::{Answer, Server, TempFile};
use crate::losant::{BaseUrl, Billing, OrgsPage, Resolution, TokenSource, Unavailable, Unit};
use crate::usage::{Id, Scope};

const TOKEN: &str = "hunter2.hunter2.hunter2";

/// A client, the server it talks to, and a clock that only `drive` moves.
struct Bench {
    client: Client,
    server: Server,
    hand: ClockHand,
    registry: Registry,
}

impl Bench {
    async fn new(script: Vec<Answer>) -> Self {
        Self::with(script, |_| ()).await
    }

    async fn with(script: Vec<Answer>, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        let server = Server::start(clock.clone(), script).await;
        let mut config = ClientConfig::new(server.url.parse().unwrap(), fixed());
        change(&mut config);
        let mut registry = Registry::default();
        let client = Client::new(config, clock, ClientMetrics::register(&mut registry)).unwrap();
        Self { client, server, hand, registry }
    }

    /// Lets time fly until `work` is done. The steps are small, so that a wait is seen to end when it should.
    async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = tokio::task::yield_now() => self.hand.advance(Duration::from_millis(10)),
            }
        }
    }

    async fn instance(&self) -> Result<String, Error> {
        let instance = self.drive(self.client.instance(id("a"))).await?;
        Ok(instance.name.unwrap_or_default())
    }

    fn metric(&self, line: &str) -> bool {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text.lines().any(|found| found == line)
    }
}

fn fixed() -> TokenSource {
    TokenSource::Fixed(Token::new(TOKEN).unwrap())
}

fn id(digit: &str) -> Id {
    digit.repeat(24).parse().unwrap()
}

fn fine() -> Answer {
    Answer::json(200, r#"{"name":"fine"}"#)
}

fn labels(result: &Result<String, Error>) -> &'static str {
    result.as_ref().map_or_else(Error::label, |_| "ok")
}

#[tokio::test]
async fn a_request_says_what_it_wants_and_who_asks() {
    let bench = Bench::with(vec![Answer::json(200, r#"{"counts":[]}"#)], |config| {
        config.base_url = format!("{}prefix/", config.base_url).parse().unwrap();
    })
    .await;
    let scope = Scope::Org { instance: id("a"), org: id("b") };
    let (start, end) = ("2026-03-01T00:00:00Z".parse().unwrap(), "2026-03-01T12:00:00Z".parse().unwrap());
    bench
        .client
        .payload_counts_breakdown(scope, start, end, Resolution::Hour, Unit::Bytes, Billing::All)
        .await
        .unwrap();
    let head = &bench.server.asked()[0].head;
    let line = format!(
        "GET /prefix/instances/{}/orgs/{}/payloadCountsBreakdown?start=1772323200000&end=1772366400000\
         &resolution=3600000&asBytes=true&includeNonBillable=true&_links=false&_embedded=false&_actions=false HTTP/1.1",
        id("a"),
        id("b")
    );
    let lines: Vec<_> = head.lines().collect();
    assert_eq!(lines[0], line);
    for header in [
        &format!("authorization: Bearer {TOKEN}"),
        "accept: application/json",
        "accept-encoding: gzip",
        concat!("user-agent: losant-exporter/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(lines.contains(&header), "{header} is not in\n{head}");
    }
    assert!(!head.to_lowercase().contains("accept-version"));
}

#[tokio::test]
async fn each_status_is_the_decision_that_it_calls_for() {
    for (status, label) in [
        (400, "rejected"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (405, "rejected"),
        (408, "server_error"),
        (413, "rejected"),
        (422, "rejected"),
        (429, "throttled"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "server_error"),
        (302, "rejected"),
        (304, "rejected"),
    ] {
        for body in ["", "<html>", "{}", r#"{"type":"T","message":"M"}"#] {
            let body = if status == 304 { "" } else { body };
            let bench = Bench::with(vec![Answer::json(status, body)], |config| config.max_attempts = 1).await;
            let result = bench.instance().await;
            assert_eq!(labels(&result), label, "{status} {body}");
            let code =
                format!(r#"losant_exporter_api_requests_total{{action="instance.get",code="{status}"}} 1"#);
            assert!(bench.metric(&code), "{code}");
        }
    }
}

#[tokio::test]
async fn passing_trouble_is_tried_again_and_counted() {
    let script = vec![
        Answer::with(502, "content-type: text/html\r\n", b"<html>Bad Gateway</html>"),
        Answer::Close,
        Answer::json(200, r#"{"name": "#),
        fine(),
    ];
    let bench = Bench::new(script).await;
    assert_eq!(bench.instance().await.unwrap(), "fine");
    for line in [
        r#"losant_exporter_api_requests_total{action="instance.get",code="502"} 1"#,
        r#"losant_exporter_api_requests_total{action="instance.get",code="io"} 2"#,
        r#"losant_exporter_api_requests_total{action="instance.get",code="200"} 1"#,
        r#"losant_exporter_api_retries_total{action="instance.get",reason="server_error"} 1"#,
        r#"losant_exporter_api_retries_total{action="instance.get",reason="io"} 2"#,
        r#"losant_exporter_api_request_duration_seconds_count{action="instance.get"} 4"#,
        "losant_exporter_api_throttled_total 0",
    ] {
        assert!(bench.metric(line), "{line}");
    }
}

#[tokio::test]
async fn retry_after_is_obeyed_in_seconds_and_as_a_date_by_everybody() {
    for retry_after in ["90", "Sun, 01 Mar 2026 12:01:30 GMT"] {
        let throttled = Answer::with(429, &format!("retry-after: {retry_after}\r\n"), b"");
        let bench = Bench::new(vec![throttled, fine()]).await;
        assert_eq!(bench.instance().await.unwrap(), "fine");
        // The clock of the bench starts at noon, and the first answer takes some of its time.
        let again = bench.server.asked()[1].uptime;
        assert!(again >= Duration::from_secs(90), "{retry_after}: {again:?}");
        assert!(bench.metric("losant_exporter_api_throttled_total 1"));
        assert!(bench.client.budget_rate() < 5.0);
    }
}

#[tokio::test]
async fn while_losant_asks_to_wait_other_requests_wait_too() {
    let throttled = Answer::with(429, "retry-after: 60\r\n", b"");
    let bench = Bench::with(vec![throttled, fine()], |config| config.max_attempts = 1).await;
    let Err(Error::Throttled { retry_after, .. }) = bench.client.instance(id("a")).await else { panic!() };
    assert_eq!(retry_after, Some(Duration::from_secs(60)));
    bench.drive(bench.client.instance(id("a"))).await.unwrap();
    let asked = bench.server.asked();
    assert!(asked[1].uptime.abs_diff(asked[0].uptime) >= Duration::from_secs(60));
}

#[tokio::test]
async fn retries_count_against_the_budget() {
    let bench = Bench::with(vec![Answer::Close, Answer::Close, fine()], |config| {
        config.requests_per_second = 0.1;
        config.burst = 1;
    })
    .await;
    assert_eq!(bench.instance().await.unwrap(), "fine");
    let asked = bench.server.asked();
    assert!(asked[2].uptime.abs_diff(asked[0].uptime) >= Duration::from_secs(19));
}

#[tokio::test]
async fn the_token_does_not_follow_a_redirect() {
    let redirect = Answer::with(307, "location: /elsewhere\r\n", b"");
    let bench = Bench::new(vec![redirect, fine()]).await;
    let Err(Error::Rejected { status, .. }) = bench.instance().await else { panic!("followed") };
    assert_eq!((status, bench.server.asked().len()), (307, 1));
}

#[tokio::test]
async fn an_answer_is_unpacked_and_its_size_is_bounded_after_that() {
    // `{"id":"aaaaaaaaaaaaaaaaaaaaaaaa","name":"xxx…"}`, 200,043 bytes in 255.
    let zeros = "A".repeat(257);
    let packed = BASE64_STANDARD.decode(format!(
        "H4sIAAAAAAACA+3KoQ3AIAAEwF1edwK2ISkCAZqEdPeyQEX9nb6dfqekfsiVWUc7YwE{zeros}v+V5ATlKfDlrDQMA"
    ));
    let gzip = Answer::with(200, "content-encoding: gzip\r\n", &packed.unwrap());
    for (limit, label) in [(200_043, "ok"), (200_042, "malformed")] {
        let bench = Bench::with(vec![gzip.clone()], |config| config.max_body_bytes = limit).await;
        let result = bench.instance().await;
        assert_eq!(labels(&result), label, "{limit}");
        assert_eq!(bench.server.asked().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_timeout() {
    let bench = Bench::with(vec![Answer::Hang], |config| {
        config.request_timeout = Duration::from_millis(100);
        config.max_attempts = 2;
    })
    .await;
    let Err(Error::Unavailable { reason, .. }) = bench.instance().await else { panic!() };
    assert_eq!(reason, Unavailable::Timeout);
    assert!(bench.metric(r#"losant_exporter_api_requests_total{action="instance.get",code="timeout"} 2"#));
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_never_starts_may_pass() {
    let Answer::Raw(mut cut) = fine() else { panic!() };
    cut.truncate(cut.len() - 3);
    for answer in [Answer::Raw(cut), Answer::Close, Answer::Raw(b"nonsense\r\n\r\n".to_vec())] {
        let bench = Bench::with(vec![answer], |config| config.max_attempts = 1).await;
        let Err(Error::Unavailable { reason, .. }) = bench.instance().await else { panic!() };
        assert_eq!(reason, Unavailable::Io);
    }
    let bench = Bench::with(vec![fine()], |config| {
        // Port 1 is not served on any machine that runs tests.
        config.base_url = "http://127.0.0.1:1".parse().unwrap();
        config.max_attempts = 1;
    })
    .await;
    let Err(Error::Unavailable { reason, .. }) = bench.instance().await else { panic!() };
    assert_eq!(reason, Unavailable::Connect);
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_no_connection() {
    let bench = Bench::with(vec![fine()], |config| {
        config.base_url = config.base_url.to_string().replace("http:", "https:").parse().unwrap();
        config.max_attempts = 1;
    })
    .await;
    let Err(Error::Unavailable { reason, .. }) = bench.instance().await else { panic!() };
    assert_eq!(reason, Unavailable::Connect);
}

#[tokio::test]
async fn an_answer_that_is_wrong_is_not_asked_for_again() {
    for (body, problem) in [
        ("<html>", "not JSON"),
        ("[]", "expected an object, found a list"),
        (r#"{"name":7}"#, "name: expected a text, found a number"),
        (r#"{"id":"bbbbbbbbbbbbbbbbbbbbbbbb"}"#, "id: asked for aaaaaaaaaaaaaaaaaaaaaaaa"),
    ] {
        let bench = Bench::new(vec![Answer::json(200, body)]).await;
        let error = bench.instance().await.unwrap_err();
        assert_eq!(error.label(), "malformed");
        assert!(error.to_string().contains(problem), "{error}");
        assert_eq!(bench.server.asked().len(), 1);
        assert!(
            bench.metric(r#"losant_exporter_api_requests_total{action="instance.get",code="malformed"} 1"#)
        );
    }
}

#[tokio::test]
async fn lists_are_read_to_the_end_at_the_size_that_the_server_chooses() {
    let script = vec![
        Answer::json(
            200,
            r#"{"items":[{"id":"aaaaaaaaaaaaaaaaaaaaaaa1"},{"id":"aaaaaaaaaaaaaaaaaaaaaaa2"}],"totalCount":3,"page":0,"perPage":2}"#,
        ),
        Answer::json(
            200,
            r#"{"items":[{"id":"aaaaaaaaaaaaaaaaaaaaaaa3"}],"totalCount":3,"page":1,"perPage":2}"#,
        ),
        Answer::json(200, r#"{"items":[{"id":"aaaaaaaaaaaaaaaaaaaaaaa1"}],"limit":1,"hasMore":true}"#),
        Answer::json(200, r#"{"items":[{"id":"aaaaaaaaaaaaaaaaaaaaaaa2"}],"limit":1,"hasMore":false}"#),
        Answer::json(200, r#"{"items":[],"totalCount":0}"#),
    ];
    let bench = Bench::new(script).await;
    let orgs = bench.client.walk_orgs(id("a"), &["payloadCount", "deviceCount"]).collect().await.unwrap();
    assert_eq!((orgs.items.len(), orgs.complete, orgs.skipped), (3, true, 0));
    let sandboxes = bench.client.walk_sandboxes(id("a"), &[]).collect().await.unwrap();
    assert_eq!((sandboxes.items.len(), sandboxes.complete), (2, true));
    let instances = bench.client.all_instances().await.unwrap();
    assert_eq!((instances.items.len(), instances.complete), (0, true));
    let lines: Vec<_> =
        bench.server.asked().iter().map(|asked| asked.head.lines().next().unwrap().to_owned()).collect();
    assert!(lines[0].contains(
        "/orgs?sortField=id&sortDirection=asc&page=0&perPage=100&summaryInclude=payloadCount%2CdeviceCount&"
    ));
    assert!(lines[1].contains("&page=1&perPage=100&"));
    assert!(lines[2].contains("/sandboxes?sortField=id&sortDirection=asc&limit=100&_links=false"));
    assert!(lines[3].contains("&startingAfterId=aaaaaaaaaaaaaaaaaaaaaaa1&"));
    assert!(lines[4].starts_with("GET /instances?sortField=id&"));
}

#[tokio::test]
async fn an_org_that_makes_no_sense_does_not_hide_the_others() {
    let bench = Bench::new(vec![Answer::json(
        200,
        r#"{"items":[{"id":"?"},{"id":"aaaaaaaaaaaaaaaaaaaaaaa1"}],"totalCount":2,"page":0,"perPage":100}"#,
    )])
    .await;
    let page = OrgsPage { page: 0, per_page: 100, summary_include: &[] };
    let read = bench.client.orgs(id("a"), page).await.unwrap();
    assert_eq!((read.items.len(), read.skipped[0].position), (1, 0));
    let all = bench.client.walk_orgs(id("a"), &[]).collect().await.unwrap();
    assert_eq!((all.items.len(), all.complete, all.skipped), (1, false, 1));
}

#[test]
fn settings_under_which_nothing_would_work_are_refused() {
    let refused = |change: fn(&mut ClientConfig)| {
        let (clock, _hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        let mut config = ClientConfig::new(BaseUrl::LOSANT.parse().unwrap(), fixed());
        change(&mut config);
        Client::new(config, clock, ClientMetrics::register(&mut Registry::default())).unwrap_err()
    };
    assert_eq!(refused(|config| config.max_attempts = 0), ConfigError::MaxAttempts);
    assert_eq!(refused(|config| config.page_size = 0), ConfigError::PageSize);
    assert_eq!(refused(|config| config.page_size = 1_001), ConfigError::PageSize);
    let slowest = |config: &mut ClientConfig| config.min_requests_per_second = Some(5.1);
    assert_eq!(refused(slowest), ConfigError::MinRequestsPerSecond(5.1));
    assert_eq!(refused(|config| config.burst = 0), ConfigError::Burst);
    assert_eq!(refused(|config| config.request_timeout = Duration::ZERO), ConfigError::Timeout);
    assert!(matches!(refused(|config| config.user_agent = "a\nb".to_owned()), ConfigError::Http(_)));
    let missing = refused(|config| config.token = TokenSource::File("/nonexistent/token".into()));
    assert_eq!(missing.to_string(), "token file /nonexistent/token: there is no such file");
}

#[tokio::test]
async fn reads_can_be_made_from_any_task() {
    fn sendable(_: impl Send) {}
    let bench = Bench::new(vec![fine()]).await;
    let client = &bench.client;
    sendable(client.instance(id("a")));
    sendable(client.all_instances());
    sendable(client.walk_orgs(id("a"), &["payloadCount"]).next());
    sendable(client.walk_sandboxes(id("a"), &[]).next());
    sendable(client.org(id("a"), id("b"), &[]));
    let now = bench.client.0.clock.now();
    sendable(client.payload_counts(Scope::Instance { instance: id("a") }, now, now, Unit::Payloads));
    sendable(client.device_counts(Scope::Instance { instance: id("a") }, now, now));
}

#[path = "client_token_tests.rs"]
mod token_tests;
