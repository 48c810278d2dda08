//! Section `tls_server_config` of the web configuration file.
//!
//! Owns: what its keys mean for TLS, when it switches TLS on, and reading keys and certificates.
//! Must not: repeat anything that a key file holds.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::client_certificates::{Policy, verifier};
use super::document::TlsDocument;
use super::files::Files;
use super::names::{self, Choice};

/// The key at fault, and what is wrong.
type Refused = (String, String);

/// TLS, and what it asks of clients; `None` where the section does not switch it on.
type Tls = Option<(Arc<ServerConfig>, &'static str)>;

/// Reads the section. Paths are relative to `directory`. `http2` is whether other servers would speak it with this file.
pub(super) fn read(
    document: &TlsDocument,
    http2: bool,
    directory: &Path,
    files: &mut Files,
    warnings: &mut Vec<String>,
) -> Result<Tls, Refused> {
    // All that can be wrong without TLS, too.
    let versions = versions(document)?;
    let provider = provider(document, &versions, http2, warnings)?;
    if !is_enabled(document) {
        if document.min_version.is_some()
            || document.max_version.is_some()
            || document.cipher_suites.is_some()
        {
            warnings.push("tls_server_config names no certificate: pages are served without TLS".to_owned());
        }
        return Ok(None);
    }
    let mut source = Source { directory, files, warnings };
    let Some((certificate_key, certificates)) =
        source.text("cert", document.cert.as_deref(), document.cert_file.as_deref())?
    else {
        return Err(refuse("cert_file", "missing one of cert or cert_file"));
    };
    let Some((key_key, key)) = source.text("key", document.key.as_deref(), document.key_file.as_deref())?
    else {
        return Err(refuse("key_file", "missing one of key or key_file"));
    };
    let chain = certificates_of(&certificates)
        .ok_or_else(|| refuse(&certificate_key, "holds no certificate in PEM form"))?;
    // What it says of a line that it cannot read is that line.
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| refuse(&key_key, "holds no private key in PEM form without a passphrase"))?;
    let certified = CertifiedKey::from_der(chain, key, &provider)
        .map_err(|error| refuse(&key_key, &format!("does not fit the certificate: {error}")))?;

    let authorities =
        source.text("client_ca", document.client_ca.as_deref(), document.client_ca_file.as_deref())?;
    let name = document.client_auth_type.as_deref().unwrap_or_default();
    let policy = Policy::named(name).ok_or_else(|| {
        refuse("client_auth_type", &format!("invalid ClientAuth {name:?}: there are {}", Policy::NAMES))
    })?;
    if authorities.is_some() && policy == Policy::None {
        return Err(refuse(
            "client_auth_type",
            "client CA's have been configured without a Client Auth Policy",
        ));
    }
    let authorities = match authorities {
        None => Vec::new(),
        Some((key, text)) => {
            certificates_of(&text).ok_or_else(|| refuse(&key, "holds no certificate in PEM form"))?
        }
    };
    if policy.verifies() && authorities.is_empty() {
        warnings.push("without client_ca_file no client certificate is trusted".to_owned());
    }
    if policy == Policy::None && document.client_allowed_sans.is_some() {
        warnings.push("client_allowed_sans has no effect without a client_auth_type".to_owned());
    }

    let provider = Arc::new(provider);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| refuse("cipher_suites", &error.to_string()))?;
    let verifier = match policy {
        Policy::None => WebPkiClientVerifier::no_client_auth(),
        policy => verifier(policy, authorities, document.client_allowed_sans.clone(), provider)
            .map_err(|problem| refuse("client_ca_file", &problem))?,
    };
    let mut config = builder
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ignore_client_order =
        document.cipher_suites.is_some() && document.prefer_server_cipher_suites.unwrap_or(true);
    Ok(Some((Arc::new(config), policy.description())))
}

fn refuse(key: &str, problem: &str) -> Refused {
    (format!("tls_server_config.{key}"), problem.to_owned())
}

/// The same keys that switch TLS on in Go.
fn is_enabled(document: &TlsDocument) -> bool {
    let TlsDocument { cert, key, client_ca, cert_file, key_file, client_ca_file, client_auth_type, .. } =
        document;
    [cert, key, client_ca, cert_file, key_file, client_ca_file, client_auth_type]
        .into_iter()
        .any(|text| text.as_ref().is_some_and(|text| !text.is_empty()))
}

