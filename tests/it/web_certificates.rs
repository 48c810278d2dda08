//! TLS: who is let in, with which certificates, and certificates that are replaced while everybody scrapes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustls::crypto::ring::{cipher_suite, kx_group};
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::certificates::{Authority, Identity, Visitor};
use crate::components;
use crate::demo::Program;
use crate::prometheus::Prometheus;
use crate::test_app::{Setup, TestApp, within_patience};

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// A password and its hash: `dave123`.
const USER: &str =
    "basic_auth_users:\n  dave: $2y$10$2UXri9cIDdgeKjBo4Rlpx.U3ZLDV8X1IxKmsfOvhcM5oXQt/mLmXq\n";

/// A folder with the certificates of a server.
struct Desk {
    folder: TempDir,
    authority: Authority,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a folder"), authority: Authority::new("ca") };
        desk.authority.server().write(desk.path(), "server");
        desk.write("ca.crt", &desk.authority.pem());
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path().join(name);
        std::fs::write(&file, text).expect("a file");
        file
    }

    /// An exporter behind this web configuration.
    async fn start(&self, web: &str) -> (TestApp, SocketAddr) {
        let mut setup = Setup::at("2026-03-17T14:23:45.250Z");
        setup.config.web.config_file = Some(self.write("web.yml", web));
        let app = setup.start().await;
        let address = address_of(&app.url);
        (app, address)
    }
}

fn address_of(url: &str) -> SocketAddr {
    let (_, authority) = url.split_once("://").expect("a URL");
    authority.split('/').next().expect("an authority").parse().expect("an address")
}

#[tokio::test]
async fn each_policy_lets_in_whom_it_says() {
    let desk = Desk::new();
    let (trusted, stranger) =
        (desk.authority.client(&["DNS:one"]), Authority::new("other").client(&["DNS:one"]));
    let visitor = Visitor::trusting(&desk.authority);
    let ca = "  client_ca_file: ca.crt\n";
    for (policy, authorities, none, strange, known) in [
        ("NoClientCert", "", true, true, true),
        ("RequestClientCert", "", true, true, true),
        ("RequireAnyClientCert", "", false, true, true),
        ("RequireClientCert", "", false, true, true),
        ("VerifyClientCertIfGiven", ca, true, false, true),
        ("RequireAndVerifyClientCert", ca, false, false, true),
        ("RequireAndVerifyClientCert", "", false, false, false),
    ] {
        let (_app, address) = desk.start(&format!("{TLS}  client_auth_type: {policy}\n{authorities}")).await;
        for versions in [&TLS12, &TLS13] {
            let visitor = Visitor { versions: vec![versions], ..visitor.clone() };
            let get = async |identity: Option<&Identity>| {
                visitor.get(address, "/-/healthy", "", identity).await.is_ok_and(|it| it.status == 200)
            };
            let let_in = (get(None).await, get(Some(&stranger)).await, get(Some(&trusted)).await);
            assert_eq!(let_in, (none, strange, known), "{policy} over {versions:?}");
        }
    }
}

#[tokio::test]
async fn a_client_is_let_in_by_any_of_its_names_that_is_allowed() {
    let desk = Desk::new();
    let visitor = Visitor::trusting(&desk.authority);
    let allowed = "  client_allowed_sans: [\"prometheus.example.com\", \"10.0.0.7\", \"2001:db8::1\", \
                   \"ops@example.com\", \"spiffe://example.com/prometheus\"]\n";
    let (_app, address) = desk
        .start(&format!(
            "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n{allowed}"
        ))
        .await;
    for (names, let_in) in [
        (&["DNS:prometheus.example.com"][..], true),
        (&["DNS:other.example.com", "IP:10.0.0.7"], true),
        (&["IP:2001:db8::1"], true),
        (&["EMAIL:ops@example.com"], true),
        (&["URI:spiffe://example.com/prometheus"], true),
        (&["DNS:a.prometheus.example.com"], false),
        (&["DNS:PROMETHEUS.example.com", "IP:10.0.0.70"], false),
        (&[], false),
    ] {
        let identity = desk.authority.client(names);
        let answer = visitor.get(address, "/-/healthy", "", Some(&identity)).await;
        assert_eq!(answer.is_ok(), let_in, "{names:?}: {answer:?}");
    }
    // A name is allowed only where somebody trusted vouches for it.
    let stranger = Authority::new("other").client(&["DNS:prometheus.example.com"]);
    assert!(visitor.get(address, "/-/healthy", "", Some(&stranger)).await.is_err());
}

