//! Write actions, and what later reads see of them.

use serde_json::{Value, json};

use super::{Api, NOW, at};
use crate::simulator::{NewOrg, Owner};

impl Api {
    /// Status and body of a request with a body, or with none.
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        request = request.bearer_auth(self.simulator.token());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }

    async fn sent(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, body) = self.send(method, path, Some(body)).await;
        assert_eq!(status, 200, "{method} {path}: {body}");
        body
    }

    fn sandbox_path(&self) -> (crate::simulator::ObjectId, String) {
        let world = self.simulator.world();
        let user = world.sandboxes().iter().find(|user| user.marked_for_deletion_at.is_none()).unwrap();
        (user.id(), format!("{}/sandboxes/{}", self.instance(), user.id()))
    }
}

#[tokio::test]
async fn a_new_org_has_what_it_was_given_and_is_listed_from_then_on() {
    let api = Api::start().await;
    let path = format!("{}/orgs", api.instance());
    let user = "0123456789abcdef01234567";
    let body = json!({
        "name": "Newcomer", "description": "Just arrived", "limits": { "member": 500, "payload": 1_000 },
        "tags": [{ "key": "tier", "value": "gold" }], "isReadOnly": true, "referralId": "R-1",
        "members": [{ "userId": user, "role": "admin" }, { "email": "new@example.com", "role": "view" }],
        "banner": { "message": "Hello", "level": "info" }, "mfaMode": "required", "auditLogEnabled": true,
        "whitelistedEmailDomains": ["example.com"], "iconColor": "red", "disabledAt": false,
    });
    let posted = api.sent("POST", &format!("{path}?summaryInclude=memberCount"), body).await;
    assert_eq!((&posted["name"], &posted["isEnterprise"]), (&json!("Newcomer"), &json!(true)));
    assert_eq!(posted["members"][0]["userId"], user);
    assert_eq!(posted["members"].as_array().unwrap().len(), 1);
    assert_eq!(posted["summary"], json!({ "memberCount": 1 }));
    assert!(posted.get("instanceId").is_none() && posted.get("tags").is_none());

    let org = api.get(&format!("{path}/{}", posted["id"].as_str().unwrap())).await;
    for (key, value) in [
        ("name", json!("Newcomer")),
        ("description", json!("Just arrived")),
        ("isReadOnly", json!(true)),
        ("tags", json!([{ "key": "tier", "value": "gold" }])),
        ("referralId", json!("R-1")),
        ("banner", json!({ "message": "Hello", "level": "info" })),
        ("mfaMode", json!("required")),
        ("auditLogEnabled", json!(true)),
        ("whitelistedEmailDomains", json!(["example.com"])),
        ("iconColor", json!("red")),
        ("creationDate", json!(NOW)),
    ] {
        assert_eq!(org[key], value, "{key}");
    }
    assert_eq!((&org["limits"]["member"], &org["limits"]["payload"]), (&json!(500), &json!(1_000)));
    // What was not set is as for the instance.
    assert_eq!(org["limits"]["device"], 50_000);
    let listed = api.get(&format!("{path}?filterField=name&filter=Newcomer")).await;
    assert_eq!(listed["totalCount"], 1);
}

#[tokio::test]
async fn a_new_org_may_be_answered_with_201_as_the_instance_sees_it() {
    let api = Api::start().await;
    api.switch(|switches| switches.new_org = NewOrg::InstanceOrg);
    let body = json!({ "name": "Newcomer" });
    let (status, body) = api.send("POST", &format!("{}/orgs", api.instance()), Some(body)).await;
    assert_eq!(status, 201);
    assert!(body.get("instanceId").is_some() && body.get("members").is_none());
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let api = Api::start().await;
    let org = api.org_path(api.busy_org());
    let before = api.get(&org).await;
    api.hand.advance(std::time::Duration::from_secs(60));
    let patched = api.sent("PATCH", &org, json!({ "name": "Renamed", "limits": { "member": 7 } })).await;
    assert_eq!((&patched["name"], &patched["limits"]["member"]), (&json!("Renamed"), &json!(7)));
    assert_eq!(patched["lastUpdated"], "2026-03-04T12:35:56.250Z");
    for key in ["description", "tags", "isReadOnly", "disabledAt", "creationDate"] {
        assert_eq!(patched[key], before[key], "{key}");
    }
    assert_eq!(patched["limits"]["payload"], before["limits"]["payload"]);
    assert_eq!(api.get(&org).await["name"], "Renamed");
}

