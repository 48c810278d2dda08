//! What lists make known without asking about single scopes, and whom they make worth asking about.
//!
//! A list tells how much a scope has used so far. While that stays as it was before the last poll of a collector, what that
//! poll found still holds, and its windows move on over the same hours and days. When it changes, the collector is asked
//! again. And a scope that has used nothing in its billing period needs no asking at all.

use std::time::Duration;

use jiff::Timestamp;

use super::fleet::{Finding, Member, Poll};
use super::job::Job;
use super::notebook_minute_counts::Notebooks;
use super::payload_counts_breakdown::Hours;
use super::poller::Poller;
use super::schedule::{Lane, next_slot};
use crate::usage::{BillingPeriod, Collector, Reading, Scope, Window, Windows};

/// What is known of a collector's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// What was read still holds.
    Known,
    /// Nothing was used in this period, which is all there is to know of it. Of the time before it tells nothing.
    Silent(BillingPeriod),
    /// They are others than were read, or have never been read.
    Changed,
    /// Nothing tells whether they have changed.
    Untold,
}

/// A moment, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) uptime: Duration,
}

impl Poller {
    /// Works out what a list, asked for at `listed`, makes known of a scope, shows it, and has asked what it does not tell.
    pub(super) fn review(&mut self, scope: Scope, listed: Moment) {
        for &collector in Collector::of(scope.level()) {
            let job = Job::Poll(scope, collector);
            if !self.config.polling.is_enabled(collector) {
                continue;
            }
            let standing = self.standing(scope, collector);
            let is_shown = match standing {
                Standing::Known => self.show_unchanged(scope, collector, listed),
                Standing::Silent(period) => self.show_silent(scope, collector, period, listed),
                Standing::Changed | Standing::Untold => true,
            };
            // One that fails comes back in its own time.
            if self.failures.in_a_row(job) > 0 {
                continue;
            }
            match (standing, is_shown) {
                (Standing::Known | Standing::Silent(_), true) => {
                    let due = self.refresh_due(job);
                    self.schedule.rest(job, due);
                }
                // What was found cannot be moved on: ask again in turn.
                (Standing::Known, false) => self.want(job, Standing::Untold),
                _ => self.want(job, standing),
            }
        }
    }

    /// What lists tell of the numbers that were last read of a scope.
    pub(super) fn standing(&self, scope: Scope, collector: Collector) -> Standing {
        let Some(member) = self.fleet.get(scope) else { return Standing::Untold };
        let Some(mark) = member.figures.mark(collector) else { return Standing::Untold };
        let now = self.clock.now();
        let silent_period = member.known.period.filter(|period| period.is_usable(now));
        let is_silent = match collector {
            // Where lists are right, they are as good as an answer.
            Collector::PayloadCounts if member.shown_from == Some(member.listed_at) => {
                return Standing::Known;
            }
            Collector::PayloadBytes => member.figures.are_silent() && self.trust.is_exact(),
            Collector::PayloadCountsBreakdown => {
                member.figures.are_silent() && self.trust.is_exact() && self.trust.tells_all()
            }
            Collector::NotebookMinuteCounts => member.figures.tell_no_notebooks(),
            _ => false,
        };
        let poll = member.last_poll(collector);
        match poll.filter(|poll| poll.mark == Some(mark)) {
            Some(_) if self.changes_would_show(member, collector) => Standing::Known,
            _ if is_silent && silent_period.is_some() => {
                silent_period.map_or(Standing::Changed, Standing::Silent)
            }
            Some(_) => Standing::Untold,
            None => Standing::Changed,
        }
    }

    /// Whether a change of the numbers would show in lists. Not where their numbers are of another span; and lists that hold billable payloads only would not show others: so
    /// a scope that has some is asked in turn until lists have been seen to tell of such payloads.
    fn changes_would_show(&self, member: &Member, collector: Collector) -> bool {
        if collector != Collector::NotebookMinuteCounts && !self.trust.shows_changes() {
            return false;
        }
        collector != Collector::PayloadCountsBreakdown
            || self.trust.tells_all()
            || member.findings.hours.as_ref().is_some_and(|hours| hours.answer.is_all_billable())
    }

