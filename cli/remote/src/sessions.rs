//! What outlives a killed upload: which multipart uploads and sessions were begun for which object. It is
//! kept in the user's state directory, readable by nobody else, because a session is as good as a password
//! until it ends.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use logtap_capture::disk::{self, RealDisk};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::RemoteError;
use crate::content::hex;

/// Content of the file, version 1.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// By key of the object.
    sessions: BTreeMap<String, Session>,
}

/// Something begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Id of the multipart upload, or URL of the session.
    pub(crate) id: String,
    /// Bytes of each part.
    pub(crate) part: u64,
}

/// The sessions of one destination, held by one process.
#[derive(Debug)]
pub(crate) struct Sessions {
    path: PathBuf,
    stored: Mutex<Stored>,
    are_new: bool,
    /// Held locked.
    _lock: File,
}

impl Sessions {
    /// Opens those of a destination; `folder` is made if it does not exist.
    pub(crate) fn open(folder: &Path, destination: &str) -> Result<Self, RemoteError> {
        let failed = |source| RemoteError::Local { path: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let name = hex(&Sha256::digest(destination)[..16]);
        let path = folder.join(format!("{name}.json"));
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(folder.join(format!("{name}.lock")));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RemoteError::Busy(destination.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let stored = match fs::read(&path) {
            // What is not understood is of no use: parts are sent again then.
            Ok(bytes) => serde_json::from_slice(&bytes).ok().filter(|stored: &Stored| stored.version == 1),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(RemoteError::Local { path, source }),
        };
        let are_new = stored.is_none();
        let stored = stored.unwrap_or(Stored { version: 1, sessions: BTreeMap::new() });
        let opened = Self { path, stored: Mutex::new(stored), are_new, _lock: lock };
        if are_new {
            opened.change(|_| ())?;
        }
        Ok(opened)
    }

    /// Nothing was remembered of this destination, not even that it was written to: what is there may be of
    /// another machine, or of this one before it lost its memory.
    pub(crate) fn are_new(&self) -> bool {
        self.are_new
    }

    pub(crate) fn get(&self, key: &str) -> Option<Session> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).sessions.get(key).cloned()
    }

    /// Remembers one before anything is sent in it.
    pub(crate) fn put(&self, key: &str, session: Session) -> Result<(), RemoteError> {
        self.change(|sessions| drop(sessions.insert(key.to_owned(), session)))
    }

    pub(crate) fn remove(&self, key: &str) -> Result<(), RemoteError> {
        self.change(|sessions| drop(sessions.remove(key)))
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Session>)) -> Result<(), RemoteError> {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut stored.sessions);
        let bytes = serde_json::to_vec(&*stored).unwrap_or_default();
        disk::replace(&RealDisk, &self.path, &bytes)
            .map_err(|source| RemoteError::Local { path: self.path.clone(), source })
    }

    /// The upload is complete: nothing is to be remembered.
    pub(crate) fn forget(self) {
        for path in [&self.path, &self.path.with_extension("lock")] {
            fs::remove_file(path).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn outlive_a_process_and_are_one_s_own() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("state/uploads");
        let session = Session { id: "secret".to_owned(), part: 8 };
        let sessions = Sessions::open(&folder, "s3://a/b").unwrap();
        assert!(sessions.are_new());
        sessions.put("key", session.clone()).unwrap();
        assert!(matches!(Sessions::open(&folder, "s3://a/b"), Err(RemoteError::Busy(_))));
        Sessions::open(&folder, "s3://a/c").unwrap().forget();
        let path = sessions.path.clone();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(sessions);
        let sessions = Sessions::open(&folder, "s3://a/b").unwrap();
        assert_eq!(sessions.get("key"), Some(session));
        assert!(!sessions.are_new());
        drop(sessions);
        drop(Sessions::open(&folder, "s3://a/d").unwrap());
        let second = Sessions::open(&folder, "s3://a/d").unwrap();
        assert!(!second.are_new(), "that it was begun is remembered before anything is");
        second.forget();
        fs::write(&path, b"torn").unwrap();
        let sessions = Sessions::open(&folder, "s3://a/b").unwrap();
        assert_eq!(sessions.get("key"), None);
        sessions.forget();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
