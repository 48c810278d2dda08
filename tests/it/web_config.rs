//! The web configuration file: which are valid, in what words others are refused, and that this is as with the Prometheus
//! exporter-toolkit, but where it says so.

use std::path::Path;
use std::process::Command;

use losant_exporter::web::Guard;

use crate::certificates::{Authority, Identity};

/// How the exporter-toolkit takes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Toolkit {
    Accepts,
    Refuses,
}
use Toolkit::{Accepts, Refuses};

struct Case {
    name: &'static str,
    file: &'static str,
    toolkit: Toolkit,
    /// Where this is meant to differ from the exporter-toolkit: why.
    differs: &'static str,
}

const fn case(name: &'static str, toolkit: Toolkit, file: &'static str) -> Case {
    Case { name, file, toolkit, differs: "" }
}

const fn stricter(name: &'static str, differs: &'static str, file: &'static str) -> Case {
    Case { name, file, toolkit: Accepts, differs }
}

const HASH: &str = "$2y$10$2UXri9cIDdgeKjBo4Rlpx.U3ZLDV8X1IxKmsfOvhcM5oXQt/mLmXq";

/// TLS stands for a certificate and its key; USERS for a user with a hash; INLINE for a certificate and its key in the file.
const CASES: &[Case] = &[
    stricter("nothing", "a file that is just being written is empty, too", ""),
    stricter("a comment", "a file that is just being written begins like that, too", "# nothing yet\n"),
    case("no rules", Accepts, "{}\n"),
    case(
        "empty sections",
        Accepts,
        "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n",
    ),
    case("no structure", Refuses, "hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr\n"),
    case("an unknown key", Refuses, "tls_server_config:\n  cert_filse: server.crt\n"),
    case("an unknown section", Refuses, "tls_config:\n  cert_file: server.crt\n"),
    case("a key twice", Refuses, "rate_limit:\n  burst: 1\n  burst: 2\n"),
    // Certificates.
    case("TLS", Accepts, "TLS"),
    case("certificate and key in the file", Accepts, "INLINE"),
    case(
        "certificate in a file of its own, key in this one",
        Accepts,
        "tls_server_config:\n  cert_file: server.crt\n  key: |\nKEY",
    ),
    case("no certificate", Refuses, "tls_server_config:\n  cert_file: ''\n  key_file: server.key\n"),
    case("no certificate in the file", Refuses, "tls_server_config:\n  cert: ''\n  key_file: server.key\n"),
    case("no key", Refuses, "tls_server_config:\n  cert_file: server.crt\n  key_file: ''\n"),
    case("no key in the file", Refuses, "tls_server_config:\n  cert_file: server.crt\n  key: ''\n"),
    case(
        "neither, and a policy",
        Refuses,
        "tls_server_config:\n  cert_file: ''\n  key_file: ''\n  client_auth_type: x\n",
    ),
    case(
        "a certificate that is missing",
        Refuses,
        "tls_server_config:\n  cert_file: somefile\n  key_file: server.key\n",
    ),
    case(
        "a key that is missing",
        Refuses,
        "tls_server_config:\n  cert_file: server.crt\n  key_file: somefile\n",
    ),
    case(
        "a key of somebody else",
        Refuses,
        "tls_server_config:\n  cert_file: server.crt\n  key_file: client.key\n",
    ),
    case(
        "a key for a certificate",
        Refuses,
        "tls_server_config:\n  cert_file: server.key\n  key_file: server.key\n",
    ),
    case(
        "a certificate for a key",
        Refuses,
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.crt\n",
    ),
    case("versions without a certificate", Accepts, "tls_server_config:\n  min_version: TLS13\n"),
    // Clients.
    case("no certificates of clients", Accepts, "TLS  client_auth_type: NoClientCert\n"),
    case("any certificate or none", Accepts, "TLS  client_auth_type: RequestClientCert\n"),
    case("any certificate", Accepts, "TLS  client_auth_type: RequireAnyClientCert\n"),
    case("any certificate, by its old name", Accepts, "TLS  client_auth_type: RequireClientCert\n"),
    case(
        "a trusted certificate or none",
        Accepts,
        "TLS  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n",
    ),
    case(
        "a trusted certificate",
        Accepts,
        "TLS  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n",
    ),
    case(
        "a trusted certificate, and nobody is trusted",
        Accepts,
        "TLS  client_auth_type: RequireAndVerifyClientCert\n",
    ),
    case("an unknown policy", Refuses, "TLS  client_auth_type: RequireEverything\n"),
    case("authorities without a policy", Refuses, "TLS  client_ca_file: ca.crt\n"),
    case("authorities that are missing", Refuses, "TLS  client_ca_file: somefile\n"),
    case(
        "names of clients",
        Accepts,
        "TLS  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [one, two]\n",
    ),
    case("names of clients without a policy", Accepts, "TLS  client_allowed_sans: [one]\n"),
    stricter(
        "authorities that are none",
        "it would let in nobody",
        "TLS  client_auth_type: RequireAnyClientCert\n  client_ca_file: /dev/null\n",
    ),
    // Versions, cipher suites, curves.
    case("TLS 1.3 only", Accepts, "TLS  min_version: TLS13\n"),
    case("TLS 1.2 only", Accepts, "TLS  max_version: TLS12\n"),
    case("an unknown version", Refuses, "TLS  min_version: TLS111\n"),
    stricter("TLS 1.0", "rustls does not speak it", "TLS  min_version: TLS10\n"),
    stricter(
        "at most TLS 1.1",
        "rustls does not speak it",
        "TLS  min_version: TLS10\n  max_version: TLS11\n",
    ),
    stricter(
        "versions in the wrong order",
        "no handshake could succeed",
        "TLS  min_version: TLS13\n  max_version: TLS12\n",
    ),
    case(
        "all cipher suites",
        Accepts,
        "TLS  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, \
         TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \
         TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, \
         TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, \
         TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, \
         TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]\n",
    ),
    case(
        "an invented cipher suite",
        Refuses,
        "TLS  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048]\n",
    ),
    case("a broken cipher suite", Refuses, "TLS  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n"),
    case(
        "cipher suites unfit for HTTP/2",
        Refuses,
        "TLS  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n  max_version: TLS12\n",
    ),
    case(
        "the same without HTTP/2",
        Accepts,
        "TLS  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n  max_version: TLS12\nhttp_server_config:\n  http2: false\n",
    ),
    case(
        "the order of the client",
        Accepts,
        "TLS  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: false\n",
    ),
    stricter(
        "only cipher suites with CBC",
        "ring has none",
        "TLS  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]\n  max_version: TLS12\nhttp_server_config:\n  http2: false\n",
    ),
    case("all curves", Accepts, "TLS  curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]\n"),
    case("an invented curve", Refuses, "TLS  curve_preferences: [CurveP257]\n"),
    stricter("only the curve P-521", "ring has it not", "TLS  curve_preferences: [CurveP521]\n"),
    // Headers.
    case(
        "all headers",
        Accepts,
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    \
         Strict-Transport-Security: max-age=31536000; includeSubDomains\n    X-Content-Type-Options: nosniff\n    \
         X-XSS-Protection: 1\n    Content-Security-Policy: \"default-src 'self' *.test.example.net\"\n",
    ),
    case(
        "a header that is not blank where it must not be",
        Refuses,
        "http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n",
    ),
    case(
        "an unknown value of X-Frame-Options",
        Refuses,
        "http_server_config:\n  headers:\n    X-Frame-Options: foo\n",
    ),
    case("another header", Refuses, "http_server_config:\n  headers:\n    Content-Type: foo\n"),
    case("a blank header", Accepts, "http_server_config:\n  headers:\n    X-XSS-Protection: ''\n"),
    // Users.
    case("users", Accepts, "USERS"),
    case("users and TLS", Accepts, "TLSUSERS"),
    case("users whose hashes differ in cost", Accepts, "USERS  erin: CHEAPER\n"),
    case("a password that is no hash", Refuses, "basic_auth_users:\n  john: doe\n"),
    case("a user without a password", Refuses, "basic_auth_users:\n  john:\n"),
    case("users as a list", Refuses, "basic_auth_users:\n- john\n"),
    // Rate limit.
    case("no rate limit", Accepts, "rate_limit:\n  interval: 0\n  burst: 0\n"),
    case("a rate limit", Accepts, "rate_limit:\n  interval: 1s\n  burst: 10\n"),
    case(
        "a rate limit in parts of a second",
        Accepts,
        "rate_limit:\n  interval: \"1m1s500ms\"\n  burst: 1\n",
    ),
    case("an interval that is none", Refuses, "rate_limit:\n  interval: soon\n"),
    case("a burst that is no number", Refuses, "rate_limit:\n  interval: 1s\n  burst: many\n"),
    stricter(
        "an interval without a unit",
        "Go takes it for nanoseconds",
        "rate_limit:\n  interval: 5\n  burst: 1\n",
    ),
    stricter(
        "a negative interval",
        "Go takes it for no limit at all",
        "rate_limit:\n  interval: -1s\n  burst: 1\n",
    ),
    stricter("a negative burst", "it would let in nobody", "rate_limit:\n  interval: 1s\n  burst: -1\n"),
];

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat()
}