    /// Shows that what was last read still holds at `listed`. Returns whether that can be said.
    fn show_unchanged(&mut self, scope: Scope, collector: Collector, listed: Moment) -> bool {
        let settle_delay = self.config.polling.settle_delay.get();
        let Some(member) = self.fleet.get_mut(scope) else { return false };
        if member.last_poll(collector).is_some_and(|poll| poll.asked_at >= listed.uptime) {
            // The list is older than the poll.
            return true;
        }
        let findings = &mut member.findings;
        let moved_on = match collector {
            Collector::PayloadCountsBreakdown => findings.hours.as_mut().map(|hours| {
                let same = Windows::at(hours.shown_at, settle_delay) == Windows::at(listed.at, settle_delay);
                let lasts = hours.answer.lasts();
                hours.move_on(listed.at, same && lasts, |hours| hours.reading(settle_delay, listed.at))
            }),
            Collector::DeviceCounts => findings.devices.as_mut().map(|devices| {
                let same = Window::day(devices.shown_at) == Window::day(listed.at);
                let lasts = devices.answer.lasts();
                devices.move_on(listed.at, same && lasts, |devices| devices.reading(listed.at))
            }),
            Collector::NotebookMinuteCounts => findings.notebooks.as_mut().map(|notebooks| {
                let same = Window::day(notebooks.shown_at) == Window::day(listed.at);
                let lasts = notebooks.answer.lasts();
                notebooks.move_on(listed.at, same && lasts, |notebooks| notebooks.reading(listed.at))
            }),
            // What the list said is shown already.
            Collector::PayloadCounts if member.shown_from == Some(member.listed_at) => return true,
            _ => Some(MovedOn::Same),
        };
        match moved_on {
            Some(MovedOn::Same) => self.store.confirm(scope, collector, listed.at, listed.uptime),
            Some(MovedOn::To(reading)) => self.store.put(scope, collector, reading, listed.uptime),
            Some(MovedOn::Impossible) | None => return false,
        }
        true
    }

    /// Shows what follows from a period without any use. Returns whether that is everything.
    fn show_silent(
        &mut self,
        scope: Scope,
        collector: Collector,
        period: BillingPeriod,
        listed: Moment,
    ) -> bool {
        let settle_delay = self.config.polling.settle_delay.get();
        let Some(member) = self.fleet.get_mut(scope) else { return false };
        let (reading, is_whole) = match collector {
            Collector::PayloadCountsBreakdown => {
                let hours = Hours::of_silence(period, self.errand.bytes, listed.at);
                let is_whole = hours.is_whole(settle_delay, listed.at);
                let windows = |at| Windows::at(at, settle_delay);
                let same = |shown_at| windows(shown_at) == windows(listed.at);
                if is_same_silence(member.findings.hours.as_deref(), period, same) {
                    self.store.confirm(scope, collector, listed.at, listed.uptime);
                    return is_whole;
                }
                let reading = hours.reading(settle_delay, listed.at);
                member.findings.hours = Some(Box::new(Finding::silence(hours, period, listed.at)));
                (reading, is_whole)
            }
            Collector::NotebookMinuteCounts => {
                let Some(notebooks) = Notebooks::of_silence(period, listed.at) else { return false };
                let is_whole = notebooks.is_whole(listed.at);
                let same = |shown_at| Window::day(shown_at) == Window::day(listed.at);
                if is_same_silence(member.findings.notebooks.as_deref(), period, same) {
                    self.store.confirm(scope, collector, listed.at, listed.uptime);
                    return is_whole;
                }
                let reading = notebooks.reading(listed.at);
                member.findings.notebooks = Some(Box::new(Finding::silence(notebooks, period, listed.at)));
                (reading, is_whole)
            }
            // No payload has no bytes: nothing that could have a type or a source.
            _ => (Some(Reading::at(listed.at)), true),
        };
        if let Some(reading) = reading {
            self.store.put(scope, collector, reading, listed.uptime);
        }
        is_whole
    }

