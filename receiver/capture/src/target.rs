//! The place for a result: nothing that was there before is harmed, and nothing half is ever seen.
//!
//! A result grows in a hidden place beside its target and is renamed when it is whole. Whatever a
//! killed process left there is removed by the next one with the same target.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::discard::{Discardable, is_own};
use crate::disk::{self, Disk, DiskFile};
use crate::lock::{Lock, LockError};

/// How the name of a place ends where a result grows.
const GROWING: &str = ".logtap-part";

/// Why nothing is written to a place.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Something is there.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// Something is there that `force` does not replace.
    #[error("{} is not replaced: {why}", path.display())]
    Kept {
        /// The place.
        path: PathBuf,
        /// Why it stays.
        why: String,
    },
    /// A receiver writes there.
    #[error("{} is in use by a receiver", .0.display())]
    InUse(PathBuf),
    /// Another process makes the same result.
    #[error("another logtap writes {}", .0.display())]
    Busy(PathBuf),
    /// Source and target are the same, or one holds the other.
    #[error("{} is, or lies in, the source {}", path.display(), from.display())]
    IsSource {
        /// The place.
        path: PathBuf,
        /// The source.
        from: PathBuf,
    },
    /// The directory that is to hold the result does not exist.
    #[error("there is no directory {}", .0.display())]
    NoParent(PathBuf),
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The place.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A place that may be written.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    replace: bool,
}

impl Target {
    /// A place for a directory. What is there must be an empty directory, or with `force` a capture that was
    /// derived from others.
    ///
    /// # Errors
    /// Why it is not written to.
    pub fn directory(path: &Path, sources: &[&Path], force: bool) -> Result<Self, TargetError> {
        let path = resolve(path, sources)?;
        let failed = |source| TargetError::Io { path: path.clone(), source };
        let is_dir = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { path, replace: false }),
            other => other.map_err(failed)?.is_dir(),
        };
        if !is_dir {
            return Err(TargetError::Exists(path));
        }
        if Lock::is_held(&path) {
            return Err(TargetError::InUse(path));
        }
        if fs::read_dir(&path).map_err(failed)?.next().is_none() {
            return Ok(Self { path, replace: false });
        }
        if !force {
            return Err(TargetError::Exists(path));
        }
        replaceable(&path)?;
        Ok(Self { path, replace: true })
    }

    /// A place for a file. What is there must be an empty file, or with `force` one that `is_ours`.
    ///
    /// # Errors
    /// Why it is not written to.
    pub fn file(
        path: &Path,
        sources: &[&Path],
        force: bool,
        is_ours: impl FnOnce(&fs::File) -> bool,
    ) -> Result<Self, TargetError> {
        let path = resolve(path, sources)?;
        let failed = |source| TargetError::Io { path: path.clone(), source };
        let there = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { path, replace: false }),
            other => other.map_err(failed)?,
        };
        if there.is_file() && there.len() == 0 {
            return Ok(Self { path, replace: false });
        }
        if !force || !there.is_file() {
            return Err(TargetError::Exists(path));
        }
        if !is_ours(&fs::File::open(&path).map_err(failed)?) {
            let why = "it is no such file of logtap's; delete it yourself, or name another".to_owned();
            return Err(TargetError::Kept { path, why });
        }
        Ok(Self { path, replace: true })
    }

    /// The place.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the result grows until it is whole.
    #[must_use]
    pub fn growing(&self) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(GROWING);
        self.path.with_file_name(name)
    }

    /// Makes the hidden directory and locks it; what a killed process left in it is removed.
    ///
    /// # Errors
    /// If another process is at it, something foreign is in it, or the system refuses.
    pub fn begin_directory(&self, disk: &Arc<dyn Disk>) -> Result<Lock, TargetError> {
        let growing = self.growing();
        let lock = self.resume_directory()?;
        let removed = remove_own(&growing, disk.as_ref(), Some(crate::name::LOCK));
        removed.map_err(|source| TargetError::Io { path: growing, source })?;
        Ok(lock)
    }

    /// Makes the hidden directory and locks it; what a killed process left in it stays for the caller, who
    /// must not trust it.
    ///
    /// # Errors
    /// If another process is at it, something foreign is in it, or the system refuses.
    pub fn resume_directory(&self) -> Result<Lock, TargetError> {
        let growing = self.growing();
        let failed = |source| TargetError::Io { path: growing.clone(), source };
        match fs::DirBuilder::new().mode(0o700).create(&growing) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(failed)?,
        }
        let lock = match Lock::take(&growing) {
            Ok(lock) => lock,
            Err(LockError::InUse(_)) => return Err(TargetError::Busy(self.path.clone())),
            Err(LockError::Io { source, .. }) => return Err(failed(source)),
        };
        own(&growing).map_err(failed)?;
        Ok(lock)
    }

    /// Puts the whole directory into its place; `lock` is the one of [`Self::begin_directory`].
    ///
    /// # Errors
    /// If something else came there meanwhile, or the system refuses; the result is not there then.
    pub fn finish_directory(&self, disk: &dyn Disk, mut lock: Lock) -> Result<(), TargetError> {
        let failed = |source| TargetError::Io { path: self.path.clone(), source };
        disk.sync_dir(&self.growing()).map_err(failed)?;
        if self.replace {
            replaceable(&self.path)?.discard().map_err(|why| kept(&self.path, &why))?;
        }
        disk.rename(&self.growing(), &self.path).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                TargetError::Exists(self.path.clone())
            }
            _ => failed(error),
        })?;
        lock.moved(&self.path);
        disk::parent_sync(disk, &self.path).map_err(failed)
    }

    /// Removes what has grown so far. Errors are of no use to anybody: the next run removes the rest.
    pub fn abandon_directory(&self, disk: &dyn Disk, lock: Lock) {
        let growing = self.growing();
        let removed = remove_own(&growing, disk, Some(crate::name::LOCK));
        drop(lock);
        if removed.is_ok() {
            fs::remove_dir(&growing).unwrap_or_default();
        }
    }

    /// Makes the hidden file, and holds it locked as long as the second handle lives; what a killed process left
    /// there is removed.
    ///
    /// # Errors
    /// If another process is at it, or the system refuses.
    pub fn begin_file(&self, disk: &dyn Disk) -> Result<(Arc<dyn DiskFile>, fs::File), TargetError> {
        let growing = self.growing();
        let failed = |source| TargetError::Io { path: self.path.clone(), source };
        let busy = |file: &fs::File| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock));
        if let Ok(left) = fs::File::open(&growing) {
            if busy(&left) {
                return Err(TargetError::Busy(self.path.clone()));
            }
            disk.unlink(&growing).map_err(failed)?;
        }
        let file = disk.create_new(&growing).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => TargetError::Busy(self.path.clone()),
            _ => failed(error),
        })?;
        let held = fs::File::open(&growing).map_err(failed)?;
        if busy(&held) {
            return Err(TargetError::Busy(self.path.clone()));
        }
        Ok((file, held))
    }

    /// Puts a whole file into its place: whatever is at [`Self::growing`].
    ///
    /// # Errors
    /// If something else came there meanwhile, or the system refuses.
    pub fn finish_file(&self, disk: &dyn Disk) -> Result<(), TargetError> {
        let failed = |source| TargetError::Io { path: self.path.clone(), source };
        if !self.replace && fs::symlink_metadata(&self.path).is_ok_and(|there| !there.is_file() || there.len() > 0) {
            return Err(TargetError::Exists(self.path.clone()));
        }
        disk.rename(&self.growing(), &self.path).map_err(failed)?;
        disk::parent_sync(disk, &self.path).map_err(failed)
    }
}

