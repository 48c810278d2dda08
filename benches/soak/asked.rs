//! What the simulated Losant was asked, and when: so that it is known by when a question had been answered, and whether the
//! budget was kept.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use losant_exporter::simulator::{ObjectId, RecordedRequest};

/// How long arrivals are remembered: as long as a number is shown, and a page lives.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);
/// Requests of one poll follow each other within this: the time that a request may take, the wait before it is tried again, the
/// longest pause that the run has Losant ask for.
const GAP: SignedDuration = SignedDuration::from_secs(10);
/// No poll takes longer.
const LONGEST: SignedDuration = SignedDuration::from_secs(90);

/// What a question was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A list of orgs or sandboxes, or an instance itself.
    List(&'static str),
    /// Usage of one scope.
    Usage(ObjectId, &'static str),
}

/// Arrivals by what they were about.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    arrivals: HashMap<Subject, VecDeque<Timestamp>>,
}

impl Asked {
    /// Takes in a request.
    pub fn take(&mut self, request: &RecordedRequest) {
        if let Some(subject) = subject_of(request) {
            self.note(subject, request.at);
        }
    }

    fn note(&mut self, subject: Subject, at: Timestamp) {
        let arrivals = self.arrivals.entry(subject).or_default();
        arrivals.push_back(at);
        while arrivals.front().is_some_and(|first| at.duration_since(*first) > REMEMBERED) {
            arrivals.pop_front();
        }
    }

    /// When the last request arrived of a question that was asked at `at`, at the latest.
    pub fn answered(&self, subject: Subject, at: Timestamp) -> Timestamp {
        let Some(arrivals) = self.arrivals.get(&subject) else { return at };
        let mut last = at;
        for arrival in arrivals.iter().copied().skip_while(|arrival| *arrival < at) {
            if arrival.duration_since(last) > GAP || arrival.duration_since(at) > LONGEST {
                break;
            }
            last = arrival;
        }
        last
    }
}

/// The subject of what a collector asks about an owner.
pub fn subject(level: &str, owner: ObjectId, collector: &str) -> Subject {
    match (collector, level) {
        ("payload_bytes", _) | ("payload_counts", "instance") => Subject::Usage(owner, "payloadCounts"),
        ("payload_counts_breakdown", _) => Subject::Usage(owner, "payloadCountsBreakdown"),
        ("device_counts", _) => Subject::Usage(owner, "deviceCounts"),
        ("notebook_minute_counts", _) => Subject::Usage(owner, "notebookMinuteCounts"),
        (_, "instance") => Subject::List("instance.get"),
        (_, "org") => Subject::List("instanceOrgs.get"),
        _ => Subject::List("instanceSandboxes.get"),
    }
}

fn subject_of(request: &RecordedRequest) -> Option<Subject> {
    let action = request.action?;
    if matches!(action, "instance.get" | "instanceOrgs.get" | "instanceSandboxes.get") {
        return Some(Subject::List(action));
    }
    let (_, what) = action.split_once('.')?;
    let mut owner = request.path.rsplit('/').filter_map(|part| part.parse::<ObjectId>().ok());
    Some(Subject::Usage(owner.next()?, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_question_ends_with_its_last_request_and_not_with_the_next_question() {
        let (mut asked, subject) = (Asked::default(), Subject::List("instanceOrgs.get"));
        for second in [0, 1, 9, 30, 31] {
            asked.note(subject, at(second));
        }
        assert_eq!(asked.answered(subject, at(0)), at(9));
        assert_eq!(asked.answered(subject, at(2)), at(9));
        assert_eq!(asked.answered(subject, at(10)), at(10));
        assert_eq!(asked.answered(Subject::List("instance.get"), at(0)), at(0));
        asked.note(subject, at(400));
        assert_eq!(asked.answered(subject, at(0)), at(0));
    }
}
