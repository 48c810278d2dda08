//! Payloads and notebook runs in a window: as they are, and as they are shown.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::World;
use crate::simulator::calendar::{self, DAY};
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

impl View<'_> {
    /// Payloads in `[start, end)` by type and source; those there are.
    pub fn payloads(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<(String, String), u64> {
        self.by_source(owner, start, end, |_, count| count)
    }

    /// Bytes of the payloads in `[start, end)` by type and source.
    pub fn payload_bytes(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<(String, String), u64> {
        self.by_source(owner, start, end, |stream, count| count * stream.bytes_each)
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
        let mut total = 0;
        self.tally(owner, start, end, &mut |_, stream, count| {
            if !billable_only || stream.is_billable() {
                total += if as_bytes { count * stream.bytes_each } else { count };
            }
        });
        total
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
        value: impl Fn(&Stream, u64) -> u64,
    ) -> BTreeMap<(String, String), u64> {
        let mut sums = BTreeMap::new();
        self.tally(owner, start, end, &mut |_, stream, count| {
            if count > 0 {
                let key = (stream.payload_type.to_string(), stream.source.to_string());
                *sums.entry(key).or_default() += value(stream, count);
            }
        });
        sums
    }

    /// Calls `add` with the payloads of every stream in `[start, end)`, and the place of the stream at its owner.
    /// May do so several times for one stream.
    pub(super) fn tally(
        &self,
        owner: Owner,
        start: Timestamp,
        end: Timestamp,
        add: &mut impl FnMut(usize, &Stream, u64),
    ) {
        let (from, to) = (calendar::second_from(start), calendar::second_from(self.visible(end)));
        let mut count = |whose: Owner, id: ObjectId, activity: &Activity, spans: Vec<(i64, i64)>| {
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
                world.orgs_of(id).for_each(|org| {
                    count(Owner::Org(org.id), org.id, &org.activity, org.lively(from, to));
                });
            }
            Owner::Sandbox(id) => {
                if let Some(sandbox) = world.sandbox(id) {
                    count(owner, id, &sandbox.activity, accepted(sandbox, from, to));
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
        let all = self.world.restatements.iter().filter(move |change| change.owner == owner);
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

/// The parts of `[from, to)` in which a sandbox's payloads are accepted: in each period until its limit is reached.
fn accepted(sandbox: &Sandbox, from: i64, to: i64) -> Vec<(i64, i64)> {
    let (mut from, to) = sandbox.span(from, to);
    let mut spans = Vec::new();
    while from < to {
        let (start, end) = Sandbox::BILLING.period(from);
        let stop = stop_of_period(sandbox, sandbox.span(start, end.min(to)));
        spans.extend(sandbox.lively(from, stop));
        from = end;
    }
    spans
}

/// The first second that comes after the limit has been reached by payloads since `from`, or `to`.
fn stop_of_period(sandbox: &Sandbox, (from, to): (i64, i64)) -> i64 {
    let Some(limit) = sandbox.limits.payload else { return to };
    let billable = |second| -> u64 {
        let lively = sandbox.lively(from, second);
        let streams = sandbox.activity.streams.iter().filter(|stream| stream.is_billable());
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
