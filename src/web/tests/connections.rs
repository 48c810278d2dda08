//! How connections begin, rest and end: what is waited for, how long, and what goes on when the server stops.

use super::*;

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up_with_its_connection() {
    let served = Served::start().await;
    served.pages.large.store(true, Ordering::SeqCst);
    let mut connection = TcpStream::connect(served.addresses[0]).await.unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // The answer has begun: from here on, nobody reads.
    connection.read_exact(&mut [0; 64]).await.unwrap();
    served.hand.advance(WRITE_TIMEOUT.saturating_sub(Duration::from_millis(1)));
    // What comes while the answer is stuck gains no time.
    connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(served.get("/-/healthy").await.status(), 200);
    served.hand.advance(Duration::from_millis(1));
    let mut rest = Vec::new();
    let ended = connection.read_to_end(&mut rest).await;
    assert!(ended.is_err() || rest.len() < LARGE, "the whole answer came");
}

#[tokio::test]
async fn an_answer_that_is_read_in_time_comes_whole_and_so_does_the_next() {
    let served = Served::start().await;
    served.pages.large.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let answer = served.scrape("*/*").await;
        served.hand.advance(WRITE_TIMEOUT.saturating_sub(Duration::from_millis(1)));
        assert_eq!(answer.bytes().await.unwrap().len(), LARGE + "text".len());
    }
}

#[tokio::test]
async fn a_request_that_does_not_come_whole_in_time_is_given_up_with_its_connection() {
    let served = Served::start().await;
    for beginning in ["", "GET /metrics HTTP/1.1\r\nhost: x\r\n"] {
        let mut connection = TcpStream::connect(served.addresses[0]).await.unwrap();
        connection.write_all(beginning.as_bytes()).await.unwrap();
        // Whoever comes later is served: both have been taken in.
        assert_eq!(served.get("/-/healthy").await.status(), 200);
        served.hand.advance(Duration::from_secs(29));
        // What comes little by little gains no time.
        connection.write_all(b"a").await.unwrap();
        assert_eq!(served.get("/-/healthy").await.status(), 200);
        served.hand.advance(Duration::from_secs(2));
        let mut rest = Vec::new();
        let _ = connection.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "it was answered");
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_scrape_but_not_for_ever() {
    let served = Served::start().await;
    let mut connection = TcpStream::connect(served.addresses[0]).await.unwrap();
    for _ in 0..2 {
        connection.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with("Healthy\n") {
            let mut byte = [0];
            connection.read_exact(&mut byte).await.unwrap();
            answer.push(char::from(byte[0]));
        }
        served.hand.advance(Duration::from_secs(120));
        assert_eq!(served.get("/-/healthy").await.status(), 200);
    }
    served.hand.advance(Duration::from_secs(300));
    let mut rest = Vec::new();
    assert_eq!(connection.read_to_end(&mut rest).await.unwrap_or_default(), 0);
}

/// Asks once and reads the answer. The connection rests after that.
async fn rest(address: SocketAddr) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"Healthy\n") {
        assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0, "no answer");
    }
    connection
}

