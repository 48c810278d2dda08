//! Paging, sorting, filtering, summaries.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Api;

fn ids(body: &Value) -> Vec<String> {
    body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn pages_of_any_size_visit_every_org_once() {
    let api = Api::start().await;
    let path = format!("{}/orgs", api.instance());
    let expected: BTreeSet<String> =
        api.simulator.world().orgs().iter().map(|org| org.id().to_string()).collect();
    for size in 1..=expected.len() + 1 {
        for sort in ["name", "id", "creationDate", "lastUpdated&sortDirection=desc"] {
            let mut seen = Vec::new();
            for page in 0.. {
                let body = api
                    .get(&format!("{path}?page={page}&perPage={size}&sortField={sort}&summaryInclude=x"))
                    .await;
                assert_eq!(body["totalCount"], expected.len());
                assert_eq!(body["perPage"], size);
                if body["count"] == 0 {
                    break;
                }
                seen.extend(ids(&body));
            }
            assert_eq!(seen.len(), expected.len());
            assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}

#[tokio::test]
async fn cursors_of_any_size_visit_every_sandbox_once() {
    let api = Api::start().await;
    let path = format!("{}/sandboxes?includeDeleted=true&summaryInclude=x", api.instance());
    let expected = api.simulator.world().sandboxes().len();
    for limit in 1..=expected + 1 {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let body = api.get(&format!("{path}&limit={limit}{cursor}&sortField=firstName")).await;
            assert!(body.get("totalCount").is_none());
            seen.extend(ids(&body));
            if body["hasMore"] == false {
                break;
            }
            cursor = format!("&startingAfterId={}", seen.last().unwrap());
        }
        assert_eq!(seen.len(), expected);
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), expected);
    }
}

#[tokio::test]
async fn a_cursor_keeps_its_place_when_its_sandbox_goes() {
    let api = Api::start().await;
    let path = format!("{}/sandboxes", api.instance());
    let all = ids(&api.get(&path).await);
    let world = api.simulator.world();
    let gone = world.sandboxes().iter().find(|user| user.id().to_string() == all[1]).unwrap();
    api.simulator
        .change_world(|world| world.sandbox_mut(gone.id()).unwrap().deleted_at = Some(gone.created_at));
    assert_eq!(ids(&api.get(&format!("{path}?startingAfterId={}", all[1])).await), all[2..]);
    assert_eq!(ids(&api.get(&format!("{path}?endingBeforeId={}&limit=1", all[3])).await), all[2..3]);
}

#[tokio::test]
async fn sandboxes_marked_for_deletion_are_listed_on_request() {
    let api = Api::start().await;
    let path = format!("{}/sandboxes", api.instance());
    let usual = api.get(&path).await;
    let all = api.get(&format!("{path}?includeDeleted=1")).await;
    assert_eq!(all["count"].as_u64().unwrap(), usual["count"].as_u64().unwrap() + 1);
    let marked = |body: &Value| {
        body["items"].as_array().unwrap().iter().filter(|item| item.get("dataDeletion").is_some()).count()
    };
    assert_eq!((marked(&usual), marked(&all)), (0, 1));
}

#[tokio::test]
async fn a_filter_globs_in_its_field_and_is_echoed() {
    let api = Api::start().await;
    let path = format!("{}/orgs", api.instance());
    let body = api.get(&format!("{path}?filterField=name&filter=*wa*&sortDirection=desc")).await;
    let names: Vec<_> =
        body["items"].as_array().unwrap().iter().map(|org| org["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Tidewater Pumps", "Pinecrest Water District"]);
    assert_eq!(
        (&body["filter"], &body["filterField"], &body["totalCount"]),
        (&"*wa*".into(), &"name".into(), &2.into())
    );
    assert_eq!(api.get(&format!("{path}?filterField=name&filter=")).await["totalCount"], 12);
}

#[tokio::test]
async fn a_summary_has_the_named_fields_and_no_others() {
    let api = Api::start().await;
    let org = api.org_path(api.busy_org());
    let some = api.get(&format!("{org}?summaryInclude=payloadCount,deviceCount,nonsense")).await;
    assert_eq!(keys(&some["summary"]), BTreeSet::from(["payloadCount", "deviceCount"]));
    let usual = api.get(&org).await;
    assert!(usual["summary"].get("payloadCount").is_none());
    assert!(usual["summary"]["notebookStats"]["minutesThisPeriod"].as_u64().unwrap() > 0);
    let sandboxes = api.get(&format!("{}/sandboxes?summaryExclude=flowCount,orgCount", api.instance())).await;
    let summary = keys(&sandboxes["items"][0]["summary"]);
    assert!(!summary.contains("flowCount") && summary.contains("appCount"));
}
