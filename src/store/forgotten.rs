//! What has been forgotten and may still be read.
//!
//! Owns: how much was forgotten since it was last tidied up, and whether a snapshot still holds some of it: until then tidying up
//! would find it in use.
//! Must not: know what was forgotten.

use std::sync::{Arc, Weak};

/// Counts what was forgotten.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    count: usize,
    /// Held by the snapshots that were taken since something was last forgotten.
    readers: Arc<()>,
    /// Held by those that were taken before.
    readers_before: Weak<()>,
}

impl Forgotten {
    /// Notes that so many things were forgotten.
    pub(super) fn note(&mut self, count: usize) {
        self.count += count;
        if count > 0 && Arc::strong_count(&self.readers) > 1 {
            self.readers_before = Arc::downgrade(&std::mem::take(&mut self.readers));
        }
    }

    /// What a snapshot holds as long as it lives.
    pub(super) fn reader(&self) -> Arc<()> {
        Arc::clone(&self.readers)
    }

    /// Whether at least as much was forgotten as is `left`, and nobody reads it any more. Counts anew when it says yes.
    pub(super) fn is_worth_a_look(&mut self, left: usize) -> bool {
        let is_worth_it = self.count >= left && self.count > 0 && self.readers_before.strong_count() == 0;
        if is_worth_it {
            self.count = 0;
        }
        is_worth_it
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_comes_when_as_much_was_forgotten_as_is_left_and_once() {
        let mut forgotten = Forgotten::default();
        assert!(!forgotten.is_worth_a_look(0));
        forgotten.note(9);
        assert!(!forgotten.is_worth_a_look(10));
        forgotten.note(1);
        assert!(forgotten.is_worth_a_look(10));
        assert!(!forgotten.is_worth_a_look(10) && !forgotten.is_worth_a_look(0));
    }

    #[test]
    fn a_look_waits_for_snapshots_that_were_taken_before_and_for_no_others() {
        let mut forgotten = Forgotten::default();
        let before = forgotten.reader();
        forgotten.note(5);
        forgotten.note(5);
        let after = forgotten.reader();
        assert!(!forgotten.is_worth_a_look(10));
        drop(before);
        assert!(forgotten.is_worth_a_look(10));
        forgotten.note(0);
        forgotten.note(10);
        assert!(!forgotten.is_worth_a_look(10));
        drop(after);
        assert!(forgotten.is_worth_a_look(10));
    }
}
