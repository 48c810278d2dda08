//! `losant-exporter rules`: what it lists and writes, and what it says of rules and a running exporter.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use losant_exporter::rules::{Kind, RuleFile, SHIPPED};

use crate::test_app::{Setup, TestApp};

/// A folder with rule files, and the program in an otherwise empty environment.
struct Desk(tempfile::TempDir);

/// What the program did.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    out: String,
    complaint: String,
}

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn rules(&self, args: &[&str]) -> Done {
        self.rules_with(args, "")
    }

    fn rules_with(&self, args: &[&str], input: &str) -> Done {
        let mut child = Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
            .arg("rules")
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("standard input");
        // Who does not read it may be gone.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it runs");
        let text = |bytes| {
            let text = String::from_utf8(bytes).expect("text");
            text.replace(&self.0.path().display().to_string(), "FOLDER")
        };
        Done { code: output.status.code(), out: text(output.stdout), complaint: text(output.stderr) }
    }

    /// Checks the shipped rules, one of the files altered, and the rule files that are given beside them.
    fn check_altered(&self, app: &TestApp, altered: &str, from: &str, to: &str) -> Done {
        let mut args = vec!["--check".to_owned(), format!("--metrics={}/metrics", app.url)];
        for file in SHIPPED {
            let text = if file.name == altered {
                assert!(file.text.contains(from), "{altered} has no {from}");
                file.text.replace(from, to)
            } else {
                file.text.to_owned()
            };
            self.file(file.name, &text);
            args.push(format!("--rule-file={}", file.name));
        }
        self.rules(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

impl Done {
    /// The complaint, which must be all, in one line, with the exit code of what was not begun.
    fn refusal(&self) -> &str {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!((self.out.as_str(), self.complaint.lines().count()), ("", 1), "{self:?}");
        self.complaint.trim_end()
    }

    /// The lines about rules that lack something.
    fn lacking(&self) -> Vec<&str> {
        assert_eq!((self.code, self.complaint.as_str()), (Some(1), ""), "{self:?}");
        self.out
            .lines()
            .filter(|line| !line.contains("no series now") && !line.contains(" rules, "))
            .collect()
    }
}

async fn ordinary() -> TestApp {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    // The page is made by then.
    app.scrape().await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_exporter_has_what_the_shipped_rules_need() {
    let app = ordinary().await;
    let desk = Desk::new();
    let authority = app.url.strip_prefix("http://").expect("http");
    desk.file("config.toml", &format!("[web]\nlisten_addresses = [{authority:?}]\n"));
    // Without a word about the page it is that of the configuration, for which no token is needed.
    let done = desk.rules(&["--check"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let sum = done.out.lines().last().expect("a sum");
    assert!(sum.contains(" rules, ") && sum.contains(" series they need: all "), "{done:?}");
    // Nothing is said of others than those that have no series now.
    assert!(done.out.lines().rev().skip(1).all(|line| line.contains("no series now")), "{done:?}");
    // A file and standard input do as well, in either format.
    let (_, _, openmetrics) = app.get("/metrics", "application/openmetrics-text;version=1.0.0").await;
    assert!(openmetrics.ends_with("# EOF\n"), "OpenMetrics");
    desk.file("page.txt", &openmetrics);
    assert_eq!(desk.rules(&["--check", "--metrics=page.txt"]).out, done.out);
    assert_eq!(desk.rules_with(&["--check", "--metrics=-"], &openmetrics).out, done.out);
    // All rules are listed on request.
    let verbose = desk.rules(&["--check", "--verbose"]);
    assert_eq!(verbose.code, Some(0), "{verbose:?}");
    for file in SHIPPED {
        for rule in RuleFile::read(file.name, file.text).expect("rules").rules {
            let line = format!("{}:{}: {}: ", file.name, rule.line, rule.name);
            assert!(verbose.out.lines().any(|said| said.starts_with(&line)), "{line}");
        }
    }
    assert!(verbose.out.contains("\n    losant_up: 1 series\n"), "{}", verbose.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_the_configuration_leaves_out_is_named() {
    let mut setup = Setup::at("2026-03-17T14:23:45.250Z");
    setup.config.exposition.source_label = false;
    let app = setup.start().await;
    app.scrape().await;
    let desk = Desk::new();
    let rule = |expr: &str| format!("groups:\n- name: g\n  rules:\n  - alert: BySource\n    expr: {expr}\n");
    desk.file("by.yaml", &rule("sum by (org_id, source) (losant_org_payloads_period) > 1e9"));
    desk.file("with.yaml", &rule("losant_org_payloads_period{source=\"device.mqtt\"} > 1e9"));
    let email = "losant_sandbox_devices * on (sandbox_id) group_left (email) losant_sandbox_info > 1e9";
    desk.file("email.yaml", &rule(email));
    let metrics = format!("--metrics={}/metrics", app.url);
    let check = |file: &str| desk.rules(&["--check", &metrics, "--rule-file", file]);
    insta::assert_snapshot!(["by.yaml", "with.yaml", "email.yaml"].map(|file| check(file).out).concat(), @r"
    by.yaml:4: BySource: missing label source on losant_org_payloads_period (it takes exposition.source_label = true)
    1 rule, 1 series it needs: 1 rule lacks something.
    with.yaml:4: BySource: missing label source on losant_org_payloads_period (it takes exposition.source_label = true)
    1 rule, 1 series it needs: 1 rule lacks something.
    email.yaml:4: BySource: missing label email on losant_sandbox_info (it takes exposition.sandbox_email = true)
    1 rule, 2 series it needs: 1 rule lacks something.
    ");
    assert_eq!(check("by.yaml").code, Some(1));
    // The shipped rules do without it.
    assert_eq!(desk.rules(&["--check", &metrics]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_renamed_in_a_rule_file_is_named_with_file_and_rule() {
    let (app, desk) = (ordinary().await, Desk::new());
    // Lines of files move.
    let without_line = |said: &str| {
        let mut parts = said.splitn(3, ':');
        let (file, rest) = (parts.next().expect("a file"), parts.nth(1).expect("a rule"));
        format!("{file}:{rest}\n")
    };
    let lacking = |altered: &str, from: &str, to: &str| {
        let done = desk.check_altered(&app, altered, from, to);
        done.lacking().into_iter().map(without_line).collect::<String>()
    };
    let limit = "max by (instance_id) (losant_instance_payload_limit)";
    let threshold = "losant:limit_near_ratio:threshold";
    insta::assert_snapshot!(
        [
            lacking("losant-org.yaml", "(losant_org_devices)", "(losant_org_device)"),
            lacking("losant-org.yaml", "(losant_org_devices)", "(losant_sandbox_devices)"),
            lacking("losant-instance.yaml", limit, &limit.replace("instance_id", "id")),
            lacking("losant-thresholds.yaml", threshold, "losant:limit_close_ratio:threshold"),
        ]
        .join("\n"),
        @r"
        losant-org.yaml: losant_org:devices:max: unknown family losant_org_device; did you mean losant_org_devices?

        losant-org.yaml: losant_org:devices:max: missing label org_id on losant_sandbox_devices

        losant-instance.yaml: losant_instance:payload_limit:max: missing label id on losant_instance_payload_limit
        losant-instance.yaml: losant_instance:payloads_hour:limit_share: missing label instance_id on losant_instance:payload_limit:max
        losant-instance.yaml: losant_instance:payloads_burn:ratio: missing label instance_id on losant_instance:payload_limit:max

        losant-instance.yaml: LosantInstanceLimitNear: not recorded: no rule records losant:limit_near_ratio:threshold; the shipped losant-thresholds.yaml does
        losant-org.yaml: LosantOrgLimitNear: not recorded: no rule records losant:limit_near_ratio:threshold; the shipped losant-thresholds.yaml does
        losant-sandbox.yaml: LosantSandboxLimitNear: not recorded: no rule records losant:limit_near_ratio:threshold; the shipped losant-thresholds.yaml does
        losant-exporter.yaml: LosantThresholdMissing: not recorded: no rule records losant:limit_near_ratio:threshold; the shipped losant-thresholds.yaml does
        "
    );
    // Rules that build on shipped ones need these beside them.
    desk.file(
        "own.yaml",
        "groups:\n- name: g\n  rules:\n  - alert: Own\n    expr: losant_org:devices:max > 9\n",
    );
    let metrics = format!("--metrics={}/metrics", app.url);
    let alone = desk.rules(&["--check", &metrics, "--rule-file=own.yaml"]);
    insta::assert_snapshot!(alone.out, @r"
    own.yaml:4: Own: not recorded: no rule records losant_org:devices:max; the shipped losant-org.yaml does
    1 rule, 1 series it needs: 1 rule lacks something.
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_with_url_or_file_and_line() {
    let desk = Desk::new();
    let app = ordinary().await;
    let port = app.url.rsplit(':').next().expect("a port").to_owned();
    desk.file("broken.yaml", "groups:\n- name: g\n  rules:\n  - alert: A\n    expression: up\n");
    desk.file("expr.yaml", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum by (up\n");
    desk.file("other.txt", "node_load1 0.5\n");
    desk.file("page.html", "# no page\n<!doctype html>\n");
    let (elsewhere, free) =
        (answering("HTTP/1.1 302 Found\r\nlocation: /metrics\r\ncontent-length: 0\r\n\r\n"), free_port());
    let refusal = |args: &[&str]| {
        let done = desk.rules(&[&["--check"], args].concat());
        let refusal = done.refusal().replace(&port, "PORT");
        format!("{}\n", refusal.replace(&elsewhere.to_string(), "OTHER").replace(&free.to_string(), "FREE"))
    };
    insta::assert_snapshot!(
        [
            refusal(&[&format!("--metrics=http://127.0.0.1:{free}/metrics")]),
            refusal(&[&format!("--web.listen-address=:{free}")]),
            refusal(&["--web.listen-address=:0"]),
            refusal(&[&format!("--metrics={}/nowhere", app.url)]),
            refusal(&[&format!("--metrics=http://127.0.0.1:{elsewhere}/moved")]),
            refusal(&[&format!("--metrics={}/", app.url)]),
            refusal(&["--metrics=http://me:secret@127.0.0.1/metrics"]),
            refusal(&["--metrics=missing.txt"]),
            refusal(&["--metrics=other.txt"]),
            refusal(&["--metrics=page.html"]),
            refusal(&["--rule-file=missing.yaml"]),
            refusal(&["--rule-file=broken.yaml"]),
            refusal(&["--rule-file=expr.yaml"]),
            refusal(&["--config.file=missing.toml"]),
        ]
        .concat(),
        @r"
        losant-exporter: http://127.0.0.1:FREE/metrics: cannot connect: Connection refused (os error 111)
        losant-exporter: http://127.0.0.1:FREE/metrics: cannot connect: Connection refused (os error 111); --metrics names another page, or a file, or - for what `curl` reads where it takes a certificate or a password
        losant-exporter: nobody knows the port that the system chooses; give the page with --metrics
        losant-exporter: http://127.0.0.1:PORT/nowhere: answered 404 Not Found
        losant-exporter: http://127.0.0.1:OTHER/moved: answered 302 Found
        losant-exporter: http://127.0.0.1:PORT/: line 1: is not a sample; this is no page of metrics
        losant-exporter: flag --metrics: a URL with a user or password would be shown; read the page with a client of your own
        losant-exporter: missing.txt: No such file or directory (os error 2)
        losant-exporter: other.txt: not the page of a losant-exporter: it has no losant_exporter_build_info
        losant-exporter: page.html: line 2: is not a sample; this is no page of metrics
        losant-exporter: missing.yaml: No such file or directory (os error 2)
        losant-exporter: broken.yaml:5: unknown field `expression`, expected one of alert, record, expr, for, keep_firing_for, labels, annotations
        losant-exporter: expr.yaml:5: A: expr: unclosed left parenthesis
        losant-exporter: missing.toml: No such file or directory (os error 2)
        "
    );
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    for args in [
        &["--check", "--output=rules"][..],
        &["--force"],
        &["--rule-file=a.yaml"],
        &["--metrics=-"],
        &["--verbose"],
        &["--dashboard-url=https://grafana.example.org"],
        &["--output=rules", "--dashboard-url=grafana"],
        &["--output=rules", "--runbook-url=https://example.org/a b"],
    ] {
        let done = Desk::new().rules(args);
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{done:?}");
        assert!(done.complaint.starts_with("error: "), "{done:?}");
    }
}

#[test]
fn the_alerts_are_listed() {
    let done = Desk::new().rules(&[]);
    assert_eq!((done.code, done.complaint.as_str()), (Some(0), ""));
    let alerts = SHIPPED.iter().flat_map(|file| RuleFile::read(file.name, file.text).expect("rules").rules);
    let alerts: Vec<_> = alerts.filter(|rule| rule.kind == Kind::Alert).map(|rule| rule.name).collect();
    let mut lines = done.out.lines();
    assert_eq!(
        lines.next().expect("headings").split_whitespace().collect::<Vec<_>>(),
        ["ALERT", "SEVERITY", "FOR", "SUMMARY"]
    );
    let listed: Vec<_> = lines.map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(listed, alerts);
    assert!(!done.out.contains("{{"), "{}", done.out);
}

#[test]
fn the_shipped_files_are_written_with_links_of_ones_own_and_never_over_others() {
    let desk = Desk::new();
    let read =
        |name: &str| std::fs::read_to_string(desk.0.path().join("a/rules").join(name)).expect("a file");
    let done = desk.rules(&["--output=a/rules"]);
    assert_eq!((done.code, done.complaint.as_str()), (Some(0), ""));
    assert_eq!(done.out.lines().count(), SHIPPED.len());
    for file in SHIPPED {
        assert_eq!(read(file.name), file.text);
        assert!(done.out.contains(&Path::new("a/rules").join(file.name).display().to_string()), "{done:?}");
    }
    let again = [
        "--output=a/rules",
        "--dashboard-url=https://g.example.org/",
        "--runbook-url=https://r.example.org/x",
    ];
    let done = desk.rules(&again);
    assert!(done.refusal().contains("a/rules/losant-org.yaml"), "{done:?}");
    assert!(done.refusal().contains("nothing was written; --force overwrites"), "{done:?}");
    assert_eq!(
        read("losant-org.yaml"),
        SHIPPED.iter().find(|file| file.name == "losant-org.yaml").unwrap().text
    );
    let done = desk.rules(&[&again[..], &["--force"]].concat());
    assert_eq!((done.code, done.complaint.as_str()), (Some(0), ""));
    for file in SHIPPED {
        for rule in RuleFile::read(file.name, &read(file.name)).expect("rules").rules {
            for (key, base) in
                [("dashboard_url", "https://g.example.org/"), ("runbook_url", "https://r.example.org/x/")]
            {
                let link = rule.annotations.get(key);
                assert!(
                    rule.kind == Kind::Record || link.is_some_and(|link| link.starts_with(base)),
                    "{link:?}"
                );
            }
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let desk = Desk::new();
    desk.file("taken", "");
    let done = desk.rules(&["--output=taken"]);
    assert!(done.refusal().contains("taken"), "{done:?}");
}

/// A port on which one request gets this answer.
fn answering(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(answer.as_bytes());
    });
    port
}

/// A port on which nobody listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    listener.local_addr().expect("an address").port()
}
