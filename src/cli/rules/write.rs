//! Writing the shipped rule files.

use std::path::Path;

use anyhow::bail;

use crate::cli::{Exit, output};
use crate::rules::{BaseUrl, SHIPPED};

/// Writes the shipped files into `folder`, and prints where they are. With a file that is there already nothing is written, except by
/// `force`.
pub(super) fn shipped(
    folder: &Path,
    dashboards: Option<&BaseUrl>,
    runbooks: Option<&BaseUrl>,
    force: bool,
) -> anyhow::Result<Exit> {
    let paths = SHIPPED.iter().map(|file| folder.join(file.name));
    let there: Vec<_> = paths.filter(|path| path.exists()).map(|path| path.display().to_string()).collect();
    if !force && !there.is_empty() {
        bail!("{}: there already, so nothing was written; --force overwrites", there.join(", "));
    }
    let files = SHIPPED.iter().map(|file| (file.name.to_owned(), file.with_urls(dashboards, runbooks)));
    output::write_files(folder, files)
}
