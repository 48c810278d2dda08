//! The server: takes connections in, makes TLS of them where that is wanted, and hands requests to the router.
//!
//! Owns: how many connections there may be, how large the head of a request may be, and how the server ends.
//! Must not: know a page, or decide who may see one.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use super::connection::{Connection, Stage};
use super::ending::Ending;
use super::guard::Guard;
use super::held::hold;
use crate::clock::Clock;
use crate::lifecycle::Drain;

/// Connections at the same time; more wait until one ends. Each may take a head, and about 40 KiB more over TLS: together 72 MiB,
/// which has to be little beside what a pod may use.
const MOST_CONNECTIONS: usize = 1_024;

/// The head of a request in bytes. Those of browsers and scrapers stay below a tenth of it.
const LARGEST_HEAD: usize = 32 * 1024;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept at least, so that whoever has just opened it gets an answer although the server ends: what it
/// takes to send the request, on a busy machine far away.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// What a TLS connection begins with. No request does.
const HANDSHAKE: u8 = 0x16;

/// What Go's servers say in this case, so that it can be searched for.
const NOT_HTTPS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Serves `router` on all `listeners` until `drain` is requested, then lets requests under way finish.
///
/// An answer that has not been read `write_timeout` after its request came is given up with its connection.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    guard: Guard,
    clock: Clock,
    write_timeout: Duration,
    drain: Drain,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(most_connections()));
    let server = Server { router, guard, clock, write_timeout, places, crowded: Arc::default(), drain };
    let mut servers = JoinSet::new();
    for listener in listeners {
        servers.spawn(server.clone().listen(listener));
    }
    while let Some(served) = servers.join_next().await {
        served.map_err(io::Error::other)?;
    }
    Ok(())
}

/// As many as there may be, and never so many that no file could be opened any more to poll Losant.
fn most_connections() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let half = files.and_then(|files| usize::try_from(files / 2).ok()).unwrap_or(usize::MAX);
    half.clamp(1, MOST_CONNECTIONS)
}

/// Lets the process open as many files as the system allows it at most, as Go's programs do: what many systems allow at first
/// is 1,024.
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
}

#[derive(Clone)]
struct Server {
    router: Router,
    guard: Guard,
    clock: Clock,
    write_timeout: Duration,
    places: Arc<Semaphore>,
    /// Calls upon whoever has rested the longest to make room.
    crowded: Arc<Notify>,
    drain: Drain,
}

impl Server {
    /// Takes connections in until it is time to finish, and returns when the last of them has ended.
    async fn listen(self, mut listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut ending = std::pin::pin!(self.drain.clone().requested());
        loop {
            let (stream, client) = tokio::select! {
                biased;
                () = &mut ending => break,
                // Errors are logged and waited out in there.
                accepted = Listener::accept(&mut listener) => accepted,
                // Those that have ended give their memory back.
                Some(_) = connections.join_next() => continue,
            };
            let place = tokio::select! {
                biased;
                () = &mut ending => break,
                place = self.place() => place,
            };
            let server = self.clone();
            connections.spawn(async move {
                server.attend(stream, client).await;
                drop(place);
            });
        }
        for (stream, client) in waiting(listener) {
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { break };
            let server = self.clone();
            connections.spawn(async move {
                server.attend(stream, client).await;
                drop(place);
            });
        }
        while connections.join_next().await.is_some() {}
    }

    /// A place for one more connection. Where there is none left, it is that of the one that has rested the longest between
    /// two requests, or of the next that has been answered.
    async fn place(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        self.crowded.notify_one();
        Arc::clone(&self.places).acquire_owned().await
    }

    async fn attend(self, stream: TcpStream, client: SocketAddr) {
        let (clock, crowded) = (self.clock.clone(), Arc::clone(&self.crowded));
        let (mut connection, stage) = Connection::new(stream, clock, self.write_timeout, crowded);
        let Some(tls) = self.guard.current().tls().cloned() else {
            return self.serve(connection, stage).await;
        };
        let handshake = async {
            match connection.first_byte().await {
                Ok(HANDSHAKE) => {
                    TlsAcceptor::from(tls).accept(connection).await.map_err(|error| (error, None))
                }
                Ok(_) => Err((io::Error::other("a request without TLS"), Some(connection))),
                Err(error) => Err((error, None)),
            }
        };
        let ended = tokio::select! {
            ended = handshake => ended,
            () = self.clock.sleep(HANDSHAKE_TIMEOUT) => Err((io::ErrorKind::TimedOut.into(), None)),
            () = end_of_connection(self.clock.clone(), self.drain.clone()) => return,
        };
        match ended {
            Ok(stream) => self.serve(stream, stage).await,
            Err((error, plain)) => {
                tracing::debug!(%client, %error, "a TLS handshake failed");
                if let Some(mut connection) = plain {
                    // Whether it still listens is all the same.
                    let _ = connection.write_all(NOT_HTTPS).await;
                    let _ = connection.shutdown().await;
                }
            }
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin, stage: Stage) {
        let (router, requests, drain) = (self.router, stage.clone(), self.drain.clone());
        let stream = Ending::new(stream, stage.clone(), end_of_connection(self.clock, self.drain.clone()));
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let answering = requests.asked();
            let (mut router, is_last) = (router.clone(), drain.is_requested());
            async move {
                let mut response = answer(&mut router, request.map(Body::new)).await;
                if is_last {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response.map(|body| hold(body, answering)))
            }
        });
        let connection = http1::Builder::new()
            .max_header_size(LARGEST_HEAD)
            // Or the buffer would grow to twice the head before it is refused.
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.drain.requested() => {
                // One on which nobody waits ends by itself, unless a request has come that nobody has read yet.
                if stage.is_under_way() {
                    connection.as_mut().graceful_shutdown();
                }
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// When a connection that is opened now ends on which nobody asks.
fn end_of_connection(clock: Clock, drain: Drain) -> impl Future<Output = ()> {
    let soonest = clock.uptime().saturating_add(FIRST_REQUEST);
    async move {
        drain.requested().await;
        clock.sleep_until(soonest).await;
    }
}

/// Connections that clients have opened and that nobody has taken in yet.
///
/// As long as there is a listener the system goes on opening connections for it, and there is no call that stops only that: one
/// that is opened after the last look here, or has been half open then, is reset when the listener goes. That is the next that
/// happens. To shut it down would reset all that wait, and to shorten its queue would still let one in.
fn waiting(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    // Does not block: when none is left, that is an error.
    let streams = std::iter::repeat_with(|| listener.accept()).take(MOST_CONNECTIONS);
    let streams = streams.map_while(Result::ok).filter_map(|(stream, client)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, client))
    });
    streams.collect()
}

async fn answer(router: &mut Router, request: Request) -> Response {
    let has_no_length = request.headers().contains_key(header::TRANSFER_ENCODING);
    // A router is always ready, and never fails.
    let mut response = router.call(request).await.unwrap_or_else(|never: Infallible| match never {});
    if has_no_length {
        // Something between the client and here may see another end of this request, and hide a second one behind it.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
