//! Rules about a panel: what it says of itself, where it stands, where it leads, and when it changes colour.

use serde_json::Value;

use super::frame::UIDS;
use super::lint::{Report, list, text};
use super::series::Known;

const TYPES: [&str; 6] = ["stat", "bargauge", "timeseries", "table", "text", "alertlist"];
const GRID_WIDTH: u64 = 24;
/// Rows of the grid that a screen of 1440 by 900 has room for: 38 pixels each, without the bars of browser and Grafana.
const FIRST_SCREEN: u64 = 20;
/// Numbers at which something changes colour that no alert compares with: none or one, no or yes, and a limit itself.
const OF_THEMSELVES: [f64; 2] = [0.0, 1.0];

pub fn check(dashboard: &Value, known: &Known, report: &mut Report) {
    let panels = list(dashboard, "/panels");
    check_grid(panels, report);
    for panel in panels.iter().filter(|panel| text(panel, "/type") != "row") {
        check_panel(panel, known, report);
    }
}

fn check_panel(panel: &Value, known: &Known, report: &mut Report) {
    let title = text(panel, "/title");
    let kind = text(panel, "/type");
    report.unless(TYPES.contains(&kind), "panel-type", title, kind);
    report.unless(
        !title.is_empty() && !text(panel, "/description").is_empty(),
        "panel-title-description-rule",
        title,
        "no title or no description",
    );
    let targets = list(panel, "/targets");
    report.unless(!targets.is_empty(), "panel-no-targets-rule", title, "no queries");
    let sources = targets.iter().chain([panel]).map(|of| text(of, "/datasource/uid"));
    for source in sources {
        report.unless(source == "${datasource}", "panel-datasource-rule", title, source);
    }
    report.unless(
        !text(panel, "/fieldConfig/defaults/noValue").is_empty(),
        "no-data-text",
        title,
        "it says nothing when there is no data",
    );
    check_units(panel, report);
    check_thresholds(panel, known, report);
    check_data_links(panel, report);
}

/// The titles of a table's columns by the names of their fields.
fn columns(panel: &Value) -> Vec<(&str, &str)> {
    let organized = list(panel, "/transformations").iter().find(|it| text(it, "/id") == "organize");
    let renamed = organized.and_then(|it| it.pointer("/options/renameByName")).and_then(Value::as_object);
    let columns = renamed.into_iter().flatten();
    columns.map(|(field, title)| (field.as_str(), title.as_str().unwrap_or_default())).collect()
}

/// Properties that a panel sets of a field.
fn properties<'a>(panel: &'a Value, field: &str) -> Vec<&'a Value> {
    let overrides = list(panel, "/fieldConfig/overrides").iter();
    let of_field = overrides.filter(|it| text(it, "/matcher/options") == field);
    of_field.flat_map(|it| list(it, "/properties")).collect()
}

fn check_units(panel: &Value, report: &mut Report) {
    let title = text(panel, "/title");
    report.unless(
        !text(panel, "/fieldConfig/defaults/unit").is_empty(),
        "panel-units-rule",
        title,
        "no unit",
    );
    for (_, column) in columns(panel).iter().filter(|(field, _)| field.starts_with("Value")) {
        let has_unit = properties(panel, column).iter().any(|it| text(it, "/id") == "unit");
        report.unless(has_unit, "panel-units-rule", title, &format!("column {column} has no unit"));
    }
}

fn check_thresholds(panel: &Value, known: &Known, report: &mut Report) {
    let defaults = panel.pointer("/fieldConfig/defaults/thresholds").into_iter();
    let overrides = list(panel, "/fieldConfig/overrides").iter().flat_map(|it| list(it, "/properties"));
    let overrides = overrides.filter(|it| text(it, "/id") == "thresholds").map(|it| &it["value"]);
    for step in defaults.chain(overrides).flat_map(|it| list(it, "/steps")) {
        let Some(value) = step["value"].as_f64() else { continue };
        let is_known = OF_THEMSELVES.contains(&value) || known.is_threshold(value);
        report.unless(
            is_known,
            "thresholds",
            text(panel, "/title"),
            &format!("no threshold in losant-thresholds.yaml is {value}"),
        );
    }
}

/// A link keeps what is chosen, leads to a dashboard that there is, and names fields that the table has.
fn check_data_links(panel: &Value, report: &mut Report) {
    let title = text(panel, "/title");
    let overrides = list(panel, "/fieldConfig/overrides").iter().flat_map(|it| list(it, "/properties"));
    let links = overrides.filter(|it| text(it, "/id") == "links").flat_map(|it| list(it, "/value"));
    for url in links.map(|link| text(link, "/url")) {
        for kept in ["${datasource:queryparam}", "${job:queryparam}", "${__url_time_range}"] {
            report.unless(url.contains(kept), "data-links", title, &format!("{url} has no {kept}"));
        }
        let path = url.split('?').next().unwrap_or_default().trim_start_matches("/d/");
        report.unless(
            UIDS.contains(&path) || path == "${__data.fields.dashboard}",
            "data-links",
            title,
            &format!("{path} is no dashboard"),
        );
        let organized = list(panel, "/transformations").iter().find(|it| text(it, "/id") == "organize");
        let fields = organized.and_then(|it| it.pointer("/options/indexByName"));
        for field in url.split("${__data.fields.").skip(1).filter_map(|rest| rest.split('}').next()) {
            let is_there = fields.is_some_and(|fields| fields.get(field).is_some())
                && !columns(panel).iter().any(|(from, to)| *from == field && *to != field);
            report.unless(is_there, "data-links", title, &format!("the table has no field {field}"));
        }
    }
}

fn check_grid(panels: &[Value], report: &mut Report) {
    let place = |panel: &Value| {
        ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap_or(GRID_WIDTH + 1))
    };
    for (i, panel) in panels.iter().enumerate() {
        let title = text(panel, "/title");
        let [x, y, width, height] = place(panel);
        report.unless(x + width <= GRID_WIDTH, "grid", title, "beyond the right edge");
        for other in &panels[..i] {
            let [other_x, other_y, other_width, other_height] = place(other);
            let is_apart = x >= other_x + other_width
                || other_x >= x + width
                || y >= other_y + other_height
                || other_y >= y + height;
            report.unless(is_apart, "grid", title, &format!("upon {}", text(other, "/title")));
            report.unless(panel["id"] != other["id"], "grid", title, "an id that another panel has");
        }
    }
    // Numbers of now, and what they look like over time or in a list.
    let first = panels.iter().filter(|panel| {
        let [_, y, _, height] = place(panel);
        y + height <= FIRST_SCREEN
    });
    let kinds: Vec<_> = first.map(|panel| text(panel, "/type")).collect();
    report.unless(
        kinds.contains(&"stat") && (kinds.contains(&"timeseries") || kinds.contains(&"table")),
        "first-screen",
        "dashboard",
        "what a viewer asks first is not on the first screen",
    );
}
