//! Any data file cut into pages that are read on their own: random access for
//! readers that show lines. Frames of a sealed file are its pages; a file
//! without an index is walked from block header to block header, which touches
//! a few bytes of each; what has no frames of a bearable size is cut by offset.

use std::io;

use crate::block_index::FrameInfo;
use crate::decode::Decoder;
use crate::frame::EMPTY_LAST_BLOCK;
use crate::read_at::ReadAt;
use crate::reader::OpenedFile;
use crate::walk::{self, Part};

mod large;

use large::Large;

/// Bytes of lines in a page that is cut by offset.
const CUT: u64 = 4 << 20;
/// Frames that claim or need more decoded bytes than this are cut.
const LARGE: u64 = 16 << 20;
/// A compressed frame of this size is taken for a large one when it does not tell its decoded size.
const LARGE_PACKED: u64 = 8 << 20;
/// Decoded in one go while a large frame is read.
const STRIDE: usize = 1 << 20;

/// Where a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Offset of its frame in the file; of its first byte in a plain file.
    pub at: u64,
    /// Bytes from there that it is read from.
    pub size: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A whole frame with its decoded size, if that is known.
    Frame(Option<u64>),
    /// The last frame of a file that is being written or was torn: its complete lines.
    Open,
    /// Lines that begin in this range of a frame's decoded bytes.
    Part { from: u64, to: u64 },
    /// Lines that begin in this range of a plain file; the length bounds what is read.
    Plain { to: u64, length: u64 },
}

impl Page {
    /// The page of a frame that an index describes.
    #[must_use]
    pub fn of(info: &FrameInfo) -> Self {
        Self { at: info.at, size: info.size, kind: Kind::Frame(Some(info.bytes)) }
    }

    /// True if the page may hold more lines once the file has grown.
    #[must_use]
    pub fn may_grow(&self) -> bool {
        match self.kind {
            Kind::Open => true,
            Kind::Plain { to, length } => to >= length,
            Kind::Frame(_) | Kind::Part { .. } => false,
        }
    }

    /// True if reading it costs little after the page before it, and much without.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        matches!(self.kind, Kind::Part { from: 1.., .. })
    }

    /// Decoded bytes, where they are known before decoding.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        match self.kind {
            Kind::Frame(bytes) => bytes,
            Kind::Open => None,
            Kind::Part { from, to } => Some(to - from),
            Kind::Plain { to, .. } => Some(to - self.at),
        }
    }
}

/// Pages of a file in order, from the offset `from`, which must be 0 or the start of a page.
///
/// # Errors
/// If reading fails. Damage is passed over.
pub fn layout(opened: &OpenedFile, from: u64) -> io::Result<Vec<Page>> {
    if let Some(index) = &opened.index {
        return Ok(index.frames.iter().filter(|info| info.at >= from).map(Page::of).collect());
    }
    if !opened.compressed {
        let length = opened.length;
        let starts = (from..length).step_by(CUT as usize);
        return Ok(starts
            .map(|at| {
                let to = (at + CUT).min(length);
                Page { at, size: to - at, kind: Kind::Plain { to, length } }
            })
            .collect());
    }
    let mut pages = Vec::new();
    let mut at = from;
    while at < opened.length {
        match frame_at(&opened.file, at, opened.length)? {
            Part::Skippable(size) => at += size as u64,
            Part::Frame(size) => {
                let size = size as u64;
                push_frame(opened, at, size, &mut pages)?;
                at += size;
            }
            Part::Torn(good) => {
                if good > 0 {
                    pages.push(Page { at, size: opened.length - at, kind: Kind::Open });
                }
                match next_magic(&opened.file, at + good.max(1) as u64, opened.length)? {
                    Some(next) => at = next,
                    None => break,
                }
            }
            Part::Garbage => match next_magic(&opened.file, at + 1, opened.length)? {
                Some(next) => at = next,
                None => break,
            },
        }
    }
    // The last frame may go on: what ends it now is an empty block that the next write replaces.
    if let Some(last) = pages.last_mut()
        && matches!(last.kind, Kind::Frame(_))
        && last.at + last.size == opened.length
        && ends_open(&opened.file, opened.length)?
    {
        last.kind = Kind::Open;
    }
    Ok(pages)
}

fn ends_open(file: &dyn ReadAt, length: u64) -> io::Result<bool> {
    let mut end = [0; EMPTY_LAST_BLOCK.len()];
    file.read_exact_at(&mut end, length.saturating_sub(EMPTY_LAST_BLOCK.len() as u64))?;
    Ok(end == EMPTY_LAST_BLOCK)
}

fn push_frame(opened: &OpenedFile, at: u64, size: u64, pages: &mut Vec<Page>) -> io::Result<()> {
    let mut head = [0; walk::MAX_HEADER];
    let count = opened.file.read_at(&mut head, at)?;
    let told = zstd_safe::get_frame_content_size(&head[..count]).ok().flatten();
    let large = told.map_or(size > LARGE_PACKED, |told| told > LARGE);
    if !large {
        pages.push(Page { at, size, kind: Kind::Frame(told) });
        return Ok(());
    }
    let bytes = match told {
        Some(told) => told,
        None => Large::length(&opened.file, at, size)?,
    };
    for from in (0..bytes).step_by(CUT as usize) {
        pages.push(Page { at, size, kind: Kind::Part { from, to: (from + CUT).min(bytes) } });
    }
    Ok(())
}