/// A folder with a certificate and its key, an authority, and the key of a client.
fn folder() -> (tempfile::TempDir, Identity) {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("ca");
    let server = authority.server();
    server.write(folder.path(), "server");
    authority.client(&["DNS:one"]).write(folder.path(), "client");
    std::fs::write(folder.path().join("ca.crt"), authority.pem()).expect("a file");
    (folder, server)
}

fn write(folder: &Path, server: &Identity, text: &str) -> std::path::PathBuf {
    let text = text
        .replace("INLINE", "tls_server_config:\n  cert: |\nCERT  key: |\nKEY")
        .replace("TLSUSERS", "TLSbasic_auth_users:\n  dave: HASH\n")
        .replace("USERS", "basic_auth_users:\n  dave: HASH\n")
        .replace("CERT", &indented(&server.certificate))
        .replace("KEY", &indented(&server.key))
        .replace("HASH", HASH)
        .replace("CHEAPER", &HASH.replace("$10$", "$05$"));
    let text = match text.strip_prefix("TLS") {
        Some(rest) => format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{rest}"),
        None => text,
    };
    let file = folder.join("web.yml");
    std::fs::write(&file, text).expect("a file");
    file
}

#[test]
fn files_are_valid_or_refused_as_with_the_exporter_toolkit() {
    let (folder, server) = folder();
    let mut told = String::new();
    for case in CASES {
        let file = write(folder.path(), &server, case.file);
        let outcome = Guard::load(&file).map(|guard| guard.describe());
        let is_as_with_the_toolkit = outcome.is_ok() == (case.toolkit == Accepts);
        assert_eq!(is_as_with_the_toolkit, case.differs.is_empty(), "{}: {outcome:?}", case.name);
        let outcome = match outcome {
            Ok((rules, warnings)) => {
                let warnings: Vec<_> = warnings.iter().map(|it| format!("\n    warning: {it}")).collect();
                format!("ok: {rules}{}", warnings.concat())
            }
            Err(error) => format!("refused: {error}"),
        };
        assert!(!outcome.contains("PRIVATE") && !outcome.contains("$2y$"), "{outcome}");
        told +=
            &format!("{}\n  {outcome}\n", case.name).replace(&folder.path().display().to_string(), "FOLDER");
        if !case.differs.is_empty() {
            told += &["    differs: ", case.differs, "\n"].concat();
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_file_that_is_missing_or_no_text_is_refused_by_its_name() {
    let (folder, _) = folder();
    let missing = Guard::load(&folder.path().join("web.yml")).unwrap_err().to_string();
    assert!(missing.contains("web.yml: No such file"), "{missing}");
    std::fs::write(folder.path().join("web.yml"), b"a: \xff").unwrap();
    let binary = Guard::load(&folder.path().join("web.yml")).unwrap_err().to_string();
    assert!(binary.ends_with("web.yml: is not UTF-8 from byte 3 on"), "{binary}");
}

#[test]
fn a_password_in_a_wrong_place_is_not_repeated() {
    let (folder, server) = folder();
    for text in [
        "basic_auth_users: hunter2\n",
        "basic_auth_users:\n- hunter2\n",
        "basic_auth_users:\n  dave:\n    hash: hunter2\n",
        "basic_auth_users:\n  dave: [hunter2]\n",
        "basic_auth_users:\n  dave: hunter2\n",
        "basic_auth_users:\n  dave: \"hunter2\n",
        "tls_server_config:\n  key: [hunter2]\n",
        "tls_server_config:\n  cert_file: server.crt\n  key: hunter2\n",
        "tls_server_config:\n  cert_file: server.crt\n  key: \"-----BEGIN hunter2\\n-----BEGIN hunter2-----\\n\"\n",
    ] {
        let file = write(folder.path(), &server, text);
        let refused = Guard::load(&file).unwrap_err().to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

#[test]
fn check_says_what_protects_the_pages_and_refuses_what_serve_would() {
    let (folder, server) = folder();
    let file = write(folder.path(), &server, "TLSUSERS");
    let flag = format!("--web.config.file={}", file.display());
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
            .args(args)
            .current_dir(folder.path())
            .env_clear()
            .env("LOSANT_API_TOKEN", "a.secret.token")
            .output()
            .expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, printed, _) = run(&["check", &flag]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("\nPages: TLS, 1 user.\n"), "{printed}");
    std::fs::write(folder.path().join("config.toml"), "[web]\nconfig_file = \"web.yml\"\n").unwrap();
    write(folder.path(), &server, "TLS  client_ca_file: ca.crt\n");
    for args in [&["check"][..], &["serve"]] {
        let (code, printed, complaint) = run(args);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{complaint}");
        assert!(
            complaint.ends_with(
                "web configuration: web.yml: key tls_server_config.client_auth_type: client CA's have been \
                 configured without a Client Auth Policy\n"
            ),
            "{complaint}"
        );
    }
}
