//! The way every request takes before it reaches a page.
//!
//! Owns: the order of the rules: rate limit, headers, users, bodies, and how many requests are answered at the same time.
//! Must not: know what the rules are, or a page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use super::guard::{Admission, Guard};
use super::held::hold;
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
        Admission::Granted if request.headers().contains_key(header::TRANSFER_ENCODING) => {
            (StatusCode::LENGTH_REQUIRED, "A body needs a Content-Length.\n").into_response()
        }
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
        response.map(|body| hold(body, place))
    }
}

fn busy(problem: String) -> Response {
    let later = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::SERVICE_UNAVAILABLE, later, problem).into_response()
}
