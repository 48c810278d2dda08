//! What an HTTP answer means.

use jiff::Timestamp;
use reqwest::{Response, StatusCode};

use super::{Call, Error, Said, Unavailable};
use crate::outbound::{self, retry_after};

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
    let (failure, words) = outbound::failure(error);
    let reason = match failure {
        outbound::Failure::Connect => Unavailable::Connect,
        outbound::Failure::Timeout => Unavailable::Timeout,
        outbound::Failure::Io => Unavailable::Io,
    };
    Error::unavailable(call, reason, &words)
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

#[cfg(test)]
mod tests {
    use super::*;

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
