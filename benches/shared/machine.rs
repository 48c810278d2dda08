//! What a process has taken of the machine.

use std::time::Duration;

use procfs::process::Process;

/// What a process has taken so far.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// CPU time, of user and system.
    pub cpu: Duration,
    /// Resident memory now, in bytes.
    pub resident: u64,
    /// The most there ever was.
    pub peak: u64,
}

impl Taken {
    /// What the process with this id has taken.
    pub fn by(pid: u32) -> Self {
        let process = Process::new(i32::try_from(pid).expect("an id")).expect("a process");
        let (stat, status) = (process.stat().expect("its statistics"), process.status().expect("its status"));
        let milliseconds = (stat.utime + stat.stime) * 1_000 / procfs::ticks_per_second();
        let bytes = |kibibytes: Option<u64>| kibibytes.expect("a process with memory") * 1_024;
        Self {
            cpu: Duration::from_millis(milliseconds),
            resident: bytes(status.vmrss),
            peak: bytes(status.vmhwm),
        }
    }
}

/// Bytes for people.
pub fn in_words(bytes: u64) -> String {
    format!("{} MiB", bytes / (1_024 * 1_024))
}

/// A count, or a quotient of counts.
#[expect(clippy::cast_precision_loss, reason = "counts of a measurement stay below 2^53")]
pub const fn number(count: u64) -> f64 {
    count as f64
}
