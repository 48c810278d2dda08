//! What the exporter takes of the machine: memory, open files, threads, tasks.

use std::time::Duration;

use procfs::process::Process;

use crate::form::Form;
use crate::ledger::{Ledger, Promise};
use crate::machine::in_words;
use crate::mistake::Mistake;

/// Files that may be open in the end and were not before: connections of scrapers, of the browser, and to Losant come and go.
const MORE_FILES: u64 = 24;
/// Threads that may be there in the end and were not before: those that wait for files are made when they are needed, and end
/// after ten seconds.
const MORE_THREADS: u64 = 4;
/// Tasks that may be there in the end and were not before: connections, and polls under way.
const MORE_TASKS: u64 = 24;

/// One look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// How long after the start of the storm.
    pub after: Duration,
    pub resident: u64,
    pub peak: u64,
    pub files: u64,
    pub threads: u64,
    /// As the last page told.
    pub tasks: u64,
}

impl Look {
    /// Looks at a process. `None` when it has ended.
    pub fn at(pid: u32, after: Duration, tasks: u64) -> Option<Self> {
        let process = Process::new(i32::try_from(pid).ok()?).ok()?;
        let status = process.status().ok()?;
        let bytes = |kibibytes: Option<u64>| kibibytes.unwrap_or_default() * 1_024;
        Some(Self {
            after,
            resident: bytes(status.vmrss),
            peak: bytes(status.vmhwm),
            files: u64::try_from(process.fd_count().ok()?).ok()?,
            threads: status.threads,
            tasks,
        })
    }
}

/// All looks of a run.
#[derive(Debug, Default)]
pub struct Resources(Vec<Look>);

/// A number that single looks come close to: memory goes up and down by a page with each page.
const SPAN: Duration = Duration::from_secs(30);
/// How far apart the numbers of the course are.
const EVERY: Duration = Duration::from_secs(120);

impl Resources {
    pub fn add(&mut self, look: Look) {
        self.0.push(look);
    }

    /// The median of half a minute from `from` on.
    fn median(&self, from: Duration, of: impl Fn(&Look) -> u64) -> u64 {
        let within = self.0.iter().filter(|look| from <= look.after && look.after < from + SPAN);
        let mut all: Vec<_> = within.map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    }

    /// Compares the end of the storm with its beginning, prints both, and notes what has grown.
    pub fn judge(&self, form: &Form, ledger: &Ledger, mistakes: &[Mistake]) {
        let (early, late) = (form.mark, form.storm.saturating_sub(SPAN));
        let errs = mistakes.contains(&Mistake::Growth);
        let resident = |from| self.median(from, |look| look.resident);
        let (before, after) = (resident(early), resident(late));
        #[expect(clippy::cast_precision_loss, reason = "bytes of a process stay below 2^53")]
        let growth = after as f64 / before.max(1) as f64 - 1.0;
        let peak = self.0.last().map_or(0, |look| look.peak);
        println!(
            "  memory at {early:?} of the storm and at its end              {} and {} ({:+.1} %), at most {}",
            in_words(before),
            in_words(after),
            growth * 100.0,
            in_words(peak)
        );
        let course = (0..).map(|minutes| EVERY * minutes).take_while(|from| *from <= late);
        let course: Vec<_> = course.map(|from| in_words(resident(from))).collect();
        println!("  every two minutes                                        {}", course.join(", "));
        let most = if errs { -1.0 } else { form.growth };
        ledger.check(Promise::MemoryDoesNotGrow, growth <= most, || {
            format!("by {:.1} %, allowed {:.0} %", growth * 100.0, most * 100.0)
        });
        for (what, of, promise, more) in [
            ("open files", (|look| look.files) as fn(&Look) -> u64, Promise::FilesDoNotGrow, MORE_FILES),
            ("threads", |look| look.threads, Promise::ThreadsDoNotGrow, MORE_THREADS),
            ("tasks", |look| look.tasks, Promise::TasksDoNotGrow, MORE_TASKS),
        ] {
            let (before, after) = (self.median(early, of), self.median(late, of));
            println!("  {what:<56} {before} and {after}");
            let most = if errs { 0 } else { before + more };
            ledger.check(promise, after <= most && after > 0, || format!("{before} and then {after}"));
        }
    }
}
