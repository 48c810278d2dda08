//! Certificates made for a test, and a client that shows and checks them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Somebody who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub struct Identity {
    pub certificate: String,
    pub key: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of this machine.
    pub fn server(&self) -> Identity {
        self.sign(&["DNS:localhost", "IP:127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate of this machine that is not valid any more.
    pub fn expired_server(&self) -> Identity {
        let mut params = params(&["DNS:localhost", "IP:127.0.0.1"]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.sign_as(&params)
    }

    /// A certificate of a client with these alternative names.
    pub fn client(&self, names: &[&str]) -> Identity {
        self.sign(names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = params(names);
        params.extended_key_usages = vec![usage];
        self.sign_as(&params)
    }

    fn sign_as(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity::new(certificate.pem(), certificate.der().clone(), &key)
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new([]).expect("parameters");
    params.distinguished_name.push(DnType::CommonName, "somebody");
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.split_once(':').expect("kind and name") {
            ("DNS", name) => SanType::DnsName(name.try_into().expect("ASCII")),
            ("IP", address) => SanType::IpAddress(address.parse().expect("an address")),
            ("EMAIL", name) => SanType::Rfc822Name(name.try_into().expect("ASCII")),
            ("URI", name) => SanType::URI(name.try_into().expect("ASCII")),
            _ => panic!("{name}"),
        })
        .collect();
    params
}

impl Identity {
    fn new(certificate: String, der: CertificateDer<'static>, key: &KeyPair) -> Self {
        Self { certificate, key: key.serialize_pem(), der, key_der: key.serialize_der() }
    }

    /// One that nobody has signed, of the kind that `openssl req -x509` makes.
    pub fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self::new(certificate.pem(), certificate.der().clone(), &key)
    }

    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key_der.clone().into())
    }

    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Writes `NAME.crt` and `NAME.key`.
    pub fn write(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(format!("{name}.crt")), &self.certificate).expect("a file");
        std::fs::write(folder.join(format!("{name}.key")), &self.key).expect("a file");
    }
}

/// A client that trusts one authority.
#[derive(Clone)]
pub struct Visitor {
    pub roots: RootCertStore,
    pub provider: CryptoProvider,
    pub versions: Vec<&'static SupportedProtocolVersion>,
}

/// What a visitor was told.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub certificate: CertificateDer<'static>,
    pub suite: String,
}

impl Visitor {
    pub fn trusting(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.0.der().clone()).expect("an authority");
        Self { roots, provider: ring::default_provider(), versions: rustls::ALL_VERSIONS.to_vec() }
    }

    /// Asks for a page over a connection of its own. `lines` are further lines of the head.
    pub async fn get(
        &self,
        address: SocketAddr,
        path: &str,
        lines: &str,
        identity: Option<&Identity>,
    ) -> Result<Answer, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let builder = ClientConfig::builder_with_provider(Arc::new(self.provider.clone()))
            .with_protocol_versions(&self.versions)
            .map_err(|error| text(&error))?
            .with_root_certificates(self.roots.clone());
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(vec![identity.der.clone()], identity.private_key())
                .map_err(|error| text(&error))?,
        };
        let stream = TcpStream::connect(address).await.map_err(|error| text(&error))?;
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, stream).await.map_err(|error| text(&error))?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| text(&error))?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(|error| text(&error))?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first()).expect("a certificate");
        Ok(Answer {
            status: status.ok_or_else(|| format!("no answer: {answer:?}"))?,
            certificate: certificate.clone().into_owned(),
            suite: format!("{:?}", session.negotiated_cipher_suite().expect("a cipher suite").suite()),
        })
    }
}
