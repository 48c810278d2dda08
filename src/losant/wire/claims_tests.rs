//! What we claim to read is read: each field changes what is decoded, may be missing or null, and stands unknown neighbours.

use std::fmt::Debug;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::losant::Action;

/// One JSON object that we read, and the fields that we claim to read of it.
struct Claim {
    schema: &'static str,
    /// The name under which Losant repeats the id.
    alias: &'static str,
    decode: fn(&Value) -> Result<String, Unexpected>,
    /// A body of our own with all of them.
    whole: Value,
    fields: &'static [&'static str],
    /// Those of them without which there is nothing to decode.
    needed: &'static [&'static str],
}

fn shown<T: Debug>(read: Result<T, Unexpected>) -> Result<String, Unexpected> {
    read.map(|value| format!("{value:?}"))
}

/// Of a series, its first bucket stands for all.
fn bucket<T: Debug>(
    value: &Value,
    decode: fn(&Value) -> Result<Series<T>, Unexpected>,
) -> Result<String, Unexpected> {
    shown(decode(&json!({ "counts": [value] })))
}

const ID: &str = "575ed18f7ae143cd83dc4aa6";

fn claims() -> Vec<Claim> {
    let mut claims = owners();
    claims.push(historical_summary());
    claims.extend(counts());
    claims
}

fn owners() -> Vec<Claim> {
    let period = |mut body: Value| {
        body["currentPeriodStart"] = json!("2021-04-01T00:00:00.000Z");
        body["currentPeriodEnd"] = json!("2021-04-30T23:59:59.999Z");
        body["limits"] = json!({ "device": 10 });
        body["summary"] = json!({ "deviceCount": 7 });
        body
    };
    let date = "1999-06-20T00:00:00.000Z";
    vec![
        Claim {
            schema: "instance",
            alias: "instanceId",
            decode: |value| shown(Instance::decode(value, None)),
            whole: json!({ "id": ID, "name": "B", "limits": { "device": 1 } }),
            fields: &["id", "name", "limits"],
            needed: &["id"],
        },
        Claim {
            schema: "instanceOrg",
            alias: "orgId",
            decode: |value| shown(Org::decode(value, None)),
            whole: period(json!({ "id": ID, "name": "B", "planId": "p", "subscriptionStatus": "active",
                "referralId": "r", "isReadOnly": true, "disabledAt": false,
                "tags": [{ "key": "a", "value": "b" }] })),
            fields: &[
                "id",
                "name",
                "planId",
                "subscriptionStatus",
                "referralId",
                "isReadOnly",
                "disabledAt",
                "tags",
                "limits",
                "summary",
                "currentPeriodStart",
                "currentPeriodEnd",
            ],
            needed: &["id"],
        },
        Claim {
            schema: "instanceSandbox",
            alias: "instanceSandboxId",
            decode: |value| shown(Sandbox::decode(value, None)),
            whole: period(json!({ "id": ID, "email": "a@example.com", "fullName": "A",
                "lastSuccessfulLogin": date, "failedLoginCount": 1, "twoFactorAuthEnabled": false,
                "permanentDeletion": date, "dataDeletion": date })),
            fields: &[
                "id",
                "email",
                "fullName",
                "lastSuccessfulLogin",
                "failedLoginCount",
                "twoFactorAuthEnabled",
                "permanentDeletion",
                "dataDeletion",
                "limits",
                "summary",
                "currentPeriodStart",
                "currentPeriodEnd",
            ],
            needed: &["id"],
        },
    ]
}

fn historical_summary() -> Claim {
    let date = "1999-06-20T00:00:00.000Z";
    Claim {
        schema: "historicalSummary",
        alias: "",
        decode: |value| shown(HistoricalSummary::decode(value)),
        whole: json!({ "resourceType": "application", "resourceId": ID, "resourceName": "A",
                "resourceProration": 0.9, "ownerType": "user", "ownerId": ID,
                "currentPeriodStart": date, "currentPeriodEnd": date, "payloadBillableCount": 437,
                "payloadNonbillableCount": 12, "payloadBillableSizeMb": 2.5, "payloadNonbillableSizeMb": 0.2,
                "deviceCount": 7,
                "deviceCountProrated": 6.57, "notebookCount": 1, "notebookRunCount": 2,
                "notebookMinutesCount": 3 }),
        fields: &[
            "resourceType",
            "resourceId",
            "resourceName",
            "resourceProration",
            "ownerType",
            "ownerId",
            "currentPeriodStart",
            "currentPeriodEnd",
            "payloadBillableCount",
            "payloadNonbillableCount",
            "payloadBillableSizeMb",
            "payloadNonbillableSizeMb",
            "deviceCount",
            "deviceCountProrated",
            "notebookCount",
            "notebookRunCount",
            "notebookMinutesCount",
        ],
        needed: &["resourceId"],
    }
}

