//! A capture opened for reading: its files and what is known about them
//! without decoding. Nothing is changed, and a receiver may be writing.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::archive::{self, Archive, ArchiveError};
use crate::block_index::BlockIndex;
use crate::folder::Folder;
use crate::frame::EMPTY_LAST_BLOCK;
use crate::index::{self, IndexLine};
use crate::lock::Lock;
use crate::metadata::{Metadata, MetadataError};
use crate::name;
use crate::read_at::ReadAt;

/// A capture and the data files it had when it was opened.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The directory, or the archive.
    pub dir: PathBuf,
    /// Where its files lie.
    pub folder: Folder,
    /// Content of `metadata.json`; `None` if there is none.
    pub metadata: Option<Metadata>,
    /// Data files in order of their names, which is the order of writing.
    pub files: Vec<DataFile>,
    /// A receiver holds the directory's lock.
    pub live: bool,
    /// Files that the index names, that are not there, and whose removal is not on record.
    pub missing: Vec<String>,
}

/// One data file.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// Its name in the directory.
    pub name: String,
    /// Its path; that of a file in an archive is for people.
    pub path: PathBuf,
    /// Its line in `index.jsonl`, if that fits the file.
    pub line: Option<IndexLine>,
    archive: Option<Arc<Archive>>,
}

/// A data file whose content at the moment of opening will be read.
#[derive(Debug)]
pub struct OpenedFile {
    /// The open file.
    pub file: Arc<dyn ReadAt>,
    /// Bytes it had when it was opened; later bytes are not read.
    pub length: u64,
    /// True for zstd frames, false for plain lines.
    pub compressed: bool,
    /// Its block index, if it is sealed.
    pub index: Option<BlockIndex>,
}

/// Why a directory or an archive cannot be read as a capture.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing at this path.
    #[error("{} does not exist", .0.display())]
    NotFound(PathBuf),
    /// The directory holds neither metadata nor data files.
    #[error("{} is not a capture: it has no metadata.json and no data files", .0.display())]
    NotACapture(PathBuf),
    /// A file that is no archive.
    #[error("{} is no capture directory and no snapshot (.tar.zst)", .0.display())]
    NoDirectory(PathBuf),
    /// The archive cannot be used.
    #[error("cannot read {}: {source}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        source: ArchiveError,
    },
    /// The metadata cannot be used.
    #[error("cannot read {}: {source}", dir.display())]
    Metadata {
        /// The directory.
        dir: PathBuf,
        /// What is wrong.
        source: MetadataError,
    },
    /// The system refused.
    #[error("cannot read {}: {source}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Capture {
    /// Opens a capture of any logtap, a directory or an archive of one. Damaged metadata is no error
    /// as long as there are data files.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::in_folder(dir, Folder::open(dir)?)
    }

    /// The capture as it is now: a directory is read anew, an archive does not change.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn again(&self) -> Result<Self, OpenError> {
        match &self.folder {
            Folder::Directory(dir) => Self::open(dir),
            Folder::Archive(_) => Ok(self.clone()),
        }
    }

    /// Bytes of its data files as they are now.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().filter_map(DataFile::size).sum()
    }

    fn in_folder(dir: &Path, folder: Folder) -> Result<Self, OpenError> {
        let failed = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                OpenError::NotFound(dir.to_owned())
            } else {
                OpenError::Io { dir: dir.to_owned(), source }
            }
        };
        let mut lines = index::parse(&folder.read(name::INDEX).map_err(failed)?.unwrap_or_default());
        let mut files = Vec::new();
        for name in folder.names().map_err(failed)? {
            if let Folder::Archive(_) = folder
                && !archive::is_member(&name)
            {
                let source = ArchiveError::Refused(format!("{name} in it is not a capture's"));
                return Err(OpenError::Archive { path: dir.to_owned(), source });
            }
            if !name::is_data(&name) {
                continue;
            }
            let mut file = DataFile::of(&folder, dir, &name);
            let Some(size) = file.size() else { continue };
            let at = lines.iter().position(|line| line.file == file.name);
            file.line = at.map(|at| lines.swap_remove(at)).filter(|line| line.size.is_none_or(|known| known == size));
            files.push(file);
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        drop_half_compressed(&mut files);
        let metadata = match folder.read(name::METADATA) {
            Ok(bytes) => bytes.map(|bytes| Metadata::parse(&bytes)).transpose(),
            Err(error) => Err(error.into()),
        };
        let metadata = match metadata {
            Ok(metadata) => metadata,
            Err(MetadataError::Damaged(_)) if !files.is_empty() => None,
            Err(source) => return Err(OpenError::Metadata { dir: dir.to_owned(), source }),
        };
        if metadata.is_none() && files.is_empty() {
            return Err(match folder {
                Folder::Directory(_) => OpenError::NotACapture(dir.to_owned()),
                Folder::Archive(_) => OpenError::Archive {
                    path: dir.to_owned(),
                    source: ArchiveError::Refused("there is no capture in it".to_owned()),
                },
            });
        }
        let evicted = |file: &str| metadata.iter().flat_map(|data| &data.evictions).any(|one| one.file == file);
        let mut missing: Vec<String> = lines.into_iter().map(|line| line.file).filter(|file| !evicted(file)).collect();
        missing.sort();
        let live = matches!(folder, Folder::Directory(_)) && Lock::is_held(dir);
        Ok(Self { dir: dir.to_owned(), folder, metadata, files, live, missing })
    }
}

