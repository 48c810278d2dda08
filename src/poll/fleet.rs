//! The scopes that an account has, as last discovered, and what was last read of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::device_counts::Devices;
use super::figures::{Figures, Mark};
use super::notebook_minute_counts::Notebooks;
use super::payload_counts_breakdown::Hours;
use super::trail::Trail;
use super::trust::Answered;
use crate::usage::{BillingPeriod, Collector, Id, Level, Scope};

/// What polls of a scope need to know of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) period: Option<BillingPeriod>,
    /// How many devices the summary counted.
    pub(super) devices: Option<f64>,
    /// When Losant was asked.
    pub(super) read_at: Timestamp,
    /// Uptime at which Losant was asked.
    pub(super) asked_at: Duration,
}

impl Known {
    /// Nothing is known.
    pub(super) const fn nothing() -> Self {
        Self { period: None, devices: None, read_at: Timestamp::MIN, asked_at: Duration::ZERO }
    }

    /// Whether the billing period should be asked for again before anything is added up.
    pub(super) fn period_is_uncertain(&self, now: Timestamp) -> bool {
        self.period.is_some_and(|period| period.should_be_read_again(self.read_at, now))
    }
}

/// A moment, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) uptime: Duration,
}

/// How far the two clocks may run apart between two moments before somebody has set one of them.
const SET: SignedDuration = SignedDuration::from_secs(2);

impl Moment {
    /// Whether the wall clock has gone on since `before` as time has.
    pub(super) fn follows(&self, before: Self) -> bool {
        let uptime = SignedDuration::try_from(self.uptime.saturating_sub(before.uptime))
            .unwrap_or(SignedDuration::MAX);
        (self.at.duration_since(before.at) - uptime).abs() <= SET
    }

    /// The moment that lies `by` before this one.
    pub(super) fn back(self, by: Duration) -> Self {
        let signed = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        Self {
            at: self.at.checked_sub(signed).unwrap_or(Timestamp::MIN),
            uptime: self.uptime.saturating_sub(by),
        }
    }
}

/// A scope.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) known: Known,
    /// What lists say of its use.
    pub(super) figures: Figures,
    /// When the list was asked for that said so.
    pub(super) listed: Moment,
    /// Uptime at which that list was there. It may know of whatever came until then.
    pub(super) listed_by: Duration,
    /// Uptime at which a list was asked for that first said so, where it was seen to change.
    pub(super) changed_at: Option<Duration>,
    /// Whether the last list that could be compared with an answer contradicted it: it said more, and so may speak of another span,
    /// or did not know yet what the answer knew.
    pub(super) suspicious: bool,
    /// Uptime at which the scope was found.
    pub(super) since: Duration,
    /// The sweep that it was last seen in.
    pub(super) sweep: u64,
    /// Whether use went on between the last two lists.
    pub(super) moves: bool,
    pub(super) findings: Findings,
    /// The hours of the last two days, where there were payloads.
    pub(super) trail: Option<Box<Trail>>,
    pub(super) answered: Option<Answered>,
    /// Uptime at which the list was asked for that payloads are shown from, if they are.
    pub(super) shown_from: Option<Duration>,
    polls: [Option<Poll>; Collector::ALL.len()],
}

/// A poll that succeeded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Poll {
    /// Uptime at which was asked.
    pub(super) asked_at: Duration,
    /// What the lists said before: as long as they say the same, nothing has changed since, nor had it in between.
    pub(super) mark: Option<Mark>,
}

/// What polls found, for numbers that move on with time while nothing changes.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) hours: Option<Box<Finding<Hours>>>,
    pub(super) devices: Option<Box<Finding<Devices>>>,
    pub(super) notebooks: Option<Box<Finding<Notebooks>>>,
}

/// What was found, and the moment that the numbers shown of it speak of.
#[derive(Debug)]
pub(super) struct Finding<T> {
    pub(super) answer: T,
    pub(super) shown_at: Moment,
    /// Start of the period whose silence told it, where nobody had to be asked.
    pub(super) silent_since: Option<Timestamp>,
}

impl<T> Finding<T> {
    /// What a poll found that asked at `read_at`.
    pub(super) fn new(answer: T, read_at: Moment) -> Self {
        Self { answer, shown_at: read_at, silent_since: None }
    }
}

impl Member {
    /// The last poll of a collector that succeeded.
    pub(super) fn last_poll(&self, collector: Collector) -> Option<Poll> {
        self.polls[collector as usize]
    }

