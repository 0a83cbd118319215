//! A capture opened for reading: its files and what is known about them
//! without decoding. Nothing is changed, and a receiver may be writing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::block_index::BlockIndex;
use crate::frame::EMPTY_LAST_BLOCK;
use crate::index::{self, IndexLine};
use crate::lock::Lock;
use crate::metadata::{Metadata, MetadataError};
use crate::name;

/// A capture directory and the data files it had when it was opened.
#[derive(Debug)]
pub struct Capture {
    /// The directory.
    pub dir: PathBuf,
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
    /// Its path.
    pub path: PathBuf,
    /// Its line in `index.jsonl`, if that fits the file.
    pub line: Option<IndexLine>,
}

/// A data file whose content at the moment of opening will be read.
#[derive(Debug)]
pub struct OpenedFile {
    /// The open file.
    pub file: File,
    /// Bytes it had when it was opened; later bytes are not read.
    pub length: u64,
    /// True for zstd frames, false for plain lines.
    pub compressed: bool,
    /// Its block index, if it is sealed.
    pub index: Option<BlockIndex>,
}

/// Why a directory cannot be read as a capture.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing at this path.
    #[error("{} does not exist", .0.display())]
    NotFound(PathBuf),
    /// The directory holds neither metadata nor data files.
    #[error("{} is not a capture: it has no metadata.json and no data files", .0.display())]
    NotACapture(PathBuf),
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
    /// Opens a capture directory of any logtap. Damaged metadata is no error
    /// as long as there are data files.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let failed = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                OpenError::NotFound(dir.to_owned())
            } else {
                OpenError::Io { dir: dir.to_owned(), source }
            }
        };
        let mut lines = index::read(dir).map_err(failed)?;
        let mut files = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = name::of(&path).to_owned();
            let Some(size) = std::fs::metadata(&path).ok().filter(|data| data.is_file()).map(|data| data.len()) else {
                continue;
            };
            if !name::is_data(&name) {
                continue;
            }
            let at = lines.iter().position(|line| line.file == name);
            let line = at.map(|at| lines.swap_remove(at)).filter(|line| line.size.is_none_or(|known| known == size));
            files.push(DataFile { name, path, line });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        drop_half_compressed(&mut files);
        let metadata = match Metadata::read(dir) {
            Ok(metadata) => metadata,
            Err(MetadataError::Damaged(_)) if !files.is_empty() => None,
            Err(source) => return Err(OpenError::Metadata { dir: dir.to_owned(), source }),
        };
        if metadata.is_none() && files.is_empty() {
            return Err(OpenError::NotACapture(dir.to_owned()));
        }
        let evicted = |file: &str| metadata.iter().flat_map(|data| &data.evictions).any(|one| one.file == file);
        let mut missing: Vec<String> = lines.into_iter().map(|line| line.file).filter(|file| !evicted(file)).collect();
        missing.sort();
        Ok(Self { dir: dir.to_owned(), metadata, files, live: Lock::is_held(dir), missing })
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
            let length = self.file.metadata()?.len();
            let mut end = [0; EMPTY_LAST_BLOCK.len()];
            let stable = length.saturating_sub(end.len() as u64);
            // It may become shorter while it is looked at.
            let read = self.file.read_exact_at(&mut end, stable);
            if length == 0 || (read.is_ok() && end == EMPTY_LAST_BLOCK) {
                return Ok(Cut { length: stable, tail: if length == 0 { &[] } else { &EMPTY_LAST_BLOCK } });
            }
            if BlockIndex::read(&self.file, length)?.is_some() {
                return Ok(Cut { length, tail: &[] });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // The receiver has ended the file, and goes on in a copy of it.
        Ok(Cut { length: self.file.metadata()?.len(), tail: &[] })
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
    /// Opens the file. A plain file that was compressed since is found under
    /// its new name; `None` if it is gone.
    ///
    /// # Errors
    /// Any other error of the system.
    pub fn open(&self) -> io::Result<Option<OpenedFile>> {
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
        let length = file.metadata()?.len();
        let compressed = name::is_compressed(name::of(&path));
        let index = if compressed { BlockIndex::read(&file, length)? } else { None };
        Ok(Some(OpenedFile { file, length, compressed, index }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_does_not_change_with_the_file() {
        let file = tempfile::tempfile().unwrap();
        let opened = OpenedFile { file: file.try_clone().unwrap(), length: 0, compressed: true, index: None };
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
