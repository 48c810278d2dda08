//! What is logged on the thread of a test.

use std::io;
use std::sync::{Arc, Mutex};

/// What is logged above `debug` on this thread.
pub(super) struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    _listening: (tracing::subscriber::DefaultGuard, tracing::Dispatch),
}

struct Into(Arc<Mutex<Vec<u8>>>);

impl io::Write for Into {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(super) fn listen() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        let subscriber = || tracing_subscriber::fmt().with_ansi(false).with_target(false).without_time();
        let guard = tracing::subscriber::set_default(
            subscriber().with_writer(move || Into(Arc::clone(&into))).finish(),
        );
        // While there is only one log, a line that is first come by on another thread would be silenced on all of them.
        let other = tracing::Dispatch::new(subscriber().with_writer(io::sink).finish());
        Self { lines, _listening: (guard, other) }
    }

    /// Takes the lines so far.
    pub(super) fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.lines.lock().unwrap());
        String::from_utf8(bytes).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }

    /// How many of the lines so far, which it takes, have these words.
    pub(super) fn count(&self, words: &str) -> usize {
        self.take().iter().filter(|line| line.contains(words)).count()
    }
}
