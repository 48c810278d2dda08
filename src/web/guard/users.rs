//! Users and their passwords.
//!
//! Owns: whether a user name and a password belong together, by hashes made with bcrypt. Each pair is looked at once: what came
//! of it is remembered under a code that says nothing about the password. Whoever does not exist costs the same time.
//! Must not: hold a password, nor show a hash.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bcrypt::HashParts;
use ring::hmac;
use ring::rand::SystemRandom;

use super::desk::Desk;

/// Pairs that are remembered. There is one good one a user; the others are for scrapers that have not been told a new password.
const MOST_REMEMBERED: usize = 100;

/// A hash for those who do not exist, but for how long it takes: of `fakepassword`, as in the exporter-toolkit.
const NOBODY: &str = "QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

/// Users by name, with the hashes of their passwords.
pub(in crate::web) struct Users {
    hashes: BTreeMap<String, String>,
    nobody: String,
    costs_differ: bool,
    key: Option<hmac::Key>,
    remembered: Arc<Mutex<HashMap<[u8; 32], bool>>>,
    desk: Desk,
}

/// What came of somebody who wants to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Admission {
    /// Welcome.
    Granted,
    /// No name, no password, or not the right ones.
    Denied,
    /// Too many come at the same time.
    Busy,
}

impl Users {
    /// Refuses what is no hash, with its key. Whom `before` knows does not have to show again who they are: what is
    /// remembered holds for a name with its hash, whoever else comes or goes.
    pub(super) fn new(
        hashes: BTreeMap<String, String>,
        before: Option<&Self>,
    ) -> Result<Self, (String, String)> {
        let mut costs = BTreeSet::new();
        for (name, hash) in &hashes {
            let cost = hash.parse::<HashParts>().ok().map(|parts| parts.get_cost());
            let Some(cost) = cost.filter(|cost| (4..=31).contains(cost)) else {
                let problem = "is not a hash made with bcrypt; htpasswd -nBC 10 \"\" makes one";
                return Err((format!("basic_auth_users.{name}"), problem.to_owned()));
            };
            costs.insert(cost);
        }
        let nobody = format!("$2y${:02}${NOBODY}", costs.first().unwrap_or(&10));
        let costs_differ = costs.len() > 1;
        if let Some(Self { key: Some(key), remembered, desk, .. }) = before {
            let (key, remembered) = (Some(key.clone()), Arc::clone(remembered));
            return Ok(Self { hashes, nobody, costs_differ, key, remembered, desk: desk.clone() });
        }
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key =
            key.map_err(|_| ("basic_auth_users".to_owned(), "the system has no random numbers".to_owned()))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // The others are for scrapes.
        let desk = Desk::with_places((cores / 2).max(1));
        Ok(Self { hashes, nobody, costs_differ, key: Some(key), remembered: Arc::default(), desk })
    }

    /// Whether some passwords take longer to look at than others.
    pub(super) const fn costs_differ(&self) -> bool {
        self.costs_differ
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether whoever sent these headers may come in.
    pub(in crate::web) async fn admit(&self, headers: &HeaderMap) -> Admission {
        let Some(key) = self.key.as_ref().filter(|_| !self.hashes.is_empty()) else {
            return Admission::Granted;
        };
        let Some((name, password)) = credentials(headers) else { return Admission::Denied };
        let name = String::from_utf8(name).ok();
        let hash = name.as_ref().and_then(|name| self.hashes.get(name));
        let exists = hash.is_some();
        let hash = hash.unwrap_or(&self.nobody).clone();
        let code = code(key, name.as_deref().filter(|_| exists), &hash, &password);
        if let Some(admission) = self.remembered(code) {
            return admission;
        }
        let Some(place) = self.desk.place().await else { return Admission::Busy };
        // Somebody else may have come with the same meanwhile.
        if let Some(admission) = self.remembered(code) {
            return admission;
        }
        let remembered = Arc::clone(&self.remembered);
        let looked_at = tokio::task::spawn_blocking(move || {
            let right = bcrypt::verify(password, &hash).unwrap_or(false) && exists;
            remember(&remembered, code, right);
            drop(place);
            right
        });
        match looked_at.await {
            Ok(true) => Admission::Granted,
            _ => Admission::Denied,
        }
    }

    fn remembered(&self, code: [u8; 32]) -> Option<Admission> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(&code).map(|right| if *right { Admission::Granted } else { Admission::Denied })
    }
}

/// Those of an empty file: nobody is asked.
impl Default for Users {
    fn default() -> Self {
        let (hashes, nobody, desk) = (BTreeMap::new(), String::new(), Desk::with_places(1));
        Self { hashes, nobody, costs_differ: false, key: None, remembered: Arc::default(), desk }
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.hashes.keys()).finish()
    }
}

/// Name and password of the scheme Basic.
fn credentials(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, coded) = text.split_once(' ')?;
    let decoded = BASE64_STANDARD.decode(coded).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some((decoded.get(..colon)?.to_vec(), decoded.get(colon.saturating_add(1)..)?.to_vec()))
}

/// What a pair is remembered by. The key is of this process alone. Without a name for those who do not exist: what came of
/// them does not hold for a user of the same name who is added later.
fn code(key: &hmac::Key, name: Option<&str>, hash: &str, password: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(&[u8::from(name.is_some())]);
    let name = name.unwrap_or_default();
    for part in [name.as_bytes(), hash.as_bytes(), password] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut code = [0; 32];
    code.copy_from_slice(context.sign().as_ref());
    code
}

