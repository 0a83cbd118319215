//! Why something could not be carried.

use std::io;
use std::path::PathBuf;

use logtap_capture::target::TargetError;

/// Nothing was changed where it was read, and nothing half is left where it was written.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The result has no place.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A source cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The result cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Reading or writing failed at no place in particular.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Captures that were redacted differently.
    #[error("{} and {} were redacted by different rules", one.display(), other.display())]
    Redaction {
        /// The first capture.
        one: PathBuf,
        /// One that differs from it.
        other: PathBuf,
    },
    /// An archive that is not unpacked.
    #[error("{} is not unpacked: {why}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Somebody asked to stop.
    #[error("cancelled; nothing was written")]
    Cancelled,
}

impl CarryError {
    /// The system's reason, if there is one.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Read { source, .. }
            | Self::Write { source, .. }
            | Self::Io(source)
            | Self::Target(TargetError::Io { source, .. }) => Some(source),
            _ => None,
        }
    }
}
