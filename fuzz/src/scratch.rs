//! Files that a target writes over and over.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// The folder of this thread. In memory, where the machine has such a place: a target writes thousands of files a second.
pub(crate) fn folder() -> PathBuf {
    FOLDER.with(|folder| {
        let memory = Path::new("/dev/shm");
        let make = || if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        folder.get_or_init(|| make().expect("a folder")).path().to_owned()
    })
}

/// Writes a file of that folder.
pub(crate) fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, content).expect("a file");
    path
}

/// `text` with `line` put in after some of its lines; which of them, the text says.
pub(crate) fn with_line(text: &str, line: &str) -> String {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let sum: usize = text.bytes().map(usize::from).sum();
    let (before, after) = lines.split_at(sum % (lines.len() + 1));
    let end = if before.last().is_none_or(|last| last.ends_with('\n')) { "" } else { "\n" };
    format!("{}{end}{line}\n{}", before.concat(), after.concat())
}
