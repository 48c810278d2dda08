//! The simulated API as a client sees it.

mod controlling;
mod counting;
mod failing;
mod history;
mod listing;
mod reporting;
mod switching;
mod writing;

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::*;
use crate::clock::ClockHand;

/// A Wednesday, a quarter of a second past the full second.
const NOW: &str = "2026-03-04T12:34:56.250Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A served simulator and a client for it.
struct Api {
    simulator: Simulator,
    hand: ClockHand,
    client: reqwest::Client,
    base: String,
    tasks: JoinSet<std::io::Result<()>>,
    stop: oneshot::Sender<()>,
}

impl Api {
    async fn start() -> Self {
        Self::with(World::default()).await
    }

    async fn with(world: World) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (clock, hand) = Clock::manual(at(NOW));
        let simulator = Simulator::new(world, clock);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(simulator.clone(), listener, async move {
            let _ = stopped.await;
        }));
        Self { simulator, hand, client: Self::client(true), base, tasks, stop }
    }

    /// A client that unpacks what is compressed, or leaves it as it comes.
    fn client(unpacks: bool) -> reqwest::Client {
        reqwest::Client::builder().no_proxy().gzip(unpacks).build().unwrap()
    }

    fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.base)).bearer_auth(self.simulator.token())
    }

    async fn answer(&self, path: &str) -> (u16, HeaderMap, String) {
        let response = self.request(path).send().await.unwrap();
        (response.status().as_u16(), response.headers().clone(), response.text().await.unwrap())
    }

    async fn error(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = self.answer(path).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.error(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn instance(&self) -> String {
        format!("/instances/{}", self.simulator.world().instances()[0].id())
    }

    /// The org with the most to tell.
    fn busy_org(&self) -> ObjectId {
        let world = self.simulator.world();
        world.orgs().iter().max_by_key(|org| org.activity.streams.len()).unwrap().id()
    }

    fn org_path(&self, id: ObjectId) -> String {
        format!("{}/orgs/{id}", self.instance())
    }

    fn switch(&self, change: impl FnOnce(&mut Switches)) {
        let mut switches = self.simulator.switches();
        change(&mut switches);
        self.simulator.set_switches(switches);
    }
}

/// Milliseconds since the epoch.
fn ms(text: &str) -> i64 {
    at(text).as_millisecond()
}

#[tokio::test]
async fn an_answer_has_the_headers_of_the_live_api_and_the_clocks_date() {
    let api = Api::start().await;
    let (status, headers, _) = api.answer(&api.instance()).await;
    assert_eq!(status, 200);
    assert_eq!(headers["date"], "Wed, 04 Mar 2026 12:34:56 GMT");
    assert_eq!(headers["server"], "Losant API");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-cache, no-store, must-revalidate");
}

#[tokio::test]
async fn without_an_accepted_token_nothing_is_told() {
    let api = Api::start().await;
    let bare = api.client.get(format!("{}{}", api.base, api.instance())).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    assert_eq!(bare.text().await.unwrap(), r#"{"message":"Unauthorized","type":"Unauthorized"}"#);
    api.simulator.revoke_token(api.simulator.token());
    assert_eq!(api.error(&api.instance()).await.0, 401);
    api.simulator.accept_token(api.simulator.token());
    assert_eq!(api.error(&api.instance()).await.0, 200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_not_allowed() {
    let api = Api::start().await;
    let (status, body) = api.error("/openapi.json").await;
    assert_eq!((status, body["message"].as_str()), (405, Some("GET is not allowed")));
    let posted = api.client.post(format!("{}/instances", api.base)).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    assert!(posted.text().await.unwrap().contains("POST is not allowed"));
}

#[tokio::test]
async fn ids_that_are_malformed_are_400_and_ids_of_nobody_404() {
    let api = Api::start().await;
    let nobody = "0123456789abcdef01234567";
    let instance = api.instance();
    for (path, what) in [
        (format!("/instances/{nobody}"), "Instance"),
        (format!("/instances/{nobody}/orgs"), "Instance"),
        (format!("{instance}/orgs/{nobody}/payloadCounts"), "Organization"),
        (format!("{instance}/sandboxes/{nobody}"), "Sandbox"),
    ] {
        let (status, body) = api.error(&path).await;
        assert_eq!((status, body["type"].as_str()), (404, Some("NotFound")), "{path}");
        assert_eq!(body["message"], format!("{what} was not found"));
    }
    for (path, parameter) in [
        ("/instances/42".to_owned(), "instanceId"),
        (format!("{instance}/orgs/42"), "orgId"),
        (format!("{instance}/deviceCounts?start=soon"), "start"),
        (format!("{instance}/payloadCounts?asBytes=maybe"), "asBytes"),
        (format!("{instance}/payloadCountsBreakdown?resolution=60000"), "resolution"),
        (format!("{instance}/payloadCounts?start=2000&end=1000"), "start"),
        (format!("{instance}/orgs?perPage=0"), "perPage"),
        (format!("{instance}/orgs?page=-1"), "page"),
        (format!("{instance}/orgs?sortField=size"), "sortField"),
        (format!("{instance}/orgs?sortDirection=up"), "sortDirection"),
        (format!("{instance}/orgs?filterField=tags"), "filterField"),
        (format!("{instance}/sandboxes?startingAfterId=1"), "startingAfterId"),
        (format!("{instance}/orgs?_links=perhaps"), "_links"),
    ] {
        let (status, body) = api.error(&path).await;
        assert_eq!((status, body["type"].as_str()), (400, Some("Validation")), "{path}");
        assert!(body["message"].as_str().unwrap().starts_with(parameter), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_deleted_org_is_neither_listed_nor_found() {
    let api = Api::start().await;
    let org = api.busy_org();
    let before = api.get(&format!("{}/orgs", api.instance())).await["totalCount"].as_u64().unwrap();
    api.simulator
        .change_world(|world| world.org_mut(org).unwrap().deleted_at = Some(at("2026-03-04T12:40:00Z")));
    assert_eq!(api.error(&api.org_path(org)).await.0, 200);
    api.hand.advance_to(at("2026-03-04T12:40:00Z"));
    assert_eq!(api.error(&api.org_path(org)).await.0, 404);
    assert_eq!(api.get(&format!("{}/orgs", api.instance())).await["totalCount"], before - 1);
}

#[tokio::test]
async fn a_changed_name_is_told_as_it_is() {
    let api = Api::start().await;
    let org = api.busy_org();
    let name = "Quote \" backslash \\ newline \n Zürich 株式会社";
    api.simulator.change_world(|world| name.clone_into(&mut world.org_mut(org).unwrap().name));
    assert_eq!(api.get(&api.org_path(org)).await["name"], name);
}

#[tokio::test]
async fn requests_are_recorded_with_query_status_and_time() {
    let api = Api::start().await;
    api.hand.advance(Duration::from_secs(5));
    let path = format!("{}/orgs", api.instance());
    api.get(&format!("{path}?summaryInclude=payloadCount%2CdeviceCount&perPage=7")).await;
    api.error("/nowhere").await;
    api.simulator.wait_for_requests(|requests| requests.len() == 2).await;
    let requests = api.simulator.requests();
    assert_eq!(requests[0].path, path);
    assert_eq!(requests[0].query_value("summaryInclude"), Some("payloadCount,deviceCount"));
    assert_eq!((requests[0].action, requests[0].status), (Some("instanceOrgs.get"), Some(200)));
    assert_eq!(
        (requests[0].uptime, requests[0].at),
        (Duration::from_secs(5), at("2026-03-04T12:35:01.250Z"))
    );
    assert_eq!((requests[1].action, requests[1].status), (None, Some(405)));
}

#[tokio::test]
async fn links_are_on_unless_refused() {
    let api = Api::start().await;
    let path = format!("{}/orgs", api.instance());
    let with = api.get(&path).await;
    assert_eq!(with["_type"], "instanceOrgs");
    assert_eq!(with["_links"]["self"]["href"], path);
    let id = with["items"][0]["id"].as_str().unwrap();
    assert_eq!(with["items"][0]["_links"]["self"]["href"], format!("{path}/{id}"));
    let without = api.get(&format!("{path}?_links=False&_embedded=false&_actions=0")).await;
    assert_eq!((without.get("_links"), without["items"][0].get("_type")), (None, None));
}
