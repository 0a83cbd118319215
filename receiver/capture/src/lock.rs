//! One writer per directory: an advisory lock on a file inside it, which the
//! system releases when the writer dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::name;

/// Held by the writer; released and removed on drop.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: File,
}

/// Why the lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{} is in use by another logtap", .0.display())]
    InUse(PathBuf),
    /// The lock file cannot be made.
    #[error("cannot lock {}: {source}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock of a capture directory without waiting.
    ///
    /// # Errors
    /// [`LockError::InUse`] if a writer holds it.
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { dir: dir.to_owned(), source };
        let path = dir.join(name::LOCK);
        loop {
            let file =
                OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(LockError::InUse(dir.to_owned())),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            let ours = file.metadata().map_err(failed)?.ino();
            if std::fs::metadata(&path).is_ok_and(|there| there.ino() == ours) {
                name_holder(&file);
                return Ok(Self { path, file });
            }
        }
    }

    /// The directory has another name now.
    pub(crate) fn moved(&mut self, dir: &Path) {
        self.path = dir.join(name::LOCK);
    }

    /// The process that holds the lock of `dir`; `None` if none does, or it does not tell.
    #[must_use]
    pub fn holder(dir: &Path) -> Option<u32> {
        let text = std::fs::read_to_string(dir.join(name::LOCK)).ok()?;
        Self::is_held(dir).then(|| text.lines().next()?.parse().ok()).flatten()
    }

    /// True if a writer holds the lock of `dir`.
    #[must_use]
    pub fn is_held(dir: &Path) -> bool {
        File::open(dir.join(name::LOCK))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Writes down whose lock it is. On a full disk it stays a lock of nobody in particular.
fn name_holder(mut file: &File) {
    if file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).is_err() {
        file.set_len(0).unwrap_or_default();
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if std::fs::remove_file(&self.path).is_err() {
            self.file.unlock().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        assert!(Lock::is_held(dir.path()));
        assert_eq!(Lock::holder(dir.path()), Some(std::process::id()));
        assert!(matches!(Lock::take(dir.path()), Err(LockError::InUse(_))));
        drop(lock);
        assert!(!Lock::is_held(dir.path()));
        assert_eq!(Lock::holder(dir.path()), None);
        assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
        Lock::take(dir.path()).unwrap();
    }
}
