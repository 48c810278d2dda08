//! Limits and resource counts: what Losant calls them, and what they are exported as.
//!
//! A resource has two names in the API, one as a limit and one in summaries. Metrics use the limit's, so that use and
//! limit of one thing share a label value.

use std::collections::BTreeMap;

use crate::usage::{Label, Measure, Reading};

/// The summary key and the limit key of the same thing.
const RESOURCES: [(&str, &str); 24] = [
    ("apiTokenCount", "apitoken"),
    ("appCount", "application"),
    ("certificateAuthorityCount", "applicationcertificateauthority"),
    ("certificateCount", "applicationcertificate"),
    ("credentialCount", "credential"),
    ("dashCount", "dashboard"),
    ("dataTableCount", "datatable"),
    ("deviceCount", "device"),
    ("deviceRecipeCount", "devicerecipe"),
    ("experienceDomainCount", "experiencedomain"),
    ("experienceEndpointCount", "experienceendpoint"),
    ("experienceGroupCount", "experiencegroup"),
    ("experienceSlugCount", "experienceslug"),
    ("experienceUserCount", "experienceuser"),
    ("experienceVersionCount", "experienceversion"),
    ("experienceViewCount", "experienceview"),
    ("fileCount", "file"),
    ("flowCount", "flow"),
    ("integrationCount", "integration"),
    ("keyCount", "applicationkey"),
    ("notebookCount", "notebook"),
    ("privateFileCount", "privatefile"),
    ("resourceJobCount", "resourcejob"),
    ("webhookCount", "webhook"),
];

/// Summary keys that only orgs have.
const MEMBERS: [&str; 2] = ["memberCount", "pendingInviteCount"];

/// Summary keys that have no family here, or one that comes from a better source.
#[cfg(test)]
const SUMMARY_LEFT_OUT: [(&str, &str); 6] = [
    ("eventCount", "costly, without a limit, and not what is billed"),
    ("instanceCount", "memberships of a person"),
    ("orgCount", "memberships of a person"),
    ("notebookStats", "tells whether the notebook collector has to ask again"),
    ("payloadCount", "the payload collectors show it, by type and source"),
    ("storageStats", "its size has a family; the number of items is neither limited nor billed"),
];

/// Limits that are no number of resources and have no family. Nothing public says what `systemInterval` means; the
/// length of one run is not a quota.
const LEFT_OUT: [&str; 2] = ["systemInterval", "notebookMinutesPerRun"];

const SECONDS_PER_MINUTE: f64 = 60.0;

/// What the owner has used in its billing period: it tells whether anything has changed.
const USE: [&str; 2] = ["payloadCount", "notebookStats"];

/// The summary fields that discovery asks for at the level of orgs.
pub(super) fn org_summary_fields() -> Vec<&'static str> {
    sandbox_summary_fields().into_iter().chain(MEMBERS).collect()
}

/// The summary fields that discovery asks for at the level of sandboxes.
pub(super) fn sandbox_summary_fields() -> Vec<&'static str> {
    RESOURCES.iter().map(|(summary, _)| *summary).chain(["storageStats"]).chain(USE).collect()
}

/// Adds the limits of a scope. A limit that is new to us is a number of resources, as nearly all are.
pub(super) fn add_limits(reading: &mut Reading, limits: &BTreeMap<String, f64>) {
    for (key, &limit) in limits {
        match key.as_str() {
            "payload" => reading.add(Measure::PayloadLimit, [], limit),
            "notebookMinutesPerMonth" => {
                reading.add(Measure::NotebookRunTimeLimit, [], limit * SECONDS_PER_MINUTE);
            }
            "storage" => reading.add(Measure::StorageLimit, [], limit),
            "dataTTL" => reading.add(Measure::DataRetention, [], limit),
            left_out if LEFT_OUT.contains(&left_out) => {}
            resource => reading.add(Measure::ResourceLimit, [label_of(resource)], limit),
        }
    }
}

/// The label of a resource. Those that are known need no memory of their own, in each of a hundred thousand scopes.
fn label_of(resource: &str) -> Label {
    let known = RESOURCES.iter().find(|(_, limit)| *limit == resource);
    known.map_or_else(|| resource.to_owned().into(), |(_, limit)| (*limit).into())
}