/// Good pairs stay, or a crowd of bad ones would make every scrape be looked at again.
fn remember(remembered: &Mutex<HashMap<[u8; 32], bool>>, code: [u8; 32], right: bool) {
    let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
    if remembered.len() >= MOST_REMEMBERED {
        remembered.retain(|_, right| *right);
    }
    // What bcrypt does not look at, beyond 72 bytes, makes any number of good ones.
    if remembered.len() >= MOST_REMEMBERED {
        remembered.clear();
    }
    remembered.insert(code, right);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let hash = |password: &str| bcrypt::hash(password, 4).unwrap();
        let hashes = [("prometheus".to_owned(), hash("right")), ("zoë".to_owned(), hash("pass:word"))];
        Users::new(hashes.into(), None).unwrap()
    }

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    fn basic(pair: &str) -> HeaderMap {
        headers(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
    }

    fn now_or_never<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn only_a_name_with_its_password_comes_in() {
        let users = users();
        for pair in ["prometheus:right", "zoë:pass:word"] {
            assert_eq!(users.admit(&basic(pair)).await, Admission::Granted, "{pair}");
        }
        for pair in ["prometheus:wrong", "prometheus:", "zoë:right", "nobody:fakepassword", ":", "prometheus"]
        {
            assert_eq!(users.admit(&basic(pair)).await, Admission::Denied, "{pair}");
            assert_eq!(users.admit(&basic(pair)).await, Admission::Denied, "{pair} again");
        }
        let lower = headers(&format!("bAsIc {}", BASE64_STANDARD.encode("prometheus:right")));
        assert_eq!(users.admit(&lower).await, Admission::Granted);
        for value in ["Basic", "Basic !", "Bearer x", "", "Basic  "] {
            assert_eq!(users.admit(&headers(value)).await, Admission::Denied, "{value}");
        }
        assert_eq!(users.admit(&HeaderMap::new()).await, Admission::Denied);
    }

    #[tokio::test]
    async fn without_users_everybody_comes_in() {
        assert_eq!(Users::default().admit(&HeaderMap::new()).await, Admission::Granted);
        assert_eq!(Users::new(BTreeMap::new(), None).unwrap().admit(&basic("a:b")).await, Admission::Granted);
    }

    #[tokio::test]
    async fn a_crowd_of_wrong_passwords_does_not_make_a_good_one_be_forgotten() {
        let users = users();
        assert_eq!(users.admit(&basic("prometheus:right")).await, Admission::Granted);
        for number in 0..=MOST_REMEMBERED {
            users.admit(&basic(&format!("prometheus:{number}"))).await;
        }
        let place = users.desk.place().await.unwrap();
        // Nobody can be looked at now: it has to be remembered.
        assert_eq!(users.admit(&basic("prometheus:right")).await, Admission::Granted);
        drop(place);
        assert!(users.remembered.lock().unwrap().len() <= MOST_REMEMBERED);
    }

    #[test]
    fn whoever_does_not_exist_takes_the_time_of_the_quickest_user() {
        let hash = |cost| bcrypt::hash("x", cost).unwrap();
        let users = Users::new([("a".to_owned(), hash(6)), ("b".to_owned(), hash(5))].into(), None).unwrap();
        assert_eq!(users.nobody.parse::<HashParts>().unwrap().get_cost(), 5);
        assert!(users.costs_differ());
        let users = Users::new([("a".to_owned(), hash(5)), ("b".to_owned(), hash(5))].into(), None).unwrap();
        assert!(!users.costs_differ());
    }

    #[tokio::test]
    async fn whoever_has_shown_who_it_is_need_not_do_so_again_when_others_change() {
        let before = users();
        assert_eq!(before.admit(&basic("prometheus:right")).await, Admission::Granted);
        assert_eq!(before.admit(&basic("zoë:pass:word")).await, Admission::Granted);
        let mut hashes = before.hashes.clone();
        hashes.insert("zoë".to_owned(), bcrypt::hash("new", 4).unwrap());
        let after = Users::new(hashes, Some(&before)).unwrap();
        // All places are taken, so that nobody can be looked at.
        let mut places = Vec::new();
        while let Some(place) = now_or_never(before.desk.place()) {
            places.push(place);
        }
        assert_eq!(now_or_never(after.admit(&basic("prometheus:right"))), Some(Admission::Granted));
        assert_eq!(now_or_never(after.admit(&basic("prometheus:wrong"))), None);
        drop(places);
        assert_eq!(after.admit(&basic("zoë:pass:word")).await, Admission::Denied);
        assert_eq!(after.admit(&basic("zoë:new")).await, Admission::Granted);
    }

    #[test]
    fn what_is_remembered_of_a_user_does_not_hold_for_a_stranger_of_that_name() {
        let key = users().key.unwrap();
        let hash = format!("$2y$10${NOBODY}");
        let of = |name| code(&key, name, &hash, b"fakepassword");
        assert_ne!(of(Some("")), of(None));
        assert_ne!(of(Some("a")), of(Some("b")));
        assert_eq!(of(Some("a")), of(Some("a")));
    }

    #[test]
    fn what_is_no_hash_is_refused_by_the_name_of_the_user_and_not_repeated() {
        for hash in
            ["", "hunter2", "$1$hunter2", &format!("$2y$99${NOBODY}"), &format!("$2y$10${}", &NOBODY[1..])]
        {
            let (key, problem) = Users::new([("dave".to_owned(), hash.to_owned())].into(), None).unwrap_err();
            assert_eq!(key, "basic_auth_users.dave");
            assert!(!problem.contains("hunter"), "{problem}");
        }
    }

    #[test]
    fn hashes_are_not_shown() {
        assert_eq!(format!("{:?}", users()), r#"{"prometheus", "zoë"}"#);
    }
}
