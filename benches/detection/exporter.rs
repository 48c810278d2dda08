//! What the exporter would have shown of an org, scrape by scrape.
//!
//! Follows `docs/polling.md`: a sweep every five minutes brings the payloads of the period; where it shows a change the
//! hours are asked for at the org's own place within five minutes, and else what is known is carried on. An hour settles after ten
//! minutes, and no number is shown under the name of a window that is over.

use fastrand::Rng;

use super::time::{self, DAY, HOUR, LIVE};
use super::{Course, Size, Tenant, chance};

const INTERVAL: usize = 5;
const SETTLE_DELAY: usize = 10;
/// From a poll to the first evaluation that can see it: the answer, the page, the scrape.
const VISIBLE_AFTER: usize = 1;
/// One sweep in seven is a minute late.
const LATE_SWEEPS: f64 = 0.15;

/// Losant does not answer.
const OUTAGE: (usize, usize) = (LIVE + 2 * DAY + 14 * HOUR, 45);
/// The exporter is moved to another node, and later missing for longer.
const MOVE: (usize, usize) = (LIVE + 3 * DAY + 10 * HOUR + 25, 5);
const ABSENCE: (usize, usize) = (LIVE + 13 * DAY + 2 * HOUR, 25);

/// A series of the page.
pub struct Series {
    pub name: &'static str,
    /// Beyond the ids and the pod.
    pub labels: &'static str,
    /// Which of the exporter's processes shows it.
    pub process: usize,
    /// One value a scrape from [`LIVE`] on.
    pub values: Vec<Option<u64>>,
}

