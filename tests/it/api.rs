//! `losant-exporter api`: any action by hand, and nothing that was not meant.

use std::io::{Read, Write as _};
use std::net::TcpListener as StdListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use losant_exporter::clock::Clock;
use losant_exporter::simulator::{self, Fault, FaultKind, Route, Simulator, World, WorldConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::test_app::Setup;

const TOKEN: &str = "hunter2.hunter2.hunter2";
const INSTANCE: &str = "aaaaaaaaaaaaaaaaaaaaaaaa";
const ORG: &str = "bbbbbbbbbbbbbbbbbbbbbbbb";

/// What the program did.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    out: String,
    complaint: String,
}

impl Done {
    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.complaint);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The complaint, which must be one line and come with this exit code.
    fn refused(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!((self.out.as_str(), self.complaint.lines().count()), ("", 1), "{self:?}");
        self.complaint.trim_end()
    }
}

/// A configuration, and the program in an otherwise empty environment.
struct Desk {
    folder: tempfile::TempDir,
    token: String,
}

impl Desk {
    fn new(base_url: &str, token: &str, instances: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "[accounts.acme]\nbase_url = \"{base_url}\"\ninstances = {instances:?}\nrequests_per_second = 1000\n\
             burst = 1000\nmax_attempts = 3\n"
        );
        std::fs::write(folder.path().join("config.toml"), config).expect("a file");
        Self { folder, token: token.to_owned() }
    }

    fn api(&self, args: &[&str]) -> Done {
        self.api_with(args, "")
    }

    fn api_with(&self, args: &[&str], input: &str) -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_losant-exporter"));
        command.arg("api").args(args).current_dir(self.folder.path()).env_clear().env("COLUMNS", "100");
        if !self.token.is_empty() {
            command.env("LOSANT_API_TOKEN", &self.token);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("standard input");
        // Who does not read it may be gone.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let done =
            Done { code: output.status.code(), out: text(output.stdout), complaint: text(output.stderr) };
        let secret = self.token.as_str();
        assert!(secret.is_empty() || !format!("{done:?}").contains(secret), "the token is shown: {done:?}");
        done
    }
}

/// A simulated Losant on this machine.
struct Losant {
    simulator: Simulator,
    url: String,
    instance: String,
    _task: JoinSet<std::io::Result<()>>,
}

impl Losant {
    async fn start() -> Self {
        let clock = Clock::system();
        let simulator = Simulator::new(World::new(WorldConfig::demo(clock.now())), clock);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let instance = simulator.world().instances()[0].id().to_string();
        let mut task = JoinSet::new();
        task.spawn(simulator::serve(simulator.clone(), listener, std::future::pending()));
        Self { simulator, url, instance, _task: task }
    }

    fn desk(&self) -> Desk {
        Desk::new(&self.url, self.simulator.token(), &[&self.instance])
    }

    fn org(&self) -> String {
        self.simulator.world().orgs()[0].id().to_string()
    }

    fn sandbox(&self) -> String {
        self.simulator.world().sandboxes()[0].id().to_string()
    }
}

/// A server that answers every request with the same bytes, and remembers what it was sent.
struct Parrot {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Parrot {
    fn saying(answer: &'static str) -> Self {
        let listener = StdListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
                while !is_whole(&String::from_utf8_lossy(&said)) {
                    match stream.read(&mut chunk) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => said.extend_from_slice(&chunk[..count]),
                    }
                }
                ears.lock().expect("no panic").push(String::from_utf8_lossy(&said).into_owned());
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").clone()
    }

