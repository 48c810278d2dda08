//! Users and limits of the web configuration file, at work and when the file changes.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::components;
use crate::test_app::{Setup, TestApp, http, within_patience};

/// The hash of `right`, as costly as `htpasswd -C 10` makes it.
fn hash() -> String {
    bcrypt::hash("right", 10).expect("a hash")
}

fn users(names: &[&str]) -> String {
    let lines: Vec<_> = names.iter().map(|name| format!("  {name}: {}\n", hash())).collect();
    format!("basic_auth_users:\n{}", lines.concat())
}

struct Guarded {
    app: TestApp,
    file: PathBuf,
    _folder: TempDir,
}

impl Guarded {
    async fn start(web: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("web.yml");
        std::fs::write(&file, web).expect("a file");
        let mut setup = Setup::at("2026-03-17T14:23:45.250Z");
        setup.config.web.config_file = Some(file.clone());
        Self { app: setup.start().await, file, _folder: folder }
    }

    async fn status(&self, path: &str, user: &str, password: &str) -> u16 {
        let request = http().get(format!("{}{path}", self.app.url)).basic_auth(user, Some(password));
        request.send().await.expect("an answer").status().as_u16()
    }

    /// Lets seconds pass until a request is answered with `status`.
    async fn until(&self, user: &str, password: &str, status: u16) {
        let reached = async {
            while self.status("/-/healthy", user, password).await != status {
                self.app.hand.advance(Duration::from_secs(1));
            }
        };
        within_patience("the changed file", reached).await;
    }
}

#[tokio::test]
async fn every_page_is_for_users_only() {
    let guarded = Guarded::start(&users(&["prometheus"])).await;
    for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/nowhere"] {
        let answer = http().get(format!("{}{path}", guarded.app.url)).send().await.expect("an answer");
        assert_eq!(answer.status(), 401, "{path}");
        assert_eq!(answer.headers()["www-authenticate"], "Basic", "{path}");
        assert_eq!(answer.text().await.expect("a body"), "Unauthorized\n");
        assert_eq!(guarded.status(path, "prometheus", "wrong").await, 401, "{path}");
        assert_ne!(guarded.status(path, "prometheus", "right").await, 401, "{path}");
    }
    let served = http().get(format!("{}/metrics", guarded.app.url)).basic_auth("prometheus", Some("right"));
    let page = served.send().await.expect("an answer").text().await.expect("a body");
    let denied = r#"losant_exporter_http_requests_total{handler="metrics",code="401"} 2"#;
    assert!(page.contains(denied), "{page}");
}

