use serde_json::json;

use super::*;
use crate::simulator::{Tag, World};

/// An org with something in every field.
fn org() -> Org {
    let mut world = World::default();
    let id = world.orgs()[0].id();
    let org = world.org_mut(id).unwrap();
    "Acme Pumps".clone_into(&mut org.name);
    org.created_at = "2024-05-01T00:00:00Z".parse().unwrap();
    org.referral_id = Some("R-7".to_owned());
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    org.tags = vec![tag("tier", "gold"), tag("team", "food")];
    org.clone()
}

fn holds_for(org: &Org, query: &Value) -> bool {
    let dates = OrgDates { updated: "2025-01-01T00:00:00.000Z".to_owned(), disabled: None };
    Condition::read(&query.to_string()).unwrap().holds(org, &dates)
}

#[test]
fn conditions_hold_for_the_orgs_they_describe() {
    let org = org();
    let id = org.id().to_string();
    let member = org.members()[0].user_id.clone().unwrap();
    let nobody = "0123456789abcdef01234567";
    for (query, expected) in [
        (json!({}), true),
        (json!({ "name": "Acme Pumps" }), true),
        (json!({ "name": "acme pumps" }), false),
        (json!({ "name": { "$eq": "acme pumps", "$ci": true } }), true),
        (json!({ "name": { "$ne": "Acme Pumps" } }), false),
        (json!({ "name": { "$startsWith": "Acme" } }), true),
        (json!({ "name": { "$startsWith": "acme" } }), false),
        (json!({ "name": { "$startsWith": "acme", "$ci": true } }), true),
        (json!({ "name": { "$endsWith": "Pumps" } }), true),
        (json!({ "name": { "$contains": "e P" } }), true),
        (json!({ "name": { "$startsWith": "A", "$endsWith": "x" } }), false),
        (json!({ "name": { "$in": ["a", "Acme Pumps"] } }), true),
        (json!({ "name": { "$nin": ["a", "Acme Pumps"] } }), false),
        (json!({ "name": { "$gt": "Aa", "$lt": "B" } }), true),
        (json!({ "name": { "$gte": "Acme Pumps", "$lte": "Acme Pumps" } }), true),
        (json!({ "name": 7 }), false),
        (json!({ "id": id }), true),
        (json!({ "id": id.to_uppercase() }), true),
        (json!({ "id": { "$ne": id } }), false),
        (json!({ "id": { "$in": [nobody] } }), false),
        (json!({ "creationDate": "2024-05-01T00:00:00Z" }), true),
        (json!({ "creationDate": { "$gt": "2024-04-30T23:00:00.000Z" } }), true),
        (json!({ "creationDate": { "$gt": 1_714_521_600_000i64 } }), false),
        (json!({ "creationDate": { "$gte": 1_714_521_600_000i64 } }), true),
        (json!({ "lastUpdated": { "$lt": "2025-01-01T00:00:00.001Z" } }), true),
        (json!({ "mfaMode": "notRequired" }), true),
        (json!({ "isReadOnly": false, "auditLogEnabled": false }), true),
        (json!({ "isReadOnly": true }), false),
        (json!({ "disabledAt": false }), true),
        (json!({ "disabledAt": { "$ne": false } }), false),
        (json!({ "referralId": { "$startsWith": "R-" } }), true),
        (json!({ "referralId": null }), false),
        (json!({ "memberId": member }), true),
        (json!({ "memberId": nobody }), false),
        (json!({ "memberId": { "$ne": member } }), false),
        (json!({ "memberId": { "$nin": [nobody] } }), true),
        (json!({ "memberId": null }), false),
        (json!({ "tags": { "tier": "gold" } }), true),
        (json!({ "tags": { "tier": "gold", "team": "energy" } }), false),
        (json!({ "tags": { "tier": { "$in": ["gold", "silver"] } } }), true),
        (json!({ "tags": { "tier": { "$nin": ["gold", "silver"] } } }), false),
        (json!({ "tags": { "region": null } }), true),
        (json!({ "tags": { "tier": null } }), false),
        (json!({ "tags": { "$tagKey": "tier" } }), true),
        (json!({ "tags": { "$tagKey": "tier", "$tagValue": "food" } }), false),
        (json!({ "tags": { "$tagValue": { "$in": ["food"] } } }), true),
        (json!({ "tags": { "$tagKey": { "$nin": ["tier", "team"] } } }), false),
        (json!({ "tags": { "$eq": { "tier": "gold" } } }), true),
        (json!({ "tags": { "$ne": { "tier": "gold" } } }), false),
        (json!({ "tags": null }), false),
        (json!({ "$and": [{ "name": "Acme Pumps" }, { "isReadOnly": true }] }), false),
        (json!({ "$or": [{ "name": "x" }, { "isReadOnly": false }] }), true),
        (json!({ "$or": [] }), true),
        (json!({ "$nor": [{ "name": "x" }, { "isReadOnly": true }] }), true),
        (json!({ "$nor": [{ "name": "x" }, { "isReadOnly": false }] }), false),
        (
            json!({ "$or": [{ "tags": { "tier": "gold" } }, { "name": { "$startsWith": "acme", "$ci": true } }] }),
            true,
        ),
    ] {
        assert_eq!(holds_for(&org, &query), expected, "{query}");
    }
}

