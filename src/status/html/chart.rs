//! Small pictures of numbers, as inline SVG. What they show stands in words as well.

use std::fmt::Write;

use maud::{Markup, html};

use super::super::wording::grouped;
use crate::poll::HOURS;

/// Width of an hour and height of the picture, in its own units.
const STEP: usize = 3;
const HEIGHT: u32 = 24;

/// A share of a limit at which somebody should look, and one that is used up.
const NEAR: f64 = 0.8;
const REACHED: f64 = 1.0;

/// A step for each hour, as high as its share of the highest. The running hour is not over and stands apart.
pub(super) fn sparkline(hours: &[Option<u32>]) -> Markup {
    let highest = hours.iter().flatten().copied().max().unwrap_or_default();
    let (past, running) = hours.split_at(hours.len().saturating_sub(1));
    let width = HOURS * STEP;
    html! {
        svg.spark role="img" viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" aria-label={
            "Last 48 hours: at most " (grouped(f64::from(highest))) " in an hour"
        } {
            path.base d={ "M0 " (HEIGHT) "H" (width) } {}
            path d=(steps(past, 0, highest)) {}
            path.running d=(steps(running, past.len(), highest)) {}
        }
    }
}

/// The outline of steps for `hours`, of which the first is the hour number `first`. Hours of which nothing is known leave a gap.
fn steps(hours: &[Option<u32>], first: usize, highest: u32) -> String {
    let mut path = String::new();
    let mut height_before = None;
    for (place, count) in hours.iter().enumerate() {
        let x = (first + place) * STEP;
        let height = count.map(|count| height_of(count, highest));
        // Writing to a string cannot fail.
        let _ = match (height_before, height) {
            (None, Some(height)) => write!(path, "M{x} {HEIGHT}v-{height}h{STEP}"),
            (Some(before), Some(height)) if before == height => write!(path, "h{STEP}"),
            (Some(_), Some(height)) => write!(path, "V{}h{STEP}", HEIGHT - height),
            (Some(_), None) => write!(path, "V{HEIGHT}z"),
            (None, None) => Ok(()),
        };
        height_before = height;
    }
    if height_before.is_some() {
        let _ = write!(path, "V{HEIGHT}z");
    }
    path
}

/// Whatever is there can be seen.
fn height_of(count: u32, highest: u32) -> u32 {
    if count == 0 {
        return 0;
    }
    let share = f64::from(count) / f64::from(highest.max(1));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the height")]
    let height = (share * f64::from(HEIGHT)).round() as u32;
    height.max(1)
}

/// How much of a limit is used up, and how much of the period is over, if that is known.
pub(super) fn bar(share: f64, elapsed: Option<f64>) -> Markup {
    let width = |share: f64| format!("{:.1}", share.clamp(0.0, 1.0) * 100.0);
    let class = match share {
        share if share >= REACHED => Some("reached"),
        share if share >= NEAR => Some("near"),
        _ => None,
    };
    html! {
        svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.track width="100" height="8" {}
            rect class=[class] width=(width(share)) height="8" {}
            @if let Some(elapsed) = elapsed { path d={ "M" (width(elapsed)) " 0v8" } {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_as_high_as_their_share_and_unknown_hours_leave_a_gap() {
        let hours = [Some(0), Some(1), Some(1_000), Some(1_000), None, Some(500)];
        assert_eq!(steps(&hours, 0, 1_000), "M0 24v-0h3V23h3V0h3h3V24zM15 24v-12h3V24z");
        assert_eq!(steps(&[None, None], 0, 0), "");
        assert_eq!(steps(&[Some(7)], 47, 7), "M141 24v-24h3V24z");
    }

    #[test]
    fn a_bar_is_full_when_the_limit_is_reached_and_says_where_the_period_stands() {
        let full = bar(3.5, Some(0.25)).into_string();
        assert!(
            full.contains(r#"class="reached" width="100.0""#) && full.contains(r#"d="M25.0 0v8""#),
            "{full}"
        );
        assert!(bar(0.8, None).into_string().contains(r#"class="near" width="80.0""#));
        assert!(
            bar(0.4, None).into_string().contains(r#"<rect width="40.0""#),
            "{}",
            bar(0.4, None).into_string()
        );
    }
}
