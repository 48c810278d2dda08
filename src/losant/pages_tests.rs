use prometheus_client::registry::Registry;
use serde_json::json;

use super::*;
use crate::clock::Clock;
use crate::losant::server::{Answer as Script, Server, TempFile};
use crate::losant::wire::ResourceType;
use crate::losant::{
    Action, ClientConfig, ClientMetrics, Ids, Request, SummaryFilter, Token, TokenSource, Writer,
};
use crate::usage::Id;

fn id(digit: &str) -> Id {
    digit.repeat(24).parse().unwrap()
}

async fn bench(script: Vec<Script>, token: TokenSource) -> (Server, ClientConfig, Clock) {
    let (clock, _) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
    let server = Server::start(clock.clone(), script).await;
    let config = ClientConfig { page_size: 2, ..ClientConfig::new(server.url.parse().unwrap(), token) };
    (server, config, clock)
}

fn fixed() -> TokenSource {
    TokenSource::Fixed(Token::new("hunter2").unwrap())
}

fn metrics() -> ClientMetrics {
    ClientMetrics::register(&mut Registry::default())
}

fn request(action: Action, parameters: &[(&str, &str)]) -> Request {
    let ids = Ids {
        instance: action.level().map(|_| id("a")),
        org: (action == Action::InstanceOrgDelete).then(|| id("b")),
        sandbox: None,
    };
    Request::new(action, ids, parameters.iter().copied(), None, "2026-03-01T12:00:00Z".parse().unwrap())
        .unwrap()
}

/// Everything of `action` from a server with these pages; and the parameter that picked each page.
async fn all(
    action: Action,
    parameters: &[(&str, &str)],
    pages: &[Value],
) -> (Result<Value, String>, Vec<String>) {
    let script = pages.iter().map(|page| Script::json(200, &page.to_string())).collect();
    let (server, config, clock) = bench(script, fixed()).await;
    let client = Client::new(config, clock, metrics()).unwrap();
    let Request::Read(read) = request(action, parameters) else { panic!("{action} is a read") };
    let whole = client.call_all(&read).await;
    let asked = server.asked();
    let picked = asked.iter().map(|asked| {
        let line = asked.head.lines().next().unwrap_or_default().to_owned();
        let query = line.split(['?', '&', ' ']);
        let pick = |part: &&str| part.starts_with("page=") || part.starts_with("startingAfterId=");
        query.filter(pick).collect::<Vec<_>>().join(" ")
    });
    (whole.map(|answer| answer.body).map_err(|error| error.to_string()), picked.collect())
}

#[tokio::test]
async fn pages_by_number_are_read_until_the_total_is_there() {
    let page = |number: u32, items: &[&str]| {
        let items: Vec<_> = items.iter().map(|name| json!({ "name": name })).collect();
        json!({ "page": number, "perPage": 2, "totalCount": 3, "count": items.len(), "items": items })
    };
    let pages = [page(0, &["A", "B"]), page(1, &["C"])];
    let (whole, picked) = all(Action::InstanceOrgsGet, &[("filter", "*")], &pages).await;
    assert_eq!(
        whole.unwrap(),
        json!({ "page": 0, "perPage": 2, "totalCount": 3, "count": 3,
            "items": [{ "name": "A" }, { "name": "B" }, { "name": "C" }] })
    );
    assert_eq!(picked, ["", "page=1"]);
}

#[tokio::test]
async fn pages_by_cursor_are_read_until_there_is_no_more() {
    let page = |more: bool, ids: &[&str]| {
        let items: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        json!({ "limit": 1, "hasMore": more, "count": items.len(), "items": items })
    };
    let pages = [page(true, &["x"]), page(true, &["y"]), page(false, &[])];
    let (whole, picked) = all(Action::InstanceSandboxesGet, &[("limit", "1")], &pages).await;
    let whole = whole.unwrap();
    assert_eq!((&whole["count"], &whole["hasMore"]), (&json!(2), &json!(false)));
    assert_eq!(picked, ["", "startingAfterId=x", "startingAfterId=y"]);
    let circle = [page(true, &["x"]), page(true, &["y"]), page(true, &["x"]), page(true, &["y"])];
    let (whole, _) = all(Action::InstanceSandboxesGet, &[], &circle).await;
    assert!(whole.unwrap_err().contains("circle"));
}

