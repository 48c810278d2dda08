//! The HTTP side: recording requests, faults in place of answers, headers.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Query as Pairs, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Simulator;
use super::action::{Action, Call};
use super::alterations;
use super::answer::{self, Dress};
use super::bodies::Scene;
use super::faults::{FaultKind, RetryAfter};
use super::query::Query;
use super::refusal::{self, Refusal};
use super::reports;
use super::requests::RecordedRequest;
use super::switches::Gzip;
use super::transport;
use super::wire::{Script, Wire, WiredListener};
use super::writes;

/// No answer tells a client to come back later than in ten years.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 86_400);

/// How long clients may take to go when the simulator stops.
const GRACE: Duration = Duration::from_secs(2);
/// Largest body that is read.
const LARGEST_BODY: usize = 1 << 20;
/// Size of the pieces in which a huge body is written.
const PIECE: u64 = 64 * 1024;

/// Headers recorded from the live API; `Date`, and the length, come with each answer.
const HEADERS: [(HeaderName, &str); 9] = [
    (header::SERVER, "Losant API"),
    (header::PRAGMA, "no-cache"),
    (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_XSS_PROTECTION, "1; mode=block"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (header::CONTENT_TYPE, transport::JSON),
];

/// A simulator, and whether the server around it is about to stop.
#[derive(Clone)]
struct Service {
    simulator: Simulator,
    closing: Arc<watch::Sender<bool>>,
}

/// Serves `simulator` on `listener` until `shutdown` is done. Requests that hang are let go then.
pub async fn serve(
    simulator: Simulator,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let closing = Arc::new(watch::Sender::new(false));
    let mut closed = closing.subscribe();
    let reports = reports::work(simulator.clone(), listener.local_addr()?);
    let service = Service { simulator, closing: Arc::clone(&closing) };
    let router = routes(service).into_make_service_with_connect_info::<Wire>();
    let stopping = async move {
        shutdown.await;
        closing.send_replace(true);
    };
    let mut server =
        pin!(axum::serve(WiredListener(listener), router).with_graceful_shutdown(stopping).into_future());
    tokio::select! {
        result = &mut server => return result,
        () = reports => {}
        _ = closed.wait_for(|closed| *closed) => {}
    }
    tokio::time::timeout(GRACE, server).await.unwrap_or(Ok(()))
}

/// The routes alone, for a server of one's own.
pub(super) fn router(simulator: Simulator) -> Router {
    routes(Service { simulator, closing: Arc::new(watch::Sender::new(false)) })
}

fn routes(service: Service) -> Router {
    // One handler for everything: faults can hit any path, and the API answers unknown ones itself.
    Router::new().fallback(handle).with_state(service)
}

async fn handle(State(service): State<Service>, request: Request) -> Response {
    let simulator = &service.simulator.0;
    let (parts, body) = request.into_parts();
    // A body that is too large, or cut off, is nothing that could be understood.
    let body = to_bytes(body, LARGEST_BODY).await.ok();
    let path = parts.uri.path();
    if let Some(table) = simulator.reports.at(path).filter(|_| parts.method == Method::GET) {
        return service.typed(StatusCode::OK, table, "text/csv");
    }
    let call = Call::read(&parts.method, path);
    let pairs =
        Pairs::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_or_else(|_| Vec::new(), |pairs| pairs.0);
    let number = simulator.requests.arrive(RecordedRequest {
        number: 0,
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: pairs.clone(),
        headers: recorded(&parts.headers),
        body: body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default(),
        action: call.map(|call| call.action.name()),
        status: None,
        uptime: simulator.clock.uptime(),
        at: simulator.clock.now(),
    });

    let owner = call.and_then(|call| call.owner()).and_then(|id| id.parse().ok());
    let due = simulator.faults.due(call.map(|call| call.action.name()), owner, number);
    let (mut fault, mut alterations) = (None, Vec::new());
    for kind in due {
        match kind {
            FaultKind::Delay(delay) => service.unless_closing(simulator.clock.sleep(delay)).await,
            FaultKind::Hang => {
                service.unless_closing(std::future::pending()).await;
                fault = Some(FaultKind::Reset);
            }
            kind if kind.is_alteration() => alterations.push(kind),
            kind => fault = Some(kind),
        }
    }

    let usual = || {
        let outcome = match &call {
            None => Err(Refusal::NotAllowed(parts.method.to_string())),
            Some(call) => {
                let answered = service.answer(call, &parts, body.as_deref(), &Query::new(pairs));
                answered.map(|(status, body)| (status, service.altered(body, call.action, &alterations)))
            }
        };
        match outcome {
            Ok((status, body)) => (status, body.to_string(), transport::JSON),
            Err(refusal) => {
                let (body, kind) = service.error(refusal.status(), &refusal.body());
                (refusal.status(), body, kind)
            }
        }
    };
    let wire = parts.extensions.get::<ConnectInfo<Wire>>().map(|info| &info.0);
    let (response, status) = match fault {
        None => {
            let (status, body, kind) = usual();
            (service.answered(&parts.headers, (status, body, kind)), status.as_u16())
        }
        Some(fault) => service.broken(fault, wire, usual),
    };
    simulator.requests.answered(number, status);
    response
}

/// The value of a header, if it is text.
fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Headers as they are written down.
fn recorded(headers: &HeaderMap) -> Vec<(String, String)> {
    let told = headers.iter().filter(|(name, _)| **name != header::AUTHORIZATION);
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    told.map(|(name, value)| (name.to_string(), text(value))).collect()
}

impl Service {
    fn answer(
        &self,
        call: &Call<'_>,
        request: &Parts,
        body: Option<&[u8]>,
        query: &Query,
    ) -> Result<(StatusCode, Value), Refusal> {
        let simulator = &self.simulator.0;
        let now = simulator.clock.now();
        let authorization = text_of(&request.headers, header::AUTHORIZATION.as_str());
        let scopes = simulator.tokens.admit(authorization, now).ok_or(Refusal::Unauthorized)?;
        let switches = self.simulator.switches();
        if !scopes.allow(call.action, switches.token_lists_instances) {
            return Err(Refusal::Forbidden);
        }
        transport::check_version(&switches, text_of(&request.headers, "accept-version"))?;
        let dress = Dress::read(query)?;
        let (status, mut answer) = if call.action.has_body() {
            let body = match body.ok_or(Refusal::TooLarge)? {
                [] => None,
                bytes => {
                    let unreadable = |_| Refusal::Validation("body must be JSON".to_owned());
                    Some(serde_json::from_slice::<Value>(bytes).map_err(unreadable)?)
                }
            };
            self.written(call, body.as_ref(), query, now)?
        } else {
            let world = self.simulator.world();
            let scene = Scene { world: &world, switches: &switches, now };
            (StatusCode::OK, answer::read(&scene, call, query)?)
        };
        dress.put_on(&mut answer, call, request.uri.path(), &switches);
        Ok((status, answer))
    }

    fn written(
        &self,
        call: &Call<'_>,
        body: Option<&Value>,
        query: &Query,
        now: Timestamp,
    ) -> Result<(StatusCode, Value), Refusal> {
        let simulator = &self.simulator.0;
        if call.action == Action::Report {
            let instance = answer::path_id("instanceId", call.instance.unwrap_or_default())?;
            answer::the_instance(&self.simulator.world(), instance, now)?;
            let job = simulator.reports.order(instance, body, (now, simulator.clock.uptime()))?;
            return Ok((StatusCode::ACCEPTED, job));
        }
        let switches = self.simulator.switches();
        let wanted = answer::wanted(call.action, query, &switches)?;
        let mut outcome = Ok(writes::Written::Gone);
        simulator.world.send_modify(|world| outcome = writes::write(world, call, body, now));
        let world = self.simulator.world();
        let scene = Scene { world: &world, switches: &switches, now };
        outcome.map(|written| answer::written(&scene, written, &wanted))
    }

    fn altered(&self, mut body: Value, action: Action, alterations: &[FaultKind]) -> Value {
        for kind in alterations {
            if *kind == FaultKind::DeleteListed {
                let now = self.simulator.0.clock.now();
                self.simulator.change_world(|world| alterations::delete_listed(world, &body, now));
            } else {
                alterations::alter(&mut body, action, kind);
            }
        }
        body
    }

    /// Waits for `event`, or until the server stops.
    async fn unless_closing(&self, event: impl Future<Output = ()>) {
        let mut closed = self.closing.subscribe();
        tokio::select! {
            () = event => {}
            _ = closed.wait_for(|closed| *closed) => {}
        }
    }

    fn error(&self, status: StatusCode, envelope: &Value) -> (String, &'static str) {
        transport::error(&self.simulator.switches(), status, envelope)
    }

    /// An answer of this content type, compressed for those who want it.
    fn answered(
        &self,
        asked: &HeaderMap,
        (status, body, kind): (StatusCode, String, &'static str),
    ) -> Response {
        let may_pack = self.simulator.switches().gzip == Gzip::WhenAsked && !body.is_empty();
        let packs = may_pack && text_of(asked, "accept-encoding").is_some_and(transport::asks_for_gzip);
        if !packs {
            return self.typed(status, body, kind);
        }
        let mut response = self.typed(status, transport::gzipped(body.as_bytes()), kind);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    }

    fn typed(&self, status: StatusCode, body: impl Into<Body>, kind: &'static str) -> Response {
        let mut response = self.response(status, body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }

    fn response(&self, status: StatusCode, body: impl Into<Body>) -> Response {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        if let Ok(date) = HeaderValue::try_from(self.http_date(Duration::ZERO)) {
            headers.insert(header::DATE, date);
        }
        response
    }

    fn http_date(&self, from_now: Duration) -> String {
        let now = SystemTime::from(self.simulator.0.clock.now());
        // The format has four digits for the year.
        let from_now = from_now.min(LONGEST_WAIT);
        httpdate::fmt_http_date(now.checked_add(from_now).unwrap_or(now))
    }

    /// What a fault makes of the answer, and the status that is written down for it.
    fn broken(
        &self,
        fault: FaultKind,
        wire: Option<&Wire>,
        usual: impl FnOnce() -> (StatusCode, String, &'static str),
    ) -> (Response, u16) {
        let whole = |response: Response| {
            let status = response.status().as_u16();
            (response, status)
        };
        match fault {
            FaultKind::Status { status, kind, message } => {
                whole(self.response(status_code(status), refusal::envelope(&kind, &message).to_string()))
            }
            FaultKind::HtmlError(status) => {
                whole(self.typed(status_code(status), transport::ERROR_PAGE, transport::HTML))
            }
            FaultKind::EmptyBody(status) => whole(self.response(status_code(status), Body::empty())),
            FaultKind::Throttle { retry_after } => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let (body, kind) = self.error(status, &Refusal::Throttled.body());
                let mut response = self.typed(status, body, kind);
                let value = retry_after.map(|retry_after| match retry_after {
                    RetryAfter::Seconds(seconds) => seconds.to_string(),
                    RetryAfter::HttpDate(from_now) => self.http_date(from_now),
                });
                if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                    response.headers_mut().insert(header::RETRY_AFTER, value);
                }
                whole(response)
            }
            FaultKind::NotJson => whole(self.response(StatusCode::OK, "this is not JSON")),
            FaultKind::CutBody => {
                let (status, body, _) = usual();
                let half = Bytes::from(body.as_bytes().get(..body.len() / 2).unwrap_or_default().to_vec());
                self.scripted(wire, status.as_u16(), [(head(status, body.len()), 1), (half, 1)])
            }
            FaultKind::HugeBody(bytes) => {
                let length = usize::try_from(bytes).unwrap_or(usize::MAX);
                let spaces = |count: u64| Bytes::from(vec![b' '; usize::try_from(count).unwrap_or(0)]);
                let pieces = bytes.saturating_sub(1) / PIECE;
                let rest = bytes.saturating_sub(1) % PIECE;
                let body = [(Bytes::from_static(b"["), 1), (spaces(PIECE), pieces), (spaces(rest), 1)];
                self.scripted(wire, 200, [(head(StatusCode::OK, length), 1)].into_iter().chain(body))
            }
            // Faults that leave an answer never come here.
            _ => self.scripted(wire, 0, []),
        }
    }

    /// Has the connection write `script` and close. Without a wire to do so (another server around the routes) the
    /// answer is an empty 502.
    fn scripted(
        &self,
        wire: Option<&Wire>,
        status: u16,
        script: impl IntoIterator<Item = (Bytes, u64)>,
    ) -> (Response, u16) {
        let unwritten = self.response(StatusCode::BAD_GATEWAY, Body::empty());
        let Some(wire) = wire else { return (unwritten, 502) };
        wire.take_over(script.into_iter().filter(|(_, times)| *times > 0).collect::<Script>());
        (unwritten, status)
    }
}

/// Status line and headers, by hand.
fn head(status: StatusCode, length: usize) -> Bytes {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n").into()
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
