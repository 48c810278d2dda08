//! Answers as tables, where that makes sense.

use serde_json::Value;

use crate::cli::columns::{self, Cell};
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
                    ["TYPE", "SOURCE", if in_bytes { "BYTES" } else { "COUNT" }].map(Cell::text).to_vec(),
                ];
                for (payload_type, sources) in body.as_object().into_iter().flatten() {
                    for (source, value) in sources.as_object().into_iter().flatten() {
                        rows.push(vec![Cell::text(payload_type), Cell::text(source), cell(Some(value))]);
                    }
                }
                columns::lines(&rows)
            }
            Self::Rows(list, columns) => {
                let mut rows = vec![columns.iter().map(|(heading, _)| Cell::text(heading)).collect()];
                let items = body.get(list).and_then(Value::as_array);
                rows.extend(
                    items.into_iter().flatten().map(|item| {
                        columns.iter().map(|(_, field)| cell(item.get(field))).collect::<Vec<_>>()
                    }),
                );
                columns::lines(&rows)
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

fn cell(value: Option<&Value>) -> Cell {
    match value {
        Some(Value::String(text)) => Cell::text(text),
        Some(Value::Number(number)) => {
            let text = number.to_string();
            Cell::number(text.strip_suffix(".0").unwrap_or(&text))
        }
        Some(Value::Bool(flag)) => Cell::text(&flag.to_string()),
        // Not known: never 0.
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => Cell::text("-"),
    }
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
