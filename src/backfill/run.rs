//! A backfill under way.
//!
//! Several scopes are asked about at a time, at the pace of the account's budget, and what comes back is committed in their order.
//! Files are written by the task that waits for answers: it has nothing else to do meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::mem;
use std::time::Duration;

use tokio::task::JoinSet;

use super::history::History;
use super::journal::{Entry, Header, Journal, JournalError, Standing};
use super::progress::{Display, Progress, in_words};
use super::reader::{Reader, Unread};
use super::span::Span;
use super::spools::{SpoolError, Spools};
use super::subjects::{self, Subject};
use super::{Backfill, Begun, Order, Target, pushes};
use crate::clock::Clock;
use crate::losant::{Client, Error};
use crate::remote_write::{PushError, Pusher};
use crate::usage::Level;

/// How many scopes may have been begun and not committed, for each request that may be under way: one that takes long holds up
/// those behind it only so far.
const AHEAD: usize = 2;
/// The same, whatever may be under way. Bounds memory: the history of a busy scope over 93 days takes some 200 kB.
const FARTHEST_AHEAD: usize = 64;

/// So many scopes in a row that Losant does not answer for are no trouble of theirs: an action is down.
const ROW: usize = 5;

/// How many scopes that are left out get a line of the log each.
const LOUD: usize = 5;

/// How a backfill ended that reached its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Scopes that were asked about.
    pub scopes: usize,
    /// Scopes that Losant told nothing of. Their history is missing.
    pub left_out: usize,
    /// Questions that this run asked about them.
    pub requests: u64,
    /// How long the file is, if one was written.
    pub bytes: Option<u64>,
}

/// Why a backfill did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// Before anything was begun. In words.
    #[error("{0}: nothing was begun")]
    Early(String),
    /// Later on.
    #[error("{problem}; {done} of {scopes} scopes are done{}", if *resumable { ", and --resume goes on from there" } else { ", and nothing is printed" })]
    Midway {
        /// What happened.
        problem: String,
        /// Scopes that are done.
        done: usize,
        /// Scopes that there are.
        scopes: usize,
        /// Whether another run can go on.
        resumable: bool,
    },
    /// The output could not be written. All has been read.
    #[error("{0}")]
    Output(String),
}

/// Where history goes, open.
enum Sink {
    Spools(Spools),
    Server(Pusher),
}

/// Why the next step was not possible.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Losant(Error),
    #[error("{error}; so it is with {scopes} scopes in a row, although Losant answers for their instance")]
    Action { error: Error, scopes: usize },
    #[error("{0}; for samples of the past Prometheus needs storage.tsdb.out_of_order_time_window")]
    Refused(PushError),
    #[error(transparent)]
    Push(PushError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("a task died")]
    Died,
}

impl From<PushError> for Obstacle {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Refused { status: 400, .. } => Self::Refused(error),
            error => Self::Push(error),
        }
    }
}

/// What became of asking about one scope.
type Read = Result<History, Unread>;

impl Backfill {
    /// Asks Losant and writes what it tells, until all is done or `stop` says so. `concurrency` is how many requests may be under
    /// way; at `requests_per_second` they are made.
    pub async fn run(
        self,
        client: Client,
        clock: Clock,
        (concurrency, requests_per_second): (usize, f64),
        display: Display,
        stop: impl Future<Output = ()>,
    ) -> Result<Done, Stopped> {
        let Self { order, span, target, begun } = self;
        let mut stop = std::pin::pin!(stop);
        let folder = target.folder();
        let begun = if let Some(begun) = begun {
            begun
        } else {
            tokio::select! {
                biased;
                () = &mut stop => return Err(Stopped::Early("interrupted".to_owned())),
                begun = begin(&client, &order, span, &target) => begun.map_err(Stopped::Early)?,
            }
        };
        let Begun { journal, subjects, standing } = begun;
        let reader = Reader::new(client, clock.clone(), span, order.collectors.clone());
        announce(&subjects, standing.done, &reader, requests_per_second);
        let sink = match &target {
            Target::File(_) | Target::Stream { .. } => {
                Spools::open(folder.path(), &standing.spools).map(Sink::Spools)
            }
            Target::Server { pusher, .. } => Ok(Sink::Server(Pusher::clone(pusher))),
        };
        let scopes = subjects.len();
        let resumable = !matches!(target, Target::Stream { .. });
        let midway = |obstacle: Obstacle, done| Stopped::Midway {
            problem: obstacle.to_string(),
            done,
            scopes,
            resumable,
        };
        let sink = sink.map_err(|error| midway(error.into(), standing.done))?;
        let progress = Progress::new(display, clock, scopes, standing.done);
        let mut run = Run { reader, subjects, standing, doubtful: Vec::new(), journal, sink, progress };
        let ended = tokio::select! {
            biased;
            () = &mut stop => Err(Obstacle::Interrupted),
            ended = run.finish(concurrency) => ended,
        };
        run.progress.finish();
        ended.map_err(|obstacle| midway(obstacle, run.standing.done))?;
        let bytes = hand_over(&run.sink, target)?;
        // What is left of it is in the way of nobody but the next run into the same place, which will say so.
        if let Err(error) = fs::remove_dir_all(folder.path()) {
            tracing::warn!(folder = %folder.path().display(), %error, "the working folder could not be removed");
        }
        Ok(Done { scopes, left_out: run.standing.left_out, requests: run.reader.requests(), bytes })
    }
}

