//! Reading a capture by line numbers while it grows: from any line on, every
//! further line once and in order, across rotation and eviction.
//!
//! Number n is the n-th data line that this capture ever held, evicted ones
//! counted. The caller says up to which number lines are written; what stands
//! behind that in the open file may still be taken back and is not looked at.
//! So no read meets bytes that are being written.

mod files;
mod source;

use std::io;
use std::path::{Path, PathBuf};

use files::{Known, Place};
use source::Source;

/// Hands out the lines of one capture by their numbers.
#[derive(Debug)]
pub struct Numbered {
    dir: PathBuf,
    /// Number of the line that is handed out next.
    next: u64,
    current: Option<Source>,
    /// The file read last: what stands before it need not be counted again.
    known: Option<Known>,
}

/// Lines that were handed out together; their numbers follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Number of the first one.
    pub first: u64,
    /// How many there are.
    pub lines: u64,
}

impl Numbered {
    /// Begins behind line `after`; 0 begins at the first one.
    #[must_use]
    pub fn new(dir: &Path, after: u64) -> Self {
        Self { dir: dir.to_owned(), next: after.saturating_add(1), current: None, known: None }
    }

    /// Number of the line that is handed out next, unless it is gone.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Puts the next lines into `out`, up to line `limit` and about `most` bytes, but at least one.
    /// `None` if there is none up to `limit`. If lines were evicted before they were read, it goes on
    /// with the first one that is there.
    ///
    /// # Errors
    /// If the directory or a file in it cannot be read.
    pub fn read(&mut self, limit: u64, most: usize, out: &mut Vec<u8>) -> io::Result<Option<Piece>> {
        out.clear();
        while self.next <= limit {
            let Some(source) = &mut self.current else {
                if !self.open()? {
                    return Ok(None);
                }
                continue;
            };
            let lines = source.take(self.next, limit, most, out);
            if lines > 0 {
                let piece = Piece { first: self.next, lines };
                self.next += lines;
                return Ok(Some(piece));
            }
            if !source.more()? && !self.leave()? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The current file has no more: goes on in another one, if that has what is wanted next.
    fn leave(&mut self) -> io::Result<bool> {
        let Some(left) = self.current.take() else {
            return Ok(true);
        };
        self.known = Some(left.known());
        let opened = self.open()?;
        let same = self.current.as_ref().is_some_and(|current| current.name() == left.name());
        if same {
            // Nothing follows it yet: it stays open where it is.
            self.current = Some(left);
        }
        Ok(opened && !same)
    }

    /// Opens the file with the next line, or the first one behind it.
    fn open(&mut self) -> io::Result<bool> {
        for place in files::places(&self.dir, self.known.as_ref())? {
            let Place { name, before, lines } = place;
            if lines.is_some_and(|lines| before + lines < self.next) {
                continue;
            }
            // Evicted since it was listed: the one behind it comes next.
            let Some(source) = Source::open(&self.dir, &name, before, self.next)? else { continue };
            self.next = self.next.max(before + 1);
            self.current = Some(source);
            return Ok(true);
        }
        Ok(false)
    }
}
