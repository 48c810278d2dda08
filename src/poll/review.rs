//! What lists make known without asking about single scopes, and whom they make worth asking about.
//!
//! A list tells how much a scope has used so far. While that stays as it was before the last poll of a collector, what that
//! poll found still holds, and its windows move on over the same hours and days. When it changes, the collector is asked
//! again. And a scope that has used nothing in its billing period needs no asking at all.

use std::time::Duration;

use jiff::Timestamp;

use super::device_counts::Devices;
use super::fleet::{Finding, Member, Moment, Poll};
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

impl Poller {
    /// Works out what the last list makes known of a scope, shows it, and has asked what it does not tell.
    pub(super) fn review(&mut self, scope: Scope) {
        let Some(member) = self.fleet.get(scope) else { return };
        // Of a list that lags nobody knows more than that it was right so long ago.
        let listed = member.listed.back(self.trust.lag());
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
        let poll = member.last_poll(collector);
        if self.lists_are_too_old() {
            return poll.map_or(Standing::Changed, |_| Standing::Untold);
        }
        let now = self.clock.now();
        let usable = |period: &BillingPeriod| period.is_usable(now) && period.is_usable(member.listed.at);
        let silent_period = member.known.period.filter(usable);
        let is_exact = silent_period.is_some_and(|period| self.trust.is_exact_about(period.start));
        let is_silent = match collector {
            // Where lists are right, they are as good as an answer.
            Collector::PayloadCounts if member.shown_from == Some(member.listed.uptime) => {
                return Standing::Known;
            }
            Collector::PayloadBytes => member.figures.are_silent() && is_exact,
            Collector::PayloadCountsBreakdown => {
                member.figures.are_silent() && is_exact && self.trust.tells_all()
            }
            Collector::NotebookMinuteCounts => member.figures.tell_no_notebooks(),
            _ => false,
        };
        match poll.filter(|poll| poll.mark == Some(mark)) {
            Some(_) if self.changes_would_show(member, collector) => Standing::Known,
            _ if is_silent && silent_period.is_some() => {
                silent_period.map_or(Standing::Changed, Standing::Silent)
            }
            Some(_) => Standing::Untold,
            None => Standing::Changed,
        }
    }

    /// Whether lists lag so far that what they confirm would soon not be shown any more. Half of the time is left for the next list.
    pub(super) fn lists_are_too_old(&self) -> bool {
        self.trust.lag() > self.config.polling.expire_after.get() / 2
    }