#[test]
fn an_org_without_tags_members_or_referral_is_found_by_null() {
    let mut org = org();
    (org.tags, org.members, org.referral_id) = (Vec::new(), Some(Vec::new()), None);
    for query in [
        json!({ "tags": null }),
        json!({ "tags": { "$eq": null } }),
        json!({ "memberId": null }),
        json!({ "referralId": null }),
        json!({ "referralId": { "$eq": null } }),
    ] {
        assert!(holds_for(&org, &query), "{query}");
    }
    assert!(!holds_for(&org, &json!({ "tags": { "$ne": null } })));
}

#[test]
fn a_refusal_names_what_is_wrong() {
    let many = vec!["x"; 101];
    for (query, start) in [
        (json!([]), "query must be an object"),
        (json!({ "colour": 1 }), "query.colour is not a known field"),
        (json!({ "name": { "$like": "x" } }), "query.name.$like is not a known operator"),
        (json!({ "name": { "$ci": 1 } }), "query.name.$ci must be true or false"),
        (json!({ "name": { "$startsWith": "" } }), "query.name.$startsWith must be"),
        (json!({ "name": { "$in": "x" } }), "query.name.$in must be a list"),
        (json!({ "name": { "$in": many } }), "query.name.$in must be a list of at most 100"),
        (json!({ "name": { "$in": [null] } }), "query.name.$in[0] must be"),
        (json!({ "name": [] }), "query.name must be"),
        (json!({ "id": "42" }), "query.id must be 24"),
        (json!({ "id": { "$startsWith": "a" } }), "query.id.$startsWith is not a known operator"),
        (json!({ "memberId": {} }), "query.memberId must be exactly one operator"),
        (json!({ "$and": {} }), "query.$and must be a list"),
        (json!({ "$or": [{ "name": "x" }, { "size": 1 }] }), "query.$or[1].size is not"),
        (json!({ "tags": 7 }), "query.tags must be an object or null"),
        (json!({ "tags": { "a b": "x" } }), "query.tags.a b must be a tag's key"),
        (json!({ "tags": { "$key": "x" } }), "query.tags.$key is not a known operator"),
        (json!({ "tags": { "tier": { "$eq": "x" } } }), "query.tags.tier.$eq is not a known operator"),
        (json!({ "tags": { "tier": 7 } }), "query.tags.tier must be a text"),
    ] {
        let Err(Refusal::Validation(message)) = Condition::read(&query.to_string()) else {
            panic!("accepted {query}")
        };
        assert!(message.starts_with(start), "{query}: {message}");
    }
    assert!(Condition::read("{").is_err());
}
