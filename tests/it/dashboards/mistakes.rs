//! Mistakes that somebody could make, each of which a rule has to find.

use serde_json::{Value, json};

/// A mistake in dashboards that have none.
pub struct Mistake {
    pub rule: &'static str,
    pub what: &'static str,
    pub plant: fn(&mut [Value]),
}

const fn mistake(rule: &'static str, what: &'static str, plant: fn(&mut [Value])) -> Mistake {
    Mistake { rule, what, plant }
}

/// The first panel of this type, on the first dashboard that has one.
fn panel<'a>(dashboards: &'a mut [Value], kind: &str) -> &'a mut Value {
    let panels = dashboards.iter_mut().flat_map(|it| it["panels"].as_array_mut().expect("panels"));
    panels.into_iter().find(|panel| panel["type"] == kind).expect("such a panel")
}

fn variable<'a>(dashboards: &'a mut [Value], name: &str) -> &'a mut Value {
    let mut variables =
        dashboards.iter_mut().flat_map(|it| it["templating"]["list"].as_array_mut().expect("variables"));
    variables.find(|variable| variable["name"] == name).expect("such a variable")
}

/// Has the first query that has these words ask otherwise.
fn ask(dashboards: &mut [Value], words: &str, otherwise: &str) {
    let panels = dashboards.iter_mut().flat_map(|it| it["panels"].as_array_mut().expect("panels"));
    let mut targets = panels.filter_map(|panel| panel.get_mut("targets")?.as_array_mut()).flatten();
    let has = |target: &&mut Value| target["expr"].as_str().is_some_and(|expr| expr.contains(words));
    let target = targets.find(has).expect("such a query");
    let expr = target["expr"].as_str().expect("an expression").replace(words, otherwise);
    target["expr"] = json!(expr);
}

/// Changes the first override of this property.
fn override_of<'a>(dashboards: &'a mut [Value], id: &str) -> &'a mut Value {
    let panels = dashboards.iter_mut().flat_map(|it| it["panels"].as_array_mut().expect("panels"));
    let overrides =
        panels.filter_map(|panel| panel.pointer_mut("/fieldConfig/overrides")?.as_array_mut()).flatten();
    let mut properties = overrides.flat_map(|it| it["properties"].as_array_mut().expect("properties"));
    properties.find(|property| property["id"] == id).expect("such a property")
}

