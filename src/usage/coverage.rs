//! Which span of time an answer speaks of.

use jiff::{SignedDuration, Timestamp};

use super::Window;

/// The span that an answer covers: what Losant echoes, or what was asked for where it echoes nothing.
///
/// Losant may keep less history than is asked for. A window that the answer does not reach back to is unknown, while a
/// window that it covers without a bucket is zero: the two must not be confused.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    start: Timestamp,
    /// The last moment covered: ends are inclusive or not by a millisecond, nothing says which.
    end: Timestamp,
    /// Whether it reaches up to the moment that was asked for, or to the second before: nobody says how ends are rounded.
    is_up_to_date: bool,
}

const ROUNDING: SignedDuration = SignedDuration::from_secs(1);

impl Coverage {
    /// The span that was `echoed`, and of what was not echoed the one that was `asked` for.
    pub fn new(echoed: (Option<Timestamp>, Option<Timestamp>), asked: (Timestamp, Timestamp)) -> Self {
        let (start, end) = (echoed.0.unwrap_or(asked.0), echoed.1.unwrap_or(asked.1));
        Self { start, end, is_up_to_date: asked.1.duration_since(end) <= ROUNDING }
    }

    /// Nothing happened from `start` to `end`, which is known without having asked.
    pub const fn of_silence(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end, is_up_to_date: true }
    }

    /// Whether the answer reaches up to its own day, so that it can be carried on.
    pub const fn lasts(&self) -> bool {
        self.is_up_to_date
    }

    /// The same answer, when nothing has changed from then to `now`. `None` where it did not reach up to its own day.
    pub fn extended_to(self, now: Timestamp) -> Option<Self> {
        self.is_up_to_date.then(|| Self { end: self.end.max(now), ..self })
    }

    /// Whether the answer tells all of `window` that had happened at `now`.
    pub fn covers(&self, window: Window, now: Timestamp) -> bool {
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

    #[test]
    fn an_answer_that_breaks_off_early_says_nothing_of_what_came_after_it() {
        let now = at("2026-03-02T10:30:00.500Z");
        let asked = (at("2026-03-01T00:00:00Z"), now);
        let later = at("2026-03-02T11:30:00Z");
        let next_hour = Window::hour(later);
        let until = |end: &str| Coverage::new((None, Some(at(end))), asked).extended_to(later);
        assert!(until("2026-03-02T10:30:00Z").unwrap().covers(next_hour, later));
        assert!(until("2026-03-02T10:29:00Z").is_none());
        let lasts = |end: &str| Coverage::new((None, Some(at(end))), asked).lasts();
        assert!(lasts("2026-03-02T10:30:00Z") && !lasts("2026-03-02T10:29:00Z"));
        assert!(!Coverage::new((None, None), asked).covers(next_hour, later));
    }
}
