//! What is printed, and what is written into a folder. Standard output is for what was asked for, standard error for complaints and the
//! log.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::Exit;

/// Prints `text` as it is. Whoever reads may have gone away, that is no error of ours; a disk that is full is.
#[must_use]
pub(super) fn print(text: &str) -> Exit {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            note(&format!("cannot write to standard output: {error}"));
            Exit::Failure
        }
        _ => Exit::Success,
    }
}

/// Writes files, by name and content, into `folder`, and prints where they are. Each is there whole or not at all, in place of one of
/// its name. One that cannot be written is named, and the last. An error means that there is no folder.
pub(super) fn write_files(
    folder: &Path,
    files: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<Exit> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut written = String::new();
    for (name, content) in files {
        let path = folder.join(name);
        if let Err(error) = put(&content, folder, &path) {
            // Whether it can be printed or not, it is a failure.
            let _ = print(&written);
            note(&format!("{}: {error}", path.display()));
            return Ok(Exit::Failure);
        }
        let _ = writeln!(written, "{}", path.display());
    }
    Ok(print(&written))
}

fn put(content: &str, folder: &Path, path: &Path) -> io::Result<()> {
    // For everybody to read as far as the mask of the process allows.
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    file.write_all(content.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Says in one line why nothing was started.
pub(super) fn complain(refusal: &anyhow::Error) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "losant-exporter: {refusal:#}");
}

/// Says in one line what the reader of the output should know of it.
pub(super) fn note(text: &str) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "losant-exporter: {text}");
}
