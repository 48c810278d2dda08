//! Connections that can be made to misbehave.
//!
//! Owns: writing raw bytes in place of what the HTTP server wants to write, and then closing the connection.
//! A well-behaved server library will not break its own answers, so they are broken underneath it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What to write before closing the connection: each piece a number of times.
pub(super) type Script = VecDeque<(Bytes, u64)>;

/// The handle by which a request's handler takes its connection over.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire(Arc<Mutex<Option<Script>>>);

impl Wire {
    /// From here on the connection writes `script` instead of any answer, and is then closed.
    pub(super) fn take_over(&self, script: Script) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(script);
    }
}

impl Connected<IncomingStream<'_, WiredListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, WiredListener>) -> Self {
        stream.io().wire.clone()
    }
}

/// Accepts connections that have a [`Wire`].
pub(super) struct WiredListener(pub(super) TcpListener);

impl Listener for WiredListener {
    type Io = WiredStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (WiredStream, SocketAddr) {
        let (inner, address) = Listener::accept(&mut self.0).await;
        (WiredStream { inner, wire: Wire::default(), piece: Bytes::new() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

pub(super) struct WiredStream {
    inner: TcpStream,
    wire: Wire,
    /// What is left of the piece of the script that is being written.
    piece: Bytes,
}

/// What a connection writes next.
enum Next {
    /// What the server wants: no script has taken over.
    AsUsual,
    /// This, whatever the server wants.
    Piece(Bytes),
    /// Nothing more: the script is over.
    Close,
}

impl WiredStream {
    fn next(&self) -> Next {
        let mut script = self.wire.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(script) = script.as_mut() else { return Next::AsUsual };
        let Some((piece, times)) = script.front_mut() else { return Next::Close };
        let piece = piece.clone();
        *times = times.saturating_sub(1);
        if *times == 0 {
            script.pop_front();
        }
        Next::Piece(piece)
    }
}

impl AsyncWrite for WiredStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.piece.is_empty() {
                match self.next() {
                    Next::AsUsual => return Pin::new(&mut self.inner).poll_write(context, bytes),
                    Next::Close => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                    Next::Piece(piece) => self.piece = piece,
                }
            }
            let this = &mut *self;
            let written = ready!(Pin::new(&mut this.inner).poll_write(context, &this.piece))?;
            this.piece.advance(written);
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl AsyncRead for WiredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}
