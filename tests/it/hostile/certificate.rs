//! The API's certificate has expired: that is said, the metrics say so as well, and all is well when it is replaced.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::serve::Listener;
use losant_exporter::clock::Clock;
use losant_exporter::simulator::Simulator;
use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::front::Front;
use super::process::{Process, up};
use super::site::{Site, settled};
use crate::certificates::{Authority, Identity};
use crate::test_app::SimulatorTasks;

/// Shows whichever certificate is the one in use.
struct Secured {
    listener: TcpListener,
    identity: Arc<Mutex<TlsAcceptor>>,
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, client) = Listener::accept(&mut self.listener).await;
            let acceptor = self.identity.lock().expect("a certificate").clone();
            // Whoever does not like it goes away.
            if let Ok(stream) = acceptor.accept(stream).await {
                return (stream, client);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

fn acceptor(identity: &Identity) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![identity.der().clone()], identity.private_key())
        .expect("a certificate");
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_whose_certificate_has_expired_is_down_by_name_until_it_is_replaced() {
    let authority = Authority::new("ca");
    let identity = Arc::new(Mutex::new(acceptor(&authority.server())));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let losant = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    let mut tasks = SimulatorTasks::new();
    let simulator = Simulator::new(settled(), Clock::system());
    // Each connection greets anew, as with Losant.
    let front = Front::new(&simulator).closing();
    front.serve(Secured { listener, identity: Arc::clone(&identity) }, &mut tasks);
    let mut site = Site::of(simulator, losant, tasks);
    site.settings = "[polling]\nsweep_interval = \"1s\"\n".to_owned();
    site.account += "max_attempts = 2\n";
    site.configure();
    std::fs::write(site.path().join("ca.crt"), authority.pem()).expect("a file");
    let mut command = site.command();
    command.env("SSL_CERT_FILE", site.path().join("ca.crt"));
    let mut process = Process::start(command);
    process.listening().await;
    process.ready().await;
    assert_eq!(up(&process.scrape().await), Some(1.0));
    let before = site.differences(&process).await;
    assert!(before.is_empty(), "{before:?}");

    *identity.lock().expect("a certificate") = acceptor(&authority.expired_server());
    process.until("losant_up 0", |scrape| up(scrape) == Some(0.0)).await;
    let line = process.logged("level=warn").await;
    assert!(line.contains("certificate expired"), "{line}");
    eprintln!("an expired certificate: {line}");
    // What was read before is still shown, and its age with it.
    let meanwhile = site.differences(&process).await;
    assert!(meanwhile.is_empty(), "{meanwhile:?}");
    let told = process.lines().len();

    *identity.lock().expect("a certificate") = acceptor(&authority.server());
    process.until("losant_up 1", |scrape| up(scrape) == Some(1.0)).await;
    process.logged("works again").await;
    let after = site.differences(&process).await;
    assert!(after.is_empty(), "{after:?}");
    assert!(process.lines().len() <= told + 3, "{:#?}", process.lines());
}
