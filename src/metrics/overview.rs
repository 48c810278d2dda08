//! What the exporter says of the usage page on that page.
//!
//! Owns: how well scopes are known, and how many series there are and are left out: it is true of the page that it stands on,
//! and not of the moment of a scrape.
//! Must not: count anything itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::catalogue::{SERIES_DROPPED, SERIES_DROPPED_HELP};
use super::sheet::Sheet;
use crate::store::ScopeState;
use crate::usage::Level;

/// The families that speak of the page: how well scopes are known, and how many series there are.
pub(super) fn overview(
    sheet: &Sheet,
    states: &BTreeMap<(Level, ScopeState), u64>,
    dropped: &[usize],
) -> String {
    let mut text = String::new();
    let mut family = |name: &str, help: &str, series: &mut dyn Iterator<Item = (String, usize)>| {
        let mut series = series.peekable();
        if series.peek().is_some() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
            series.for_each(|(labels, value)| {
                let _ = writeln!(text, "{name}{{{labels}}} {value}");
            });
        }
    };
    let all_states = Level::ALL.into_iter().flat_map(|level| ScopeState::ALL.map(|state| (level, state)));
    family(
        "losant_exporter_scopes",
        "Instances, orgs and sandboxes by how well they are known: fresh, stale (numbers are missing or older than three \
         intervals), failing (last attempt failed, numbers are not old yet), excluded (by the configuration).",
        &mut all_states.map(|(level, state)| {
            let count = states.get(&(level, state)).copied().unwrap_or_default();
            (
                format!("level=\"{level}\",state=\"{}\"", state.as_str()),
                usize::try_from(count).unwrap_or(usize::MAX),
            )
        }),
    );
    let named = |series: usize, place: usize| {
        let name = sheet.families().get(place).map_or("", |family| &family.name);
        (series > 0).then(|| (format!("family=\"{name}\""), series))
    };
    family(
        "losant_exporter_series",
        "Series of each usage family on the whole page, whatever part of it is asked for.",
        &mut sheet.sizes().enumerate().filter_map(|(place, series)| named(series, place)),
    );
    family(
        SERIES_DROPPED,
        SERIES_DROPPED_HELP,
        &mut dropped.iter().enumerate().filter_map(|(place, series)| named(*series, place)),
    );
    text
}
