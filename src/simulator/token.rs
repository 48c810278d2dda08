//! Bearer tokens: made-up JWTs, and which of them are accepted.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The API host that the simulator's own token names.
const ISSUER: &str = "api.example.com";

/// A text that looks like a token of Losant's: a JWT with claims and a signature that proves nothing.
pub fn made_up_token(issuer: &str, expires: Option<Timestamp>) -> String {
    let mut claims = json!({ "iss": issuer, "sub": "instanceApiToken", "scope": ["all.Instance.read"] });
    if let (Some(expires), Some(claims)) = (expires, claims.as_object_mut()) {
        claims.insert("exp".to_owned(), json!(expires.as_second()));
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    format!(
        "{}.{}.{}",
        part(&header),
        part(&claims),
        URL_SAFE_NO_PAD.encode("a signature that proves nothing")
    )
}

/// The tokens that open the door.
pub(super) struct Tokens {
    own: String,
    accepted: watch::Sender<BTreeSet<String>>,
}

impl Tokens {
    pub(super) fn new() -> Self {
        let own = made_up_token(ISSUER, None);
        Self { accepted: watch::Sender::new(BTreeSet::from([own.clone()])), own }
    }

    pub(super) fn own(&self) -> &str {
        &self.own
    }

    pub(super) fn accept(&self, token: String) {
        self.accepted.send_modify(|accepted| {
            accepted.insert(token);
        });
    }

    pub(super) fn revoke(&self, token: &str) {
        self.accepted.send_modify(|accepted| {
            accepted.remove(token);
        });
    }

    /// Whether the value of an `Authorization` header opens the door at `now`.
    pub(super) fn admit(&self, authorization: Option<&str>, now: Timestamp) -> bool {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        token.is_some_and(|token| {
            self.accepted.borrow().contains(token)
                && expiry(token).is_none_or(|expiry| now.as_second() < expiry)
        })
    }
}

fn expiry(token: &str) -> Option<i64> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?.get("exp")?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_refused_once_it_has_expired_or_is_revoked() {
        let expires: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let (before, after) = ("2026-02-28T23:59:59Z".parse().unwrap(), expires);
        let tokens = Tokens::new();
        let token = made_up_token("api.example.com", Some(expires));
        let header = format!("Bearer {token}");
        assert!(!tokens.admit(Some(&header), before));
        tokens.accept(token.clone());
        assert!(tokens.admit(Some(&header), before));
        assert!(!tokens.admit(Some(&header), after));
        tokens.revoke(&token);
        assert!(!tokens.admit(Some(&header), before));
        assert!(!tokens.admit(None, before));
    }
}