const NAMES: [(&str, &str); 13] = [
    ("losant_org_payloads_this_hour", r#"billable="true""#),
    ("losant_org_payloads_this_hour", r#"billable="false""#),
    ("losant_org_payloads_last_hour", r#"billable="true""#),
    ("losant_org_payloads_last_hour", r#"billable="false""#),
    ("losant_org_last_hour_end_timestamp_seconds", ""),
    ("losant_org_payloads_last_day", r#"billable="true""#),
    ("losant_org_billable_payloads_period", ""),
    ("losant_org_payloads_period", r#"payload_type="deviceState",source="device.mqtt""#),
    ("losant_org_payload_limit", ""),
    ("losant_org_period_start_timestamp_seconds", ""),
    ("losant_org_period_end_timestamp_seconds", ""),
    ("losant_org_last_success_timestamp_seconds", r#"collector="payload_counts""#),
    ("losant_org_last_success_timestamp_seconds", r#"collector="payload_counts_breakdown""#),
];

/// What is known of the org at one moment. All numbers are up to when they are true.
#[derive(Default)]
struct Known {
    /// The last sweep.
    swept: Option<usize>,
    /// The hours.
    hours: Option<usize>,
    /// The last sweep before the hours were asked for.
    before_hours: Option<usize>,
}

/// All series of an org.
pub fn shown(size: &Size, index: usize, tenant: &Tenant, course: &Course) -> Vec<Series> {
    let mut rng = chance::of(size.seed, "polls", index);
    let mut sweeps = Sweeps::new(&mut rng);
    let place = rng.usize(0..INTERVAL);
    let scrapes = (size.minutes() - LIVE).div_ceil(size.step);
    let mut series = Vec::new();
    for process in 0..2 {
        series.extend(NAMES.map(|(name, labels)| Series {
            name,
            labels,
            process,
            values: vec![None; scrapes],
        }));
    }
    let (mut known, mut process) = (Known::default(), 0);
    for minute in LIVE - HOUR..size.minutes() {
        let is_down = [MOVE, ABSENCE].into_iter().any(|down| is_within(down, minute));
        if is_down {
            known = Known::default();
            process = 1;
        }
        if minute >= LIVE && (minute - LIVE).is_multiple_of(size.step) && !is_down {
            let scrape = (minute - LIVE) / size.step;
            for (place, value) in known.page(minute, tenant.limit, course).into_iter().enumerate() {
                series[process * NAMES.len() + place].values[scrape] = value;
            }
        }
        let is_out = is_within(OUTAGE, minute);
        let is_swept = sweeps.come(minute);
        if is_down || is_out || minute < tenant.founded {
            continue;
        }
        if is_swept {
            known.sweep(minute, course);
        }
        if minute % INTERVAL == place {
            known.ask(minute, course);
        }
    }
    series
}

fn is_within((start, length): (usize, usize), minute: usize) -> bool {
    (start..start + length).contains(&minute)
}

/// When sweeps come.
struct Sweeps {
    rng: Rng,
    next: usize,
    after: usize,
}

impl Sweeps {
    fn new(rng: &mut Rng) -> Self {
        let first = LIVE - HOUR + rng.usize(0..INTERVAL);
        Self { rng: rng.fork(), next: first, after: first + INTERVAL }
    }

    fn come(&mut self, minute: usize) -> bool {
        let come = minute == self.next;
        if come {
            self.next = self.after + usize::from(self.rng.f64() < LATE_SWEEPS);
            self.after += INTERVAL;
        }
        come
    }
}

impl Known {
    fn sweep(&mut self, minute: usize, course: &Course) {
        self.swept = Some(minute);
        // Nothing has come since the sweep before the hours were read, so they hold still.
        if let (Some(before), Some(_)) = (self.before_hours, self.hours)
            && course.all(before, minute) == 0
        {
            self.hours = Some(minute);
        }
    }

    fn ask(&mut self, minute: usize, course: &Course) {
        let Some(swept) = self.swept else { return };
        let is_known = self.before_hours.is_some_and(|before| course.all(before, swept) == 0);
        if !is_known {
            self.hours = Some(minute);
            self.before_hours = Some(swept);
        }
    }

    fn page(&self, minute: usize, limit: u64, course: &Course) -> [Option<u64>; NAMES.len()] {
        let seen = |at: Option<usize>| at.filter(|at| at + VISIBLE_AFTER <= minute);
        let period = |at: &usize| time::period(*at) == time::period(minute);
        let swept = seen(self.swept).filter(period);
        let hours = seen(self.hours);
        let hour = hours.filter(|at| at / HOUR == minute / HOUR).map(|at| (at / HOUR * HOUR, at));
        let last_hour = hours.map(|at| (at - SETTLE_DELAY) / HOUR * HOUR).map(|end| (end - HOUR, end));
        let last_day = hours.filter(|at| at / DAY == minute / DAY).map(|at| at / DAY * DAY);
        let (period_start, period_end) = time::period(minute);
        let since = time::period_start(minute);
        let as_number = |seconds: i64| seconds.try_into().unwrap_or(0);
        [
            hour.map(|(from, to)| course.billable(from, to)),
            hour.map(|(from, to)| course.other(from, to)),
            last_hour.map(|(from, to)| course.billable(from, to)),
            last_hour.map(|(from, to)| course.other(from, to)),
            last_hour.map(|(_, end)| as_number(time::seconds(end))),
            last_day.map(|end| course.billable(end - DAY, end)),
            hours.filter(period).map(|at| course.billable(since, at)),
            swept.map(|at| course.all(since, at)),
            swept.map(|_| limit),
            swept.map(|_| as_number(period_start)),
            swept.map(|_| as_number(period_end)),
            swept.map(|at| as_number(time::seconds(at))),
            hours.map(|at| as_number(time::seconds(at))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: usize = LIVE + 12 * HOUR;

    fn value(known: &Known, minute: usize, course: &Course, name: &str) -> Option<u64> {
        let place = NAMES.iter().position(|(known, _)| *known == name).unwrap();
        known.page(minute, 1_000, course)[place]
    }

    #[test]
    fn a_poll_is_seen_a_minute_later_and_no_number_outlives_its_hour() {
        let (course, mut known) = (Course::steady(10, LIVE + DAY), Known::default());
        known.sweep(NOON + 30, &course);
        known.ask(NOON + 32, &course);
        let this_hour = |minute| value(&known, minute, &course, "losant_org_payloads_this_hour");
        assert_eq!(this_hour(NOON + 32), None);
        assert_eq!(this_hour(NOON + 33), Some(320));
        assert_eq!(this_hour(NOON + 59), Some(320));
        assert_eq!(this_hour(NOON + 60), None);
    }

    #[test]
    fn the_last_hour_changes_once_it_has_settled_and_has_been_read() {
        let (course, mut known) = (Course::steady(10, LIVE + DAY), Known::default());
        let end = |known: &Known, minute| {
            value(known, minute, &course, "losant_org_last_hour_end_timestamp_seconds")
                .map(|seconds| seconds / 60 - u64::try_from(NOON).unwrap())
        };
        known.sweep(NOON + 65, &course);
        known.ask(NOON + 69, &course);
        assert_eq!(end(&known, NOON + 72), Some(0));
        known.sweep(NOON + 70, &course);
        known.ask(NOON + 70, &course);
        assert_eq!(end(&known, NOON + 72), Some(60));
    }

    #[test]
    fn while_nothing_comes_hours_are_carried_on_by_sweeps() {
        let (course, mut known) = (Course::steady(0, LIVE + DAY), Known::default());
        known.sweep(NOON + 1, &course);
        known.ask(NOON + 2, &course);
        known.sweep(NOON + 66, &course);
        known.ask(NOON + 67, &course);
        assert_eq!(known.hours, Some(NOON + 66));
    }
}
