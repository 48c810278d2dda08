//! Connections that do not wait for ever for somebody to read.
//!
//! Owns: how long an answer may take to be read. Each answer under way keeps the page it is of in memory, and a client that
//! reads a byte now and then could keep it there for days.
//! Must not: know what is sent.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::Clock;

/// A listener of whose connections each answer has to be read in time.
#[derive(Debug)]
pub(super) struct Impatient {
    listener: TcpListener,
    clock: Clock,
    write_timeout: Duration,
}

/// A connection. The time for an answer runs from when the first of it is written.
pub(super) struct Connection {
    stream: TcpStream,
    clock: Clock,
    write_timeout: Duration,
    /// Whether something was read since the last write: what is written next begins an answer.
    asked: bool,
    deadline: Duration,
    /// Whether the last write found that nobody reads.
    blocked: bool,
    timeout: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Impatient {
    pub(super) const fn new(listener: TcpListener, clock: Clock, write_timeout: Duration) -> Self {
        Self { listener, clock, write_timeout }
    }
}

impl Listener for Impatient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Errors are logged and waited out in there.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // An answer ends with a small piece, which is not to wait until the client has confirmed the one before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let (clock, write_timeout) = (self.clock.clone(), self.write_timeout);
        let (deadline, timeout) = (Duration::ZERO, None);
        (Connection { stream, clock, write_timeout, asked: true, deadline, blocked: false, timeout }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connection {
    /// Passes on what a write came to, unless the time for the answer is over.
    fn in_time(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.asked) {
            self.deadline = self.clock.uptime().saturating_add(self.write_timeout);
            self.timeout = None;
        }
        self.blocked = written.is_pending();
        if !self.blocked {
            return written;
        }
        let (clock, deadline) = (&self.clock, self.deadline);
        let timeout = self.timeout.get_or_insert_with(|| {
            let clock = clock.clone();
            Box::pin(async move { clock.sleep_until(deadline).await })
        });
        ready!(timeout.as_mut().poll(context));
        self.timeout = None;
        let client = self.stream.peer_addr().map(|address| address.to_string()).unwrap_or_default();
        tracing::info!(client, timeout = ?self.write_timeout, "closing a connection: the answer is not read in time");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not read in time")))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        // While an answer is stuck, a client that sends something does not gain time by it.
        if read.is_ready() && buffer.filled().len() > before && !self.blocked {
            self.asked = true;
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