    /// Whether a change of the numbers would show in lists. Not where their numbers are of another span, or do not know yet what an
    /// answer knew; and lists that hold billable payloads only would not show others: so a scope that has some is asked in turn until
    /// lists have been seen to tell of such payloads.
    fn changes_would_show(&self, member: &Member, collector: Collector) -> bool {
        if collector != Collector::NotebookMinuteCounts && member.suspicious {
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
        let usable = member.known.period.filter(|period| period.is_usable(listed.at));
        let findings = &mut member.findings;
        let moved_on = match collector {
            Collector::PayloadCountsBreakdown => findings.hours.as_mut().map(|hours| {
                let view = |hours: &Hours, at| (Windows::at(at, settle_delay), hours.hold_of_period(at));
                hours.move_on(listed, view, Hours::lasts, |hours| hours.reading(settle_delay, listed.at))
            }),
            Collector::DeviceCounts => findings.devices.as_mut().map(|devices| {
                let view = |_: &Devices, at| Window::day(at);
                devices.move_on(listed, view, Devices::lasts, |devices| devices.reading(listed.at))
            }),
            Collector::NotebookMinuteCounts => findings.notebooks.as_mut().map(|notebooks| {
                let view = |notebooks: &Notebooks, at| (Window::day(at), notebooks.hold_of_period(at));
                notebooks.move_on(listed, view, Notebooks::lasts, |notebooks| notebooks.reading(listed.at))
            }),
            // What the list itself said is shown already, and is as young.
            _ => Some(MovedOn::Same),
        };
        match moved_on {
            Some(MovedOn::Same) => {
                // Of the period as a whole: what was read by hour and day says itself how long it holds.
                let of_period = matches!(collector, Collector::PayloadCounts | Collector::PayloadBytes);
                let until = usable.filter(|_| of_period).map(|period| period.holds_until(listed.at));
                self.store.confirm(scope, collector, (listed.at, listed.uptime), until);
            }
            Some(MovedOn::To(reading)) => self.store.show(scope, collector, reading, listed.uptime),
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
                let view = |at| (Windows::at(at, settle_delay), period.holds_until(at));
                if is_same_silence(member.findings.hours.as_deref(), period, listed, view) {
                    self.store.confirm(scope, collector, (listed.at, listed.uptime), None);
                    return is_whole;
                }
                let reading = hours.reading(settle_delay, listed.at);
                member.findings.hours = Some(Box::new(Finding::silence(hours, period, listed)));
                (reading, is_whole)
            }
            Collector::NotebookMinuteCounts => {
                let Some(notebooks) = Notebooks::of_silence(period, listed.at) else { return false };
                let is_whole = notebooks.is_whole(listed.at);
                let view = |at| (Window::day(at), period.holds_until(at));
                if is_same_silence(member.findings.notebooks.as_deref(), period, listed, view) {
                    self.store.confirm(scope, collector, (listed.at, listed.uptime), None);
                    return is_whole;
                }
                let reading = notebooks.reading(listed.at);
                member.findings.notebooks = Some(Box::new(Finding::silence(notebooks, period, listed)));
                (reading, is_whole)
            }
            // No payload has no bytes: nothing that could have a type or a source.
            _ => (Some(Reading::at(listed.at)), true),
        };
        if let Some(reading) = reading {
            self.store.show(scope, collector, reading, listed.uptime);
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

    /// When a job should be done although nothing has changed since it was done. Each keeps to a place of its own, and to the
    /// time at which it was last done: what is overdue stays so until it is done.
    ///
    /// What was asked right after a list that showed a change may have missed a part of it: clocks differ, and counts come in
    /// late. So it is asked once more when that has settled.
    fn refresh_due(&self, job: Job) -> Duration {
        let Some(member) = job.scope().and_then(|scope| self.fleet.get(scope)) else { return Duration::MAX };
        let last_poll = member.last_poll(job.collector()).map(|poll| poll.asked_at);
        let settle_delay = self.config.polling.settle_delay.get().saturating_add(self.trust.lag());
        let settled = member.changed_at.map(|changed_at| changed_at.saturating_add(settle_delay));
        match (last_poll, settled) {
            (Some(asked_at), Some(settled)) if asked_at < settled => settled,
            _ => {
                let since = last_poll.unwrap_or(member.since);
                next_slot(job, since, self.config.polling.refresh_interval.get())
            }
        }
    }

    /// Asks about scopes in turn that have not been listed for so long that nobody knows what they are doing.
    pub(super) fn ask_in_turn(&mut self, scopes: &[Scope]) {
        let limit = self.config.polling.sweep_interval.get() * 2;
        let now = self.clock.uptime();
        for &scope in scopes {
            let listed_at = self.fleet.get(scope).map_or(now, |member| member.listed.uptime);
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
        let listed = self.fleet.members().filter(|(_, member)| member.sweep > 0);
        let listed: Vec<_> = listed.map(|(scope, _)| scope).collect();
        for scope in listed {
            self.review(scope);
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
    /// Moves on to `listed`. `view` is what the numbers depend on beside the answer, which `lasts` or does not.
    fn move_on<V: PartialEq>(
        &mut self,
        listed: Moment,
        view: impl Fn(&T, Timestamp) -> V,
        lasts: impl Fn(&T) -> bool,
        reading: impl Fn(&T) -> Option<Reading>,
    ) -> MovedOn {
        // Where somebody has set the clock, nobody knows which hours the answer speaks of.
        if !lasts(&self.answer) || !listed.follows(self.shown_at) {
            return MovedOn::Impossible;
        }
        if view(&self.answer, self.shown_at.at) == view(&self.answer, listed.at) {
            return MovedOn::Same;
        }
        let Some(reading) = reading(&self.answer) else { return MovedOn::Impossible };
        self.shown_at = listed;
        MovedOn::To(reading)
    }

    fn silence(answer: T, period: BillingPeriod, listed: Moment) -> Self {
        Self { answer, shown_at: listed, silent_since: Some(period.start) }
    }
}

/// Whether the same silence has been shown before, and `view` is what the numbers of it depend on.
fn is_same_silence<T, V: PartialEq>(
    found: Option<&Finding<T>>,
    period: BillingPeriod,
    listed: Moment,
    view: impl Fn(Timestamp) -> V,
) -> bool {
    found.is_some_and(|found| {
        found.silent_since == Some(period.start)
            && listed.follows(found.shown_at)
            && view(found.shown_at.at) == view(listed.at)
    })
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod standing_tests;
#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
