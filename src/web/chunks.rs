//! The body of a scrape's answer.
//!
//! Owns: sending chunks one after the other, as a body whose length is known beforehand.
//! Must not: know what is in them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::metrics::ScrapeBody;

/// What a scrape still has to get.
pub(super) struct Chunks {
    body: ScrapeBody,
}

impl Chunks {
    pub(super) const fn of(body: ScrapeBody) -> Self {
        Self { body }
    }
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.body.chunks.next();
        let sent = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        self.body.length = self.body.length.saturating_sub(sent);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.length == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.length)
    }
}
