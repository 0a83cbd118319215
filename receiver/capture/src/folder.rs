//! Where the files of a capture lie: in a directory, or in an archive. Whoever reads them need not know which.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::{self, Archive};
use crate::read_at::ReadAt;
use crate::reader::OpenError;

/// Files by their names.
#[derive(Debug, Clone)]
pub enum Folder {
    /// In a directory, in which they may come and go.
    Directory(PathBuf),
    /// In an archive, which stays as it was when it was opened.
    Archive(Arc<Archive>),
}

impl Folder {
    /// Opens what stands at a path: an archive if it is a file that is named as one.
    ///
    /// # Errors
    /// If there is nothing, another file, or an archive that cannot be used.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let found = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::NotFound(path.to_owned())),
            Err(source) => Err(OpenError::Io { dir: path.to_owned(), source }),
            Ok(found) => Ok(found),
        }?;
        if found.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        if !archive::is_named(path) {
            return Err(OpenError::NoDirectory(path.to_owned()));
        }
        let opened = Archive::open(path).map_err(|source| OpenError::Archive { path: path.to_owned(), source })?;
        Ok(Self::Archive(Arc::new(opened)))
    }

    /// Names of everything in it, in order; what has a name that is no text is left out.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        match self {
            Self::Archive(archive) => names.extend(archive.names().map(str::to_owned)),
            Self::Directory(dir) => {
                for entry in std::fs::read_dir(dir)? {
                    names.extend(entry?.file_name().into_string());
                }
                names.sort_unstable();
            }
        }
        Ok(names)
    }

    /// All bytes of a file; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let read = match self {
            Self::Directory(dir) => std::fs::read(dir.join(name)),
            Self::Archive(archive) => archive.read(name),
        };
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// Opens a file.
    ///
    /// # Errors
    /// If there is none, or it cannot be opened.
    pub fn file(&self, name: &str) -> io::Result<Arc<dyn ReadAt>> {
        match self {
            Self::Directory(dir) => Ok(Arc::new(File::open(dir.join(name))?)),
            Self::Archive(archive) => archive.file(name).ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }
}
