//! What the exporter says of itself.
//!
//! Owns: the exporter's own metrics as they are written at the end of each answer, a second old or so. Making them takes longer
//! than sending a small page, so it is done beforehand for as long as somebody scrapes.
//! Must not: know what the metrics are.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::registry::Registry;

use super::deflate::{Checksum, Deflater};
use super::negotiate::Format;
use super::text::text_from_openmetrics;
use crate::clock::Clock;

/// How often they are made while somebody scrapes.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// How old they may be when they are sent. Older ones are made anew by the scrape that wants them.
const OLDEST: Duration = Duration::from_millis(1_500);

/// How long after the last scrape they are still refreshed. Hardly anybody scrapes less often.
const WARM: Duration = Duration::from_secs(300);

/// The exporter's own metrics.
#[derive(Debug)]
pub(super) struct Own {
    registry: Registry,
    clock: Clock,
    made: Mutex<[Kept; Format::ALL.len()]>,
}

#[derive(Debug, Default)]
struct Kept {
    made: Option<Made>,
    /// Counts how often what was made was forgotten: what is being made meanwhile is not kept.
    forgotten: u64,
    /// Uptime at which somebody last asked for them.
    asked_at: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Made {
    at: Duration,
    end: End,
}

/// The end of an answer.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) text: Bytes,
    /// The text as the last block of a gzip member.
    pub(super) block: Bytes,
    pub(super) checksum: Checksum,
}

impl Own {
    pub(super) fn new(registry: Registry, clock: Clock) -> Self {
        Self { registry, clock, made: Mutex::default() }
    }

    /// The end of an answer.
    pub(super) fn end(&self, format: Format) -> Result<End, fmt::Error> {
        let now = self.clock.uptime();
        {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = &mut made[format as usize];
            kept.asked_at = Some(now);
            if let Some(made) = kept.made.as_ref().filter(|made| now.saturating_sub(made.at) <= OLDEST) {
                return Ok(made.end.clone());
            }
        }
        self.make(format)
    }

    /// Has the next scrape make them anew.
    pub(super) fn forget(&self) {
        for kept in self.made.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            kept.made = None;
            kept.forgotten += 1;
        }
    }

    /// Makes them anew all the time for those who scrape.
    pub(super) async fn keep_fresh(&self) {
        loop {
            self.clock.sleep(REFRESH_EVERY).await;
            let now = self.clock.uptime();
            for format in Format::ALL {
                let asked_at =
                    self.made.lock().unwrap_or_else(PoisonError::into_inner)[format as usize].asked_at;
                if asked_at.is_some_and(|at| now.saturating_sub(at) <= WARM) {
                    // What fails now fails again when somebody asks, who is told.
                    let _ = self.make(format);
                }
            }
        }
    }

    fn make(&self, format: Format) -> Result<End, fmt::Error> {
        let at = self.clock.uptime();
        let forgotten = self.made.lock().unwrap_or_else(PoisonError::into_inner)[format as usize].forgotten;
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        if format == Format::Text {
            text = text_from_openmetrics(&text);
        }
        let (mut block, mut checksum) = (Vec::new(), Checksum::default());
        Deflater::new(1).last_block(text.as_bytes(), &mut block);
        block.shrink_to_fit();
        checksum.add(text.as_bytes());
        let end = End { text: text.into(), block: block.into(), checksum };
        let kept = &mut self.made.lock().unwrap_or_else(PoisonError::into_inner)[format as usize];
        // Whoever began later may have been faster: counters never go back.
        if kept.forgotten == forgotten && kept.made.as_ref().is_none_or(|kept| kept.at <= at) {
            kept.made = Some(Made { at, end: end.clone() });
        }
        Ok(end)
    }
}
