//! What the simulated Losant answers has the form that Losant promises.
//!
//! Twice: against facts written down here, always; and against the vendor's schema files, where they lie beside the
//! repository.

use std::collections::BTreeMap;
use std::path::PathBuf;

use losant_exporter::clock::Clock;
use losant_exporter::simulator::{self, Simulator, World, WorldConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::test_app::{http, within_patience};

const NOW: &str = "2026-03-17T14:23:45.250Z";

/// What a value is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Id,
    Date,
    Flag,
    Whole,
    Number,
    /// Numbers by payload type and source.
    Payloads,
    /// Whole numbers by name.
    Wholes,
    /// A date, or `false`.
    DateOrFalse,
    Object,
    List,
}

/// The keys of each body, by the name of its schema. A key with a star is in every body of the simulator.
const FACTS: [(&str, &str); 14] = [
    ("error", "type*:text message*:text"),
    ("success", "success*:flag"),
    ("jobEnqueuedResult", "success*:flag jobQueued*:flag jobId*:text"),
    ("payloadStats", ""),
    ("payloadCountsBreakdown", "start*:date end*:date counts*:list"),
    ("deviceCounts", "start*:date end*:date counts*:list"),
    ("notebookMinuteCounts", "start*:date end*:date counts*:list"),
    (
        "instance",
        "id*:id instanceId*:id name*:text allowAuditLogging*:flag creationDate*:date lastUpdated*:date \
         limits*:wholes members*:list reportConfigs:list orgDefaultLimitConfig:wholes mfaMode*:text",
    ),
    (
        "instanceOrg",
        "id*:id orgId*:id instanceId*:id name*:text description*:text iconColor*:text creationDate*:date \
         lastUpdated*:date currentPeriodStart*:date currentPeriodEnd*:date limits*:wholes summary*:object \
         tags*:list disabledAt*:date-or-false isReadOnly*:flag auditLogEnabled*:flag mfaMode*:text banner:object \
         whitelistedEmailDomains*:list referralId:text planId:text customerId:text subscriptionId:text \
         billingEmail:text subscriptionStatus:text",
    ),
    (
        "org",
        "id*:id orgId*:id name*:text description*:text iconColor*:text creationDate*:date lastUpdated*:date \
         currentPeriodStart*:date currentPeriodEnd*:date limits*:wholes summary*:object members*:list \
         isEnterprise*:flag disabledAt*:date-or-false isReadOnly*:flag mfaMode*:text banner:object \
         whitelistedEmailDomains*:list",
    ),
    (
        "instanceSandbox",
        "id*:id instanceSandboxId*:id instanceId*:id email*:text firstName*:text lastName*:text fullName*:text \
         companyName*:text url*:text creationDate*:date lastUpdated*:date lastSuccessfulLogin*:date \
         failedLoginCount*:whole passwordLastUpdated*:date emailVerified*:flag needsToVerifyEmail*:flag \
         twoFactorAuthEnabled*:flag ssoLinked*:flag permanentDeletion:date dataDeletion:date limits*:wholes \
         summary*:object currentPeriodStart*:date currentPeriodEnd*:date orgs*:list",
    ),
    (
        "paged",
        "items*:list count*:whole totalCount*:whole perPage*:whole page*:whole sortField*:text \
         sortDirection*:text filter:text filterField:text instanceId:id",
    ),
    (
        "instanceSandboxes",
        "items*:list count*:whole limit*:whole hasMore*:flag sortField*:text sortDirection*:text \
         startingAfterId:id endingBeforeId:id filter:text filterField:text",
    ),
    (
        "historicalSummary",
        "resourceType*:text resourceId*:id resourceName*:text resourceProration*:number ownerType:text \
         ownerId:id ownerName:text limits:wholes currentPeriodStart*:date currentPeriodEnd*:date \
         applicationCount:number applicationCountProrated:number userCount:number userCountProrated:number \
         apiTokenCount*:number applicationKeyCount*:number certificateAuthorityCount*:number \
         certificateCount*:number credentialCount*:whole dashboardCount*:number dashboardCountProrated:number \
         dataTableCount*:number dataTableRowCount*:number dataTableTotalSizeMb*:number deviceCount*:number \
         deviceCountProrated*:number deviceRecipeCount*:number eventCount*:number experienceDomainCount*:number \
         experienceEndpointCount*:number experienceGroupCount*:number experienceSlugCount*:number \
         experienceUserCount*:number experienceVersionCount*:number experienceViewCount*:number \
         fileCount*:number fileTotalSizeMb*:number integrationCount*:number notebookCount*:number \
         resourceJobCount*:whole notebookRunCount*:number notebookMinutesCount*:number privateFileCount*:number \
         privateFileTotalSizeMb*:number webhookCount*:number workflowCount*:number \
         payloadBillableCount*:number payloadNonbillableCount*:number payloadBillableSizeMb*:number \
         payloadNonbillableSizeMb*:number payloadCountDetails*:payloads payloadSizeDetails*:payloads",
    ),
];

