//! How a capture is written, and why a session cannot begin or end.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::lock::LockError;
use crate::metadata::MetadataError;

/// The smallest cap that leaves room for data beside index and metadata.
pub const MIN_DISK: u64 = 1 << 20;

/// How a capture is written.
#[derive(Debug, Clone)]
pub struct Options {
    /// Compressed bytes at which a file is rotated; an eighth of `max_disk` if that is less.
    pub max_file: u64,
    /// Most bytes in the directory, everything counted.
    pub max_disk: u64,
    /// When written bytes are made durable against power loss.
    pub fsync: Fsync,
    /// Names of the redaction rules in force; `None` without redaction.
    pub redaction: Option<Vec<String>>,
    /// Program and version, for the metadata.
    pub tool: String,
    /// Seal, evict and sync on threads of their own. Without it the writer does
    /// all of it in its calls, step by step, which makes runs repeatable.
    pub background: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_file: 256 << 20,
            max_disk: 10 << 30,
            fsync: Fsync::Every(Duration::from_secs(1)),
            redaction: None,
            tool: concat!("logtap ", env!("CARGO_PKG_VERSION")).to_owned(),
            background: true,
        }
    }
}

/// When `fdatasync` is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before every acknowledgement.
    Always,
    /// At this interval: power loss costs at most so much.
    Every(Duration),
    /// Never; the system decides.
    Never,
}

/// Why a session cannot begin or end.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Another receiver writes here.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The directory cannot be made, listed or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The directory holds a capture of a later format.
    #[error("cannot write to {}: {source}", dir.display())]
    Metadata {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with its metadata.
        source: MetadataError,
    },
    /// The cap is too small to hold anything.
    #[error("a capture needs at least 1 MiB of disk, {0} bytes were allowed")]
    CapTooSmall(u64),
}