/// Lists who is asked about, and makes the folder to work in. The error is in words.
async fn begin(client: &Client, order: &Order, span: Span, target: &Target) -> Result<Begun, String> {
    let subjects = subjects::list(client, order).await.map_err(|error| error.to_string())?;
    if subjects.is_empty() {
        return Err("levels, selection and shard leave nobody to ask about".to_owned());
    }
    let header = Header::new(order.asked(target.fingerprint()), (span.from, span.to), span.now);
    let journal = Journal::create(target.folder().path(), header, &subjects);
    let journal = journal.map_err(|error| error.to_string())?;
    Ok(Begun { journal, subjects, standing: Standing::default() })
}

struct Run {
    reader: Reader,
    subjects: Vec<Subject>,
    standing: Standing,
    /// Those behind them that Losant did not answer for. What comes next tells whether that was their own trouble.
    doubtful: Vec<(Subject, Error)>,
    journal: Journal,
    sink: Sink,
    progress: Progress,
}

impl Run {
    /// Asks about all scopes that are not done, and commits what comes back in their order.
    async fn finish(&mut self, concurrency: usize) -> Result<(), Obstacle> {
        let ahead = concurrency.saturating_mul(AHEAD).clamp(AHEAD, FARTHEST_AHEAD);
        let (mut reading, mut ready) = (JoinSet::new(), BTreeMap::new());
        let mut next = self.standing.done;
        while self.standing.done < self.subjects.len() {
            while next < self.subjects.len().min(self.standing.done + self.doubtful.len() + ahead) {
                let (reader, subject) = (self.reader.clone(), self.subjects[next]);
                reading.spawn(async move { (next, reader.read(&subject).await) });
                next += 1;
            }
            tokio::select! {
                read = reading.join_next() => {
                    let (place, read) = read.and_then(Result::ok).ok_or(Obstacle::Died)?;
                    ready.insert(place, read);
                }
                () = self.progress.wait() => {}
            }
            self.commit(&mut ready).await?;
            self.progress.tell(self.standing.done, self.reader.requests());
        }
        Ok(())
    }

    /// Commits what is next in order, as far as it has come back.
    async fn commit(&mut self, ready: &mut BTreeMap<usize, Read>) -> Result<(), Obstacle> {
        let mut entries = Vec::new();
        loop {
            let place = self.standing.done + entries.len() + self.doubtful.len();
            let Some(read) = ready.remove(&place) else { break };
            let subject = self.subjects[place];
            if let Err(Unread::Passing(error)) = read {
                self.doubtful.push((subject, error));
                if self.doubtful.len() == ROW {
                    self.write_down(&mut entries)?;
                    return self.give_up();
                }
                continue;
            }
            if !matches!(read, Err(Unread::Outage(_))) {
                self.leave_out_doubtful(&mut entries);
            }
            let history = match read {
                Ok(history) => Some(history),
                Err(Unread::Outage(error)) => {
                    self.write_down(&mut entries)?;
                    return Err(Obstacle::Losant(error));
                }
                Err(Unread::Passing(error) | Unread::Alone(error)) => {
                    self.leave_out(&subject, &error);
                    None
                }
            };
            if let Some(history) = &history {
                match &mut self.sink {
                    Sink::Spools(spools) => spools.add(history)?,
                    Sink::Server(pusher) => pushes::push(pusher, history).await?,
                }
            }
            entries.push(self.entry(&subject, history.is_none()));
            if let Sink::Server(_) = self.sink {
                // What a server has taken need not be sent again.
                self.write_down(&mut entries)?;
            }
        }
        self.write_down(&mut entries)?;
        if self.standing.done + self.doubtful.len() < self.subjects.len() {
            return Ok(());
        }
        // Nothing comes next. Where nobody could be read, it was hardly the trouble of each.
        if self.standing.done == self.standing.left_out {
            return self.give_up();
        }
        self.leave_out_doubtful(&mut entries);
        self.write_down(&mut entries)
    }

