//! A file that is read: plain, or packed with its positions counted as if it were not.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use super::folder::Entry;

/// Bytes at its beginning by which a file is known again: they hold the time of its first line.
pub(super) const HEAD: usize = 64;

/// An open file. It stays readable when it is renamed, packed or removed.
#[derive(Debug)]
pub(super) struct Reading {
    inner: Inner,
    /// Its inode, for a plain file. No other file has it while this one is open.
    inode: Option<u64>,
}

#[derive(Debug)]
enum Inner {
    Plain { file: File, offset: u64 },
    Packed(Box<MultiGzDecoder<File>>),
}

impl Reading {
    /// Opens a file at a position. `None` if it does not begin with `head`.
    pub(super) fn open(entry: &Entry, head: &[u8], offset: u64) -> io::Result<Option<Self>> {
        let file = File::open(&entry.path)?;
        let mut begin = vec![0; head.len()];
        if entry.packed {
            let mut decoder = MultiGzDecoder::new(file);
            let is_it = filled(decoder.read_exact(&mut begin))? && begin == head;
            let rest = offset - head.len() as u64;
            if !is_it || io::copy(&mut decoder.by_ref().take(rest), &mut io::sink())? < rest {
                return Ok(None);
            }
            return Ok(Some(Self { inner: Inner::Packed(Box::new(decoder)), inode: None }));
        }
        let is_it = filled(file.read_exact_at(&mut begin, 0))? && begin == head;
        let inode = Some(file.metadata()?.ino());
        Ok(is_it.then_some(Self { inner: Inner::Plain { file, offset }, inode }))
    }

    /// Reads on; 0 at the present end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Plain { file, offset } => {
                let count = file.read_at(into, *offset)?;
                *offset += count as u64;
                Ok(count)
            }
            Inner::Packed(decoder) => decoder.read(into),
        }
    }

    /// Whether nothing will be added for sure.
    pub(super) fn is_packed(&self) -> bool {
        self.inode.is_none()
    }

    /// Whether this is the file at a path.
    pub(super) fn is(&self, path: &Path) -> bool {
        self.inode.is_some() && path.metadata().ok().map(|one| one.ino()) == self.inode
    }

    /// Whether nothing was added for that long.
    pub(super) fn rests(&self, time: Duration) -> bool {
        match &self.inner {
            Inner::Packed(_) => true,
            Inner::Plain { file, .. } => {
                let changed = file.metadata().and_then(|one| one.modified());
                // A clock that was set back makes no file wait for ever.
                changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age >= time))
            }
        }
    }
}

fn filled(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