pub const MISTAKES: [Mistake; 38] = [
    mistake("template-datasource-rule", "another kind of data source", |all| {
        variable(all, "datasource")["query"] = json!("loki");
    }),
    mistake("template-job-rule", "one job only", |all| variable(all, "job")["multi"] = json!(false)),
    mistake("template-instance-rule", "all without a pattern", |all| {
        variable(all, "instance")["allValue"] = json!("");
    }),
    mistake("template-label-promql-rule", "a bracket too many", |all| {
        variable(all, "job")["query"]["query"] = json!("label_values(losant_exporter_build_info}, job)");
    }),
    mistake("template-on-time-change-reload-rule", "read once", |all| {
        variable(all, "org")["refresh"] = json!(1);
    }),
    mistake("uneditable-dashboard", "edited by hand", |all| all[0]["editable"] = json!(true)),
    mistake("panel-datasource-rule", "a data source of one Grafana", |all| {
        panel(all, "stat")["datasource"]["uid"] = json!("P1809F7CD0C75ACF3");
    }),
    mistake("panel-datasource-rule", "a query of another data source", |all| {
        panel(all, "table")["targets"][0]["datasource"]["uid"] = json!("-- Mixed --");
    }),
    mistake("panel-title-description-rule", "no description", |all| {
        panel(all, "stat")["description"] = json!("");
    }),
    mistake("panel-units-rule", "no unit", |all| {
        panel(all, "timeseries")["fieldConfig"]["defaults"]["unit"] = json!("");
    }),
    mistake("panel-units-rule", "a column without a unit", |all| {
        override_of(&mut all[1..], "unit")["id"] = json!("decimals");
    }),
    mistake("panel-no-targets-rule", "nothing is asked", |all| panel(all, "stat")["targets"] = json!([])),
    mistake("target-promql-rule", "no PromQL", |all| ask(all, "sum(", "sum((")),
    mistake("target-promql-rule", "two queries of one name", |all| {
        panel(&mut all[1..], "table")["targets"][1]["refId"] = json!("A");
    }),
    mistake("target-rate-interval-rule", "a rate of five minutes", |all| ask(all, "$__rate_interval", "5m")),
    mistake("target-counter-agg-rule", "a counter as it is", |all| {
        ask(
            all,
            "rate(losant_exporter_api_retries_total{job=~\"$job\"}[$__rate_interval])",
            "losant_exporter_api_retries_total{job=~\"$job\"}",
        );
    }),
    mistake("target-job-rule", "every job", |all| {
        ask(all, "losant_org_info{job=~\"$job\", ", "losant_org_info{");
    }),
    mistake("target-instance-rule", "every instance", |all| {
        ask(
            all,
            "losant_org_info{job=~\"$job\", instance_id=~\"$instance\", ",
            "losant_org_info{job=~\"$job\", ",
        );
    }),
    mistake("frame", "local time", |all| all[1]["timezone"] = json!("browser")),
    mistake("frame", "a new uid", |all| all[1]["uid"] = json!("losant-org")),
    mistake("names-by-id", "a name ends at its first quote", |all| {
        variable(all, "org")["regex"] = json!("/name=\"(?<text>[^\"]*)\",org_id=\"(?<value>[^\"]*)\"/");
    }),
    mistake("annotations", "no alerts on the time axis", |all| {
        all[2]["annotations"]["list"][1]["enable"] = json!(false);
    }),
    mistake("links", "another time range over there", |all| all[3]["links"][0]["keepTime"] = json!(false)),
    mistake("links", "all instances taken to a dashboard about one", |all| {
        let url = &mut all[0]["links"][0]["url"];
        *url = json!(format!("{}&${{instance:queryparam}}", url.as_str().expect("a link to one")));
    }),
    mistake("unknown-is-absent", "none where nobody knows", |all| {
        ask(all, "or 0 * max(losant:page_stale_seconds:threshold)", "or vector(0)");
    }),
    mistake("panel-type", "a pie", |all| panel(all, "bargauge")["type"] = json!("piechart")),
    mistake("no-data-text", "no word about missing data", |all| {
        panel(all, "bargauge")["fieldConfig"]["defaults"]["noValue"] = json!("");
    }),
    mistake("grid", "one upon another", |all| panel(all, "timeseries")["gridPos"]["y"] = json!(0)),
    mistake("grid", "beyond the edge", |all| panel(all, "stat")["gridPos"]["x"] = json!(22)),
    mistake("thresholds", "another number than alerts have", |all| {
        panel(all, "stat")["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] = json!(3600);
    }),
    mistake("data-links", "a dashboard that is not there", |all| {
        override_of(all, "links")["value"][0]["url"] =
            json!("/d/losant-orgs?${datasource:queryparam}&${job:queryparam}&${__url_time_range}");
    }),
    mistake("data-links", "a field that is not there", |all| {
        override_of(all, "links")["value"][0]["url"] = json!(
            "/d/losant-organization?${datasource:queryparam}&${job:queryparam}&${__url_time_range}&var-org=${__data.fields.id}"
        );
    }),
    mistake("known-series", "a family that was renamed", |all| {
        ask(all, "losant_org_info{", "losant_organization_info{");
    }),
    mistake("recorded", "a family that rules record", |all| {
        ask(all, "losant_org:storage_bytes:max{", "losant_org_storage_bytes{job=~\"$job\", ");
    }),
    mistake("aggregated", "every replica by itself", |all| ask(all, "sum by (code) (rate(", "(rate(")),
    mistake("levels-apart", "sandboxes added to their instance", |all| {
        ask(
            all,
            "losant_instance:devices:max{instance_id=~\"$instance\"}",
            "(losant_instance:devices:max{instance_id=~\"$instance\"} + sum(losant_sandbox:devices:max{instance_id=~\"$instance\"}))",
        );
    }),
    mistake("hours-and-days", "every hour several times", |all| {
        ask(
            all,
            "losant_instance:payloads_last_hour:max{instance_id=~\"$instance\", billable=\"true\"}[1h]",
            "losant_instance:payloads_last_hour:max{instance_id=~\"$instance\", billable=\"true\"}[2h]",
        );
    }),
    mistake("first-screen", "the first screen is full of tables", |all| {
        for panel in all[4]["panels"].as_array_mut().expect("panels") {
            panel["gridPos"]["y"] = json!(panel["gridPos"]["y"].as_u64().expect("a place") + 20);
        }
    }),
];
