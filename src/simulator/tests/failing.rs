//! Each fault, as it comes over the wire.

use std::time::Duration;

use super::Api;
use crate::simulator::{Fault, FaultKind, RetryAfter, Route};

async fn broken(kind: FaultKind) -> Api {
    let api = Api::start().await;
    api.simulator.faults().inject(Fault::once(Route::action("instance.get"), kind));
    api
}

#[tokio::test]
async fn a_status_comes_in_the_envelope_and_only_where_it_was_ordered() {
    let kind = FaultKind::Status { status: 500, kind: "Internal".to_owned(), message: "Boom".to_owned() };
    let api = broken(kind).await;
    assert_eq!(api.error(&format!("{}/orgs", api.instance())).await.0, 200);
    let (status, body) = api.error(&api.instance()).await;
    assert_eq!((status, &body["type"], &body["message"]), (500, &"Internal".into(), &"Boom".into()));
    assert_eq!(api.error(&api.instance()).await.0, 200);
}

#[tokio::test]
async fn an_html_error_and_an_empty_body_are_no_json() {
    let api = broken(FaultKind::HtmlError(502)).await;
    let (status, headers, body) = api.answer(&api.instance()).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (502, "text/html"));
    assert!(body.starts_with("<html>"));
    let api = broken(FaultKind::EmptyBody(413)).await;
    let (status, _, body) = api.answer(&api.instance()).await;
    assert_eq!((status, body.as_str()), (413, ""));
    let api = broken(FaultKind::NotJson).await;
    let (status, _, body) = api.answer(&api.instance()).await;
    assert_eq!((status, body.as_str()), (200, "this is not JSON"));
}

#[tokio::test]
async fn throttling_says_when_to_come_back_if_told_so() {
    let api = broken(FaultKind::Throttle { retry_after: None }).await;
    let (status, headers, body) = api.answer(&api.instance()).await;
    assert_eq!((status, headers.get("retry-after")), (429, None));
    assert!(body.contains("Over rate limit, request throttled"));
    let api = broken(FaultKind::Throttle { retry_after: Some(RetryAfter::Seconds(7)) }).await;
    assert_eq!(api.answer(&api.instance()).await.1["retry-after"], "7");
    let date = RetryAfter::HttpDate(Duration::from_secs(64));
    let api = broken(FaultKind::Throttle { retry_after: Some(date) }).await;
    assert_eq!(api.answer(&api.instance()).await.1["retry-after"], "Wed, 04 Mar 2026 12:36:00 GMT");
}

#[tokio::test]
async fn a_delayed_answer_comes_when_the_clock_has_passed_the_delay() {
    let api = broken(FaultKind::Delay(Duration::from_secs(30))).await;
    let path = api.instance();
    let moving = async {
        api.simulator.wait_for_requests(|requests| !requests.is_empty()).await;
        assert_eq!(api.simulator.requests()[0].status, None);
        // In steps, since the handler may begin to wait only after it is recorded.
        while api.simulator.requests()[0].status.is_none() {
            api.hand.advance(Duration::from_secs(31));
            tokio::task::yield_now().await;
        }
    };
    let ((status, _), ()) = tokio::join!(api.error(&path), moving);
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_reset_connection_has_no_answer() {
    let api = broken(FaultKind::Reset).await;
    let failed = api.request(&api.instance()).send().await.unwrap_err();
    assert!(failed.is_request() && failed.status().is_none(), "{failed:?}");
    assert_eq!(api.error(&api.instance()).await.0, 200);
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_it_says() {
    let api = broken(FaultKind::CutBody).await;
    let mut response = api.request(&api.instance()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let promised = response.content_length().unwrap();
    let mut received = 0;
    let failed = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(failed);
    assert_eq!(u64::try_from(received).unwrap(), promised / 2);
}

#[tokio::test]
async fn a_huge_body_is_as_huge_as_ordered() {
    let api = broken(FaultKind::HugeBody(3_000_001)).await;
    let body = api.request(&api.instance()).send().await.unwrap().bytes().await.unwrap();
    assert_eq!((body.len(), &body[..3]), (3_000_001, &b"[  "[..]));
}

#[tokio::test]
async fn a_hanging_request_is_let_go_when_the_server_stops() {
    let api = broken(FaultKind::Hang).await;
    let Api { simulator, stop, mut tasks, client, base, .. } = api;
    let path = format!("{base}/instances/{}", simulator.world().instances()[0].id());
    let asking = client.get(path).bearer_auth(simulator.token()).send();
    let stopping = async {
        simulator.wait_for_requests(|requests| requests.len() == 1).await;
        assert_eq!(simulator.requests()[0].status, None);
        stop.send(()).unwrap();
        tasks.join_next().await.unwrap().unwrap().unwrap();
    };
    let (answer, ()) = tokio::join!(asking, stopping);
    assert!(answer.is_err());
}

#[tokio::test]
async fn every_kind_of_fault_does_something_to_an_answer_and_lets_the_next_one_through() {
    for kind in FaultKind::all_examples() {
        let api = Api::start().await;
        let path = format!("{}/orgs?summaryInclude=payloadCount,deviceCount&_links=false", api.instance());
        let (_, _, usual) = api.answer(&path).await;
        let route = Route::action("instanceOrgs.get");
        let fault = api.simulator.faults().inject(Fault::once(route, kind.clone()));
        let asking = async {
            let answer = api.request(&path).send().await.ok()?;
            let (status, wait) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
            Some((status, wait, answer.text().await.ok()?))
        };
        let waiting = async {
            api.simulator.wait_for_requests(|requests| requests.len() == 2).await;
            while api.simulator.requests()[1].status.is_none() && kind != FaultKind::Hang {
                api.hand.advance(Duration::from_secs(3));
                tokio::task::yield_now().await;
            }
        };
        let answer = if kind == FaultKind::Hang {
            // Nobody would wait for that.
            tokio::select! { biased; answer = asking => answer, () = waiting => None }
        } else {
            tokio::join!(asking, waiting).0
        };
        assert_eq!(api.simulator.faults().fired(fault), 1, "{kind}");
        let is_usual = answer.as_ref().is_some_and(|(status, _, body)| *status == 200 && *body == usual);
        match &kind {
            // Payloads go on while it is under way, so that it may say more.
            FaultKind::Delay(_) => assert_eq!(answer.unwrap().0, 200),
            FaultKind::Hang | FaultKind::Reset | FaultKind::CutBody => assert_eq!(answer, None, "{kind}"),
            FaultKind::DeleteListed => {
                assert!(is_usual, "{kind}");
                assert_ne!(api.answer(&path).await.2, usual);
                continue;
            }
            FaultKind::Status { status, .. }
            | FaultKind::HtmlError(status)
            | FaultKind::EmptyBody(status) => {
                assert_eq!(answer.unwrap().0, *status, "{kind}");
            }
            FaultKind::Throttle { retry_after } => {
                let (status, wait, _) = answer.unwrap();
                assert_eq!((status, wait), (429, retry_after.is_some()), "{kind}");
            }
            _ => {
                let (status, _, body) = answer.unwrap();
                assert!(status == 200 && body != usual, "{kind}");
            }
        }
        if kind != FaultKind::Hang {
            assert_eq!(api.error(&path).await.0, 200, "{kind}");
        }
    }
}
