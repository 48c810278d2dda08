//! Where history goes, and the folder that a run works in meanwhile.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::journal::JournalError;
use crate::remote_write::Pusher;

/// Where history goes.
pub enum Target {
    /// A file, which is there when it is whole.
    File(PathBuf),
    /// A stream, which gets the whole at the end.
    Stream {
        /// The stream.
        output: Box<dyn Write + Send>,
        /// A folder to work in that is there already, and is removed by whoever made it.
        folder: PathBuf,
    },
    /// A server.
    Server {
        /// The way there.
        pusher: Box<Pusher>,
        /// The URL, to tell whether it has changed.
        url: String,
        /// A folder to work in.
        folder: PathBuf,
    },
}

/// Why nothing is begun. In words, for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

/// The folder that a run works in.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Refusal {
    pub(super) fn words(words: String) -> Self {
        Self(words)
    }
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        Self(error.to_string())
    }
}

impl Target {
    /// The folder to work in.
    pub(super) fn folder(&self) -> Folder {
        Folder(match self {
            Self::File(output) => {
                let mut name = output.clone().into_os_string();
                name.push(".partial");
                name.into()
            }
            Self::Stream { folder, .. } => folder.join("partial"),
            Self::Server { folder, .. } => folder.clone(),
        })
    }

    /// What tells it from others when a run goes on. A file does so by its folder.
    pub(super) fn fingerprint(&self) -> Option<&str> {
        match self {
            Self::File(_) | Self::Stream { .. } => None,
            Self::Server { url, .. } => Some(url),
        }
    }

    /// Whether a run can begin, or go on, without writing over anything.
    pub(super) fn check(&self, resume: bool) -> Result<Folder, Refusal> {
        let folder = self.folder();
        let is_there = folder.0.exists();
        let shown = folder.0.display();
        if let Self::File(output) = self
            && output.exists()
        {
            let output = output.display();
            return Err(Refusal(if is_there {
                format!("{output} is there already, and whole: remove {shown}, which is left of writing it")
            } else {
                format!("{output} is there already: remove it, or name another --output")
            }));
        }
        let parent = folder.0.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            let wanted = if let Self::File(output) = self { output } else { &folder.0 };
            return Err(Refusal(format!(
                "{}: there is no folder {} to write it into",
                wanted.display(),
                parent.display()
            )));
        }
        match (is_there, resume) {
            (true, false) => Err(Refusal(format!(
                "{shown} is left of a run that was cut short: go on with --resume, or remove it and begin anew"
            ))),
            (false, true) => Err(Refusal(format!(
                "{shown} is not there, so there is nothing to go on with: begin without --resume"
            ))),
            _ => Ok(folder),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(output) => f.debug_tuple("File").field(output).finish(),
            Self::Stream { folder, .. } => {
                f.debug_struct("Stream").field("folder", folder).finish_non_exhaustive()
            }
            Self::Server { pusher, folder, .. } => f
                .debug_struct("Server")
                .field("pusher", pusher)
                .field("folder", folder)
                .finish_non_exhaustive(),
        }
    }
}