#[tokio::test]
async fn a_server_that_does_not_page_is_found_out() {
    let same = json!({ "perPage": 2, "totalCount": 9, "items": [{ "id": "x" }, { "id": "y" }] });
    let (whole, picked) = all(Action::InstancesGet, &[], &[same]).await;
    assert!(whole.unwrap_err().contains("repeats"));
    assert_eq!(picked.len(), 2);
    let (whole, _) = all(Action::InstancesGet, &[], &[json!({ "items": 7 })]).await;
    assert!(whole.unwrap_err().contains("items"));
    let (whole, picked) = all(Action::InstanceGet, &[], &[json!({ "hasMore": true })]).await;
    assert_eq!((whole.is_ok(), picked.len()), (true, 1));
}

#[tokio::test]
async fn a_write_is_one_request_even_when_the_token_was_replaced() {
    for script in [
        Script::json(401, "{}"),
        Script::json(429, "{}"),
        Script::json(503, "{}"),
        Script::with(200, "", b"{"),
        Script::Close,
    ] {
        let file = TempFile::new("old.old.old");
        let (server, config, clock) = bench(vec![script], TokenSource::File(file.path().to_owned())).await;
        let writer = Writer::new(config, clock, metrics()).unwrap();
        file.write("new.new.new");
        let Request::Write(write) = request(Action::InstanceOrgDelete, &[]) else { panic!("a write") };
        assert!(writer.call(&write).await.is_err());
        let asked = server.asked();
        assert_eq!(asked.len(), 1);
        assert!(asked[0].head.starts_with("DELETE "), "{}", asked[0].head);
    }
}

#[tokio::test]
async fn a_write_may_be_answered_with_nothing() {
    let (_server, config, clock) = bench(vec![Script::with(204, "", b"")], fixed()).await;
    let writer = Writer::new(config, clock, metrics()).unwrap();
    let Request::Write(write) = request(Action::InstanceOrgDelete, &[]) else { panic!("a write") };
    assert_eq!(writer.call(&write).await, Ok(Answer { status: 204, body: Value::Null }));
}

#[tokio::test]
async fn historical_summaries_are_read_by_month_and_type_page_after_page() {
    let row = |resource: &str, month: u32| {
        json!({ "resourceId": id(resource).to_string(), "resourceType": "application",
            "currentPeriodStart": format!("2026-{month:02}-01T00:00:00.000Z"), "payloadBillableCount": 5.0 })
    };
    let page = |number: u32, items: Value| {
        Script::json(
            200,
            &json!({ "page": number, "perPage": 2, "totalCount": 3, "items": items }).to_string(),
        )
    };
    let script = vec![page(0, json!([row("b", 1), row("b", 2)])), page(1, json!([row("c", 2)]))];
    let (server, config, clock) = bench(script, fixed()).await;
    let client = Client::new(config, clock, metrics()).unwrap();
    let month = "2026-02-14T00:00:00Z".parse().unwrap();
    let listing =
        client.walk_historical_summaries(id("a"), month, ResourceType::Application).collect().await.unwrap();
    assert_eq!((listing.items.len(), listing.complete, listing.skipped), (3, true, 0));
    let line = |number: u32| {
        format!(
            "GET /instances/{}/historicalSummaries?month=1771027200000&sortField=resourceId&sortDirection=asc\
             &page={number}&perPage=2&filterField=resourceType&filter=application\
             &_links=false&_embedded=false&_actions=false HTTP/1.1",
            id("a")
        )
    };
    let asked = server.asked();
    for (number, asked) in (0..).zip(&asked) {
        assert_eq!(asked.head.lines().next(), Some(line(number).as_str()));
    }
    assert_eq!(asked.len(), 2);
    // Without a filter all types come.
    let page = client.historical_summaries(id("a"), month, &SummaryFilter::default(), 1).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert!(!server.asked()[2].head.contains("filter"));
}