#[tokio::test]
async fn a_disabled_org_sends_nothing_until_it_is_enabled_and_what_it_missed_stays_missed() {
    let api = Api::start().await;
    let id = api.busy_org();
    let org = api.org_path(id);
    let disabled = api.sent("PATCH", &org, json!({ "disabledAt": true })).await;
    assert_eq!(disabled["disabledAt"], NOW);
    api.hand.advance_to(at("2026-03-04T14:34:56.250Z"));
    let enabled = api.sent("PATCH", &org, json!({ "disabledAt": false })).await;
    assert_eq!(enabled["disabledAt"], false);
    let world = api.simulator.world();
    let count = |from, to| world.payload_total(Owner::Org(id), at(from), at(to), false, false);
    assert!(count("2026-03-04T10:34:57Z", "2026-03-04T12:34:57Z") > 0);
    assert_eq!(count("2026-03-04T12:34:57Z", "2026-03-04T14:34:57Z"), 0);
    assert!(count("2026-03-04T14:34:57Z", "2026-03-04T16:34:57Z") > 0);
    // A date in the time to come disables from then on.
    let later = json!({ "disabledAt": "2026-03-05T00:00:00.000Z" });
    assert_eq!(api.sent("PATCH", &org, later).await["disabledAt"], false);
    api.hand.advance_to(at("2026-03-05T00:00:00Z"));
    assert_eq!(api.get(&org).await["disabledAt"], "2026-03-05T00:00:00.000Z");
}

#[tokio::test]
async fn a_deleted_org_is_gone_and_its_past_still_counts_for_the_instance() {
    let api = Api::start().await;
    let org = api.org_path(api.busy_org());
    let counts = format!("{}/payloadCounts?start=-86400000&end=0", api.instance());
    let before = api.get(&counts).await;
    assert_eq!(api.send("DELETE", &org, None).await.0, 200);
    assert_eq!(api.error(&org).await.0, 404);
    assert_eq!(api.send("DELETE", &org, Some(json!({}))).await.0, 404);
    assert_eq!(api.get(&counts).await, before);
}

#[tokio::test]
async fn a_deleted_sandbox_is_marked_until_it_is_undeleted() {
    let api = Api::start().await;
    let (_, user) = api.sandbox_path();
    let list = format!("{}/sandboxes", api.instance());
    let before = api.get(&list).await["count"].as_u64().unwrap();
    let deleted = api.sent("DELETE", &format!("{user}?_links=false"), json!({})).await;
    assert_eq!(deleted, json!({ "success": true }));
    assert_eq!(api.get(&list).await["count"], before - 1);
    assert!(api.get(&user).await.get("permanentDeletion").is_some());
    let (status, back) = api.send("PATCH", &format!("{user}/undelete?summaryInclude=appCount"), None).await;
    assert_eq!((status, back["summary"].as_object().unwrap().len()), (200, 1));
    assert!(back.get("permanentDeletion").is_none());
    assert_eq!(api.get(&list).await["count"], before);
}