/// What a data file holds at one moment, for a copy that is made later: the next write overwrites the end of
/// a frame that is open, and nothing before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the file that do not change any more.
    pub length: u64,
    /// What follows them in a copy.
    pub tail: &'static [u8],
}

impl OpenedFile {
    fn new(file: Arc<dyn ReadAt>, compressed: bool) -> io::Result<Self> {
        let length = file.length()?;
        let index = if compressed { BlockIndex::read(&*file, length)? } else { None };
        Ok(Self { file, length, compressed, index })
    }

    /// The file as it is now, if a receiver may be writing it; a write under way is waited for.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn cut(&self) -> io::Result<Cut> {
        const TRIES: u32 = 200;
        if !self.compressed || self.index.is_some() {
            return Ok(Cut { length: self.length, tail: &[] });
        }
        for _ in 0..TRIES {
            let length = self.file.length()?;
            let mut end = [0; EMPTY_LAST_BLOCK.len()];
            let stable = length.saturating_sub(end.len() as u64);
            // It may become shorter while it is looked at.
            let read = self.file.read_exact_at(&mut end, stable);
            if length == 0 || (read.is_ok() && end == EMPTY_LAST_BLOCK) {
                return Ok(Cut { length: stable, tail: if length == 0 { &[] } else { &EMPTY_LAST_BLOCK } });
            }
            if BlockIndex::read(&*self.file, length)?.is_some() {
                return Ok(Cut { length, tail: &[] });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // The receiver has ended the file, and goes on in a copy of it.
        Ok(Cut { length: self.file.length()?, tail: &[] })
    }
}

/// 1.x, killed while it compressed a file, leaves the plain one and a torn
/// `.zst` of it, unindexed: read the plain one only.
fn drop_half_compressed(files: &mut Vec<DataFile>) {
    let plain: Vec<String> =
        files.iter().filter(|file| !name::is_compressed(&file.name)).map(|file| format!("{}.zst", file.name)).collect();
    files.retain(|file| file.line.is_some() || !plain.contains(&file.name));
}

impl DataFile {
    /// A file of this name in a directory, of which nothing else is known.
    #[must_use]
    pub fn named(dir: &Path, name: &str) -> Self {
        Self { name: name.to_owned(), path: dir.join(name), line: None, archive: None }
    }

    fn of(folder: &Folder, dir: &Path, name: &str) -> Self {
        let archive = match folder {
            Folder::Directory(_) => None,
            Folder::Archive(archive) => Some(archive.clone()),
        };
        Self { archive, ..Self::named(dir, name) }
    }

    /// Bytes that it has now; `None` if it is gone, or no file.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match &self.archive {
            Some(archive) => archive.file(&self.name)?.length().ok(),
            None => std::fs::metadata(&self.path).ok().filter(|data| data.is_file()).map(|data| data.len()),
        }
    }

    /// Opens the file. A plain file that was compressed since is found under
    /// its new name; `None` if it is gone.
    ///
    /// # Errors
    /// Any other error of the system.
    pub fn open(&self) -> io::Result<Option<OpenedFile>> {
        let compressed = name::is_compressed(&self.name);
        if let Some(archive) = &self.archive {
            return archive.file(&self.name).map(|file| OpenedFile::new(file, compressed)).transpose();
        }
        let mut path = self.path.clone();
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.as_mut_os_string().push(".zst");
                match File::open(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    other => other?,
                }
            }
            other => other?,
        };
        let compressed = name::is_compressed(name::of(&path));
        OpenedFile::new(Arc::new(file), compressed).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn a_cut_does_not_change_with_the_file() {
        let file = tempfile::tempfile().unwrap();
        let opened = OpenedFile { file: Arc::new(file.try_clone().unwrap()), length: 0, compressed: true, index: None };
        assert_eq!(opened.cut().unwrap(), Cut { length: 0, tail: &[] }, "nothing was written yet");
        file.write_all_at(b"frame\x01\0\0", 0).unwrap();
        let cut = opened.cut().unwrap();
        assert_eq!(cut, Cut { length: 5, tail: &EMPTY_LAST_BLOCK });
        // The next write.
        file.write_all_at(b"more\x01\0\0", 5).unwrap();
        let mut copy = vec![0; 5];
        opened.file.read_exact_at(&mut copy, 0).unwrap();
        copy.extend_from_slice(cut.tail);
        assert_eq!(copy, b"frame\x01\0\0");
        assert_eq!(opened.cut().unwrap().length, 9);
        // Ended, and not written any more.
        file.write_all_at(b"end", 9).unwrap();
        assert_eq!(opened.cut().unwrap(), Cut { length: 12, tail: &[] });
        let plain = OpenedFile { length: 4, compressed: false, ..opened };
        assert_eq!(plain.cut().unwrap(), Cut { length: 4, tail: &[] });
    }
}
