//! Historical summaries.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Api, NOW, at, ms};
use crate::simulator::{Amount, Owner};

fn rows(body: &Value) -> Vec<Value> {
    body["items"].as_array().unwrap().clone()
}

fn row_of(body: &Value, id: &str) -> Value {
    rows(body).into_iter().find(|row| row["resourceId"] == id).unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn megabytes(amount: Amount) -> f64 {
    amount.bytes as f64 / 1e6
}

#[tokio::test]
async fn rows_are_the_truth_of_the_month_and_applications_sum_to_their_org() {
    let api = Api::start().await;
    let world = api.simulator.world();
    let path = format!("{}/historicalSummaries?perPage=1000", api.instance());
    let february = ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
    let so_far = ("2026-03-01T00:00:00Z", NOW);
    for (month, (start, end)) in [(ms("2026-02-10T05:00:00Z"), february), (0, so_far), (ms(NOW), so_far)] {
        let body = api.get(&format!("{path}&month={month}")).await;
        for org in world.orgs() {
            let owner = Owner::Org(org.id());
            let row = row_of(&body, &org.id().to_string());
            let total = |billable| world.payload_total(owner, at(start), at(end), billable, false);
            assert_eq!(row["payloadBillableCount"], total(true));
            assert_eq!(row["payloadNonbillableCount"], total(false) - total(true));
            let runs = world.notebooks_between(owner, at(start), at(end));
            assert_eq!(row["notebookMinutesCount"], runs.minutes);
            assert_eq!(row["notebookRunCount"], runs.runs());
            let mut sum = 0;
            for application in world.applications(owner) {
                let usage = world.application_usage(&application, at(start), at(end));
                let row = row_of(&body, &application.id.to_string());
                assert_eq!(row["payloadBillableCount"], usage.billable.payloads);
                assert_eq!(row["payloadBillableSizeMb"], megabytes(usage.billable));
                assert_eq!(row["payloadNonbillableSizeMb"], megabytes(usage.nonbillable));
                assert_eq!(row["deviceCount"], usage.devices);
                assert_eq!(
                    (&row["ownerType"], &row["ownerId"], &row["ownerName"]),
                    (&"organization".into(), &org.id().to_string().into(), &org.name.clone().into())
                );
                for ((payload_type, source), amount) in &usage.by_source {
                    assert_eq!(row["payloadCountDetails"][payload_type][source], amount.payloads);
                }
                sum += usage.billable.payloads;
            }
            assert_eq!(sum, total(true));
        }
    }
}

#[tokio::test]
async fn rows_are_filtered_exactly_sorted_by_id_and_paged() {
    let api = Api::start().await;
    let world = api.simulator.world();
    let path = format!("{}/historicalSummaries?month={}", api.instance(), ms(NOW));
    let count =
        async |filter: &str| api.get(&format!("{path}&{filter}")).await["totalCount"].as_u64().unwrap();
    let org = api.busy_org();
    let own = u64::try_from(world.applications(Owner::Org(org)).len()).unwrap();
    assert_eq!(count("filterField=resourceType&filter=organization").await, 12);
    assert_eq!(count(&format!("filterField=ownerId&filter={org}")).await, own);
    assert_eq!(count(&format!("filterField=resourceId&filter={org}")).await, 1);
    assert_eq!(count("filterField=resourceType&filter=org*").await, 0);
    let sandboxes = world.sandboxes().iter().map(|user| world.applications(Owner::Sandbox(user.id())).len());
    assert_eq!(count("filterField=ownerType&filter=user").await, sandboxes.sum::<usize>() as u64);
    let total = count("").await;
    let (mut seen, mut page) = (Vec::new(), 0);
    loop {
        let body = api.get(&format!("{path}&perPage=7&page={page}&sortField=resourceId")).await;
        if body["count"] == 0 {
            break;
        }
        seen.extend(rows(&body).iter().map(|row| row["resourceId"].as_str().unwrap().to_owned()));
        page += 1;
    }
    assert!(seen.is_sorted());
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len() as u64, total);
    let (status, body) = api.error(&format!("{path}&filterField=name")).await;
    assert!(status == 400 && body["message"].as_str().unwrap().starts_with("filterField"));
    assert_eq!(api.error(&format!("{path}&sortField=name")).await.0, 400);
}

#[tokio::test]
async fn the_running_month_and_sandbox_applications_may_be_missing() {
    let api = Api::start().await;
    let path = format!("{}/historicalSummaries?perPage=1000", api.instance());
    api.switch(|switches| switches.sandbox_applications = false);
    assert!(rows(&api.get(&path).await).iter().all(|row| row["ownerType"] != "user"));
    api.switch(|switches| switches.running_month = false);
    assert_eq!(api.get(&path).await["totalCount"], 0);
    let last = api.get(&format!("{path}&month={}", ms("2026-02-28T23:59:59.999Z"))).await;
    assert!(last["totalCount"].as_u64().unwrap() > 12);
    assert_eq!(last["items"][0]["currentPeriodEnd"], "2026-02-28T23:59:59.999Z");
    let future = api.get(&format!("{path}&month={}", ms("2026-04-01T00:00:00Z"))).await;
    assert_eq!(future["totalCount"], 0);
}

#[tokio::test]
async fn a_resource_that_came_or_went_within_the_month_is_prorated() {
    let api = Api::start().await;
    let org = api.busy_org();
    api.simulator.change_world(|world| {
        let org = world.org_mut(org).unwrap();
        org.created_at = at("2026-02-08T00:00:00Z");
        org.deleted_at = Some(at("2026-02-15T00:00:00Z"));
    });
    let path = format!("{}/historicalSummaries?filterField=resourceId&filter={org}", api.instance());
    let row = rows(&api.get(&format!("{path}&month={}", ms("2026-02-20T00:00:00Z"))).await).remove(0);
    assert_eq!(row["resourceProration"], 0.25);
    assert_eq!(api.get(&path).await["totalCount"], 0);
}
