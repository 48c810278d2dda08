//! Noticing that the configuration file has changed.
//!
//! The content is what counts: Kubernetes swaps symbolic links, editors put new files in place of old ones, and times of files
//! say nothing of either. The file is small, so reading it is the simplest way to know.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::time::Duration;

use tracing::warn;

use crate::clock::Clock;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// More is not looked at. No configuration is as long.
const LONGEST: u64 = 4 * 1024 * 1024;

/// A file that is looked at every now and then.
#[derive(Debug)]
pub(super) struct FileWatch {
    file: PathBuf,
    clock: Clock,
    /// What was read last, and what was seen on the last look.
    read: Option<u64>,
    seen: Option<u64>,
    /// Whether it has been said that the file cannot be read.
    told: bool,
}

impl FileWatch {
    pub(super) fn new(file: PathBuf, clock: Clock) -> Self {
        let mut watch = Self { file, clock, read: None, seen: None, told: false };
        watch.note();
        watch
    }

    /// Notes that the file is read now: only what it becomes after this counts as a change.
    pub(super) fn note(&mut self) {
        self.read = self.look();
        self.seen = self.read;
    }

    /// Waits until the file holds something else, and has held it for two looks: what is being written is not read half. A file
    /// that is gone is no configuration; the one that was read last stays in force.
    pub(super) async fn changed(&mut self) {
        loop {
            self.clock.sleep(LOOK_EVERY).await;
            let seen = self.look();
            let is_settled = seen == self.seen;
            self.seen = seen;
            if seen.is_some() && seen != self.read && is_settled {
                return;
            }
        }
    }

    fn look(&mut self) -> Option<u64> {
        let mut content = Vec::new();
        let read = File::open(&self.file).and_then(|file| file.take(LONGEST).read_to_end(&mut content));
        if let Err(error) = read {
            // Between two steps of a replacement there may be none.
            if self.seen.is_none() && !std::mem::replace(&mut self.told, true) && self.read.is_some() {
                let gone = error.kind() == ErrorKind::NotFound;
                warn!(file = %self.file.display(), %error, gone, "the configuration file cannot be read: what it said stays in force");
            }
            return None;
        }
        self.told = false;
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        Some(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::clock::ClockHand;

    struct Mounted {
        folder: tempfile::TempDir,
        hand: ClockHand,
        watch: FileWatch,
    }

    impl Mounted {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("config.toml"), "a").unwrap();
            let (clock, hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
            let watch = FileWatch::new(folder.path().join("config.toml"), clock);
            Self { folder, hand, watch }
        }

        /// Whether a change is noticed within one more look.
        async fn look(&mut self) -> bool {
            let mut changed = std::pin::pin!(self.watch.changed());
            let poll = async |changed: &mut std::pin::Pin<&mut _>| {
                tokio::select! { biased; () = changed => true, () = std::future::ready(()) => false }
            };
            assert!(!poll(&mut changed).await);
            self.hand.advance(LOOK_EVERY);
            poll(&mut changed).await
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
        folder.watch.note();
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
}
