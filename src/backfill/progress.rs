//! How far it has come, for whoever waits.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::Clock;

/// How often a bar is drawn.
const BAR_EVERY: Duration = Duration::from_secs(1);
/// How often a line is logged.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// A bar on standard error, which is a terminal.
    Bar,
    /// A line of the log every now and then.
    Log,
}

/// Progress through a number of scopes.
pub(super) struct Progress {
    clock: Clock,
    bar: Option<ProgressBar>,
    started: Duration,
    told: Duration,
    scopes: usize,
    /// Scopes that were done already when this run began.
    before: usize,
}

impl Progress {
    pub(super) fn new(display: Display, clock: Clock, scopes: usize, before: usize) -> Self {
        let bar = (display == Display::Bar).then(|| {
            let bar = ProgressBar::with_draw_target(Some(scopes as u64), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:30} {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let started = clock.uptime();
        Self { clock, bar, started, told: started, scopes, before }
    }

    /// Waits until it is time to tell again.
    pub(super) async fn wait(&self) {
        self.clock.sleep_until(self.due()).await;
    }

    fn due(&self) -> Duration {
        self.told.saturating_add(if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY })
    }

    /// Tells how far it is, if it is time.
    pub(super) fn tell(&mut self, done: usize, requests: u64) {
        if self.clock.uptime() < self.due() {
            return;
        }
        self.told = self.clock.uptime();
        let Figures { rate, left } = self.figures(done, requests);
        let left = left.map(in_words);
        let scopes = self.scopes;
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            let left = left.map(|left| format!(", {left} left")).unwrap_or_default();
            bar.set_message(format!("{done}/{scopes} scopes, {requests} requests, {rate:.1}/s{left}"));
        } else {
            let requests_per_second = format!("{rate:.1}");
            tracing::info!(done, scopes, requests, requests_per_second, left, "reading history");
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn figures(&self, done: usize, requests: u64) -> Figures {
        let elapsed = self.clock.uptime().saturating_sub(self.started).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 scopes")]
        let [requests, here, left] =
            [requests, done.saturating_sub(self.before) as u64, (self.scopes - done) as u64]
                .map(|number| number as f64);
        let rate = if elapsed > 0.0 { requests / elapsed } else { 0.0 };
        let left = (here > 0.0).then(|| elapsed / here * left);
        Figures { rate, left: left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) }
    }
}

struct Figures {
    rate: f64,
    left: Option<Duration>,
}

/// A time as a person says it.
pub(super) fn in_words(time: Duration) -> String {
    let seconds = match time.as_secs() {
        0 => 1,
        seconds @ ..3_600 => seconds,
        seconds => seconds / 60 * 60,
    };
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_goes_by_the_pace_of_this_run() {
        let (clock, hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
        let mut progress = Progress::new(Display::Log, clock, 1_000, 400);
        assert_eq!(progress.figures(400, 0).left, None);
        hand.advance(Duration::from_secs(100));
        let figures = progress.figures(500, 600);
        assert_eq!(figures.left.map(in_words).as_deref(), Some("8m 20s"));
        assert!((figures.rate - 6.0).abs() < 1e-9);
        progress.tell(500, 600);
        assert_eq!(progress.due(), Duration::from_secs(130));
    }
}
