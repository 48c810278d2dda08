//! Which token goes out, what is made of a refusal, and that no token gets anywhere else.

use super::*;

#[tokio::test]
async fn a_token_that_was_replaced_is_read_again_when_the_old_one_is_refused() {
    let file = TempFile::new("old\n");
    let source = TokenSource::File(file.path().to_owned());
    let refused = Answer::json(401, r#"{"type":"Unauthorized","message":"Unauthorized"}"#);
    let script = vec![refused.clone(), refused, fine()];
    let bench = Bench::with(script, |config| config.token = source).await;
    assert_eq!(labels(&bench.instance().await), "unauthorized");
    assert_eq!(bench.server.asked().len(), 1, "the same token was tried twice");
    assert_eq!(bench.client.token_accepted(), Some(false));

    file.write("new\n");
    assert_eq!(bench.instance().await.unwrap(), "fine");
    assert_eq!(bench.instance().await.unwrap(), "fine");
    let tokens: Vec<_> = bench
        .server
        .asked()
        .iter()
        .map(|asked| asked.head.lines().find(|line| line.starts_with("authorization")).unwrap().to_owned())
        .collect();
    let (old, new) = ("authorization: Bearer old", "authorization: Bearer new");
    assert_eq!(tokens, [old, old, new, new]);
    assert_eq!(bench.client.token_accepted(), Some(true));
}

#[tokio::test]
async fn a_token_file_that_changes_is_taken_over_without_a_refusal_and_so_is_its_expiry() {
    let file = TempFile::new("old");
    let source = TokenSource::File(file.path().to_owned());
    let bench = Bench::with(vec![fine()], |config| config.token = source).await;
    assert_eq!((bench.client.token_expires_at(), bench.client.token_accepted()), (None, None));
    // {"exp":1767225600}
    file.write("e30.eyJleHAiOjE3NjcyMjU2MDB9.c2ln");
    bench.hand.advance(Duration::from_secs(10));
    assert_eq!(bench.instance().await.unwrap(), "fine");
    let expires_at = bench.client.token_expires_at().map(|at| at.to_string());
    assert_eq!(expires_at.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert!(bench.server.asked()[0].head.contains("authorization: Bearer e30.eyJ"));
    assert_eq!(bench.client.token_accepted(), Some(true));
}

#[tokio::test]
async fn a_request_that_waited_long_goes_out_with_the_token_of_the_moment_in_which_it_goes() {
    let file = TempFile::new("old");
    let source = TokenSource::File(file.path().to_owned());
    let throttled = Answer::with(429, "retry-after: 60\r\n", b"");
    let bench = Bench::with(vec![throttled, fine()], |config| {
        config.token = source;
        config.max_attempts = 1;
    })
    .await;
    bench.instance().await.unwrap_err();
    let mut waiting = pin!(bench.client.instance(id("a")));
    assert!(
        tokio::select! { biased; _ = &mut waiting => false, () = tokio::task::yield_now() => true },
        "it did not wait"
    );
    file.write("new");
    bench.drive(waiting).await.unwrap();
    assert!(bench.server.asked()[1].head.contains("authorization: Bearer new"));
}

#[tokio::test]
async fn a_token_file_that_is_gone_leaves_the_refusal_as_it_is() {
    let file = TempFile::new("old");
    let source = TokenSource::File(file.path().to_owned());
    let bench = Bench::with(vec![Answer::json(401, "")], |config| config.token = source).await;
    drop(file);
    assert_eq!(labels(&bench.instance().await), "unauthorized");
}

#[tokio::test]
async fn the_token_is_shown_nowhere() {
    let config = ClientConfig::new(BaseUrl::LOSANT.parse().unwrap(), fixed());
    let bench = Bench::with(vec![Answer::json(401, "")], |config| config.max_attempts = 1).await;
    let refused = bench.instance().await.unwrap_err();
    for shown in [
        format!("{config:?}"),
        format!("{:?}", bench.client),
        format!("{refused} {refused:?}"),
        format!(
            "{:?}",
            bench
                .client
                .0
                .http
                .get(&bench.server.url)
                .header(AUTHORIZATION, bench.client.0.tokens.in_use().header())
        ),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn the_log_tells_each_attempt_and_never_the_token() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(Arc::new(Log(Arc::clone(&log))))
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    // While there is only one log, a line that is first come by on another thread would be silenced on all of them.
    let _other = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let file = TempFile::new("hunter2");
    let source = TokenSource::File(file.path().to_owned());
    let script = vec![Answer::json(503, ""), Answer::json(401, ""), fine()];
    let bench = Bench::with(script, |config| config.token = source).await;
    file.write("hunter2.new");
    assert_eq!(bench.instance().await.unwrap(), "fine");
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    for code in ["503", "401", "200"] {
        let line = format!(r#"action="instance.get" instance={} owner={} code={code} "#, id("a"), id("a"));
        assert!(log.contains(&line), "{line} is not in\n{log}");
    }
    assert!(log.contains("the token file was replaced"));
    assert!(!log.contains("hunter2"), "{log}");
}

/// Where the log of a test goes.
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
