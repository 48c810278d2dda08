//! The programs that commands of the documents may call: run, or stood in for.
//!
//! Owns: the list of both. A program that stands in neither cannot be called, so that no document is run by mistake.
//! Must not: know a document.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::document::project;

/// Tools of every system, run as they are.
const TOOLS: [&str; 24] = [
    "basename", "bash", "cat", "cp", "date", "dirname", "env", "grep", "gzip", "head", "kill", "ls", "mkdir",
    "mkfifo", "mktemp", "mv", "rm", "sed", "sh", "sort", "tail", "tee", "touch", "wc",
];

/// Programs that are run, each with the exit codes beside 0 that are no failure and arguments that go before others.
const RUN: [(&str, &[u8], &str); 3] = [
    // 23: whoever reads its output has read enough.
    ("curl", &[23], "--fail-with-body"),
    ("promtool", &[], ""),
    ("amtool", &[], ""),
];

/// Programs of [`RUN`] that a machine may lack. Commands that call one are left out there.
pub const COMPONENTS: [&str; 3] = ["curl", "promtool", "amtool"];

/// Programs that are stood in for, and why.
const STOOD_IN: [(&str, &str); 12] = [
    // `exec` runs the command as it would be run in the pod, `logs` shows the log of the exporter of the test.
    ("kubectl", "needs a cluster"),
    ("helm", "needs a cluster, and is not part of Debian; tests of the chart run it where it is installed"),
    ("docker", "needs a daemon and root; the tests of the image run it where it is installed"),
    ("systemctl", "needs systemd, and root"),
    ("install", "installs for all users, which needs root"),
    ("openssl", "needs an exporter that speaks TLS, which that of the test does not"),
    ("perf", "needs rights that a test has not"),
    // Finds the exporter of the test, which gets the signals that documents send.
    ("pidof", "finds processes that are none of the test's"),
    // `run` runs the program that is built already, `bench` looks whether there is such a bench.
    ("cargo", "builds for minutes; the tests are run by it themselves"),
    // Says what it would do, which an unknown target fails at.
    ("make", "builds for minutes, and measures for hours"),
    ("git", "changes the project"),
    ("sudo", "asks for a password; what it would run is run without"),
];

/// Places that are not asked: a test needs no net.
const NET: &str = r"*https://*) echo '{}'; exit 0;;";

/// Fills `folder` with all programs. What fails is noted in the file `failures`. The number of the exporter's process stands beside its
/// log, in a file that ends in `pid`.
pub fn install(folder: &Path, exporter_log: &Path, failures: &Path) {
    fs::create_dir_all(folder).expect("a folder of programs");
    for tool in TOOLS {
        let path = find(tool).unwrap_or_else(|| panic!("{tool} is missing"));
        symlink(path, folder.join(tool)).expect("a tool");
    }
    let failures = failures.display();
    let note = |name: &str, fine: &[u8]| {
        let codes = fine.iter().fold("0".to_owned(), |codes, code| format!("{codes}|{code}"));
        format!(
            "case $code in {codes}) ;; *) echo \"{name} ended with exit code $code\" >>{failures};; esac\nexit $code"
        )
    };
    for (name, fine, first) in RUN {
        let Some(path) = find(name) else { continue };
        let (path, note) = (path.display(), note(name, fine));
        let net = if name == "curl" { format!("case \" $* \" in {NET} esac\n") } else { String::new() };
        script(folder, name, &format!("{net}{path} {first} \"$@\"\ncode=$?\n{note}"));
    }
    script(folder, "losant-exporter", &exporter(&note("losant-exporter", &[])));
    for (name, _) in STOOD_IN {
        let body = match name {
            "kubectl" => format!(
                "case \" $* \" in\n*' exec '*) while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\";;\n\
                 *' logs '*) cat {};;\n*' -f - '*|*' -f - '*) cat >/dev/null;; esac",
                exporter_log.display()
            ),
            "make" => format!(
                "{} -n -C {} \"$@\" >/dev/null",
                find("make").unwrap_or_default().display(),
                project().display()
            ),
            "cargo" => cargo(),
            // What is cloned can be gone into.
            "git" => "[ \"$1\" != clone ] || mkdir -p \"$(basename \"$2\")\"".to_owned(),
            "sudo" => "exec \"$@\"".to_owned(),
            "pidof" => format!("cat {}", exporter_log.with_extension("pid").display()),
            _ => "exit 0".to_owned(),
        };
        script(folder, name, &body);
    }
    // Those that the project brings measure for hours, or install.
    let own = folder.join("../scripts");
    fs::create_dir_all(&own).expect("a folder of scripts");
    for entry in fs::read_dir(project().join("scripts")).expect("scripts") {
        let name = entry.expect("an entry").file_name();
        script(&own, &name.to_string_lossy(), "exit 0");
    }
}

/// Whether a command calls something that is stood in for. What it would have printed is not known.
pub fn is_stood_in(command: &str) -> bool {
    command.split_whitespace().any(|word| STOOD_IN.iter().any(|(name, _)| *name == word))
}

/// The exporter. What runs until a signal comes gets one when it says that it is up, and ports that are free.
fn exporter(note: &str) -> String {
    let program = env!("CARGO_BIN_EXE_losant-exporter");
    format!(
        r#"case "${{1-}}" in
  demo) set -- "$@" --web.listen-address=127.0.0.1:0 --simulator.listen-address=127.0.0.1:0;;
  simulate) set -- "$@" --simulator.listen-address=127.0.0.1:0;;
  serve|""|--config.*|--web.*|--log.*|--shard*) export LOSANT_EXPORTER__WEB__LISTEN_ADDRESSES='["127.0.0.1:0"]';;
  *) {program} "$@"; code=$?
     {note};;
esac
case " $* " in *' --help '*) exec {program} "$@";; esac
folder=$(mktemp -d); mkfifo "$folder/said"
{program} "$@" >"$folder/said" 2>&1 &
pid=$!
stopped=
while read -r line; do
  echo "$line"
  case "$line" in *message=listening*|*'Start page'*|*'http://127.0.0.1'*) [ -n "$stopped" ] || kill -TERM $pid; stopped=yes;; esac
done <"$folder/said"
wait $pid
code=$?
# It was up, and the signal came before it listened for signals.
[ "$stopped$code" != yes143 ] || code=0
{note}"#
    )
}

fn cargo() -> String {
    let mut text = String::from(
        "case \"$1\" in\nrun) while [ \"$1\" != -- ]; do shift; done; shift; exec losant-exporter \"$@\";;\n",
    );
    let _ = writeln!(
        text,
        "bench) while [ \"$1\" != --bench ]; do shift; done; [ -e {0}/benches/\"$2\" ] || [ -e {0}/benches/\"$2\".rs ] || \
         {{ echo \"no bench $2\"; exit 1; }};;\nesac",
        project().display()
    );
    text
}

fn script(folder: &Path, name: &str, body: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script that can be run");
}

/// Where a program is installed.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