#[tokio::test]
async fn a_body_without_a_length_leads_around_neither_password_nor_headers() {
    let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
    let guarded = Guarded::start(&format!("{headers}{}", users(&["prometheus"]))).await;
    for (password, status) in [("wrong", 401), ("right", 411)] {
        let address = guarded.app.url.trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).await.expect("a connection");
        let credentials = BASE64_STANDARD.encode(format!("prometheus:{password}"));
        let head = format!("Host: x\r\nAuthorization: Basic {credentials}\r\nTransfer-Encoding: chunked\r\n");
        let request = format!("GET /metrics HTTP/1.1\r\n{head}\r\n0\r\n\r\n");
        connection.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        // Up to its end: the connection is closed.
        within_patience("an answer", connection.read_to_string(&mut answer)).await.expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("connection: close\r\n") && answer.contains("x-frame-options: deny\r\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_password_is_served_while_a_hundred_wrong_ones_wait() {
    let guarded = Guarded::start(&users(&["prometheus", "newcomer"])).await;
    assert_eq!(guarded.status("/metrics", "prometheus", "right").await, 200);
    let mut crowd = JoinSet::new();
    for number in 0..100 {
        let request = http()
            .get(format!("{}/metrics", guarded.app.url))
            .basic_auth("prometheus", Some(format!("wrong {number}")));
        crowd.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
    }
    let answered = crowd.join_next().await.expect("a crowd").expect("an end");
    assert_eq!(answered, 401);
    #[expect(clippy::disallowed_methods, reason = "how long real people wait")]
    let begin = Instant::now();
    assert_eq!(guarded.status("/metrics", "prometheus", "right").await, 200);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    // Whoever comes for the first time does not wait behind the crowd either.
    assert_eq!(guarded.status("/metrics", "newcomer", "right").await, 200);
    let mut before = 1;
    while crowd.try_join_next().is_some() {
        before += 1;
    }
    assert!(before < 100, "the crowd was served first");
    while let Some(answered) = crowd.join_next().await {
        assert_eq!(answered.expect("an end"), 401);
    }
}

#[tokio::test]
async fn a_changed_file_is_taken_over_and_a_broken_one_is_not() {
    let guarded = Guarded::start(&users(&["prometheus"])).await;
    guarded.until("prometheus", "right", 200).await;
    std::fs::write(&guarded.file, users(&["grafana"])).expect("a file");
    guarded.until("prometheus", "right", 401).await;
    guarded.until("grafana", "right", 200).await;
    for broken in [
        "basic_auth_users:\n  grafana: right\n",
        "basic_auth_usres:\n",
        "tls_server_config:\n  cert_file: x\n",
    ] {
        std::fs::write(&guarded.file, broken).expect("a file");
        for _ in 0..5 {
            guarded.app.hand.advance(Duration::from_secs(1));
            assert_eq!(guarded.status("/-/healthy", "grafana", "right").await, 200);
            assert_eq!(guarded.status("/-/healthy", "nobody", "right").await, 401);
        }
    }
    std::fs::remove_file(&guarded.file).expect("a file");
    guarded.app.hand.advance(Duration::from_secs(1));
    assert_eq!(guarded.status("/-/healthy", "nobody", "right").await, 401);
    std::fs::write(&guarded.file, "{}").expect("a file");
    guarded.until("nobody", "", 200).await;
}

#[tokio::test]
async fn a_file_that_is_just_being_written_lets_nobody_in() {
    let guarded = Guarded::start(&users(&["prometheus"])).await;
    let both = users(&["prometheus", "grafana"]);
    for half in ["", "# The users\n"] {
        std::fs::write(&guarded.file, half).expect("a file");
        guarded.app.hand.advance(Duration::from_secs(1));
        for _ in 0..5 {
            assert_eq!(guarded.status("/-/healthy", "nobody", "right").await, 401, "{half:?}");
        }
        std::fs::write(&guarded.file, &both).expect("a file");
        guarded.until("grafana", "right", 200).await;
        assert_eq!(guarded.status("/-/healthy", "nobody", "right").await, 401, "{half:?}");
    }
}

#[tokio::test]
async fn beyond_the_rate_limit_everybody_is_told_to_wait() {
    let guarded = Guarded::start("rate_limit:\n  interval: 1s\n  burst: 2\n").await;
    let get = async |path: &str| {
        http().get(format!("{}{path}", guarded.app.url)).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!([get("/metrics").await, get("/").await, get("/metrics").await], [200, 200, 429]);
    guarded.app.hand.advance(Duration::from_secs(1));
    assert_eq!([get("/metrics").await, get("/metrics").await], [200, 429]);
}

#[tokio::test]
async fn headers_stand_on_every_answer_and_a_page_knows_better_what_it_loads() {
    let web = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Content-Security-Policy: default-src *\n    \
               X-XSS-Protection: 1\n";
    let guarded = Guarded::start(&format!("{web}{}", users(&["prometheus"]))).await;
    for (path, password, policy) in [
        ("/metrics", "right", "default-src *"),
        ("/metrics", "wrong", "default-src *"),
        ("/", "right", "default-src 'none'"),
    ] {
        let request =
            http().get(format!("{}{path}", guarded.app.url)).basic_auth("prometheus", Some(password));
        let answer = request.send().await.expect("an answer");
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        assert_eq!((header("x-frame-options").as_str(), header("x-xss-protection").as_str()), ("deny", "1"));
        assert!(header("content-security-policy").starts_with(policy), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
    }
}

/// What systemd does: opens a socket, and starts the program with it.
const ACTIVATE: &str = "import os, socket, sys\n\
    listener = socket.socket()\n\
    listener.bind(('127.0.0.1', 0))\n\
    listener.listen()\n\
    print(listener.getsockname()[1], flush=True)\n\
    os.dup2(listener.fileno(), 3)\n\
    os.set_inheritable(3, True)\n\
    os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n\
    os.execv(sys.argv[1], sys.argv[1:])\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_listens_on_the_socket_that_systemd_hands_in() {
    let Some(python) = components::program("python3") else { return };
    let program = env!("CARGO_BIN_EXE_losant-exporter");
    let flags = ["demo", "--web.systemd-socket", "--simulator.listen-address=127.0.0.1:0"];
    let mut child = Command::new(python)
        .args(["-c", ACTIVATE, program])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut port = String::new();
    let output = child.stdout.as_mut().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut port).expect("a port");
    let url = format!("http://127.0.0.1:{}/-/healthy", port.trim());
    // The socket is open already: whoever comes early waits.
    let answer = within_patience("an answer", http().get(url).send()).await;
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(answer.expect("an answer").status(), 200);
    let without = Command::new(program).args(flags).env_clear().output().expect("it runs");
    assert_eq!(without.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&without.stderr);
    assert!(complaint.contains("--web.systemd-socket: systemd has handed in no socket"), "{complaint}");
}
