//! The token in use, and where a newer one would be found.
//!
//! A mounted secret changes under a running process. The file is read, and not asked for its age: Kubernetes swaps
//! symbolic links, and the age of what they lead to says nothing.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::Duration;

use super::{Error, Token, TokenError, TokenSource};
use crate::clock::Clock;

/// How long a look at the file is good for. Short beside the time that an old token is still accepted after it was
/// rotated, long beside the few microseconds that a look takes.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The token of one account.
#[derive(Debug)]
pub(super) struct Tokens {
    source: TokenSource,
    clock: Clock,
    current: RwLock<Token>,
    /// Held while the file is read, so that of two readers the later one has the last word.
    file: Mutex<File>,
    accepted: Mutex<Option<bool>>,
}

/// What is known of the file.
#[derive(Debug)]
struct File {
    /// When it was looked at last, as uptime.
    looked_at: Duration,
    /// Whether it held no token then.
    spoilt: bool,
}

impl Tokens {
    /// Reads the token. Whether Losant accepts it is known where it is the one that was in use `before`.
    pub(super) fn read(source: TokenSource, clock: Clock, before: Option<&Self>) -> Result<Self, TokenError> {
        let token = source.read()?;
        let accepted = before.filter(|before| before.in_use() == token).and_then(Self::is_accepted);
        let file = Mutex::new(File { looked_at: clock.uptime(), spoilt: false });
        Ok(Self { source, clock, current: RwLock::new(token), file, accepted: Mutex::new(accepted) })
    }

    /// The token to use now, from a file that was looked at less than ten seconds ago. A file that holds no token leaves
    /// the one before in use.
    pub(super) fn current(&self) -> Token {
        if let TokenSource::File(_) = self.source {
            self.look_if_due();
        }
        self.in_use()
    }

    /// Whether there is another token by now than the one that was `refused`.
    pub(super) fn is_replaced(&self, refused: &Token) -> bool {
        if self.in_use() == *refused {
            self.look(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner));
        }
        // Perhaps another request has been here first.
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

    fn in_use(&self) -> Token {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn accepted(&self) -> MutexGuard<'_, Option<bool>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_if_due(&self) {
        let mut file = match self.file.try_lock() {
            Ok(file) => file,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody else is looking, and nobody has to wait for that.
            Err(TryLockError::WouldBlock) => return,
        };
        if self.clock.uptime().saturating_sub(file.looked_at) >= LOOK_EVERY {
            self.look(&mut file);
        }
    }

    /// Reads the file, of a few hundred bytes, so it is not worth another thread.
    fn look(&self, file: &mut File) {
        file.looked_at = self.clock.uptime();
        match self.source.read() {
            Ok(token) => {
                file.spoilt = false;
                if token != self.in_use() {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = token;
                    let file = match &self.source {
                        TokenSource::File(path) => Some(tracing::field::display(path.display())),
                        TokenSource::Fixed(_) => None,
                    };
                    tracing::info!(file, "the token file was replaced: using the new token");
                }
            }
            Err(TokenError { path, problem }) if !file.spoilt => {
                file.spoilt = true;
                let file = path.display();
                tracing::warn!(%file, error = %problem, "the token file cannot be used: still using the token read before");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