#[tokio::test]
async fn where_no_place_is_left_the_connection_that_has_rested_the_longest_makes_room() {
    raise_open_files();
    let served = Served::start().await;
    let mut resting = Vec::new();
    for _ in 0..1_024 {
        resting.push(rest(served.addresses[0]).await);
    }
    // Answered, although everybody rests and no time passes.
    resting.push(rest(served.addresses[1]).await);
    assert_eq!(resting[0].read(&mut [0]).await.unwrap_or_default(), 0);
    let newest = resting.last_mut().unwrap();
    newest.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_ne!(newest.read(&mut [0; 1_024]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_body_without_a_length_is_refused_counted_and_the_last_of_its_connection() {
    let served = Served::start().await;
    let mut connection = TcpStream::connect(served.addresses[0]).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert!(answer.contains("connection: close") && answer.contains("x-content-type-options: nosniff"));
    let counts = served.counts();
    assert!(counts.contains(r#"http_requests_total{handler="metrics",code="411"} 1"#), "{counts}");
}

#[tokio::test]
async fn every_listener_serves() {
    let served = Served::start().await;
    for address in &served.addresses {
        let healthy = served.client.get(format!("http://{address}/-/healthy")).send().await.unwrap();
        assert_eq!(healthy.status(), 200);
    }
}

#[tokio::test]
async fn a_request_under_way_finishes_although_the_server_stops() {
    let (arrived, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = get({
        let (arrived, answer) = (Arc::clone(&arrived), Arc::clone(&answer));
        || async move {
            arrived.notify_one();
            answer.notified().await;
            "late"
        }
    });
    let mut served = Served::start_with(0, |router| router.route("/slow", slow)).await;
    let mut connection = TcpStream::connect(served.addresses[0]).await.unwrap();
    connection.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    arrived.notified().await;
    served.signals.send("SIGTERM");
    // The listening sockets are closed, so draining has begun.
    while TcpStream::connect(served.addresses[0]).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(served.ended.try_join_next().is_none());
    answer.notify_one();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    assert!(response.ends_with("late"), "{response}");
    assert_eq!(served.ended.join_next().await.unwrap().unwrap(), Ok(Ending::Drained));
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let mut served = Served::start().await;
    served.get("/-/healthy").await;
    let mut idle = rest(served.addresses[0]).await;
    let _idle = TcpStream::connect(served.addresses[0]).await.unwrap();
    served.get("/-/healthy").await;
    served.hand.advance(Duration::from_secs(1));
    served.signals.send("SIGTERM");
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(served.ended.join_next().await.unwrap().unwrap(), Ok(Ending::Drained));
}

#[tokio::test]
async fn an_answer_that_is_still_on_its_way_when_the_server_stops_is_the_last_of_its_connection() {
    let large = get(|| async { vec![b'x'; LARGE] });
    let mut served = Served::start_with(0, |router| router.route("/large", large)).await;
    let mut connection = TcpStream::connect(served.addresses[0]).await.unwrap();
    connection.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // It is in one piece: all of it has been handed over, and waits until somebody reads.
    connection.read_exact(&mut [0; 64]).await.unwrap();
    served.hand.advance(Duration::from_secs(1));
    served.signals.send("SIGTERM");
    while TcpStream::connect(served.addresses[0]).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(&[b'x'; 1_024]) && rest.len() > LARGE, "{} bytes", rest.len());
    assert_eq!(served.ended.join_next().await.unwrap().unwrap(), Ok(Ending::Drained));
}

#[tokio::test]
async fn whoever_has_just_connected_when_the_server_stops_is_answered() {
    let mut served = Served::start().await;
    let request = b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut early = rest(served.addresses[0]).await;
    let mut late = TcpStream::connect(served.addresses[0]).await.unwrap();
    // Nobody has taken in the last of them: this one thread has not waited since.
    let mut waiting = std::net::TcpStream::connect(served.addresses[1]).unwrap();
    std::io::Write::write_all(&mut waiting, request).unwrap();
    served.signals.send("SIGTERM");
    while TcpStream::connect(served.addresses[0]).await.is_ok() {
        tokio::task::yield_now().await;
    }
    waiting.set_nonblocking(true).unwrap();
    let mut waiting = TcpStream::from_std(waiting).unwrap();
    for (name, connection) in [("early", &mut early), ("late", &mut late), ("waiting", &mut waiting)] {
        if name != "waiting" {
            connection.write_all(request).await.unwrap();
        }
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("Healthy\n"), "{name}: {answer}");
        assert!(answer.contains("connection: close"), "{name}: {answer}");
    }
    assert_eq!(served.ended.join_next().await.unwrap().unwrap(), Ok(Ending::Drained));
}
