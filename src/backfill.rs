//! History on day one: what Losant still has of the past, as samples with timestamps.
//!
//! Owns: which hours and days are asked for and of whom, the series that answers become, and the way of these into a file or to a
//! server, in steps that a run which was cut short can go on from.
//! Must not: poll, know how the daemon shows usage, or know where flags and configuration stand.

mod figure;
mod history;
mod journal;
mod order;
mod progress;
mod pushes;
mod reader;
mod run;
mod span;
mod spools;
mod subjects;
mod target;

pub use order::Order;
pub use progress::Display;
pub use run::{Done, Stopped};
pub use target::{Refusal, Target};

use jiff::Timestamp;

use journal::{Header, Journal, Standing};
use span::Span;
use subjects::Subject;
use target::Folder;

/// A backfill that can be begun, or gone on with.
#[derive(Debug)]
pub struct Backfill {
    order: Order,
    span: Span,
    target: Target,
    begun: Option<Begun>,
}

/// What an earlier run has left.
#[derive(Debug)]
struct Begun {
    journal: Journal,
    subjects: Vec<Subject>,
    standing: Standing,
}

impl Backfill {
    /// Checks whether `order` can be carried out; with `resume`, whether it is what an earlier run into the same target was
    /// about. Asks nobody and writes nothing.
    pub fn prepare(order: Order, target: Target, resume: bool, now: Timestamp) -> Result<Self, Refusal> {
        let folder = target.check(resume)?;
        if !resume {
            let span = order.span(now).map_err(Refusal::words)?;
            return Ok(Self { order, span, target, begun: None });
        }
        let (journal, header, subjects, standing) = Journal::open(folder.path())?;
        let span = continued(&order, &header, &folder, &target, now)?;
        Ok(Self { order, span, target, begun: Some(Begun { journal, subjects, standing }) })
    }
}

/// The span of a run that goes on. Relative times are those of its beginning.
fn continued(
    order: &Order,
    header: &Header,
    folder: &Folder,
    target: &Target,
    now: Timestamp,
) -> Result<Span, Refusal> {
    let begun_with = |what: &str, then: &str| {
        Refusal::words(format!(
            "{what} is not what the run in {} was begun with{then}; give it as it was, or remove the folder and begin \
             without --resume",
            folder.path().display()
        ))
    };
    let asked = order.asked(target.fingerprint());
    if let Some(key) = order::difference(&header.asked, &asked) {
        let then = header.asked.get(key).filter(|then| !then.starts_with("checksum"));
        return Err(begun_with(key, &then.map(|then| format!(": {then}")).unwrap_or_default()));
    }
    let times = header.times().ok_or_else(|| begun_with("the time", ""))?;
    let [from, to, begun_at] = times;
    let (from_now, to_now) = order.times(begun_at).map_err(Refusal::words)?;
    for (flag, then, now) in [("--from", from, from_now), ("--to", to, to_now)] {
        if then != now {
            return Err(begun_with(flag, &format!(": {then:.0}")));
        }
    }
    let span = order.span(begun_at).map_err(Refusal::words)?;
    if !span.is_kept(now) {
        return Err(Refusal::words(format!(
            "Losant no longer keeps what the run in {} was begun with: remove the folder and begin without --resume",
            folder.path().display()
        )));
    }
    Ok(span)
}
