//! What stands behind the frames of a sealed file, in skippable frames that
//! plain zstd readers pass over: content filters, timeline, block index and
//! the seek table of the zstd seekable format. `docs/capture-format.md`
//! describes the bytes.

mod stored;

use std::io;

use crate::chunk::Span;
use crate::labels::Labels;
use crate::lost::Lost;
use crate::read_at::ReadAt;
use crate::seek_table;
use crate::sequence::Sources;
use crate::summary::{Summary, Timeline};
pub(crate) use stored::StoredTimeline;
use stored::{StoredIndex, stored_index};

/// Magic number of our skippable frames (the format reserves `0x184D2A50` to `5F`).
const SKIPPABLE: u32 = 0x184D_2A5C;
const HEADER: usize = 8;

const FILTERS_TAG: [u8; 4] = *b"LTF1";
const TIMELINE_TAG: [u8; 4] = *b"LTT1";
const INDEX_TAG: [u8; 4] = *b"LTX1";
/// Checksum of the compressed index, length of the whole skippable frame, tag.
const INDEX_TRAILER: usize = 12;

/// Refuse stored parts that claim to be larger than this once decompressed.
const MAX_PART: usize = 64 << 20;
const LEVEL: i32 = 3;

/// Share of a frame's compressed size that its content filter may take.
pub const FILTER_SHARE: f64 = 0.096;

/// Block index of a sealed file.
#[derive(Debug, Clone)]
pub struct BlockIndex {
    /// Frames in order; together they cover the file from byte 0.
    pub frames: Vec<FrameInfo>,
    /// Distinct label sets and their lines.
    pub sets: Vec<(Labels, u64)>,
    /// Lines whose label set was one too many to be listed.
    pub sets_overflow: u64,
    /// Range of receive times.
    pub rx: Span,
    /// How far numbered sources had come at the end of the file.
    pub sources: Sources,
    /// Lines that gap marks in the file call lost.
    pub lost: Lost,
    filters_at: u64,
    timeline: (u64, u64),
}

/// What is known about one frame without decoding it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// Offset in the file.
    pub at: u64,
    /// Compressed bytes.
    pub size: u64,
    /// Decompressed bytes.
    pub bytes: u64,
    /// Data lines.
    pub lines: u64,
    /// Range of `ts`.
    pub ts: Span,
    /// Range of receive times.
    pub rx: Span,
    /// Positions in [`BlockIndex::sets`]; `None` if the frame may hold any label set.
    pub sets: Option<Vec<u32>>,
    /// Offset and length in the filter part; empty if there is no filter.
    pub filter: (u64, u64),
    /// Messages have letters outside ASCII that fold into ASCII (U+017F, U+212A).
    pub folds: bool,
}

impl FrameInfo {
    /// Where the next frame begins.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.at + self.size
    }
}

/// A finished frame together with its filter, collected until the file is sealed.
#[derive(Debug, Default, Clone)]
pub struct FrameRecord {
    /// Position, size and ranges. `sets` and `filter` are filled when sealing.
    pub info: FrameInfo,
    /// The label sets in the frame; `None` if there were too many.
    pub labels: Option<Vec<Labels>>,
    /// The content filter.
    pub filter: Vec<u8>,
}

/// Everything that is appended to a data file when it is sealed; `end` is the
/// offset behind its last frame.
#[must_use]
pub fn encode(frames: &[FrameRecord], summary: &Summary, end: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let filters_at = end + (HEADER + FILTERS_TAG.len()) as u64;
    let filters: usize = frames.iter().map(|frame| frame.filter.len()).sum();
    skippable(&mut out, FILTERS_TAG.len() + filters);
    out.extend_from_slice(&FILTERS_TAG);
    for frame in frames {
        out.extend_from_slice(&frame.filter);
    }

    let timeline = compress(&serde_json::to_vec(&StoredTimeline::of(&summary.timeline)).unwrap_or_default());
    let timeline_at = end + (out.len() + HEADER + TIMELINE_TAG.len()) as u64;
    skippable(&mut out, TIMELINE_TAG.len() + timeline.len());
    out.extend_from_slice(&TIMELINE_TAG);
    out.extend_from_slice(&timeline);

    let stored = stored_index(frames, summary, filters_at, (timeline_at, timeline.len() as u64));
    let index = compress(&serde_json::to_vec(&stored).unwrap_or_default());
    let length = INDEX_TAG.len() + index.len() + INDEX_TRAILER;
    skippable(&mut out, length);
    out.extend_from_slice(&INDEX_TAG);
    out.extend_from_slice(&index);
    out.extend_from_slice(&crc32fast::hash(&index).to_le_bytes());
    out.extend_from_slice(&((HEADER + length) as u32).to_le_bytes());
    out.extend_from_slice(&INDEX_TAG);

    seek_table::write(&mut out, frames.iter().map(|frame| (frame.info.size, frame.info.bytes)));
    out
}

