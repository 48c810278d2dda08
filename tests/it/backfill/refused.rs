//! What is refused, and in which words.

use std::path::Path;
use std::process::{Command, Output};

use axum::http::StatusCode;
use axum::routing::post;
use losant_exporter::backfill::{Order, Stopped, Target};
use losant_exporter::simulator::{Fault, FaultKind, Route};
use losant_exporter::usage::Level;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::NOW;
use super::fixture::Losant;
use crate::test_app::within_patience;

/// The program in `folder`, with an account at `losant`.
fn program(losant: &Losant, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_losant-exporter"));
    let instance = losant.simulator.world().instances()[0].id();
    command
        .arg("backfill")
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("COLUMNS", "100")
        .env("LOSANT_API_TOKEN", losant.simulator.token())
        .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__REQUESTS_PER_SECOND", "1000")
        .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BURST", "1000")
        .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BASE_URL", &losant.url)
        .env("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__INSTANCES", format!("[\"{instance}\"]"));
    command
}

fn complaint(output: &Output) -> String {
    let complaint = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert_eq!(output.stdout, b"");
    format!("{}\n", complaint.lines().next().unwrap_or_default())
}

#[tokio::test]
async fn wrong_flags_are_refused_before_anything_is_begun() {
    let losant = Losant::at(NOW).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("there.om"), "").unwrap();
    std::fs::write(folder.path().join("secret"), "hunter2").unwrap();
    std::fs::write(folder.path().join("empty"), "").unwrap();
    let refused =
        |args: &[&str]| complaint(&program(&losant, folder.path(), args).output().expect("it runs"));
    let write = ["--from=-2d", "--remote-write=http://metrics.example.com/api/v1/write"];
    let with = |more: &[&'static str]| [&write[..], more].concat();
    insta::assert_snapshot!(
        [
            refused(&["--from=yesterday", "--output=h.om"]),
            refused(&["--from=-2d", "--output=there.om"]),
            refused(&["--from=-2d", "--output=nowhere/h.om"]),
            refused(&["--from=-2d", "--output=h.om", "--resume"]),
            refused(&["--from=-2d", "--output=-", "--resume"]),
            refused(&["--from=-2d", "--output=h.om", "--level=application"]),
            refused(&["--from=-2d", "--output=h.om", "--account=other"]),
            refused(&["--from=-2d", "--output=h.om", "--remote-write=http://localhost/"]),
            refused(&["--from=-2d", "--output=h.om", "--remote-write.username=me"]),
            refused(&["--from=-2d", "--remote-write=localhost:9090"]),
            refused(&["--from=-2d", "--remote-write=http://me:hunter2@localhost:9090/"]),
            refused(&with(&["--remote-write.bearer-token-file=secret"])),
            refused(&with(&["--remote-write.bearer-token-file=missing"])),
            refused(&with(&["--remote-write.username=me", "--remote-write.password-file=empty"])),
        ]
        .concat()
    );
    assert_eq!(losant.simulator.request_count(), 0);
}

#[tokio::test]
async fn help_says_what_everything_is() {
    let losant = Losant::at(NOW).await;
    let help = program(&losant, Path::new("."), &["--help"]).output().expect("it runs");
    insta::assert_snapshot!(String::from_utf8(help.stdout).unwrap());
}

#[tokio::test]
async fn going_on_with_something_else_is_refused_by_flag_or_key() {
    let losant = Losant::at(NOW).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("h.om");
    let target = || Target::File(output.clone());
    // A run that comes to nothing after its beginning.
    let order = || Order { levels: vec![Level::Org], ..losant.order("-2d") };
    let fault = |route| losant.simulator.faults().inject(Fault::always(route, FaultKind::EmptyBody(401)));
    fault(Route::action("instanceOrg.payloadCountsBreakdown"));
    assert!(matches!(losant.run(order(), &output, false).await, Err(Stopped::Midway { done: 0, .. })));
    losant.simulator.faults().clear_all();

    let refused = |order: Order, resume| {
        let refusal = losant.prepare(order, target(), resume).unwrap_err().to_string() + "\n";
        refusal.replace(&folder.path().display().to_string(), "FOLDER")
    };
    insta::assert_snapshot!(
        [
            refused(order(), false),
            refused(Order { from: "-3d".to_owned(), ..order() }, true),
            refused(Order { to: "2026-03-16".to_owned(), ..order() }, true),
            refused(losant.order("-2d"), true),
            refused(Order { account: "other".to_owned(), ..order() }, true),
            refused(Order { instances: Vec::new(), ..order() }, true),
            refused(Order { settle_delay: std::time::Duration::from_secs(60), ..order() }, true),
            refused(Order { selection_text: "someone@example.com".to_owned(), ..order() }, true),
        ]
        .concat()
    );
    // An hour later the same words mean what they meant then.
    losant.hand.advance(std::time::Duration::from_secs(3_600));
    assert!(losant.prepare(order(), target(), true).is_ok());
    let absolute = Order { from: "2026-03-15T14:23:45.250Z".to_owned(), ..order() };
    assert!(losant.prepare(absolute, target(), true).is_ok());
    // Three months later there is nothing left to go on with.
    losant.hand.advance(std::time::Duration::from_secs(92 * 86_400));
    assert!(
        refused(order(), true).contains("Losant no longer keeps what the run"),
        "{}",
        refused(order(), true)
    );
    losant.run(losant.order("-2d"), &folder.path().join("other.om"), false).await.unwrap();
    std::fs::write(&output, "").unwrap();
    assert!(refused(order(), true).ends_with(
        "h.om is there already, and whole: remove FOLDER/h.om.partial, which is left of writing it\n"
    ));
}

