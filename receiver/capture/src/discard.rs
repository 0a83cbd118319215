//! Deletes whole captures, and nothing else: a directory goes only if everything in it is a capture's
//! own, while its lock is held, so that no receiver is in it.
//!
//! It is renamed first. A receiver that starts under its name meanwhile makes a directory of its own, and
//! a process that is killed halfway leaves a name that the next one finds ([`is_remnant`]).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::lock::{Lock, LockError};
use crate::metadata::{Metadata, MetadataError};
use crate::{disk, name};

/// How the name of a directory ends that is being deleted.
const LEAVING: &str = ".logtap-gc";

/// A capture that may be deleted as it was when it was looked at.
#[derive(Debug)]
pub struct Discardable {
    /// The directory.
    pub dir: PathBuf,
    /// What the capture says of itself; `None` for what an interrupted deletion left.
    pub metadata: Option<Metadata>,
    /// Size of its files, bytes.
    pub size: u64,
    /// When it was written last, nanoseconds since 1970: its stop, or else the newest change of a file.
    pub last: i64,
    /// Device and number of the directory.
    identity: (u64, u64),
}

/// Why a directory is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum Kept {
    /// It is no capture.
    #[error("{} is no capture", .0.display())]
    NoCapture(PathBuf),
    /// It says that it is one, and cannot be understood.
    #[error("{} is kept: its metadata.json cannot be used: {source}", dir.display())]
    Unclear {
        /// The directory.
        dir: PathBuf,
        /// What is wrong.
        source: MetadataError,
    },
    /// Somebody put something else into it.
    #[error("{} is kept: {file} in it is not the capture's; move it away, or delete the directory yourself", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// The first such name.
        file: String,
    },
    /// A receiver writes it.
    #[error("{} is kept: a receiver writes it", .0.display())]
    InUse(PathBuf),
    /// It is not what it was when it was looked at.
    #[error("{} is kept: it has changed meanwhile", .0.display())]
    Changed(PathBuf),
    /// The system refused.
    #[error("cannot delete {}: {source}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// True for the name of a directory that an interrupted deletion left.
#[must_use]
pub fn is_remnant(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(LEAVING.as_bytes())
}

/// True for files that a capture consists of.
#[must_use]
pub fn is_own(name: &str) -> bool {
    const OTHERS: [&str; 6] = [
        "SHA256SUMS",
        "manifest.sha256",
        "statement.json",
        "statement.json.minisig",
        "statement.json.sigstore.json",
        name::LOCK,
    ];
    let name = if disk::is_temporary(name) { name.trim_end_matches(".tmp") } else { name };
    name::is_data(name)
        || [name::METADATA, name::INDEX].contains(&name)
        || (name.starts_with("audit") && name.ends_with(".jsonl"))
        || name.ends_with(".sig")
        || OTHERS.contains(&name)
}

impl Discardable {
    /// Looks at a directory.
    ///
    /// # Errors
    /// Why it has to be kept.
    pub fn look(dir: &Path) -> Result<Self, Kept> {
        let failed = |source| Kept::Io { dir: dir.to_owned(), source };
        // A link leads elsewhere.
        let itself = fs::symlink_metadata(dir).map_err(failed)?;
        if !itself.is_dir() {
            return Err(Kept::NoCapture(dir.to_owned()));
        }
        let metadata = match Metadata::read(dir) {
            Ok(Some(metadata)) => Some(metadata),
            Ok(None) if is_remnant(dir) => None,
            Ok(None) => return Err(Kept::NoCapture(dir.to_owned())),
            Err(source) => return Err(Kept::Unclear { dir: dir.to_owned(), source }),
        };
        let (mut size, mut newest) = (0, 0);
        for entry in fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            // Does not follow a link.
            let data = entry.metadata().map_err(failed)?;
            if !data.is_file() || !name.to_str().is_some_and(is_own) {
                return Err(Kept::Foreign { dir: dir.to_owned(), file: name.to_string_lossy().into_owned() });
            }
            size += data.len();
            let changed = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            newest = newest.max(changed.map_or(0, |time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)));
        }
        let last = metadata.as_ref().and_then(Metadata::stopped_ns).unwrap_or(newest);
        if Lock::is_held(dir) {
            return Err(Kept::InUse(dir.to_owned()));
        }
        Ok(Self { dir: dir.to_owned(), metadata, size, last, identity: (itself.dev(), itself.ino()) })
    }

    /// Deletes it.
    ///
    /// # Errors
    /// Why it was kept. After an error of the system a part of it may be left under a name that
    /// [`is_remnant`].
    pub fn discard(self) -> Result<(), Kept> {
        let dir = self.dir.clone();
        let failed = |source| Kept::Io { dir: dir.clone(), source };
        let mut lock = match Lock::take(&dir) {
            Ok(lock) => lock,
            Err(LockError::InUse(dir)) => return Err(Kept::InUse(dir)),
            Err(LockError::Io { source, .. }) => return Err(failed(source)),
        };
        let leaving = self.leaving();
        if leaving != dir {
            if fs::symlink_metadata(&leaving).is_ok() {
                return Err(Kept::Changed(dir));
            }
            fs::rename(&dir, &leaving).map_err(failed)?;
            lock.moved(&leaving);
        }
        let now = fs::symlink_metadata(&leaving).map_err(failed)?;
        let metadata = Metadata::read(&leaving).ok().flatten();
        let is_same = now.is_dir()
            && (now.dev(), now.ino()) == self.identity
            && metadata.map(|data| data.to_json()) == self.metadata.as_ref().map(Metadata::to_json);
        let names = own_files(&leaving).map_err(failed)?;
        let Some(names) = names.filter(|_| is_same) else {
            if leaving != dir {
                fs::rename(&leaving, &dir).map_err(failed)?;
                lock.moved(&dir);
            }
            return Err(Kept::Changed(dir));
        };
        // What says that it is a capture goes last.
        let is_last = |name: &String| [name::METADATA, name::LOCK].contains(&name.as_str());
        let (last, first): (Vec<String>, Vec<String>) = names.into_iter().partition(is_last);
        for name in first.iter().chain(&last) {
            fs::remove_file(leaving.join(name)).map_err(failed)?;
        }
        fs::remove_dir(&leaving).map_err(failed)
    }

    fn leaving(&self) -> PathBuf {
        if is_remnant(&self.dir) {
            return self.dir.clone();
        }
        let mut name = OsString::from(".");
        name.push(self.dir.file_name().unwrap_or_default());
        name.push(LEAVING);
        self.dir.with_file_name(name)
    }
}

/// The names in a directory; `None` if one of them is not a capture's own.
fn own_files(dir: &Path) -> io::Result<Option<Vec<String>>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_name().into_string() {
            Ok(name) if is_own(&name) && entry.file_type()?.is_file() => names.push(name),
            _ => return Ok(None),
        }
    }
    Ok(Some(names))
}

#[cfg(test)]
mod tests;
