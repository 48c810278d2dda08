//! The control endpoint, and faults that change answers.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Api;
use crate::simulator::{Fault, serve_control};

async fn control(api: &Api) -> (String, JoinSet<std::io::Result<()>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_control(api.simulator.clone(), listener, std::future::pending()));
    (url, tasks)
}

async fn send(api: &Api, method: &str, url: String, body: Value) -> (u16, Value) {
    let request = api.client.request(method.parse().unwrap(), url).body(body.to_string());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

async fn with_fault(text: &str) -> Api {
    let api = Api::start().await;
    api.simulator.faults().inject(text.parse::<Fault>().unwrap());
    api
}

#[tokio::test]
async fn faults_are_switched_on_listed_and_switched_off_over_http() {
    let api = Api::start().await;
    let (url, _tasks) = control(&api).await;
    let faults = format!("{url}/faults");
    let (status, added) =
        send(&api, "POST", faults.clone(), json!({ "fault": "instance.get=status:503#5" })).await;
    assert_eq!((status, &added["fault"]), (201, &"instance.get=status:503#5".into()));
    assert_eq!(api.error(&api.instance()).await.0, 503);
    let (_, listed) = send(&api, "GET", faults.clone(), json!({})).await;
    assert_eq!(
        listed,
        json!({ "faults": [{ "id": added["id"], "fault": "instance.get=status:503#4", "fired": 1 }] })
    );
    assert_eq!(send(&api, "DELETE", format!("{faults}/{}", added["id"]), json!({})).await.0, 200);
    assert_eq!(send(&api, "DELETE", format!("{faults}/{}", added["id"]), json!({})).await.0, 404);
    assert_eq!(api.error(&api.instance()).await.0, 200);
    send(&api, "POST", faults.clone(), json!({ "fault": "*=reset" })).await;
    assert_eq!(send(&api, "DELETE", faults.clone(), json!({})).await.0, 200);
    assert_eq!(api.error(&api.instance()).await.0, 200);
    let (status, refused) = send(&api, "POST", faults, json!({ "fault": "*=explode" })).await;
    assert!(status == 400 && refused["message"].as_str().unwrap().contains("there is no fault \"explode\""));
}

#[tokio::test]
async fn switches_are_set_all_or_none_and_requests_are_told() {
    let api = Api::start().await;
    let (url, _tasks) = control(&api).await;
    let switches = format!("{url}/switches");
    let (status, set) =
        send(&api, "PUT", switches.clone(), json!({ "ends": "exclusive", "page_size_cap": 3 })).await;
    assert_eq!((status, &set["ends"], &set["page_size_cap"]), (200, &"exclusive".into(), &3.into()));
    let wrong = json!({ "ends": "inclusive", "zeros": "absent" });
    assert_eq!(send(&api, "PUT", switches.clone(), wrong).await.0, 400);
    assert_eq!(send(&api, "GET", switches, json!({})).await.1, set);
    api.get(&format!("{}?_links=0", api.instance())).await;
    let (_, told) = send(&api, "GET", format!("{url}/requests"), json!({})).await;
    assert_eq!(told["requests"][0]["action"], "instance.get");
    assert!(!told.to_string().contains(api.simulator.token()));
}

#[tokio::test]
async fn nobody_beyond_this_machine_is_served() {
    let api = Api::start().await;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve_control(api.simulator.clone(), listener, std::future::pending()).await.unwrap_err();
    assert!(refused.to_string().contains("loopback"));
}

#[tokio::test]
async fn payloads_of_unknown_types_turn_up_wherever_payloads_are() {
    let api = with_fault("*=unknown-types").await;
    let org = api.org_path(api.busy_org());
    assert!(api.get(&format!("{org}/payloadCounts")).await.pointer("/quantumState/satellite.link").is_some());
    let body = api.get(&format!("{org}?summaryInclude=payloadCount")).await;
    assert!(body.pointer("/summary/payloadCount/quantumState/unsplit").is_some());
    let rows = api.get(&format!("{}/historicalSummaries", api.instance())).await;
    assert!(rows.pointer("/items/0/payloadCountDetails/quantumState").is_some());
    assert!(rows.pointer("/quantumState").is_none());
}

#[tokio::test]
async fn one_route_alone_may_write_floats_or_lack_summaries() {
    let api = with_fault("instanceOrgs.get=floats").await;
    api.simulator.faults().inject("instanceOrgs.get=no-summary".parse().unwrap());
    let (_, _, orgs) = api.answer(&format!("{}/orgs", api.instance())).await;
    assert!(orgs.contains("\"dataTTL\":15552000.0") && !orgs.contains("\"summary\""));
    let (_, _, org) = api.answer(&api.org_path(api.busy_org())).await;
    assert!(org.contains("\"dataTTL\":15552000,") && org.contains("\"summary\""));
}

#[tokio::test]
async fn an_org_may_be_deleted_between_list_and_get() {
    let api = with_fault("instanceOrgs.get=delete-listed#1").await;
    let path = format!("{}/orgs", api.instance());
    let page = api.get(&path).await;
    let last = page["items"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(api.error(&format!("{path}/{last}")).await.0, 404);
    assert_eq!(api.get(&path).await["totalCount"], page["totalCount"].as_u64().unwrap() - 1);
}