#[tokio::test]
async fn a_certificate_may_be_trusted_by_itself() {
    let desk = Desk::new();
    let (trusted, other) = (Identity::self_signed(&["DNS:test3"]), Identity::self_signed(&["DNS:test3"]));
    desk.write("ca.crt", &trusted.certificate);
    let policy = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    let (_app, address) = desk.start(&format!("{TLS}{policy}  client_allowed_sans: [one, test3]\n")).await;
    let visitor = Visitor::trusting(&desk.authority);
    let answer = visitor.get(address, "/-/healthy", "", Some(&trusted)).await;
    assert!(answer.as_ref().is_ok_and(|it| it.status == 200), "{answer:?}");
    assert!(visitor.get(address, "/-/healthy", "", Some(&other)).await.is_err());
}

#[tokio::test]
async fn versions_cipher_suites_and_curves_are_those_of_the_file() {
    let desk = Desk::new();
    let tls12 = "  min_version: TLS12\n  max_version: TLS12\n";
    let suites = |order: &str, more: &str| {
        format!(
            "{TLS}{tls12}{more}  cipher_suites:\n{}",
            order
                .split(' ')
                .map(|it| format!("  - TLS_ECDHE_ECDSA_WITH_AES_{it}\n"))
                .collect::<Vec<_>>()
                .concat()
        )
    };
    let visitor = Visitor::trusting(&desk.authority);
    let mut provider = visitor.provider.clone();
    provider.cipher_suites = vec![
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ];
    let both = Visitor { provider, versions: vec![&TLS12], ..visitor.clone() };
    for (file, chosen) in [
        (suites("256_GCM_SHA384 128_GCM_SHA256", ""), "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        (
            suites("256_GCM_SHA384 128_GCM_SHA256", "  prefer_server_cipher_suites: false\n"),
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
        (suites("128_GCM_SHA256 128_CBC_SHA", ""), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    ] {
        let (_app, address) = desk.start(&file).await;
        assert_eq!(
            both.get(address, "/-/healthy", "", None).await.expect("an answer").suite,
            chosen,
            "{file}"
        );
        let newer = Visitor { versions: vec![&TLS13], ..visitor.clone() };
        assert!(newer.get(address, "/-/healthy", "", None).await.is_err(), "TLS 1.3 is spoken: {file}");
        let mut other = both.clone();
        other.provider.cipher_suites = vec![cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256];
        assert!(other.get(address, "/-/healthy", "", None).await.is_err(), "another suite: {file}");
    }
    let (_app, address) =
        desk.start(&format!("{TLS}  min_version: TLS13\n  curve_preferences: [CurveP384]\n")).await;
    for (curve, spoken) in [(kx_group::SECP384R1, true), (kx_group::X25519, false)] {
        let mut visitor = visitor.clone();
        visitor.provider.kx_groups = vec![curve];
        let answer = visitor.get(address, "/-/healthy", "", None).await;
        assert_eq!(answer.is_ok(), spoken, "{curve:?}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_prometheus_scrapes_with_a_client_certificate_and_a_password() {
    let Some(program) = components::program("prometheus") else { return };
    let desk = Desk::new();
    desk.authority.client(&["DNS:prometheus"]).write(desk.path(), "client");
    let clients = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  \
                   client_allowed_sans: [prometheus]\n";
    let (app, address) = desk.start(&format!("{TLS}{clients}{USER}")).await;
    let folder = desk.path().display();
    let job = |name: &str, more: &str| {
        format!(
            "- job_name: {name}\n  scheme: https\n  static_configs: [{{targets: ['{address}']}}]\n  tls_config:\n    \
             ca_file: {folder}/ca.crt\n    server_name: localhost\n{more}"
        )
    };
    let certificate = format!("    cert_file: {folder}/client.crt\n    key_file: {folder}/client.key\n");
    let password = |word: &str| format!("  basic_auth: {{ username: dave, password: {word} }}\n");
    let config = [
        "global: { scrape_interval: 1s }\nscrape_configs:\n".to_owned(),
        job("good", &(certificate.clone() + &password("dave123"))),
        job("stranger", &password("dave123")),
        job("guesser", &(certificate.clone() + &password("wrong"))),
        job("nobody", &certificate),
    ];
    let prometheus = Prometheus::start_on(&program, desk.path(), &config.concat(), &[]).await;
    within_patience("a scrape", prometheus.until("up{job=\"good\"}", |up| up == 1.0)).await;
    within_patience("orgs", prometheus.until("count(losant_org_info)", |orgs| orgs == 12.0)).await;
    for job in ["stranger", "guesser", "nobody"] {
        let up = format!("up{{job=\"{job}\"}}");
        within_patience(job, prometheus.until(&up, |up| up == 0.0)).await;
        assert_eq!(prometheus.query(&format!("max_over_time({up}[1h])")).await, Some(0.0), "{job}");
    }
    drop(app);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_is_let_in_with_certificate_and_password_and_told_what_is_missing() {
    let Some(curl) = components::program("curl") else { return };
    let desk = Desk::new();
    desk.authority.client(&["DNS:me"]).write(desk.path(), "client");
    let clients = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    let headers = "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=31536000\n    \
                   X-Frame-Options: deny\n";
    let (_app, address) = desk.start(&format!("{TLS}{clients}{USER}{headers}")).await;
    let url = format!("https://localhost:{}/-/healthy", address.port());
    let resolve = format!("localhost:{}:127.0.0.1", address.port());
    let run = async |args: &[&str]| {
        let mut command = Command::new(&curl);
        command.current_dir(desk.path()).args(["-sS", "-i", "--max-time", "60", "--resolve", &resolve]);
        command.args(["--cacert", "ca.crt"]).args(args);
        tokio::task::spawn_blocking(move || {
            let output = command.output().expect("curl runs");
            (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
        })
        .await
        .expect("an end")
    };
    let certificate = ["--cert", "client.crt", "--key", "client.key"];
    let (_, answer) = run(&[&certificate[..], &["-u", "dave:dave123", &url]].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let lower = answer.to_lowercase();
    assert!(
        lower.contains("strict-transport-security: max-age=31536000")
            && lower.contains("x-frame-options: deny")
    );
    let (_, answer) = run(&[&certificate[..], &["-u", "dave:wrong", &url]].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.to_lowercase().contains("www-authenticate: basic"));
    let (succeeded, answer) = run(&["-u", "dave:dave123", &url]).await;
    assert!(!succeeded && answer.is_empty(), "{succeeded} {answer}");
    let plain = url.replace("https", "http");
    let (_, answer) = run(&[&plain]).await;
    assert!(answer.contains("Client sent an HTTP request to an HTTPS server."), "{answer}");
}

/// Scrapes all the time, each time over a new connection.
struct Load {
    tasks: JoinSet<()>,
    served: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

impl Load {
    fn start(visitor: &Visitor, address: SocketAddr) -> Self {
        let (served, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let (visitor, served, ended) = (visitor.clone(), Arc::clone(&served), Arc::clone(&ended));
            tasks.spawn(async move {
                while !ended.load(Ordering::SeqCst) {
                    let answer = visitor.get(address, "/metrics", "", None).await.expect("a scrape");
                    assert_eq!(answer.status, 200);
                    served.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { tasks, served, ended }
    }

    /// How many scrapes were served. Fails when one was not.
    async fn end(mut self) -> usize {
        self.ended.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no scrape was lost");
        }
        self.served.load(Ordering::SeqCst)
    }
}

/// A demo behind `web.yml` of a folder, and its address.
fn demo(folder: &Path) -> (Program, SocketAddr) {
    let flag = format!("--web.config.file={}", folder.join("web.yml").display());
    let addresses = ["--web.listen-address=127.0.0.1:0", "--simulator.listen-address=127.0.0.1:0"];
    let mut demo = Program::start(&[&["demo", &flag][..], &addresses].concat());
    let printed = demo.read_until("/metrics");
    let url = printed.split_whitespace().find(|word| word.ends_with("/metrics")).expect("its address");
    (demo, address_of(url))
}

async fn until_shown(visitor: &Visitor, address: SocketAddr, identity: &Identity) {
    let shown = async {
        while visitor.get(address, "/-/healthy", "", None).await.expect("an answer").certificate
            != *identity.der()
        {
            tokio::task::yield_now().await;
        }
    };
    within_patience("the new certificate", shown).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_replaced_under_load_without_a_lost_scrape() {
    let desk = Desk::new();
    desk.write("web.yml", TLS);
    let visitor = Visitor::trusting(&desk.authority);
    let (_demo, address) = demo(desk.path());
    let load = Load::start(&visitor, address);
    for _ in 0..2 {
        // As an operator does: one file after the other, and in between they do not fit together.
        let server = desk.authority.server();
        server.write(desk.path(), "server");
        until_shown(&visitor, address, &server).await;
    }
    // A broken one changes nothing: neither a file that is cut off, nor a key of somebody else.
    let server = desk.authority.server();
    server.write(desk.path(), "server");
    until_shown(&visitor, address, &server).await;
    desk.write("server.crt", &server.certificate[..100]);
    desk.write("server.key", &desk.authority.server().key);
    let before = load.served.load(Ordering::SeqCst);
    let more = async {
        while load.served.load(Ordering::SeqCst) < before + 20 {
            tokio::task::yield_now().await;
        }
    };
    within_patience("scrapes", more).await;
    until_shown(&visitor, address, &server).await;
    let mended = desk.authority.server();
    mended.write(desk.path(), "server");
    until_shown(&visitor, address, &mended).await;
    assert!(load.end().await > 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_of_kubernetes_that_swaps_its_link_is_noticed() {
    let desk = Desk::new();
    let visitor = Visitor::trusting(&desk.authority);
    let fill = |name: &str| {
        let server = desk.authority.server();
        let folder = desk.path().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        server.write(&folder, "server");
        std::fs::write(folder.join("web.yml"), TLS).expect("a file");
        let link = desk.path().join("..data_tmp");
        std::os::unix::fs::symlink(name, &link).expect("a link");
        std::fs::rename(&link, desk.path().join("..data")).expect("a swap");
        server
    };
    for name in ["server.crt", "server.key"] {
        std::fs::remove_file(desk.path().join(name)).expect("a file");
    }
    fill("..2026_1");
    for name in ["server.crt", "server.key", "web.yml"] {
        std::os::unix::fs::symlink(Path::new("..data").join(name), desk.path().join(name)).expect("a link");
    }
    let (_demo, address) = demo(desk.path());
    let second = fill("..2026_2");
    until_shown(&visitor, address, &second).await;
}

#[tokio::test]
async fn a_handshake_that_nobody_goes_on_with_is_given_up() {
    let desk = Desk::new();
    let (app, address) = desk.start(TLS).await;
    let mut silent = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let visitor = Visitor::trusting(&desk.authority);
    assert!(visitor.get(address, "/-/healthy", "", None).await.is_ok());
    app.hand.advance(Duration::from_secs(11));
    let mut rest = Vec::new();
    let ended = tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut rest);
    within_patience("the end of the connection", ended).await.expect("an end");
    assert!(rest.is_empty());
}