/// Adds the resource counts of a summary. Counters that no limit is known for are left out.
pub(super) fn add_resources(reading: &mut Reading, counts: &BTreeMap<String, f64>) {
    for (summary, resource) in RESOURCES {
        if let Some(&count) = counts.get(summary) {
            reading.add(Measure::Resources, [resource.into()], count);
        }
    }
    // Invitations that nobody has answered take up places too.
    if let [Some(members), Some(invites)] = MEMBERS.map(|key| counts.get(key)) {
        reading.add(Measure::Resources, ["member".into()], members + invites);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(fill: impl FnOnce(&mut Reading)) -> Vec<(Measure, Vec<String>, f64)> {
        let mut reading = Reading::at("2026-03-01T00:00:00Z".parse().unwrap());
        fill(&mut reading);
        let owned =
            |labels: &[std::borrow::Cow<'static, str>]| labels.iter().map(ToString::to_string).collect();
        reading.samples.iter().map(|s| (s.measure, owned(&s.labels), s.value)).collect()
    }

    fn map(entries: &[(&str, f64)]) -> BTreeMap<String, f64> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
    }

    #[test]
    fn limits_with_a_meaning_of_their_own_have_families_of_their_own_in_base_units() {
        let limits = map(&[
            ("payload", 1.0),
            ("notebookMinutesPerMonth", 2.0),
            ("storage", 3.0),
            ("dataTTL", 4.0),
            ("systemInterval", 5.0),
            ("device", 6.0),
            ("quantumthing", 7.0),
        ]);
        let rows = samples(|reading| add_limits(reading, &limits));
        let resource = |name: &str, limit| (Measure::ResourceLimit, vec![name.to_owned()], limit);
        let single = |measure, limit| (measure, Vec::new(), limit);
        assert_eq!(
            rows,
            [
                single(Measure::DataRetention, 4.0),
                resource("device", 6.0),
                single(Measure::NotebookRunTimeLimit, 120.0),
                single(Measure::PayloadLimit, 1.0),
                resource("quantumthing", 7.0),
                single(Measure::StorageLimit, 3.0),
            ]
        );
    }

    #[test]
    fn a_counter_that_is_not_reported_is_absent_and_members_need_both_of_theirs() {
        let rows =
            samples(|reading| add_resources(reading, &map(&[("appCount", 2.0), ("memberCount", 1.0)])));
        assert_eq!(rows, [(Measure::Resources, vec!["application".to_owned()], 2.0)]);
        let rows = samples(|reading| {
            add_resources(reading, &map(&[("memberCount", 3.0), ("pendingInviteCount", 2.0)]));
        });
        assert_eq!(rows, [(Measure::Resources, vec!["member".to_owned()], 5.0)]);
    }

    /// The keys of an object within a schema of Losant's, if its schemas stand beside the project.
    fn schema_keys(schema: &str, object: &str) -> Option<Vec<String>> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/losant-schemas");
        let text = std::fs::read_to_string(folder.join(schema)).ok()?;
        let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let properties = schema.pointer(&format!("/properties/{object}/properties")).expect("properties");
        Some(properties.as_object().expect("an object").keys().cloned().collect())
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a check that is left out says so")]
    fn every_key_of_losants_schemas_is_exported_or_left_out_on_purpose() {
        let mut walked = 0;
        for schema in ["instance.json", "instanceOrg.json", "instanceSandbox.json"] {
            for key in schema_keys(schema, "limits").unwrap_or_default() {
                walked += 1;
                let exported = !samples(|reading| add_limits(reading, &map(&[(&key, 1.0)]))).is_empty();
                assert_ne!(exported, LEFT_OUT.contains(&key.as_str()), "limit {key}");
            }
        }
        for schema in ["instanceOrg.json", "instanceSandbox.json"] {
            for key in schema_keys(schema, "summary").unwrap_or_default() {
                walked += 1;
                let known = RESOURCES.iter().any(|(summary, _)| *summary == key);
                let exported = known || MEMBERS.contains(&key.as_str());
                assert_ne!(exported, SUMMARY_LEFT_OUT.iter().any(|(left, _)| *left == key), "summary {key}");
            }
        }
        if walked == 0 {
            eprintln!(
                "SKIPPED, because Losant's schemas do not stand beside the project: the walk over their keys"
            );
        } else {
            assert!(walked > 140, "{walked}");
        }
    }
}
