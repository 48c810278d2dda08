//! Where samples go.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::outbound;

/// Shortest value of a query that is taken for a secret, in bytes: less than that would be found in any sentence.
const SHORTEST_SECRET: usize = 4;

/// An `http` or `https` URL that takes samples. Shown without its query, which may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// A text that is no [`Endpoint`]. It is not repeated: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidEndpoint(&'static str);

impl Endpoint {
    /// Whether what is sent there can be read on the way.
    pub fn is_plain_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether what is sent there stays on this machine.
    pub fn is_loopback(&self) -> bool {
        outbound::is_loopback(&self.0)
    }

    /// Takes the values of the query out of foreign text, as they are sent and as they are read.
    pub(super) fn hide_in(&self, text: &str) -> String {
        let sent = self.0.query().unwrap_or_default().split('&').map(|pair| match pair.split_once('=') {
            Some((_, value)) => value.to_owned(),
            None => pair.to_owned(),
        });
        let read = self.0.query_pairs().map(|(_, value)| value.into_owned());
        let secrets = sent.chain(read).filter(|value| value.len() >= SHORTEST_SECRET);
        secrets.fold(text.to_owned(), |text, secret| text.replace(&secret, "[redacted]"))
    }

    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let refuse = |problem| Err(InvalidEndpoint(problem));
        let Ok(url) = outbound::url(text.trim()) else {
            return refuse("not a URL; it should look like http://localhost:9090/api/v1/write");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("the scheme must be http or https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(
                "must not hold a user name or password; give them with --remote-write.username and \
                 --remote-write.password-file",
            );
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_query_are_hidden_however_they_are_echoed() {
        let endpoint: Endpoint = "https://metrics.example.com/?key=hunter%2F2&n=1".parse().unwrap();
        let said = endpoint.hide_in("1 error in /?key=hunter%2F2&n=1: hunter/2 is no key");
        assert_eq!(said, "1 error in /?key=[redacted]&n=1: [redacted] is no key");
    }

    #[test]
    fn an_endpoint_is_shown_without_its_query_and_a_bad_one_not_at_all() {
        let endpoint: Endpoint = "https://metrics.example.com/api/v1/write?key=hunter2".parse().unwrap();
        assert_eq!(format!("{endpoint} {endpoint:?}").matches("hunter2").count(), 0);
        for bad in ["hunter2", "ftp://hunter2/", "http://hunter2@localhost/", "http://me:hunter2@localhost/"]
        {
            assert!(!bad.parse::<Endpoint>().unwrap_err().to_string().contains("hunter2"));
        }
    }
}
