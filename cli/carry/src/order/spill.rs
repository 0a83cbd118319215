//! Ordered lines on disk, in a file without a name: however the process ends, the system takes it back.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use logtap_capture::frame::{FrameEncoder, LEVEL};
use logtap_capture::pipe::Decoded;

use super::Key;
use crate::CarryError;

/// Frames of this many bytes: reading many runs at once must not take much memory.
const FRAME: u64 = 256 << 10;
/// Time, unit, place, length of the line.
const HEAD: usize = 8 + 4 + 8 + 4;

pub(super) struct Writer {
    file: File,
    encoder: FrameEncoder,
    beside: PathBuf,
}

impl Writer {
    pub(super) fn new(beside: &Path) -> Result<Self, CarryError> {
        let failed = |source| CarryError::Write { path: beside.to_owned(), source };
        let encoder = FrameEncoder::new(LEVEL).map_err(std::io::Error::other)?;
        Ok(Self { file: tempfile::tempfile_in(beside).map_err(failed)?, encoder, beside: beside.to_owned() })
    }

    pub(super) fn write(&mut self, (ts, unit, number): Key, line: &[u8]) -> Result<(), CarryError> {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&ts.to_le_bytes());
        head[8..12].copy_from_slice(&unit.to_le_bytes());
        head[12..20].copy_from_slice(&number.to_le_bytes());
        head[20..].copy_from_slice(&(line.len() as u32).to_le_bytes());
        self.encoder.write(&head).map_err(std::io::Error::other)?;
        self.encoder.write(line).map_err(std::io::Error::other)?;
        if self.encoder.frame_bytes() >= FRAME { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), CarryError> {
        self.encoder.end().map_err(std::io::Error::other)?;
        let written = self.file.write_all(self.encoder.out());
        self.encoder.out().clear();
        written.map_err(|source| CarryError::Write { path: self.beside.clone(), source })
    }

    pub(super) fn finish(mut self) -> Result<Run, CarryError> {
        self.flush()?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut run = Run { source: Decoded::new(self.file)?, head: None, line: Vec::new() };
        run.advance()?;
        Ok(run)
    }
}

/// A run of ordered lines, read from front to back.
#[derive(Debug)]
pub(super) struct Run {
    source: Decoded<File>,
    head: Option<Key>,
    line: Vec<u8>,
}

impl Run {
    pub(super) fn key(&self) -> Option<Key> {
        self.head
    }

    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    pub(super) fn advance(&mut self) -> Result<(), CarryError> {
        let mut head = [0; HEAD];
        let got = self.source.read(&mut head)?;
        if got == 0 {
            self.head = None;
            return Ok(());
        }
        self.source.read_exact(&mut head[got..])?;
        let (ts, rest) = head.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        self.head = Some((number(ts) as i64, number(&rest[..4]) as u32, number(&rest[4..12])));
        self.line.resize(number(&rest[12..]) as usize, 0);
        self.source.read_exact(&mut self.line)?;
        Ok(())
    }
}
