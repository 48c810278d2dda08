//! Mounts and networks that only a test sees. They go with the process that holds them, and that ends with its standard input: also
//! when the test is killed.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Kinds of namespaces, as `unshare` and `nsenter` call them.
pub const MOUNT: &str = "mount";
pub const NETWORK: &str = "net";

/// The process that holds them.
pub struct Namespaces {
    holder: Child,
    kinds: Vec<&'static str>,
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Namespaces {
    /// Makes them, and furnishes them by a script of the shell, which gets `path` as `$1`.
    pub fn make(kinds: &[&'static str], furnish: &str, path: &Path) -> Self {
        let mut command = Command::new("unshare");
        command.args(kinds.iter().map(|kind| format!("--{kind}")));
        if kinds.contains(&MOUNT) {
            command.args(["--propagation", "private"]);
        }
        let script = format!("set -e; {furnish}; echo ready; exec cat >&2");
        command.args(["sh", "-c", &script, "sh"]).arg(path);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare runs");
        let output = holder.stdout.take().expect("its output");
        let made = Self { holder, kinds: kinds.to_vec() };
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said).expect("text");
        assert_eq!(said, "ready\n", "they are not as they should be");
        made
    }

    /// The file by which one is entered.
    pub fn way_into(&self, kind: &str) -> PathBuf {
        let name = if kind == MOUNT { "mnt" } else { kind };
        format!("/proc/{}/ns/{name}", self.holder.id()).into()
    }

    /// The same command in there, with nothing of the environment but what it names.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        for kind in &self.kinds {
            inside.arg(format!("--{kind}={}", self.way_into(kind).display()));
        }
        if let Some(folder) = command.get_current_dir() {
            inside.arg(format!("--wdns={}", folder.display()));
        }
        inside.arg("--").arg(command.get_program()).args(command.get_args()).env_clear();
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        inside
    }

    /// Runs a program in there to its end. Fails the test where it fails.
    pub fn run(&self, program: &str, args: &[&str]) {
        let done = self.inside(Command::new(program).args(args)).status().expect("nsenter runs");
        assert!(done.success(), "{program} {args:?}");
    }

    /// A file as it is seen in there.
    pub fn look_at(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").expect("an absolute path"))
    }
}
