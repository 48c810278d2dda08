//! Somebody who has the status page open: headless Chromium, driven by `tests/browser/soak.mjs`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use losant_exporter::clock::Clock;
use serde_json::Value;

use crate::exporter::{PASSWORD, USER};
use crate::ledger::{Ledger, Promise};

/// How long a browser may take to close.
const PATIENCE: Duration = Duration::from_secs(40);

/// A running browser. Dropping it ends it.
pub struct Browser {
    child: Child,
    /// It closes the browser when nobody can say anything to it any more.
    stdin: Option<ChildStdin>,
    reader: Option<JoinHandle<()>>,
}

impl Browser {
    /// Opens the status page again and again, and counts what it sees. `rows` have to be in its list. `None` where something
    /// that it takes is not installed.
    pub fn open(url: &str, rows: u32, ledger: Ledger) -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
        if !folder.join("node_modules/playwright-core").exists() {
            return None;
        }
        let mut child = Command::new("node")
            .arg(folder.join("soak.mjs"))
            .args([url, USER, PASSWORD, &rows.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (stdin, output) = (child.stdin.take(), child.stdout.take()?);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A line of JSON for each visit.
                let visit: Value = serde_json::from_str(&line).unwrap_or_default();
                ledger.count("visits of the status page", 1);
                if let Some(problem) = visit["problem"].as_str() {
                    ledger.broken(Promise::StatusPageIsShown, problem);
                }
            }
        });
        Some(Self { child, stdin, reader: Some(reader) })
    }

    /// Closes it.
    pub async fn close(mut self, clock: &Clock, ledger: &Ledger) {
        drop(self.stdin.take());
        let deadline = clock.uptime() + PATIENCE;
        let mut ended = None;
        while ended.is_none() && clock.uptime() < deadline {
            clock.sleep(Duration::from_millis(100)).await;
            ended = self.child.try_wait().expect("a child");
        }
        ledger.check(Promise::StatusPageIsShown, ended.is_some_and(|status| status.success()), || {
            format!("the browser has not closed in order: {ended:?}")
        });
        if let Some(reader) = self.reader.take().filter(|_| ended.is_some()) {
            reader.join().expect("a reader of lines");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