/// Where keys of a summary are not whole numbers.
const SUMMARY: [(&str, Kind); 3] =
    [("payloadCount", Kind::Payloads), ("storageStats", Kind::Wholes), ("notebookStats", Kind::Wholes)];

fn kind(name: &str) -> Kind {
    match name {
        "text" => Kind::Text,
        "id" => Kind::Id,
        "date" => Kind::Date,
        "flag" => Kind::Flag,
        "whole" => Kind::Whole,
        "number" => Kind::Number,
        "payloads" => Kind::Payloads,
        "wholes" => Kind::Wholes,
        "date-or-false" => Kind::DateOrFalse,
        "object" => Kind::Object,
        "list" => Kind::List,
        other => panic!("{other}"),
    }
}

impl Kind {
    fn is(self, value: &Value) -> bool {
        let all = |value: &Value, holds: fn(&Value) -> bool| {
            value.as_object().is_some_and(|object| object.values().all(holds))
        };
        match self {
            Self::Text => value.is_string(),
            Self::Id => value
                .as_str()
                .is_some_and(|id| id.len() == 24 && id.bytes().all(|digit| digit.is_ascii_hexdigit())),
            Self::Date => value.as_str().is_some_and(|text| {
                text.len() == 24 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
            }),
            Self::Flag => value.is_boolean(),
            Self::Whole => value.is_u64(),
            Self::Number => value.is_number(),
            Self::Wholes => all(value, Value::is_u64),
            Self::Payloads => all(value, |sources| {
                sources.as_object().is_some_and(|sources| sources.values().all(Value::is_number))
            }),
            Self::DateOrFalse => *value == json!(false) || Self::Date.is(value),
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
        }
    }
}

/// What is wrong with a body, by the facts above.
fn problems(schema: &str, body: &Value) -> Vec<String> {
    if schema == "payloadStats" {
        return if Kind::Payloads.is(body) { Vec::new() } else { vec!["no payloads".to_owned()] };
    }
    let item = match schema {
        "instances" => Some("instance"),
        "instanceOrgs" => Some("instanceOrg"),
        "instanceSandboxes" => Some("instanceSandbox"),
        "historicalSummaries" => Some("historicalSummary"),
        _ => None,
    };
    let paged = item.is_some() && schema != "instanceSandboxes";
    let (_, keys) =
        FACTS.iter().find(|(name, _)| *name == if paged { "paged" } else { schema }).expect(schema);
    let facts: BTreeMap<&str, (bool, Kind)> = keys
        .split_whitespace()
        .map(|fact| {
            let (key, name) = fact.split_once(':').expect(fact);
            (key.trim_end_matches('*'), (key.ends_with('*'), kind(name)))
        })
        .collect();
    let body = body.as_object().expect("an object");
    let mut problems: Vec<String> = body
        .iter()
        .filter(|(key, value)| facts.get(key.as_str()).is_none_or(|(_, kind)| !kind.is(value)))
        .map(|(key, value)| format!("{schema}.{key}: {value}"))
        .collect();
    let missing = facts.iter().filter(|(key, (always, _))| *always && !body.contains_key(**key));
    problems.extend(missing.map(|(key, _)| format!("{schema}.{key} is missing")));
    for (key, value) in body.get("summary").and_then(Value::as_object).into_iter().flatten() {
        let kind = SUMMARY.iter().find(|(name, _)| name == key).map_or(Kind::Whole, |(_, kind)| *kind);
        if !kind.is(value) {
            problems.push(format!("{schema}.summary.{key}: {value}"));
        }
    }
    for inner in body.get("items").and_then(Value::as_array).into_iter().flatten() {
        problems.extend(self::problems(item.expect("a list"), inner));
    }
    problems
}

