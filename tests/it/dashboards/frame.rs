//! Rules about a dashboard as a whole: its frame, its variables, its annotations and its links to the others.

use serde_json::Value;

use super::lint::{Report, list, text};

/// What alerts and other dashboards link to.
pub const UIDS: [&str; 5] =
    ["losant-overview", "losant-organization", "losant-sandbox", "losant-quotas", "losant-exporter"];

/// Those about one org or one sandbox user, of one instance.
const OF_ONE: [&str; 2] = ["losant-organization", "losant-sandbox"];

/// That of Grafana 12.
const SCHEMA_VERSION: u64 = 42;

/// Names as people give them: each has to come out of a query's text as it went in.
const NAMES: [&str; 4] = [
    r#"Bar "Zur Post""#,
    r#"{braces}, "" and \"#,
    "Café Zürich",
    r#"x",org_id="000000000000000000000000"} y"#,
];
const ID: &str = "60106426dc03c6aad06540bb";

pub fn check(dashboard: &Value, report: &mut Report) {
    check_frame(dashboard, report);
    check_variables(dashboard, report);
    check_annotations(dashboard, report);
    check_links(dashboard, report);
}

/// Every dashboard leads to each of the others, for the same time range. What is chosen goes along, but not to a dashboard about one
/// where it may be several or all: Grafana would take that over, although nobody could choose it there.
fn check_links(dashboard: &Value, report: &mut Report) {
    let uid = text(dashboard, "/uid");
    let variables = list(dashboard, "/templating/list");
    let takes_several = |name: &str| {
        variables.iter().find(|variable| text(variable, "/name") == name).map(|it| it["includeAll"] == true)
    };
    let links = list(dashboard, "/links");
    for other in UIDS.into_iter().filter(|other| *other != uid) {
        let path = format!("/d/{other}?");
        let Some(link) = links.iter().find(|link| text(link, "/url").starts_with(&path)) else {
            report.add("links", "dashboard", format!("no link to {other}"));
            continue;
        };
        let is_kept = |name: &str| text(link, "/url").contains(&format!("${{{name}:queryparam}}"));
        report.unless(
            link["keepTime"] == true
                && link["includeVars"] == false
                && is_kept("datasource")
                && is_kept("job"),
            "links",
            "dashboard",
            &format!(
                "the link to {other} loses time range, data source or job, or takes all variables along"
            ),
        );
        for (level, one) in
            [("instance", &OF_ONE[..]), ("org", &["losant-organization"]), ("sandbox", &["losant-sandbox"])]
        {
            let is_wrong = match takes_several(level) {
                Some(several) => is_kept(level) && several && one.contains(&other),
                None => is_kept(level),
            };
            let is_lost = level == "instance" && takes_several(level) == Some(false) && !is_kept(level);
            report.unless(
                !is_wrong && !is_lost,
                "links",
                "dashboard",
                &format!("the link to {other} takes {level} along where it should not, or loses it"),
            );
        }
    }
}

fn check_frame(dashboard: &Value, report: &mut Report) {
    let uid = text(dashboard, "/uid");
    for (holds, words) in [
        (UIDS.contains(&uid), "the uid is new"),
        (text(dashboard, "/title").starts_with("Losant / "), "the title does not begin with Losant /"),
        (!text(dashboard, "/description").is_empty(), "no description"),
        (dashboard["tags"] == serde_json::json!(["losant"]), "the tag is not losant"),
        (text(dashboard, "/timezone") == "utc", "times are not in UTC"),
        (dashboard["schemaVersion"] == SCHEMA_VERSION, "another schema version"),
        (dashboard.get("id").is_none(), "an id, which is Grafana's to give"),
        (text(dashboard, "/time/to") == "now", "the time range does not end now"),
    ] {
        report.unless(holds, "frame", "dashboard", words);
    }
    report.unless(dashboard["editable"] == false, "uneditable-dashboard", "dashboard", "it can be edited");
}

fn check_variables(dashboard: &Value, report: &mut Report) {
    let variables = list(dashboard, "/templating/list");
    let find = |name: &str| variables.iter().find(|variable| text(variable, "/name") == name);
    let datasource = find("datasource");
    let is_prometheus = |variable: &Value| {
        text(variable, "/type") == "datasource"
            && text(variable, "/query") == "prometheus"
            && text(variable, "/label") == "Data source"
    };
    report.unless(
        datasource.is_some_and(is_prometheus) && text(&variables[0], "/name") == "datasource",
        "template-datasource-rule",
        "datasource",
        "the first variable is not the data source",
    );
    for (rule, name, label) in
        [("template-job-rule", "job", "Job"), ("template-instance-rule", "instance", "Instance")]
    {
        let is_right = |variable: &Value| {
            text(variable, "/type") == "query"
                && text(variable, "/label") == label
                && variable["multi"] == true
                && text(variable, "/allValue") == ".+"
        };
        report.unless(
            find(name).is_some_and(is_right),
            rule,
            name,
            "missing, or not one of several with all",
        );
    }
    for variable in variables {
        check_variable(variable, report);
    }
}

fn check_variable(variable: &Value, report: &mut Report) {
    let name = text(variable, "/name");
    report.unless(
        !text(variable, "/label").is_empty() && !text(variable, "/description").is_empty(),
        "frame",
        name,
        "a variable without label or description",
    );
    if text(variable, "/type") != "query" {
        return;
    }
    report.unless(
        text(variable, "/datasource/uid") == "${datasource}",
        "panel-datasource-rule",
        name,
        "another data source",
    );
    report.unless(
        variable["refresh"] == 2,
        "template-on-time-change-reload-rule",
        name,
        "not read anew when the time range changes",
    );
    report.unless(
        variable["multi"] == variable["includeAll"],
        "frame",
        name,
        "several without all, or all without several",
    );
    if ["instance", "org", "sandbox"].contains(&name) {
        for called in NAMES {
            report.unless(
                chosen(variable, called) == Some([ID.to_owned(), called.to_owned()]),
                "names-by-id",
                name,
                called,
            );
        }
    }
}

/// The value and the text that a variable takes from a series with this name.
fn chosen(variable: &Value, called: &str) -> Option<[String; 2]> {
    let id = format!("{}_id", text(variable, "/name"));
    let query = text(variable, "/query/query");
    let name = if query.contains("email") { "email" } else { "name" };
    let mut labels = [(id.as_str(), ID), (name, called)];
    labels.sort_unstable();
    // As Grafana writes a sample: labels in the order in which Prometheus sends them, without escapes.
    let labels = labels.map(|(label, value)| format!("{label}=\"{value}\"")).join(",");
    let sample = format!("{{{labels}}} 1 1773756225250");
    let pattern = text(variable, "/regex").strip_prefix('/')?.strip_suffix('/')?;
    let found = regex::Regex::new(pattern).ok()?.captures(&sample)?;
    Some([found.name("value")?.as_str().to_owned(), found.name("text")?.as_str().to_owned()])
}

fn check_annotations(dashboard: &Value, report: &mut Report) {
    let annotations = list(dashboard, "/annotations/list");
    for (name, words) in
        [("Billing periods", "period_start_timestamp_seconds:max"), ("Firing alerts", "ALERTS{")]
    {
        let is_right = |annotation: &&Value| {
            text(annotation, "/name") == name
                && text(annotation, "/target/expr").contains(words)
                && text(annotation, "/datasource/uid") == "${datasource}"
                && annotation["enable"] == true
        };
        report.unless(
            annotations.iter().any(|it| is_right(&it)),
            "annotations",
            name,
            "missing, or of something else",
        );
    }
}