fn versions(document: &TlsDocument) -> Result<Vec<&'static SupportedProtocolVersion>, Refused> {
    let read = |key, name: &Option<String>, default| {
        let name = name.as_deref().unwrap_or(default);
        names::version(name).map_err(|names::Unusable(problem)| refuse(key, &problem))
    };
    let lowest = read("min_version", &document.min_version, "TLS12")?;
    let highest = read("max_version", &document.max_version, "TLS13")?;
    let number = |it: &SupportedProtocolVersion| u16::from(it.version);
    let between = |it: &&SupportedProtocolVersion| (number(lowest)..=number(highest)).contains(&number(it));
    let versions: Vec<_> = rustls::ALL_VERSIONS.iter().copied().filter(between).collect();
    if versions.is_empty() {
        return Err(refuse("min_version", "is above max_version"));
    }
    Ok(versions)
}

fn provider(
    document: &TlsDocument,
    versions: &[&'static SupportedProtocolVersion],
    http2: bool,
    warnings: &mut Vec<String>,
) -> Result<CryptoProvider, Refused> {
    let mut provider = ring::default_provider();
    let wanted = document.cipher_suites.as_deref().unwrap_or_default();
    if !wanted.is_empty() {
        let Choice { chosen, left_out } = names::cipher_suites(wanted)
            .map_err(|names::Unusable(problem)| refuse("cipher_suites", &problem))?;
        let speaks =
            |it: &SupportedProtocolVersion| versions.iter().any(|version| version.version == it.version);
        if !speaks(&rustls::version::TLS13) && chosen.is_empty() {
            return Err(refuse("cipher_suites", "none of these can be had in TLS 1.2"));
        }
        if http2 && speaks(&rustls::version::TLS12) && !names::are_fit_for_http2(wanted) {
            let problem = "is missing TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
                           which HTTP/2 requires; or set http_server_config.http2 to false";
            return Err(refuse("cipher_suites", problem));
        }
        warn_of(warnings, "cipher_suites", &left_out);
        provider.cipher_suites = [names::suites_of_tls13(&provider), chosen].concat();
    }
    let wanted = document.curve_preferences.as_deref().unwrap_or_default();
    if !wanted.is_empty() {
        let Choice { chosen, left_out } = names::curves(wanted)
            .map_err(|names::Unusable(problem)| refuse("curve_preferences", &problem))?;
        if chosen.is_empty() {
            return Err(refuse(
                "curve_preferences",
                "none of these can be had: CurveP521 is not offered here",
            ));
        }
        warn_of(warnings, "curve_preferences", &left_out);
        provider.kx_groups = chosen;
    }
    Ok(provider)
}

fn warn_of(warnings: &mut Vec<String>, key: &str, left_out: &[String]) {
    if !left_out.is_empty() {
        warnings.push(format!("tls_server_config.{key}: not offered here: {}", left_out.join(", ")));
    }
}

/// Where texts come from.
struct Source<'a> {
    directory: &'a Path,
    files: &'a mut Files,
    warnings: &'a mut Vec<String>,
}

impl Source<'_> {
    /// The text of a key that stands in the file itself or in one of its own. Returns the key where it was found.
    fn text(
        &mut self,
        key: &str,
        inline: Option<&str>,
        file: Option<&str>,
    ) -> Result<Option<(String, Vec<u8>)>, Refused> {
        let inline = inline.filter(|text| !text.is_empty());
        let Some(file) = file.filter(|file| !file.is_empty()) else {
            return Ok(inline.map(|text| (key.to_owned(), text.as_bytes().to_vec())));
        };
        if inline.is_some() {
            self.warnings.push(format!("tls_server_config.{key} has no effect beside {key}_file"));
        }
        let (key, path) = (format!("{key}_file"), self.directory.join(file));
        let content = self.files.read(&path).map(<[u8]>::to_vec);
        let content = content.map_err(|error| refuse(&key, &format!("{}: {error}", path.display())))?;
        Ok(Some((key, content)))
    }
}

/// Certificates in PEM form. `None` where there is none, or one that cannot be read.
fn certificates_of(text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>().ok()?;
    (!certificates.is_empty()).then_some(certificates)
}
