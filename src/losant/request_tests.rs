use super::*;
use serde_json::json;

fn id(digit: &str) -> Id {
    digit.repeat(24).parse().unwrap()
}

fn now() -> Timestamp {
    "2026-03-08T12:00:00Z".parse().unwrap()
}

fn base() -> BaseUrl {
    "http://localhost:1/api".parse().unwrap()
}

fn ids_of(action: Action) -> Ids {
    let level = action.level();
    Ids {
        instance: level.map(|_| id("a")),
        org: (level == Some(Level::Org)).then(|| id("b")),
        sandbox: (level == Some(Level::Sandbox)).then(|| id("c")),
    }
}

fn body_of(action: Action) -> Option<Value> {
    match action.body() {
        Body::None => None,
        Body::Optional(_) | Body::Required(_) => Some(json!({ "name": "A" })),
    }
}

fn problem(action: Action, ids: Ids, parameters: &[(&str, &str)], body: Option<Value>) -> String {
    Request::new(action, ids, parameters.iter().copied(), body, now()).unwrap_err().to_string()
}

#[test]
fn every_action_can_be_asked_and_reads_are_told_from_writes() {
    for action in Action::all() {
        let request = Request::new(action, ids_of(action), [], body_of(action), now()).unwrap();
        let url = request.url(&base());
        assert!(url.starts_with("http://localhost:1/api/instances") && !url.contains('{'), "{url}");
        assert!(url.ends_with("?_links=false&_embedded=false&_actions=false"), "{url}");
        assert_eq!(matches!(request, Request::Write(_)), action.access() == Access::Write, "{action}");
        assert_eq!(request.call().action, action);
    }
}

#[test]
fn parameters_are_sent_in_their_order_with_absolute_times() {
    let request = Request::new(
        Action::InstanceOrgPayloadCounts,
        ids_of(Action::InstanceOrgPayloadCounts),
        [("end", "now"), ("start", "-7d"), ("asBytes", "TRUE"), ("_links", "true")],
        None,
        now(),
    )
    .unwrap();
    assert_eq!(
        request.url(&base()),
        format!(
            "http://localhost:1/api/instances/{}/orgs/{}/payloadCounts?end=1772971200000&start=1772366400000\
             &asBytes=true&_links=true&_embedded=false&_actions=false",
            id("a"),
            id("b")
        )
    );
    assert_eq!(request.parameter("asBytes"), Some("true"));
}

#[test]
fn exactly_the_ids_of_the_path_are_taken() {
    let org = Action::InstanceOrgGet;
    let one = ids_of(org);
    assert_eq!(
        problem(org, Ids { instance: None, ..one }, &[], None),
        "instanceOrg.get: the id of the instance is missing"
    );
    assert_eq!(
        problem(org, Ids { org: None, ..one }, &[], None),
        "instanceOrg.get: the id of the org is missing"
    );
    assert_eq!(
        problem(org, Ids { sandbox: Some(id("c")), ..one }, &[], None),
        "instanceOrg.get: it takes no id of a sandbox"
    );
    assert_eq!(
        problem(Action::InstanceSandboxGet, Ids { instance: Some(id("a")), ..Ids::default() }, &[], None),
        "instanceSandbox.get: the id of the sandbox is missing"
    );
    assert_eq!(
        problem(Action::InstancesGet, Ids { instance: Some(id("a")), ..Ids::default() }, &[], None),
        "instances.get: it takes no id of an instance"
    );
}

#[test]
fn wrong_parameters_and_bodies_are_named() {
    let counts = Action::InstancePayloadCounts;
    let ids = ids_of(counts);
    assert_eq!(
        problem(counts, ids, &[("from", "now")], None),
        "instance.payloadCounts: there is no parameter \"from\""
    );
    assert_eq!(
        problem(counts, ids, &[("start", "now"), ("start", "-1d")], None),
        "instance.payloadCounts: parameter start is given twice"
    );
    assert_eq!(
        problem(counts, ids, &[("asBytes", "maybe")], None),
        "instance.payloadCounts: parameter asBytes: \"maybe\" is not true or false"
    );
    assert_eq!(problem(counts, ids, &[], Some(json!({}))), "instance.payloadCounts: it takes no body");
    let breakdown = Action::InstancePayloadCountsBreakdown;
    assert_eq!(
        problem(breakdown, ids, &[("resolution", "60000")], None),
        "instance.payloadCountsBreakdown: parameter resolution: \"60000\" is not one of 86400000, 3600000"
    );
    assert_eq!(
        problem(Action::InstancePatch, ids, &[], None),
        "instance.patch: a body is missing (Losant's schema instancePatch)"
    );
    assert_eq!(
        problem(Action::InstancePatch, ids, &[], Some(json!([]))),
        "instance.patch: the body is not a JSON object"
    );
    let error = Request::new(counts, ids, [("from", "now")], None, now()).unwrap_err();
    assert_eq!(error.known_parameters(), "start (time); end (time); asBytes (true or false)");
}
