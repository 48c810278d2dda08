//! What of a backfill has been done, on disk, so that it can go on after whatever ended it.
//!
//! A folder holds the list of who is asked about, and a journal of JSON lines: what was asked for, then a line for each scope that
//! is done, in order. A line counts when it is whole. What it speaks of has reached the disk before the line is written, so a
//! journal never promises what is not there. Every line begins with a checksum of itself and of all lines before it, and says the
//! checksums of what it speaks of: what a disk, or somebody, has changed since is refused.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::order::Asked;
use super::subjects::{self, Subject};

/// Journals of another version are not gone on with.
const VERSION: u32 = 2;

const JOURNAL: &str = "journal";
const SCOPES: &str = "scopes";

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    /// What was asked for.
    pub(super) asked: Asked,
    from: String,
    to: String,
    now: String,
    /// Checksum of the list of scopes.
    scopes: u32,
}

/// A line for a scope that is done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The id of the scope, for whoever looks.
    pub(super) id: String,
    /// Whether Losant refused to tell, and it is left out.
    pub(super) left_out: bool,
    /// How far each spool goes with it.
    pub(super) spools: Vec<Extent>,
}

/// How long a spool is, and the checksum of all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extent {
    pub(super) length: u64,
    pub(super) checksum: u32,
}

/// How far a backfill had come.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// How many scopes are done.
    pub(super) done: usize,
    /// How many of them are left out.
    pub(super) left_out: usize,
    /// How far each spool went then.
    pub(super) spools: Vec<Extent>,
}

/// A journal that cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} holds no backfill that could go on: {problem}; remove the folder and begin without --resume", folder.display())]
    Unusable { folder: PathBuf, problem: String },
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
}

/// A journal that is being written.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// The checksum of all lines.
    checksum: u32,
}

impl Header {
    pub(super) fn new(asked: Asked, (from, to): (Timestamp, Timestamp), now: Timestamp) -> Self {
        let [from, to, now] = [from, to, now].map(|at| at.to_string());
        Self { version: VERSION, asked, from, to, now, scopes: 0 }
    }

    /// From when to when, and when that was asked for.
    pub(super) fn times(&self) -> Option<[Timestamp; 3]> {
        Some([self.from.parse().ok()?, self.to.parse().ok()?, self.now.parse().ok()?])
    }
}

impl Journal {
    /// Makes the folder, with the list of scopes and a journal that holds the header. Without them there is no folder either: it would
    /// be in the way of the next run, which could not go on with it.
    pub(super) fn create(folder: &Path, header: Header, subjects: &[Subject]) -> Result<Self, JournalError> {
        fs::create_dir(folder).map_err(|error| JournalError::Io { path: folder.to_owned(), error })?;
        Self::fill(folder, header, subjects).inspect_err(|_| {
            // What cannot be removed either, the next run complains about.
            let _ = fs::remove_dir_all(folder);
        })
    }

