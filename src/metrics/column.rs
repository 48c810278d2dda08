//! The series of one family, as little of them as it takes to write them.
//!
//! Owns: 12 bytes a series: whose it is and its number, and 4 more where it has labels, whose text is held once for all
//! series that carry the same, of whatever family.
//! Must not: know what a family means.

use std::collections::HashMap;
use std::ops::Range;

use super::line;
use crate::store::{LabelValues, Row};

/// The series of one family, by scope.
#[derive(Debug, Default)]
pub(super) struct Column {
    /// The place of each series' scope, ascending.
    scopes: Vec<u32>,
    values: Vec<f64>,
    /// The place of each series' labels among the [`LabelTexts`] of the family. Empty where no series has labels.
    labels: Vec<u32>,
    /// The levels, by a bit each, whose scopes have series in it.
    pub(super) levels: u8,
}

/// Labels as they are written, of all families whose labels have the same names.
#[derive(Debug, Default)]
pub(super) struct LabelTexts {
    text: Vec<u8>,
    /// Where each list of labels ends.
    ends: Vec<u32>,
}

/// A column that is being filled.
#[derive(Debug, Default)]
pub(super) struct Filling {
    column: Column,
    /// Whether its series have labels beyond ids.
    is_labelled: bool,
}

/// The lists of label values that columns being filled speak of.
#[derive(Debug, Default)]
pub(super) struct LabelLists<'a> {
    lists: Vec<Values<'a>>,
    places: HashMap<Values<'a>, u32>,
}

/// Label values of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Values<'a> {
    /// All that a reading gives.
    Shared(Shared<'a>),
    /// One word of the exporter's own.
    Word(&'a str),
}

/// Label values that are the same only where they are the same copy: there is one copy of each.
#[derive(Clone, Copy, Debug)]
struct Shared<'a>(&'a LabelValues);

impl PartialEq for Shared<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Shared<'_> {}

impl std::hash::Hash for Shared<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.0).hash(state);
    }
}

impl<'a> LabelLists<'a> {
    fn place_of(&mut self, values: Values<'a>) -> u32 {
        let next = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        *self.places.entry(values).or_insert_with(|| {
            self.lists.push(values);
            next
        })
    }

    /// The labels as they are written, called `names`.
    ///
    /// To Prometheus an empty label and no label are the same, but some parsers want all series of a family to have the same
    /// ones: so a label is written everywhere, or nowhere.
    pub(super) fn finish(self, names: &[&str]) -> LabelTexts {
        let mut used = vec![false; names.len()];
        for values in &self.lists {
            values.each(|place, value| {
                if let Some(used) = used.get_mut(place) {
                    *used |= !value.is_empty();
                }
            });
        }
        let mut texts = LabelTexts::default();
        for values in &self.lists {
            values.each(|place, value| {
                if let (Some(name), Some(true)) = (names.get(place), used.get(place)) {
                    line::write_label(&mut texts.text, name, value);
                }
            });
            texts.ends.push(u32::try_from(texts.text.len()).unwrap_or(u32::MAX));
        }
        texts.text.shrink_to_fit();
        texts.ends.shrink_to_fit();
        texts
    }
}

impl LabelTexts {
    fn get(&self, place: usize) -> Option<&[u8]> {
        let start = place.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start as usize..*self.ends.get(place)? as usize)
    }
}

impl Filling {
    /// A column with room for so many series.
    pub(super) fn new(series: usize, is_labelled: bool) -> Self {
        let column = Column {
            scopes: Vec::with_capacity(series),
            values: Vec::with_capacity(series),
            ..Column::default()
        };
        Self { column, is_labelled }
    }

    /// Adds a number of the scope at a place, as it was read.
    pub(super) fn add<'a>(&mut self, scope: u32, row: &'a Row, lists: &mut LabelLists<'a>) {
        self.push(scope, row.value());
        if self.is_labelled {
            let values = row.labels().map_or(Values::Word(""), |labels| Values::Shared(Shared(labels)));
            self.column.labels.push(lists.place_of(values));
        }
    }

    /// Adds a number with one label.
    pub(super) fn add_with<'a>(
        &mut self,
        scope: u32,
        label: &'a str,
        value: f64,
        lists: &mut LabelLists<'a>,
    ) {
        self.push(scope, value);
        self.column.labels.push(lists.place_of(Values::Word(label)));
    }

    /// Adds to the number that came last, if that is of the same scope and has the same label, or else a new one.
    pub(super) fn merge<'a>(&mut self, scope: u32, label: &'a str, value: f64, lists: &mut LabelLists<'a>) {
        let place = lists.place_of(Values::Word(label));
        let is_same = self.column.scopes.last() == Some(&scope) && self.column.labels.last() == Some(&place);
        match self.column.values.last_mut() {
            Some(sum) if is_same => *sum += value,
            _ => self.add_with(scope, label, value, lists),
        }
    }

    fn push(&mut self, scope: u32, value: f64) {
        self.column.scopes.push(scope);
        self.column.values.push(value);
    }

    /// Notes that scopes of `level`, as a bit, have series here.
    pub(super) const fn note_level(&mut self, level: u8) {
        self.column.levels |= 1 << level;
    }

    /// How many series there are so far.
    pub(super) const fn len(&self) -> usize {
        self.column.values.len()
    }

    /// The place of each series' scope.
    pub(super) fn scopes(&self) -> &[u32] {
        &self.column.scopes
    }

    /// The column.
    pub(super) fn finish(self) -> Column {
        let mut column = self.column;
        column.scopes.shrink_to_fit();
        column.values.shrink_to_fit();
        column.labels.shrink_to_fit();
        column
    }
}

impl Values<'_> {
    /// Hands each value and its place to `take`.
    fn each(&self, mut take: impl FnMut(usize, &str)) {
        match self {
            Self::Shared(Shared(labels)) => {
                labels.values().enumerate().for_each(|(place, value)| take(place, value));
            }
            Self::Word(word) => take(0, word),
        }
    }
}

impl Column {
    /// How many series there are.
    pub(super) const fn len(&self) -> usize {
        self.values.len()
    }

    /// The places of the series whose scopes stand in `scopes`.
    pub(super) fn places_of(&self, scopes: &Range<usize>) -> Range<usize> {
        let before = |end: usize| self.scopes.partition_point(|scope| (*scope as usize) < end);
        before(scopes.start)..before(scopes.end)
    }

    /// The place of the scope, the text of the labels and the number of the series at a place.
    pub(super) fn series<'a>(&self, place: usize, texts: &'a LabelTexts) -> Option<(usize, &'a [u8], f64)> {
        let text = self.labels.get(place).and_then(|place| texts.get(*place as usize));
        Some((*self.scopes.get(place)? as usize, text.unwrap_or_default(), *self.values.get(place)?))
    }
}
