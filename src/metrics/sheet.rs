//! The usage page as text.
//!
//! Owns: in which order series stand, and what is written of each. It is written in stretches: a million series are 140
//! megabytes of text, which nobody needs to hold at a time.
//! Must not: know how a page is sent.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use super::column::{Column, Filling, LabelLists, LabelTexts};
use super::economy::Economy;
use super::family::{Families, Family, Source};
use super::line::Frame;
use super::shown::{Shown, ShownScope};
use crate::usage::{Id, Level};

/// Everything that the usage page is made of.
#[derive(Debug)]
pub(super) struct Sheet {
    families: Arc<Families>,
    /// The series of each family.
    columns: Vec<Column>,
    /// The labels of the series, by the number that families give the names of their labels.
    labels: Vec<LabelTexts>,
    /// The id of each scope.
    ids: Vec<Id>,
    instances: Vec<Territory>,
}

/// An instance, and where its scopes stand.
#[derive(Debug)]
struct Territory {
    id: Id,
    scopes: [Range<usize>; Level::ALL.len()],
    up: Option<bool>,
}

/// The series of one family that belong to one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// The place of the family.
    pub(super) family: usize,
    /// The place of the instance.
    pub(super) instance: usize,
}

/// Where writing a section goes on: so many levels and series of it have been written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bookmark {
    levels: usize,
    series: usize,
}

/// The columns of a sheet that are being filled.
pub(super) struct Fillings<'a> {
    columns: Vec<Filling>,
    labels: Vec<LabelLists<'a>>,
}

impl<'a> Fillings<'a> {
    /// What `economy` leaves of `shown`. `sizes` is how many series each family may turn out to have.
    pub(super) fn new(families: &Families, shown: &'a Shown, economy: &Economy, sizes: &[usize]) -> Self {
        let sizes = sizes.iter().copied().chain(iter::repeat(0)).take(families.all().len());
        let columns =
            sizes.zip(families.all()).map(|(size, family)| Filling::new(size, !family.labels().is_empty()));
        let columns = columns.collect();
        let labels = families.label_names().iter().map(|_| LabelLists::default()).collect();
        let mut fillings = Self { columns, labels };
        for (place, scope) in (0..).zip(shown.scopes()) {
            if !economy.leaves_out(place) {
                fillings.add(place, scope, families, economy);
            }
        }
        fillings
    }

    fn add(&mut self, place: u32, scope: ShownScope<'a>, families: &Families, economy: &Economy) {
        let level = scope.scope.level();
        for row in scope.rows() {
            let measure = row.measure();
            let Some(place_of_family) = families.place_of(measure, level) else { continue };
            if economy.skips(measure, level) {
                continue;
            }
            let (column, lists) = self.family(families, place_of_family);
            column.note_level(level as u8);
            if economy.merges(measure, level) {
                let first = row.labels().and_then(|labels| labels.values().next());
                column.merge(place, first.unwrap_or_default(), row.value(), lists);
            } else {
                column.add(place, row, lists);
            }
        }
        let (column, lists) = self.family(families, families.last_success(level));
        column.note_level(level as u8);
        for (collector, at) in scope.last_successes() {
            column.add_with(place, collector.as_str(), at.as_duration().as_secs_f64(), lists);
        }
    }

    fn family(&mut self, families: &Families, place: usize) -> (&mut Filling, &mut LabelLists<'a>) {
        (&mut self.columns[place], &mut self.labels[families.all()[place].label_names])
    }

    /// How many series there are in each family.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(Filling::len)
    }

    /// How many series each of `scopes` scopes has.
    pub(super) fn by_scope(&self, scopes: usize) -> Vec<usize> {
        let mut counts = vec![0; scopes];
        for scope in self.columns.iter().flat_map(Filling::scopes) {
            if let Some(count) = counts.get_mut(*scope as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// The sheet.
    pub(super) fn finish(self, families: Arc<Families>, shown: &Shown) -> Sheet {
        let columns = self.columns.into_iter().map(Filling::finish).collect();
        let labels = self.labels.into_iter().zip(families.label_names());
        let labels = labels.map(|(lists, names)| lists.finish(names)).collect();
        let ids = shown.scopes().map(|scope| scope.scope.id()).collect();
        Sheet { columns, labels, ids, instances: territories(shown), families }
    }
}

fn territories(shown: &Shown) -> Vec<Territory> {
    let mut instances: BTreeMap<Id, Territory> = BTreeMap::new();
    let territory = |id: &Id| Territory { id: *id, scopes: Default::default(), up: None };
    for (place, shown) in shown.scopes().enumerate() {
        let territory = instances.entry(shown.scope.instance()).or_insert_with_key(territory);
        let scopes = &mut territory.scopes[shown.scope.level() as usize];
        *scopes = if scopes.end == 0 { place..place + 1 } else { scopes.start..place + 1 };
    }
    for (id, up) in shown.snapshot().up() {
        instances.entry(id).or_insert_with_key(territory).up = Some(up);
    }
    instances.into_values().collect()
}

impl Sheet {
    /// The families, in their order.
    pub(super) fn families(&self) -> &[Family] {
        self.families.all()
    }

    /// The families, for longer than the sheet.
    pub(super) fn shared_families(&self) -> Arc<Families> {
        Arc::clone(&self.families)
    }

    /// Gives up the series of the family at a place, which have been written.
    pub(super) fn forget(&mut self, place: usize) {
        if let Some(column) = self.columns.get_mut(place) {
            *column = Column::default();
        }
    }

    /// The instances, by id.
    pub(super) fn instances(&self) -> impl Iterator<Item = Id> {
        self.instances.iter().map(|territory| territory.id)
    }

    /// How many series there are in each family.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.families().iter().zip(&self.columns).map(|(family, column)| match family.source {
            Source::Up => self.instances.iter().filter(|territory| territory.up.is_some()).count(),
            Source::Reading(_) | Source::LastSuccess => column.len(),
        })
    }

    /// Writes series of a section until `text` is at least `enough` bytes long. Returns where to go on; `None` when all
    /// have been written.
    pub(super) fn write(
        &self,
        section: Section,
        from: Bookmark,
        text: &mut Vec<u8>,
        enough: usize,
    ) -> Option<Bookmark> {
        let family = self.families().get(section.family)?;
        let territory = self.instances.get(section.instance)?;
        let column = self.columns.get(section.family)?;
        let labels = self.labels.get(family.label_names)?;
        if let Source::Up = family.source {
            if let Some(up) = territory.up {
                let frame = Frame::new(&family.name, Level::Instance, column.levels, territory.id);
                frame.write(text, territory.id, &[], f64::from(u8::from(up)));
            }
            return None;
        }
        let Bookmark { mut levels, mut series } = from;
        for level in family.levels.iter().skip(levels) {
            let frame = Frame::new(&family.name, *level, column.levels, territory.id);
            let places = column.places_of(&territory.scopes[*level as usize]);
            for place in places.skip(series) {
                if text.len() >= enough {
                    return Some(Bookmark { levels, series });
                }
                if let Some((scope, labels, value)) = column.series(place, labels)
                    && let Some(id) = self.ids.get(scope)
                {
                    frame.write(text, *id, labels, value);
                }
                series += 1;
            }
            (levels, series) = (levels + 1, 0);
        }
        None
    }
}
