//! Files that were read, and whether they have changed since.
//!
//! Owns: what each file held, and the marks by which a change shows: also one behind a symbolic link, as in volumes of
//! Kubernetes, which swap a link and not the file.
//! Must not: know what the files mean.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Larger files are not what they are taken for.
const LARGEST: u64 = 1024 * 1024;

/// Files by path.
#[derive(Default)]
pub(super) struct Files(BTreeMap<PathBuf, Seen>);

struct Seen {
    stamp: Stamp,
    /// `None` where it could not be read.
    content: Option<Vec<u8>>,
}

/// What differs when somebody has written a file or put another in its place. `None` where there is no file.
type Stamp = Option<[i128; 5]>;

impl Files {
    /// Reads a file, and remembers what it held.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<&[u8]> {
        // Before the content: what is written in between shows as a change later on.
        let stamp = stamp(path);
        let content = content(path);
        let kept = content.as_ref().ok().cloned();
        let seen = self.0.entry(path.to_owned()).or_insert(Seen { stamp, content: kept });
        content.map(|_| seen.content.as_deref().unwrap_or_default())
    }

    /// Whether no file looks as if somebody had changed it.
    pub(super) fn are_unchanged(&self) -> bool {
        self.0.iter().all(|(path, seen)| stamp(path) == seen.stamp)
    }

    pub(super) fn have_same_stamps(&self, other: &Self) -> bool {
        self.0
            .iter()
            .map(|(path, seen)| (path, seen.stamp))
            .eq(other.0.iter().map(|(path, seen)| (path, seen.stamp)))
    }

    #[cfg(test)]
    pub(super) fn take_stamps_of(&mut self, other: &Self) {
        for (path, seen) in &mut self.0 {
            seen.stamp = other.0.get(path).and_then(|other| other.stamp);
        }
    }

    pub(super) fn have_same_content(&self, other: &Self) -> bool {
        let contents = |files: &'_ Self| -> Vec<(PathBuf, Option<Vec<u8>>)> {
            files.0.iter().map(|(path, seen)| (path.clone(), seen.content.clone())).collect()
        };
        contents(self) == contents(other)
    }
}

// What the files hold is secret.
impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn stamp(path: &Path) -> Stamp {
    // Follows links.
    let it = fs::metadata(path).ok()?;
    let nanoseconds =
        |seconds: i64, rest: i64| i128::from(seconds).saturating_mul(1_000_000_000) + i128::from(rest);
    Some([
        i128::from(it.dev()),
        i128::from(it.ino()),
        i128::from(it.size()),
        nanoseconds(it.mtime(), it.mtime_nsec()),
        // Also moves where somebody sets the time of the file back, as copies do.
        nanoseconds(it.ctime(), it.ctime_nsec()),
    ])
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(content)
}
