//! Connections that do not wait for ever for the other side.
//!
//! Owns: how long a request may take to come in, how long a connection may rest between two and that it ends when somebody
//! else needs its place, and how long an answer may take to be read. Each answer under way keeps the page it is of in memory,
//! and each connection a file descriptor: a client that sends or reads a byte now and then could keep them for days.
//! Must not: know what is sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::clock::Clock;

/// How long the head of a request may take to come in, from its first byte on; of the first one from when the connection was
/// opened. A scraper sends it in one piece.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may rest after an answer. Prometheus scrapes at least every two minutes, or a series has gaps.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// A connection. The time for an answer runs from when the first of it is written.
pub(super) struct Connection {
    stream: TcpStream,
    clock: Clock,
    stage: Stage,
    /// Until when the next request has to have come in.
    read_deadline: Duration,
    read_timeout: Option<Timeout>,
    crowded: Arc<Notify>,
    /// The call to make room, while the connection rests. Whoever has waited for it the longest hears it.
    called: Option<Pin<Box<OwnedNotified>>>,
    /// Whoever found nothing to read while an answer was made, when no time runs. Has to look again after that.
    reader: Option<Waker>,
    write_timeout: Duration,
    /// Whether something was read since the last write: what is written next begins an answer.
    asked: bool,
    write_deadline: Duration,
    /// Whether the last write found that nobody reads.
    blocked: bool,
    timeout: Option<Timeout>,
}

type Timeout = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a connection stands. Cheap to clone; all clones speak of the same connection.
#[derive(Clone, Debug)]
pub(super) struct Stage(Arc<Standing>);

#[derive(Debug)]
struct Standing {
    stage: AtomicU8,
    /// Whether the last answer was handed over to its end.
    whole: AtomicBool,
}

/// Notes when it is dropped that an answer was handed over to its end.
pub(super) struct Answering(Stage);

/// No request has come in whole since the connection was opened.
const NEW: u8 = 0;
/// The last request has been answered, at least in part.
const ANSWERED: u8 = 1;
/// A request has come in whole, and nothing of its answer has been written.
const ASKED: u8 = 2;

impl Stage {
    /// Notes that a request has come in whole: its answer takes the time it takes, until what is returned is dropped.
    pub(super) fn asked(&self) -> Answering {
        self.0.whole.store(false, Ordering::Relaxed);
        self.0.stage.store(ASKED, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// Whether a request has come in whole whose answer has not been handed over to its end.
    pub(super) fn is_under_way(&self) -> bool {
        !self.is_at(NEW) && !self.0.whole.load(Ordering::Relaxed)
    }

    fn is_at(&self, stage: u8) -> bool {
        self.0.stage.load(Ordering::Relaxed) == stage
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.whole.store(true, Ordering::Relaxed);
    }
}

impl Connection {
    /// Watches over `stream`. The stage is for whoever takes requests from it; `crowded` calls upon one that rests to end.
    pub(super) fn new(
        stream: TcpStream,
        clock: Clock,
        write_timeout: Duration,
        crowded: Arc<Notify>,
    ) -> (Self, Stage) {
        // An answer ends with a small piece, which is not to wait until the client has confirmed the one before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let stage = Stage(Arc::new(Standing { stage: AtomicU8::new(NEW), whole: AtomicBool::new(false) }));
        let connection = Self {
            read_deadline: clock.uptime().saturating_add(REQUEST_TIMEOUT),
            stream,
            clock,
            stage: stage.clone(),
            read_timeout: None,
            crowded,
            called: None,
            reader: None,
            write_timeout,
            asked: true,
            write_deadline: Duration::ZERO,
            blocked: false,
            timeout: None,
        };
        (connection, stage)
    }

    /// What is to be read first, which is left there. Waits for it as long as it takes.
    pub(super) async fn first_byte(&mut self) -> io::Result<u8> {
        let mut first = [0];
        match self.stream.peek(&mut first).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(first[0]),
        }
    }

    /// Whether the last request has been answered, and nothing of another one has come.
    fn rests(&self) -> bool {
        let whole = self.stage.0.whole.load(Ordering::Relaxed);
        whole && self.stage.is_at(ANSWERED) && !self.asked && !self.blocked
    }

    /// Ends a read that has nothing to tell, when the time for the request is over or somebody else needs the place.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.stage.is_at(ASKED) {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        if self.rests() {
            let crowded = &self.crowded;
            let called = self.called.get_or_insert_with(|| Box::pin(Arc::clone(crowded).notified_owned()));
            if called.as_mut().poll(context).is_ready() {
                self.called = None;
                return Poll::Ready(Err(io::Error::other("somebody else needs its place")));
            }
        }
        loop {
            let (clock, deadline) = (&self.clock, self.read_deadline);
            let timeout = self.read_timeout.get_or_insert_with(|| until(clock, deadline));
            ready!(timeout.as_mut().poll(context));
            self.read_timeout = None;
            // It may have been moved back since.
            if self.clock.uptime() >= self.read_deadline {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no request came in time")));
            }
        }
    }

    /// Passes on what a write came to, unless the time for the answer is over.
    fn in_time(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.asked) {
            self.write_deadline = self.clock.uptime().saturating_add(self.write_timeout);
            self.timeout = None;
        }
        self.called = None;
        let stage = &self.stage.0.stage;
        let _ = stage.compare_exchange(ASKED, ANSWERED, Ordering::Relaxed, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        self.blocked = written.is_pending();
        if !self.blocked {
            self.read_deadline = self.clock.uptime().saturating_add(IDLE_TIMEOUT);
            return written;
        }
        let (clock, deadline) = (&self.clock, self.write_deadline);
        let timeout = self.timeout.get_or_insert_with(|| until(clock, deadline));
        ready!(timeout.as_mut().poll(context));
        self.timeout = None;
        let client = self.stream.peer_addr().map(|address| address.to_string()).unwrap_or_default();
        tracing::info!(client, timeout = ?self.write_timeout, "closing a connection: the answer is not read in time");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not read in time")))
    }
}

fn until(clock: &Clock, deadline: Duration) -> Timeout {
    let clock = clock.clone();
    Box::pin(async move { clock.sleep_until(deadline).await })
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            return self.wait(context);
        }
        self.called = None;
        // While an answer is stuck, a client that sends something does not gain time by it.
        if buffer.filled().len() > before && !self.blocked && !std::mem::replace(&mut self.asked, true) {
            self.read_deadline = self.clock.uptime().saturating_add(REQUEST_TIMEOUT);
            self.read_timeout = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_rests_from_the_end_of_an_answer_to_the_next_request() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (mut connection, stage) =
            Connection::new(stream, Clock::system(), REQUEST_TIMEOUT, Arc::default());
        assert!(!connection.rests(), "no request has come");
        client.write_all(b"?").await.unwrap();
        connection.read_exact(&mut [0]).await.unwrap();
        let answering = stage.asked();
        connection.write_all(b"!").await.unwrap();
        assert!(!connection.rests(), "there is more of the answer");
        drop(answering);
        assert!(connection.rests());
        client.write_all(b"?").await.unwrap();
        connection.read_exact(&mut [0]).await.unwrap();
        assert!(!connection.rests(), "another request has begun");
    }
}
