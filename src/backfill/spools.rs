//! Where history is gathered before it becomes a file: a spool for each family, since the file is written family by family and
//! history comes scope by scope.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

use super::figure::Family;
use super::history::History;
use super::journal::{Extent, parent, sync_folder};

/// The whole file, until it is moved to its place.
const JOINED: &str = "joined";

/// How much of a spool is read at a time.
const BLOCK: usize = 64 * 1024;

/// The last line of OpenMetrics.
const END: &[u8] = b"# EOF\n";

/// A spool, a file of the folder, or the output that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub(super) struct SpoolError {
    path: PathBuf,
    pub(super) error: io::Error,
}

/// The spools of a folder.
#[derive(Debug)]
pub(super) struct Spools {
    folder: PathBuf,
    spools: Vec<Spool>,
}

#[derive(Debug)]
struct Spool {
    family: Family,
    path: PathBuf,
    /// There once something has been written.
    file: Option<File>,
    length: u64,
    /// The checksum of all of it.
    checksum: Hasher,
    is_synced: bool,
}

impl Spools {
    /// The spools of `folder` as they were when they went so far: what was written later is cut off, and what has changed since is
    /// refused.
    pub(super) fn open(folder: &Path, extents: &[Extent]) -> Result<Self, SpoolError> {
        let spool = |family: Family| {
            let path = folder.join(family.spool());
            let extent = extents.get(family.place()).copied().unwrap_or_default();
            let reopened = reopen(&path, extent).map_err(|error| SpoolError { path: path.clone(), error })?;
            let (file, checksum) = reopened;
            Ok(Spool { family, path, file, length: extent.length, checksum, is_synced: true })
        };
        let spools = Family::all().map(spool).collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), spools })
    }

    /// Adds the history of one scope.
    pub(super) fn add(&mut self, history: &History) -> Result<(), SpoolError> {
        for spool in &mut self.spools {
            let mut text = Vec::new();
            for series in history.series.iter().filter(|series| history.family(series) == spool.family) {
                history.write(series, &mut text);
            }
            if !text.is_empty() {
                spool.append(&text).map_err(|error| SpoolError { path: spool.path.clone(), error })?;
            }
        }
        Ok(())
    }

    /// Returns when all that was added has reached the disk.
    pub(super) fn sync(&mut self) -> Result<(), SpoolError> {
        for spool in &mut self.spools {
            let synced = match &spool.file {
                Some(file) if !spool.is_synced => file.sync_data(),
                _ => Ok(()),
            };
            synced.map_err(|error| SpoolError { path: spool.path.clone(), error })?;
            spool.is_synced = true;
        }
        Ok(())
    }

    /// How far each spool goes, by the place of its family.
    pub(super) fn extents(&self) -> Vec<Extent> {
        let extent =
            |spool: &Spool| Extent { length: spool.length, checksum: spool.checksum.clone().finalize() };
        self.spools.iter().map(extent).collect()
    }

    /// Joins all spools and puts the whole in the place of `output` at once. Returns how long it is.
    pub(super) fn publish(&self, output: &Path) -> Result<u64, SpoolError> {
        let joined = self.folder.join(JOINED);
        let write = || {
            let mut file = BufWriter::new(File::create(&joined)?);
            self.join(&mut file)?;
            let file = file.into_inner()?;
            file.sync_all()?;
            file.metadata().map(|metadata| metadata.len())
        };
        let length = write().map_err(|error| SpoolError { path: joined.clone(), error })?;
        let moved = fs::rename(&joined, output).and_then(|()| sync_folder(&parent(output)));
        moved.map_err(|error| SpoolError { path: output.to_owned(), error })?;
        Ok(length)
    }

    /// Writes the whole to `output`.
    pub(super) fn join(&self, output: &mut impl Write) -> io::Result<()> {
        for spool in self.spools.iter().filter(|spool| spool.length > 0) {
            output.write_all(spool.family.head().as_bytes())?;
            let copied = io::copy(&mut File::open(&spool.path)?.take(spool.length), output)?;
            if copied < spool.length {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a spool became shorter"));
            }
        }
        output.write_all(END)?;
        output.flush()
    }
}

