//! What is printed. Standard output is for what was asked for, standard error for complaints and the log.

use std::io::{self, ErrorKind, Write};

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
