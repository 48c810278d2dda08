//! The span of time that a backfill is about.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::usage::Window;

/// How many days back Losant keeps what it counts.
const KEPT_DAYS: i64 = 93;

/// How long after its end an hour or a day is stamped, whatever the daemon's settle delay is: within the hour in which the
/// recording rules show it, which is where readers look for it. With no settle delay a stamp at the very end would belong to the
/// hour itself, and with a long one to an hour in which others are shown.
const STAMPED_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// A span of the past, and the moment that it is seen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// When the backfill was begun. What had not settled by then is left out, however long it takes.
    pub(super) now: Timestamp,
    /// How long after its end a window is written: when it has settled, and not before its stamp.
    written_after: SignedDuration,
}

/// A span that cannot be filled. In words, with the flag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SpanError {
    #[error(
        "--from {from:.0} lies more than {KEPT_DAYS} days back, and Losant keeps no more: the earliest possible is {earliest:.0}"
    )]
    TooOld { from: Timestamp, earliest: Timestamp },
    #[error("--to {0:.0} lies in the future")]
    Future(Timestamp),
    #[error("--from {from:.0} does not lie before --to {to:.0}")]
    Empty { from: Timestamp, to: Timestamp },
    #[error(
        "between --from {from:.0} and --to {to:.0} there is no whole UTC hour that has settled, which takes {} after its end",
        humantime::format_duration(written_after.unsigned_abs())
    )]
    NothingSettled { from: Timestamp, to: Timestamp, written_after: SignedDuration },
}

impl Span {
    pub(super) fn new(
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
        settle_delay: Duration,
    ) -> Result<Self, SpanError> {
        let settle_delay = SignedDuration::try_from(settle_delay).unwrap_or(SignedDuration::MAX);
        let written_after = settle_delay.max(STAMPED_AFTER);
        let span = Self { from, to, now, written_after };
        let oldest = now.saturating_sub(SignedDuration::from_hours(24 * KEPT_DAYS)).unwrap_or(Timestamp::MIN);
        if from < oldest {
            return Err(SpanError::TooOld { from, earliest: first_start(oldest, Window::hour) });
        }
        if to > now {
            return Err(SpanError::Future(to));
        }
        if from >= to {
            return Err(SpanError::Empty { from, to });
        }
        if span.hours().start >= span.hours().end {
            return Err(SpanError::NothingSettled { from, to, written_after });
        }
        Ok(span)
    }

    /// Whether Losant still keeps all of it at `now`: some time after the span was made, or much later. Losant lets one pick
    /// whole days.
    pub(super) fn is_kept(&self, now: Timestamp) -> bool {
        let oldest = now.saturating_sub(SignedDuration::from_hours(24 * KEPT_DAYS)).unwrap_or(Timestamp::MIN);
        Window::day(oldest).start <= self.hours().start
    }

    /// From the start of the first whole hour to the end of the last one that has settled.
    pub(super) fn hours(&self) -> Window {
        self.whole(Window::hour)
    }

    /// The same of days. Empty where no whole day lies within.
    pub(super) fn days(&self) -> Window {
        self.whole(Window::day)
    }

    fn whole(&self, window: fn(Timestamp) -> Window) -> Window {
        let settled = self.now.saturating_sub(self.written_after).unwrap_or(Timestamp::MIN);
        let (start, end) = (first_start(self.from, window), window(self.to.min(settled)).start);
        Window { start, end: end.max(start) }
    }
}

/// The stamp of what was counted in a window that ended at `end`: a moment at which the recording rules show it, too.
pub(super) fn stamp(end: Timestamp) -> Timestamp {
    end.saturating_add(STAMPED_AFTER).unwrap_or(Timestamp::MAX)
}

/// The first start of a window at or after `at`.
fn first_start(at: Timestamp, window: fn(Timestamp) -> Window) -> Timestamp {
    let around = window(at);
    if around.start == at { at } else { around.end }
}

/// The windows of one kind that tile `whole`, in order.
pub(super) fn tiles(whole: Window, window: fn(Timestamp) -> Window) -> impl Iterator<Item = Window> {
    let next = move |before: &Window| (before.end < whole.end).then(|| window(before.end));
    std::iter::successors((whole.start < whole.end).then(|| window(whole.start)), next)
}