impl Spool {
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::options().append(true).create(true).open(&self.path)?),
        };
        file.write_all(text)?;
        self.length += text.len() as u64;
        self.checksum.update(text);
        self.is_synced = false;
        Ok(())
    }
}

/// Opens a spool and cuts off what is beyond its extent. Also returns the checksum of what remains, to go on from.
fn reopen(path: &Path, extent: Extent) -> io::Result<(Option<File>, Hasher)> {
    let mut file = match File::options().read(true).append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && extent.length == 0 => {
            return Ok((None, Hasher::new()));
        }
        file => file?,
    };
    let refuse = |kind, problem: &str| Err(io::Error::new(kind, problem));
    if file.metadata()?.len() < extent.length {
        return refuse(io::ErrorKind::UnexpectedEof, "shorter than the journal says; begin anew");
    }
    file.set_len(extent.length)?;
    let mut checksum = Hasher::new();
    let mut block = vec![0; BLOCK];
    file.rewind()?;
    loop {
        match file.read(&mut block)? {
            0 => break,
            length => checksum.update(block.get(..length).unwrap_or_default()),
        }
    }
    if checksum.clone().finalize() != extent.checksum {
        return refuse(io::ErrorKind::InvalidData, "not what was written there; begin anew");
    }
    Ok((Some(file), checksum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::figure::Figure;
    use crate::usage::Scope;

    fn history(digit: &str, value: f64) -> History {
        let id = |digit: &str| digit.repeat(24).parse().unwrap();
        let mut history = History::of(Scope::Org { instance: id("a"), org: id(digit) });
        let at = "2026-03-01T23:59:00Z".parse().unwrap();
        history.add(Figure::Devices, None, [(at, Some(value))]);
        history
    }

    #[test]
    fn what_was_written_after_the_last_known_length_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut spools = Spools::open(folder.path(), &[]).unwrap();
        spools.add(&history("b", 1.0)).unwrap();
        let extents = spools.extents();
        spools.add(&history("c", 2.0)).unwrap();
        drop(spools);
        let mut spools = Spools::open(folder.path(), &extents).unwrap();
        spools.add(&history("d", 3.0)).unwrap();
        let mut text = Vec::new();
        spools.join(&mut text).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        # TYPE losant_org:devices:max gauge
        # HELP losant_org:devices:max Devices that existed.
        losant_org:devices:max{instance_id="aaaaaaaaaaaaaaaaaaaaaaaa",org_id="bbbbbbbbbbbbbbbbbbbbbbbb"} 1 1772409540
        losant_org:devices:max{instance_id="aaaaaaaaaaaaaaaaaaaaaaaa",org_id="dddddddddddddddddddddddd"} 3 1772409540
        # EOF
        "#);
    }

    #[test]
    fn a_spool_that_is_shorter_than_it_should_be_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut spools = Spools::open(folder.path(), &[]).unwrap();
        spools.add(&history("b", 1.0)).unwrap();
        let mut extents = spools.extents();
        for extent in &mut extents {
            extent.length *= 2;
        }
        assert!(Spools::open(folder.path(), &extents).unwrap_err().to_string().contains("org-devices"));
    }

    #[test]
    fn a_spool_that_holds_something_else_is_refused_and_one_that_goes_on_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut spools = Spools::open(folder.path(), &[]).unwrap();
        spools.add(&history("b", 1.0)).unwrap();
        let mut spools = Spools::open(folder.path(), &spools.extents()).unwrap();
        spools.add(&history("c", 2.0)).unwrap();
        let extents = spools.extents();
        assert!(Spools::open(folder.path(), &extents).is_ok());

        let path = folder.path().join("org-devices");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("} 2 ", "} 3 ")).unwrap();
        let problem = Spools::open(folder.path(), &extents).unwrap_err().to_string();
        assert!(problem.ends_with("org-devices: not what was written there; begin anew"), "{problem}");
    }
}
