//! The least a server can do: send the same bytes every time.
//!
//! It runs in a process of its own, this program started anew, so that what it takes of the machine can be told apart.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use tokio::net::TcpListener;

/// The word that makes this program the floor.
pub const ROLE: &str = "serve-floor";

/// Serves the two files as `content_type`: the one that is packed to those who want that, and to all others the one that is
/// not.
pub async fn serve(plain: &Path, gzip: &Path, content_type: &str) {
    let read = |path: &Path| Bytes::from(std::fs::read(path).expect("a body"));
    let (plain, gzip) = (read(plain), read(gzip));
    let content_type = HeaderValue::from_str(content_type).expect("a content type");
    let answer = move |headers: HeaderMap| {
        let mut response = Response::new(if wants_gzip(&headers) {
            Body::from(gzip.clone())
        } else {
            Body::from(plain.clone())
        });
        if wants_gzip(&headers) {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
        std::future::ready(response)
    };
    listen(Router::new().route("/metrics", get(answer))).await;
}

pub fn wants_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("gzip"))
}

/// Serves `router` on loopback without Nagle's delay, and says where, until the process is ended.
pub async fn listen(router: Router) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).expect("a connection"));
    println!("listening {address}");
    axum::serve(listener, router).await.expect("a server");
}
