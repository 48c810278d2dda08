//! What a reader of `/metrics` sees, in both formats.

use std::io::Write as _;
use std::process::{Command, Stdio};

use losant_exporter::simulator::Stream;

use crate::components;
use crate::scrape::{Scrape, series, without_empty_labels};
use crate::test_app::{Setup, TestApp};

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";
const NASTY_NAME: &str = "\"Größe\" \\ of\nline two, {x=\"y\"} # 日本 🚀";

/// A world with everything that is awkward to write down.
async fn nasty_app() -> TestApp {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start_unready().await;
    app.simulator.change_world(|world| {
        let id = world.orgs()[0].id();
        let org = world.org_mut(id).expect("an org");
        NASTY_NAME.clone_into(&mut org.name);
        org.activity.streams.push(Stream::new("quantumState", "satellite", 9_000, 64));
    });
    app.poll_now().await;
    app
}

#[tokio::test]
async fn a_name_with_quotes_backslash_newline_and_foreign_letters_survives_both_formats() {
    let app = nasty_app().await;
    let world = app.simulator.world();
    let org = &world.orgs()[0];
    let ids = [("instance_id", &*org.instance().to_string()), ("org_id", &*org.id().to_string())];
    let info = series("losant_org_info", &[ids[0], ids[1], ("name", NASTY_NAME)]);
    assert_eq!(app.scrape().await.value(&info), Some(1.0), "{info}");
    let (_, _, openmetrics) = app.get("/metrics", OPENMETRICS).await;
    let openmetrics = without_empty_labels(&openmetrics);
    assert!(openmetrics.lines().any(|line| line == format!("{info} 1")), "{info}");
}

#[tokio::test]
async fn an_unknown_payload_type_and_a_source_without_a_dot_appear_as_they_are() {
    let app = nasty_app().await;
    let scrape = app.scrape().await;
    let labels = "payload_type=\"quantumState\",source=\"satellite\"";
    let shown = scrape.value_where("losant_org_payloads_period", labels).expect("the series");
    assert!(shown > 0.0);
    assert!(scrape.value_where("losant_instance_payloads_period", labels).expect("the series") >= shown);
}

#[tokio::test]
async fn both_formats_show_the_same_series() {
    let app = nasty_app().await;
    let (_, _, openmetrics) = app.get("/metrics", OPENMETRICS).await;
    let usage = |lines: &str| -> Vec<String> {
        let of_usage = |line: &&str| line.starts_with("losant_") && !line.starts_with("losant_exporter_");
        let mut lines: Vec<_> = lines.lines().filter(of_usage).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let (_, _, text) = app.get("/metrics", "text/plain").await;
    assert!(usage(&text).len() > 800);
    assert_eq!(usage(&text), usage(&openmetrics));
}

#[tokio::test]
async fn the_format_is_the_one_that_is_asked_for() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let (_, content_type, body) = app.get("/metrics", prometheus).await;
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(body.ends_with("# EOF\n"));
    let (_, content_type, body) = app.get("/metrics", "*/*").await;
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(!body.contains("# EOF"));
}

#[tokio::test]
async fn no_person_is_named_unless_the_configuration_asks_for_it() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    let world = app.simulator.world();
    let (_, _, body) = app.get("/metrics", "text/plain").await;
    for user in world.sandboxes() {
        for personal in [&user.email, &user.last_name] {
            assert!(!body.contains(personal.as_str()), "{personal}");
        }
    }
    let mut setup = Setup::at("2026-03-17T14:23:45.250Z");
    setup.config.exposition.sandbox_email = true;
    let asked_for = setup.start().await.scrape().await;
    let user = world.sandboxes().iter().find(|user| !user.is_marked(app.clock.now())).expect("a sandbox");
    let label = format!("email=\"{}\"", user.email);
    assert_eq!(asked_for.value_where("losant_sandbox_info", &label), Some(1.0));
}

#[tokio::test]
async fn the_parsers_of_others_accept_both_formats() {
    let app = nasty_app().await;
    let (_, _, text) = app.get("/metrics", "text/plain").await;
    let (_, _, openmetrics) = app.get("/metrics", OPENMETRICS).await;
    Scrape::parse(&text);
    openmetrics_parser::openmetrics::parse_openmetrics(&openmetrics).expect("openmetrics-parser accepts it");
    openmetrics_parser::prometheus::parse_prometheus(&text).expect("openmetrics-parser accepts it");
    if let Some(promtool) = components::program("promtool") {
        let (status, output) = feed(Command::new(promtool).args(["check", "metrics"]), &text);
        assert_eq!((status, output.as_str()), (Some(0), ""), "promtool check metrics");
    }
    if let Some(python) = components::python() {
        let script = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as f\n\
                      print(sum(len(m.samples) for m in f(sys.stdin.read())))";
        let (status, output) = feed(Command::new(python).args(["-c", script]), &openmetrics);
        assert_eq!(status, Some(0), "{output}");
        assert!(output.trim().parse::<usize>().expect("a number of samples") > 1_000, "{output}");
    }
}

/// Runs a program on `input`. Returns its exit code and everything it printed.
fn feed(command: &mut Command, input: &str) -> (Option<i32>, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
}
