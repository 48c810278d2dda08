//! The token in use, and where a newer one would be found.
//!
//! A mounted secret changes under a running process. The file is read, and not asked for its age: Kubernetes swaps
//! symbolic links, and the age of what they lead to says nothing.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{Error, Token, TokenError, TokenSource};
use crate::clock::Clock;

/// How long a look at the file is good for. Short beside the time that an old token is still accepted after it was
/// rotated, long beside the few microseconds that a look takes.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long a look is waited for. A file system that takes longer hangs, and what it has read before is as good as ever. Real time, as with
/// the answers of Losant: no clock that a test moves makes a disk faster.
const PATIENCE: Duration = Duration::from_secs(1);

/// The token of one account.
#[derive(Debug)]
pub(super) struct Tokens {
    source: TokenSource,
    clock: Clock,
    current: RwLock<Token>,
    /// Held while a look is waited for, so that of two the later one has the last word.
    looks: tokio::sync::Mutex<Looks>,
    accepted: Mutex<Option<bool>>,
}

/// What is known of the file.
#[derive(Debug)]
struct Looks {
    /// When it was looked at last, as uptime.
    at: Duration,
    /// A look that has been begun. It stays when nobody waits for it any more: on a file system that hangs, one is enough.
    under_way: Option<JoinHandle<Result<Token, TokenError>>>,
    /// Whether no token was to be had of it then.
    spoilt: bool,
}

impl Tokens {
    /// Reads the token. Whether Losant accepts it is known where it is the one that was in use `before`.
    pub(super) fn read(source: TokenSource, clock: Clock, before: Option<&Self>) -> Result<Self, TokenError> {
        let token = source.read()?;
        let accepted = before.filter(|before| before.in_use() == token).and_then(Self::is_accepted);
        let looks = Looks { at: clock.uptime(), under_way: None, spoilt: false };
        let (current, looks) = (RwLock::new(token), tokio::sync::Mutex::new(looks));
        Ok(Self { source, clock, current, looks, accepted: Mutex::new(accepted) })
    }

    /// The token to use now, from a file that was looked at less than ten seconds ago. A file that holds no token, or is on a file
    /// system that hangs, leaves the one before in use.
    pub(super) async fn current(&self) -> Token {
        // Where somebody else is looking nobody has to wait for that.
        if let TokenSource::File(_) = self.source
            && let Ok(mut looks) = self.looks.try_lock()
            && self.clock.uptime().saturating_sub(looks.at) >= LOOK_EVERY
        {
            self.look(&mut looks).await;
        }
        self.in_use()
    }

    /// Whether there is another token by now than the one that was `refused`.
    pub(super) async fn is_replaced(&self, refused: &Token) -> bool {
        if let TokenSource::File(_) = self.source {
            let mut looks = self.looks.lock().await;
            // Perhaps another request has been here first.
            if self.in_use() == *refused {
                let begun_before = looks.under_way.is_some();
                self.look(&mut looks).await;
                if begun_before && looks.under_way.is_none() && self.in_use() == *refused {
                    self.look(&mut looks).await;
                }
            }
        }
        self.in_use() != *refused
    }

    /// Takes note of what an answer, or the lack of one, says about the token.
    pub(super) fn note<T>(&self, result: &Result<T, Error>) {
        let accepted = match result {
            Err(Error::Unauthorized { .. }) => false,
            // Something before Losant may have said so, without having looked at the token.
            Err(Error::Unavailable { .. } | Error::Throttled { .. }) => return,
            _ => true,
        };
        *self.accepted() = Some(accepted);
    }

    /// Whether the last answer said that the token is good; `None` before the first answer.
    pub(super) fn is_accepted(&self) -> Option<bool> {
        *self.accepted()
    }

    /// The token that was read last.
    pub(super) fn in_use(&self) -> Token {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn accepted(&self) -> MutexGuard<'_, Option<bool>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the file on a thread that may hang, or waits for what is being read already.
    async fn look(&self, looks: &mut Looks) {
        looks.at = self.clock.uptime();
        let source = self.source.clone();
        let read = looks.under_way.get_or_insert_with(|| tokio::task::spawn_blocking(move || source.read()));
        let Ok(read) = tokio::time::timeout(PATIENCE, read).await else {
            self.complain(looks, &format_args!("nothing has come of reading it for {PATIENCE:?}"));
            return;
        };
        looks.under_way = None;
        match read {
            Ok(Ok(token)) => self.take_over(token, looks),
            Ok(Err(TokenError { problem, .. })) => self.complain(looks, &problem),
            Err(error) => self.complain(looks, &error),
        }
    }

    fn take_over(&self, token: Token, looks: &mut Looks) {
        looks.spoilt = false;
        if token != self.in_use() {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = token;
            tracing::info!(file = self.file(), "the token file was replaced: using the new token");
        }
    }

    /// Says once what is wrong with the file.
    fn complain(&self, looks: &mut Looks, problem: &dyn fmt::Display) {
        if !std::mem::replace(&mut looks.spoilt, true) {
            let file = self.file();
            tracing::warn!(file, error = %problem, "the token file cannot be used: still using the token read before");
        }
    }

    fn file(&self) -> Option<impl tracing::Value + '_> {
        match &self.source {
            TokenSource::File(path) => Some(tracing::field::display(path.display())),
            TokenSource::Fixed(_) => None,
        }
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
