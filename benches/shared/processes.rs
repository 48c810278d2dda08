//! Programs as processes of their own: the exporter, its simulator, and what they are compared with.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use losant_exporter::clock::Clock;

use crate::machine::Taken;

/// The exporter.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_losant-exporter");

/// How often is looked whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A process whose output goes to files. Dropping it ends it.
pub struct Process {
    child: Child,
    output: std::path::PathBuf,
    errors: std::path::PathBuf,
}

impl Process {
    /// Starts the exporter's program in `folder`, in an otherwise empty environment.
    pub fn start(folder: &Path, name: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::run(PROGRAM.as_ref(), folder, name, args, variables)
    }

    /// Starts any program likewise.
    pub fn run(program: &Path, folder: &Path, name: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let (output, errors) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let to = |path: &Path| Stdio::from(File::create(path).expect("a file"));
        let child = Command::new(program)
            .args(args)
            .current_dir(folder)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(to(&output))
            .stderr(to(&errors))
            .spawn()
            .expect("the program starts");
        Self { child, output, errors }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// What it has taken of the machine.
    pub fn taken(&self) -> Taken {
        Taken::by(self.child.id())
    }

    /// What it wrote, once it has written `what`.
    pub async fn wait_for_output(&mut self, what: &str, patience: Duration) -> String {
        let output = self.output.clone();
        self.wait_for(&output, what, patience).await
    }

    /// The line that holds `what`, once it has logged one.
    pub async fn wait_for_log(&mut self, what: &str, patience: Duration) -> LogLine {
        let log = self.wait_for(&self.errors.clone(), what, patience).await;
        let line = log.lines().find(|line| line.contains(what)).expect("a line");
        LogLine(line.to_owned())
    }

    async fn wait_for(&mut self, file: &Path, what: &str, patience: Duration) -> String {
        let clock = Clock::system();
        loop {
            let text = std::fs::read_to_string(file).expect("text");
            if text.contains(what) && text.ends_with('\n') {
                return text;
            }
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("{status} instead of {what:?}: {}", self.log());
            }
            assert!(clock.uptime() < patience, "waited {patience:?} for {what:?}: {}", self.log());
            clock.sleep(LOOK_EVERY).await;
        }
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of a log in logfmt.
pub struct LogLine(String);

impl LogLine {
    /// When it was written.
    pub fn at(&self) -> Timestamp {
        self.field("ts").parse().expect("a time")
    }

    /// The value of a field without spaces.
    pub fn field(&self, name: &str) -> &str {
        let value = self.0.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }
}
