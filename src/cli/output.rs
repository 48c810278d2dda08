//! What is printed. Standard output is for what was asked for, standard error for complaints and the log.

use std::io::{self, Write};

/// Prints `text` as it is. Whoever reads may have gone away: that is no error of ours.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
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