    /// Keeps the hours that a poll found. A scope that uses nothing needs no room for that.
    pub(super) fn note_hours(&mut self, found: &Hours) {
        let found: Vec<_> = found.billable_by_hour(found.read_at()).collect();
        if self.trail.is_none() && found.iter().all(|(_, count)| *count == 0.0) {
            return;
        }
        let trail = self.trail.get_or_insert_default();
        for (hour, count) in found {
            trail.note(hour, count);
        }
    }

    /// Notes a poll that succeeded.
    pub(super) fn polled(&mut self, collector: Collector, poll: Poll) {
        self.polls[collector as usize] = Some(poll);
    }

    /// Forgets what was found by a collector: it is to be asked again.
    pub(super) fn forget(&mut self, collector: Collector) {
        self.polls[collector as usize] = None;
        match collector {
            Collector::PayloadCounts => {
                // Nothing would come any more that speaks for lists.
                (self.answered, self.shown_from, self.suspicious) = (None, None, false);
            }
            Collector::PayloadCountsBreakdown => self.findings.hours = None,
            Collector::DeviceCounts => self.findings.devices = None,
            Collector::NotebookMinuteCounts => self.findings.notebooks = None,
            Collector::PayloadBytes
            | Collector::Discovery
            | Collector::Applications
            | Collector::PreviousPeriod => {}
        }
    }
}

/// Scopes and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    /// Boxed, since the nodes of a tree are half empty, and members are large.
    scopes: BTreeMap<Scope, Box<Member>>,
}

impl Fleet {
    /// Notes what discovery found of a scope. Returns whether the scope is new.
    pub(super) fn insert(&mut self, scope: Scope, known: Known, now: Duration) -> bool {
        match self.scopes.entry(scope) {
            Entry::Occupied(mut member) => {
                member.get_mut().known = known;
                false
            }
            Entry::Vacant(place) => {
                place.insert(Box::new(Member {
                    known,
                    figures: Figures::default(),
                    listed: Moment { at: known.read_at, uptime: now },
                    listed_by: now,
                    changed_at: None,
                    suspicious: false,
                    since: now,
                    sweep: 0,
                    moves: false,
                    findings: Findings::default(),
                    trail: None,
                    answered: None,
                    shown_from: None,
                    polls: [None; Collector::ALL.len()],
                }));
                true
            }
        }
    }

    /// Forgets a scope.
    pub(super) fn remove(&mut self, scope: Scope) {
        self.scopes.remove(&scope);
    }

    /// Forgets an instance and all its scopes.
    pub(super) fn forget_instance(&mut self, instance: Id) {
        self.scopes.retain(|scope, _| scope.instance() != instance);
    }

    /// What is known of a scope.
    pub(super) fn known(&self, scope: Option<Scope>) -> Known {
        scope.and_then(|scope| self.get(scope)).map_or(Known::nothing(), |member| member.known)
    }

    /// A scope.
    pub(super) fn get(&self, scope: Scope) -> Option<&Member> {
        self.scopes.get(&scope).map(Box::as_ref)
    }

    /// A scope, to change.
    pub(super) fn get_mut(&mut self, scope: Scope) -> Option<&mut Member> {
        self.scopes.get_mut(&scope).map(Box::as_mut)
    }

    /// How many scopes there are.
    pub(super) fn len(&self) -> usize {
        self.scopes.len()
    }

    /// All scopes.
    pub(super) fn members(&self) -> impl Iterator<Item = (Scope, &Member)> {
        self.scopes.iter().map(|(scope, member)| (*scope, member.as_ref()))
    }

    /// The scopes of an instance at one level.
    pub(super) fn scopes(&self, instance: Id, level: Level) -> impl Iterator<Item = Scope> {
        self.members()
            .map(|(scope, _)| scope)
            .filter(move |scope| scope.instance() == instance && scope.level() == level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_does_not_follow_from_the_moment_before() {
        let at =
            |text: &str, uptime| Moment { at: text.parse().unwrap(), uptime: Duration::from_secs(uptime) };
        let before = at("2026-03-01T10:00:00Z", 100);
        assert!(at("2026-03-01T10:05:00Z", 400).follows(before));
        assert!(at("2026-03-01T10:05:01Z", 400).follows(before), "clocks are slewed now and then");
        assert!(!at("2026-03-01T13:05:00Z", 400).follows(before));
        assert!(!at("2026-03-01T09:05:00Z", 400).follows(before));
    }
}
