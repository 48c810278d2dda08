//! The shipped rules on a small trial. `cargo bench --bench detection` has the large one, and docs/detection.md its figures.

use crate::components;

#[path = "../../benches/detection/trial.rs"]
#[expect(dead_code, reason = "the bench uses more of it")]
mod trial;

use trial::judge::{Judged, judge, share};
use trial::{Kind, Size, Trial};

/// A week in which rules are watched, after three of history.
const SMALL: Size = Size {
    seed: 7,
    orgs: 12,
    newcomers: 0,
    weeks: 4,
    bursts: 12,
    runaways: 1,
    silences: 2,
    newcomer_bursts: 0,
    step: 5,
    clocks_change: false,
};

const NAIVE: Judged = Judged::of("naive", &["NaiveHourWithFloor"]);

#[test]
fn shipped_rules_find_what_there_is_and_do_not_cry_wolf() {
    let Some(promtool) = components::program("promtool") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(SMALL);
    let firing = trial.evaluate(&promtool, folder.path());

    let verdict = judge(&trial, &firing, Judged::SHIPPED);
    let large = verdict.found.iter().filter(|(incident, _)| incident.factor >= 4.0 && !incident.is_small);
    let (mut found, mut all) = (0, 0);
    for (incident, first) in large {
        all += 1;
        found += usize::from(first.is_some());
        if first.is_none() {
            eprintln!("missed: {}", trial.describe(incident));
        }
    }
    for episode in &verdict.wrong {
        eprintln!("about nothing: {}", trial.describe_episode(episode));
    }
    assert!(all >= 8 && share(found, all) >= 0.95, "{found} of {all} found");
    assert!(verdict.episodes >= 8 && verdict.precision() >= 0.9, "{} about nothing", verdict.wrong.len());

    let silences = judge(&trial, &firing, Judged::SILENCE);
    let missed = silences.found.iter().filter(|(incident, first)| !incident.is_small && first.is_none());
    assert_eq!((missed.count(), silences.wrong.len()), (0, 0));
    assert!(trial.incidents.iter().any(|incident| incident.kind == Kind::Silence && !incident.is_small));

    // A rule that knows no rhythm is wrong most of the time, on the same data.
    assert!(judge(&trial, &firing, NAIVE).precision() < 0.5);
}
