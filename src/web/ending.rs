//! Connections that end with the server, and not before a request that has come is answered.
//!
//! Owns: that a connection on which nobody asks ends when its end has come. HTTP libraries close one that rests at once, even
//! where a request has arrived in the meantime that they have not read: the client sees its scrape fail.
//! Must not: know when the end comes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Stage;

/// A stream on which there is nothing more to read when its end has come and nobody waits for an answer.
pub(super) struct Ending<S> {
    stream: S,
    stage: Stage,
    /// The end, until it has come.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Whether something was written that may not have left.
    unsent: bool,
    /// Whoever found nothing to read while an answer was on its way, and does not look again by itself when it has left.
    reader: Option<Waker>,
}

impl<S> Ending<S> {
    /// Watches over `stream`, which stands at `stage`, until `end` comes.
    pub(super) fn new(stream: S, stage: Stage, end: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { stream, stage, end: Some(Box::pin(end)), unsent: false, reader: None }
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if self.unsent || self.stage.is_under_way() {
            self.reader = self.unsent.then(|| context.waker().clone());
            return false;
        }
        if self.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            self.end = None;
        }
        self.end.is_none()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Ending<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What has come is read first, whether the end has come or not.
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() && self.is_over(context) {
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ending<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unsent = true;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.unsent = true;
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready()
            && std::mem::take(&mut self.unsent)
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