    /// An action is down, if anybody is in doubt. They are not written down, so that a run that goes on asks about them again.
    fn give_up(&mut self) -> Result<(), Obstacle> {
        let scopes = self.doubtful.len();
        self.doubtful.pop().map_or(Ok(()), |(_, error)| Err(Obstacle::Action { error, scopes }))
    }

    fn leave_out_doubtful(&mut self, entries: &mut Vec<Entry>) {
        for (subject, error) in mem::take(&mut self.doubtful) {
            self.leave_out(&subject, &error);
            entries.push(self.entry(&subject, true));
        }
    }

    /// The line of the journal for a scope, with what has been written up to now.
    fn entry(&self, subject: &Subject, left_out: bool) -> Entry {
        let spools = match &self.sink {
            Sink::Spools(spools) => spools.extents(),
            Sink::Server(_) => Vec::new(),
        };
        Entry { id: subject.scope.id().to_string(), left_out, spools }
    }

    /// Has what was committed and the journal reach the disk, in this order.
    fn write_down(&mut self, entries: &mut Vec<Entry>) -> Result<(), Obstacle> {
        if entries.is_empty() {
            return Ok(());
        }
        if let Sink::Spools(spools) = &mut self.sink {
            spools.sync()?;
        }
        self.journal.append(entries)?;
        self.standing.done += entries.len();
        entries.clear();
        Ok(())
    }

    fn leave_out(&mut self, subject: &Subject, error: &Error) {
        let scope = subject.scope;
        match self.standing.left_out {
            ..LOUD => tracing::warn!(%scope, %error, "left out: Losant does not tell its history"),
            LOUD => {
                tracing::warn!(%scope, %error, "left out, as others before: the next ones are logged at debug");
            }
            _ => tracing::debug!(%scope, %error, "left out: Losant does not tell its history"),
        }
        self.standing.left_out += 1;
    }
}

/// Says what lies ahead.
fn announce(subjects: &[Subject], done: usize, reader: &Reader, requests_per_second: f64) {
    let count = |level| subjects.iter().filter(|subject| subject.scope.level() == level).count();
    let requests = (subjects.len() - done) * reader.most_requests();
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 scopes")]
    let seconds = requests as f64 / requests_per_second;
    tracing::info!(
        instances = count(Level::Instance),
        orgs = count(Level::Org),
        sandboxes = count(Level::Sandbox),
        done,
        requests,
        takes = in_words(Duration::try_from_secs_f64(seconds).unwrap_or_default()),
        requests_per_second,
        "reading history, with so many requests at most"
    );
}

/// Writes the output.
fn hand_over(sink: &Sink, target: Target) -> Result<Option<u64>, Stopped> {
    let Sink::Spools(spools) = sink else { return Ok(None) };
    let failed = |problem: String| Stopped::Output(problem);
    match target {
        Target::File(output) => {
            let published = spools.publish(&output);
            published
                .map(Some)
                .map_err(|error| failed(format!("{error}; all has been read, and --resume writes it")))
        }
        Target::Stream { mut output, .. } => match spools.join(&mut output) {
            // That whoever reads has gone away counts, too: what it has is not whole.
            Err(error) => Err(failed(format!("cannot write to standard output: {error}"))),
            Ok(()) => Ok(None),
        },
        Target::Server { .. } => Ok(None),
    }
}
