//! The web configuration file.
//!
//! What is refused is refused in one line that begins with the file, and no hash, password or private key that stands in it is ever
//! repeated: neither by an error, nor by a warning, nor by what is said of rules in force.

use std::sync::OnceLock;

use losant_exporter::web::Guard;

use crate::scratch;

/// Stands in no input.
const SECRET: &str = "hunter2hunter2hunter2";

/// Where a secret may stand, right or wrong.
const LINES: [&str; 5] = [
    "  alice: {}",
    "basic_auth_users: {alice: \"$2y$10${}\"}",
    "  key: \"-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\"",
    "tls_server_config: {cert_file: cert.pem, key: \"{}\"}",
    "basic_auth_users: {}",
];

/// Checks a text as the web configuration, and once more with a secret in it.
pub fn check(data: &[u8]) {
    // Devices may block whoever reads them, and belong to the machine.
    let Ok(text) = std::str::from_utf8(data) else { return read(data, None) };
    if ["/dev", "/proc", "/sys"].iter().any(|folder| text.contains(folder)) {
        return;
    }
    read(data, None);
    // Within a text of several lines it would be a part of a value, and some values may be repeated.
    if text.contains(SECRET) || text.contains(['"', '\'', '|', '>', '&', '*']) {
        return;
    }
    for line in LINES {
        let line = line.replace("{}", SECRET);
        read(scratch::with_line(text, &line).as_bytes(), Some(SECRET));
    }
}

fn read(content: &[u8], secret: Option<&str>) {
    certificates();
    let file = scratch::file("web.yaml", content);
    let said = match Guard::load(&file) {
        Ok(guard) => {
            let (rules, warnings) = guard.describe();
            format!("{rules} {} {guard:?}", warnings.join(" "))
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with(&format!("{}: ", file.display())), "the file is not named: {said}");
            said
        }
    };
    assert!(!said.contains(char::is_control), "more than one line: {said:?}");
    if let Some(secret) = secret {
        assert!(!said.contains(secret), "a secret is repeated: {said}");
    }
}

/// A certificate and its key, beside the file.
fn certificates() {
    static PEM: OnceLock<(String, String)> = OnceLock::new();
    let (certificate, key) = PEM.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    });
    if !scratch::folder().join("cert.pem").exists() {
        scratch::file("cert.pem", certificate.as_bytes());
        scratch::file("key.pem", key.as_bytes());
    }
}
