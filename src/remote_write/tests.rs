use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::clock::ClockHand;

/// A server that answers with the next line of a script, and remembers what it was sent.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<(u16, &'static str, String)>,
    received: Vec<(HeaderMap, WriteRequest)>,
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let plain = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let mut script = receiver.0.lock().unwrap();
    script.received.push((headers, WriteRequest::decode(&*plain).unwrap()));
    let (status, retry_after, said) = script.answers.pop_front().unwrap_or((204, "", String::new()));
    let status = StatusCode::from_u16(status).unwrap();
    if retry_after.is_empty() {
        return (status, said).into_response();
    }
    (status, [("retry-after", retry_after)], said).into_response()
}

struct Fixture {
    receiver: Receiver,
    url: String,
    clock: Clock,
    hand: ClockHand,
    _tasks: JoinSet<()>,
}

impl Fixture {
    async fn answering(answers: &[(u16, &'static str, &str)]) -> Self {
        let receiver = Receiver::default();
        let answers = answers.iter().map(|(status, pause, said)| (*status, *pause, (*said).to_owned()));
        receiver.0.lock().unwrap().answers = answers.collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/v1/write?key=hunter3", listener.local_addr().unwrap());
        let router = axum::Router::new().route("/api/v1/write", post(receive)).with_state(receiver.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let (clock, hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
        Self { receiver, url, clock, hand, _tasks: tasks }
    }

    /// Pushes, and lets time pass whenever that waits for it. Returns how long it took on the clock.
    async fn push(&self, credentials: Credentials) -> (Result<(), PushError>, Duration) {
        let pusher = Pusher::new(self.url.parse().unwrap(), credentials, self.clock.clone()).unwrap();
        let request = request();
        let mut push = std::pin::pin!(pusher.push(&request));
        loop {
            tokio::select! {
                biased;
                result = &mut push => return (result, self.clock.uptime()),
                () = tokio::task::yield_now() => self.hand.advance(Duration::from_millis(10)),
            }
        }
    }

    fn received(&self) -> Vec<(HeaderMap, WriteRequest)> {
        self.receiver.0.lock().unwrap().received.clone()
    }
}

fn request() -> WriteRequest {
    let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
    let at = "2026-02-01T00:10:00Z".parse().unwrap();
    let series = TimeSeries {
        labels: vec![label("__name__", "losant_org:devices:max"), label("org_id", "a")],
        samples: vec![Sample::new(at, 17.0)],
    };
    WriteRequest { timeseries: vec![series] }
}

fn bearer() -> Credentials {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter2").unwrap();
    Credentials::bearer(file.path()).unwrap()
}

#[tokio::test]
async fn samples_arrive_as_the_protocol_wants_them() {
    let server = Fixture::answering(&[]).await;
    let (result, _) = server.push(bearer()).await;
    assert_eq!(result, Ok(()));
    let received = server.received();
    assert_eq!(received.len(), 1);
    let (headers, sent) = &received[0];
    assert_eq!(*sent, request());
    for (name, value) in [
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf"),
        ("x-prometheus-remote-write-version", "0.1.0"),
        ("user-agent", outbound::USER_AGENT),
        ("authorization", "Bearer hunter2"),
    ] {
        assert_eq!(headers.get(name).unwrap().to_str().unwrap(), value);
    }
}

#[tokio::test]
async fn what_may_be_taken_later_is_sent_again_after_the_pause_that_was_asked_for() {
    let server = Fixture::answering(&[(503, "", "busy"), (429, "20", "slow down"), (500, "", "")]).await;
    let (result, took) = server.push(Credentials::none()).await;
    assert_eq!(result, Ok(()));
    let received = server.received();
    assert_eq!(received.len(), 4);
    assert!(
        received.iter().all(|(headers, sent)| *sent == request() && !headers.contains_key("authorization"))
    );
    assert!(took >= Duration::from_secs(22), "{took:?}");
}

#[tokio::test]
async fn a_refusal_is_told_in_the_words_of_the_server_and_not_sent_again() {
    let said = format!("out of order sample, you sent Bearer hunter2 to ?key=hunter3\n{}", "x".repeat(500));
    let server = Fixture::answering(&[(400, "", &said)]).await;
    let (result, _) = server.push(bearer()).await;
    let problem = result.unwrap_err().to_string();
    assert!(problem.contains("refuses the samples with status 400: out of order sample, you sent Bearer"));
    assert!(!problem.contains("hunter") && problem.lines().count() == 1 && problem.len() < 400, "{problem}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Fixture::answering(&[(307, "", "")]).await;
    let (result, _) = server.push(bearer()).await;
    assert!(matches!(result, Err(PushError::Refused { status: 307, .. })));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_server_that_never_takes_them_is_given_up_on() {
    let server = Fixture::answering(&[(503, "", "still busy"); 12]).await;
    let (result, took) = server.push(Credentials::none()).await;
    let problem = result.unwrap_err().to_string();
    assert!(problem.ends_with("12 times in a row: status 503: still busy"), "{problem}");
    assert!(took > Duration::from_secs(180) && took < Duration::from_secs(300), "{took:?}");
}
