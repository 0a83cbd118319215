//! One data file, decoded block by block, and only as far as lines of it are asked for.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::files::Known;
use crate::decode::Decoder;
use crate::frame::EMPTY_LAST_BLOCK;
use crate::read_at::ReadAt;
use crate::reader::{DataFile, OpenedFile};
use crate::walk;

/// Longest header of a zstd frame.
const FRAME_HEADER: usize = 18;
/// Header of a block.
const BLOCK_HEADER: usize = 3;
/// Bytes read of a plain file at once.
const READ: usize = 128 << 10;
/// Decoded bytes that were handed out are thrown away once there are so many.
const SPENT: usize = 1 << 20;

/// An open file and how far it was decoded.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    file: Arc<dyn ReadAt>,
    compressed: bool,
    /// Where the next block, frame or plain line stands.
    at: u64,
    frame: Option<Frame>,
    decoder: Decoder,
    bytes: Vec<u8>,
    /// Decoded lines, with the start of one that is not whole yet.
    lines: Vec<u8>,
    /// Bytes of `lines` that were handed out.
    taken: usize,
    /// Lines of all earlier files.
    before: u64,
    /// Number of the line behind what was handed out.
    number: u64,
}

/// The frame that is being decoded.
#[derive(Debug, Clone, Copy)]
struct Frame {
    checksum: bool,
}

impl Source {
    /// Opens a file whose first line has the number `before + 1`, near its line `wanted`. `None` if it is gone.
    pub(super) fn open(dir: &Path, name: &str, before: u64, wanted: u64) -> io::Result<Option<Self>> {
        let listed = DataFile::named(dir, name);
        let Some(OpenedFile { file, compressed, index, .. }) = listed.open()? else {
            return Ok(None);
        };
        let (mut at, mut number) = (0, before + 1);
        for frame in index.iter().flat_map(|index| &index.frames) {
            if number + frame.lines > wanted {
                break;
            }
            (at, number) = (frame.end(), number + frame.lines);
        }
        Ok(Some(Self {
            name: name.to_owned(),
            file,
            compressed,
            at,
            frame: None,
            decoder: Decoder::default(),
            bytes: Vec::new(),
            lines: Vec::new(),
            taken: 0,
            before,
            number,
        }))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What is known of it now.
    pub(super) fn known(&self) -> Known {
        Known { name: self.name.clone(), before: self.before, last: self.number - 1 }
    }

    /// Appends decoded lines from `wanted` to `limit` to `out`, about `most` bytes but at least one line;
    /// says how many. Lines before `wanted` are passed over.
    pub(super) fn take(&mut self, wanted: u64, limit: u64, most: usize, out: &mut Vec<u8>) -> u64 {
        let (mut lines, mut start, mut end) = (0, self.taken, self.taken);
        for newline in memchr::memchr_iter(b'\n', &self.lines[self.taken..]) {
            let behind = self.taken + newline + 1;
            if self.number > limit || (lines > 0 && behind - start > most) {
                break;
            }
            if self.number < wanted {
                start = behind;
            } else {
                lines += 1;
            }
            end = behind;
            self.number += 1;
        }
        out.extend_from_slice(&self.lines[start..end]);
        self.taken = end;
        if self.taken >= SPENT || self.taken == self.lines.len() {
            self.lines.drain(..self.taken);
            self.taken = 0;
        }
        lines
    }

    /// Decodes what comes next; false if there is no more for now. What is damaged ends the file.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        let more = match self.frame {
            _ if !self.compressed => self.plain(),
            None => self.begin_frame(),
            Some(frame) => self.block(frame),
        };
        match more {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
            other => other,
        }
    }

    fn plain(&mut self) -> io::Result<bool> {
        let read = self.fetch(READ)?;
        self.lines.extend_from_slice(&self.bytes);
        self.at += read as u64;
        Ok(read > 0)
    }

    fn begin_frame(&mut self) -> io::Result<bool> {
        self.fetch(FRAME_HEADER)?;
        if let [kind, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = self.bytes[..]
            && kind & 0xf0 == 0x50
        {
            let behind = self.at + 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
            let whole = behind <= self.file.length()?;
            self.at = if whole { behind } else { self.at };
            return Ok(whole);
        }
        let is_frame = matches!(walk::next(&self.bytes), walk::Part::Frame(_) | walk::Part::Torn(_));
        let Some(header) = walk::block_ends(&self.bytes).first().copied().filter(|_| is_frame) else {
            return Ok(false);
        };
        self.decoder.restart()?;
        self.decoder.piece(&self.bytes[..header], &mut self.lines, usize::MAX)?;
        self.frame = Some(Frame { checksum: self.bytes[4] & 4 != 0 });
        self.at += header as u64;
        Ok(true)
    }

    fn block(&mut self, frame: Frame) -> io::Result<bool> {
        if self.fetch(BLOCK_HEADER)? < BLOCK_HEADER {
            return Ok(false);
        }
        let word = u32::from_le_bytes([self.bytes[0], self.bytes[1], self.bytes[2], 0]);
        let (last, kind, size) = (word & 1 == 1, word >> 1 & 3, (word >> 3) as usize);
        let at_end = self.at + BLOCK_HEADER as u64 >= self.file.length()?;
        // While the frame is open, the next write overwrites this one.
        if self.bytes == EMPTY_LAST_BLOCK && at_end {
            return Ok(false);
        }
        let checksum = if last && frame.checksum { 4 } else { 0 };
        let length = BLOCK_HEADER + if kind == 1 { 1 } else { size } + checksum;
        if self.fetch(length)? < length {
            return Ok(false);
        }
        self.decoder.piece(&self.bytes, &mut self.lines, usize::MAX)?;
        self.at += length as u64;
        if last {
            self.frame = None;
        }
        Ok(true)
    }

    /// Reads up to so many bytes at the current place.
    fn fetch(&mut self, length: usize) -> io::Result<usize> {
        self.bytes.resize(length, 0);
        let mut filled = 0;
        while filled < length {
            match self.file.read_at(&mut self.bytes[filled..], self.at + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        self.bytes.truncate(filled);
        Ok(filled)
    }
}
