//! Certificates that clients show.
//!
//! Owns: the five policies of Go's `ClientAuthType`, and which subject names are let in.
//! Must not: read a file.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use super::subject_names::Subject;

/// What is asked of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Nothing.
    None,
    /// A certificate may be shown, whichever.
    Request,
    /// A certificate has to be shown, whichever.
    RequireAny,
    /// A certificate that is shown has to be trusted.
    VerifyIfGiven,
    /// A trusted certificate has to be shown.
    RequireAndVerify,
}

impl Policy {
    pub(super) const NAMES: &str = "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven and \
                                    RequireAndVerifyClientCert";

    /// By the name of Go. `RequireClientCert` is an old one.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "" | "NoClientCert" => Self::None,
            "RequestClientCert" => Self::Request,
            "RequireAnyClientCert" | "RequireClientCert" => Self::RequireAny,
            "VerifyClientCertIfGiven" => Self::VerifyIfGiven,
            "RequireAndVerifyClientCert" => Self::RequireAndVerify,
            _ => return None,
        })
    }

    /// Whether a certificate has to be one that somebody trusted has signed.
    pub(super) const fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }

    const fn requires(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }

    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Request => "any client certificate or none",
            Self::RequireAny => "client certificates of anybody",
            Self::VerifyIfGiven => "trusted client certificates or none",
            Self::RequireAndVerify => "trusted client certificates",
        }
    }
}

/// What checks the certificates of clients. The error says what is wrong with the authorities.
pub(super) fn verifier(
    policy: Policy,
    authorities: Vec<CertificateDer<'static>>,
    allowed_names: Option<Vec<String>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for (index, authority) in authorities.iter().enumerate() {
        let number = index.saturating_add(1);
        roots.add(authority.clone()).map_err(|error| format!("certificate {number} of it: {error}"))?;
    }
    let hints = roots.subjects();
    let chains = if roots.is_empty() {
        None
    } else {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        Some(builder.build().map_err(|error| error.to_string())?)
    };
    Ok(Arc::new(Verifier { policy, authorities, chains, hints, allowed_names, provider }))
}

#[derive(Debug)]
struct Verifier {
    policy: Policy,
    authorities: Vec<CertificateDer<'static>>,
    /// `None` where nobody is trusted.
    chains: Option<Arc<dyn ClientCertVerifier>>,
    hints: Vec<DistinguishedName>,
    allowed_names: Option<Vec<String>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn verify_trust(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let Some(chains) = &self.chains else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        let verified = chains.verify_client_cert(certificate, intermediates, now).map(|_| ());
        // One that is trusted by itself may be of the kind that signs others: those that OpenSSL makes at first are.
        if verified.is_err() && self.authorities.contains(certificate) {
            return Subject::of(certificate)?.verify_by_itself(now);
        }
        verified
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        // Without a certificate there is no name that could be allowed.
        self.policy.requires() || self.allowed_names.is_some()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.policy.verifies() {
            self.verify_trust(certificate, intermediates, now)?;
        }
        if let Some(allowed) = &self.allowed_names {
            let names = Subject::of(certificate)?.names()?;
            if !names.iter().any(|name| allowed.contains(name)) {
                return Err(CertificateError::ApplicationVerificationFailure.into());
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