fn counts() -> Vec<Claim> {
    let date = "1999-06-20T00:00:00.000Z";
    vec![
        Claim {
            schema: "payloadCountsBreakdown",
            alias: "",
            decode: |value| bucket(value, Series::payloads),
            whole: json!({ "date": date, "value": 17 }),
            fields: &["date", "value"],
            needed: &["date"],
        },
        Claim {
            schema: "deviceCounts",
            alias: "",
            decode: |value| bucket(value, Series::devices),
            whole: json!({ "date": date, "created": 4, "deleted": 1, "total": 17 }),
            fields: &["date", "created", "deleted", "total"],
            needed: &["date"],
        },
        Claim {
            schema: "notebookMinuteCounts",
            alias: "",
            decode: |value| bucket(value, Series::notebooks),
            whole: json!({ "date": date, "minutes": 17, "completed": 4, "canceled": 0, "errored": 1,
                "timeout": 0 }),
            fields: &["date", "minutes", "completed", "canceled", "errored", "timeout"],
            needed: &["date"],
        },
        Claim {
            schema: "payloadStats",
            alias: "",
            decode: |value| shown(payload_stats(value)),
            whole: json!({ "timer": { "timer.flow": 1 }, "webhook": { "public.rest": 2.5 } }),
            fields: &["timer", "webhook"],
            needed: &[],
        },
    ]
}

/// Proves the claim on `body`, for those of the fields that it has.
fn prove(claim: &Claim, body: &Value) {
    let whole = (claim.decode)(body).unwrap_or_else(|error| panic!("{}: {error}", claim.schema));
    for field in claim.fields.iter().filter(|field| body.get(field).is_some_and(|value| !value.is_null())) {
        let of = format!("{}.{field}", claim.schema);
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove(*field);
        if *field == "id" {
            without.as_object_mut().unwrap().remove(claim.alias);
        }
        let mut null = without.clone();
        null[*field] = Value::Null;
        let read = (claim.decode)(&without);
        assert_eq!(read, (claim.decode)(&null), "{of}");
        match read {
            Ok(read) => assert_ne!(read, whole, "{of} is not read"),
            Err(error) => assert!(claim.needed.contains(field), "{of}: {error}"),
        }
    }
}

#[test]
fn every_field_that_we_claim_to_read_is_read_and_may_be_missing_or_null() {
    for claim in claims() {
        assert!(claim.fields.iter().all(|field| claim.whole.get(field).is_some()), "{}", claim.schema);
        prove(&claim, &claim.whole);
    }
}

proptest! {
    #[test]
    fn an_unknown_neighbour_changes_nothing(name in "x[a-zA-Z]{0,10}", text in "\\PC{0,10}") {
        for claim in claims().iter().filter(|claim| claim.schema != "payloadStats") {
            let whole = (claim.decode)(&claim.whole).unwrap();
            for neighbour in [json!(text), json!([text]), json!({ &*text: 1 }), json!(true), Value::Null] {
                let mut body = claim.whole.clone();
                body[&name] = neighbour;
                prop_assert_eq!((claim.decode)(&body).unwrap(), whole.clone());
            }
        }
    }
}

/// The objects to prove a claim on, within an example of its maker.
fn parts(example: &Value) -> Vec<&Value> {
    let inner = ["items", "counts"].iter().find_map(|key| example.get(key).and_then(Value::as_array));
    inner.map_or_else(|| vec![example], |list| list.iter().collect())
}

#[test]
fn every_example_of_the_maker_is_read_without_a_loss() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/losant-schemas/examples");
    if !folder.exists() {
        #[expect(clippy::print_stderr, reason = "a test says what it leaves out")]
        {
            eprintln!("left out: the examples of the API's maker are not here");
        }
        return;
    }
    let claims = claims();
    for action in Action::all() {
        let schema = action.answer_schema();
        let text = std::fs::read_to_string(folder.join(format!("{schema}.json"))).unwrap();
        let example: Value = serde_json::from_str(&text).unwrap();
        let one = match schema {
            "instances" => "instance",
            "instanceOrgs" => "instanceOrg",
            "instanceSandboxes" => "instanceSandbox",
            "historicalSummaries" => "historicalSummary",
            // Answers to writes: shown, not read.
            "success" | "org" | "jobEnqueuedResult" => continue,
            schema => schema,
        };
        let claim = claims.iter().find(|claim| claim.schema == one).unwrap();
        for part in parts(&example) {
            prove(claim, part);
        }
        if example.get("items").is_some() {
            let page = Page::decode(&example, |item, _| (claim.decode)(item)).unwrap();
            assert!(page.skipped.is_empty() && !page.items.is_empty(), "{schema}");
            assert!(page.size.is_some() && (page.total_count.is_some() || page.has_more.is_some()));
        }
    }
}
