//! Noticing that the configuration file has changed.
//!
//! The content is what counts: Kubernetes swaps symbolic links, editors put new files in place of old ones, and times of files
//! say nothing of either. The file is small, so reading it is the simplest way to know.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::warn;

use crate::clock::Clock;
use crate::config::Fingerprint;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A file that is looked at every now and then.
#[derive(Debug)]
pub(super) struct FileWatch {
    file: PathBuf,
    clock: Clock,
    /// What was read last, and what was seen on the last look.
    read: Option<Fingerprint>,
    seen: Option<Fingerprint>,
    /// A look that is under way. It stays when nobody waits for it any more: on a file system that hangs, one is enough.
    look: Option<JoinHandle<io::Result<Fingerprint>>>,
    /// Whether it has been said that the file cannot be read.
    told: bool,
}

impl FileWatch {
    /// Watches `file`, of which is in force what it held when it was `read`.
    pub(super) fn new(file: PathBuf, read: Option<Fingerprint>, clock: Clock) -> Self {
        Self { file, clock, read, seen: read, look: None, told: false }
    }

    /// Notes what the file held when it was read: only what it becomes after this counts as a change.
    pub(super) fn note(&mut self, read: Option<Fingerprint>) {
        (self.read, self.seen) = (read, read);
    }

    /// Waits until the file holds something else, and has held it for two looks: what is being written is not read half. A file
    /// that is gone is no configuration; the one that was read last stays in force.
    pub(super) async fn changed(&mut self) {
        loop {
            self.clock.sleep(LOOK_EVERY).await;
            if self.has_changed().await {
                return;
            }
        }
    }

    /// Looks at it, and says whether it holds something else than was read, for the second time.
    async fn has_changed(&mut self) -> bool {
        let file = self.file.clone();
        let look =
            self.look.get_or_insert_with(|| tokio::task::spawn_blocking(move || Fingerprint::read(&file)));
        let looked = look.await;
        self.look = None;
        let seen = match looked.map_err(io::Error::other).flatten() {
            Ok(seen) => {
                self.told = false;
                Some(seen)
            }
            Err(error) => {
                self.tell(&error);
                None
            }
        };
        let is_settled = seen == self.seen;
        self.seen = seen;
        seen.is_some() && seen != self.read && is_settled
    }

    fn tell(&mut self, error: &io::Error) {
        // Between two steps of a replacement there may be none.
        if self.seen.is_none() && !std::mem::replace(&mut self.told, true) && self.read.is_some() {
            let (file, gone) = (self.file.display(), error.kind() == ErrorKind::NotFound);
            warn!(%file, %error, gone, "the configuration file cannot be read: what it said stays in force");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Mounted {
        folder: tempfile::TempDir,
        watch: FileWatch,
    }

    impl Mounted {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("config.toml");
            fs::write(&file, "a").unwrap();
            let (clock, _) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
            let watch = FileWatch::new(file, Some(Fingerprint::of(b"a")), clock);
            Self { folder, watch }
        }

        /// Whether a change is noticed within one more look.
        async fn look(&mut self) -> bool {
            self.watch.has_changed().await
        }
    }

    #[tokio::test]
    async fn a_change_is_noticed_once_and_only_when_it_has_settled() {
        let mut folder = Mounted::new();
        let file = folder.folder.path().join("config.toml");
        assert!(!folder.look().await && !folder.look().await);
        fs::write(&file, "half").unwrap();
        assert!(!folder.look().await);
        fs::write(&file, "whole").unwrap();
        assert!(!folder.look().await);
        assert!(folder.look().await);
        folder.watch.note(Some(Fingerprint::of(b"whole")));
        assert!(!folder.look().await && !folder.look().await);
    }

    #[tokio::test]
    async fn a_link_that_leads_elsewhere_is_a_change_and_a_file_that_is_gone_is_none() {
        let mut folder = Mounted::new();
        let file = folder.folder.path().join("config.toml");
        fs::remove_file(&file).unwrap();
        assert!(!folder.look().await && !folder.look().await && !folder.look().await);
        fs::write(folder.folder.path().join("other"), "b").unwrap();
        std::os::unix::fs::symlink("other", &file).unwrap();
        assert!(!folder.look().await);
        assert!(folder.look().await);
    }
    #[tokio::test]
    async fn what_the_file_became_after_it_was_read_and_before_it_was_watched_is_a_change() {
        let mut folder = Mounted::new();
        fs::write(folder.folder.path().join("config.toml"), "b").unwrap();
        assert!(!folder.look().await);
        assert!(folder.look().await);
    }
}
