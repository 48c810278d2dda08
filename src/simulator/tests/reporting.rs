//! Reports: one at a time, a call at the end, a table to fetch.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Api, NOW, at};
use crate::simulator::Owner;

async fn order(api: &Api, body: &Value) -> (u16, Value) {
    let url = format!("{}{}/generateReport?_links=false", api.base, api.instance());
    let request = api.client.post(url).bearer_auth(api.simulator.token()).body(body.to_string());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_second_report_is_throttled_while_the_first_one_runs() {
    let api = Api::start().await;
    let (status, job) = order(&api, &json!({})).await;
    assert_eq!((status, &job["success"], &job["jobQueued"]), (202, &true.into(), &true.into()));
    assert!(job["jobId"].as_str().unwrap().len() <= 21);
    assert_eq!(order(&api, &json!({})).await.0, 429);
    api.hand.advance(Duration::from_secs(10));
    assert_eq!(order(&api, &json!({})).await.0, 202);
    let (status, answer) = order(&api, &json!({ "format": "pdf" })).await;
    assert!(status == 400 && answer["message"].as_str().unwrap().starts_with("format is not a known key"));
    let backwards = json!({ "start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z" });
    assert_eq!(order(&api, &backwards).await.0, 400);
}

#[tokio::test]
async fn a_loopback_callback_gets_the_address_of_a_table_with_the_truth() {
    let api = Api::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback = format!("http://{}/done", listener.local_addr().unwrap());
    let body = json!({ "callbackUrl": callback, "resourceGroupBy": "organization", "includeSandbox": false });
    assert_eq!(order(&api, &body).await.0, 202);
    api.hand.advance(Duration::from_secs(10));
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut told = String::new();
    while !told.ends_with('}') {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "{told}");
        told += std::str::from_utf8(&piece[..read]).unwrap();
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert!(told.starts_with("POST /done HTTP/1.1\r\n"), "{told}");
    let told: Value = serde_json::from_str(told.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let table = api.client.get(told["reportUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(
        (table.status().as_u16(), &table.headers()["content-type"]),
        (200, &"text/csv".parse().unwrap())
    );
    let table = table.text().await.unwrap();
    assert_eq!(table.lines().count(), 1 + 12);
    let id = api.busy_org();
    let row = table.lines().find(|line| line.contains(&format!(",organization,{id},"))).unwrap();
    let world = api.simulator.world();
    let now = at(NOW);
    let billable = world.payload_total(Owner::Org(id), at("2026-03-01T00:00:00Z"), now, true, false);
    assert!(row.contains(&format!(",{billable},")), "{row} {billable}");
}
