//! Where the web server listens.
//!
//! Owns: the notation of `--web.listen-address` and what it means for sockets.
//! Must not: accept a connection.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::net::TcpListener;

/// An address to listen on: `:9114` (all interfaces), `127.0.0.1:9114`, `[::1]:9114` or `localhost:9114`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    All,
    Ip(IpAddr),
    Name(String),
}

/// A text that is not a [`ListenAddress`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a listen address: {problem}; expected host:port, [ipv6]:port or :port")]
pub struct InvalidListenAddress {
    text: String,
    problem: &'static str,
}

/// An address on which nobody can listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    address: ListenAddress,
    source: io::Error,
}

/// Opens all of `addresses`, or none.
pub async fn bind(addresses: &[ListenAddress]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = address.listen().await;
        listeners.push(listener.map_err(|source| BindError { address: address.clone(), source })?);
    }
    Ok(listeners)
}

impl ListenAddress {
    /// Opens this address alone.
    pub async fn listen(&self) -> io::Result<TcpListener> {
        match &self.host {
            Host::All => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, self.port)).await {
                // IPv4 comes in there, too. Only where a machine has no IPv6 at all, it needs a socket of its own.
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.port)).await
                }
                listener => listener,
            },
            Host::Ip(address) => TcpListener::bind((*address, self.port)).await,
            Host::Name(name) => {
                let mut addresses: Vec<_> =
                    tokio::net::lookup_host((name.as_str(), self.port)).await?.collect();
                // `localhost` is mostly asked for as 127.0.0.1, whatever the resolver names first.
                addresses.sort_by_key(SocketAddr::is_ipv6);
                TcpListener::bind(addresses.as_slice()).await
            }
        }
    }

    /// Host and port under which it is reached from this machine. `None` where the system chooses the port.
    pub fn local_authority(&self) -> Option<String> {
        let ip = match &self.host {
            Host::All => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Host::Ip(IpAddr::V4(address)) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            Host::Ip(IpAddr::V6(address)) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            Host::Ip(address) => *address,
            Host::Name(name) => return (self.port != 0).then(|| format!("{name}:{}", self.port)),
        };
        (self.port != 0).then(|| SocketAddr::new(ip, self.port).to_string())
    }
}

impl FromStr for ListenAddress {
    type Err = InvalidListenAddress;

    fn from_str(text: &str) -> Result<Self, InvalidListenAddress> {
        let invalid = |problem| InvalidListenAddress { text: text.to_owned(), problem };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| {
            // A number alone is a port in the mind of whoever writes it.
            invalid(if text.parse::<u16>().is_ok() {
                "a colon is missing before the port"
            } else {
                "the port is missing"
            })
        })?;
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or_else(|| invalid("the port is not one"))?;
        let host = if host.is_empty() {
            Host::All
        } else if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: Ipv6Addr =
                inner.parse().map_err(|_| invalid("in brackets stands no IPv6 address"))?;
            Host::Ip(address.into())
        } else if let Ok(address) = host.parse::<Ipv4Addr>() {
            Host::Ip(address.into())
        } else if host.contains(':') {
            return Err(invalid("an IPv6 address needs brackets"));
        } else if is_name(host) {
            Host::Name(host.to_owned())
        } else {
            return Err(invalid("the host is neither an address nor a name"));
        };
        Ok(Self { host, port })
    }
}

/// Whether a resolver could know `host`. A name of digits and dots is a mistyped address, never a host.
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    host.split('.').all(label) && !host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.host {
            Host::All => write!(f, ":{port}"),
            Host::Ip(address) => write!(f, "{}", SocketAddr::new(*address, port)),
            Host::Name(name) => write!(f, "{name}:{port}"),
        }
    }
}

impl serde::Serialize for ListenAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ListenAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::net::TcpStream;

    use super::*;

    fn address(text: &str) -> ListenAddress {
        text.parse().unwrap()
    }

    #[test]
    fn every_notation_is_read_and_written_back() {
        for text in [
            ":9114",
            "127.0.0.1:9114",
            "0.0.0.0:0",
            "[::1]:9114",
            "[::]:80",
            "localhost:65535",
            "a-b.c_d.io:1",
        ] {
            assert_eq!(address(text).to_string(), text);
            let quoted = serde_json::Value::from(text);
            assert_eq!(serde_json::from_value::<ListenAddress>(quoted).unwrap(), address(text));
        }
    }

    #[test]
    fn a_listener_is_reached_over_loopback_where_it_listens_there() {
        for (text, authority) in [
            (":9114", Some("127.0.0.1:9114")),
            ("0.0.0.0:9114", Some("127.0.0.1:9114")),
            ("[::]:9114", Some("[::1]:9114")),
            ("10.0.0.1:9114", Some("10.0.0.1:9114")),
            ("localhost:9114", Some("localhost:9114")),
            ("localhost:0", None),
            (":0", None),
        ] {
            assert_eq!(address(text).local_authority().as_deref(), authority, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_problem() {
        let refused = |text: &str| text.parse::<ListenAddress>().unwrap_err().to_string();
        insta::assert_snapshot!(refused("9114"), @r#""9114" is not a listen address: a colon is missing before the port; expected host:port, [ipv6]:port or :port"#);
        insta::assert_snapshot!(refused("localhost:http"), @r#""localhost:http" is not a listen address: the port is not one; expected host:port, [ipv6]:port or :port"#);
        insta::assert_snapshot!(refused("::1:9114"), @r#""::1:9114" is not a listen address: an IPv6 address needs brackets; expected host:port, [ipv6]:port or :port"#);
        insta::assert_snapshot!(refused("[::g]:9114"), @r#""[::g]:9114" is not a listen address: in brackets stands no IPv6 address; expected host:port, [ipv6]:port or :port"#);
        insta::assert_snapshot!(refused("http://localhost:9114"), @r#""http://localhost:9114" is not a listen address: an IPv6 address needs brackets; expected host:port, [ipv6]:port or :port"#);
        for text in [
            "",
            ":",
            "localhost",
            "localhost:",
            ":65536",
            ":+1",
            "1.2.3:80",
            "256.1.1.1:80",
            "a b:80",
            "[]:80",
            "*:80",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn all_interfaces_means_ipv4_too() {
        let listeners = bind(&[address(":0")]).await.unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }

    #[tokio::test]
    async fn localhost_is_reachable_over_ipv4() {
        let listeners = bind(&[address("localhost:0")]).await.unwrap();
        assert_eq!(listeners[0].local_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
    }

    #[tokio::test]
    async fn a_taken_address_is_named_with_its_flag() {
        let taken = bind(&[address("127.0.0.1:0")]).await.unwrap()[0].local_addr().unwrap();
        let holder = TcpListener::bind(taken).await.unwrap();
        let error = bind(&[address("127.0.0.1:0"), address(&taken.to_string())]).await.unwrap_err();
        drop(holder);
        let message = error.to_string();
        assert!(message.starts_with(&format!("cannot listen on {taken}")), "{message}");
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_so_that_it_reads_the_same(text in "[a-c0-9:.\\[\\]-]{0,12}:[0-9]{1,5}") {
            if let Ok(address) = text.parse::<ListenAddress>() {
                prop_assert_eq!(address.to_string().parse::<ListenAddress>().unwrap(), address);
            }
        }
    }
}
