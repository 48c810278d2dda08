//! What the metrics say of a web configuration file that changes.

use std::path::PathBuf;
use std::time::Duration;

use losant_exporter::metrics::negotiate::Format;
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::scrape::Scrape;
use crate::test_app::{Setup, TestApp, within_patience};

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

const SUCCESSFUL: &str = "losant_exporter_web_config_last_reload_successful";
const SUCCESS_TIME: &str = "losant_exporter_web_config_last_reload_success_timestamp_seconds";

/// An exporter that speaks TLS, and the folder of its certificate.
struct Guarded {
    app: TestApp,
    folder: TempDir,
}

impl Guarded {
    async fn start(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        authority.server().write(folder.path(), "server");
        let mut setup = Setup::at("2026-03-17T14:23:45Z");
        setup.config.web.config_file = Some(folder.path().join("web.yml"));
        std::fs::write(folder.path().join("web.yml"), TLS).expect("a file");
        Self { app: setup.start().await, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("a file");
    }

    /// Whether the file that was read last is in force, and since when one is.
    async fn said(&self) -> (Option<f64>, Option<f64>) {
        let scrape = Scrape::parse(&self.app.control.text(Format::Text).await.expect("a page"));
        (scrape.value(SUCCESSFUL), scrape.value(SUCCESS_TIME))
    }

    /// Lets seconds pass until the last file is in force, or is not.
    async fn until(&self, successful: f64) {
        let reached = async {
            while self.said().await.0 != Some(successful) {
                self.app.hand.advance(Duration::from_secs(1));
            }
        };
        within_patience(SUCCESSFUL, reached).await;
    }

    fn now(&self) -> f64 {
        self.app.clock.now().as_duration().as_secs_f64()
    }
}

#[tokio::test]
async fn without_a_web_configuration_file_nothing_is_said_of_one() {
    let app = Setup::at("2026-03-17T14:23:45Z").start().await;
    let scrape = app.scrape().await;
    assert_eq!((scrape.value(SUCCESSFUL), scrape.value(SUCCESS_TIME)), (None, None));
    assert_eq!(scrape.value("losant_exporter_config_last_reload_successful"), Some(1.0));
}

#[tokio::test]
async fn a_file_or_a_certificate_that_cannot_be_used_is_told_until_it_is_mended() {
    let authority = Authority::new("ca");
    let guarded = Guarded::start(&authority).await;
    let start = guarded.now();
    assert_eq!(guarded.said().await, (Some(1.0), Some(start)));

    let stranger = authority.server();
    for (name, broken) in [
        ("web.yml", "tls_server_config:\n  cert: nothing\n"),
        ("web.yml", "{}"),
        ("server.crt", &stranger.certificate[..100]),
        ("server.key", &stranger.key),
    ] {
        let whole = std::fs::read_to_string(guarded.file(name)).expect("a file");
        let (_, before) = guarded.said().await;
        guarded.write(name, broken);
        guarded.until(0.0).await;
        assert_eq!(guarded.said().await, (Some(0.0), before), "{name}: {broken}");
        guarded.write(name, &whole);
        guarded.until(1.0).await;
        let (_, after) = guarded.said().await;
        assert!(before < after && after <= Some(guarded.now()), "{name}: {before:?} {after:?}");
    }
}
