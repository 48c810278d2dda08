//! What an HTTP answer means.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::{Call, Error, Said, Unavailable};

/// Longest pause that is granted. A clock that is off, here or there, must not stop polling for days.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// How much of an error body is read: enough for any JSON error, little enough for a stray page of HTML.
const ERROR_BODY: usize = 64 * 1024;

/// The body of a success, up to `limit` bytes after decompression.
pub(super) async fn body(call: Call, response: &mut Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(call, error))? {
        if body.len() + chunk.len() > limit {
            return Err(Error::malformed(call, &format_args!("longer than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The error that an answer without success stands for. Reads its body as far as it comes.
pub(super) async fn refusal(call: Call, response: &mut Response, now: Timestamp) -> Error {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == ERROR_BODY {
            break;
        }
    }
    let said = Said::from_body(&body);
    match response.status() {
        StatusCode::UNAUTHORIZED => Error::Unauthorized { call, said },
        StatusCode::FORBIDDEN => Error::Forbidden { call, said },
        StatusCode::NOT_FOUND => Error::NotFound { call, said },
        StatusCode::TOO_MANY_REQUESTS => {
            Error::Throttled { call, retry_after: retry_after(response.headers(), now), said }
        }
        // 408: a proxy, or the server, gave up waiting for a request of ours. It says so itself: ask again.
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            Error::Unavailable { call, reason: Unavailable::Status(status.as_u16()), said }
        }
        status => Error::Rejected { call, status: status.as_u16(), said },
    }
}

/// The error that a failure of the HTTP client stands for.
pub(super) fn failure(call: Call, error: reqwest::Error) -> Error {
    let reason = if error.is_connect() {
        Unavailable::Connect
    } else if error.is_timeout() {
        Unavailable::Timeout
    } else {
        Unavailable::Io
    };
    // The outer layers say "error sending request"; the innermost says why.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Error::unavailable(call, reason, &cause)
}

/// The JSON of a success.
pub(super) fn json(call: Call, body: &[u8]) -> Result<serde_json::Value, Error> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_eof() {
            // Without a length, a broken connection looks like the end of the answer.
            Error::unavailable(call, Unavailable::Io, &format_args!("it ends after {} bytes", body.len()))
        } else {
            Error::malformed(call, &format_args!("not JSON: {error}"))
        }
    })
}

/// How long the server asks to wait: a number of seconds or a date. Garbage is as good as nothing.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean "very long".
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        // A date after the last one that can be told means "very long", too.
        let until = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).unwrap_or(Timestamp::MAX);
        Duration::try_from(until.duration_since(now)).unwrap_or_default()
    };
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_an_hour() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let seconds = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            retry_after(&headers, now).map(|pause| pause.as_secs())
        };
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds(" 120 "), Some(120));
        assert_eq!(seconds("86400"), Some(3_600));
        assert_eq!(seconds("99999999999999999999999"), Some(3_600));
        assert_eq!(seconds("Sun, 01 Mar 2026 12:01:30 GMT"), Some(90));
        assert_eq!(seconds("Sun, 01 Mar 2026 11:00:00 GMT"), Some(0));
        assert_eq!(seconds("Fri, 31 Dec 9999 23:59:59 GMT"), Some(3_600));
        for garbage in ["", "-5", "1.5", "soon", "5 s", "+5"] {
            assert_eq!(seconds(garbage), None, "{garbage}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_cut_answer_may_pass_and_a_wrong_one_may_not() {
        let call = Call::list_instances();
        for cut in ["", "{\"items\": [", "{\"items\": \"a"] {
            assert_eq!(json(call, cut.as_bytes()).unwrap_err().label(), "io", "{cut}");
        }
        for wrong in ["<html>", "{]", "{} {}", "NaN"] {
            assert_eq!(json(call, wrong.as_bytes()).unwrap_err().label(), "malformed", "{wrong}");
        }
    }
}
