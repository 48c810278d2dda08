//! What the shipped routing holds back, by a real Alertmanager: that, and nothing else.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use losant_exporter::clock::Clock;
use serde_json::{Value, json};

use crate::alertmanager::{Alertmanager, Webhook};
use crate::components;
use crate::test_app::{http, within_patience};

/// The state that an Alertmanager comes to see each of these alerts in, by name.
async fn states(alertmanager: &Alertmanager, alerts: &[Value]) -> BTreeMap<String, String> {
    let url = format!("http://{}/api/v2/alerts", alertmanager.address);
    let ends_at = Clock::system().now() + SignedDuration::from_hours(1);
    let posted: Vec<_> =
        alerts.iter().map(|labels| json!({ "labels": labels, "endsAt": ends_at.to_string() })).collect();
    let body = serde_json::to_string(&posted).expect("JSON");
    let request = http().post(&url).header("content-type", "application/json").body(body);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    loop {
        let answer = http().get(&url).send().await.expect("an answer").text().await.expect("a body");
        let seen: Vec<Value> = serde_json::from_str(&answer).expect("a list of alerts");
        let state = |alert: &Value| {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            (text(&alert["labels"]["alertname"]), text(&alert["status"]["state"]))
        };
        let states: BTreeMap<_, _> = seen.iter().map(state).collect();
        if states.len() == alerts.len() && states.values().all(|state| state != "unprocessed") {
            return states;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_explains_itself_is_held_back_and_nothing_else() {
    let Some(program) = components::program("prometheus-alertmanager") else { return };
    let org =
        |alert: &str| json!({ "alertname": alert, "severity": "warning", "instance_id": "i", "org_id": "o" });
    let job = |alert: &str, job: &str| json!({ "alertname": alert, "severity": "critical", "job": job });
    let instance =
        |alert: &str, id: &str| json!({ "alertname": alert, "severity": "critical", "instance_id": id });
    let cases = [
        // An exporter that was taken away says nothing of what another one watches.
        (
            vec![
                job("LosantExporterDown", "old"),
                job("LosantShardMissing", "old"),
                job("LosantPollsLate", "new"),
                org("LosantOrgPayloadRunaway"),
                instance("LosantInstanceUnreachable", "i"),
            ],
            vec!["LosantShardMissing"],
        ),
        // An instance that cannot be read says nothing of the lists of another.
        (
            vec![instance("LosantInstanceUnreachable", "i"), instance("LosantDiscoveryShrank", "other")],
            vec![],
        ),
        (
            vec![instance("LosantInstanceUnreachable", "i"), instance("LosantDiscoveryShrank", "i")],
            vec!["LosantDiscoveryShrank"],
        ),
        // The instance as a whole: its orgs need not say it too, but what is critical about one is told.
        (
            vec![
                instance("LosantInstancePayloadSpike", "i"),
                org("LosantOrgPayloadSpike"),
                org("LosantOrgPayloadBurst"),
                org("LosantOrgPayloadRunaway"),
                org("LosantOrgSilent"),
            ],
            vec!["LosantOrgPayloadBurst", "LosantOrgPayloadSpike"],
        ),
        (
            vec![
                org("LosantOrgPayloadSpike"),
                org("LosantOrgPayloadBurst"),
                org("LosantOrgLimitReached"),
                org("LosantOrgLimitNear"),
            ],
            vec!["LosantOrgLimitNear", "LosantOrgPayloadBurst"],
        ),
        // A refused token, of these exporters alone.
        (
            vec![
                job("LosantAuthenticationFailed", "losant"),
                job("LosantAllScopesStale", "losant"),
                job("LosantApiErrors", "losant"),
                job("LosantScopesStale", "others"),
            ],
            vec!["LosantAllScopesStale", "LosantApiErrors"],
        ),
    ];
    for (alerts, held_back) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let webhook = Webhook::start().await;
        let alertmanager = Alertmanager::start(&program, folder.path(), &webhook.routing()).await;
        let states = within_patience("the state of all alerts", states(&alertmanager, &alerts)).await;
        let suppressed: Vec<_> = states.iter().filter(|(_, state)| *state == "suppressed").collect();
        let names: Vec<_> = suppressed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, held_back, "{states:?}");
    }
}
