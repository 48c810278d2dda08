//! Where a page of metrics is read from.
//!
//! Owns: one GET to an exporter, in bounds of time and size. It follows nobody elsewhere.
//! Must not: know what stands on the page.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reqwest::header::ACCEPT;
use reqwest::{Client, StatusCode, Url};

use crate::outbound;

/// An exporter answers from memory. Whoever takes longer than this is not well.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest page that is read, unpacked: about that of two million series.
const LARGEST_PAGE: usize = 256 << 20;

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Url(String),
    File(PathBuf),
    StandardInput,
}

impl Origin {
    /// What the flag `--metrics` says.
    pub(super) fn named(text: &str) -> anyhow::Result<Self> {
        if text == "-" {
            return Ok(Self::StandardInput);
        }
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Ok(Self::File(text.into()));
        }
        let url = outbound::url(text).map_err(|problem| anyhow!("flag --metrics: {problem}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            bail!(
                "flag --metrics: a URL with a user or password would be shown; read the page with a client of your own"
            );
        }
        Ok(Self::Url(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::StandardInput => f.write_str("standard input"),
        }
    }
}

/// The text of a page. The error names where it should have come from.
pub(super) async fn read(origin: &Origin) -> anyhow::Result<String> {
    let read = match origin {
        Origin::Url(url) => get(url).await,
        Origin::File(file) => std::fs::File::open(file).map_err(Into::into).and_then(read_all),
        Origin::StandardInput => read_all(std::io::stdin().lock()),
    };
    let bytes = read.with_context(|| origin.to_string())?;
    String::from_utf8(bytes).map_err(|_| anyhow!("{origin}: is not UTF-8"))
}

fn read_all(from: impl std::io::Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LARGEST_PAGE as u64 + 1).read_to_end(&mut bytes)?;
    check_size(bytes.len())?;
    Ok(bytes)
}

fn check_size(size: usize) -> anyhow::Result<()> {
    if size > LARGEST_PAGE {
        bail!("is larger than {} MiB", LARGEST_PAGE >> 20);
    }
    Ok(())
}

async fn get(url: &str) -> anyhow::Result<Vec<u8>> {
    let refuse = |error| {
        let (failure, words) = outbound::failure(error);
        anyhow!("{failure}: {words}")
    };
    let request = client(url)?.get(url).header(ACCEPT, "text/plain;version=0.0.4;q=1,*/*;q=0.1");
    let mut response = request.send().await.map_err(refuse)?;
    if response.status() != StatusCode::OK {
        bail!("answered {}", response.status());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(refuse)? {
        check_size(bytes.len() + chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn client(url: &str) -> anyhow::Result<Client> {
    let refuse = |problem| anyhow!("cannot be read: {problem}");
    let parsed: Url = url.parse().context("cannot be read")?;
    let builder = outbound::builder(&parsed).map_err(refuse)?;
    let client = builder
        .user_agent(outbound::USER_AGENT)
        // An exporter is nearby. A proxy for the world outside does not know it.
        .no_proxy()
        .timeout(TIMEOUT)
        .gzip(true);
    client.build().map_err(|error| refuse(outbound::innermost(&error)))
}
