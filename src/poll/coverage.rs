//! Which span of time an answer speaks of.

use jiff::Timestamp;

use crate::usage::Window;

/// The span that an answer covers: what Losant echoes, or what was asked for where it echoes nothing.
///
/// Losant may keep less history than is asked for. A window that the answer does not reach back to is unknown, while a
/// window that it covers without a bucket is zero: the two must not be confused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coverage {
    start: Timestamp,
    /// The last moment covered: ends are inclusive or not by a millisecond, nothing says which.
    end: Timestamp,
}

impl Coverage {
    pub(super) fn new(echoed: (Option<Timestamp>, Option<Timestamp>), asked: (Timestamp, Timestamp)) -> Self {
        Self { start: echoed.0.unwrap_or(asked.0), end: echoed.1.unwrap_or(asked.1) }
    }

    /// Whether the answer tells all of `window` that had happened at `now`.
    pub(super) fn covers(&self, window: Window, now: Timestamp) -> bool {
        let reaches_end = if window.end <= now {
            self.end >= Window::last_millisecond(window.end)
        } else {
            self.end >= window.start
        };
        self.start <= window.start && reaches_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_before_the_echoed_start_is_unknown() {
        let now = at("2026-03-02T10:30:00Z");
        let asked = (at("2026-03-01T00:00:00Z"), now);
        let yesterday = Window::day(now).previous();
        assert!(Coverage::new((None, None), asked).covers(yesterday, now));
        let shortened = Coverage::new((Some(at("2026-03-01T12:00:00Z")), None), asked);
        assert!(!shortened.covers(yesterday, now));
        assert!(shortened.covers(Window::day(now), now));
    }

    #[test]
    fn a_complete_window_is_known_when_the_answer_reaches_its_last_millisecond() {
        let now = at("2026-03-02T10:30:00Z");
        let asked = (at("2026-03-01T00:00:00Z"), now);
        let yesterday = Window::day(now).previous();
        let until = |end: &str| Coverage::new((None, Some(at(end))), asked).covers(yesterday, now);
        assert!(until("2026-03-01T23:59:59.999Z"));
        assert!(!until("2026-03-01T23:59:59.998Z"));
    }
}