/// The path without links and dots, if it lies in none of the sources.
fn resolve(path: &Path, sources: &[&Path]) -> Result<PathBuf, TargetError> {
    let failed = |source| TargetError::Io { path: path.to_owned(), source };
    let resolved = match (fs::canonicalize(path), path.file_name()) {
        (Ok(resolved), _) => resolved,
        (Err(error), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                // A link that leads nowhere.
                return Err(TargetError::Exists(path.to_owned()));
            }
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            match fs::canonicalize(parent) {
                Ok(resolved) if resolved.is_dir() => resolved.join(name),
                Ok(_) => return Err(TargetError::NoParent(parent.to_owned())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(TargetError::NoParent(parent.to_owned()));
                }
                Err(error) => return Err(failed(error)),
            }
        }
        (Err(error), _) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(TargetError::NoParent(path.parent().unwrap_or(path).to_owned()));
        }
        (Err(error), _) => return Err(failed(error)),
    };
    // By number, not by name: a file system may spell one directory in many ways.
    let number = |path: &Path| fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
    let above: Vec<(u64, u64)> = resolved.ancestors().filter_map(number).collect();
    for source in sources {
        if number(source).is_some_and(|source| above.contains(&source)) {
            return Err(TargetError::IsSource { path: path.to_owned(), from: (*source).to_owned() });
        }
    }
    Ok(resolved)
}

/// A directory that may be replaced: a capture that can be made again from others.
fn replaceable(path: &Path) -> Result<Discardable, TargetError> {
    let found = Discardable::look(path).map_err(|why| kept(path, &why))?;
    if found.metadata.as_ref().is_none_or(|metadata| metadata.origin.is_none()) {
        let why = "a receiver wrote it, so that nothing can make it again; delete it yourself, or name another place";
        return Err(TargetError::Kept { path: path.to_owned(), why: why.to_owned() });
    }
    Ok(found)
}

fn kept(path: &Path, why: &crate::discard::Kept) -> TargetError {
    match why {
        crate::discard::Kept::InUse(_) => TargetError::InUse(path.to_owned()),
        _ => TargetError::Kept { path: path.to_owned(), why: why.to_string() },
    }
}

/// The files of a capture in a directory that holds nothing else.
fn own(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(is_own) && entry.file_type()?.is_file();
        if !ours {
            let what = format!("{} in it is not logtap's; move it away", name.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        paths.push(entry.path());
    }
    Ok(paths)
}

/// Removes the files of a capture from a directory, and finds nothing else in it.
fn remove_own(dir: &Path, disk: &dyn Disk, except: Option<&str>) -> io::Result<()> {
    for path in own(dir)?.into_iter().filter(|path| path.file_name().and_then(|name| name.to_str()) != except) {
        disk.unlink(&path)?;
    }
    Ok(())
}
