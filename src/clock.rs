//! Time as a thing that is passed in.
//!
//! Owns: what time it is (UTC wall clock, for windows and periods), how long the process has run
//! (monotonic, for schedules and budgets) and waiting. Everything that asks the time takes a [`Clock`],
//! so that midnight, roll-over and settled hours are tested at the exact moment instead of by sleeping.
//! Must not: know what the time is used for.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A source of time. Cheap to clone; all clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { started: tokio::time::Instant },
    Manual(Arc<watch::Sender<Moment>>),
}

#[derive(Clone, Copy, Debug)]
struct Moment {
    wall: Timestamp,
    uptime: Duration,
}

impl Clock {
    /// The clock of the machine.
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask the machine for the time")]
    pub fn system() -> Self {
        Self(Source::System { started: tokio::time::Instant::now() })
    }

    /// A clock that stands at `at` until its [`ClockHand`] moves it.
    pub fn manual(at: Timestamp) -> (Self, ClockHand) {
        let moment = Arc::new(watch::Sender::new(Moment { wall: at, uptime: Duration::ZERO }));
        (Self(Source::Manual(Arc::clone(&moment))), ClockHand(moment))
    }

    /// The wall clock, UTC. May jump when somebody sets the machine's clock: never measure with it.
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask the machine for the time")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => Timestamp::now(),
            Source::Manual(moment) => moment.borrow().wall,
        }
    }

    /// Time since this clock was made. Never jumps, never goes back.
    pub fn uptime(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Manual(moment) => moment.borrow().uptime,
        }
    }

    /// Waits until [`Clock::uptime`] has reached `uptime`.
    pub async fn sleep_until(&self, uptime: Duration) {
        match &self.0 {
            Source::System { started } => match started.checked_add(uptime) {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                // Farther away than the machine can count: never.
                None => std::future::pending().await,
            },
            Source::Manual(moment) => {
                // The sender lives in `self`, so waiting can only end by the time being reached.
                let _ = moment.subscribe().wait_for(|now| now.uptime >= uptime).await;
            }
        }
    }

    /// Waits for `duration`, counted from this call and not from the first poll of the future.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + use<'_> {
        self.sleep_until(self.uptime().saturating_add(duration))
    }
}

/// Moves a manual [`Clock`].
#[derive(Clone, Debug)]
pub struct ClockHand(Arc<watch::Sender<Moment>>);

impl ClockHand {
    /// Lets `duration` pass: wall clock and uptime move together, and sleepers that are due wake up.
    pub fn advance(&self, duration: Duration) {
        self.0.send_modify(|now| {
            now.wall = now.wall.saturating_add(signed(duration)).unwrap_or(Timestamp::MAX);
            now.uptime = now.uptime.saturating_add(duration);
        });
    }

    /// Lets the time until `wall` pass. A `wall` in the past leaves the clock where it is.
    pub fn advance_to(&self, wall: Timestamp) {
        let now = self.0.borrow().wall;
        if let Ok(duration) = Duration::try_from(wall.duration_since(now)) {
            self.advance(duration);
        }
    }

    /// Sets the wall clock and nothing else, as an administrator or a bad time server does.
    pub fn jump_to(&self, wall: Timestamp) {
        self.0.send_modify(|now| now.wall = wall);
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_hand_passes_its_time_and_not_before() {
        let (clock, hand) = Clock::manual(at("2026-03-01T00:00:00Z"));
        let mut sleeper = std::pin::pin!(clock.sleep(Duration::from_secs(10)));
        hand.advance(Duration::from_secs(9));
        let early =
            tokio::select! { biased; () = &mut sleeper => true, () = std::future::ready(()) => false };
        assert!(!early);
        hand.advance(Duration::from_secs(1));
        sleeper.await;
        assert_eq!(clock.now(), at("2026-03-01T00:00:10Z"));
        assert_eq!(clock.uptime(), Duration::from_secs(10));
    }

    #[test]
    fn a_jump_of_the_wall_clock_leaves_the_uptime_alone() {
        let (clock, hand) = Clock::manual(at("2026-03-01T00:00:00Z"));
        hand.jump_to(at("2026-02-01T00:00:00Z"));
        assert_eq!(clock.now(), at("2026-02-01T00:00:00Z"));
        assert_eq!(clock.uptime(), Duration::ZERO);
    }

    #[test]
    fn advancing_to_the_past_changes_nothing() {
        let (clock, hand) = Clock::manual(at("2026-03-01T00:00:00Z"));
        hand.advance_to(at("2025-03-01T00:00:00Z"));
        assert_eq!(clock.now(), at("2026-03-01T00:00:00Z"));
    }
}
