//! What is promised, how often it was not kept, and all that was counted.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many words about one promise are printed. The rest is counted.
const TOLD: usize = 8;

/// What has to hold at every moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    NoWrongValue,
    NoStaleSeries,
    NoFailedScrape,
    BudgetKept,
    ReadinessTruthful,
    ReloadsTakeEffect,
    TokensAreReplaced,
    CertificatesAreReplaced,
    StatusPageIsShown,
    MemoryDoesNotGrow,
    FilesDoNotGrow,
    ThreadsDoNotGrow,
    TasksDoNotGrow,
    EverybodyComesBack,
    /// The run itself: something has happened, and was looked at.
    RunIsWorthIt,
}

impl Promise {
    pub const ALL: [(Self, &'static str); 15] = [
        (Self::NoWrongValue, "no wrong value"),
        (Self::NoStaleSeries, "no stale series beyond its bound"),
        (Self::NoFailedScrape, "no failed scrape"),
        (Self::BudgetKept, "budget kept"),
        (Self::ReadinessTruthful, "readiness truthful"),
        (Self::ReloadsTakeEffect, "reloads take effect, broken ones change nothing"),
        (Self::TokensAreReplaced, "tokens are replaced"),
        (Self::CertificatesAreReplaced, "certificates are replaced"),
        (Self::StatusPageIsShown, "status page is shown"),
        (Self::MemoryDoesNotGrow, "memory does not grow"),
        (Self::FilesDoNotGrow, "open files do not grow"),
        (Self::ThreadsDoNotGrow, "threads do not grow"),
        (Self::TasksDoNotGrow, "tasks do not grow"),
        (Self::EverybodyComesBack, "everybody comes back"),
        (Self::RunIsWorthIt, "something happened and was looked at"),
    ];
}

/// Shared by all who look. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    broken: BTreeMap<Promise, usize>,
    counts: BTreeMap<String, u64>,
}

impl Ledger {
    /// Notes that a promise was not kept.
    pub fn broken(&self, promise: Promise, how: impl Display) {
        let mut entries = self.entries();
        let times = entries.broken.entry(promise).or_default();
        if *times < TOLD {
            println!("BROKEN  {promise:?}: {how}");
        }
        *times += 1;
    }

    /// Notes that a promise was not kept, unless it was.
    pub fn check(&self, promise: Promise, kept: bool, how: impl FnOnce() -> String) {
        if !kept {
            self.broken(promise, how());
        }
    }

    /// Adds to a figure.
    pub fn count(&self, figure: &str, more: u64) {
        *self.entries().counts.entry(figure.to_owned()).or_default() += more;
    }

    /// Raises a figure to `value`, if it is less.
    pub fn most(&self, figure: &str, value: u64) {
        let mut entries = self.entries();
        let most = entries.counts.entry(figure.to_owned()).or_default();
        *most = value.max(*most);
    }

    /// What has been counted of a figure.
    pub fn counted(&self, figure: &str) -> u64 {
        self.entries().counts.get(figure).copied().unwrap_or_default()
    }

    /// How often a promise was not kept.
    pub fn times_broken(&self, promise: Promise) -> usize {
        self.entries().broken.get(&promise).copied().unwrap_or_default()
    }

    /// Says which promises were kept. The run fails when one was not.
    pub fn verdict(&self) -> ExitCode {
        println!("\nPromises");
        for (promise, name) in Promise::ALL {
            let verdict = match self.times_broken(promise) {
                0 => "kept".to_owned(),
                times => format!("BROKEN {times} times"),
            };
            println!("  {name:<56} {verdict}");
        }
        if self.entries().broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
