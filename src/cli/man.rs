//! `man`: manual pages, made from the commands and flags themselves.

use std::fmt::Write as _;
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
    std::fs::create_dir_all(&args.output).with_context(|| args.output.display().to_string())?;
    let mut written = String::new();
    for command in [vec![program], subcommands].concat() {
        let page = page(command);
        let path = args.output.join(page.get_filename());
        std::fs::write(&path, text(&page)?).with_context(|| path.display().to_string())?;
        let _ = writeln!(written, "{}", path.display());
    }
    Ok(output::print(&written))
}

fn page(command: Command) -> Man {
    Man::new(command).source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"))).manual(PROGRAM)
}

fn text(page: &Man) -> anyhow::Result<String> {
    let mut text = Vec::new();
    page.render(&mut text).context("manual page")?;
    String::from_utf8(text).context("manual page")
}