    fn desk(&self) -> Desk {
        Desk::new(&self.url, TOKEN, &[INSTANCE])
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_that_the_simulator_serves_can_be_called_by_hand() {
    let losant = Losant::start().await;
    let desk = losant.desk();
    let (org, sandbox) = (losant.org(), losant.sandbox());
    let (of_org, of_sandbox) = (["--org", org.as_str()], ["--sandbox", sandbox.as_str()]);
    assert_eq!(desk.api(&["instances.get"]).json()["items"][0]["id"], losant.instance);
    assert_eq!(desk.api(&["instance.get"]).json()["id"], losant.instance);
    assert_eq!(desk.api(&[&["instanceOrg.get"][..], &of_org].concat()).json()["id"], org);
    assert_eq!(desk.api(&[&["instanceSandbox.get"][..], &of_sandbox].concat()).json()["id"], sandbox);
    let range = ["--param", "start=-2d", "--param", "end=now"];
    for (resource, ids) in
        [("instance", &[][..]), ("instanceOrg", &of_org[..]), ("instanceSandbox", &of_sandbox[..])]
    {
        for count in ["payloadCounts", "payloadCountsBreakdown", "deviceCounts", "notebookMinuteCounts"] {
            let action = format!("{resource}.{count}");
            let args = [&[action.as_str()], ids, &range].concat();
            let body = desk.api(&args).json();
            assert!(body.get("counts").is_some() || count == "payloadCounts", "{action}: {body}");
            let table = desk.api(&[&args[..], &["--output", "table"]].concat());
            assert_eq!(table.code, Some(0), "{}", table.complaint);
            assert!(table.out.starts_with("DATE ") || table.out.starts_with("TYPE "), "{}", table.out);
        }
    }
    for request in losant.simulator.requests() {
        assert_eq!((request.method.as_str(), request.status), ("GET", Some(200)), "{request:?}");
        if let Some(start) = request.query_value("start") {
            let span =
                request.query_value("end").unwrap().parse::<i64>().unwrap() - start.parse::<i64>().unwrap();
            assert_eq!(span, 2 * 86_400_000, "both ends, absolute, and from one moment");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_become_one_list_by_page_and_by_cursor() {
    let losant = Losant::start().await;
    let desk = losant.desk();
    let world = losant.simulator.world();
    for (action, size, all) in [
        (["instanceOrgs.get", "--param", "sortField=id"], "perPage=5", world.orgs().len()),
        (["instanceSandboxes.get", "--param", "includeDeleted=true"], "limit=3", world.sandboxes().len()),
    ] {
        let args = [&action[..], &["--param", size]].concat();
        let action = action[0];
        let one = desk.api(&args).json();
        let whole = desk.api(&[&args[..], &["--all-pages"]].concat()).json();
        assert!(one["items"].as_array().unwrap().len() < all, "{action}");
        let mut ids: Vec<_> =
            whole["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), whole["count"].as_u64()), (all, Some(all as u64)), "{action}");
        assert_ne!(whole["hasMore"], json!(true), "{action}");

        let table = desk.api(&[&args[..], &["--output=table"]].concat());
        assert!(table.complaint.contains("--all-pages shows the rest"), "{table:?}");
        let table = desk.api(&[&args[..], &["--output=table", "--all-pages"]].concat());
        assert_eq!((table.out.lines().count(), table.complaint.as_str()), (all + 1, ""));
    }
    let done = desk.api(&["instanceOrgs.get", "--all-pages", "--param", "page=1"]);
    assert!(done.refused(2).contains("page picks one page"), "{done:?}");
    let done = desk.api(&["instance.get", "--all-pages"]);
    assert!(done.refused(2).contains("has no pages"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_losant_are_one_line_with_a_hint_and_exit_code_1() {
    let losant = Losant::start().await;
    let desk = losant.desk();
    let org = losant.org();
    let said = |done: &Done| {
        done.refused(1)
            .replace(&losant.instance, "INSTANCE")
            .replace(&org, "THE-ORG")
            .replace(&losant.url, "URL")
    };
    let stranger = Desk::new(&losant.url, TOKEN, &[&losant.instance]);
    let nowhere = Desk::new("http://127.0.0.1:1", TOKEN, &[&losant.instance]);
    let mut lines = vec![
        said(&desk.api(&["instanceOrg.get", "--org", ORG])),
        said(&desk.api(&["instance.get", "--instance", INSTANCE])),
        said(&desk.api(&["instanceOrg.get", "--org", ORG, "--instance", INSTANCE])),
        said(&desk.api(&["instance.payloadCounts", "--param", "start=now", "--param", "end=-1d"])),
        said(&stranger.api(&["instance.get"])),
    ];
    let connect = said(&nowhere.api(&["instance.get"]));
    assert!(connect.contains("cannot connect") && connect.contains("base_url of account acme"), "{connect}");
    let forbidden =
        FaultKind::Status { status: 403, kind: "Forbidden".to_owned(), message: "Forbidden".to_owned() };
    for kind in [forbidden, FaultKind::HtmlError(502), FaultKind::EmptyBody(413)] {
        losant.simulator.faults().inject(Fault::always(Route::everything(), kind));
        lines.push(said(&desk.api(&["instance.get"])));
        losant.simulator.faults().clear_all();
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn wrong_usage_is_one_line_with_exit_code_2_and_sends_nothing() {
    let parrot = Parrot::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    let desk = parrot.desk();
    std::fs::write(desk.folder.path().join("broken.json"), "{").expect("a file");
    let refused = |args: &[&str]| desk.api(args).refused(2).to_owned();
    let lines = [
        refused(&["instanceOrg.get"]),
        refused(&["instance.get", "--sandbox", ORG]),
        refused(&["instance.payloadCounts", "--param", "strat=-7d"]),
        refused(&["instance.payloadCounts", "--param", "start=last week"]),
        refused(&["instance.payloadCountsBreakdown", "--param", "resolution=60000"]),
        refused(&["instance.get", "--output", "table"]),
        refused(&["instance.get", "--account", "other"]),
        refused(&["instance.patch", "--yes"]),
        refused(&["instance.patch", "--yes", "--body", "nowhere.json"]),
        refused(&["instance.patch", "--yes", "--body", "broken.json"]),
        refused(&["instance.get", "--body", "-"]),
    ];
    insta::assert_snapshot!(lines.join("\n"));
    let typo = desk.api(&["instanceOrgs.gett"]);
    assert_eq!(typo.code, Some(2));
    assert!(typo.complaint.contains("did you mean instanceOrgs.get?"), "{typo:?}");
    assert_eq!(desk.api(&[]).code, Some(2));
    assert_eq!(parrot.heard(), [] as [&str; 0]);
}

#[test]
fn a_write_without_yes_says_what_it_would_do_and_sends_nothing() {
    let parrot = Parrot::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    let desk = parrot.desk();
    let patch = ["instanceOrg.patch", "--org", ORG, "--body", "-"];
    let done = desk.api_with(&patch, r#"{ "name": "New" }"#);
    insta::assert_snapshot!(done.refused(2).replace(&parrot.url, "URL"));
    // Nothing is sent, so no token is needed.
    let without_token = Desk { token: String::new(), ..parrot.desk() };
    for desk in [&desk, &without_token] {
        let dry = desk.api_with(&[&patch[..], &["--dry-run", "--yes"]].concat(), r#"{ "name": "New" }"#);
        assert_eq!((dry.code, dry.complaint.as_str()), (Some(0), ""));
        insta::assert_snapshot!("dry_run", dry.out.replace(&parrot.url, "URL"));
    }
    let delete = desk.api(&["instanceOrg.delete", "--org", ORG, "--dry-run"]);
    assert!(delete.out.starts_with("DELETE http://") && delete.out.lines().count() == 1, "{delete:?}");
    assert_eq!(parrot.heard(), [] as [&str; 0]);
}

#[test]
fn a_write_with_yes_is_sent_as_it_was_announced() {
    let parrot = Parrot::saying(
        "HTTP/1.1 202 Accepted\r\ncontent-length: 16\r\nconnection: close\r\n\r\n{\"success\":true}",
    );
    let desk = parrot.desk();
    let report = desk.api_with(
        &["instance.generateReport", "--yes", "--body", "-", "--log.level=trace"],
        r#"{ "dateGroupBy": "day" }"#,
    );
    assert_eq!((report.code, report.out.as_str()), (Some(0), "{\n  \"success\": true\n}\n"), "{report:?}");
    assert_eq!(desk.api(&["instanceOrg.delete", "--org", ORG, "--yes"]).json(), json!({ "success": true }));
    let restored = desk.api(&["instanceSandbox.undelete", "--sandbox", ORG, "--yes"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let heard = parrot.heard();
    let lines: Vec<_> = heard.iter().map(|request| request.lines().next().unwrap_or_default()).collect();
    let extras = "_links=false&_embedded=false&_actions=false HTTP/1.1";
    assert_eq!(
        lines,
        [
            format!("POST /instances/{INSTANCE}/generateReport?{extras}"),
            format!("DELETE /instances/{INSTANCE}/orgs/{ORG}?{extras}"),
            format!("PATCH /instances/{INSTANCE}/sandboxes/{ORG}/undelete?{extras}"),
        ]
    );
    assert!(heard[0].contains("content-type: application/json"), "{}", heard[0]);
    assert!(heard[0].ends_with("\r\n\r\n{\"dateGroupBy\":\"day\"}"), "{}", heard[0]);
    assert!(!heard[1].contains("content-type"), "{}", heard[1]);
}

#[test]
fn a_write_that_fails_is_never_sent_again_and_a_read_is() {
    for answer in [
        "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 429 Too Many\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\nconnection: close\r\n\r\n{",
        "",
    ] {
        let parrot = Parrot::saying(answer);
        let done = parrot.desk().api(&["instanceOrg.delete", "--org", ORG, "--yes"]);
        let complaint = done.refused(1);
        assert_eq!(parrot.heard().len(), 1, "{complaint}");
        let refused = answer.contains(" 429 ") || answer.contains(" 401 ");
        assert_eq!(complaint.contains("nobody knows whether it was done"), !refused, "{complaint}");
    }
    let parrot = Parrot::saying("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let done = parrot.desk().api(&["instance.get"]);
    assert!(done.refused(1).contains("status 502"), "{done:?}");
    assert_eq!(parrot.heard().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_shown_at_no_level_and_a_refused_one_is_named_by_its_place() {
    let losant = Losant::start().await;
    let stranger = Desk::new(&losant.url, TOKEN, &[&losant.instance]);
    for level in ["error", "info", "trace"] {
        // `api` itself looks for the token in all that is printed.
        let flag = format!("--log.level={level}");
        assert_eq!(losant.desk().api(&["instance.get", &flag]).code, Some(0));
        let done = stranger.api(&["instance.get", &flag]);
        assert_eq!(done.code, Some(1));
        assert!(done.complaint.contains("environment variable LOSANT_API_TOKEN"), "{done:?}");
    }
}

#[test]
fn the_list_and_the_help_say_everything() {
    let desk = Desk::new("http://127.0.0.1:1", "", &[]);
    insta::assert_snapshot!("api_help", desk.api(&["--help"]).out);
    let list = desk.api(&["--list"]);
    assert_eq!((list.code, list.complaint.as_str()), (Some(0), ""));
    assert_eq!(list.out.matches("Scopes, one of").count(), 26);
    assert_eq!(list.out.matches("(needs --yes)").count(), 7);
    let sandboxes = list.out.split("\n\n").find(|part| part.starts_with("instanceSandboxes.get"));
    insta::assert_snapshot!("api_list_part", sandboxes.expect("it is listed"));
}

#[tokio::test]
async fn a_daemon_that_runs_every_collector_only_reads() {
    let app = Setup::at("2026-03-17T14:23:45.250Z").start().await;
    app.hand.advance(std::time::Duration::from_secs(3_600));
    app.poll_now().await;
    let requests = app.simulator.requests();
    assert!(requests.len() > 100, "{}", requests.len());
    let mut asked: Vec<_> = requests.iter().filter_map(|request| request.action).collect();
    asked.sort_unstable();
    asked.dedup();
    // All reads but those of one org or sandbox alone, which are for periods that turn over between discoveries.
    assert_eq!(asked.len(), 19 - 2, "{asked:?}");
    for request in requests {
        assert_eq!(request.method, "GET", "{request:?}");
    }
}