/// A file, and what happens to it.
type Damage = (&'static str, fn(&mut String));

#[tokio::test]
async fn what_has_changed_on_disk_since_is_refused_and_no_file_comes_of_it() {
    let losant = Losant::at(NOW).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("h.om");
    let target = || Target::File(output.clone());
    // All is read, and then something is in the way of the file.
    let backfill = losant.prepare(losant.order("-2d"), target(), false).unwrap();
    std::fs::create_dir(&output).unwrap();
    assert!(matches!(losant.carry_out(backfill).await, Err(Stopped::Output(_))));
    std::fs::remove_dir(&output).unwrap();

    let damages: [Damage; 6] = [
        // A length, still within the spool.
        ("journal", |text| *text = text.replacen("\"length\":1", "\"length\":0", 1)),
        ("journal", |text| *text = text.replacen("\"left_out\":false", "\"left_out\":true ", 1)),
        ("journal", |text| {
            let mut lines: Vec<_> = text.split_inclusive('\n').collect();
            lines.swap(3, 4);
            *text = lines.concat();
        }),
        ("journal", |text| *text = text.split_inclusive('\n').skip(1).collect()),
        ("org-devices", |text| *text = text.replacen("} 1", "} 2", 1)),
        ("org-devices", |text| *text = text.replacen('{', "\0", 1)),
    ];
    for (name, damage) in damages {
        let path = folder.path().join("h.om.partial").join(name);
        let before = std::fs::read_to_string(&path).unwrap();
        let mut after = before.clone();
        damage(&mut after);
        assert_ne!(after, before);
        std::fs::write(&path, after).unwrap();
        let problem = match losant.prepare(losant.order("-2d"), target(), true) {
            Err(refusal) => refusal.to_string(),
            Ok(backfill) => losant.carry_out(backfill).await.unwrap_err().to_string(),
        };
        let said = ["its journal is damaged", "org-devices: not what was written there; begin anew"];
        assert!(said.iter().any(|said| problem.contains(said)), "{problem}");
        assert!(!output.exists());
        std::fs::write(&path, before).unwrap();
    }
    let done = losant.run(losant.order("-2d"), &output, true).await.unwrap();
    assert_eq!(done.requests, 0);
}

#[tokio::test]
async fn with_a_list_that_cannot_be_read_to_its_end_nothing_is_begun() {
    let mut losant = Losant::at(NOW).await;
    losant.page_size = 3;
    // Orgs go while they are listed, each time.
    let fault = Fault::always(Route::action("instanceOrgs.get"), FaultKind::DeleteListed);
    losant.simulator.faults().inject(fault);
    let folder = tempfile::tempdir().unwrap();
    let stopped = losant.run(losant.order("-2d"), &folder.path().join("h.om"), false).await.unwrap_err();
    let instance = losant.simulator.world().instances()[0].id();
    assert_eq!(
        stopped.to_string().replace(&instance.to_string(), "ID"),
        "the list of orgs of instance ID is not complete, 0 of its entries make no sense: who is missing from it would be \
         missing from the history: nothing was begun"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A server that refuses everything in these words.
async fn refusing(words: &'static str) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v1/write", listener.local_addr().unwrap());
    let router = axum::Router::new()
        .route("/api/v1/write", post(move || async move { (StatusCode::BAD_REQUEST, words) }));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, tasks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_of_the_environment_is_not_asked_about_this_machine() {
    let losant = Losant::at(&losant_exporter::clock::Clock::system().now().to_string()).await;
    let (url, _tasks) = refusing("too old sample").await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&losant, folder.path(), &["--from=-2d", "--remote-write", &url]);
    // Nobody listens there.
    command.env("HTTP_PROXY", "http://127.0.0.1:1").env("http_proxy", "http://127.0.0.1:1");
    let run = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    let output = within_patience("the end of the program", run).await.unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("refuses the samples with status 400: too old sample"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_refuses_is_told_in_its_words_and_the_token_by_nobody() {
    let losant = Losant::at(&losant_exporter::clock::Clock::system().now().to_string()).await;
    let (url, _tasks) = refusing("too old sample, by hunter2").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "hunter2\n").unwrap();
    let args = [
        "--from=-2d",
        "--remote-write",
        &url,
        "--remote-write.bearer-token-file=secret",
        "--log.level=trace",
    ];
    let mut command = program(&losant, folder.path(), &args);
    let run = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    let output = within_patience("the end of the program", run).await.unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains(&format!("{url} refuses the samples with status 400: too old sample, by [redacted]; for samples of the past Prometheus needs storage.tsdb.out_of_order_time_window; 0 of 20 scopes are done, and --resume goes on from there")), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
    let journal = std::fs::read_to_string(folder.path().join("losant-backfill.partial/journal")).unwrap();
    assert!(!journal.contains("hunter2") && journal.lines().count() == 1, "{journal}");
}
