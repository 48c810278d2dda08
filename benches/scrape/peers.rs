//! What others would build: the same series in the common client libraries, each in a program of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::families;
use crate::fleet::PATIENCE;
use crate::processes::Process;
use crate::rounds::Contender;

/// A library that is compared with the exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    ClientGolang,
    PrometheusClientOfPython,
    PromClientOfNode,
    PrometheusClientOfRust,
}

impl Peer {
    pub const ALL: [Self; 4] = [
        Self::ClientGolang,
        Self::PrometheusClientOfPython,
        Self::PromClientOfNode,
        Self::PrometheusClientOfRust,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientGolang => "client_golang",
            Self::PrometheusClientOfPython => "prometheus_client (Python)",
            Self::PromClientOfNode => "prom-client (Node)",
            Self::PrometheusClientOfRust => "prometheus-client (Rust)",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::ClientGolang => "client_golang",
            Self::PrometheusClientOfPython => "python",
            Self::PromClientOfNode => "node",
            Self::PrometheusClientOfRust => "families",
        }
    }

    /// Starts it with what the page in `usage` holds. None where this machine lacks something.
    pub async fn start(self, folder: &Path, usage: &Path) -> Option<Contender> {
        let Some(Start { program, mut args, variables }) = self.found() else {
            println!("  SKIPPED {}: scripts/bench-components says what is missing", self.name());
            return None;
        };
        args.push(usage.display().to_string());
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut process = Process::run(&program, folder, self.file(), &args, &variables);
        let address = listening(&mut process).await;
        Some(Contender::new(self.name(), process, address))
    }

    fn found(self) -> Option<Start> {
        match self {
            Self::ClientGolang => Some(Start::of(built_by_go()?, &[])),
            Self::PrometheusClientOfPython => {
                let python = cached("bench-python/bin/python")?;
                Some(Start::of(python, &[source("prometheus_client/server.py")]))
            }
            Self::PromClientOfNode => {
                let modules = cached("bench-node/node_modules")?;
                // A million series fit into more than Node takes without being told.
                let memory = "--max-old-space-size=16384".to_owned();
                let mut start = Start::of(program("node")?, &[memory, source("prom-client/server.js")]);
                start.variables.push(("NODE_PATH", modules.display().to_string()));
                Some(start)
            }
            Self::PrometheusClientOfRust => {
                Some(Start::of(std::env::current_exe().ok()?, &[families::ROLE.to_owned()]))
            }
        }
    }
}

struct Start {
    program: PathBuf,
    args: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

impl Start {
    fn of(program: PathBuf, args: &[String]) -> Self {
        Self { program, args: args.to_vec(), variables: Vec::new() }
    }
}

/// Where a server listens, once it says so.
pub async fn listening(process: &mut Process) -> std::net::SocketAddr {
    let text = process.wait_for_output("listening ", PATIENCE).await;
    let address = text.lines().find_map(|line| line.strip_prefix("listening ")).expect("an address");
    address.parse().expect("an address")
}

/// The path of an installed program.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A file that `scripts/bench-components` has put there.
fn cached(path: &str) -> Option<PathBuf> {
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache").join(path)).filter(|path| path.exists())
}

fn source(path: &str) -> String {
    format!("{}/benches/peers/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The peer in Go, built of what Debian packs: no module is fetched.
fn built_by_go() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("client_golang");
    let output = Command::new(program("go")?)
        .args(["build", "-o"])
        .arg(&built)
        .arg(source("client_golang/main.go"))
        .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode")])
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
        .output()
        .ok()?;
    if !output.status.success() {
        println!("  {}", String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    Some(built)
}
