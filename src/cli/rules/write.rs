//! Writing the shipped rule files.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::rules::{BaseUrl, SHIPPED};

/// Writes the shipped files into `folder`, and returns what was written, one a line. With a file that is there already nothing
/// is written, except by `force`.
pub(super) fn shipped(
    folder: &Path,
    dashboards: Option<&BaseUrl>,
    runbooks: Option<&BaseUrl>,
    force: bool,
) -> anyhow::Result<String> {
    let paths: Vec<_> = SHIPPED.iter().map(|file| folder.join(file.name)).collect();
    let there: Vec<_> =
        paths.iter().filter(|path| path.exists()).map(|path| path.display().to_string()).collect();
    if !force && !there.is_empty() {
        bail!("{}: there already, so nothing was written; --force overwrites", there.join(", "));
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut written = String::new();
    for (file, path) in SHIPPED.iter().zip(&paths) {
        std::fs::write(path, file.with_urls(dashboards, runbooks))
            .with_context(|| path.display().to_string())?;
        let _ = writeln!(written, "{}", path.display());
    }
    Ok(written)
}
