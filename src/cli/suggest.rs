//! What somebody may have meant who mistyped a name.

use crate::losant::Action;

/// More slips than this are no slips.
const MOST_SLIPS: usize = 4;

/// Reads the name of an action.
pub(super) fn action(text: &str) -> Result<Action, String> {
    text.parse().map_err(|_| {
        let suggestion = nearest(text, Action::all().map(Action::label))
            .map(|near| format!("did you mean {near}? "))
            .unwrap_or_default();
        format!("there is no such action; {suggestion}`losant-exporter api --list` shows all")
    })
}

/// The name that is nearest to `text`, if one is near.
pub(super) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    names
        .map(|name| (slips(&text, &name.to_lowercase()), name))
        .filter(|(slips, name)| *slips <= MOST_SLIPS.min(name.len().div_ceil(3)))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// How many letters have to be put in, left out or changed to come from one to the other.
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_leads_to_the_name_that_was_meant() {
        for (typed, meant) in [
            ("instanceorgs.get", "instanceOrgs.get"),
            ("instanceOrg.gett", "instanceOrg.get"),
            ("instance.paylodCounts", "instance.payloadCounts"),
            ("instances.list", "instances.get"),
            ("instanceSandboxes.undelete", "instanceSandbox.undelete"),
        ] {
            let complaint = action(typed).unwrap_err();
            assert!(complaint.contains(&format!("did you mean {meant}?")), "{typed}: {complaint}");
        }
        assert!(!action("dance").unwrap_err().contains("did you mean"));
        assert_eq!(action("instance.get"), Ok(Action::InstanceGet));
        assert_eq!(nearest("", ["start"].into_iter()), None);
        assert_eq!(nearest("strat", ["start", "end"].into_iter()), Some("start"));
        assert_eq!(nearest("month", ["start", "end"].into_iter()), None);
    }
}
