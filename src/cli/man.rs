//! `man`: manual pages, made from the commands and flags themselves.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::{Cli, Exit, PROGRAM, output};

/// In place of a folder: standard output.
const STANDARD_OUTPUT: &str = "-";

/// Flags of `man`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
                        losant-exporter man | man -l -\n  \
                        losant-exporter man --output /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Folder to write a page for each command into; - prints the page of the program itself
    #[arg(long, value_name = "DIR", default_value = STANDARD_OUTPUT)]
    output: PathBuf,
}

/// Prints the page of the program, or writes all of them. Pages that are there already are those of another version: they are
/// written anew.
pub(super) fn run(args: &ManArgs) -> anyhow::Result<Exit> {
    let mut program = Cli::command().disable_help_subcommand(true);
    // Gives each subcommand the name of its page.
    program.build();
    if args.output == Path::new(STANDARD_OUTPUT) {
        return Ok(output::print(&text(&page(program))?));
    }
    let subcommands: Vec<_> = program.get_subcommands().cloned().collect();
    let pages = [vec![program], subcommands].concat().into_iter().map(page);
    let files =
        pages.map(|page| Ok((page.get_filename(), text(&page)?))).collect::<anyhow::Result<Vec<_>>>()?;
    output::write_files(&args.output, files)
}

fn page(command: Command) -> Man {
    Man::new(command).source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"))).manual(PROGRAM)
}

fn text(page: &Man) -> anyhow::Result<String> {
    let mut text = Vec::new();
    page.render(&mut text).context("manual page")?;
    String::from_utf8(text).context("manual page")
}