struct Losant {
    simulator: Simulator,
    url: String,
    _serving: JoinSet<std::io::Result<()>>,
}

impl Losant {
    async fn start() -> Self {
        let (clock, _) = Clock::manual(NOW.parse().unwrap());
        let simulator = Simulator::new(World::new(WorldConfig::default()), clock);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(simulator::serve(simulator.clone(), listener, std::future::pending()));
        Self { simulator, url, _serving: serving }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{separator}_links=false", self.url);
        let request = http().request(method.parse().unwrap(), url).bearer_auth(self.simulator.token());
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let response = within_patience("an answer", request.send()).await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }
}

/// An action, how it is asked, and what it is to answer with.
type Case = (&'static str, &'static str, String, Option<Value>, u16, &'static str);

fn cases(world: &World) -> Vec<Case> {
    let instance = format!("/instances/{}", world.instances()[0].id());
    let org = format!("{instance}/orgs/{}", world.orgs()[0].id());
    let sandbox = format!("{instance}/sandboxes/{}", world.sandboxes()[0].id());
    let all = "summaryInclude=payloadCount,deviceCount,memberCount,pendingInviteCount,notebookStats,storageStats,appCount";
    let new_org = json!({
        "name": "New", "limits": { "member": 5 }, "tags": [{ "key": "a", "value": "b" }],
        "members": [{ "userId": "0123456789abcdef01234567", "role": "edit" }],
        "banner": { "message": "Hi", "level": "info" },
    });
    let plan =
        json!({ "reportConfigs": [{ "cron": "0 4 1 * *" }], "orgDefaultLimitConfig": { "device": 7 } });
    let change = json!({ "referralId": "R", "banner": { "message": "Hi" }, "disabledAt": true });
    let mut cases: Vec<Case> = vec![
        ("instances.get", "GET", "/instances".to_owned(), None, 200, "instances"),
        ("instance.get", "GET", instance.clone(), None, 200, "instance"),
        ("instance.patch", "PATCH", instance.clone(), Some(plan), 200, "instance"),
        (
            "instance.historicalSummaries",
            "GET",
            format!("{instance}/historicalSummaries?filterField=resourceType&filter=application"),
            None,
            200,
            "historicalSummaries",
        ),
        ("", "GET", format!("{instance}/historicalSummaries"), None, 200, "historicalSummaries"),
        (
            "instance.generateReport",
            "POST",
            format!("{instance}/generateReport"),
            None,
            202,
            "jobEnqueuedResult",
        ),
        ("", "POST", format!("{instance}/generateReport"), Some(json!({})), 429, "error"),
        ("instanceOrgs.get", "GET", format!("{instance}/orgs?{all}"), None, 200, "instanceOrgs"),
        ("", "GET", format!("{instance}/orgs?filterField=name&filter=*"), None, 200, "instanceOrgs"),
        ("instanceOrgs.post", "POST", format!("{instance}/orgs?{all}"), Some(new_org), 200, "org"),
        ("instanceOrg.get", "GET", format!("{org}?{all}"), None, 200, "instanceOrg"),
        ("instanceOrg.patch", "PATCH", org.clone(), Some(change), 200, "instanceOrg"),
        (
            "instanceSandboxes.get",
            "GET",
            format!("{instance}/sandboxes?{all}"),
            None,
            200,
            "instanceSandboxes",
        ),
        (
            "",
            "GET",
            format!("{instance}/sandboxes?includeDeleted=true&limit=3"),
            None,
            200,
            "instanceSandboxes",
        ),
        ("instanceSandbox.get", "GET", format!("{sandbox}?{all}"), None, 200, "instanceSandbox"),
    ];
    let levels = [("instance", &instance), ("instanceOrg", &org), ("instanceSandbox", &sandbox)];
    let counts = [
        ("payloadCounts", "payloadStats"),
        ("payloadCountsBreakdown", "payloadCountsBreakdown"),
        ("deviceCounts", "deviceCounts"),
        ("notebookMinuteCounts", "notebookMinuteCounts"),
    ];
    for (resource, path) in levels {
        for (count, schema) in counts {
            let name: &'static str = format!("{resource}.{count}").leak();
            let range = "start=-172800000&end=0&asBytes=true";
            cases.push((name, "GET", format!("{path}/{count}?{range}"), None, 200, schema));
            cases.push(("", "GET", format!("{path}/{count}?start=soon"), None, 400, "error"));
        }
    }
    cases.extend([
        ("instanceSandbox.delete", "DELETE", sandbox.clone(), Some(json!({})), 200, "success"),
        ("", "GET", sandbox.clone(), None, 200, "instanceSandbox"),
        ("instanceSandbox.undelete", "PATCH", format!("{sandbox}/undelete"), None, 200, "instanceSandbox"),
        ("instanceOrg.delete", "DELETE", org.clone(), None, 200, "success"),
        ("", "GET", org, None, 404, "error"),
        ("", "PUT", instance, None, 405, "error"),
    ]);
    cases
}

#[tokio::test]
async fn every_answer_has_the_keys_and_types_of_its_schema() {
    let losant = Losant::start().await;
    let schemas = vendor_schemas();
    let (mut actions, mut wrong) = (std::collections::BTreeSet::new(), Vec::new());
    for (action, method, path, body, status, schema) in cases(&losant.simulator.world()) {
        let (answered, body) = losant.ask(method, &path, body).await;
        assert_eq!(answered, status, "{method} {path}: {body}");
        wrong
            .extend(problems(schema, &body).into_iter().map(|problem| format!("{method} {path}: {problem}")));
        if let Some(schemas) = &schemas {
            let file = schemas.join(format!("{schema}.json"));
            let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", file.display()));
            let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
            let errors = validator.iter_errors(&body);
            wrong.extend(errors.map(|error| format!("{method} {path}: {}: {error}", error.instance_path)));
        }
        if !action.is_empty() {
            actions.insert(action);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(actions.len(), 26, "{actions:?}");
    let asked = losant.simulator.requests();
    let asked: std::collections::BTreeSet<_> = asked.iter().filter_map(|request| request.action).collect();
    assert_eq!(asked, actions);
}

#[test]
fn the_facts_notice_a_wrong_key_type_or_lack() {
    let success = |body| problems("success", &body);
    assert!(success(json!({ "success": true })).is_empty());
    assert_eq!(success(json!({ "success": "yes" })), ["success.success: \"yes\""]);
    assert_eq!(success(json!({})), ["success.success is missing"]);
    assert_eq!(success(json!({ "success": true, "job": 1 })), ["success.job: 1"]);
    assert!(!problems("payloadStats", &json!({ "timer": 7 })).is_empty());
}

/// The vendor's schema files, if they are here.
fn vendor_schemas() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/losant-schemas");
    let found = folder.is_dir().then_some(folder);
    if found.is_none() {
        eprintln!("SKIPPED, because ../shared/losant-schemas is missing: the vendor's own schemas");
    }
    found
}
