//! The metrics page as a scrape gets it.
//!
//! Owns: that the usage page is followed by what the exporter says of itself, and by the end; both were made beforehand.
//! Must not: do work that grows with the number of scopes.

use std::{fmt, iter};

use bytes::Bytes;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use super::deflate::HEADER;
use super::encoding::Encoding;
use super::filter::{Filter, InvalidFilter};
use super::negotiate::Format;
use super::own::Own;
use super::page::Page;
use super::renderer::{Pages, RenderConfig, Renderer};
use crate::clock::Clock;
use crate::store::Store;

/// How much text is unpacked at a time where a body goes out uncompressed.
const CHUNK: usize = 64 * 1024;

/// Everything that is exported.
#[derive(Debug)]
pub struct Metrics {
    config: watch::Sender<RenderConfig>,
    pages: Pages,
    own: Own,
}

/// Why a scrape gets no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// It asks for what there is not.
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
    /// What the exporter says of itself cannot be written.
    #[error("the exporter's own metrics cannot be written")]
    Write(#[from] fmt::Error),
}

/// The answer to a scrape.
pub struct ScrapeBody {
    /// How long it is, in bytes.
    pub length: u64,
    /// What it consists of.
    pub chunks: Box<dyn Iterator<Item = Bytes> + Send + Sync>,
}

impl Metrics {
    /// Adds the usage of `store` and what making the page takes to what `registry` holds already. The renderer has to
    /// be run, or the page stays as it is.
    pub fn new(config: RenderConfig, mut registry: Registry, store: Store, clock: Clock) -> (Self, Renderer) {
        let version = ("version".into(), env!("CARGO_PKG_VERSION").into());
        registry.sub_registry_with_label(version).register(
            "losant_exporter_build_info",
            "Version of the exporter, always 1",
            ConstGauge::new(1),
        );
        let (config, heard) = watch::channel(config);
        let (renderer, pages) = Renderer::new(heard, &mut registry, store, clock.clone());
        (Self { config, pages, own: Own::new(registry, clock) }, renderer)
    }

    /// Has pages made by other settings from now on, the first of them as soon as one may be made. Until then the last one is
    /// served.
    pub fn reconfigure(&self, config: RenderConfig) {
        self.config.send_replace(config);
    }

    /// Has what the exporter says of itself made anew for the next scrape.
    pub fn forget_own(&self) {
        self.own.forget();
    }

    /// The body of an answer: the part of the page that `filter` chooses. It is as of when the page was last made.
    pub async fn scrape(
        &self,
        format: Format,
        encoding: Encoding,
        filter: &Filter,
    ) -> Result<ScrapeBody, ScrapeError> {
        let page = self.pages.current().await;
        page.instances().map_or(Ok(()), |known| filter.check(known))?;
        Ok(self.body(&page, format, encoding, filter)?)
    }

    /// Keeps what the exporter says of itself fresh for those who scrape.
    pub async fn keep_fresh(&self, end: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = end => {}
            () = self.own.keep_fresh() => {}
        }
    }

    /// Waits until the page shows what is known now.
    pub async fn rendered(&self) {
        self.pages.fresh().await;
        self.own.forget();
    }

    /// The whole page as text, of what is known now.
    pub async fn text(&self, format: Format) -> Result<String, ScrapeError> {
        let page = self.pages.fresh().await;
        let body = self.body(&page, format, Encoding::Identity, &Filter::default())?;
        // Made of strings and digits only.
        Ok(String::from_utf8(body.chunks.flatten().collect()).unwrap_or_default())
    }

    fn body(
        &self,
        page: &Page,
        format: Format,
        encoding: Encoding,
        filter: &Filter,
    ) -> Result<ScrapeBody, fmt::Error> {
        let own = self.own.end(format)?;
        let mut part = page.part(filter);
        part.length += own.text.len() as u64;
        Ok(match encoding {
            Encoding::Identity => {
                let chunks = page.text(&part, CHUNK).chain(iter::once(own.text));
                ScrapeBody { length: part.length, chunks: Box::new(chunks) }
            }
            Encoding::Gzip => {
                part.checksum.combine(&own.checksum);
                let blocks = page.blocks(&part);
                let compressed: usize = part.at.iter().map(ExactSizeIterator::len).sum();
                let trailer = part.checksum.trailer(part.length);
                let length = (HEADER.len() + compressed + own.block.len() + trailer.len()) as u64;
                let end = [own.block, Bytes::copy_from_slice(&trailer)];
                let header = iter::once(Bytes::from_static(&HEADER));
                ScrapeBody { length, chunks: Box::new(header.chain(blocks).chain(end)) }
            }
        })
    }
}
