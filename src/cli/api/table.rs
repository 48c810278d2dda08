//! Answers as tables, where that makes sense.

use std::fmt::Write as _;

use serde_json::Value;

use crate::losant::Action;

/// How an answer becomes a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    /// Payload type, source, number.
    Payloads,
    /// One row for each object of a list: headings, and the fields below them.
    Rows(&'static str, &'static [(&'static str, &'static str)]),
}

/// The table for the answer of `action`, if there is one.
pub(super) fn of(action: Action) -> Option<Table> {
    Some(match action.answer_schema() {
        "payloadStats" => Table::Payloads,
        "payloadCountsBreakdown" => Table::Rows("counts", &[("DATE", "date"), ("VALUE", "value")]),
        "deviceCounts" => Table::Rows(
            "counts",
            &[("DATE", "date"), ("CREATED", "created"), ("DELETED", "deleted"), ("TOTAL", "total")],
        ),
        "notebookMinuteCounts" => Table::Rows(
            "counts",
            &[
                ("DATE", "date"),
                ("MINUTES", "minutes"),
                ("COMPLETED", "completed"),
                ("CANCELED", "canceled"),
                ("ERRORED", "errored"),
                ("TIMEOUT", "timeout"),
            ],
        ),
        "instances" => Table::Rows("items", &[("ID", "id"), ("NAME", "name"), ("CREATED", "creationDate")]),
        "instanceOrgs" => Table::Rows(
            "items",
            &[
                ("ID", "id"),
                ("NAME", "name"),
                ("CREATED", "creationDate"),
                ("PERIOD START", "currentPeriodStart"),
                ("DISABLED", "disabledAt"),
            ],
        ),
        "instanceSandboxes" => Table::Rows(
            "items",
            &[
                ("ID", "id"),
                ("EMAIL", "email"),
                ("CREATED", "creationDate"),
                ("LAST LOGIN", "lastSuccessfulLogin"),
                ("DELETION", "permanentDeletion"),
            ],
        ),
        "historicalSummaries" => Table::Rows(
            "items",
            &[
                ("TYPE", "resourceType"),
                ("ID", "resourceId"),
                ("NAME", "resourceName"),
                ("OWNER", "ownerName"),
                ("PERIOD START", "currentPeriodStart"),
                ("BILLABLE", "payloadBillableCount"),
                ("NOT BILLABLE", "payloadNonbillableCount"),
                ("BILLABLE MB", "payloadBillableSizeMb"),
                ("DEVICES", "deviceCount"),
                ("NOTEBOOK MINUTES", "notebookMinutesCount"),
            ],
        ),
        _ => return None,
    })
}

impl Table {
    /// The table, with a line of headings.
    pub(super) fn render(self, body: &Value, in_bytes: bool) -> String {
        match self {
            Self::Payloads => {
                let mut rows = vec![
                    ["TYPE", "SOURCE", if in_bytes { "BYTES" } else { "COUNT" }].map(Cell::heading).to_vec(),
                ];
                for (payload_type, sources) in body.as_object().into_iter().flatten() {
                    for (source, value) in sources.as_object().into_iter().flatten() {
                        rows.push(vec![Cell::text(payload_type), Cell::text(source), Cell::of(Some(value))]);
                    }
                }
                lines(&rows)
            }
            Self::Rows(list, columns) => {
                let mut rows = vec![columns.iter().map(|(heading, _)| Cell::heading(heading)).collect()];
                let items = body.get(list).and_then(Value::as_array);
                rows.extend(items.into_iter().flatten().map(|item| {
                    columns.iter().map(|(_, field)| Cell::of(item.get(field))).collect::<Vec<_>>()
                }));
                lines(&rows)
            }
        }
    }
}

/// Says so if the answer is one page of several.
pub(super) fn what_is_missing(body: &Value) -> Option<String> {
    let shown = body.get("items")?.as_array()?.len();
    let total = body.get("totalCount").and_then(Value::as_u64);
    let more = body.get("hasMore").and_then(Value::as_bool);
    match total {
        Some(total) if total > shown as u64 => {
            Some(format!("{shown} of {total}; --all-pages shows the rest"))
        }
        None if more == Some(true) => Some(format!("{shown} of more; --all-pages shows the rest")),
        _ => None,
    }
}

#[derive(Clone)]
struct Cell {
    text: String,
    /// Numbers stand at the right edge of their column.
    right: bool,
}

impl Cell {
    fn heading(text: &str) -> Self {
        Self { text: text.to_owned(), right: false }
    }

    /// A text of Losant's. What would move the cursor of a terminal is taken out.
    fn text(text: &str) -> Self {
        let visible = |character: char| if character.is_control() { '?' } else { character };
        Self { text: text.chars().map(visible).collect(), right: false }
    }

    fn of(value: Option<&Value>) -> Self {
        match value {
            Some(Value::String(text)) => Self::text(text),
            Some(Value::Number(number)) => {
                let text = number.to_string();
                Self { text: text.strip_suffix(".0").unwrap_or(&text).to_owned(), right: true }
            }
            Some(Value::Bool(flag)) => Self::text(&flag.to_string()),
            // Not known: never 0.
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => Self::text("-"),
        }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

fn lines(rows: &[Vec<Cell>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let space = " ".repeat(width - cell.width());
            let (before, after) = if cell.right { (&*space, "") } else { ("", &*space) };
            let _ = write!(line, "{before}{}{after}  ", cell.text);
        }
        table += line.trim_end();
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(action: Action, body: &Value) -> String {
        of(action).unwrap().render(body, false)
    }

    #[test]
    fn payloads_are_a_table_of_type_source_and_number() {
        let body = json!({ "timer": { "timer.flow": 7 }, "deviceState": { "device.mqtt": 1_244_049.0 } });
        insta::assert_snapshot!(render(Action::InstancePayloadCounts, &body), @r"
        TYPE         SOURCE       COUNT
        deviceState  device.mqtt  1244049
        timer        timer.flow         7
        ");
        let bytes = of(Action::InstanceOrgPayloadCounts).unwrap().render(&json!({}), true);
        assert_eq!(bytes, "TYPE  SOURCE  BYTES\n");
    }

    #[test]
    fn lists_show_what_is_unknown_as_such_and_no_control_characters() {
        let body = json!({ "totalCount": 3, "items": [
            { "id": "a", "name": "Übung\u{1b}[31m", "creationDate": "2026-01-01T00:00:00.000Z", "disabledAt": false },
            { "id": "bb", "name": null },
        ]});
        insta::assert_snapshot!(render(Action::InstanceOrgsGet, &body), @r"
        ID  NAME        CREATED                   PERIOD START  DISABLED
        a   Übung?[31m  2026-01-01T00:00:00.000Z  -             false
        bb  -           -                         -             -
        ");
        assert_eq!(what_is_missing(&body).as_deref(), Some("2 of 3; --all-pages shows the rest"));
        assert_eq!(what_is_missing(&json!({ "items": [], "hasMore": false })), None);
    }

    #[test]
    fn there_is_a_table_for_lists_and_counts_only() {
        let without: Vec<_> =
            Action::all().filter(|action| of(*action).is_none()).map(Action::label).collect();
        assert_eq!(
            without,
            [
                "instance.get",
                "instance.patch",
                "instance.generateReport",
                "instanceOrgs.post",
                "instanceOrg.get",
                "instanceOrg.patch",
                "instanceOrg.delete",
                "instanceSandbox.get",
                "instanceSandbox.delete",
                "instanceSandbox.undelete"
            ]
        );
    }
}
