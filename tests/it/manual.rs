//! Manual pages and shell completions: made from the commands and flags, so that none is missing.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory as _;
use losant_exporter::cli::Cli;

fn run(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_losant-exporter"));
    command.args(args).current_dir(folder).env_clear().output().expect("it runs")
}

fn printed(args: &[&str], folder: &Path) -> String {
    let output = run(args, folder);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// How a flag is written in a manual page.
fn in_roff(text: &str) -> String {
    text.replace('-', "\\-")
}

#[test]
fn there_is_a_manual_page_for_each_command_with_all_its_flags() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = printed(&["man", "--output", "share/man1"], folder.path());
    let mut program = Cli::command();
    program.build();
    let subcommands = program.get_subcommands().filter(|command| command.get_name() != "help");
    let commands: Vec<_> = std::iter::once(&program).chain(subcommands).collect();
    assert_eq!(written.lines().count(), commands.len(), "{written}");
    for command in commands {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let page = std::fs::read_to_string(folder.path().join(format!("share/man1/{name}.1"))).expect(name);
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(page.contains(&in_roff(&format!("--{flag}"))), "{name}.1 lacks --{flag}");
        }
    }
    // They are of this version, and nobody edits them: a second time they are written anew.
    assert_eq!(printed(&["man", "--output", "share/man1"], folder.path()), written);
}

#[test]
fn the_page_of_the_program_is_printed_and_names_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = printed(&["man"], folder.path());
    assert_eq!(printed(&["man", "--output", "-"], folder.path()), page);
    for subcommand in Cli::command().get_subcommands() {
        assert!(page.contains(&in_roff(&format!("losant-exporter-{}(1)", subcommand.get_name()))), "{page}");
    }
    assert!(page.contains("Exit codes: 0 success"), "{page}");
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("taken"), "").expect("a file");
    let output = run(&["man", "--output", "taken"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.starts_with("losant-exporter: taken: "), "{complaint}");
}

/// What bash offers after these words.
fn offered(script: &Path, words: &[&str]) -> Vec<String> {
    let last = words.len() - 1;
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let ask = format!(
        "source {}; COMP_WORDS=({}); COMP_CWORD={last}; COMP_LINE='{}'; COMP_POINT=${{#COMP_LINE}}; \
         asked=$(complete -p losant-exporter); asked=${{asked##*-F }}; \
         ${{asked%% *}} losant-exporter '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        quoted.join(" "),
        words.join(" "),
        words[last],
        words[last.saturating_sub(1)],
    );
    let output = Command::new("bash").args(["--norc", "-c", &ask]).output().expect("bash");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_their_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("completions.bash");
    std::fs::write(&script, printed(&["completions", "bash"], folder.path())).expect("a script");
    assert_eq!(offered(&script, &["losant-exporter", "back"]), ["backfill"]);
    assert_eq!(offered(&script, &["losant-exporter", "check", "--onl"]), ["--online"]);
    assert_eq!(offered(&script, &["losant-exporter", "once", "--format", "open"]), ["openmetrics"]);
}

#[test]
fn every_shell_has_its_script() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell], folder.path());
        for word in ["losant-exporter", "backfill", "web.listen-address"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
    let output = run(&["completions", "tcsh"], folder.path());
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn whoever_reads_the_first_line_only_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // Gone before anything is written, or while it is: both are all right.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
