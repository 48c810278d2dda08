//! Label values that many numbers share.
//!
//! Owns: that equal lists of label values are held once. There are a million numbers and a few hundred such lists that
//! nearly all of them carry; the rest are names and ids that belong to one scope.
//! Must not: know what the labels are called.

use std::collections::HashSet;
use std::sync::Arc;

use crate::usage::Label;

/// Label values in the order that the catalogue names them, held once for all numbers that carry the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LabelValues {
    /// All values, one after the other.
    text: Box<str>,
    /// Where each of them ends; 0 for those that are not there.
    ends: [u16; Self::MOST],
    count: u8,
}

impl LabelValues {
    /// No measure has more labels; a test of the catalogue holds it to that.
    pub const MOST: usize = 4;

    fn new(labels: &[Label]) -> Self {
        let labels = labels.get(..Self::MOST).unwrap_or(labels);
        let mut end = 0;
        let mut ends = [0; Self::MOST];
        for (at, label) in ends.iter_mut().zip(labels) {
            end += label.len();
            // Four values of at most 256 bytes.
            *at = u16::try_from(end).unwrap_or(u16::MAX);
        }
        let count = u8::try_from(labels.len()).unwrap_or(u8::MAX);
        Self { text: labels.concat().into_boxed_str(), ends, count }
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends);
        let ranges = starts.zip(self.ends).take(usize::from(self.count));
        ranges.map(|(start, end)| self.text.get(usize::from(start)..usize::from(end)).unwrap_or_default())
    }
}

/// Hands out the one copy there is of each list of label values.
#[derive(Debug, Default)]
pub(super) struct LabelPool {
    held: HashSet<Arc<LabelValues>>,
    /// How many were in use when it was last looked.
    in_use: usize,
}

impl LabelPool {
    /// So many are held without a look at whether they are still in use.
    const FEW: usize = 1_024;

    /// The shared copy of `labels`; none for a number without labels.
    pub(super) fn share(&mut self, labels: &[Label]) -> Option<Arc<LabelValues>> {
        if labels.is_empty() {
            return None;
        }
        let values = LabelValues::new(labels);
        if let Some(held) = self.held.get(&values) {
            return Some(Arc::clone(held));
        }
        // Twice of what was in use: so looking costs each list that comes a constant share of it.
        if self.held.len() >= (self.in_use * 2).max(Self::FEW) {
            self.look();
        }
        let shared = Arc::new(values);
        self.held.insert(Arc::clone(&shared));
        Some(shared)
    }

    /// Gives up the lists that nobody carries any more, and the room for them. Comes by itself while lists come; where many
    /// carriers have gone and few lists come, somebody has to ask for it.
    pub(super) fn look(&mut self) {
        self.held.retain(|shared| Arc::strong_count(shared) > 1);
        self.in_use = self.held.len();
        let room = (self.in_use * 2).max(Self::FEW);
        // Well below what there is, so that room is not made and given up in turn.
        if self.held.capacity() / 4 > room {
            self.held.shrink_to(room);
        }
    }

    /// How many lists are held, and how many there is room for.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        (self.held.len(), self.held.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[&str]) -> Vec<Label> {
        values.iter().map(|value| Label::Owned((*value).to_owned())).collect()
    }

    #[test]
    fn equal_lists_are_held_once() {
        let mut pool = LabelPool::default();
        let first = pool.share(&labels(&["timer", "flow"])).unwrap();
        let second = pool.share(&labels(&["timer", "flow"])).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(first.values().collect::<Vec<_>>(), ["timer", "flow"]);
        assert!(!Arc::ptr_eq(&first, &pool.share(&labels(&["timerflow"])).unwrap()));
        assert!(!Arc::ptr_eq(&first, &pool.share(&labels(&["time", "rflow"])).unwrap()));
        assert!(!Arc::ptr_eq(&first, &pool.share(&labels(&["timer", "flow", ""])).unwrap()));
        assert_eq!(pool.share(&labels(&[])), None);
    }

    #[test]
    fn a_look_at_what_is_still_in_use_comes_when_there_are_twice_as_many_lists_and_not_before() {
        let mut pool = LabelPool::default();
        let share =
            |pool: &mut LabelPool, number: usize| pool.share(&labels(&[&number.to_string()])).unwrap();
        for number in 0..LabelPool::FEW {
            share(&mut pool, number);
        }
        assert_eq!(pool.held.len(), LabelPool::FEW);
        let kept: Vec<_> = (0..3 * LabelPool::FEW).map(|number| share(&mut pool, number)).collect();
        let mut most = 0;
        for number in 0..10 * kept.len() {
            share(&mut pool, kept.len() + number);
            most = most.max(pool.held.len());
        }
        assert_eq!(most, 2 * kept.len());
    }

    #[test]
    fn lists_that_nobody_carries_any_more_are_given_up() {
        let mut pool = LabelPool::default();
        let kept = pool.share(&labels(&["kept"])).unwrap();
        for number in 0..10 * LabelPool::FEW {
            pool.share(&labels(&[&number.to_string()]));
        }
        assert!(pool.held.len() <= LabelPool::FEW);
        assert!(Arc::ptr_eq(&kept, &pool.share(&labels(&["kept"])).unwrap()));
    }
}
