//! Bearer tokens: made-up JWTs, and which of them are accepted.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::action::Action;

/// The API host that the simulator's own token names.
const ISSUER: &str = "api.example.com";
/// The scope of a token that may do everything with its instance.
pub(super) const ALL_OF_INSTANCE: &str = "all.Instance";

/// A text that looks like a token of Losant's: a JWT with claims and a signature that proves nothing.
pub fn made_up_token(issuer: &str, expires: Option<Timestamp>) -> String {
    let mut claims = json!({ "iss": issuer, "sub": "instanceApiToken", "scope": [ALL_OF_INSTANCE] });
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

/// The tokens that open the door, and what for.
pub(super) struct Tokens {
    own: String,
    accepted: watch::Sender<BTreeMap<String, Scopes>>,
}

/// What a token is good for: names of scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scopes(Vec<String>);

impl Tokens {
    pub(super) fn new() -> Self {
        let own = made_up_token(ISSUER, None);
        let tokens = Self { own: own.clone(), accepted: watch::Sender::default() };
        tokens.accept(own, &[ALL_OF_INSTANCE]);
        tokens
    }

    pub(super) fn own(&self) -> &str {
        &self.own
    }

    pub(super) fn accept(&self, token: String, scopes: &[&str]) {
        let scopes = Scopes(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        self.accepted.send_modify(|accepted| {
            accepted.insert(token, scopes);
        });
    }

    pub(super) fn revoke(&self, token: &str) {
        self.accepted.send_modify(|accepted| {
            accepted.remove(token);
        });
    }

    /// What the value of an `Authorization` header is good for at `now`, if it opens the door at all.
    pub(super) fn admit(&self, authorization: Option<&str>, now: Timestamp) -> Option<Scopes> {
        let token = authorization?.strip_prefix("Bearer ")?;
        let scopes = self.accepted.borrow().get(token).cloned()?;
        expiry(token).is_none_or(|expiry| now.as_second() < expiry).then_some(scopes)
    }
}

impl Scopes {
    /// Whether they reach as far as `action`. Instances are listed for users, and for instance tokens on request.
    pub(super) fn allow(&self, action: Action, instance_tokens_list: bool) -> bool {
        let name = action.name();
        let resource = name.split_once('.').map_or(name, |(resource, _)| resource);
        self.0.iter().any(|scope| match scope.as_str() {
            "all.User" | "all.User.bounded" => true,
            "all.User.read" => action.is_open_to_readers(),
            "only.User" | "only.User.bounded" | "only.User.read" => action == Action::Instances,
            ALL_OF_INSTANCE | "all.Instance.bounded" => action != Action::Instances || instance_tokens_list,
            "all.Instance.read" => {
                action.is_open_to_readers() && (action != Action::Instances || instance_tokens_list)
            }
            scope => scope == name || scope.strip_suffix(".*") == Some(resource),
        })
    }
}

fn expiry(token: &str) -> Option<i64> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?.get("exp")?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::super::action::Level;
    use super::*;

    #[test]
    fn a_token_is_refused_once_it_has_expired_or_is_revoked() {
        let expires: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let (before, after) = ("2026-02-28T23:59:59Z".parse().unwrap(), expires);
        let tokens = Tokens::new();
        let token = made_up_token("api.example.com", Some(expires));
        let header = format!("Bearer {token}");
        assert_eq!(tokens.admit(Some(&header), before), None);
        tokens.accept(token.clone(), &[ALL_OF_INSTANCE]);
        assert!(tokens.admit(Some(&header), before).is_some());
        assert_eq!(tokens.admit(Some(&header), after), None);
        tokens.revoke(&token);
        assert_eq!(tokens.admit(Some(&header), before), None);
        assert_eq!(tokens.admit(None, before), None);
    }

    #[test]
    fn a_scope_reaches_as_far_as_its_name_says() {
        let allow = |scope: &str, action| Scopes(vec![scope.to_owned()]).allow(action, false);
        let (read, write) = (Action::One(Level::Org), Action::Delete(Level::Org));
        for (scope, reads, writes, lists, reports) in [
            ("all.Instance", true, true, false, true),
            ("all.Instance.bounded", true, true, false, true),
            ("all.Instance.read", true, false, false, true),
            ("all.User", true, true, true, true),
            ("all.User.bounded", true, true, true, true),
            ("all.User.read", true, false, true, true),
            ("only.User", false, false, true, false),
            ("instanceOrg.*", true, true, false, false),
            ("instanceOrg.get", true, false, false, false),
            ("instanceOrg.delete", false, true, false, false),
            ("instanceOrgs.*", false, false, false, false),
            ("instances.*", false, false, true, false),
            ("instances.get", false, false, true, false),
            ("instance.generateReport", false, false, false, true),
            ("all.Application", false, false, false, false),
        ] {
            assert_eq!(allow(scope, read), reads, "{scope}");
            assert_eq!(allow(scope, write), writes, "{scope}");
            assert_eq!(allow(scope, Action::Instances), lists, "{scope}");
            assert_eq!(allow(scope, Action::Report), reports, "{scope}");
        }
        assert!(Scopes(vec!["all.Instance.read".to_owned()]).allow(Action::Instances, true));
        assert!(!Scopes(Vec::new()).allow(read, true));
    }
}