/// `whole` in pieces of `days` days at most, in order.
pub(super) fn pieces(whole: Window, days: u16) -> impl Iterator<Item = Window> {
    let length = SignedDuration::from_hours(24 * i64::from(days.max(1)));
    let piece = move |start: Timestamp| {
        let end = start.saturating_add(length).unwrap_or(Timestamp::MAX).min(whole.end);
        (start < whole.end).then_some(Window { start, end })
    };
    std::iter::successors(piece(whole.start), move |before| piece(before.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(600);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn span(from: &str, to: &str, now: &str) -> Result<Span, String> {
        Span::new((at(from), at(to)), at(now), SETTLE).map_err(|error| error.to_string())
    }

    #[test]
    fn only_whole_hours_and_days_that_have_settled_are_within() {
        let span = span("2026-03-01T10:20:00Z", "2026-03-04T00:05:00Z", "2026-03-04T00:05:00Z").unwrap();
        let expected = |start, end| Window { start: at(start), end: at(end) };
        assert_eq!(span.hours(), expected("2026-03-01T11:00:00Z", "2026-03-03T23:00:00Z"));
        assert_eq!(span.days(), expected("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"));
        assert_eq!(tiles(span.hours(), Window::hour).count(), 60);
        assert_eq!(tiles(span.days(), Window::day).count(), 1);
    }

    #[test]
    fn an_end_that_is_a_full_hour_belongs_to_the_span() {
        let span = span("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-02T00:10:00Z").unwrap();
        assert_eq!(span.hours().end, at("2026-03-02T00:00:00Z"));
        assert_eq!(span.days(), Window::day(at("2026-03-01T00:00:00Z")));
    }

    #[test]
    fn a_window_is_stamped_ten_minutes_after_its_end_and_written_when_it_has_settled_and_its_stamp_is_past() {
        assert_eq!(stamp(at("2026-03-02T00:00:00Z")), at("2026-03-02T00:10:00Z"));
        let last_hour = |settle_delay: Duration, now: &str| {
            Span::new((at("2026-03-01T00:00:00Z"), at(now)), at(now), settle_delay).unwrap().hours().end
        };
        for (settle_delay, now, end) in [
            (Duration::ZERO, "2026-03-02T12:09:59Z", "2026-03-02T11:00:00Z"),
            (Duration::ZERO, "2026-03-02T12:10:00Z", "2026-03-02T12:00:00Z"),
            (Duration::from_secs(7_200), "2026-03-02T12:59:59Z", "2026-03-02T10:00:00Z"),
            (Duration::from_secs(7_200), "2026-03-02T13:00:00Z", "2026-03-02T11:00:00Z"),
        ] {
            assert_eq!(last_hour(settle_delay, now), at(end), "{settle_delay:?} at {now}");
        }
    }

    #[test]
    fn a_span_that_cannot_be_filled_is_refused_in_words() {
        let now = "2026-03-04T12:30:00Z";
        let refused = [
            span("2025-12-01T12:29:59Z", now, now),
            span("2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z", now),
            span("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z", now),
            span("2026-03-04T11:00:01Z", now, now),
        ];
        insta::assert_snapshot!(refused.map(|refusal| refusal.unwrap_err() + "\n").concat(), @r"
        --from 2025-12-01T12:29:59Z lies more than 93 days back, and Losant keeps no more: the earliest possible is 2025-12-01T13:00:00Z
        --to 2026-03-05T00:00:00Z lies in the future
        --from 2026-03-02T00:00:00Z does not lie before --to 2026-03-01T00:00:00Z
        between --from 2026-03-04T11:00:01Z and --to 2026-03-04T12:30:00Z there is no whole UTC hour that has settled, which takes 10m after its end
        ");
        assert!(span("2025-12-01T12:30:00Z", now, now).is_ok());
    }

    #[test]
    fn a_span_is_kept_until_its_first_day_is_out_of_reach() {
        let span = span("2025-12-01T12:30:00Z", "2026-03-04T12:30:00Z", "2026-03-04T12:30:00Z").unwrap();
        assert!(span.is_kept(at("2026-03-04T23:59:59Z")));
        assert!(!span.is_kept(at("2026-03-05T00:00:00Z")));
    }

    #[test]
    fn pieces_cover_the_whole_without_a_gap() {
        let whole = Window { start: at("2026-01-01T05:00:00Z"), end: at("2026-03-04T07:00:00Z") };
        let pieces: Vec<_> = pieces(whole, 31).collect();
        assert_eq!(pieces.len(), 3);
        assert_eq!((pieces[0].start, pieces[2].end), (whole.start, whole.end));
        assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(super::pieces(Window { start: whole.end, end: whole.end }, 31).count(), 0);
    }
}
