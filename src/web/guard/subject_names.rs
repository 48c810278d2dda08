//! What a certificate says of its subject.
//!
//! Owns: alternative names as Go writes them, and for what and until when a certificate that is trusted by itself is good.
//! Must not: decide whom to trust.

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};

/// The uses that let a client show a certificate: as such, and for anything.
const USES_OF_CLIENTS: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"), ObjectIdentifier::new_unwrap("2.5.29.37.0")];

/// A certificate that has been taken apart.
pub(super) struct Subject(Certificate);

impl Subject {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        Certificate::from_der(certificate).map(Self).map_err(|_| CertificateError::BadEncoding.into())
    }

    /// Its alternative names: of hosts, addresses, e-mail and URIs.
    pub(super) fn names(&self) -> Result<Vec<String>, Error> {
        let found = self.0.tbs_certificate().get_extension::<SubjectAltName>();
        let found = found.map_err(|_| Error::from(CertificateError::BadEncoding))?;
        let names = found.map(|(_, SubjectAltName(names))| names).unwrap_or_default();
        Ok(names.into_iter().filter_map(text_of).collect())
    }

    /// Checks what a signature does not vouch for where the certificate itself is trusted.
    pub(super) fn verify_by_itself(&self, now: UnixTime) -> Result<(), Error> {
        let certificate = self.0.tbs_certificate();
        let validity = certificate.validity();
        if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
            return Err(CertificateError::NotValidYet.into());
        }
        if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
            return Err(CertificateError::Expired.into());
        }
        let uses = certificate.get_extension::<ExtendedKeyUsage>();
        let uses = uses.map_err(|_| Error::from(CertificateError::BadEncoding))?;
        match uses {
            Some((_, ExtendedKeyUsage(uses))) if !uses.iter().any(|it| USES_OF_CLIENTS.contains(it)) => {
                Err(CertificateError::InvalidPurpose.into())
            }
            _ => Ok(()),
        }
    }
}

fn text_of(name: GeneralName) -> Option<String> {
    match name {
        GeneralName::Rfc822Name(text)
        | GeneralName::DnsName(text)
        | GeneralName::UniformResourceIdentifier(text) => Some(text.as_str().to_owned()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let address = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = address.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_canonical().to_string())
        }
        _ => None,
    }
}
