//! Telling whether a file holds what it held before.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::Path;

/// So much of a file counts, in bytes. No configuration is as long, and what is not one should not fill the memory.
const LONGEST: usize = 4 * 1024 * 1024;

/// Stands for what a file holds, within one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// That of a file which holds `content`.
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        content.get(..LONGEST).unwrap_or(content).hash(&mut hasher);
        Self(hasher.finish())
    }

    /// That of what `file` holds now.
    pub fn read(file: &Path) -> io::Result<Self> {
        let mut content = Vec::new();
        File::open(file)?.take(LONGEST as u64).read_to_end(&mut content)?;
        Ok(Self::of(&content))
    }
}