impl BlockIndex {
    /// Reads the block index of a file of `length` bytes. `None` if the file
    /// has none, is not sealed, or the index does not fit the file.
    ///
    /// # Errors
    /// Only if reading fails.
    pub fn read(file: &dyn ReadAt, length: u64) -> io::Result<Option<Self>> {
        let Some(index_end) = seek_table::start(file, length)? else {
            return Ok(None);
        };
        let mut trailer = [0; INDEX_TRAILER];
        let Some(trailer_at) = index_end.checked_sub(INDEX_TRAILER as u64) else {
            return Ok(None);
        };
        file.read_exact_at(&mut trailer, trailer_at)?;
        let (crc, size) = (u32_at(&trailer, 0), u64::from(u32_at(&trailer, 4)));
        let overhead = (HEADER + INDEX_TAG.len() + INDEX_TRAILER) as u64;
        if trailer[8..] != INDEX_TAG || size > index_end || size < overhead {
            return Ok(None);
        }
        let mut index = vec![0; (size - overhead) as usize];
        file.read_exact_at(&mut index, index_end - size + (HEADER + INDEX_TAG.len()) as u64)?;
        if crc32fast::hash(&index) != crc {
            return Ok(None);
        }
        let stored = decompress(&index).and_then(|json| serde_json::from_slice::<StoredIndex>(&json).ok());
        Ok(stored.filter(|stored| stored.version == 1).map(Self::from).filter(|index| index.fits(index_end - size)))
    }

    fn fits(&self, limit: u64) -> bool {
        let mut at = 0;
        for frame in &self.frames {
            let in_sets = frame.sets.iter().flatten().all(|set| (*set as usize) < self.sets.len());
            let filter_ends = frame.filter.0.checked_add(frame.filter.1);
            let in_filters = filter_ends.is_some_and(|end| end <= limit.saturating_sub(self.filters_at));
            if frame.at != at || frame.size > limit || !in_sets || !in_filters {
                return false;
            }
            at = frame.end();
        }
        at <= self.filters_at && self.filters_at <= limit
    }

    /// Offset behind the last frame.
    #[must_use]
    pub fn data_end(&self) -> u64 {
        self.frames.last().map_or(0, FrameInfo::end)
    }

    /// Data lines of the file.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.frames.iter().map(|frame| frame.lines).sum()
    }

    /// The content filter of a frame.
    #[must_use]
    pub fn filter<'f>(&self, file: &'f dyn ReadAt, frame: &FrameInfo) -> Filter<'f> {
        let (at, length) = frame.filter;
        Filter { file, at: self.filters_at + at, length: length as usize, singly: 0, whole: Vec::new() }
    }

    /// Reads the timeline; `None` if it cannot be decoded.
    ///
    /// # Errors
    /// If reading fails.
    pub fn read_timeline(&self, file: &dyn ReadAt) -> io::Result<Option<Timeline>> {
        let (at, length) = self.timeline;
        if length > MAX_PART as u64 {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, at)?;
        let stored = decompress(&bytes).and_then(|json| serde_json::from_slice::<StoredTimeline>(&json).ok());
        Ok(stored.map(Timeline::from))
    }

    /// The file's summary as the writer had it, without decoding a frame.
    ///
    /// # Errors
    /// If reading fails.
    pub fn summary(&self, file: &dyn ReadAt) -> io::Result<Summary> {
        let mut summary =
            Summary { rx: self.rx, timeline: self.read_timeline(file)?.unwrap_or_default(), ..Summary::default() };
        for frame in &self.frames {
            summary.lines += frame.lines;
            summary.bytes += frame.bytes;
            summary.ts.merge(frame.ts);
        }
        for (labels, lines) in &self.sets {
            summary.sets.add(labels, *lines);
        }
        summary.sets.overflow += self.sets_overflow;
        summary.sources = self.sources.clone();
        summary.lost = self.lost.clone();
        Ok(summary)
    }
}

/// A content filter on disk. A search for a few literals wants a few bits of it
/// and reads just those.
#[derive(Debug)]
pub struct Filter<'f> {
    file: &'f dyn ReadAt,
    at: u64,
    length: usize,
    singly: usize,
    whole: Vec<u8>,
}

/// Bytes that are read one by one before the whole filter is.
const SINGLY: usize = 64;

impl Filter<'_> {
    /// Its bytes; 0 if the frame has none.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// True if the frame has no filter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All of its bytes.
    ///
    /// # Errors
    /// If reading fails.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let mut whole = vec![0; self.length];
        self.file.read_exact_at(&mut whole, self.at)?;
        Ok(whole)
    }

    /// One of its bytes.
    ///
    /// # Errors
    /// If reading fails, or there is no such byte.
    pub fn byte(&mut self, at: usize) -> io::Result<u8> {
        if self.whole.is_empty() && self.singly < SINGLY {
            self.singly += 1;
            let mut byte = [0];
            self.file.read_exact_at(&mut byte, self.at + at as u64)?;
            return Ok(byte[0]);
        }
        if self.whole.is_empty() {
            self.whole = self.read()?;
        }
        self.whole.get(at).copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

fn skippable(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&SKIPPABLE.to_le_bytes());
    out.extend_from_slice(&(length as u32).to_le_bytes());
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    match zstd_safe::compress(&mut out, bytes, LEVEL) {
        Ok(_) => out,
        Err(_) => Vec::new(),
    }
}

fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let size = usize::try_from(zstd_safe::get_frame_content_size(bytes).ok()??).ok()?;
    if size > MAX_PART {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    crate::decode::Decoder::default().frame(bytes, size, &mut out).ok()?;
    Some(out)
}