    /// Has a job done that waits.
    pub(super) fn want(&mut self, job: Job, standing: Standing) {
        let (lane, due) = self.due(job, standing);
        self.schedule.want(job, lane, due);
    }

    /// How urgent a job is whose scope stands like that, and when it should be done.
    pub(super) fn due(&self, job: Job, standing: Standing) -> (Lane, Duration) {
        let now = self.clock.uptime();
        let member = job.scope().and_then(|scope| self.fleet.get(scope));
        let last_poll = member.and_then(|member| member.last_poll(job.collector()));
        let interval = self.config.polling.interval(job.collector());
        let in_turn = |poll: Poll| next_slot(job, poll.asked_at, interval).max(now);
        let calm = || {
            let spread = self.spread;
            let place = if spread.is_zero() { now } else { next_slot(job, now, spread) };
            (Lane::Calm, last_poll.map_or(place, |poll| in_turn(poll).max(place)))
        };
        let moves = member.is_some_and(|member| member.moves);
        match standing {
            Standing::Known => (Lane::Calm, self.refresh_due(job)),
            Standing::Changed if !moves => calm(),
            Standing::Silent(_) => calm(),
            Standing::Changed | Standing::Untold => (Lane::Brisk, last_poll.map_or(now, in_turn)),
        }
    }

    /// When a job should be done although nothing has changed. Each keeps to a place of its own, and to the time at which
    /// it was last done: what is overdue stays so until it is done.
    fn refresh_due(&self, job: Job) -> Duration {
        let member = job.scope().and_then(|scope| self.fleet.get(scope));
        let last_poll = member.and_then(|member| member.last_poll(job.collector()));
        let since = last_poll.map(|poll| poll.asked_at).or(member.map(|member| member.since));
        next_slot(job, since.unwrap_or_default(), self.config.polling.refresh_interval.get())
    }

    /// Asks about scopes in turn that have not been listed for so long that nobody knows what they are doing.
    pub(super) fn ask_in_turn(&mut self, scopes: &[Scope]) {
        let limit = self.config.polling.sweep_interval.get() * 2;
        let now = self.clock.uptime();
        for &scope in scopes {
            let listed_at = self.fleet.get(scope).map_or(now, |member| member.listed_at);
            if now.saturating_sub(listed_at) <= limit {
                continue;
            }
            for job in Collector::of(scope.level()).iter().map(|collector| Job::Poll(scope, *collector)) {
                if self.failures.in_a_row(job) == 0 {
                    self.want(job, Standing::Untold);
                }
            }
        }
    }

    /// Reviews everybody by what the last lists said, when it has turned out what lists are worth.
    pub(super) fn review_all(&mut self) {
        let listed = |(scope, member): (Scope, &Member)| {
            let listed = Moment { at: member.known.read_at, uptime: member.listed_at };
            (member.sweep > 0).then_some((scope, listed))
        };
        let all: Vec<_> = self.fleet.members().filter_map(listed).collect();
        for (scope, listed) in all {
            self.review(scope, listed);
        }
    }
}

/// What became of numbers as time went by and nothing changed.
enum MovedOn {
    /// They are the same.
    Same,
    /// Their windows are others now.
    To(Reading),
    /// The answers that they were made from do not reach far enough.
    Impossible,
}

impl<T> Finding<T> {
    fn move_on(&mut self, at: Timestamp, is_same: bool, reading: impl Fn(&T) -> Option<Reading>) -> MovedOn {
        if is_same || at <= self.shown_at {
            return MovedOn::Same;
        }
        let Some(reading) = reading(&self.answer) else { return MovedOn::Impossible };
        self.shown_at = at;
        MovedOn::To(reading)
    }

    fn silence(answer: T, period: BillingPeriod, at: Timestamp) -> Self {
        Self { answer, shown_at: at, silent_since: Some(period.start) }
    }
}

/// Whether the same silence has been shown before, with windows that are still `same`.
fn is_same_silence<T>(
    found: Option<&Finding<T>>,
    period: BillingPeriod,
    same: impl Fn(Timestamp) -> bool,
) -> bool {
    found.is_some_and(|found| found.silent_since == Some(period.start) && same(found.shown_at))
}
