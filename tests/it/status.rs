//! The status page: that it says what the metrics say, to whoever looks for it.

mod browser;
mod scale;

use std::collections::BTreeMap;
use std::time::Duration;

use losant_exporter::config::Config;
use losant_exporter::simulator::{Fault, FaultKind, Route, World, WorldConfig};
use losant_exporter::usage::Collector;
use serde_json::Value;

use crate::test_app::{Setup, TestApp, http, within_patience};

/// What the page shows nothing of: to read it of very many scopes would take long.
const UNSHOWN: [Collector; 4] = [
    Collector::PayloadBytes,
    Collector::NotebookMinuteCounts,
    Collector::Applications,
    Collector::PreviousPeriod,
];

const NOW: &str = "2026-03-17T14:23:45.250Z";

async fn get(app: &TestApp, path: &str) -> (u16, String) {
    let (status, _, body) = app.get(path, "*/*").await;
    (status, body)
}

async fn json(app: &TestApp, query: &str) -> Value {
    let (status, body) = get(app, &format!("/status.json{query}")).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

async fn html(app: &TestApp, query: &str) -> String {
    let (status, body) = get(app, &format!("/{query}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// What a list of scopes says, by their ids.
fn by_id(scopes: &Value) -> BTreeMap<&str, &Value> {
    let scopes = scopes.as_array().expect("a list").iter();
    scopes.map(|scope| (scope["id"].as_str().expect("an id"), scope)).collect()
}

fn names(status: &Value) -> Vec<&str> {
    let scopes = status["scopes"].as_array().expect("a list").iter();
    scopes.filter_map(|scope| scope["name"].as_str()).collect()
}

fn numbers(status: &Value, key: &str) -> Vec<f64> {
    let scopes = status["scopes"].as_array().expect("a list").iter();
    scopes.filter_map(|scope| scope["billable_payloads"][key].as_f64()).collect()
}

#[tokio::test]
async fn every_number_is_the_one_on_the_page_of_metrics() {
    let app = Setup::at(NOW).start().await;
    let (scrape, status, page) = (app.scrape().await, json(&app, "").await, html(&app, "").await);
    let instances = by_id(&status["instances"]);
    let scopes = by_id(&status["scopes"]);
    let exported = |level: &str| scrape.family(&format!("losant_{level}_info")).len();
    assert_eq!(instances.len(), exported("instance"));
    assert_eq!(scopes.len(), exported("org") + exported("sandbox"));
    let families = [
        ("payloads_this_hour", "this_hour", ",billable=\"true\""),
        ("payloads_today", "today", ",billable=\"true\""),
        ("billable_payloads_period", "period", ""),
        ("payload_limit", "limit", ""),
    ];
    let mut compared = 0;
    for (id, scope) in instances.into_iter().chain(scopes) {
        let level = scope["level"].as_str().expect("a level");
        for (family, key, labels) in families {
            let family = format!("losant_{level}_{family}");
            let label = format!("{level}_id=\"{id}\"{labels}");
            let value = scope["billable_payloads"][key].as_f64();
            assert_eq!(value, scrape.value_where(&family, &label), "{family} with {label}");
            if let (Some(value), true) = (value, key != "limit") {
                compared += 1;
                assert!(page.contains(&format!("<data value=\"{value}\">")), "{family} of {id}: {value}");
            }
        }
    }
    assert!(compared >= 60, "{compared}");
}

#[tokio::test]
async fn hours_add_up_to_the_day_and_go_on_for_two_days() {
    let app = Setup::at(NOW).start().await;
    let check = |status: &Value, known: usize| {
        for scope in status["scopes"].as_array().expect("a list") {
            let payloads = &scope["billable_payloads"];
            let hours = payloads["last_48_hours"].as_array().expect("hours");
            assert_eq!(hours.len(), 48);
            // Since midnight, the running hour included.
            let today = hours.iter().rev().take(15).map(|hour| hour.as_f64().expect("an hour")).sum::<f64>();
            assert_eq!(Some(today), payloads["today"].as_f64(), "{scope}");
            assert_eq!(hours[47].as_f64(), payloads["this_hour"].as_f64(), "{scope}");
            let unknown = hours.iter().filter(|hour| hour.is_null()).count();
            // Whoever uses nothing has nothing kept.
            assert!(48 - unknown >= known || today == 0.0, "{scope}");
        }
    };
    // A poll brings yesterday and today.
    let filling = "at first there are yesterday and today";
    assert!(html(&app, "").await.contains(filling));
    check(&json(&app, "").await, 24 + 15);
    for _ in 0..24 {
        app.let_pass(Duration::from_secs(3_600)).await;
    }
    app.poll_now().await;
    check(&json(&app, "").await, 48);
    for _ in 0..24 {
        app.let_pass(Duration::from_secs(3_600)).await;
    }
    assert!(!html(&app, "").await.contains(filling));
}

#[tokio::test]
async fn the_list_is_searched_sorted_filtered_and_paged_by_its_address() {
    let mut setup = Setup::at(NOW);
    setup.world = World::new(WorldConfig { orgs: 130, sandboxes: 3, ..WorldConfig::default() });
    setup.config.polling.disabled_collectors = UNSHOWN.to_vec();
    let app = setup.start().await;
    let first = json(&app, "?sort=today").await;
    assert_eq!((&first["total"], &first["pages"]), (&133.into(), &2.into()));
    let second = json(&app, "?sort=today&page=2").await;
    let mut today = numbers(&first, "today");
    assert_eq!(today.len(), 100);
    today.extend(numbers(&second, "today"));
    assert_eq!(today.len(), 133);
    assert!(today.is_sorted_by(|a, b| a >= b), "{today:?}");
    let ascending = json(&app, "?sort=today&order=asc").await;
    assert!(numbers(&ascending, "today").is_sorted());
    // A page that is not there any more is the last one.
    assert_eq!(json(&app, "?sort=today&page=99").await["scopes"], second["scopes"]);

    let by_name = json(&app, "?sort=name").await;
    let lower: Vec<_> = names(&by_name).iter().map(|name| name.to_lowercase()).collect();
    assert!(lower.is_sorted(), "{lower:?}");
    let share = json(&app, "").await;
    assert!(numbers(&share, "share_of_limit").is_sorted_by(|a, b| a >= b));

    let wanted = names(&by_name)[7].to_owned();
    let found = json(&app, &format!("?q={}", wanted.to_uppercase().replace(' ', "+"))).await;
    assert!(names(&found).contains(&wanted.as_str()), "{wanted} among {:?}", names(&found));
    let id = found["scopes"][0]["id"].as_str().expect("an id");
    assert_eq!(json(&app, &format!("?q={id}")).await["total"], 1);
    assert_eq!(json(&app, "?level=sandbox").await["total"], 3);
    assert_eq!(json(&app, "?state=fresh").await["total"], 133);
    assert_eq!(json(&app, "?state=failing").await["total"], 0);
    assert_eq!(json(&app, "?q=nobody+is+called+that").await["total"], 0);

    // The same in HTML, where links lead on.
    let page = html(&app, "?sort=today&level=org").await;
    assert_eq!(page.matches("<td class=\"hours\"").count(), 100 + 1, "the instance comes first");
    assert!(
        page.contains("aria-sort=\"descending\"><a href=\"?level=org&amp;sort=today&amp;order=asc\">Today")
    );
    assert!(page.contains("<a href=\"?level=org&amp;sort=today&amp;page=2\">Next</a>"));
    assert!(page.contains("1–100 of 130"));
}

#[tokio::test]
async fn an_address_that_is_not_understood_says_what_would_be() {
    let app = Setup::at(NOW).start().await;
    for path in ["/?sort=size", "/status.json?sort=size"] {
        let (status, body) = get(&app, path).await;
        assert_eq!(status, 400);
        assert_eq!(
            body,
            "sort=\"size\" is not understood: it can be name, this_hour, today, period, share or age\n"
        );
    }
}

#[tokio::test]
async fn what_fails_is_said_in_words_beside_those_it_concerns() {
    let app = Setup::at(NOW).start().await;
    let ids = [2, 3].map(|org: usize| app.simulator.world().orgs()[org].id());
    let [bad, good] = ids.map(|id| id.to_string());
    let route = Route { owner: Some(ids[0]), ..Route::action("instanceOrg.deviceCounts") };
    app.simulator.faults().inject(Fault::always(route, FaultKind::HtmlError(502)));
    assert_eq!(app.poll_failing().await, 1);
    assert_eq!(app.poll_failing().await, 1);
    let status = json(&app, "").await;
    let scopes = by_id(&status["scopes"]);
    let problem = &scopes[&*bad]["problems"][0];
    assert_eq!((&problem["collector"], &problem["in_a_row"]), (&"device_counts".into(), &2.into()));
    let words = problem["problem"].as_str().expect("words");
    assert!(words.starts_with("failed with status 502"), "{words}");
    assert_eq!(scopes[&*bad]["state"], "failing");
    assert_eq!(scopes[&*good]["problems"].as_array().map(Vec::len), Some(0));
    assert_eq!(status["counts"]["org"]["failing"], 1);
    let page = html(&app, "?state=failing").await;
    assert!(page.contains("device_counts: failed with status 502"), "{page}");
    assert!(page.contains("(2 times in a row)") && page.contains("<span class=\"tag bad\">failing</span>"));
    assert!(!page.contains(&good));
    assert!(page.contains("<b>1</b> failing org<"), "{page}");

    app.simulator.faults().clear_all();
    app.poll_now().await;
    assert_eq!(json(&app, "").await["counts"]["org"].get("failing"), None);
}

#[tokio::test]
async fn an_account_whose_token_is_refused_says_so() {
    let app = Setup::at(NOW).start().await;
    app.simulator.revoke_token(app.simulator.token());
    app.poll_failing().await;
    let status = json(&app, "").await;
    let account = &status["accounts"][0];
    assert_eq!(account["name"], "default");
    assert_eq!(account["problem"], "Losant does not accept the token");
    assert_eq!(account["token_accepted"], false);
    let page = html(&app, "").await;
    assert!(page.contains("not polled") && page.contains("Losant does not accept the token"));
}

#[tokio::test]
async fn an_account_that_losant_does_not_answer_is_down_and_the_reason_stands_beside_it() {
    let app = Setup::at(NOW).start().await;
    let up = "losant_exporter_account_up{account=\"default\"}";
    assert_eq!(json(&app, "").await["accounts"][0]["up"], true);
    let page = html(&app, "").await;
    assert!(page.contains("<span class=\"tag good\">polled</span>") && !page.contains("account down"));
    app.simulator.faults().inject(Fault::always(Route::everything(), FaultKind::HtmlError(502)));
    app.let_pass(Duration::from_secs(600)).await;
    let account = &json(&app, "").await["accounts"][0];
    assert_eq!((&account["up"], app.scrape().await.value(up)), (&false.into(), Some(0.0)));
    assert!(account["problem"].as_str().is_some_and(|problem| problem.contains("502")), "{account}");
    let page = html(&app, "").await;
    assert!(
        page.contains("<strong class=\"good\">Ready</strong><strong class=\"bad\">1 account down</strong>")
    );
    assert!(page.contains("Losant does not answer as it should: "));
    assert!(!page.contains("<span class=\"tag good\">polled</span>"));
    app.simulator.faults().clear_all();
    app.let_pass(Duration::from_secs(600)).await;
    let account = &json(&app, "").await["accounts"][0];
    assert_eq!((&account["up"], app.scrape().await.value(up)), (&true.into(), Some(1.0)));
    assert_eq!(account.get("problem"), None);
}

#[tokio::test]
async fn before_the_first_answer_nothing_is_said_to_be_without_limit_or_stale() {
    let mut app = Setup::at(NOW).start().await;
    let details = Route::action("instanceOrg.payloadCountsBreakdown");
    app.simulator.faults().inject(Fault::always(details, FaultKind::HtmlError(502)));
    app.restart_unready().await;
    app.let_pass(Duration::from_secs(600)).await;
    let page = html(&app, "?level=org").await;
    assert!(page.contains("<span class=\"tag wait\">not all read yet</span>"), "{page}");
    assert!(!page.contains("<span class=\"tag wait\">stale</span>"), "{page}");
    // Of an instance that itself cannot be read, nobody knows a limit.
    let itself = Route::action("instance.get");
    app.simulator.faults().inject(Fault::always(itself, FaultKind::HtmlError(502)));
    app.restart_unready().await;
    app.let_pass(Duration::from_secs(600)).await;
    let page = html(&app, "").await;
    assert!(page.contains("data-label=\"Of limit\">–</td>") && page.contains("1 account down"), "{page}");
}

#[tokio::test]
async fn whoever_uses_nothing_has_0_and_never_minus_0() {
    let mut setup = Setup::at(NOW);
    setup.world = World::new(WorldConfig { active: Some(0.0), ..WorldConfig::default() });
    let app = setup.start().await;
    let (status, json) = get(&app, "/status.json").await;
    assert_eq!(status, 200);
    assert!(json.contains("\"today\":0.0") && !json.contains(":-0"), "{json}");
    let page = html(&app, "").await;
    assert!(page.contains("<data value=\"0\">0</data>"), "{page}");
    assert!(!page.contains("\"-0\"") && !page.contains(">-0<"), "{page}");
    for accept in ["text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0"] {
        let (_, _, metrics) = app.get("/metrics", accept).await;
        assert!(!metrics.lines().any(|line| line.ends_with(" -0") || line.ends_with(" -0.0")));
    }
}

#[tokio::test]
async fn ages_and_next_polls_are_measured_from_now() {
    let app = Setup::at(NOW).start().await;
    let age_and_next = |status: &Value| {
        let scope = &status["scopes"][0];
        let reads = scope["reads"].as_array().expect("reads").iter();
        let age = |read: &Value| read["age_seconds"].as_u64().expect("an age");
        (reads.map(age).max().expect("a read"), scope["next_poll_in_seconds"].as_u64().expect("a next poll"))
    };
    let (age, next) = age_and_next(&json(&app, "").await);
    assert_eq!(age, 0);
    assert!((1..=300).contains(&next), "{next}");
    // Less than a second before something is asked about that scope again.
    app.let_pass(Duration::from_secs(next)).await;
    assert_eq!(age_and_next(&json(&app, "").await), (next, 0));
}

#[tokio::test]
async fn names_of_sandbox_users_are_there_only_where_the_configuration_asks_for_them() {
    for asked_for in [false, true] {
        let mut setup = Setup::at(NOW);
        setup.config.exposition.sandbox_email = asked_for;
        let app = setup.start().await;
        let email = app.simulator.world().sandboxes()[0].email.clone();
        let page = html(&app, "").await + &json(&app, "").await.to_string();
        assert_eq!(page.contains(&email), asked_for, "{email}");
    }
}

#[tokio::test]
async fn names_cannot_become_markup() {
    let app = Setup::at(NOW).start_unready().await;
    app.simulator.change_world(|world| {
        for (org, name) in browser::HOSTILE_NAMES.iter().enumerate() {
            let id = world.orgs()[org].id();
            (*name).clone_into(&mut world.org_mut(id).expect("an org").name);
        }
    });
    app.poll_now().await;
    let page = html(&app, "?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await + &html(&app, "").await;
    // One script of our own on each page, and nothing else that could run.
    assert_eq!(page.matches("<script").count(), 2);
    for markup in ["<img", "<iframe", "onerror=\"", " onload=\"", "javascript:alert(1)\""] {
        assert!(!page.contains(markup), "{markup}");
    }
}

#[tokio::test]
async fn the_headers_let_the_page_do_nothing_but_show_itself() {
    let app = Setup::at(NOW).start().await;
    let get = |path: &str| http().get(format!("{}{path}", app.url)).send();
    let page = within_patience("the page", get("/")).await.expect("an answer");
    let header = |name: &str| page.headers()[name].to_str().expect("text").to_owned();
    assert!(header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(!header("content-security-policy").contains("unsafe"));
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("cache-control"), "no-store");
    for (path, content_type) in
        [("/status.json", "application/json"), ("/config", "text/plain; charset=utf-8")]
    {
        let answer = within_patience(path, get(path)).await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], content_type);
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn the_configuration_in_force_can_be_read_and_holds_no_token() {
    let mut setup = Setup::at(NOW);
    setup.config.exposition.max_series = Some(123_456);
    let app = setup.start().await;
    let (status, shown) = get(&app, "/config").await;
    assert_eq!(status, 200);
    let read: Config = toml::from_str(&shown).expect("a configuration");
    assert_eq!(read.exposition.max_series, Some(123_456));
    assert_eq!(read.accounts["default"].base_url, app.losant);
    let token = app.simulator.token();
    let all = shown + &html(&app, "").await + &json(&app, "").await.to_string();
    assert!(!all.contains(token));
}

#[tokio::test]
async fn without_the_status_page_there_is_the_landing_page() {
    let mut setup = Setup::at(NOW);
    setup.config.web.disable_status = true;
    let app = setup.start().await;
    let landing = html(&app, "").await;
    assert!(landing.contains("<strong>Ready</strong>"));
    let org = app.simulator.world().orgs()[0].name.clone();
    assert!(!landing.contains(&org));
    for path in ["/status.json", "/config"] {
        assert_eq!(get(&app, path).await, (404, "Not found. The start page is at /\n".to_owned()));
    }
}