#[tokio::test]
async fn an_instance_takes_reports_default_limits_and_a_second_factor() {
    let api = Api::start().await;
    let body = json!({
        "mfaMode": "adminRequired", "orgDefaultLimitConfig": { "payload": 42, "member": 3 },
        "reportConfigs": [{ "cron": "0 4 1 * *", "periods": 3, "emails": ["a@example.com"] }],
    });
    api.sent("PATCH", &api.instance(), body).await;
    let instance = api.get(&api.instance()).await;
    assert_eq!(instance["mfaMode"], "adminRequired");
    assert_eq!(instance["orgDefaultLimitConfig"], json!({ "payload": 42, "member": 3 }));
    assert_eq!(instance["reportConfigs"][0]["periods"], 3);
    assert!(instance["reportConfigs"][0]["id"].as_str().is_some());
    let org = api.sent("POST", &format!("{}/orgs", api.instance()), json!({ "name": "x" })).await;
    assert_eq!((&org["limits"]["payload"], &org["limits"]["member"]), (&json!(42), &json!(3)));
    assert_eq!(org["limits"].get("device"), None);
}

#[tokio::test]
async fn a_body_that_is_wrong_is_refused_by_the_name_of_its_key_and_changes_nothing() {
    let api = Api::start().await;
    let (instance, org, user) = (api.instance(), api.org_path(api.busy_org()), api.sandbox_path().1);
    let orgs = format!("{instance}/orgs");
    for (method, path, body, start) in [
        ("PATCH", &instance, json!({ "name": "x" }), "name is not a known key"),
        ("PATCH", &instance, json!({ "reportConfigs": [{}] }), "reportConfigs[0].cron is required"),
        ("PATCH", &org, json!({ "members": [] }), "members is not a known key"),
        ("PATCH", &org, json!({ "limits": { "dataTTL": 5 } }), "limits.dataTTL must be"),
        ("PATCH", &org, json!({ "limits": { "organization": 5 } }), "limits.organization is not"),
        ("PATCH", &org, json!({ "name": "" }), "name must be a text of 1 to 255"),
        ("POST", &orgs, json!({}), "name is required"),
        (
            "POST",
            &orgs,
            json!({ "name": "x", "members": [{ "role": "view" }] }),
            "members[0].userId is required",
        ),
        ("POST", &orgs, json!({ "name": "x", "color": 1 }), "color is not a known key"),
        ("DELETE", &org, json!({ "force": true }), "force is not a known key"),
        ("DELETE", &user, json!([]), "body must be an object"),
    ] {
        let (status, answer) = api.send(method, path, Some(body)).await;
        assert_eq!((status, answer["type"].as_str()), (400, Some("Validation")), "{start}: {answer}");
        assert!(answer["message"].as_str().unwrap().starts_with(start), "{start}: {answer}");
    }
    for (method, path, start) in [
        ("PATCH", &org, "body is required"),
        ("POST", &orgs, "name is required"),
        ("PATCH", &instance, "body is"),
    ] {
        let (status, answer) = api.send(method, path, None).await;
        assert!(status == 400 && answer["message"].as_str().unwrap().starts_with(start), "{answer}");
    }
    let url = format!("{}{org}", api.base);
    let request = api.client.patch(url).bearer_auth(api.simulator.token()).body("{");
    assert_eq!(request.send().await.unwrap().status(), 400);
    assert_eq!(api.get(&orgs).await["totalCount"], 12);
}

#[tokio::test]
async fn a_token_that_may_only_read_writes_nothing() {
    let api = Api::start().await;
    api.simulator.accept_token_with_scopes("reader", &["all.Instance.read"]);
    api.simulator.accept_token_with_scopes("lister", &["instanceOrgs.get"]);
    let status = async |method: &str, path: &str, token: &str| {
        let request = api.client.request(method.parse().unwrap(), format!("{}{path}", api.base));
        request.bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    let (org, orgs) = (api.org_path(api.busy_org()), format!("{}/orgs", api.instance()));
    assert_eq!(status("GET", &org, "reader").await, 200);
    assert_eq!(status("DELETE", &org, "reader").await, 403);
    assert_eq!(status("GET", &orgs, "lister").await, 200);
    assert_eq!(status("GET", &org, "lister").await, 403);
    assert_eq!(status("POST", &format!("{}/generateReport", api.instance()), "reader").await, 202);
    assert_eq!(status("GET", &org, "nobody").await, 401);
}
