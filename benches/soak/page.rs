//! Reading the page of metrics, text 0.0.4, strictly. It knows nothing of the exporter but the names of families.

use std::collections::{HashMap, HashSet};

use crate::freshness::collector_of;

/// What tells of the moment that numbers speak of.
pub const LAST_SUCCESS: &str = "last_success_timestamp_seconds";

/// A number, with what follows the level in its family's name, and its labels beside the ids.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number<'a> {
    pub stem: &'a str,
    pub labels: &'a str,
    pub value: f64,
}

/// A level and the ids: `instance_id="…",org_id="…"`.
pub type Ids<'a> = (&'static str, &'a str);

/// A page.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// Numbers that can be compared with the truth, and when they were read.
    pub scopes: HashMap<Ids<'a>, Vec<Number<'a>>>,
    /// Ids of orgs and sandboxes of which there is any series at all.
    pub seen: HashSet<&'a str>,
    /// What the exporter says of itself.
    pub own: HashMap<&'a str, f64>,
    /// Lines that are series.
    pub series: usize,
}

impl<'a> Page<'a> {
    /// Reads a body. What is wrong with it is said in words.
    pub fn read(body: &'a str) -> Result<Self, String> {
        let mut page = Self::default();
        let (mut finished, mut family) = (HashSet::new(), "");
        if !body.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        for line in body.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.split(' ');
                let (kind, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                if !matches!(kind, "HELP" | "TYPE") {
                    return Err(format!("what is this: {line}"));
                }
                if name != family {
                    family = name;
                    if !finished.insert(name) {
                        return Err(format!("{name} stands in two places"));
                    }
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').ok_or_else(|| format!("no value: {line}"))?;
            let value: f64 = value.parse().map_err(|_| format!("no number: {line}"))?;
            if !value.is_finite() || !series.starts_with(family) {
                return Err(format!("not finite, or under {family}: {line}"));
            }
            page.series += 1;
            page.take(series, value)?;
        }
        Ok(page)
    }

    fn take(&mut self, series: &'a str, value: f64) -> Result<(), String> {
        let (family, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').ok_or_else(|| format!("no end of labels: {series}"))?;
        if family.starts_with("losant_exporter_") || !family.starts_with("losant_") {
            let twice = self.own.insert(series, value).is_some();
            return if twice { Err(format!("twice: {series}")) } else { Ok(()) };
        }
        for label in [",org_id=\"", ",sandbox_id=\""] {
            if let Some(id) = labels.split_once(label).and_then(|(_, rest)| rest.split('"').next()) {
                // To Prometheus a label without a value is not there.
                if !id.is_empty() {
                    self.seen.insert(id);
                }
            }
        }
        let Some((level, stem)) = level_of(family) else { return Ok(()) };
        if collector_of(stem).is_none() && stem != LAST_SUCCESS || stem.ends_with("_previous_period") {
            return Ok(());
        }
        let ids = if level == "instance" { 1 } else { 2 };
        let end = labels.match_indices(',').nth(ids - 1).map_or(labels.len(), |(place, _)| place);
        let (ids, rest) = labels.split_at(end);
        let labels = rest.strip_prefix(',').unwrap_or(rest);
        self.scopes.entry((level, ids)).or_default().push(Number { stem, labels, value });
        Ok(())
    }
}

fn level_of(family: &str) -> Option<(&'static str, &str)> {
    let rest = family.strip_prefix("losant_")?;
    ["instance", "org", "sandbox"].into_iter().find_map(|level| {
        let stem = rest.strip_prefix(level)?.strip_prefix('_')?;
        Some((level, stem))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# HELP losant_org_devices Devices.\n# TYPE losant_org_devices gauge\n\
        losant_org_devices{instance_id=\"i\",org_id=\"a\"} 3\n\
        losant_org_devices{instance_id=\"i\",org_id=\"b\"} 4\n\
        # TYPE losant_org_last_success_timestamp_seconds gauge\n\
        losant_org_last_success_timestamp_seconds{instance_id=\"i\",org_id=\"a\",collector=\"device_counts\"} 1.5\n\
        # TYPE losant_org_info gauge\nlosant_org_info{instance_id=\"i\",org_id=\"c\",name=\"a,b\"} 1\n\
        # TYPE losant_exporter_ready gauge\nlosant_exporter_ready 1\n";

    #[test]
    fn numbers_are_dealt_out_to_scopes() {
        let page = Page::read(GOOD).unwrap();
        let ids = ("org", "instance_id=\"i\",org_id=\"a\"");
        assert_eq!(
            page.scopes[&ids],
            [
                Number { stem: "devices", labels: "", value: 3.0 },
                Number { stem: LAST_SUCCESS, labels: "collector=\"device_counts\"", value: 1.5 },
            ]
        );
        assert_eq!(page.own["losant_exporter_ready"], 1.0);
        assert_eq!(page.series, 5);
        assert_eq!(page.seen, HashSet::from(["a", "b", "c"]));
    }

    #[test]
    fn a_page_that_is_cut_off_torn_or_doubled_is_refused() {
        for (bad, problem) in [
            (&GOOD[..GOOD.len() - 1], "the last line has no end"),
            ("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 1\n", "a stands in two places"),
            ("# TYPE a gauge\na NaN\n", "not finite"),
            ("# TYPE a gauge\nb 1\n", "under a"),
            ("# TYPE a gauge\na 1\na 1\n", "twice: a"),
            ("# TYPE a gauge\na one\n", "no number"),
        ] {
            let said = Page::read(bad).unwrap_err();
            assert!(said.contains(problem), "{said}");
        }
    }
}
