//! Payloads and notebook runs in a window: as they are, and as they are shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::World;
use super::applications::Amount;
use super::memo::{Stretch, Sums};
use crate::simulator::calendar::{self, DAY, HOUR};
use crate::simulator::id::ObjectId;
use crate::simulator::notebooks::NotebookDay;
use crate::simulator::owner::{Activity, Owner, Sandbox};
use crate::simulator::stream::Stream;

/// A stretch of an owner's past whose payloads are counted anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restatement {
    /// An org or a sandbox.
    pub owner: Owner,
    /// First moment of the stretch.
    pub start: Timestamp,
    /// First moment after it.
    pub end: Timestamp,
    /// What a thousand payloads of the first count are in the second one.
    pub thousandths: u64,
    /// From then on the second count is shown. It was true all along.
    pub known_from: Timestamp,
}

/// The usage of a world from one of two sides: what is true, or what is shown at some moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(super) world: &'a World,
    /// When it is shown; none for the truth.
    now: Option<Timestamp>,
}

impl World {
    /// What is true.
    pub fn truth(&self) -> View<'_> {
        View { world: self, now: None }
    }

    /// What is shown at `now`: without what is counted late, and with the restatements known by then.
    pub fn shown(&self, now: Timestamp) -> View<'_> {
        View { world: self, now: Some(now) }
    }

    /// Payloads in `[start, end)` by type and source; those there are. The truth.
    pub fn payloads(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<(String, String), u64> {
        self.truth().payloads(owner, start, end)
    }

    /// Bytes of the payloads in `[start, end)` by type and source. The truth.
    pub fn payload_bytes(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<(String, String), u64> {
        self.truth().payload_bytes(owner, start, end)
    }

    /// Payloads, or their bytes, in `[start, end)`. The truth.
    pub fn payload_total(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
        billable_only: bool,
        as_bytes: bool,
    ) -> u64 {
        self.truth().payload_total(owner, start, end, billable_only, as_bytes)
    }

    /// Notebook use of the UTC day that starts at `day_start`: all of it, or what `as_of` has seen of it.
    pub fn notebooks(&self, owner: Owner, day_start: Timestamp, as_of: Timestamp) -> NotebookDay {
        let day_end = calendar::moment(calendar::second_from(day_start) + DAY);
        self.notebooks_between(owner, day_start, as_of.min(day_end))
    }

    /// Notebook runs that ended in `[start, end)`. The truth.
    pub fn notebooks_between(&self, owner: Owner, start: Timestamp, end: Timestamp) -> NotebookDay {
        self.truth().notebooks_between(owner, start, end)
    }
}

impl<'a> View<'a> {
    /// Whether payloads of this type count against limits: the same from both sides.
    pub(in crate::simulator) fn is_billable(&self, payload_type: &str) -> bool {
        self.world.is_billable(payload_type)
    }

    /// Payloads in `[start, end)` by type and source; those there are.
    pub fn payloads(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<(String, String), u64> {
        self.by_source(owner, start, end, |amount| amount.payloads)
    }

    /// Bytes of the payloads in `[start, end)` by type and source.
    pub fn payload_bytes(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<(String, String), u64> {
        self.by_source(owner, start, end, |amount| amount.bytes)
    }

    /// Payloads, or their bytes, in `[start, end)`.
    pub fn payload_total(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
        billable_only: bool,
        as_bytes: bool,
    ) -> u64 {
        if !matches!(owner, Owner::Instance(_)) {
            let mut total = 0;
            self.tally(owner, start, end, &mut |_, stream, count| {
                if !billable_only || self.world.is_billable(&stream.payload_type) {
                    total += if as_bytes { count.saturating_mul(stream.bytes_each) } else { count };
                }
            });
            return total;
        }
        let sums = self.sums(owner, start, end);
        let counted = sums
            .iter()
            .filter(|((payload_type, _), _)| !billable_only || self.world.is_billable(payload_type));
        counted.map(|(_, amount)| if as_bytes { amount.bytes } else { amount.payloads }).sum()
    }

    /// Notebook runs that ended in `[start, end)`.
    pub fn notebooks_between(&self, owner: Owner, start: Timestamp, end: Timestamp) -> NotebookDay {
        let (from, to) = (calendar::second_from(start), calendar::second_from(self.visible(end)));
        let of = |id: ObjectId, activity: &Activity, spans: Vec<(i64, i64)>| {
            let days = spans
                .into_iter()
                .filter_map(|(from, to)| activity.notebooks.map(|habit| habit.between(id.key(), from, to)));
            days.fold(NotebookDay::default(), NotebookDay::plus)
        };
        let world = self.world;
        match owner {
            Owner::Org(id) => world.org(id).map(|org| of(id, &org.activity, org.lively(from, to))),
            Owner::Sandbox(id) => world.sandbox(id).map(|user| of(id, &user.activity, user.lively(from, to))),
            Owner::Instance(id) => Some(
                world
                    .orgs_of(id)
                    .map(|org| of(org.id, &org.activity, org.lively(from, to)))
                    .fold(NotebookDay::default(), NotebookDay::plus),
            ),
        }
        .unwrap_or_default()
    }

    fn by_source(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
        value: impl Fn(&Amount) -> u64,
    ) -> BTreeMap<(String, String), u64> {
        self.sums(owner, start, end).into_iter().map(|(key, amount)| (key, value(&amount))).collect()
    }

    /// Payloads and bytes in `[start, end)` by type and source; those there are.
    fn sums(&self, owner: Owner, start: Timestamp, end: Timestamp) -> Sums {
        let (from, to) = (calendar::second_from(start), calendar::second_from(self.visible(end)));
        let Owner::Instance(instance) = owner else { return self.sums_between(owner, from, to) };
        // Tens of thousands of orgs: what is asked for again and again is kept.
        let restatements = self.known_restatements().count();
        let mut sums = Sums::new();
        for (from, to) in pieces(from, to) {
            let piece = if is_whole(from, to) {
                let stretch = Stretch { instance, from, to, restatements };
                self.world.memo.sums(stretch, || self.sums_between(owner, from, to))
            } else {
                Arc::new(self.sums_between(owner, from, to))
            };
            for (key, amount) in piece.iter() {
                if let Some(sum) = sums.get_mut(key) {
                    sum.add(*amount);
                } else {
                    sums.insert(key.clone(), *amount);
                }
            }
        }
        sums
    }

    fn sums_between(&self, owner: Owner, from: i64, to: i64) -> Sums {
        let mut sums: BTreeMap<(&str, &str), Amount> = BTreeMap::new();
        self.tally_between(owner, from, to, &mut |_, stream, payloads| {
            if payloads > 0 {
                let amount = Amount { payloads, bytes: payloads.saturating_mul(stream.bytes_each) };
                sums.entry((&*stream.payload_type, &*stream.source)).or_default().add(amount);
            }
        });
        let with_texts =
            |((kind, source), amount): ((&str, &str), Amount)| ((kind.to_owned(), source.to_owned()), amount);
        sums.into_iter().map(with_texts).collect()
    }

    /// Calls `add` with the payloads of every stream in `[start, end)`, and the place of the stream at its owner.
    /// May do so several times for one stream.
    pub(super) fn tally(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
        add: &mut impl FnMut(usize, &'a Stream, u64),
    ) {
        let (from, to) = (calendar::second_from(start), calendar::second_from(self.visible(end)));
        self.tally_between(owner, from, to, add);
    }

    fn tally_between(&self, owner: Owner, from: i64, to: i64, add: &mut impl FnMut(usize, &'a Stream, u64)) {
        let mut count = |whose: Owner, id: ObjectId, activity: &'a Activity, spans: Vec<(i64, i64)>| {
            for (index, stream) in activity.streams.iter().enumerate() {
                for (from, to) in &spans {
                    let count = |from, to| stream.count(id.key(), from, to);
                    let restatements = self.restatements(whose);
                    let first = count(*from, *to);
                    add(
                        index,
                        stream,
                        restatements.fold(first, |total, change| change.apply(total, (*from, *to), count)),
                    );
                }
            }
        };
        let world = self.world;
        match owner {
            Owner::Org(id) => {
                world
                    .org(id)
                    .into_iter()
                    .for_each(|org| count(owner, id, &org.activity, org.lively(from, to)));
            }
            Owner::Instance(id) => {
                world.orgs_of(id).filter(|org| !org.activity.streams.is_empty()).for_each(|org| {
                    count(Owner::Org(org.id), org.id, &org.activity, org.lively(from, to));
                });
            }
            Owner::Sandbox(id) => {
                if let Some(sandbox) = world.sandbox(id) {
                    count(owner, id, &sandbox.activity, accepted(world, sandbox, from, to));
                }
            }
        }
    }

    /// The end of what is counted by now.
    fn visible(&self, end: Timestamp) -> Timestamp {
        let counted = |now: Timestamp| now.checked_sub(self.world.late).unwrap_or(Timestamp::MIN);
        self.now.filter(|_| !self.world.late.is_zero()).map_or(end, |now| end.min(counted(now)))
    }

    fn restatements(&self, owner: Owner) -> impl Iterator<Item = &Restatement> {
        self.known_restatements().filter(move |change| change.owner == owner)
    }

    /// Since they become known one after the other, their number says which ones they are.
    fn known_restatements(&self) -> impl Iterator<Item = &Restatement> {
        let all = self.world.restatements.iter();
        all.filter(|change| self.now.is_none_or(|now| change.known_from <= now))
    }
}

impl Restatement {
    /// What becomes of `total`, the first count of `[from, to)`.
    fn apply(&self, total: u64, (from, to): (i64, i64), count: impl Fn(i64, i64) -> u64) -> u64 {
        let (start, end) = (calendar::second_from(self.start), calendar::second_from(self.end));
        let (from, to) = (from.max(start), to.min(end));
        if from >= to {
            return total;
        }
        // From one line through the whole stretch, so that windows still add up.
        let restated = |second| {
            let payloads = u128::from(count(start, second)) * u128::from(self.thousandths) / 1_000;
            u64::try_from(payloads).unwrap_or(u64::MAX)
        };
        total.saturating_sub(count(from, to)).saturating_add(restated(to) - restated(from))
    }
}

/// `[from, to)` in parts that come up again in other windows: whole days, and what is left at both ends.
fn pieces(from: i64, to: i64) -> impl Iterator<Item = (i64, i64)> {
    let mut next = from;
    std::iter::from_fn(move || {
        let start = next;
        next = to.min((calendar::day(start) + 1) * DAY);
        (start < to).then_some((start, next))
    })
}

/// Whether it is a day or an hour.
fn is_whole(from: i64, to: i64) -> bool {
    [DAY, HOUR].into_iter().any(|unit| from.rem_euclid(unit) == 0 && to - from == unit)
}

/// The parts of `[from, to)` in which a sandbox's payloads are accepted: in each period until its limit is reached.
fn accepted(world: &World, sandbox: &Sandbox, from: i64, to: i64) -> Vec<(i64, i64)> {
    let (mut from, to) = sandbox.span(from, to);
    let mut spans = Vec::new();
    while from < to {
        let (start, end) = Sandbox::BILLING.period(from);
        let stop = stop_of_period(world, sandbox, sandbox.span(start, end.min(to)));
        spans.extend(sandbox.lively(from, stop));
        from = end;
    }
    spans
}

/// The first second that comes after the limit has been reached by payloads since `from`, or `to`.
fn stop_of_period(world: &World, sandbox: &Sandbox, (from, to): (i64, i64)) -> i64 {
    let Some(limit) = sandbox.limits.payload else { return to };
    let billable = |second| -> u64 {
        let lively = sandbox.lively(from, second);
        let streams = sandbox.activity.streams.iter();
        let streams = streams.filter(|stream| world.is_billable(&stream.payload_type));
        let count = |stream: &Stream| -> u64 {
            lively.iter().map(|(from, to)| stream.count(sandbox.id.key(), *from, *to)).sum()
        };
        streams.map(count).sum()
    };
    if billable(to) < limit {
        return to;
    }
    // The sum only grows, so halving finds the first second that reaches the limit.
    let (mut below, mut reached) = (from - 1, to);
    while reached - below > 1 {
        let middle = below + (reached - below) / 2;
        if billable(middle) >= limit { reached = middle } else { below = middle }
    }
    reached
}
