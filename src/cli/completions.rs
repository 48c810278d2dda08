//! `completions`: commands and flags, for a shell to complete.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Exit, PROGRAM, output};

/// Flags of `completions`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
                        source <(losant-exporter completions bash)\n  \
                        losant-exporter completions zsh > ~/.zfunc/_losant-exporter\n  \
                        losant-exporter completions fish > ~/.config/fish/completions/losant-exporter.fish")]
pub(super) struct CompletionsArgs {
    /// Shell to complete in
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script of a shell.
pub(super) fn run(args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), PROGRAM, &mut script);
    let script = String::from_utf8_lossy(&script);
    // clap_complete 4.6 writes the hyphen of a program in two ways for bash, and then knows no flag of a subcommand.
    let [in_calls, in_cases] = ["__", "__subcmd__"].map(|hyphen| PROGRAM.replace('-', hyphen));
    output::print(&script.replace(&in_cases, &in_calls))
}
