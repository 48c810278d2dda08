//! The way every request takes before it reaches a page.
//!
//! Owns: the order of the rules: rate limit, headers, users, and how many requests are answered at the same time.
//! Must not: know what the rules are, or a page.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::guard::{Admission, Guard};
use super::{HEALTHY, READY};
use crate::clock::Clock;

/// What the way in needs to know.
#[derive(Clone)]
pub(super) struct Entrance {
    guard: Guard,
    clock: Clock,
    /// How many requests are answered at the same time. `None` for any number.
    places: Option<(Arc<Semaphore>, usize)>,
}

impl Entrance {
    /// With `max_requests` 0 there is no limit to requests at the same time.
    pub(super) fn new(guard: Guard, clock: Clock, max_requests: usize) -> Self {
        let most = max_requests.min(Semaphore::MAX_PERMITS);
        let places = (most > 0).then(|| (Arc::new(Semaphore::new(most)), most));
        Self { guard, clock, places }
    }
}

/// Lets a request pass, or answers it.
pub(super) async fn pass(State(entrance): State<Entrance>, request: Request, next: Next) -> Response {
    let rules = entrance.guard.current();
    if !rules.allow_request(entrance.clock.uptime()) {
        return (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n").into_response();
    }
    let mut response = match rules.users().admit(request.headers()).await {
        Admission::Granted => entrance.answer(request, next).await,
        Admission::Denied => {
            let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"))];
            (StatusCode::UNAUTHORIZED, challenge, "Unauthorized\n").into_response()
        }
        Admission::Busy => busy("Too many passwords to look at, try again later.\n".to_owned()),
    };
    for (name, value) in rules.headers() {
        // A page knows better what it may load.
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    response
}

impl Entrance {
    /// Answers a request while not too many others are. Whether the process lives is always told.
    async fn answer(&self, request: Request, next: Next) -> Response {
        let Some((places, most)) = &self.places else { return next.run(request).await };
        if matches!(request.uri().path(), HEALTHY | READY) {
            return next.run(request).await;
        }
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            return busy(format!("Limit of concurrent requests reached ({most}), try again later.\n"));
        };
        let response = next.run(request).await;
        response.map(|body| Body::new(Held { body, _place: place }))
    }
}

fn busy(problem: String) -> Response {
    let later = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::SERVICE_UNAVAILABLE, later, problem).into_response()
}

/// An answer that holds its place until it has been sent.
struct Held {
    body: Body,
    _place: OwnedSemaphorePermit,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