    fn fill(folder: &Path, mut header: Header, subjects: &[Subject]) -> Result<Self, JournalError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| JournalError::Io { path, error }
        };
        let scopes = folder.join(SCOPES);
        let list = subjects::write(subjects).map_err(|error| io(&scopes)(error.into()))?;
        header.scopes = crc32fast::hash(list.as_bytes());
        let write = |path: &Path| {
            let mut file = File::create_new(path)?;
            file.write_all(list.as_bytes())?;
            file.sync_all()
        };
        write(&scopes).map_err(io(&scopes))?;
        let path = folder.join(JOURNAL);
        let file = File::options().append(true).create_new(true).open(&path).map_err(io(&path))?;
        lock(&file, folder)?;
        let mut journal = Self { path, file, checksum: 0 };
        journal.append(&[header])?;
        sync_folder(folder).and_then(|()| sync_folder(&parent(folder))).map_err(io(folder))?;
        Ok(journal)
    }

    /// Opens the journal of a folder. A last line that is not whole is cut off: what it would speak of was not done.
    pub(super) fn open(folder: &Path) -> Result<(Self, Header, Vec<Subject>, Standing), JournalError> {
        let unusable =
            |problem: &str| JournalError::Unusable { folder: folder.to_owned(), problem: problem.to_owned() };
        let path = folder.join(JOURNAL);
        let io = |error| JournalError::Io { path: path.clone(), error };
        let opened = File::options().read(true).append(true).open(&path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(unusable("it has no journal"));
            }
            opened => opened.map_err(io)?,
        };
        lock(&file, folder)?;
        let text = fs::read(&path).map_err(io)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let mut lines = text.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
        let (mut checksum, damaged) = (0, || unusable("its journal is damaged"));
        let header = lines.next().ok_or_else(|| unusable("its journal is empty"))?;
        let header = checked(header, &mut checksum).ok_or_else(damaged)?;
        let header: Header =
            serde_json::from_slice(header).map_err(|_| unusable("its journal has no header"))?;
        if header.version != VERSION {
            return Err(unusable("its journal is of another version of the program"));
        }
        let list = fs::read_to_string(folder.join(SCOPES)).unwrap_or_default();
        let is_intact = crc32fast::hash(list.as_bytes()) == header.scopes;
        let subjects = subjects::read(&list).filter(|_| is_intact);
        let subjects = subjects.ok_or_else(|| unusable("its list of scopes is damaged"))?;
        let mut standing = Standing::default();
        for line in lines {
            let line = checked(line, &mut checksum).ok_or_else(damaged)?;
            let entry: Entry = serde_json::from_slice(line).map_err(|_| damaged())?;
            standing.done += 1;
            standing.left_out += usize::from(entry.left_out);
            standing.spools = entry.spools;
        }
        if standing.done > subjects.len() {
            return Err(unusable("its journal is longer than its list of scopes"));
        }
        file.set_len(whole as u64).map_err(io)?;
        Ok((Self { path, file, checksum }, header, subjects, standing))
    }

    /// Adds lines, and returns when they have reached the disk.
    pub(super) fn append(&mut self, lines: &[impl Serialize]) -> Result<(), JournalError> {
        let (mut text, mut checksum) = (Vec::new(), self.checksum);
        let written = lines.iter().try_for_each(|line| {
            let line = serde_json::to_string(line)?;
            checksum = checksum_after(checksum, line.as_bytes());
            writeln!(text, "{checksum:08x} {line}")
        });
        let written = written.and_then(|()| self.file.write_all(&text));
        let written = written.and_then(|()| self.file.sync_data());
        written.map_err(|error| JournalError::Io { path: self.path.clone(), error })?;
        self.checksum = checksum;
        Ok(())
    }
}

/// The checksum of all lines, where the last one is `line` and `before` is that of those before it.
fn checksum_after(before: u32, line: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(before);
    hasher.update(line);
    hasher.finalize()
}

/// What a line says, if it begins with its checksum; `checksum` is that of the lines before it, and then of this one.
fn checked<'a>(line: &'a [u8], checksum: &mut u32) -> Option<&'a [u8]> {
    let (written, line) = line.strip_suffix(b"\n")?.split_at_checked(8)?;
    let line = line.strip_prefix(b" ")?;
    *checksum = checksum_after(*checksum, line);
    (written == format!("{checksum:08x}").as_bytes()).then_some(line)
}

/// Two processes on one folder would write over each other. The lock goes with the process.
fn lock(file: &File, folder: &Path) -> Result<(), JournalError> {
    let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    match rustix::fs::flock(file, operation) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::InUse(folder.to_owned())),
        // Some file systems know no locks, and those who use one process only do without.
        _ => Ok(()),
    }
}

/// The folder that a path lies in.
pub(super) fn parent(path: &Path) -> PathBuf {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Has the names in a folder reach the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
