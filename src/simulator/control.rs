//! Turning the knobs of a running simulator over HTTP, on a loopback port of its own.
//!
//! | | |
//! | --- | --- |
//! | `GET /faults` | the faults that are on |
//! | `POST /faults` | `{"fault": "*=throttle:7"}` switches one on |
//! | `DELETE /faults`, `DELETE /faults/{id}` | switches all off, or one |
//! | `GET /switches` | the positions of all switches |
//! | `PUT /switches` | `{"zero_buckets": "absent"}` sets those named |
//! | `GET /requests` | the latest requests |

use std::io;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use super::faults::{Fault, FaultId};
use super::requests::RecordedRequest;
use super::{Simulator, refusal};

/// Largest body of a request.
const LARGEST: usize = 64 * 1024;

/// Serves the knobs of `simulator` on `listener` until `shutdown` is done. Refuses to listen beyond this machine.
pub async fn serve_control(
    simulator: Simulator,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    if !listener.local_addr()?.ip().is_loopback() {
        let problem = "the control endpoint listens on loopback addresses only";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    let router = Router::new()
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/{id}", delete(clear_fault))
        .route("/switches", get(switches).put(set_switches))
        .route("/requests", get(requests))
        .with_state(simulator);
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, Body::from(body.to_string())).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refuse(problem: &str) -> Response {
    answer(StatusCode::BAD_REQUEST, &refusal::envelope("Validation", problem))
}

async fn object(request: Request) -> Result<Map<String, Value>, Response> {
    let bytes = to_bytes(request.into_body(), LARGEST).await.map_err(|_| refuse("the body is too large"))?;
    serde_json::from_slice(&bytes).map_err(|_| refuse("the body must be a JSON object"))
}

fn written(id: FaultId, fault: &Fault, fired: u64) -> Value {
    json!({ "id": id.0, "fault": fault.to_string(), "fired": fired })
}

async fn faults(State(simulator): State<Simulator>) -> Response {
    let active = simulator.faults().active();
    let faults: Vec<_> = active.iter().map(|(id, fault, fired)| written(*id, fault, *fired)).collect();
    answer(StatusCode::OK, &json!({ "faults": faults }))
}

async fn add_fault(State(simulator): State<Simulator>, request: Request) -> Response {
    let body = match object(request).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let Some(text) = body.get("fault").and_then(Value::as_str) else {
        return refuse("fault is required, a text such as \"*=throttle:7\"");
    };
    match text.parse::<Fault>() {
        Err(problem) => refuse(&format!("fault: {problem}")),
        Ok(fault) => {
            let id = simulator.faults().inject(fault.clone());
            answer(StatusCode::CREATED, &written(id, &fault, 0))
        }
    }
}

async fn clear_faults(State(simulator): State<Simulator>) -> Response {
    simulator.faults().clear_all();
    answer(StatusCode::OK, &json!({ "success": true }))
}

async fn clear_fault(State(simulator): State<Simulator>, Path(id): Path<String>) -> Response {
    let wanted = id.parse().ok().map(FaultId);
    let active = simulator.faults().active();
    let Some((id, ..)) = active.into_iter().find(|(id, ..)| Some(*id) == wanted) else {
        return answer(StatusCode::NOT_FOUND, &refusal::envelope("NotFound", "Fault was not found"));
    };
    simulator.faults().clear(id);
    answer(StatusCode::OK, &json!({ "success": true }))
}

async fn switches(State(simulator): State<Simulator>) -> Response {
    answer(StatusCode::OK, &simulator.switches().named().into())
}

async fn set_switches(State(simulator): State<Simulator>, request: Request) -> Response {
    let body = match object(request).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let mut switches = simulator.switches();
    if let Err(problem) = switches.set_all(&body) {
        return refuse(&problem.to_string());
    }
    simulator.set_switches(switches);
    answer(StatusCode::OK, &switches.named().into())
}

async fn requests(State(simulator): State<Simulator>) -> Response {
    let requests: Vec<_> = simulator.requests().iter().map(request_body).collect();
    answer(StatusCode::OK, &json!({ "requests": requests }))
}

fn request_body(request: &RecordedRequest) -> Value {
    let RecordedRequest { number, method, path, query, headers, body, action, status, uptime, at } = request;
    json!({
        "number": number,
        "method": method,
        "path": path,
        "query": query,
        "headers": headers,
        "body": body,
        "action": action,
        "status": status,
        "uptimeSeconds": uptime.as_secs_f64(),
        "at": format!("{at:.3}"),
    })
}