/// What stands at an offset of a file, from its block headers alone.
fn frame_at(file: &dyn ReadAt, at: u64, length: u64) -> io::Result<Part> {
    let mut head = [0; walk::MAX_HEADER];
    let count = file.read_at(&mut head, at)?;
    let head = &head[..count.min(usize::try_from(length - at).unwrap_or(usize::MAX))];
    let (start, checksum) = match walk::start(head) {
        walk::Start::Frame { header, checksum } => (header as u64, checksum),
        walk::Start::Skippable(size) if at + size as u64 <= length => return Ok(Part::Skippable(size)),
        walk::Start::Skippable(_) | walk::Start::Short => return Ok(Part::Torn(0)),
        walk::Start::Garbage => return Ok(Part::Garbage),
    };
    let mut end = at + start;
    loop {
        let good = Part::Torn((end - at) as usize);
        if end + 3 > length {
            return Ok(good);
        }
        let mut block = [0; 3];
        file.read_exact_at(&mut block, end)?;
        let Some((size, last)) = walk::block(block) else {
            return Ok(good);
        };
        let next = end + 3 + size as u64;
        if next > length {
            return Ok(good);
        }
        end = next;
        if last {
            let whole = end + if checksum { 4 } else { 0 };
            return Ok(if whole <= length {
                Part::Frame((whole - at) as usize)
            } else {
                Part::Torn((end - at) as usize)
            });
        }
    }
}

fn next_magic(file: &dyn ReadAt, from: u64, length: u64) -> io::Result<Option<u64>> {
    let magic = 0xFD2F_B528_u32.to_le_bytes();
    let mut window = vec![0; STRIDE];
    let mut at = from;
    while at + 4 <= length {
        let count = file.read_at(&mut window, at)?;
        if count < 4 {
            return Ok(None);
        }
        if let Some(found) = memchr::memmem::find(&window[..count], &magic) {
            return Ok(Some(at + found as u64));
        }
        at += count as u64 - 3;
    }
    Ok(None)
}

/// Reads pages into a buffer that is kept.
#[derive(Debug, Default)]
pub struct PageReader {
    decoder: Decoder,
    packed: Vec<u8>,
    large: Option<Large>,
}

impl PageReader {
    /// The page's whole lines.
    ///
    /// # Errors
    /// If reading fails or the page is damaged (`InvalidData`).
    pub fn read(&mut self, opened: &OpenedFile, page: &Page) -> io::Result<Vec<u8>> {
        let mut lines = Vec::new();
        match page.kind {
            Kind::Frame(Some(bytes)) => {
                self.fill(opened, page)?;
                self.decoder.frame(&self.packed, bytes as usize, &mut lines)?;
            }
            Kind::Frame(None) | Kind::Open => {
                self.fill(opened, page)?;
                let whole = match walk::next(&self.packed) {
                    Part::Frame(length) | Part::Torn(length) => length,
                    Part::Skippable(_) | Part::Garbage => 0,
                };
                self.decoder.restart()?;
                self.decoder.piece(&self.packed[..whole], &mut lines, usize::MAX)?;
                lines.truncate(memchr::memrchr(b'\n', &lines).map_or(0, |at| at + 1));
            }
            Kind::Part { from, to } => lines = Large::part(&mut self.large, &opened.file, page, from, to)?,
            Kind::Plain { to, length } => lines = plain(&opened.file, page.at, to, length)?,
        }
        Ok(lines)
    }

    fn fill(&mut self, opened: &OpenedFile, page: &Page) -> io::Result<()> {
        self.packed.resize(page.size as usize, 0);
        opened.file.read_exact_at(&mut self.packed, page.at)
    }
}

/// Keeps of a stream of bytes the lines that begin in a range of it.
struct Cutter {
    from: u64,
    to: u64,
    at: u64,
    lines: Vec<u8>,
}

impl Cutter {
    /// False once nothing more is wanted.
    fn add(&mut self, piece: &[u8]) -> bool {
        // One byte before the range tells whether a line begins with it.
        let first = self.from.saturating_sub(1);
        let skip = first.saturating_sub(self.at).min(piece.len() as u64) as usize;
        self.at += piece.len() as u64;
        self.lines.extend_from_slice(&piece[skip..]);
        let reach = self.to - first;
        self.lines.len() as u64 <= reach || memchr::memchr(b'\n', &self.lines[reach as usize - 1..]).is_none()
    }

    fn finish(mut self) -> Vec<u8> {
        let first = self.from.saturating_sub(1);
        let begin =
            if self.from == 0 { 0 } else { memchr::memchr(b'\n', &self.lines).map_or(self.lines.len(), |at| at + 1) };
        // The last line that begins in the range ends at the first newline from its last byte on.
        let last = ((self.to - first) as usize - 1).min(self.lines.len());
        let end = memchr::memchr(b'\n', &self.lines[last..])
            .map_or_else(|| memchr::memrchr(b'\n', &self.lines).map_or(0, |at| at + 1), |at| last + at + 1);
        self.lines.truncate(end);
        self.lines.drain(..begin.min(end));
        self.lines
    }
}

fn plain(file: &dyn ReadAt, from: u64, to: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut cutter = Cutter { from, to, at: from.saturating_sub(1), lines: Vec::new() };
    let mut window = vec![0; STRIDE];
    let mut at = cutter.at;
    while at < length {
        let want = STRIDE.min((length - at) as usize);
        let count = file.read_at(&mut window[..want], at)?;
        if count == 0 || !cutter.add(&window[..count]) {
            break;
        }
        at += count as u64;
    }
    Ok(cutter.finish())
}

#[cfg(test)]
mod tests;
