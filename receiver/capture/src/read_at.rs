//! Bytes that can be read at any place: a file, or a member of an archive. Whoever reads a data file need
//! not know which.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

/// Something to read from at any place, by several threads at once.
pub trait ReadAt: fmt::Debug + Send + Sync {
    /// Reads some bytes at `at`; 0 at the end.
    ///
    /// # Errors
    /// If reading fails.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// Bytes that there are now.
    ///
    /// # Errors
    /// If the system does not tell.
    fn length(&self) -> io::Result<u64>;

    /// What tells these bytes from others.
    ///
    /// # Errors
    /// If the system does not tell.
    fn identity(&self) -> io::Result<Identity>;

    /// Fills the buffer with the bytes at `at`.
    ///
    /// # Errors
    /// If reading fails, or there are fewer bytes (`UnexpectedEof`).
    fn read_exact_at(&self, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    buffer = &mut buffer[count..];
                    at += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, at)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn identity(&self) -> io::Result<Identity> {
        let data = self.metadata()?;
        let (file, changed) = ((data.dev(), data.ino()), (data.ctime(), data.ctime_nsec()));
        Ok(Identity { file, length: data.len(), changed, from: 0 })
    }
}

/// A file at one moment, or a part of it: an inode may come back with another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    file: (u64, u64),
    length: u64,
    changed: (i64, i64),
    from: u64,
}

impl Identity {
    /// The part of it that begins at an offset.
    #[must_use]
    pub fn part(self, from: u64) -> Self {
        Self { from, ..self }
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.as_ref().read_at(buffer, at)
    }

    fn length(&self) -> io::Result<u64> {
        self.as_ref().length()
    }

    fn identity(&self) -> io::Result<Identity> {
        self.as_ref().identity()
    }
}

/// Reads from front to back, and from wherever it is put.
#[derive(Debug)]
pub struct Reader<'r> {
    from: &'r dyn ReadAt,
    at: u64,
}

impl<'r> Reader<'r> {
    /// A reader at the first byte.
    #[must_use]
    pub fn new(from: &'r dyn ReadAt) -> Self {
        Self { from, at: 0 }
    }
}

impl io::Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl io::Seek for Reader<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let at = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
            io::SeekFrom::End(by) => self.from.length()?.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
