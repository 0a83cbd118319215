//! Reading a file from front to back in pieces of whole lines, for files
//! without a block index. Tolerates a torn end, damage in the middle (goes on
//! at the next frame) and lines of any length.

use std::io;

use crate::decode::Decoder;
use crate::pieces::{self, PIECE, READ};
use crate::read_at::ReadAt as _;
use crate::reader::OpenedFile;

/// What was wrong with a file, apart from its lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// Bytes of an incomplete line at the end.
    pub torn_bytes: u64,
    /// Compressed bytes that could not be decoded.
    pub damaged_bytes: u64,
}

/// Hands the file's lines to `each` in order, whole lines only; `each` returns
/// false to stop.
///
/// # Errors
/// Only if reading fails; damage is reported in the result.
pub fn read(opened: &OpenedFile, each: impl FnMut(&[u8]) -> bool) -> io::Result<Damage> {
    let mut source = Source { opened, at: 0, buffer: Vec::new(), used: 0 };
    let mut decoder = Decoder::default();
    let mut damage = Damage::default();
    let more = |lines: &mut Vec<u8>| {
        if opened.compressed { source.decode(&mut decoder, lines, &mut damage) } else { source.copy(lines) }
    };
    let torn = pieces::hand_out(more, false, each)?;
    damage.torn_bytes += torn;
    Ok(damage)
}

struct Source<'o> {
    opened: &'o OpenedFile,
    at: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Source<'_> {
    fn fill(&mut self) -> io::Result<bool> {
        if self.used < self.buffer.len() {
            return Ok(true);
        }
        let want = READ.min(usize::try_from(self.opened.length - self.at).unwrap_or(READ));
        self.buffer.resize(want, 0);
        self.used = 0;
        let count = if want == 0 { 0 } else { self.opened.file.read_at(&mut self.buffer, self.at)? };
        self.buffer.truncate(count);
        self.at += count as u64;
        Ok(count > 0)
    }

    fn copy(&mut self, lines: &mut Vec<u8>) -> io::Result<bool> {
        let more = self.fill()?;
        lines.extend_from_slice(&self.buffer[self.used..]);
        self.used = self.buffer.len();
        Ok(more)
    }

    fn decode(&mut self, decoder: &mut Decoder, lines: &mut Vec<u8>, damage: &mut Damage) -> io::Result<bool> {
        if !self.fill()? {
            return Ok(false);
        }
        let limit = lines.len() + PIECE;
        match decoder.piece(&self.buffer[self.used..], lines, limit) {
            Ok(count) => self.used += count,
            Err(_) => {
                damage.damaged_bytes += self.resume()?;
                decoder.restart()?;
                lines.truncate(memchr::memrchr(b'\n', lines).map_or(0, |at| at + 1));
            }
        }
        Ok(true)
    }

    /// Goes on at the next frame behind the damage; returns the bytes passed over.
    fn resume(&mut self) -> io::Result<u64> {
        let magic = 0xFD2F_B528_u32.to_le_bytes();
        let mut passed = 1;
        self.used += 1;
        loop {
            let rest = &self.buffer[self.used.min(self.buffer.len())..];
            if let Some(at) = memchr::memmem::find(rest, &magic) {
                self.used += at;
                return Ok(passed + at as u64);
            }
            let keep = rest.len().min(3);
            passed += (rest.len() - keep) as u64;
            self.at -= keep as u64;
            self.buffer.clear();
            self.used = 0;
            if self.at + 4 > self.opened.length || !self.fill()? {
                self.at = self.opened.length;
                self.buffer.clear();
                self.used = 0;
                return Ok(passed + keep as u64);
            }
        }
    }
}
