//! The names that Go gives to versions, cipher suites and curves of TLS, which the file uses.
//!
//! Owns: what each name means here, and which of them cannot be had. Go's cipher suites with CBC, and its curve P-521, are not
//! in `ring`: naming them among others leaves them out.
//! Must not: know a file.

use rustls::crypto::ring::{cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// Cipher suites of TLS 1.2 by the names of Go. What stands without a suite is known to Go alone.
const SUITES_OF_TLS12: [(&str, Option<SupportedCipherSuite>); 10] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Some(cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Some(cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Some(cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Some(cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
];

/// Those of TLS 1.3. The list is about older versions: naming one of these changes nothing.
const SUITES_OF_TLS13: [&str; 3] =
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// One of these a client may rely on that speaks HTTP/2.
const SUITES_OF_HTTP2: [&str; 2] =
    ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];

/// A name that stands for nothing that can be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unusable(pub(super) String);

/// What was chosen by names, and the names that were left out.
#[derive(Debug)]
pub(super) struct Choice<T> {
    pub(super) chosen: Vec<T>,
    pub(super) left_out: Vec<String>,
}

/// A version of TLS. `key` is for the reason why it cannot be had.
pub(super) fn version(name: &str) -> Result<&'static SupportedProtocolVersion, Unusable> {
    match name {
        "TLS12" => Ok(&TLS12),
        "TLS13" => Ok(&TLS13),
        "TLS10" | "TLS11" => Err(Unusable(format!(
            "{name} is not offered here: TLS 1.0 and 1.1 are broken, and every scraper speaks TLS12 or TLS13"
        ))),
        unknown => Err(Unusable(format!("unknown TLS version {unknown:?}: there are TLS12 and TLS13"))),
    }
}

/// The cipher suites of TLS 1.2 that are named, in their order.
pub(super) fn cipher_suites(names: &[String]) -> Result<Choice<SupportedCipherSuite>, Unusable> {
    let mut choice = Choice { chosen: Vec::new(), left_out: Vec::new() };
    for name in names {
        match SUITES_OF_TLS12.iter().find(|(known, _)| known == name) {
            Some((_, Some(suite))) => choice.chosen.push(*suite),
            Some((_, None)) => choice.left_out.push(name.clone()),
            None if SUITES_OF_TLS13.contains(&name.as_str()) => {}
            None => return Err(Unusable(format!("unknown cipher suite {name:?}"))),
        }
    }
    Ok(choice)
}

/// Whether a client that speaks HTTP/2 finds a cipher suite that it may rely on.
pub(super) fn are_fit_for_http2(names: &[String]) -> bool {
    names.iter().any(|name| SUITES_OF_HTTP2.contains(&name.as_str()))
}

/// The curves that are named, in their order.
pub(super) fn curves(names: &[String]) -> Result<Choice<&'static dyn SupportedKxGroup>, Unusable> {
    let mut choice = Choice { chosen: Vec::new(), left_out: Vec::new() };
    for name in names {
        match name.as_str() {
            "CurveP256" => choice.chosen.push(kx_group::SECP256R1),
            "CurveP384" => choice.chosen.push(kx_group::SECP384R1),
            "X25519" => choice.chosen.push(kx_group::X25519),
            "CurveP521" => choice.left_out.push(name.clone()),
            unknown => {
                let problem = format!("unknown curve {unknown:?}: there are X25519, CurveP256 and CurveP384");
                return Err(Unusable(problem));
            }
        }
    }
    Ok(choice)
}

/// The cipher suites of TLS 1.3 that a provider has.
pub(super) fn suites_of_tls13(provider: &CryptoProvider) -> Vec<SupportedCipherSuite> {
    provider.cipher_suites.iter().filter(|suite| suite.tls13().is_some()).copied().collect()
}
